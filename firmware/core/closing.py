"""After closing: somebody walks through the hall and says that it is empty, and the count begins at zero again.

Until then an alarm reminds of it. Exits run all night; nothing here ever shuts one.
"""

from __future__ import annotations

import datetime as dt

from firmware.core import bank
from firmware.core.estimate import inside
from firmware.core.turn import Turn
from firmware.rulebook.book import Rulebook


def closed_since(turn: Turn) -> dt.datetime | None:
    """When the hall closed, local time; None while it is open, or nobody can know."""
    book = turn.rulebook
    if book is None or not turn.moment.trusted:
        return None
    local = turn.moment.local(turn.zone)
    return None if book.open_at(local) else book.last_closing(local)


def sweep_pressed(turn: Turn, held_ms: int) -> bool:
    """This press says that the hall is empty, and not what a shorter one would say: only while the hall is closed."""
    return turn.rulebook is not None and held_ms >= turn.rulebook.sweep.press_ms and closed_since(turn) is not None


def sweep(turn: Turn, who: str) -> str:
    """The hall was found empty. Answers why not, or nothing.

    The bank sets the count to zero; with other doors in the hall their entries must have been held before somebody
    walked through it. At another door the counters stay as they are, and the alarm and the wait for a recount end.
    """
    state = turn.state
    since = closed_since(turn)
    if since is None:
        return "hall_open" if turn.moment.trusted else "clock_doubtful"
    for name, _ in state.resources() if state.rights.bank else ():
        because = bank.recount(turn, 0, f"sweep-{state.seq + 1}", name)
        if because:
            return because
    state.swept_day = str(since.date())
    for _, own in state.resources():
        bank.counted_anew(turn, own, f"hall found empty by {who}")
    turn.alarm("people_inside", active=False, detail=f"hall found empty by {who}")
    state.sweep_alarm = ""
    return ""


def tend(turn: Turn) -> None:
    """Remind when people are still counted inside, long after closing: once an evening, and over when they are gone."""
    state, book = turn.state, turn.rulebook
    if book is None or not book.sweep.remind_minutes or not turn.moment.trusted:
        return
    if state.sweep_alarm:
        if inside(state) <= 0:
            state.sweep_alarm = ""
            turn.alarm("people_inside", active=False)
    elif inside(state) > 0 and (since := _due_since(turn, book)) is not None:
        state.sweep_alarm = str(since.date())
        turn.alarm("people_inside", detail=f"{inside(state)} counted inside since closing at {since:%H:%M}")


def _due_since(turn: Turn, book: Rulebook) -> dt.datetime | None:
    since = closed_since(turn)
    if since is None or turn.state.swept_day == str(since.date()):
        return None
    late = turn.now >= turn.at(since + dt.timedelta(minutes=book.sweep.remind_minutes))
    return since if late else None


def due(turn: Turn) -> list[int]:
    """When the reminder is due, elapsed time; looked for again at every event, so only what comes next counts."""
    book, state = turn.rulebook, turn.state
    if book is None or not book.sweep.remind_minutes or not turn.moment.trusted or state.sweep_alarm:
        return []
    if inside(state) <= 0:
        return []
    local = turn.moment.local(turn.zone)
    left = book.closing_in(local)
    if left is not None:
        begins = local.replace(second=0, microsecond=0) + dt.timedelta(minutes=left)
    else:
        last = book.last_closing(local)
        if last is None or state.swept_day == str(last.date()):
            return []
        begins = last
    due_ms = turn.at(begins + dt.timedelta(minutes=book.sweep.remind_minutes))
    return [due_ms] if due_ms > turn.now else []
