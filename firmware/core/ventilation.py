"""3.1.5c, by contacts: windows open, the air conditioning off, and fire doors shut whatever else is open.

    role               wrong while            an alarm after                                  called
    window             shut, hall open        `grace_minutes` of that, with `windows = "open"`   window_shut
    air_conditioning   running (loop closed)  `grace_minutes`, with `conditioning = "off"`       conditioning_on
    fire_door          open                   `[alarms] held_open_seconds`                    fire_door_open

Nobody is asked for anything by them, and no gate moves: they remind. A doubtful clock knows no opening hours.
"""

from __future__ import annotations

from firmware.core.air_state import Contact
from firmware.core.state import HallState, LaneState
from firmware.core.turn import Turn
from firmware.rulebook.book import Rulebook

ALARMS = {"window": "window_shut", "air_conditioning": "conditioning_on", "fire_door": "fire_door_open"}


def contact(turn: Turn, lane: LaneState, role: str, closed: bool) -> None:
    known = lane.contacts.get(role)
    if known is None or known.closed != closed:
        told = known is not None and known.told
        lane.contacts[role] = Contact(closed=closed, since_ms=turn.now, told=told)


def tend(turn: Turn, lane: LaneState) -> None:
    for role, at in lane.contacts.items():
        late = _late_ms(turn, role, at)
        wrong = late is not None and turn.now >= late
        if wrong != at.told:
            at.told = wrong
            turn.alarm(ALARMS[role], lane.name, active=wrong)


def due(turn: Turn, lane: LaneState) -> list[int]:
    """When `tend` has something to do next; the hall's opening and closing are among it."""
    times: list[int] = []
    for role, at in lane.contacts.items():
        late = _late_ms(turn, role, at)
        if late is not None:
            times.append(late)
        if role == "window" and at.closed and turn.rulebook is not None and turn.moment.trusted:
            times += _next_change(turn, turn.rulebook)
    return [at_ms for at_ms in times if at_ms > turn.now]


def leaves_may_be_open(turn: Turn) -> bool:
    """Whether an open door leaf is what the plan wants just now."""
    book = turn.rulebook
    return book is not None and book.air.doors == "open" and _open(turn, book)


def closing(turn: Turn) -> list[int]:
    """When the hall closes, elapsed time."""
    left = turn.rulebook.closing_in(turn.local) if turn.rulebook else None
    return [] if left is None else [_minute(turn) + left * 60_000]


def closed_ms(turn: Turn) -> int | None:
    """The elapsed time at which the hall closed last, where open leaves were wanted until then."""
    book = turn.rulebook
    if book is None or book.air.doors != "open" or not turn.moment.trusted:
        return None
    last = book.last_closing(turn.local)
    return None if last is None else turn.at(last)


def amiss(lane: LaneState) -> tuple[str, ...]:
    """What is an alarm here now."""
    return tuple(ALARMS[role] for role, at in lane.contacts.items() if at.told)


# -------------------------------------------------------------- when it is wrong


def _late_ms(turn: Turn, role: str, at: Contact) -> int | None:
    """From when on this is an alarm, as it stands now; None: it is as it should be."""
    book = turn.rulebook
    if book is None:
        return None
    grace_ms = book.air.grace_minutes * 60_000
    if role == "fire_door":
        return None if at.closed or _everybody_out(turn.state) else at.since_ms + book.alarms.held_open_seconds * 1000
    if not at.closed:
        return None
    if role == "air_conditioning":
        return at.since_ms + grace_ms if book.air.conditioning == "off" else None
    if book.air.windows != "open" or not _open(turn, book):
        return None
    open_ms = book.open_for(turn.local) * 60_000
    return max(at.since_ms, _minute(turn) - open_ms) + grace_ms


def _everybody_out(state: HallState) -> bool:
    return bool(state.fire_lanes or state.evacuated_by)


def _open(turn: Turn, book: Rulebook) -> bool:
    return turn.moment.trusted and book.open_at(turn.local)


def _minute(turn: Turn) -> int:
    """The elapsed time at which this local minute began."""
    return turn.at(turn.local.replace(second=0, microsecond=0))


def _next_change(turn: Turn, book: Rulebook) -> list[int]:
    if book.air.windows != "open":
        return []
    if book.open_at(turn.local):
        return closing(turn)
    opening = book.next_opening(turn.local)
    return [] if opening is None else [turn.at(opening)]
