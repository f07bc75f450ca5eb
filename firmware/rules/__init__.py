"""Judgement: one clause of the plan per file, and their order, which is the one list below.

Whether somebody may pass at all comes first, then what they have to show, then whether there is room just now: so that
nobody is told to wait for a place that could not be theirs.
"""

from __future__ import annotations

from firmware.rules import (
    anti_passback,
    assisted,
    booking,
    direction,
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

ORDER = (
    readable,
    isolation,
    record,
    equipment,
    lift,
    phases,
    opening_hours,
    booking,
    party,
    host,
    staff_posts,
    anti_passback,
    quota,
    assisted,
    health_proof,
    health_code,
    same_person,
    symptoms,
    temperature,
    first_person,
    scheduled_hold,
    rounds,
    direction,
    interlock,
    occupancy,
    flow,
    spacing,
    mask,
)

AT_THE_HALLS_DOOR = frozenset(
    {
        opening_hours,
        host,
        anti_passback,
        quota,
        assisted,
        health_proof,
        health_code,
        same_person,
        symptoms,
        temperature,
        first_person,
        mask,
    }
)
"""Asked there alone: at a lane between two parts of the hall somebody has shown their proofs and been in time already."""

INSIDE = tuple(rule for rule in ORDER if rule not in AT_THE_HALLS_DOOR)


def judge(case: Case) -> list[Verdict]:
    """What every rule has to say, in order. Empty: nothing speaks against it."""
    if case.unproved is not None:
        first = readable.judge(case)
        return [first] if first else []
    order = INSIDE if case.setup.comes_from else ORDER
    verdicts = [verdict for rule in order if (verdict := rule.judge(case)) is not None]
    if all(verdict.verdict == "admit" for verdict in verdicts) and (last := hand_over.judge(case)) is not None:
        verdicts.append(last)
    return verdicts


def answer(verdicts: list[Verdict]) -> Verdict | None:
    """The verdict that decides: the most severe, of equals the first. None: admit."""
    return max(verdicts, key=lambda verdict: SEVERITY[verdict.verdict], default=None)
