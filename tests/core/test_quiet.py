"""A moment for an update: nobody in a lane, no grant, no fire."""

from __future__ import annotations

import pytest

from firmware.core.occupancy import Rights
from firmware.core.quiet import disturbed
from firmware.core.state import Grant, HallState, LaneState


def hall(**lane: object) -> HallState:
    return HallState(rights=Rights(inc="1"), lanes={"A": LaneState(name="A", **lane)})  # type: ignore[arg-type]


def test_an_empty_hall_is_quiet() -> None:
    assert disturbed(hall()) == []


@pytest.mark.parametrize(
    ("lane", "why"),
    [
        ({"grant": Grant(decision="d", way="in", persons=1, until_ms=1, pulse_ms=1, opened_ms=0)}, "A: grant"),
        ({"blocked": True}, "A: passage"),
        ({"exit_waiting": True}, "A: passage"),
        ({"freed": True}, "A: open"),
    ],
)
def test_somebody_is_there(lane: dict[str, object], why: str) -> None:
    assert disturbed(hall(**lane)) == [why]


def test_a_fire_and_an_evacuation() -> None:
    state = hall()
    state.fire_lanes, state.evacuated_by = ["A"], "hub"
    assert disturbed(state) == ["fire", "evacuated"]
