"""The next step, in values for the words: zone, floor, window and lift of a booking, the online path, the phone.

3.1.3a "in and diverted at once", 3.2.1 contact-free first, 3.2.5 consultation reachable. All of it is rulebook data.
"""

from __future__ import annotations

from typing import Any

from firmware.core.facts import Booking
from firmware.rulebook.book import Rulebook
from firmware.rulebook.visits import Place
from firmware.rules.verdict import Case, Verdict

NOWHERE = Place()
TRY_AGAIN = frozenset({"not_read", "not_verified", "wrong_lane", "wrong_lift", "wide_lane", "host_missing"})
"""A no whose next step is here and now."""


def place_of(book: Rulebook, booking: Booking | None) -> Place:
    """Where this booking's business is done; a place without words where the rulebook does not say."""
    if booking is None:
        return NOWHERE
    return book.place.get(booking.zone or "") or book.place.get(booking.service or "") or NOWHERE


def welcome(case: Case) -> tuple[str, dict[str, Any]]:
    """Where to go: by the rulebook's place, else by the pass, whose zone is `floor-window` (3-12) or a floor alone."""
    if case.booking is None:
        return "admit", {}
    if case.person_class == "staff":
        return "admit_staff", {}
    floor, window = _where(case)
    if not floor and not window:
        return ("admit_party", {"n": case.persons}) if case.persons > 1 else ("admit", {})
    values = {**lift(case), **({"floor": floor} if floor else {}), **({"window": window} if window else {})}
    return "admit_ground" if floor in ("", "1") else "admit", values


def _where(case: Case) -> tuple[str, str]:
    booking = case.booking
    assert booking is not None
    place = place_of(case.rulebook, booking)
    floor, _, window = (booking.zone or "").partition("-")
    if booking.zone in case.rulebook.place:  # a name, no number
        floor = window = ""
    return (place.floor or floor, place.window or window) if place.floor or place.window else (floor, window)


def lift(case: Case) -> dict[str, str]:
    """Which lift whoever stands here takes."""
    place, contact = place_of(case.rulebook, case.booking), case.rulebook.contact
    return {"lift": place.lift_zh or contact.lift_zh, "lift_en": place.lift_en or contact.lift_en}


def next_step(case: Case, verdict: Verdict) -> dict[str, Any]:
    """The online path and the phone go with a no; who is told to wait, to try again or to see the staff needs neither."""
    if verdict.verdict != "refuse" or (verdict.phrase or verdict.because) in TRY_AGAIN:
        return {}
    place, contact = place_of(case.rulebook, case.booking), case.rulebook.contact
    values = {
        "online": place.online_zh or contact.online_zh,
        "online_en": place.online_en or contact.online_en or place.online_zh or contact.online_zh,
        "phone": place.phone or contact.phone,
    }
    return {name: value for name, value in values.items() if value}
