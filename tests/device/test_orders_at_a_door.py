"""Orders that need people: an isolation is acknowledged and signed off, an identity confirmed, a device shown.

The door stands in the plan's own summer, so the operator's clock is put there, too.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from firmware import __main__ as command_line
from firmware.files import write_secret
from tests.brokers import Broker, wait_until
from tests.device.bench import ON, Far
from tests.device.door import ZONE, Door, door
from tests.device.test_privacy import NUMBERS, Cards

Order = Callable[..., tuple[int, str]]
SHOWN = '[lane.sign]\ndriver = "sign_text_line"\nport = "{port}"\nidle_zh = "idle"\n'


@pytest.fixture
def cards(tmp_path: Path) -> Iterator[Cards]:
    made = Cards(tmp_path / "reader")
    yield made
    made.close()


@pytest.fixture
def order(broker: Broker, tmp_path: Path, monkeypatch: Any, capsys: Any) -> Order:
    began = time.monotonic()

    def give(made: Door, *words: str) -> tuple[int, str]:
        key = tmp_path / "orders.pem"
        if not key.exists():
            own = made.gate.issuer.edwards_keys["command"]
            write_secret(key, own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        wall = dt.datetime.fromtimestamp(made.now + time.monotonic() - began, ZONE)
        monkeypatch.setenv("HALLGATE_CLOCK", f"rate=1,wall={wall.isoformat()}")
        capsys.readouterr()
        common = ["--broker", broker.url, "--hall", "baoshan", "--device", "entry-1", "--command-key", str(key)]
        code = command_line.main(["command", *words, *common])
        return code, "".join(capsys.readouterr())

    return give


def incidents(made: Door) -> list[dict[str, Any]]:
    return [one for one in made.gate.records() if one["kind"] == "incident"]


def test_an_isolation_is_acknowledged_reported_and_signed_off(tmp_path: Path, broker: Broker, order: Order) -> None:
    with door(tmp_path / "door", hub=broker.url) as made:
        wait_until(lambda: "connected" in made.gate.errors)
        assert made.visit(made.booking(), made.test(5, result="positive")) == "isolate"
        which = f"incident={incidents(made)[0]['incident']}"
        assert "isolation_not_signed_off" in order(made, "release", "lane=A")[1]
        assert "duty_leader_first" in order(made, "sign_off", "lane=A")[1]
        assert order(made, "acknowledge", which) == (0, "entry-1: done\n")
        assert "acknowledged_already" in order(made, "acknowledge", which)[1]
        assert order(made, "acknowledge", which, "office=true")[0] == 0
        assert order(made, "sign_off", which)[0] == 0
        wait_until(lambda: "signed_off" in {one["step"] for one in incidents(made)})
        assert {one["by"] for one in incidents(made) if one["step"] == "acknowledged"} != {""}
        assert "no_such_incident" in order(made, "acknowledge", "incident=nobody-knows")[1]
        wait_until(lambda: made.visit(made.booking(), made.test(7, person=1)) == "admit")


def test_an_identity_is_confirmed_by_a_named_attendant(
    tmp_path: Path,
    broker: Broker,
    order: Order,
    cards: Cards,
) -> None:
    elder = next(iter(NUMBERS))
    with door(tmp_path / "door", hub=broker.url, lane=cards.lane) as made:
        wait_until(lambda: "connected" in made.gate.errors)
        assert "nobody_waits" in order(made, "confirm_identity", "lane=A", "attendant=li-4")[1]
        before = len(made.decisions()) + 1
        made.shows(made.booking(document=elder))
        cards.show(elder)
        made.wait(before)
        assert "identity_asked" in made.last()[1]
        assert "attendant_not_named" in order(made, "confirm_identity", "lane=A", "attendant=Li Si")[1]
        before = len(made.decisions())
        assert order(made, "confirm_identity", "lane=A", "attendant=li-4") == (0, "entry-1: done\n")
        made.wait(before)
        assert "paper_code_asked" in made.last()[1]


def test_a_device_shows_which_one_it_is(tmp_path: Path, broker: Broker, order: Order) -> None:
    sign = Far(tmp_path / "sign")
    with door(tmp_path / "door", hub=broker.url, lane=SHOWN.format(port=sign.link)) as made:
        wait_until(lambda: "connected" in made.gate.errors)
        while sign.read(0.3):
            sign.heard = b""
        assert order(made, "identify") == (0, "entry-1: done\n")
        sign.expect("entry-1 A号通道".encode("gb18030"))
        made.gate.relay.silent(0.5, ON)
    sign.unplug()
