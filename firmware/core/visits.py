"""A visit: who stands at a lane with what was shown and measured. It begins and ends; what happens between is `entry`."""

from __future__ import annotations

from firmware.core.state import LaneState
from firmware.core.turn import Turn

BEFORE_MS = 3_000
"""A reading this long before the scan belongs to whoever scans."""


def begin(turn: Turn, lane: LaneState) -> None:
    """What was measured before somebody could have stood here is not theirs."""
    lane.temperatures = tuple(each for each in lane.temperatures if turn.now - each.at_ms <= BEFORE_MS)
    lane.temperature = lane.temperatures[-1] if lane.temperatures else None


def end(lane: LaneState) -> None:
    """Nothing that was measured of one person is left for the next."""
    if lane.visit is not None:
        lane.temperature, lane.temperatures = None, ()
    lane.visit = None


def may_show_again(lane: LaneState) -> None:
    """Who was told to wait may show the code again at once."""
    lane.scanned.pop(lane.last_code, None)
