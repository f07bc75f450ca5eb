"""2.2, 3.1.1b: quotas of the day, of a slot and of cases. A quota is a volume, no occupancy.

They bind walk-ins and new grants: who comes without a booking, and lines of the roster without a slot. A valid booking is
never refused for one, and who comes back on the same proof takes a place, not a quota.
"""

from __future__ import annotations

from firmware.rules import booking
from firmware.rules.verdict import Case, Verdict


def judge(case: Case) -> Verdict | None:
    if case.rules is None or (case.booking is None and case.rules.booking == "required"):
        return None
    counted = counts(case)
    if case.booking is None and not case.walk_in and not _came_back(case):
        if case.rules.booking == "optional":
            return booking.asked_for(case)
        return Verdict("3.1.1a", "refuse", "not_booked") if counted else None
    if not counted:
        return None
    doubt = None if case.moment.trusted else case.doubt("2.2", "clock", "clock_doubtful")
    return doubt or _short(case)  # a hall that admits in doubt still keeps its volume, by the last day that was known


def _short(case: Case) -> Verdict | None:
    left = case.remains
    if case.persons > left.day:
        return Verdict("2.2", "refuse", "quota")
    if left.cases is not None and case.cases > left.cases:
        return Verdict("3.2.3", "refuse", "case_quota")
    if left.slot is not None and case.persons > left.slot:
        return Verdict("3.1.1b", "refuse", "slot_quota")
    return None


def counts(case: Case) -> bool:
    """Whether this visit takes something of the quotas."""
    rules, visit = case.rules, case.booking
    if rules is None or not rules.counts_quota or _came_back(case) or case.setup.comes_from:
        return False
    if visit is None:
        return True
    if visit.key_kind == "staff" or rules.booking == "none":
        return False
    if visit.source == "roster" and visit.slot_start_s is None:
        return True
    return case.rulebook.slot.late == "walk_in" and case.moment.trusted and booking.is_late(case, visit)


def _came_back(case: Case) -> bool:
    """It let somebody in today, and may do so again: whoever comes and goes is received once a day."""
    if case.used is None or case.rules is None or booking.used_on_another_day(case):
        return False
    return case.rules.comes_and_goes or 0 < case.used.times <= case.rules.re_entries
