"""Above every rule: an exit that can hear nobody who wants to leave stands open.

Its button's board or its only scanner is gone, and no beam would see somebody step up: whoever stands inside could not
ask. It is opened when that has lasted, and let go when one of them is back. At a lane for both ways the staff decides:
standing open it would let in whoever comes.
"""

from __future__ import annotations

from firmware.core.state import LaneState
from firmware.core.turn import Turn

DEAF_MS = 3_000
"""A cable that is moved and a board that starts anew are back by then."""


def tend(turn: Turn, lane: LaneState) -> None:
    if _hears(turn, lane):
        _hears_again(turn, lane)
    elif lane.deaf_since_ms is None:
        lane.deaf_since_ms = turn.now
    elif turn.now >= lane.deaf_since_ms + DEAF_MS:
        _stand_open(turn, lane)


def _hears(turn: Turn, lane: LaneState) -> bool:
    setup = turn.setup(lane.name)
    beams = setup.beams and "counter" not in lane.broken
    return setup.direction != "out" or beams or any(role not in lane.broken for role in setup.askers)


def _stand_open(turn: Turn, lane: LaneState) -> None:
    if not lane.deaf:
        lane.deaf = True
        turn.alarm("exit_unheard", lane.name)
    if not lane.freed or lane.closing:  # also where a key or an evacuation that held it open has ended
        turn.free(lane)


def _hears_again(turn: Turn, lane: LaneState) -> None:
    lane.deaf_since_ms = None
    if not lane.deaf:
        return
    lane.deaf = False
    turn.alarm("exit_unheard", lane.name, active=False)
    if lane.state != "evacuated" and not lane.key_turned and lane.freed_until_ms is None:
        turn.unfree(lane)


def due(lane: LaneState) -> list[int]:
    """When `tend` has something to do next."""
    return [] if lane.deaf_since_ms is None or lane.deaf else [lane.deaf_since_ms + DEAF_MS]
