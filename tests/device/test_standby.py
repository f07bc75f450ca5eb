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
from tests.device.far_pins import FIRE, IN, INSIDE, OUT, OUTSIDE, PINS, FarPins
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
    """An entry and an exit; beams and a fire loop are at the exit, or at the entry."""

    def __init__(self, folder: Path, disk: LoopDisk, beams: str = "B", **book: int) -> None:
        folder.mkdir()
        self.lock, self.way_out = Far(folder / "lock"), Far(folder / "way-out")
        way_out = EXIT.format(lock=self.lock.link, scanner=self.way_out.link)
        super().__init__(folder, lane=way_out + PINS if beams == "B" else PINS + way_out, **book)
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


@pytest.fixture
def entry(tmp_path: Path, disk: LoopDisk) -> Iterator[Door]:
    """Beams at the entry, which has just opened for two seconds."""
    made = Door(tmp_path / "door", disk, "A", pulse=2_000)
    try:
        made.start()
        made.scan(made.booking())
        made.relay.expect(ON)
        yield made
    finally:
        made.close()


def test_an_opening_ends_by_itself_while_the_disk_hangs(entry: Door, disk: LoopDisk) -> None:
    with disk.hanging():
        entry.pins.walk(*IN)  # the record of this passage waits for the disk
        entry.relay.expect(OFF)
        entry.lock.expect(OPEN)
    wait_until(lambda: entry.alarms() == [True, False])


def test_no_gate_shuts_on_a_body_while_the_disk_hangs(entry: Door, disk: LoopDisk) -> None:
    with disk.hanging():
        entry.pins.walk(*IN)
        entry.pins.set(OUTSIDE, 1)  # somebody behind, whom the loop has not heard of
        entry.lock.expect(OPEN)
        entry.relay.silent(2.5, OFF)
        entry.pins.set(OUTSIDE, 0)
        entry.relay.expect(OFF)


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


def test_a_grant_that_is_over_when_the_disk_answers_opens_nothing_and_is_given_back(
    tmp_path: Path, disk: LoopDisk
) -> None:
    """Who was to come in may have gone, and another stand there."""
    door = Door(tmp_path / "door", disk, grant=1)
    try:
        door.start()
        door.scan(door.booking())
        door.relay.expect(ON)
        door.relay.expect(OFF)
        wait_until(lambda: said(door)[-1:] == ["passage"])  # else the disk hangs before the next scan is read
        with disk.hanging():
            door.scan(door.booking())
            door.relay.silent(2.5, ON)
        door.relay.silent(1, ON)
        assert said(door).count("decision") == 2 and said(door).count("passage") == 1
        assert not [record for record in door.records() if record.get("alarm") == "journal"]
        door.scan(door.booking())
        door.relay.expect(ON)
        assert door.replay().returncode == 0
    finally:
        door.close()


def said(door: Door) -> list[str]:
    return [record["kind"] for record in door.records()]
