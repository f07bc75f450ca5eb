"""Holds that the rulebook ends at a time of day."""

from __future__ import annotations

import datetime as dt

from firmware.core import attendant, incident
from firmware.core.state import LaneState
from firmware.core.turn import Turn


def tend(turn: Turn) -> None:
    """End the holds whose release has come. What was missed while the power was off is made up for on the same day."""
    book = turn.rulebook
    if book is None or not book.release or not turn.moment.trusted:
        return
    local = turn.local
    now = f"{local:%Y-%m-%d %H:%M}"
    before, turn.state.released = turn.state.released or now, now
    for release in book.release:
        if release.due_on(local.date()) and before < f"{local:%Y-%m-%d} {release.time}" <= now:
            _release(turn, [lane for lane in turn.state.lanes.values() if release.at(lane.name)])


def _release(turn: Turn, lanes: list[LaneState]) -> None:
    for lane in lanes:
        if lane.state == "held" and lane.held_because not in (incident.HELD, incident.UPSTREAM):
            turn.command_done(lane.name, f"schedule-{turn.state.seq + 1}", "release", "schedule", "")
            attendant.release(turn, lane, "schedule")


def due(turn: Turn, times: list[int]) -> list[int]:
    """`times` and the next scheduled release of this day, in elapsed time."""
    book = turn.rulebook
    if book is None or not book.release or not turn.moment.trusted:
        return times
    local = turn.local
    later = [_at(local, release.time) for release in book.release if release.due_on(local.date())]
    ahead = [turn.at(each) for each in later if each > local]
    return [*times, *ahead, turn.at(_at(local, "00:00") + dt.timedelta(days=1))]


def _at(local: dt.datetime, time: str) -> dt.datetime:
    return local.replace(hour=int(time[:2]), minute=int(time[3:]), second=0, microsecond=0)
