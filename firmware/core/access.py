"""Access-control basics of a lane: interlock, anti-passback, the first person of the day, silent buttons.

What they may do is the rulebook's data. None of it ever stands between a person and the way out: it is asked of
entries only.
"""

from __future__ import annotations

from firmware.core import passage
from firmware.core.facts import AnyFact, Booking
from firmware.core.state import Grant, LaneState
from firmware.core.turn import Turn
from firmware.rules.verdict import Case

TOLD = {"passback": "passback"}
"""What a rule says along with its yes, and the alarm it is told by."""


# -------------------------------------------------------------- interlock


def interlocked(turn: Turn, lane: str) -> str:
    """The name of another lane of the same interlock that is open now; empty: none is, or there is no interlock."""
    group = turn.setup(lane).interlock
    if not group:
        return ""
    others = (setup.name for setup in turn.state.setups if setup.interlock == group and setup.name != lane)
    return next((name for name in others if _open(turn, turn.state.lanes[name])), "")


def _open(turn: Turn, lane: LaneState) -> bool:
    moving = lane.grant is not None or lane.blocked or turn.now < lane.open_until_ms
    return moving or lane.freed or lane.door_open_since_ms is not None


# -------------------------------------------------------------- who came in, who was first


def admitted(turn: Turn, lane: LaneState, case: Case, grant: Grant) -> None:
    """What an admission leaves behind, besides its grant."""
    assert turn.rulebook is not None
    rules = turn.rulebook.anti_passback
    grant.no_passback = rules.minutes > 0 and case.booking is not None and case.person_class in rules.classes
    first_person(turn, case.person_class)
    for verdict in turn.verdicts:
        if verdict.verdict == "admit" and verdict.because in TOLD:
            turn.alarm(
                TOLD[verdict.because], lane.name, detail=f"pass {grant.pass_id} came in before and was not seen leaving"
            )


def first_person(turn: Turn, person_class: str) -> None:
    """One of the classes that open the day was here. A doubtful clock knows no day."""
    if turn.rulebook is None or not turn.moment.trusted or person_class not in turn.rulebook.opening.first_person:
        return
    turn.state.opened_day = turn.day


def left(turn: Turn, fact: AnyFact) -> None:
    """A badge that is shown at an exit has left, as far as anti-passback goes. Nobody is asked to show it."""
    if isinstance(fact, Booking):
        turn.state.entered.pop(fact.pass_id, None)


# -------------------------------------------------------------- silent buttons


def symptoms(turn: Turn, lane: LaneState, pressed: bool) -> None:
    """ "I do not feel well": counts for whoever is shown next, or has just been let in and has not moved yet."""
    if not pressed:
        return
    lane.symptoms_ms = turn.now
    grant = lane.grant
    passage.withdraw(turn, lane)
    if grant is not None and lane.grant is None:
        turn.tell(lane, "staff", "yellow")
        turn.alarm("symptoms", lane.name)


def unwell(turn: Turn, lane: LaneState) -> bool:
    """A press just before the scan, or while proofs are collected, is that person's."""
    since = lane.symptoms_ms
    if since is None or turn.rulebook is None:
        return False
    began = lane.visit.since_ms if lane.visit is not None else turn.now
    return since >= began - turn.rulebook.symptoms_seconds * 1000


def duress(turn: Turn, lane: LaneState, pressed: bool) -> None:
    """Somebody is threatened: nothing at the gate shows it, the hub and the record know."""
    turn.alarm("duress", lane.name, active=pressed)
