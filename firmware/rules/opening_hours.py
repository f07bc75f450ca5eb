"""3.2.6, 4.3: opening hours, per weekday and per service. They bind visitors; staff come and go by their own class."""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict


def judge(case: Case) -> Verdict | None:
    if case.person_class == "staff" or not case.moment.trusted:
        return None
    service = case.booking.service if case.booking else None
    if case.rulebook.open_at(case.local, service):
        return None
    opening = case.rulebook.next_opening(case.local, service)
    values = {"time": f"{opening:%H:%M}"} if opening else {}
    return Verdict("3.2.6", "refuse", "closed", values=values)
