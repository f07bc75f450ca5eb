"""Two entries, an exit and a broker, each on a host of its own: real firmware, real Mosquitto, people counted from outside."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from firmware.core.resource import Resource
from firmware.journal import Reader
from firmware.recovery import recovered
from firmware.simulation.troupe import die_with_us
from tests.brokers import Broker
from tests.device.bench import ROOT, Bench
from tests.device.chaos import STEP_S, Entry, Exit, Street
from tests.device.far_pins import OUT
from tests.network.hosts import PORT, Network
from tests.side.hall import side_link

ENTRIES, EXITS = ("entry-1", "entry-2"), ("exit-1",)
DOORS = (*ENTRIES, *EXITS)
ASK_S = 0.5
APART_S = 0.2
"""Between two people: else a late machine makes one long pulse of two."""
BROKER_AT_WIRE = 1883


class HallOnHosts:
    """`entry-1` is the bank. With `bad` every line between two hosts goes through `tests/network/wire.py`, by this seed."""

    def __init__(self, folder: Path, limit: int, bad: int | None = None) -> None:
        self.network, self.limit, self.street = Network(*DOORS, "broker", "wire"), limit, Street(limit)
        broker_ip = self.network.address("broker").split(":")[0]
        self.broker = Broker(folder, address=broker_ip, within=self.network.on("broker"))
        self.wire: subprocess.Popen[str] | None = None
        self.lines: list[str] = []
        self.doors: dict[str, Bench] = {}
        addresses = {name: [self._at(other) for other in DOORS if other != name] for name in DOORS}
        hub = self.broker.url
        if bad is not None:
            addresses, hub = self._bad_lines(), f"mqtt://{self.network.address('wire', BROKER_AT_WIRE)}"
        for name in DOORS:
            kind = Exit if name in EXITS else Entry
            made = kind(
                folder / name,
                name=name,
                hub=hub,
                bank=name == DOORS[0],
                issuer=self.doors[DOORS[0]].issuer if self.doors else None,
                site=side_link(self._at(name), addresses[name]),
                limit=limit,
                pulse=50,
                grant=1,
            )
            made.within = self.network.on(name)
            self.doors[name] = made
        if bad is not None:
            self.wire = self._start_wire(bad)
        self.broker.start()

    def _at(self, name: str) -> str:
        return self.network.address(name)

    def _bad_lines(self) -> dict[str, list[str]]:
        """Every pair of doors knows each other by two ports of the wire."""
        known: dict[str, list[str]] = {name: [] for name in DOORS}
        ports = itertools.count(PORT)
        for one, other in itertools.combinations(DOORS, 2):
            a, b = (self.network.address("wire", next(ports)) for _ in range(2))
            known[one].append(a)
            known[other].append(b)
            self.lines.append(f"udp,{a},{b},{self._at(one)},{self._at(other)}")
        self.lines.append(
            f"tcp,{self.network.address('wire', BROKER_AT_WIRE)},{self.broker.address}:{self.broker.port}"
        )
        return known

    def _start_wire(self, seed: int) -> subprocess.Popen[str]:
        command = self.network.on("wire", sys.executable, "-m", "tests.network.wire", str(seed), *self.lines)
        wire = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_us)
        assert wire.stdout is not None and wire.stdout.readline() == "ready\n"
        return wire

    def close(self) -> None:
        for door in self.doors.values():
            door.close()
        self.broker.stop()
        if self.wire is not None and self.wire.stdout is not None:
            self.wire.kill()
            self.wire.wait()
            self.wire.stdout.close()
        self.network.close()

    # ------------------------------------------------------------ people

    def start(self) -> None:
        for door in self.doors.values():
            door.start()

    def entry(self, name: str) -> Entry:
        door = self.doors[name]
        assert isinstance(door, Entry)
        return door

    def comes(self, name: str, for_s: float = 15.0) -> bool:
        """Somebody asks again and again, as people do who are told to wait; True: let in."""
        door, booking, end = self.entry(name), self.doors[name].booking(), time.monotonic() + for_s
        while time.monotonic() < end:
            door.scan(booking)
            ask_until = min(end, time.monotonic() + ASK_S)
            while (left_s := ask_until - time.monotonic()) > 0:
                if door.look(self.street, left_s):
                    assert self.street.inside <= self.limit, "one too many"
                    time.sleep(APART_S)
                    return True
        return False

    def come_while_they_can(self, name: str) -> int:
        """How many are let in until somebody waits in vain."""
        return sum(1 for _ in iter(lambda: self.comes(name, 1.5), False))

    def goes(self, name: str = EXITS[0]) -> None:
        """Somebody leaves through the beams."""
        door = self.doors[name]
        assert isinstance(door, Exit)
        before = door.counted()
        for number, (pin, level) in enumerate(OUT, 1):
            if number == len(OUT):
                self.street.leave()
            door.pins.set(pin, level, STEP_S)
        end = time.monotonic() + 10
        while door.counted() == before:
            assert time.monotonic() < end, "an exit was not counted"
            time.sleep(0.02)

    # ------------------------------------------------------------ the reckoning, from the disks

    def balances(self) -> dict[str, Resource]:
        return {name: recovered(Reader(door.state)).state for name, door in self.doors.items()}

    def unaccounted(self) -> int:
        """Rights that the disks do not add up to; below 0: rights from nowhere."""
        states = self.balances()
        by_inc = {own.rights.inc: own.rights for own in states.values()}
        flying = sum(gift - by_inc[to].V.get(inc, 0) for inc, rights in by_inc.items() for to, gift in rights.T.items())
        alive = sum(rights.free for rights in by_inc.values()) + flying
        return self.limit - alive - sum(rights.net_inside for rights in by_inc.values())

    def check(self) -> None:
        """Nobody too many, no right lost or made, every body counted; each journal says the same again."""
        for door in self.doors.values():
            assert door.stop() == 0, door.errors
        assert self.unaccounted() == 0
        inside = sum(own.rights.net_inside for own in self.balances().values())
        assert inside == self.street.inside and self.street.peak <= self.limit
        assert not any(state.quarantined for state in self.balances().values())  # type: ignore[attr-defined]
        for door in self.doors.values():
            assert door.replay().returncode == 0


@contextlib.contextmanager
def hall(folder: Path, limit: int, bad: int | None = None) -> Iterator[HallOnHosts]:
    made = HallOnHosts(folder, limit, bad)
    try:
        made.start()
        yield made
    finally:
        made.close()
