"""3.1.5d: the lifts are divided, visitors take theirs and those who work here another."""

from __future__ import annotations

from firmware.core import guide
from firmware.rules.verdict import Case, Verdict

STAFF_LIFT = {"lift": "内部电梯", "lift_en": "the internal lift"}
"""By the plan's own word."""


def judge(case: Case) -> Verdict | None:
    if case.setup.direction != "elevator" or case.person_class in case.setup.classes:
        return None
    works_here = case.person_class == "staff" or (case.booking is not None and case.booking.key_kind == "staff")
    theirs = STAFF_LIFT if works_here else {name: said for name, said in guide.lift(case).items() if said}
    return Verdict("3.1.5d", "refuse", "other_lift", phrase="wrong_lift", values=theirs)
