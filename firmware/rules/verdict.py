"""What a rule sees and what it may say.

A rule is one clause of the plan in one file: `judge(case) -> Verdict | None`, None where it has nothing to say. It reads
the case, never changes it, and finds every number in the rulebook. The order of the rules is one list in
`firmware/rules/__init__.py`.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

import msgspec

from firmware.core.facts import Booking, Card, HealthTest, OtherHealth, Unproved
from firmware.core.moment import Moment
from firmware.core.records import Answer, Remains
from firmware.core.series import Measured
from firmware.core.state import Attested, LaneSetup, LaneState, Sentinel, Used
from firmware.rulebook.book import Rulebook
from firmware.rulebook.round_tables import Point
from firmware.rulebook.tables import ClassRules, OnFail, Phase

SEVERITY: dict[Answer, int] = {"admit": 0, "wait": 1, "staff": 2, "refuse": 3, "isolate": 4}
"""Of several answers the most severe one is given; among equals the first in the order of the rules."""


class Verdict(msgspec.Struct, frozen=True):
    """`because`: one snake_case word; `phrase`: key of the words said (default: `because`); `values` fill its blanks."""

    clause: str
    verdict: Answer
    because: str
    phrase: str = ""
    asks_for: str = ""
    """Set where only something more is asked for: `booking`, `health`, `host`, `code`, `card`, `temperature`, or an attendant's
    word (`core/attest.py`). With a `wait` the person shows it; with `staff` the visit stays open for the attendant."""
    values: dict[str, Any] = {}


class Case(msgspec.Struct, kw_only=True):
    """One person in front of one gate, with everything a rule may want to know. Built once per judgement."""

    moment: Moment
    zone: dt.tzinfo
    rulebook: Rulebook
    phase: Phase | None
    setup: LaneSetup
    lane: LaneState
    person_class: str
    rules: ClassRules | None
    booking: Booking | None
    health: HealthTest | OtherHealth | None
    """The one that stands for the person; `healths` are all that were shown, one of a kind."""
    healths: tuple[HealthTest | OtherHealth, ...]
    unproved: Unproved | None
    """A code that proves nothing. Then `readable` alone is asked, and no other rule sees the case."""
    measured: Measured | None = None
    """What the thermometer of this lane, or the sentinel's, says of this person; None: nothing measures here."""
    final: bool
    """True when the time to show more proofs is over: what is missing now is missing."""
    free: int
    used: Used | None
    arrived_s: int | None
    """Wall second of this pass' first scan, while its arrival freeze lasts."""
    held_entry: str
    """Why entry is held on the whole device (`recount`), or empty."""
    journal_ok: bool
    ahead: int
    """People who were told to wait before this one."""
    local: dt.datetime
    interlocked: str = ""
    """Another lane of the same interlock that is open now."""
    entered_ms: int | None = None
    """Elapsed time at which this pass came in last, where anti-passback remembers it."""
    opened_today: bool = False
    """The first person of `[opening]` was here."""
    unwell: bool = False
    """Somebody pressed "I do not feel well" at this lane just now."""
    card: Card | None = None
    sentinel: Sentinel | None = None
    held_at: str = ""
    """The device at which this person was led away today (3.1.2e)."""
    walk_in: bool = False
    """People without a booking are received today."""
    remains: Remains = Remains(places=0, day=0)
    """What is left of the limit and of each quota, before this visit."""
    in_use: bool = False
    """Another lane of this device is open just now with this very pass."""
    host: Booking | None = None
    """The badge of a host who was here just now."""
    late_round: Point | None = None
    """What is to be disinfected at this lane, much too late, and holds its entry (3.1.5a)."""
    air: Literal["", "bad", "unknown"] = ""
    """Of where this lane leads (3.1.5c); empty: good, or nobody measures it."""
    now_s: int = 0
    """The wall second."""
    persons: int = 0
    """Bodies that come in on this: the party, the helper who goes with it (3.1.1c), and a host who comes in with it."""

    def __post_init__(self) -> None:
        self.now_s = self.moment.wall_ms // 1000
        self.persons = self._bodies()

    def _bodies(self) -> int:
        rules, booking = self.rules, self.booking
        if rules is not None and not rules.enters:
            return 0
        own = booking.party + booking.helper if booking is not None else 1
        with_host = rules is not None and rules.host == "required" and rules.host_enters
        return own + (with_host and self.host is not None and not self.lane.host_inside)

    @property
    def on_fail(self) -> OnFail:
        """Where a danger leads, also for a class that this phase does not receive: the plan says "whoever" (3.1.2e)."""
        rules = self.rules or self.rulebook.classes.get(self.person_class)
        return OnFail() if rules is None else rules.on_fail

    @property
    def cases(self) -> int:
        return self.booking.cases if self.booking else 1

    def doubt(self, clause: str, kind: str, because: str) -> Verdict | None:
        """The rulebook's answer to one kind of doubt; None when it says admit."""
        answer: Answer = getattr(self.rulebook.on_doubt, kind)
        return None if answer == "admit" else Verdict(clause, answer, because, phrase="staff")


def attested(case: Case, what: str) -> Attested | None:
    """The last word an attendant gave on `what` in this visit."""
    words = case.lane.visit.attested if case.lane.visit is not None else ()
    return next((each for each in reversed(words) if each.what == what), None)
