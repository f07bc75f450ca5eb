"""A disk that is really full, under a running device: everybody gets out, and a kill in that time forgets nobody."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from firmware.journal import Reader, refuge
from tests import needs
from tests.brokers import wait_until
from tests.device.bench import OFF, ON
from tests.device.far_pins import FIRE
from tests.device.test_standby import OPEN, SHUT, Door

pytestmark = needs.unless(needs.not_root("mount a small file system"))


class Full(Door):
    """What is preallocated holds a full disk's first hours: `until_refused` uses that up."""

    def fill(self) -> None:
        with (self.state.parent / "filler").open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))

    def until_refused(self) -> None:
        self.fill()
        numbers = iter(range(100_000))

        def refused() -> bool:
            for number in [next(numbers) for _ in range(40)]:
                self.scan(b"nothing %d" % number)
            return Reader(self.state).unwritten() is not None

        wait_until(refused)

    def close(self) -> None:
        super().close()
        refuge.leave(Reader(self.state).identity.inc)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Full]:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)], check=False).returncode:
        needs.stop_unless("this machine does not let us mount a small file system")
    try:
        door = Full(tmp_path / "door", SimpleNamespace(folder=disk), limit=1, more='[on_doubt]\njournal_full = "admit"')
        with contextlib.closing(door.start()):
            yield door
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def test_a_full_disks_first_hours_are_on_record(door: Full) -> None:
    door.fill()
    door.scan(door.booking())
    door.relay.expect(ON)
    door.relay.expect(OFF)
    for number in range(5):
        door.way_out.write(b"out %d\r" % number)
        door.lock.expect(OPEN)
        door.lock.expect(SHUT)
    assert door.stop() == 0
    assert door.replay().returncode == 0


def test_a_kill_while_nothing_can_be_written_forgets_neither_who_is_inside_nor_a_fire(door: Full) -> None:
    door.until_refused()
    door.scan(door.booking())
    door.relay.expect(ON)
    door.relay.expect(OFF)
    door.kill()
    door.start()
    door.scan(door.booking())
    door.relay.silent(1, ON)
    door.pins.set(FIRE, 1)
    door.lock.expect(OPEN)
    door.pins.set(FIRE, 0, 0.3)
    door.kill()
    door.lock.read()
    door.start()
    door.lock.expect(OPEN)
    door.lock.silent(0.5, SHUT)
    (door.state.parent / "filler").unlink()
    wait_until(lambda: Reader(door.state).unwritten() is None)
    assert door.stop() == 0
    assert door.replay().returncode == 0
    alarms = [record.get("alarm") for record in door.records()]
    assert "journal" in alarms and "fire" in alarms
