"""2.2, 3.1.1b: the day's quota is a volume, share x base. It binds walk-ins; a valid booking is never refused for it."""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict


def judge(case: Case) -> Verdict | None:
    if case.booking is not None or case.unproved is not None or case.person_class != "visitor":
        return None
    if case.rules is None or case.rules.booking == "required":
        return None
    if not case.rulebook.walk_in:
        return Verdict("3.1.1a", "refuse", "not_booked")
    if not case.moment.trusted:
        return case.doubt("2.2", "clock", "clock_doubtful")
    if case.quota_used + case.persons > case.rulebook.quota_on(case.local.date()):
        return Verdict("2.2", "refuse", "quota")
    return None
