"""A hall's broker and a central one, both with TLS: what a killed centre or hall broker costs (nothing), what comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware.clock import Clock
from mqtt.device_link import Link
from mqtt.hub import Hub
from mqtt.messages import Incoming
from mqtt.outbox import Outbox
from tests import needs
from tests.brokers import wait_until
from tests.mqtt.hall import encoded, passage, status
from tests.mqtt.helpers import Events, replace
from tests.mqtt.test_trust import ROOT, Client
from tests.mqtt.trust import Hall

pytestmark = needs.broker


class Wires:
    """The centre, the hall, a gate at the hall's broker and a hub at the centre."""

    def __init__(self, folder: Path, capsys: Any, *more: str) -> None:
        self.centre, self.hall = Hall(folder / "centre", capsys), Hall(folder / "hall", capsys)
        for broker in (self.centre, self.hall):
            broker.enrolled("broker", "broker", "--host", "127.0.0.1")
        for name, role in (("baoshan-bridge", "bridge"), ("hub", "hub")):
            self.centre.enrolled(name, role)
        self.hall.enrolled("gate-1")
        at = f"baoshan-bridge@127.0.0.1:{self.centre.port}"
        ca, keys = self.centre.authority / "ca.pem", self.centre.at("baoshan-bridge")
        self.hall.more = ["--bridge", at, "--bridge-ca", ca, "--bridge-dir", keys, *more]
        for broker in (self.centre, self.hall):
            broker.configure()
            broker.start()
        self.source, self.posted = Events(), list[Incoming]()
        outbox = Outbox(self.source, folder / "cursor.json", replace)
        self.link = Link(self.hall.door("gate-1"), "gate-1", "baoshan", outbox, self.posted.append, Clock())
        self.outbox = outbox
        self.link.start()
        address = self.centre.door("hub")
        self.hub = Hub(address, Clock(), hall="baoshan", client_id="hub", session_expiry_s=600)
        self.hub.start()
        wait_until(lambda: self.hub.connection.connected and self.link.connected, 30.0)

    def pass_in(self, n: int) -> None:
        for _ in range(n):
            self.source.all.append(encoded(passage(len(self.source.all) + 1, inside=1)))
        self.link.wake()
        self.link.publish_status(status("gate-1", seq=self.source.durable_seq(), first_seq=1).encoded())

    def entered(self) -> int:
        return sum(entries for *_, entries, _ in self.hub.halls["baoshan"].day.points())

    def complete(self, n: int) -> None:
        wait_until(lambda: self.entered() >= n and not self.hub.halls["baoshan"].devices["gate-1"].gaps.missing, 60.0)
        assert (self.entered(), self.hub.halls["baoshan"].devices["gate-1"].gaps.lost) == (n, 0)

    def close(self) -> None:
        self.link.stop(5.0)
        self.hub.stop(5.0)
        self.hall.kill()
        self.centre.kill()


@pytest.fixture
def wires(tmp_path: Path, capsys: Any) -> Iterator[Wires]:
    made = Wires(tmp_path, capsys)
    yield made
    made.close()


def test_the_centre_has_every_event_once_after_both_brokers_died(wires: Wires) -> None:
    wires.pass_in(20)
    wires.complete(20)
    wires.centre.kill()
    wires.pass_in(100)
    wait_until(lambda: wires.outbox.depth == 0, 30.0)  # the hall's broker holds them for the centre
    wires.centre.start()
    wires.complete(120)
    wires.centre.kill()
    wires.pass_in(50)
    wait_until(lambda: wires.outbox.depth == 0, 30.0)
    wires.hall.kill()  # with what it had acknowledged
    wires.pass_in(30)
    wires.hall.start()
    wires.centre.start()
    wires.pass_in(1)
    wires.complete(201)


def test_no_order_of_the_centre_reaches_a_gate_unless_it_is_wanted(wires: Wires) -> None:
    wires.pass_in(1)
    wires.complete(1)
    officer = Client(wires.centre.door("hub"), client_id="officer")
    try:
        officer.say(f"{ROOT}/device/gate-1/command/open_once", b"open!")
        officer.say(f"{ROOT}/rulebook", b"mine", retain=True)
        officer.say(f"{ROOT}/device/gate-1/history", b'{"v":1,"ranges":[[1,1]]}')
        wait_until(lambda: len(officer.reasons) == 3)
        wires.pass_in(1)
        wires.complete(2)
        assert wires.posted == []
    finally:
        officer.close()


def test_with_bridge_commands_the_centre_may_order(tmp_path: Path, capsys: Any) -> None:
    wires = Wires(tmp_path, capsys, "--bridge-commands")
    officer = Client(wires.centre.door("hub"), client_id="officer")

    def ordered() -> bool:
        officer.say(f"{ROOT}/device/gate-1/command/open_once", b"open!")
        return bool(wires.posted)

    try:
        wait_until(ordered, 30.0, every_s=0.2)
        assert wires.posted[0].topic == f"{ROOT}/device/gate-1/command/open_once"
    finally:
        officer.close()
        wires.close()
