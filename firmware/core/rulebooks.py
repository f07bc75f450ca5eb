"""Which rulebook is in force: taken, waiting for its day, or fallen back to.

Two are kept besides the next one: whoever pushes a bad rulebook can order the one before it back, also with no file at
hand. One that is valid only later waits on the device and begins by trusted time, without a network (2.3).
"""

from __future__ import annotations

import datetime as dt

from firmware.core import bank, quotas
from firmware.core.events import RulebookLoaded
from firmware.core.records import RulebookTaken
from firmware.core.turn import Turn
from firmware.errors import Mistake
from firmware.rulebook.book import Rulebook


def loaded(turn: Turn, event: RulebookLoaded) -> None:
    state = turn.state
    same = event.text == state.rulebook_text
    if event.text == state.rulebook_next and not same:
        return  # it waits here already
    try:
        book, zone = turn.read(event.text)
    except Mistake as mistake:
        record(turn, None, "refused", str(mistake))
        return
    highest = max(state.rulebook_serial, state.rulebook_highest)
    offered = event.came_by != "fallback" and not same
    if offered and book.serial <= highest:
        record(turn, book.serial, "refused", f"serial {book.serial} is not above {highest}")
    elif offered and _over(turn, book):
        record(turn, book.serial, "refused", f"its last day was {book.valid_until}")
    elif not same and _waits(turn, book):
        _keep_for_later(turn, event.text, book)
    else:
        put_in_force(turn, event.text, book, zone)
        if not same:
            record(turn, book.serial, "taken")


def record(turn: Turn, serial: int | None, result: str, because: str = "") -> None:
    turn.records.append(RulebookTaken(**turn.header(), serial=serial, result=result, because=because))  # type: ignore[arg-type]


def put_in_force(turn: Turn, text: bytes, book: Rulebook, zone: dt.tzinfo) -> None:
    """From now on. What was ordered for the day by command ends with the rulebook it was ordered against."""
    state = turn.state
    if text != state.rulebook_text:
        state.rulebook_before = state.rulebook_text
        state.orders_day = ""
        for _, own in state.resources():
            own.limit_day, own.limit_ordered = "", None
        if book.serial > state.rulebook_highest:  # newer than whatever waits
            state.rulebook_next, state.rulebook_next_from, state.rulebook_next_until = b"", "", ""
    state.rulebook_text, state.rulebook_serial = text, book.serial
    state.rulebook_highest = max(state.rulebook_highest, book.serial)
    turn.rulebook, turn.zone = book, zone
    bank.follow(turn)


# -------------------------------------------------------------- the next one


def _waits(turn: Turn, book: Rulebook) -> bool:
    """Its first day is still to come. A device without any rulebook has nothing to keep until then."""
    return turn.rulebook is not None and book.valid_from > quotas.today(turn).date()


def _over(turn: Turn, book: Rulebook) -> bool:
    """It would put the clock in doubt, and everybody would be sent to the staff. Better than none it is all the same."""
    return turn.rulebook is not None and turn.moment.trusted and book.valid_until < turn.local.date()


def _keep_for_later(turn: Turn, text: bytes, book: Rulebook) -> None:
    state = turn.state
    state.rulebook_next, state.rulebook_highest = text, max(state.rulebook_highest, book.serial)
    state.rulebook_next_from, state.rulebook_next_until = str(book.valid_from), str(book.valid_until)
    record(turn, book.serial, "taken", f"in force from {book.valid_from}")


def keep(turn: Turn) -> None:
    """Let the next rulebook begin on its first day, when the clock can be trusted."""
    state = turn.state
    if not state.rulebook_next or not turn.moment.trusted:
        return
    if str(turn.moment.local(turn.zone).date()) < state.rulebook_next_from:
        return
    text = state.rulebook_next
    state.rulebook_next, state.rulebook_next_from, state.rulebook_next_until = b"", "", ""
    try:
        book, zone = turn.read(text)
    except Mistake as mistake:
        record(turn, None, "refused", str(mistake))
        return
    put_in_force(turn, text, book, zone)
    record(turn, book.serial, "taken", "its first day has begun")


def due(turn: Turn) -> list[int]:
    """The midnight at which the next one begins, elapsed time."""
    if not turn.state.rulebook_next or not turn.moment.trusted:
        return []
    begins = dt.datetime.fromisoformat(turn.state.rulebook_next_from).replace(tzinfo=turn.zone)
    return [turn.now + max(1, int(begins.timestamp() * 1000) - turn.moment.wall_ms)]


# -------------------------------------------------------------- the one before


def fall_back(turn: Turn) -> str:
    """Use the rulebook before this one again. Answers why not, or nothing. What is given up stays as the other one."""
    state = turn.state
    if not state.rulebook_before:
        return "no_other_rulebook"
    try:
        book, zone = turn.read(state.rulebook_before)
    except Mistake:
        return "other_rulebook_unusable"
    if turn.moment.trusted and not book.valid_on(turn.moment.local(zone).date()):
        return "other_rulebook_out_of_date"
    given_up = state.rulebook_serial
    state.rulebook_highest = max(state.rulebook_highest, given_up)
    put_in_force(turn, state.rulebook_before, book, zone)
    record(turn, book.serial, "taken", f"fall-back from {given_up}")
    return ""
