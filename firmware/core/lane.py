"""The gate's state table. Everything a lane can be, and the only ways from one to another.

Read it with a finger: a row is (where the lane is, what happened) -> where it is then. A pair that is not in the table
changes nothing. `passed`, `timed_out` and `refused` are resting places that a technician and the hub can see; a lane
there is as ready for the next person as an `idle` one.

    idle        nobody is being served
    identified  one proof was read, the other is still asked for
    screening   everything but a reading (temperature) is there
    granted     the gate is open for somebody who has not entered it yet; a place is reserved
    passing     a body is in the passage
    passed      the grant was used
    timed_out   the grant was not used; its place was given back
    refused     the last answer was no
    held        an attendant, an order or a fault keeps entry shut; exits run
    evacuated   fire or an evacuate order: open both ways, until a named local reset
"""

from __future__ import annotations

from typing import Literal

State = Literal[
    "idle", "identified", "screening", "granted", "passing", "passed", "timed_out", "refused", "held", "evacuated"
]
Signal = Literal[
    "proof_missing",  # a good code, and the rules ask for another
    "reading_missing",  # all codes are there, a reading is asked for
    "said_no",
    "said_yes",
    "served",  # all is done at the lane itself: nobody goes in
    "body_in",  # the passage became blocked
    "body_back",  # it became clear again without a passage
    "through",  # the last body of the grant has passed
    "time_over",
    "hold",
    "release",
    "evacuate",
    "reset",
]

READY: tuple[State, ...] = ("idle", "identified", "screening", "passed", "timed_out", "refused")
"""Where a new code is heard."""
OPEN: tuple[State, ...] = ("granted", "passing")
"""Where a grant is open."""


def _table() -> dict[tuple[State, Signal], State]:
    table: dict[tuple[State, Signal], State] = {
        ("granted", "body_in"): "passing",
        ("granted", "through"): "passed",
        ("granted", "time_over"): "timed_out",
        ("passing", "body_back"): "granted",
        ("passing", "through"): "passed",
        ("passing", "time_over"): "timed_out",
        ("identified", "time_over"): "refused",
        ("screening", "time_over"): "refused",
        ("passed", "time_over"): "idle",
        ("timed_out", "time_over"): "idle",
        ("refused", "time_over"): "idle",
        ("held", "release"): "idle",
        ("evacuated", "reset"): "idle",
        ("held", "evacuate"): "evacuated",
    }
    for ready in READY:
        table[ready, "proof_missing"] = "identified"
        table[ready, "reading_missing"] = "screening"
        table[ready, "said_no"] = "refused"
        table[ready, "said_yes"] = "granted"
        table[ready, "served"] = "passed"
    for anywhere in (*READY, *OPEN):
        table[anywhere, "hold"] = "held"
        table[anywhere, "evacuate"] = "evacuated"
    return table


TABLE = _table()


def after(state: State, signal: Signal) -> State:
    """Where the lane is after `signal`; where it was when the table has no such row."""
    return TABLE.get((state, signal), state)
