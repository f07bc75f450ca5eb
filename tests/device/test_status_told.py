"""What a status says of each lane's devices, and of what room there is: asked of a door whose loop is turned by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.hub import reporting
from mqtt.messages import Status
from tests.device.bench import Far, bench
from tests.device.turned import NOWHERE, Turned

EXIT = """
[[lane]]
name = "X"
direction = "out"
on_failure = "open"
[lane.scanner]
driver = "scanner_text_line"
port = "{}"
"""


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Turned]:
    far = Far(tmp_path / "way-out")
    with bench(tmp_path / "gate", hub=NOWHERE, lane=EXIT.format(far.link), limit=3) as gate:
        made = Turned(gate)
        yield made
        made.device.close()
    far.unplug()


def status(door: Turned) -> Status:
    assert door.device.hub is not None
    return reporting.status(door.device, door.device.hub.outbox, 2, door.device.hub.started_ms)


def test_each_lane_has_its_own_devices_and_how_long_ago_they_were_heard(door: Turned) -> None:
    def told() -> dict[str, dict[str, int | None]]:
        return {lane.name: {one.device: one.age_ms for one in lane.sensors} for lane in status(door).lanes}

    assert {lane: set(devices) for lane, devices in told().items()} == {"A": {"scanner", "gate"}, "X": {"scanner"}}
    assert told()["A"]["scanner"] is told()["X"]["scanner"] is None
    line = next(line for cable in door.device.loop.cables for line in cable.lines if line.role == "scanner")
    line.seen_ms = door.device.clock.elapsed_ms()
    door.passes(5_000)
    age_ms = told()["A"]["scanner"]
    assert age_ms is not None and 5_000 <= age_ms < 7_000 and told()["X"] == {"scanner": None}
    line.seen_ms = door.device.clock.elapsed_ms() + 50
    assert told()["A"]["scanner"] == 0, "heard in this very turn"


def test_what_remains_is_told_by_a_clock_that_is_believed_and_never_below_nothing(door: Turned) -> None:
    assert status(door).remains.places == 3
    door.ordered("limit", "o-1", to="bank", n=0)
    assert (status(door).remains.places, status(door).limit_persons) == (0, 0)
    door.device.clock.trusted = False
    told = status(door)
    assert (told.remains.places, told.remains.day) == (None, None) and not told.at_trusted and not told.clock.trusted


def test_how_long_it_has_run_and_what_was_dropped(door: Turned) -> None:
    before = status(door)
    door.passes(60_000)
    door.device.loop.dropped_events += 3
    after = status(door)
    assert 60 <= after.uptime_s - before.uptime_s <= 62
    assert (before.dropped, after.dropped) == (2, 5)
    assert after.seq == door.device.journal.durable_seq and after.first_seq == 1
    assert (after.side_link, after.evacuated, after.bank) == (None, False, True)
