"""The firmware's own process on an encrypted line: nothing lost in any mix of deaths, rotation without a restart, bytes."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from firmware import __main__ as command_line
from firmware.files import write_secret
from tests import needs
from tests.brokers import wait_until
from tests.device.bench import ON, Bench, bench
from tests.device.hub import admit
from tests.mqtt.test_trust import Client
from tests.mqtt.trust import Hall

pytestmark = needs.broker
ROOT = "hallgate/v1/baoshan"


@pytest.fixture
def hall(tmp_path: Path, capsys: Any) -> Iterator[Hall]:
    made = Hall(tmp_path, capsys)
    made.enrolled("broker", "broker", "--host", "127.0.0.1")
    made.enrolled("entry-1", "bank")
    made.enrolled("hub", "hub")
    made.configure()
    made.start()
    yield made
    made.kill()


@pytest.fixture
def ear(hall: Hall) -> Iterator[Client]:
    made = Client(hall.door("hub"), f"{ROOT}/#", client_id="hub")
    wait_until(lambda: made.connection.connected, 30.0)
    yield made
    made.close()


@pytest.fixture
def gate(hall: Hall, tmp_path: Path) -> Iterator[Bench]:
    tls = hall.tls("entry-1")
    hub = f'{hall.url}"\n[hub.tls]\nca = "{tls.ca}"\ncert = "{tls.cert}"\nkey = "{tls.key}'
    with bench(tmp_path / "gate", hub=hub, pulse=50) as made:
        yield made.start()


def complete(gate: Bench, ear: Client) -> None:
    """Every event of the journal, byte for byte by number; what is missing is asked for as a hub does. No id twice."""
    topic = f"{ROOT}/device/entry-1/history"

    def whole() -> bool:
        missing = sorted({record["seq"] for record in gate.records()} - set(ear.seqs()))
        if missing:
            ear.say(topic, json.dumps({"v": 1, "ranges": [[seq, seq] for seq in missing[:64]]}).encode())
        return not missing

    wait_until(whole, 60.0, every_s=0.5)
    told = [json.loads(message.payload) for message in ear.on("/event")]
    written = {record["id"]: record for record in gate.records()}
    assert {event["id"] for event in told} == set(written)
    assert all(event == written[event["id"]] for event in told), "the same event, whenever it was told again"
    assert len(written) == len({record["seq"] for record in written.values()})


def test_nothing_is_lost_or_doubled_whatever_dies(hall: Hall, gate: Bench, ear: Client) -> None:
    admit(gate, 2)
    hall.kill()
    admit(gate, 2)
    hall.start()
    admit(gate, 1)
    gate.scan(gate.booking())
    gate.relay.expect(ON)
    gate.kill()
    gate.start()
    gate.relay.heard = b""
    hall.signal(signal.SIGSTOP)  # a network that is there and carries nothing
    admit(gate, 2)
    hall.signal(signal.SIGCONT)
    admit(gate, 1)
    hall.kill()
    gate.kill()
    hall.start()
    gate.start()
    gate.relay.heard = b""
    admit(gate, 1)
    complete(gate, ear)


def test_a_rotated_certificate_is_taken_at_the_next_connection_and_nothing_is_lost(
    hall: Hall, gate: Bench, ear: Client, capsys: Any
) -> None:
    admit(gate, 1)
    wait_until(lambda: ear.on("/status"), 30.0)
    hall.enrolled("entry-1", "bank", rotate=True)
    from tests.mqtt.trust import enrol

    enrol(capsys, "revoke", "--ca", hall.authority, "entry-1", "--older")
    hall.configure()
    admit(gate, 1)
    hall.kill()
    admit(gate, 1)
    hall.start()
    admit(gate, 1)
    complete(gate, ear)


def test_what_a_passage_costs_on_the_wire(gate: Bench, ear: Client) -> None:
    """Decision, passage and row as MQTT messages: topic, payload and every property counted, at most 2,000 bytes."""
    wait_until(lambda: ear.on("/status"), 30.0)
    admit(gate, 3)
    wait_until(lambda: sum(json.loads(m.payload)["kind"] == "passage" for m in ear.on("/event")) == 3, 30.0)
    events = {kind: size for message in ear.on("/event") for kind, size in [measured(message)]}
    row = max(measured(message)[1] for message in list(ear.heard_all) if "/rights/hall/row/" in message.topic)
    cost = events["decision"] + events["passage"] + row
    print(f"decision {events['decision']} + passage {events['passage']} + row {row} = {cost} bytes")
    assert cost <= 2_000


def measured(message: Any) -> tuple[str, int]:
    """(event kind, bytes of the MQTT packet): fixed header 3, topic 2, packet id 2, properties 1 + the schema's."""
    kind = json.loads(message.payload).get("kind", "")
    schema = message.content_schema
    properties = 5 + len("schema") + len(schema) if schema else 0
    return kind, 3 + 2 + len(message.topic.encode()) + 2 + 1 + properties + len(message.payload)


def test_an_order_needs_a_certificate_that_may_give_it(hall: Hall, gate: Bench, tmp_path: Path, capsys: Any) -> None:
    """`hallgate command` behind the access list: a hub's certificate may, one that only reads is told so at once."""
    hall.enrolled("wall", "reader")
    hall.configure()
    hall.signal(signal.SIGHUP)
    own = gate.issuer.edwards_keys["command"]
    write_secret(tmp_path / "orders.pem", own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    wait_until(lambda: "connected" in gate.errors)

    def given(name: str) -> tuple[int, str]:
        tls = hall.tls(name)
        line = ["--broker", hall.url, "--ca", tls.ca, "--cert", tls.cert, "--key", tls.key, "--hall", "baoshan"]
        order = ["open_once", "lane=A", "--device", "entry-1", "--command-key", tmp_path / "orders.pem"]
        capsys.readouterr()
        code = command_line.main(["command", *map(str, [*order, *line])])
        return code, "".join(capsys.readouterr())

    wait_until(lambda: "not_authorized" in given("wall")[1], 30.0)
    gate.relay.silent(0.3)
    assert given("hub") == (0, "entry-1: done\n")
    gate.relay.expect(ON)
    (tmp_path / "hub/hub.key").chmod(0o644)
    code, told = given("hub")
    assert code == 1 and "chmod 600" in told, told


def test_a_clock_at_1970_keeps_nobody_waiting(hall: Hall, gate: Bench, ear: Client) -> None:
    gate.stop()
    gate.environment = {"HALLGATE_CLOCK": "wall=1970-01-01T00:00:10+00:00"}
    gate.start()  # `ready`: without a hub
    began = time.monotonic()
    gate.scan(b"HP1:anything")
    wait_until(lambda: any(record["kind"] == "decision" for record in gate.records()), 30.0)
    assert time.monotonic() - began < 30.0
    wait_until(lambda: "this clock says 1970-01-01: set the clock" in gate.errors, 30.0)
