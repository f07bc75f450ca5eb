"""3.1.5d: no more ride in a car than keep their distance. Asked when the hall itself has room, like the room of the hall."""

from __future__ import annotations

from firmware.core import car
from firmware.rules.verdict import Case, Verdict

CLAUSE = "3.1.5d"


def judge(case: Case) -> Verdict | None:
    most = car.capacity(case.setup, case.rulebook)
    if most is None or case.lane.aboard + case.persons <= most:
        return None
    if case.persons > most:  # it would wait for ever
        return Verdict(CLAUSE, "staff", "party_over_car", phrase="staff")
    return Verdict(CLAUSE, "wait", "car_over" if case.lane.car_over else "car_full", phrase="car_full")
