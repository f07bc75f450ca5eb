"""4.1 to 4.3: the idle signs show hours, services, how to book, the phone and the rules in force, from the rulebook.

And what remains: places in the hall, and numbers for people without a booking (3.1.1b). The sign turns the pages by
itself; it hears of new ones only when something on them has changed. Without a `[contact]` the site's own text stands.
"""

from __future__ import annotations

import datetime as dt

from firmware.core import picture, quotas
from firmware.core.actions import SignIdle
from firmware.core.turn import Turn
from firmware.rulebook.book import Rulebook

Page = tuple[str, str]
PAGES_MAX = 16


def show(turn: Turn) -> None:
    """Tell every sign whose pages have changed. During an evacuation all of them say leave, however long it lasts."""
    book, state = turn.rulebook, turn.state
    if state.evacuated_by:
        _tell(turn, "evacuated", dict.fromkeys(state.lanes, (_page(turn, "evacuate"),)))
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
    _tell(turn, shown, by_lane | dict.fromkeys(held, (_page(turn, "held"), *_ways(book))))


def _tell(turn: Turn, shown: str, by_lane: dict[str, tuple[Page, ...]]) -> None:
    if shown == turn.state.idle_shown:
        return
    turn.state.idle_shown = shown
    page_ms = turn.rulebook.contact.page_seconds * 1000 if turn.rulebook else 8_000
    turn.actions += [SignIdle(lane=lane, pages=pages, page_ms=page_ms) for lane, pages in by_lane.items()]


def _page(turn: Turn, reason: str) -> Page:
    said = turn.words(reason)
    return said.sign_zh, said.sign_en


def _left(turn: Turn, book: Rulebook, local: dt.datetime | None) -> tuple[int | None, int | None]:
    """(places in the hall, numbers for people without a booking); None: not told."""
    if local is None:
        return None, None
    whole = picture.limit(turn.state, book.limit_on(local.date())) or 0
    places = max(0, whole - max(0, picture.inside(turn.state)))
    walk_in = quotas.walk_in(turn.state, book, local.date())
    return places, quotas.remains(turn, book, local).day if walk_in else None


def pages_of(book: Rulebook, local: dt.datetime | None, turn: Turn, left: tuple[int | None, int | None]) -> list[Page]:
    pages = [_page(turn, "idle")]
    if local is not None:
        pages += _hours(book, local)
    pages += [*_remains(left), *_rules(book, turn, local), *_ways(book), *_services(book, local)]
    return pages


def _hours(book: Rulebook, local: dt.datetime) -> list[Page]:
    spans = book.hours.spans_on(local.date(), None)
    if spans:
        return [(f"今日 {_span(span)}", f"Today {_span(span)}") for span in spans]
    opening = book.next_opening(local)
    if opening is None:
        return [("今日闭馆", "Closed today")]
    time = f"{opening.hour}:{opening.minute:02}"
    return [
        (f"今日闭馆 {opening.month}月{opening.day}日{time}开", f"Closed, opens {opening.month}/{opening.day} {time}")
    ]


def _remains(left: tuple[int | None, int | None]) -> list[Page]:
    places, numbers = left
    pages = [(f"大厅余位 {places}", f"Places left: {places}")] if places is not None else []
    return [*pages, *([(f"今日余号 {numbers}", f"Numbers left today: {numbers}")] if numbers is not None else [])]


def _rules(book: Rulebook, turn: Turn, local: dt.datetime | None) -> list[Page]:
    """What a visitor has to bring just now."""
    rules = book.rules_for("visitor", local.date()) if local else book.classes.get("visitor")
    if rules is None:
        return []
    asked = [("pcr", "pcr" in rules.proof), ("mask", rules.mask != "none")]
    said = [turn.words(phrase, hours=rules.pcr_validity_hours) for phrase, wanted in asked if wanted]
    return [(words.sign_zh, words.sign_en) for words in said]


def _ways(book: Rulebook) -> list[Page]:
    contact = book.contact
    pages = [
        (
            f"预约 {contact.booking_zh}" if contact.booking_zh else "",
            f"Book: {contact.booking_en or contact.booking_zh}",
        ),
        (
            f"网上办 {contact.online_zh}" if contact.online_zh else "",
            f"Online: {contact.online_en or contact.online_zh}",
        ),
        (f"咨询{contact.phone}" if contact.phone else "", f"Call {contact.phone}"),
    ]
    return [page for page in pages if page[0]]


def _services(book: Rulebook, local: dt.datetime | None) -> list[Page]:
    """Where each service is, and its hours of today where they are not the hall's."""
    pages = list[Page]()
    for name, place in book.place.items():
        where_zh = f"{place.floor}楼" * bool(place.floor) + f"{place.window}号" * bool(place.window)
        where_en = " ".join(
            filter(None, (place.floor and f"floor {place.floor}", place.window and f"window {place.window}"))
        )
        if local is not None and name in book.hours.service:
            spans = book.hours.spans_on(local.date(), name)
            where_zh = where_en = " ".join(map(_span, spans)) if spans else ""
        if where_zh:
            pages.append((f"{place.name_zh or name} {where_zh}", f"{place.name_en or name}: {where_en}"))
    return pages


def _span(span: tuple[int, int]) -> str:
    return "-".join(f"{minute // 60}:{minute % 60:02}" for minute in span)
