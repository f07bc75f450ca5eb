"""`[rounds]`, clauses 3.1.5a and 3.1.5b: what is disinfected how often and by whom, and what becomes of it when nobody does."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from firmware.rulebook.tables import ClassName, Id, LaneName, Minutes, Span, Table
from firmware.rulebook.visits import Text

Interval = Annotated[int, Meta(ge=1, le=24 * 60)]


class Point(Table, frozen=True, kw_only=True):
    """`[[rounds.point]]`: one place or one kind of goods, and who signs that it was done.

    By the clock (`every_minutes`) or after each hand-over (`after_hand_over_minutes`): exactly one of the two.
    """

    name: Id
    """As orders, events and the status call it."""
    name_zh: Text = ""
    """As people call it; absent: `name`."""
    name_en: Text = ""
    """The same in English."""
    lane: LaneName | None = None
    """Badge and button of this lane sign it off, and the device that has the lane keeps its time. Absent: only the order does."""
    device: Id | None = None
    """Who keeps its time; absent: the device that has `lane`, and without a lane the bank."""
    every_minutes: Interval | None = None
    """So long after it was last done, or after the day's `within` began, it is due; once a day at least, at the end of it."""
    after_hand_over_minutes: Interval | None = None
    """So long after goods were handed over at `lane` they have been disinfected (3.1.5b)."""
    within: tuple[Span, ...] = ()
    """When it is asked for, from the first to the last of these, every day; none: in the opening hours of the day,
    the longer ones of a service with them."""
    who: tuple[ClassName, ...] = ("cleaner", "staff")
    """Classes of passes and badges that sign it off at the lane."""
    responsible: Text = ""
    """Who answers for it, on each of its events; absent: as for the lane (4.1)."""
    hold: bool = False
    """Entry at `lane` pauses while it is much too late; who may sign it off is let in all the same."""


class Rounds(Table, frozen=True, kw_only=True):
    """`[rounds]`. Without points there are none."""

    remind_minutes: Minutes = 10
    """So long before it is due a round is called due."""
    grace_minutes: Minutes = 15
    """So long after it was due it is late (amber)."""
    red_minutes: Minutes = 30
    """So long after it was due it is much too late (red): an alarm."""
    escalate_minutes: Annotated[int, Meta(ge=1, le=24 * 60)] = 30
    """The alarm is given again after each of these while nobody does it."""
    press_ms: Annotated[int, Meta(ge=3_000, le=20_000)] = 8_000
    """A badge that also opens the lane, and any pass at a way out, signs off by a press of this length; else by any press."""
    point: tuple[Point, ...] = ()
    """`[[rounds.point]]`, at most 40."""
