"""4.1 to 4.3: the idle signs show hours, services, how to book, the phone and the rules in force, from the rulebook.

And what remains: places in the hall, and numbers for people without a booking (3.1.1b). The sign turns the pages by
itself; it hears of new ones only when something on them has changed. Without a `[contact]` the site's own text stands.
"""

from __future__ import annotations

import datetime as dt

from firmware.core import emergency, estimate, quotas
from firmware.core.actions import SignIdle
from firmware.core.turn import Turn
from firmware.rulebook.book import Rulebook
from firmware.rulebook.visits import Contact
from firmware.rulebook.words import when

Page = tuple[str, str]
PAGES_MAX = 16
Left = tuple[int | None, ...]
"""What remains, in the order of `REMAINS`; None: there is no such limit, or nobody without a booking is received."""
REMAINS = ("page_places", "page_numbers", "page_slot", "page_cases")


def show(turn: Turn) -> None:
    """Tell every sign whose pages have changed. In an evacuation all say leave, and a lift's not this way, however long."""
    book, state = turn.rulebook, turn.state
    if state.evacuated_by:
        _tell(turn, "evacuated", {setup.name: (_page(turn, emergency.word(setup)),) for setup in state.setups})
    elif book is None or not (book.contact.phone or book.contact.booking_zh or book.contact.online_zh):
        if state.idle_shown:
            _tell(turn, "", dict.fromkeys(state.lanes, ()))
    else:
        _show(turn, book)


def _show(turn: Turn, book: Rulebook) -> None:
    local = turn.moment.local(turn.zone) if turn.moment.trusted else None
    left = _left(turn, book, local)
    held = [lane.name for lane in turn.state.lanes.values() if lane.state == "held"]
    shown = f"{book.serial} {local.date() if local else ''} {left} {held}"
    if shown == turn.state.idle_shown:
        return
    pages = tuple(pages_of(book, local, turn, left)[:PAGES_MAX])
    by_lane = {setup.name: pages if setup.entry else () for setup in turn.state.setups}
    _tell(turn, shown, by_lane | dict.fromkeys(held, (_page(turn, "held"), *_ways(turn, book.contact))))


def due(turn: Turn) -> list[int]:
    """When the pages change by themselves: at midnight, and with every slot that has a quota of its own."""
    if not turn.state.idle_shown or turn.state.evacuated_by or turn.rulebook is None or not turn.moment.trusted:
        return []
    slot, local = turn.rulebook.slot, turn.local
    minute, midnight = local.hour * 60 + local.minute, local.replace(hour=0, minute=0, second=0, microsecond=0)
    ends = min(minute - minute % slot.minutes + slot.minutes, 24 * 60) if slot.quota else 24 * 60
    return [turn.at(midnight + dt.timedelta(minutes=ends))]


def _tell(turn: Turn, shown: str, by_lane: dict[str, tuple[Page, ...]]) -> None:
    if shown == turn.state.idle_shown:
        return
    turn.state.idle_shown = shown
    page_ms = turn.rulebook.contact.page_seconds * 1000 if turn.rulebook else 8_000
    turn.actions += [SignIdle(lane=lane, pages=pages, page_ms=page_ms) for lane, pages in by_lane.items()]


def _page(turn: Turn, reason: str) -> Page:
    said = turn.words(reason)
    return said.sign_zh, said.sign_en


def _left(turn: Turn, book: Rulebook, local: dt.datetime | None) -> Left:
    if local is None:
        return (None,) * len(REMAINS)
    whole = estimate.limit(turn.state, book.limit_on(local.date())) or 0
    places = max(0, whole - max(0, estimate.inside(turn.state)))
    if not quotas.walk_in(turn.state, book, local.date()):
        return places, None, None, None
    remains = quotas.remains(turn, book, local)
    return places, remains.day, remains.slot, remains.cases


def pages_of(book: Rulebook, local: dt.datetime | None, turn: Turn, left: Left) -> list[Page]:
    pages = [_page(turn, "idle")]
    if local is not None:
        pages += _hours(turn, book, local)
    pages += [
        *_remains(turn, left),
        *_rules(book, turn, local),
        *_ways(turn, book.contact),
        *_services(turn, book, local),
    ]
    return pages


def _hours(turn: Turn, book: Rulebook, local: dt.datetime) -> list[Page]:
    spans = book.hours.spans_on(local.date(), None)
    if spans:
        return [page for span in spans for page in turn.pages("page_hours", span=_span(span))]
    opening = book.next_opening(local, None)
    return turn.pages("page_closed") + (turn.pages("page_opens", **when(opening)) if opening else [])


def _remains(turn: Turn, left: Left) -> list[Page]:
    told = zip(REMAINS, left, strict=True)
    return [page for reason, number in told if number is not None for page in turn.pages(reason, n=number)]


def _rules(book: Rulebook, turn: Turn, local: dt.datetime | None) -> list[Page]:
    """What a visitor has to bring just now."""
    rules = book.rules_for("visitor", local.date()) if local else book.classes.get("visitor")
    if rules is None:
        return []
    asked = [("pcr", "pcr" in rules.proof), ("mask", rules.mask != "none")]
    said = [turn.words(phrase, hours=rules.pcr_validity_hours) for phrase, wanted in asked if wanted]
    return [(words.sign_zh, words.sign_en) for words in said]


def _ways(turn: Turn, contact: Contact) -> list[Page]:
    ways = (
        ("page_booking", {"booking": contact.booking_zh, "booking_en": contact.booking_en or contact.booking_zh}),
        ("page_online", {"online": contact.online_zh, "online_en": contact.online_en or contact.online_zh}),
        ("page_phone", {"phone": contact.phone}),
    )
    return [page for reason, values in ways if all(values.values()) for page in turn.pages(reason, **values)]


def _services(turn: Turn, book: Rulebook, local: dt.datetime | None) -> list[Page]:
    """Where each service is, and its hours of today where they are not the hall's."""
    pages = list[Page]()
    for service, place in book.place.items():
        name = {"name": place.name_zh or service, "name_en": place.name_en or service}
        if local is not None and service in book.hours.service:
            spans = " ".join(map(_span, book.hours.spans_on(local.date(), service)))
            pages += turn.pages("page_service_hours", span=spans, **name) if spans else []
        elif reason := WHERE.get((bool(place.floor), bool(place.window))):
            pages += turn.pages(reason, floor=place.floor, window=place.window, **name)
    return pages


WHERE = {
    (True, True): "page_service_place",
    (True, False): "page_service_floor",
    (False, True): "page_service_window",
}


def _span(span: tuple[int, int]) -> str:
    return "-".join(f"{minute // 60}:{minute % 60:02}" for minute in span)
