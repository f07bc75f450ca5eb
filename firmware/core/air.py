"""3.1.5c: what CO2 leads to. An alarm; entry that pauses where the rulebook wants it; and a lower limit, minted by the bank.

Each begins at its own number of the rulebook and ends only `relief_ppm` below it. The last value of a sensor that
broke is forgotten. Exits do not know of any of this.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from firmware.core.air_state import AirKept
from firmware.core.events import AirRead
from firmware.core.state import HallState, LaneSetup, LaneState
from firmware.core.turn import Turn
from firmware.rulebook.air_tables import Air

ROLE = "air"
Judged = Literal["", "bad", "unknown"]


def read(turn: Turn, event: AirRead) -> None:
    lane, rules = turn.state.lanes[event.lane], turn.rulebook.air if turn.rulebook else Air()
    before = lane.air or AirKept(co2_ppm=0, at_ms=turn.now)
    lane.air = AirKept(
        co2_ppm=event.co2_ppm,
        at_ms=turn.now,
        alarm=_over(event.co2_ppm, rules.alarm_ppm, before.alarm, rules),
        holds=_over(event.co2_ppm, rules.hold_ppm, before.holds, rules),
        limit_percent=_percent(event.co2_ppm, before.limit_percent, rules),
    )


def _over(co2_ppm: int, from_ppm: int, before: bool, rules: Air) -> bool:
    return from_ppm > 0 and co2_ppm >= from_ppm - (rules.relief_ppm - 1 if before and rules.relief_ppm else 0)


def _percent(co2_ppm: int, before: int, rules: Air) -> int:
    steps = (step for step in rules.step if _over(co2_ppm, step.co2_ppm, before <= step.limit_percent, rules))
    return min((step.limit_percent for step in steps), default=100)


def tend(turn: Turn, lane: LaneState) -> None:
    """Tell when the air becomes bad, and when it is good again or nobody knows any more."""
    bad = lane.air is not None and lane.air.alarm
    if bad != lane.air_told:
        lane.air_told = bad
        turn.alarm("air", lane.name, active=bad, detail=f"CO2 {lane.air.co2_ppm} ppm" if lane.air else "not measured")


# -------------------------------------------------------------- what others ask


def behind(state: HallState, zone: str) -> Judged:
    """The air that the lanes of this device into `zone` lead to; empty: it is good, or nobody measures it."""
    lanes = [lane for setup, lane in _watched(state) if setup.zone == zone]
    if any(lane.air is not None and lane.air.holds for lane in lanes):
        return "bad"
    return "unknown" if lanes and all(ROLE in lane.broken for lane in lanes) else ""


def limit_percent(state: HallState, zone: str) -> int:
    """What share of its limit the worst air measured there allows."""
    lanes = (lane for setup, lane in _watched(state) if setup.zone == zone)
    return min((lane.air.limit_percent for lane in lanes if lane.air is not None), default=100)


def _watched(state: HallState) -> Iterator[tuple[LaneSetup, LaneState]]:
    return ((setup, state.lanes[setup.name]) for setup in state.setups if setup.air and setup.name in state.lanes)
