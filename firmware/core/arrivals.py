"""When somebody arrived (3.1.1a): the first scan freezes slot and PCR age for some minutes.

So our own queue makes nobody late. A lane that is held or busy is our own queue as well: who is in time there has
arrived in time.
"""

from __future__ import annotations

from firmware.core import bounds, judgement
from firmware.core.facts import AnyFact, Booking, Card
from firmware.core.state import LaneState, Visit
from firmware.core.turn import Turn
from firmware.rules import booking
from firmware.rules.verdict import Case, Verdict


def came(turn: Turn, case: Case, verdict: Verdict) -> None:
    """Somebody was judged. What they showed was good where the answer is yes or wait."""
    if verdict.verdict in ("admit", "wait") and verdict.because != "early":
        _freeze(turn, case)


def came_unjudged(turn: Turn, lane: LaneState, fact: AnyFact) -> None:
    """Somebody was told to wait before any rule was asked: the booking alone says whether they are in time."""
    shown = fact.booking if isinstance(fact, Card) else fact
    if turn.rulebook is None or not isinstance(shown, Booking):
        return
    before, lane.visit = lane.visit, Visit(since_ms=turn.now, until_ms=turn.now, booking=shown)
    case = judgement.case_of(turn, lane, turn.rulebook, None, final=False)
    lane.visit = before
    if booking.judge(case) is None:
        _freeze(turn, case)


def _freeze(turn: Turn, case: Case) -> None:
    identity = judgement.identity_of(case.booking, case.health)
    if identity and turn.moment.trusted and case.arrived_s is None:
        turn.state.arrived[identity] = turn.wall_s
        bounds.trim_arrived(turn.state, turn.wall_s)
