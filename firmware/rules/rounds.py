"""3.1.5a, 3.1.5b: entry pauses at a lane whose disinfection is much too late, where the rulebook wants that.

Who can do it is let in, and nobody is ever held in: exits do not know of it.
"""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict


def judge(case: Case) -> Verdict | None:
    point = case.late_round
    if point is None or case.person_class in point.who:
        return None
    clause = "3.1.5a" if point.after_hand_over_minutes is None else "3.1.5b"
    return Verdict(clause, "wait", "round_overdue")
