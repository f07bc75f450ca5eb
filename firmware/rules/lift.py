"""3.1.5d: the lifts are divided, visitors take theirs and the staff another; and no more ride than keep their distance."""

from __future__ import annotations

from firmware.core import car, guide
from firmware.rules.verdict import Case, Verdict

CLAUSE = "3.1.5d"
STAFF_LIFT = {"lift": "内部电梯", "lift_en": "the internal lift"}
"""By the plan's own word."""


def judge(case: Case) -> Verdict | None:
    if case.setup.direction != "elevator":
        return None
    if case.person_class not in case.setup.classes:
        named = (
            STAFF_LIFT
            if case.person_class == "staff"
            else {name: said for name, said in guide.lift(case).items() if said}
        )
        return Verdict(CLAUSE, "refuse", "other_lift", phrase="wrong_lift", values=named)
    most = car.capacity(case.setup, case.rulebook)
    if most is None or case.lane.aboard + case.persons <= most:
        return None
    if case.persons > most:  # it would wait for ever
        return Verdict(CLAUSE, "staff", "party_over_car", phrase="staff")
    return Verdict(CLAUSE, "wait", "car_over" if case.lane.car_over else "car_full", phrase="car_full")
