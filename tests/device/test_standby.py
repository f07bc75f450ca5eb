"""A disk that hangs: whoever wants out gets out, and nobody gets in by it. A real ext4, frozen under a running device."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.brokers import wait_until
from tests.device.bench import OFF, ON, Bench, Far
from tests.device.far_pins import FIRE, INSIDE, OUT, OUTSIDE, PINS, FarPins
from tests.loop_disk import LoopDisk, loop_disk, why_not

pytestmark = needs.unless(why_not())

EXIT = """
[[lane]]
name = "B"
direction = "out"
for = ["visitor"]
on_failure = "open"
[lane.scanner]
driver = "scanner_text_line"
port = "{scanner}"
[lane.gate]
driver = "gate_relay_lcus"
port = "{lock}"
energised = "closed"
"""
OPEN, SHUT = OFF, ON
"""The exit's lock is held by current."""


class Door(Bench):
    """An entry, and an exit with beams and a fire loop."""

    def __init__(self, folder: Path, disk: LoopDisk) -> None:
        folder.mkdir()
        self.lock, self.way_out = Far(folder / "lock"), Far(folder / "way-out")
        super().__init__(folder, lane=EXIT.format(lock=self.lock.link, scanner=self.way_out.link) + PINS)
        self.environment["HALLGATE_PINS"] = f"unix:{folder}/pins"
        self.state = disk.folder / "state"

    def start(self) -> Bench:
        super().start()
        self.pins = FarPins(self.folder / "pins")
        for pin in (OUTSIDE, INSIDE, FIRE):
            self.pins.set(pin, 0)
        return self

    def close(self) -> None:
        super().close()
        self.lock.unplug()
        self.way_out.unplug()

    def alarms(self) -> list[bool]:
        return [record["active"] for record in self.records() if record.get("alarm") == "standstill"]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[LoopDisk]:
    with loop_disk(tmp_path, 24) as made:
        yield made


@pytest.fixture
def door(tmp_path: Path, disk: LoopDisk) -> Iterator[Door]:
    made = Door(tmp_path / "door", disk)
    try:
        made.start()
        made.scan(made.booking())
        made.relay.expect(ON)
        made.relay.expect(OFF)
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def hangs_while_somebody_scans(door: Door, disk: LoopDisk) -> Iterator[None]:
    with disk.hanging():
        door.scan(door.booking())
        door.lock.expect(OPEN)
        yield


def test_a_disk_that_hangs_opens_the_ways_out_and_nothing_else(door: Door, disk: LoopDisk) -> None:
    with hangs_while_somebody_scans(door, disk):
        door.lock.expect(OPEN)  # told again: a frame may be lost
        door.relay.silent(0.2)
    door.lock.expect(SHUT)
    wait_until(lambda: door.alarms() == [True, False])
    door.scan(door.booking())
    door.relay.expect(ON)
    assert door.replay().returncode == 0


def test_the_exit_shuts_behind_whoever_is_in_it_when_the_disk_answers(door: Door, disk: LoopDisk) -> None:
    with hangs_while_somebody_scans(door, disk):
        door.pins.walk(*OUT[:2])
    door.lock.silent(1, SHUT)
    door.pins.walk(*OUT[2:])
    door.lock.expect(SHUT)
    wait_until(lambda: door.alarms() == [True, False])


def test_a_fire_while_the_disk_hangs_leaves_the_exit_open(door: Door, disk: LoopDisk) -> None:
    with hangs_while_somebody_scans(door, disk):
        door.pins.set(FIRE, 1)
    wait_until(lambda: door.alarms() == [True, False])
    door.lock.silent(0.5, SHUT)


def test_a_disk_that_is_only_slow_opens_nothing(door: Door, disk: LoopDisk) -> None:
    for _ in range(4):
        with disk.hanging():
            door.scan(door.booking())
            time.sleep(1)
        door.relay.expect(ON)
        door.relay.expect(OFF)
    assert OPEN not in door.lock.read() and door.alarms() == []
