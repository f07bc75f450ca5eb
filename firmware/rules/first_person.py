"""2.1, 4.1: the day is opened by a person. Until one of the named classes was at this door, nobody else is let in."""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict

CLAUSE = "4.1"


def judge(case: Case) -> Verdict | None:
    openers = case.rulebook.opening.first_person
    if not openers or case.person_class in openers or case.opened_today:
        return None
    if not case.moment.trusted:
        return case.doubt(CLAUSE, "clock", "clock_doubtful")
    return Verdict(CLAUSE, "wait", "first_person", phrase="held")
