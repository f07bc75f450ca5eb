"""3.1.1a: book online, come in a time slot. Inside the slot and its grace, once across all doors, in this hall.

Early: wait, and when to come back. Late: the next step. A first scan freezes the arrival for some minutes, so that our
own queue makes nobody late. The grace widens the slot, never the pass' expiry.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from msgspec.structs import replace

from firmware.core.facts import Booking
from firmware.core.roster import STAFF_CLASSES
from firmware.rulebook.tables import ClassRules, Slot
from firmware.rulebook.words import when
from firmware.rules.verdict import Case, Verdict

CLAUSE = "3.1.1a"
FAR_S = 2**37
"""No calendar goes further; a signed slot may."""


def judge(case: Case) -> Verdict | None:
    if case.booking is None:
        return _missing(case)
    if case.booking.hall != case.rulebook.hall:
        return Verdict(CLAUSE, "refuse", "wrong_hall")
    if case.booking.revoked:
        return Verdict("3.1.4c", "refuse", "revoked")
    if case.setup.comes_from:
        return _of_today(case, case.booking)
    if _used_up(case, case.booking):
        return Verdict(CLAUSE, "refuse", "used")
    if case.in_use:  # until its bearer has come through there, nobody knows whether it will be used
        return Verdict(CLAUSE, "wait", "in_use", phrase="take_turn")
    if case.rules is not None and case.rules.slot_required and case.booking.slot_start_s is None:
        return Verdict("3.2.3", "refuse", "no_slot")
    return _dates(case, case.booking) if case.moment.trusted else case.doubt(CLAUSE, "clock", "clock_doubtful")


def _used_up(case: Case, booking: Booking) -> bool:
    """A booking is for once and its re-entries, on one local day. A staff badge is no booking: it comes and goes."""
    if case.used is None or booking.key_kind == "staff" or (case.rules is not None and case.rules.comes_and_goes):
        return False
    if case.used.times > (case.rules.re_entries if case.rules else 0):
        return True
    return used_on_another_day(case)


def used_on_another_day(case: Case) -> bool:
    """By the hall's calendar; a doubtful clock knows of no other day."""
    if case.used is None or not case.moment.trusted:
        return False
    return dt.datetime.fromtimestamp(case.used.at_s, case.zone).date() != case.local.date()


def _missing(case: Case) -> Verdict | None:
    """Without a booking, where one is required. Who may come without is the quota's affair (2.2)."""
    return asked_for(case) if case.rules is not None and case.rules.booking == "required" else None


def asked_for(case: Case) -> Verdict:
    """Who shows a proof first may still have a booking in the other hand: two codes in either order are one visit."""
    if case.final:
        return Verdict(CLAUSE, "refuse", "not_booked")
    return Verdict(CLAUSE, "wait", "booking_missing", phrase="other_booking", asks_for="booking")


def in_the_other_hand(case: Case) -> Iterator[Case]:
    """Whoever showed a proof alone, as the holder of every booking that could follow.

    Of each class of this lane that has bookings, for each service with hours of its own, in time.
    """
    classes = [name for name in case.setup.classes if name in case.rulebook.classes]
    for name in classes:
        known = case.moment.trusted
        rules = case.rulebook.rules_in(case.phase, name) if known else case.rulebook.classes[name]
        if rules is not None and rules.booking == "none":
            continue
        for service in (None, *case.rulebook.hours.service):
            yield replace(
                case, person_class=name, rules=rules, booking=_in_time(case, name, service), used=None, entered_ms=None
            )


def _in_time(case: Case, person_class: str, service: str | None) -> Booking:
    return Booking(
        sha256="", person=None, pass_id="", issuer="", hall=case.rulebook.hall, person_class=person_class, service=service,
        key_kind="staff" if person_class in STAFF_CLASSES else "booking",
        not_before_s=case.now_s, expires_s=case.now_s + 1, slot_start_s=case.now_s, slot_end_s=case.now_s,
    )  # fmt: skip


def _of_today(case: Case, booking: Booking) -> Verdict | None:
    """Inside the hall. Hour and use were judged at its door, and who was in time may stay; another day's pass never was."""
    starts = booking.slot_start_s if booking.slot_start_s is not None else booking.not_before_s
    over = booking.slot_end_s if booking.slot_end_s is not None else booking.expires_s
    first, last = (dt.datetime.fromtimestamp(min(each, FAR_S), case.zone) for each in (starts, over))
    if not case.moment.trusted or first.date() <= case.local.date() <= last.date():
        return None
    return _early(case, first) if case.local < first else Verdict(CLAUSE, "refuse", "expired")


def _dates(case: Case, booking: Booking) -> Verdict | None:
    starts = booking.slot_start_s if booking.slot_start_s is not None else booking.not_before_s
    opens = starts - early_minutes(case.rules, case.rulebook.slot) * 60
    if case.now_s >= booking.expires_s:
        return Verdict(CLAUSE, "refuse", "expired")
    if booking.slot_start_s is not None:  # the grace widens the slot, never the pass
        opens = max(opens, booking.not_before_s)
    if case.now_s < opens:
        return _early(case, dt.datetime.fromtimestamp(min(opens, FAR_S), case.zone))
    return _late(case) if is_late(case, booking) else None


def _early(case: Case, back: dt.datetime) -> Verdict:
    """When to come back: the time, and the date where it is not today."""
    today = back.date() == case.local.date()
    return Verdict(CLAUSE, "wait", "early", phrase="" if today else "early_day", values=when(back))


def _late(case: Case) -> Verdict | None:
    if case.rulebook.slot.late == "walk_in" and case.walk_in and case.rules and case.rules.booking != "none":
        return None  # the quota decides
    answer = case.rulebook.slot.late
    return Verdict(CLAUSE, "staff" if answer == "staff" else "refuse", "late")


def is_late(case: Case, booking: Booking) -> bool:
    """After the slot and its grace, counted at the frozen arrival; the clock is trusted."""
    arrived = case.arrived_s if case.arrived_s is not None else case.now_s
    ends = booking.slot_end_s if booking.slot_end_s is not None else booking.expires_s
    return arrived > ends + late_minutes(case.rules, case.rulebook.slot) * 60


def early_minutes(rules: ClassRules | None, slot: Slot) -> int:
    own = rules.early_minutes if rules else None
    return slot.early_minutes if own is None else own


def late_minutes(rules: ClassRules | None, slot: Slot) -> int:
    own = rules.late_minutes if rules else None
    return slot.late_minutes if own is None else own
