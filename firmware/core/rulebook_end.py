"""An alarm some days before a rulebook's last one: behind it the clock is in doubt, and everybody is sent to the staff."""

from __future__ import annotations

import datetime as dt

from firmware.core.turn import Turn
from firmware.rulebook.book import Rulebook

DAY = dt.timedelta(days=1)


def tend(turn: Turn) -> None:
    """Told once; over when another rulebook is in force, or waits for the day behind the last."""
    book, state = turn.rulebook, turn.state
    if book is None or not turn.moment.trusted:
        return
    near = book.alarms.rulebook_ends_days > 0 and _days_until_told(turn, book) <= 0
    last = str(_last_day(turn, book)) if near else ""
    if last != state.rulebook_ends:
        state.rulebook_ends = last
        turn.alarm("rulebook_ends", active=near, detail=last and f"its last day is {last}, and no next one waits")


def due(turn: Turn) -> list[int]:
    """The midnight at which it is to be told, elapsed time."""
    book = turn.rulebook
    if book is None or not turn.moment.trusted or not book.alarms.rulebook_ends_days:
        return []
    days = _days_until_told(turn, book)
    if days <= 0:
        return []
    return [turn.at(dt.datetime.combine(turn.local.date() + days * DAY, dt.time(), turn.zone))]


def _days_until_told(turn: Turn, book: Rulebook) -> int:
    return (_last_day(turn, book) - turn.local.date()).days - book.alarms.rulebook_ends_days + 1


def _last_day(turn: Turn, book: Rulebook) -> dt.date:
    """The next rulebook's, where it begins without a day between."""
    state = turn.state
    if state.rulebook_next and dt.date.fromisoformat(state.rulebook_next_from) - DAY <= book.valid_until:
        return dt.date.fromisoformat(state.rulebook_next_until)
    return book.valid_until
