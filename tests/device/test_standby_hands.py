"""Whose relays are told to rest while the loop stands still: by the site file, on real wires, with the loop held by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware.core.events import CodeRead
from firmware.standby import LOOKS
from tests.device.bench import OFF, ON, bench
from tests.device.turned import NOWHERE, Asleep, Turned


def stands_still(door: Turned) -> None:
    """One turn that does not end, as who stands by sees it."""
    door.device.loop.beat |= 1
    for _ in range(LOOKS + 1):
        door.device.standby.look()


@pytest.mark.parametrize(
    ("direction", "fails", "heard"), [("out", "open", [ON]), ("out", "closed", []), ("in", "closed", [])]
)
def test_a_way_out_is_opened_and_nothing_else_is(
    tmp_path: Path, direction: str, fails: str, heard: list[bytes]
) -> None:
    with bench(tmp_path / "gate", hub=NOWHERE, direction=direction, keys=f'on_failure = "{fails}"') as gate:
        door = Turned(gate)
        gate.relay.read(0.1)
        gate.relay.heard = b""
        stands_still(door)
        assert gate.relay.read(0.2) == b"".join(heard)
        door.device.close()


def test_an_opening_that_only_we_would_end_is_ended_when_it_is_over_and_not_before(tmp_path: Path) -> None:
    with bench(tmp_path / "gate", hub=NOWHERE, pulse=700) as gate:
        door = Turned(gate)
        clock = door.device.clock
        assert isinstance(clock, Asleep)
        fact = door.device.verify(gate.booking(), clock.elapsed_ms())
        door.device.loop.post(CodeRead(lane="A", fact=fact))
        door.turn()
        gate.relay.expect(ON)
        stands_still(door)
        assert gate.relay.read(0.2) == b""
        clock.now_ms += 5_000
        stands_still(door)
        assert gate.relay.read(0.2) == OFF
        door.device.close()
