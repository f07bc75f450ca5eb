"""3.1.1a: book online, come in a time slot. Inside the slot and its grace, once across all doors, in this hall.

Early: wait, and when to come back. Late: the next step. A first scan freezes the arrival for some minutes, so that our
own queue makes nobody late. The grace widens the slot, never the pass' expiry.
"""

from __future__ import annotations

import datetime as dt

from firmware.core.facts import Booking
from firmware.rules.verdict import Case, Verdict

CLAUSE = "3.1.1a"


def judge(case: Case) -> Verdict | None:
    if case.booking is None:
        return _missing(case)
    if case.booking.hall != case.hall:
        return Verdict(CLAUSE, "refuse", "wrong_hall")
    if case.booking.revoked:
        return Verdict("3.1.4c", "refuse", "revoked")
    if _used_up(case, case.booking):
        return Verdict(CLAUSE, "refuse", "used")
    return _dates(case, case.booking) if case.moment.trusted else case.doubt(CLAUSE, "clock", "clock_doubtful")


def _used_up(case: Case, booking: Booking) -> bool:
    """A booking is for once and its re-entries, on one local day. A staff badge is no booking: it comes and goes."""
    if case.used is None or booking.key_kind == "staff":
        return False
    if case.used.times > (case.rules.re_entries if case.rules else 0):
        return True
    return case.moment.trusted and dt.datetime.fromtimestamp(case.used.at_s, case.zone).date() != case.local.date()


def _missing(case: Case) -> Verdict | None:
    if case.unproved is not None or case.rules is None or case.rules.booking != "required" or _walks_in(case):
        return None
    if case.final or case.health is None:
        return Verdict(CLAUSE, "refuse", "not_booked")
    return Verdict(CLAUSE, "wait", "booking_missing", phrase="other_booking", asks_for="booking")


def _walks_in(case: Case) -> bool:
    return case.rulebook.walk_in and case.rules is not None and case.rules.booking != "required"


def _dates(case: Case, booking: Booking) -> Verdict | None:
    arrived = case.arrived_s if case.arrived_s is not None else case.now_s
    slot = case.rulebook.slot
    starts = booking.slot_start_s if booking.slot_start_s is not None else booking.not_before_s
    ends = booking.slot_end_s if booking.slot_end_s is not None else booking.expires_s
    opens = starts - slot.early_minutes * 60
    if case.now_s >= booking.expires_s:
        return Verdict(CLAUSE, "refuse", "expired")
    if booking.slot_start_s is not None:  # the grace widens the slot, never the pass
        opens = max(opens, booking.not_before_s)
    if case.now_s < opens:
        back = dt.datetime.fromtimestamp(opens, case.zone)
        return Verdict(CLAUSE, "wait", "early", values={"time": f"{back.hour}:{back.minute:02}"})
    if arrived > ends + slot.late_minutes * 60:
        return Verdict(CLAUSE, "refuse", "late")
    return None
