"""`hallgate command` as operators and scripts use it: a real door, a real broker, answers and exit codes."""

from __future__ import annotations

import ast
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from firmware import __main__ as command_line
from firmware.clock import Clock
from firmware.errors import Mistake
from firmware.files import write_secret
from firmware.order_counters import OrderCounters
from mqtt.fetch import ranges
from mqtt.refusals import BECAUSE
from tests.brokers import Broker, free_port, wait_until
from tests.device.bench import OFF, ON, ROOT, Bench, bench
from tests.device.hub import admit


@pytest.fixture
def gate(tmp_path: Path, broker: Broker) -> Iterator[Bench]:
    with bench(tmp_path / "gate", hub=broker.url, pulse=50) as made:
        key = made.issuer.edwards_keys["command"]
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_secret(tmp_path / "orders.pem", pem)
        made.start()
        wait_until(lambda: "connected" in made.errors)
        yield made


class Desk:
    """What somebody types at the hub's machine, and what they then read."""

    def __init__(self, broker: Broker, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.common = ["--broker", broker.url, "--hall", "baoshan", "--command-key", str(key)]
        self._capsys = capsys

    def types(self, *words: str) -> tuple[int, str]:
        self._capsys.readouterr()
        code = command_line.main(["command", *words, *self.common])
        out, errors = self._capsys.readouterr()
        assert "Traceback" not in errors
        return code, out + errors


@pytest.fixture
def desk(tmp_path: Path, broker: Broker, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(broker, tmp_path / "orders.pem", capsys)


def test_orders_are_done_at_the_door_and_told(gate: Bench, desk: Desk) -> None:
    at_door = ("--device", "entry-1")
    assert desk.types("open_once", "lane=A", *at_door) == (0, "entry-1: done\n")
    gate.relay.expect(ON)
    gate.relay.expect(OFF)
    assert desk.types("hold", "lane=A", "reason=cleaning", *at_door)[0] == 0
    code, told = desk.types("open_once", "lane=Z", *at_door)
    assert (code, told) == (1, "entry-1: refused: no_such_lane (the device has no such lane)\n")
    code, told = desk.types("release", "lane=A", "--json", "--issuer", "wang", *at_door)
    answer = json.loads(told)
    assert (code, answer["device"], answer["result"]) == (0, "entry-1", "done") and len(answer["id"]) > 16
    code, told = desk.types("release", "lane=A", "--lang", "zh", *at_door)
    assert (code, told) == (1, "entry-1: 拒绝: not_held（通道没有暂停）\n")
    done = [(one["name"], one["result"]) for one in gate.records() if one["kind"] == "command"]
    assert done == [
        ("open_once", "done"),
        ("hold", "done"),
        ("open_once", "refused"),
        ("release", "done"),
        ("release", "refused"),
    ]
    issuers = {one["issuer"] for one in gate.records() if one["kind"] == "command"}
    assert "wang" in issuers and len(issuers) == 2


def test_the_bank_is_meant_where_no_device_is(gate: Bench, desk: Desk) -> None:
    admit(gate, 2)
    assert desk.types("limit", "n=2") == (0, "bank: done\n")
    gate.scan(gate.booking())
    gate.relay.silent(0.3)
    assert desk.types("hold") == (0, "bank: done\n")
    assert desk.types("recount", "inside=0") == (0, "bank: done\n")
    assert desk.types("release") == (0, "bank: done\n")
    admit(gate, 1)
    code, told = desk.types("limit", "n=100001")
    assert (code, told) == (1, "bank: refused: limit_out_of_range (n: 0 to 100000)\n")
    code, told = desk.types("limit", "n=5", "--resource", "zone-b9")
    assert code == 1 and "nobody_listens" in told, "told at once, no ten seconds of waiting"


def test_events_are_printed_again_each_once(gate: Bench, desk: Desk) -> None:
    admit(gate, 6)
    last = max(one["seq"] for one in gate.records())
    wait_until(lambda: desk.types("history", "1-", "--device", "entry-1")[1].count("\n") >= last)
    code, told = desk.types("history", "2-4", "6", "3-5", "--device", "entry-1")
    events = [json.loads(line) for line in told.splitlines()]
    assert code == 0 and sorted(one["seq"] for one in events) == [2, 3, 4, 5, 6]
    by_seq = {one["seq"]: one for one in gate.records()}
    assert all(by_seq[one["seq"]] == one for one in events)
    code, told = desk.types("history", "900000-", "--device", "entry-1")
    assert code == 1 and f"holds none of these events; its journal has 1-{last}" in told


def test_a_device_that_is_away_gets_nothing_but_an_evacuation(gate: Bench, desk: Desk) -> None:
    gate.stop()
    code, told = desk.types("open_once", "lane=A", "--device", "entry-1")
    assert code == 1 and "entry-1 is away: nothing was sent" in told
    code, told = desk.types("open_once", "lane=A", "--device", "entry-2")
    assert code == 1 and "knows no device entry-2; it knows: entry-1; did you mean entry-1?" in told
    code, told = desk.types("evacuate", "--all", "--wait", "0.5")
    assert (code, told) == (1, "entry-1: is away: it obeys when it is back\n")
    gate.relay.heard = b""
    gate.start()
    gate.relay.expect(ON)
    gate.relay.silent(0.5, OFF)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["open_onec", "lane=A"], "did you mean open_once?"),
        (["open_once", "lane=A"], "which device? write --device NAME"),
        (["open_once", "--device", "entry-1"], "open_once needs lane=..."),
        (["open_once", "A", "--device", "entry-1"], "'A' is no KEY=VALUE of open_once: lane="),
        (["open_once", "lan=A", "--device", "entry-1"], "'lan' is no key of open_once: lane=; did you mean lane?"),
        (["sign_off", "--device", "entry-1"], "sign_off needs lane=... or incident=..."),
        (["restart", "x=1", "--device", "entry-1"], "it has none"),
        (["hold", "lane=A", "lane=B", "--device", "entry-1"], "lane= stands here twice: which one is meant?"),
        (["identify", "--device", "entry-1", "--wait", "nan"], "--wait: give a number above 0, at most 3600"),
        (["identify", "--device", "entry-1", "--wait", "-1"], "--wait: give a number above 0"),
        (["identify", "--device", "entry-1", "--ca", "/no/such/ca.pem"], "/no/such/ca.pem: cannot be read"),
        (["limit", "n=many"], "n: 'many' is no whole number"),
        (["limit", "n="], "is no whole number"),
        (["drain", "on=perhaps", "--device", "entry-1"], "neither true nor false"),
        (["hold", "reason=" + "x" * 600], "write 1 to 512 characters"),
        (["evacuate"], "write --device NAME or --all"),
        (["evacuate", "--all", "--device", "entry-1"], "either --device or --all"),
        (["identify", "--device", "Entry 1"], "'Entry 1' is no name"),
        (["identify", "--device", "entry-1", "--issuer", ""], "write 1 to 128 characters"),
        (["history", "5-1", "--device", "entry-1"], "'5-1' is no range"),
        (["history", "--device", "entry-1"], "write 1 to 64 ranges"),
        (["history", "1-5", "--all"], "events are one device's"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_sent(words: list[str], wanted: str, tmp_path: Path, capsys: Any) -> None:
    """No broker listens here: whoever tried to send would fail with 1."""
    write_secret(tmp_path / "key", _new_key())
    common = [
        "--broker",
        f"mqtt://127.0.0.1:{free_port()}",
        "--hall",
        "baoshan",
        "--command-key",
        str(tmp_path / "key"),
    ]
    assert command_line.main(["command", *words, *common]) == 2
    told = capsys.readouterr().err
    assert wanted in told and told.count("\n") == 1, told


def test_a_key_others_can_read_and_a_spoilt_counter_are_told(tmp_path: Path, capsys: Any) -> None:
    key = tmp_path / "key"
    write_secret(key, _new_key())
    order = ["command", "identify", "--device", "a", "--hall", "h", "--broker", "mqtt://127.0.0.1:1"]
    key.chmod(0o640)
    assert command_line.main([*order, "--command-key", str(key)]) == 2
    assert "chmod 600" in capsys.readouterr().err
    assert command_line.main(order) == 2
    assert "write --command-key FILE" in capsys.readouterr().err
    for spoilt in ("{", '{"a":' + "[" * 5_000):
        (tmp_path / "counters").write_text(spoilt)
        with pytest.raises(Mistake, match="delete it"):
            OrderCounters(tmp_path / "counters", Clock()).next("wang")


def test_a_counter_rises_whatever_the_clock_does_and_whoever_else_counts(tmp_path: Path) -> None:
    file = tmp_path / "counters"
    taken: list[int] = []
    many = [
        threading.Thread(target=lambda: taken.extend(OrderCounters(file, Clock()).next("wang") for _ in range(10)))
        for _ in range(4)
    ]
    for one in many:
        one.start()
    for one in many:
        one.join()
    assert len(set(taken)) == 40
    in_1970 = OrderCounters(file, Clock(wall_ms=0))
    assert in_1970.next("wang") > max(taken) and in_1970.next("li") < 60_000
    file.unlink()
    later = Clock(wall_ms=max(taken) + 1)  # forty orders may take fewer than forty milliseconds
    assert OrderCounters(file, later).next("wang") > max(taken), "a lost file costs nothing while the clock is right"
    assert file.stat().st_mode & 0o777 == 0o600


def test_ranges_are_read_or_refused() -> None:
    assert ranges(["17", "1-500", "400-"]) == [(17, 17), (1, 500), (400, 2**53)]
    for wrong in ("-5", "1--2", "a", "", "1-2-3", "٣", "9" * 16):
        with pytest.raises(Mistake):
            ranges([wrong])


# ---------------------------------------------------------------- the words of an answer

SAYING = ("mqtt/commands.py", *(f"firmware/core/{name}.py" for name in (
    "commands", "attendant", "attest", "bank", "closing", "emergency", "incident", "rulebooks", "sentinel", "updating"
)))  # fmt: skip
NO_REFUSALS = {
    *("eligible", "escalated", "acknowledged", "unknown", "draining", "joined", "quarantine"),  # states, not answers
}


def test_every_word_of_a_refusal_is_explained() -> None:
    said: dict[str, str] = {}
    for path in SAYING:
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            value = node.value if isinstance(node, ast.Return) else None
            for each in (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,):
                if isinstance(each, ast.Constant) and isinstance(each.value, str) and "_" in each.value:
                    said[each.value] = path
    assert len(said) > 40, "the search finds them"
    missing = said.keys() - {each.word for each in BECAUSE} - NO_REFUSALS
    assert not missing, {word: said[word] for word in missing}
    assert len({each.word for each in BECAUSE}) == len(BECAUSE)


def _new_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
