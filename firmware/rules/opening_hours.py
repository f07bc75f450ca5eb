"""3.2.6, 4.3: opening hours, per weekday, date and service, and the last entry before closing.

They bind visitors; who is not bound is the rulebook's data (`keeps_hours`), without it the staff alone.
"""

from __future__ import annotations

import datetime as dt

from firmware.rulebook.words import when
from firmware.rules.verdict import Case, Verdict

PHRASES = {0: "closed", 1: "closed_tomorrow"}
"""By the days until the next opening: at ten past five in the evening "opens at 9:00" would be four hours away."""


def judge(case: Case) -> Verdict | None:
    if not _bound(case) or not case.moment.trusted:
        return None
    service = (case.booking.service or None) if case.booking else None
    left = case.rulebook.closing_in(case.local, service)
    if left is None:
        return _closed(case.rulebook.next_opening(case.local, service), case.local)
    last = _last_entry(case)
    return _over(case.rulebook.next_opening(case.local, service), case.local) if last and left <= last else None


def _bound(case: Case) -> bool:
    keeps = case.rules.keeps_hours if case.rules else None
    return case.person_class != "staff" if keeps is None else keeps


def _last_entry(case: Case) -> int:
    own = case.rules.last_entry_minutes if case.rules else None
    return case.rulebook.hours.last_entry_minutes if own is None else own


def _closed(opening: dt.datetime | None, local: dt.datetime) -> Verdict:
    if opening is None:
        return Verdict("3.2.6", "refuse", "closed")
    days = (opening.date() - local.date()).days
    return Verdict("3.2.6", "refuse", "closed", phrase=PHRASES.get(days, "closed_day"), values=when(opening))


def _over(opening: dt.datetime | None, local: dt.datetime) -> Verdict:
    """The last entry of this opening is over; before a midday break that is not the day's last."""
    if opening is None or opening.date() != local.date():
        return Verdict("3.2.6", "refuse", "last_entry")
    return Verdict("3.2.6", "refuse", "last_entry", phrase="last_entry_break", values=when(opening))
