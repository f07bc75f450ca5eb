"""Judgement: one clause of the plan per file, and their order, which is the one list below.

Whether somebody may pass at all comes first, then what they have to show, then whether there is room just now: so that
nobody is told to wait for a place that could not be theirs.
"""

from __future__ import annotations

from firmware.rules import (
    air,
    anti_passback,
    assisted,
    booking,
    car_room,
    equipment,
    first_person,
    flow,
    hand_over,
    health_code,
    health_proof,
    host,
    interlock,
    isolation,
    lift,
    mask,
    occupancy,
    opening_hours,
    party,
    phases,
    quota,
    readable,
    record,
    rounds,
    same_person,
    scheduled_hold,
    spacing,
    staff_posts,
    symptoms,
    temperature,
)
from firmware.rules.verdict import SEVERITY, Case, Verdict

LANE, DOOR = "at every lane", "at the hall's door alone"
"""Inside the hall nobody is asked again for the proofs and the hour that they showed at its door."""

_ORDER = (
    (readable, LANE),
    (isolation, LANE),
    (record, LANE),
    (equipment, LANE),
    (lift, LANE),
    (phases, LANE),
    (opening_hours, DOOR),
    (booking, LANE),
    (party, LANE),
    (host, DOOR),
    (staff_posts, LANE),
    (anti_passback, DOOR),
    (quota, DOOR),
    (assisted, DOOR),
    (health_proof, DOOR),
    (health_code, DOOR),
    (same_person, DOOR),
    (symptoms, LANE),
    (temperature, DOOR),
    (first_person, DOOR),
    (scheduled_hold, LANE),
    (rounds, LANE),
    (interlock, LANE),
    (occupancy, LANE),
    (car_room, LANE),
    (flow, LANE),
    (air, LANE),
    (spacing, LANE),
    (mask, DOOR),
)

ORDER = tuple(rule for rule, _ in _ORDER)
INSIDE = tuple(rule for rule, asked in _ORDER if asked == LANE)
"""Asked at a lane between two parts of the hall."""


ELSEWHERE = frozenset({"hatch", "not_wide", "other_lane", "other_lift"})
"""A no of this lane alone. It comes last: nobody is sent to another lane for a no that holds at every one."""


def judge(case: Case) -> list[Verdict]:
    """What every rule has to say, in order. Empty: nothing speaks against it."""
    if case.unproved is not None:
        first = readable.judge(case)
        return [first] if first else []
    verdicts = _said(case)
    return [booking.asked_for(case)] if _other_hand(case, verdicts) else verdicts


def _said(case: Case) -> list[Verdict]:
    order = INSIDE if case.setup.comes_from else ORDER
    verdicts = [verdict for rule in order if (verdict := rule.judge(case)) is not None]
    if all(verdict.verdict == "admit" for verdict in verdicts) and (last := hand_over.judge(case)) is not None:
        verdicts.append(last)
    verdicts.sort(key=lambda verdict: verdict.because in ELSEWHERE)
    return verdicts


def _other_hand(case: Case, verdicts: list[Verdict]) -> bool:
    """Whether a booking could still turn this no.

    Two codes in either order are one visit: whoever shows the proof first is not told that the hall is closed, that the
    day is full or that it is the wrong proof, where the booking says otherwise.
    """
    deciding = answer(verdicts)
    if case.booking is not None or case.final or not case.healths:
        return False
    if deciding is None or deciding.verdict not in ("refuse", "staff"):
        return False
    return any(_helps(_said(each)) for each in booking.in_the_other_hand(case))


def _helps(verdicts: list[Verdict]) -> bool:
    """To be let in, to be asked for more or, who hands goods over, to be served."""
    deciding = answer(verdicts)
    return deciding is None or deciding.verdict in ("admit", "wait") or deciding.because == "hand_over"


def answer(verdicts: list[Verdict]) -> Verdict | None:
    """The verdict that decides: the most severe, of equals the first. None: admit.

    Of reasons to lead somebody away the plan's own (3.1.2e) counts before a proof that is missing: it holds the lane.
    """
    return max(verdicts, key=lambda verdict: (SEVERITY[verdict.verdict], _by_the_plan(verdict)), default=None)


def _by_the_plan(verdict: Verdict) -> bool:
    return verdict.verdict == "isolate" and verdict.clause == "3.1.2e"
