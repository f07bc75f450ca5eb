"""A second pair of eyes: the leaf's own contact is compared with what was ordered.

A leaf that opens without a grant was forced, unless it is shut again so soon that it has only rattled; one that stays
open too long is held open. Neither ever closes a gate. Where the plan wants open doors (3.1.5c), a leaf that stands open
while the hall is open is neither.
"""

from __future__ import annotations

from firmware.core import ventilation
from firmware.core.state import LaneState
from firmware.core.turn import Turn

SETTLE_MS = 1_000
"""A leaf may still move this long after the hand let go."""


def moved(turn: Turn, lane: LaneState, closed: bool) -> None:
    if closed:
        tend(turn, lane)  # what became due before it shut, should nobody have been woken in time
        lane.door_open_since_ms, lane.door_unasked = None, False
        if lane.door_alarm:
            turn.alarm(lane.door_alarm, lane.name, active=False)
            lane.door_alarm = ""
    elif lane.door_open_since_ms is None:
        lane.door_open_since_ms = turn.now
        lane.door_unasked = not _may_be_open(turn, lane)


def tend(turn: Turn, lane: LaneState) -> None:
    if lane.freed:
        lane.door_unasked = False  # a fire releases the leaf by wire, and its own news may come a moment later
    if lane.door_open_since_ms is None or lane.door_alarm or lane.freed or ventilation.leaves_may_be_open(turn):
        return
    if turn.now < _late_ms(turn, lane, lane.door_open_since_ms):
        return
    lane.door_alarm = "forced" if lane.door_unasked else "held_open"
    turn.alarm(lane.door_alarm, lane.name)


def due(turn: Turn, lane: LaneState) -> list[int]:
    if lane.door_open_since_ms is None or lane.door_alarm or lane.freed:
        return []
    if ventilation.leaves_may_be_open(turn):
        return ventilation.closing(turn)
    return [_late_ms(turn, lane, lane.door_open_since_ms)]


def _may_be_open(turn: Turn, lane: LaneState) -> bool:
    if lane.freed or lane.grant is not None or turn.now <= lane.open_until_ms + SETTLE_MS:
        return True
    return ventilation.leaves_may_be_open(turn)


def _late_ms(turn: Turn, lane: LaneState, open_since_ms: int) -> int:
    """When the open leaf becomes an alarm; while the hall was open it may have been as it was wanted."""
    closed_ms = ventilation.closed_ms(turn)
    since_ms = open_since_ms if closed_ms is None else max(open_since_ms, closed_ms)
    return since_ms + _limit_ms(turn, lane)


def _limit_ms(turn: Turn, lane: LaneState) -> int:
    """How long the leaf may be open as it is open now, before it is an alarm."""
    if lane.door_unasked:
        return turn.alarm_limits.forced_ms
    return turn.alarm_limits.held_open_seconds * 1000
