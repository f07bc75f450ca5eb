"""An exit opens to whoever comes near it, where a range sensor looks: nobody has to ask.

Somebody who only stands there, a guard say, does not make it chatter: it opens again for who came just now, or after a while.
"""

from __future__ import annotations

from firmware.core import passage
from firmware.core.state import LaneState
from firmware.core.turn import Turn

AGAIN_MS = 3_000
"""As for a code that is shown at an exit twice."""
LONG_AGO_MS = -1_000_000


def seen(lane: LaneState, persons: int) -> None:
    """The sensor tells how many stand in front: one more has come just now."""
    if persons > lane.queue_persons:
        lane.approached_ms = LONG_AGO_MS


def tend(turn: Turn, lane: LaneState) -> None:
    if _waits(turn, lane) and turn.now >= lane.approached_ms + AGAIN_MS:
        lane.approached_ms = turn.now
        passage.open_exit(turn, lane, "approach")


def due(turn: Turn, lane: LaneState) -> list[int]:
    """When `tend` has something to do next."""
    return [lane.approached_ms + AGAIN_MS] if _waits(turn, lane) else []


def _waits(turn: Turn, lane: LaneState) -> bool:
    if not lane.queue_persons or lane.freed or lane.grant is not None or "range" in lane.broken:
        return False
    return turn.setup(lane.name).direction == "out"
