"""3.1.5a: breaks by date, weekday and time, for disinfection above all. Entry pauses; exits do not know of it."""

from __future__ import annotations

from firmware.rulebook.tables import minutes_of
from firmware.rules.verdict import Case, Verdict

CLAUSE = "3.1.5a"


def judge(case: Case) -> Verdict | None:
    minute = case.local.hour * 60 + case.local.minute
    for hold in case.rulebook.hold:
        if not hold.at(case.setup.name):
            continue
        if not case.moment.trusted:
            return case.doubt(CLAUSE, "clock", "clock_doubtful")
        first, end = minutes_of(hold.span)
        if first <= minute < end and hold.due_on(case.local.date()):
            return Verdict(CLAUSE, "wait", hold.reason, phrase="break", values={"time": f"{end // 60}:{end % 60:02}"})
    return None
