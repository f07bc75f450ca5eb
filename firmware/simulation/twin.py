"""The device that could have been: the controller of a recorded one, under another rulebook, at the recorded times.

It hears what the recorded one heard, as far as that could still have happened, wakes by its own wishes, and does what
`agenda` asks of it in between (somebody tries again, somebody leaves). Times of facts and moments may be shifted by
whole days, so that a rulebook can be rehearsed that was not valid then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from firmware.core.controller import Controller
from firmware.core.events import AnyEvent, CodeRead, RowArrived, RulebookLoaded, Started, Woken
from firmware.core.facts import AnyFact, Booking, Card, HealthTest, OtherHealth
from firmware.core.moment import Moment
from firmware.core.occupancy import Row
from firmware.core.records import AnyRecord
from firmware.core.state import HallState, LaneState
from firmware.recovery import new_controller
from firmware.rulebook.book import Rulebook
from firmware.simulation.agenda import Agenda
from firmware.trust.rulebook_file import zone

SPIN_MAX = 10_000
"""Wake-ups between two recorded events; a controller that asks for more has gone wrong."""


class Twin:
    """`heard` is called with the records of every turn."""

    def __init__(self, inc: str, rulebook: bytes, shift_s: int, heard: Callable[[list[AnyRecord]], None]) -> None:
        self.controller = new_controller(inc)
        self.rulebook, self.shift_s, self.heard = rulebook, shift_s, heard
        self.agenda = Agenda()
        self.moment = Moment(0, 0)
        self._wake: int | None = None
        self._has_rules = False

    @property
    def state(self) -> HallState:
        return self.controller.state

    @property
    def book(self) -> Rulebook:
        assert self.controller.rulebook is not None
        return self.controller.rulebook

    @property
    def now_s(self) -> int:
        return self.moment.wall_ms // 1000

    def lane(self, name: str) -> LaneState | None:
        return self.state.lanes.get(name)

    # ------------------------------------------------------------ time

    def go_to(self, recorded: Moment) -> None:
        """Everything due until this recorded moment, in order."""
        then = Moment(recorded.elapsed_ms, recorded.wall_ms + self.shift_s * 1000, recorded.trusted)
        for _ in range(SPIN_MAX):
            due = self._next()
            if due is None or due > then.elapsed_ms:
                break
            self._do_due(due, then)
        self.moment = then

    def _next(self) -> float | None:
        times = [time for time in (self._wake, self.agenda.next_ms()) if time is not None]
        return min(times, default=None)

    def _do_due(self, due: float, then: Moment) -> None:
        elapsed = max(int(due), self.moment.elapsed_ms)
        self.moment = Moment(elapsed, then.wall_ms - (then.elapsed_ms - elapsed), then.trusted)
        before = self._wake
        if self.agenda.do_due(elapsed):
            return
        self.do(Woken())
        if self._wake is not None and self._wake == before:
            self._wake += 1

    def after(self, seconds: float, call: Callable[[], object]) -> None:
        self.agenda.at(self.moment.elapsed_ms + seconds * 1000, call)

    # ------------------------------------------------------------ events

    def do(self, event: AnyEvent) -> None:
        outcome = self.controller.handle(event, self.moment)
        self._wake = outcome.wake_at_ms
        if outcome.records:
            self.heard(outcome.records)

    def begin(self, event: Started, recorded: Moment) -> None:
        """A start of the recorded device. Another boot counts elapsed time anew: what was planned is forgotten."""
        if event.boot != self.state.boot:
            self.agenda, self._wake = Agenda(), None
            self.moment = Moment(recorded.elapsed_ms, recorded.wall_ms + self.shift_s * 1000, recorded.trusted)
        else:
            self.go_to(recorded)
        self.do(event)
        if not self._has_rules:
            self.take_rules()

    def restore(self, snapshot: bytes) -> None:
        """Begin with a picture of the recorded device's memory."""
        self.controller = Controller.restore(snapshot, zone)
        self.agenda, self._wake, self._has_rules = Agenda(), None, False

    def take_rules(self) -> None:
        """From here on by the rehearsed rulebook; a limit that was ordered by hand ends with the old one."""
        self._has_rules = True
        self.do(RulebookLoaded(text=self.rulebook, kid="rehearsal", came_by="fallback"))

    @property
    def has_rules(self) -> bool:
        return self._has_rules

    def shifted(self, event: AnyEvent) -> AnyEvent:
        """The recorded event as this device hears it."""
        if isinstance(event, CodeRead) and self.shift_s:
            return msgspec.structs.replace(event, fact=moved(event.fact, self.shift_s))
        if isinstance(event, RowArrived):
            return msgspec.structs.replace(event, row=self._believable(event.row, event.resource))
        return event

    def _believable(self, row: Row, resource: str) -> Row:
        """Peers cannot have seen more gifts than this device gave: in the rehearsal it gave others."""
        own = self.state.resource(resource)
        if own is None or own.rights.inc not in row.V:
            return row
        inc = own.rights.inc
        seen = {**row.V, inc: min(row.V[inc], own.rights.T.get(row.inc, 0))}
        return msgspec.structs.replace(row, V=seen)


def moved(fact: AnyFact, seconds: int) -> AnyFact:
    """The same proof, as many seconds later."""
    names: tuple[str, ...] = ()
    changes: dict[str, Any] = {}
    if isinstance(fact, Booking):
        names = ("not_before_s", "expires_s", "slot_start_s", "slot_end_s")
        changes["tests"] = tuple(moved(test, seconds) for test in fact.tests)
    elif isinstance(fact, HealthTest):
        names = ("sampled_s", "reported_s", "issued_s", "expires_s")
    elif isinstance(fact, OtherHealth):
        names = ("issued_s", "expires_s")
    elif isinstance(fact, Card) and fact.booking is not None:
        changes["booking"] = moved(fact.booking, seconds)
    times = {name: value + seconds for name in names if (value := getattr(fact, name)) is not None}
    return msgspec.structs.replace(fact, **times, **changes)
