"""A second pair of eyes: the leaf's own contact is compared with what was ordered.

A leaf that opens without a grant was forced; one that stays open too long is held open. Neither ever closes a gate.
"""

from __future__ import annotations

from firmware.core.state import LaneState
from firmware.core.turn import Turn

SETTLE_MS = 1_000
"""A leaf may still move this long after the hand let go."""


def door(turn: Turn, lane: LaneState, closed: bool) -> None:
    if closed:
        lane.door_open_since_ms = None
        if lane.door_alarm:
            turn.alarm(lane.door_alarm, lane.name, active=False)
            lane.door_alarm = ""
    elif lane.door_open_since_ms is None:
        lane.door_open_since_ms = turn.now
        if not _may_be_open(turn, lane):
            lane.door_alarm = "forced"
            turn.alarm("forced", lane.name)


def tend(turn: Turn, lane: LaneState) -> None:
    since = lane.door_open_since_ms
    if since is None or lane.door_alarm or lane.freed or turn.now < since + _limit_ms(turn):
        return
    lane.door_alarm = "held_open"
    turn.alarm("held_open", lane.name)


def due(turn: Turn, lane: LaneState) -> list[int]:
    if lane.door_open_since_ms is None or lane.door_alarm or lane.freed:
        return []
    return [lane.door_open_since_ms + _limit_ms(turn)]


def _may_be_open(turn: Turn, lane: LaneState) -> bool:
    return lane.freed or lane.grant is not None or turn.now <= lane.open_until_ms + SETTLE_MS


def _limit_ms(turn: Turn) -> int:
    return (turn.rulebook.alarms.held_open_seconds if turn.rulebook else 15) * 1000
