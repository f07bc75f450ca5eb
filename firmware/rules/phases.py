"""2.1, 2.2, 2.3: the dated phases. Who may come at all, by class; before the first phase nobody is received.

Also the lane: a door for staff is not a door for visitors (3.1.5d divides even the lifts).
"""

from __future__ import annotations

from firmware.rulebook.tables import Phase
from firmware.rules.verdict import Case, Verdict


def judge(case: Case) -> Verdict | None:
    today = _today(case)
    if case.person_class not in case.setup.classes and (today is None or today.verdict != "refuse"):
        return Verdict("3.1.3a", "refuse", "other_lane", phrase="wrong_lane")
    return today


def _today(case: Case) -> Verdict | None:
    if not case.moment.trusted:
        if case.rules is None:
            return Verdict("2.3", "refuse", "class_not_in_phase", phrase="not_in_phase")
        return case.doubt("2.3", "clock", "clock_doubtful")
    if not case.rulebook.valid_on(case.local.date()):
        return Verdict("2.3", "staff", "rulebook_out_of_date", phrase="staff")
    if case.phase is None:
        return Verdict("2.1", "refuse", "closed_phase", phrase="not_in_phase")
    if case.rules is None:
        return Verdict(clause_of(case.phase), "refuse", "class_not_in_phase", phrase="not_in_phase")
    return None


def clause_of(phase: Phase) -> str:
    """Preparation, limited or full opening: by the phase's own numbers, however a hall calls it."""
    if phase.commissioning or phase.share_percent == 0:
        return "2.1"
    return "2.2" if phase.share_percent < 100 else "2.3"
