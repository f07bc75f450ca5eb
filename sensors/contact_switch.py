"""One electrical contact: a fire loop, a door leaf, an attendant's button.

Wiring: with `pull = "up"` (default) between the pin and GND, level 0 = loop closed; with `pull = "down"` between the
    pin and 3.3 V, level 1 = loop closed. Wire a fire loop normally closed: a cut wire then reads as fire. Long loops
    go through an optocoupler, never straight to a Pi pin. `pull = "none"`: an outside resistor, polarity as for "up".
On the wire: one level. Contacts bounce for a few ms. A change counts when it has lasted `debounce_ms`. A loop that
    keeps chattering AWAY from its normal position counts as away after 50 ms at the latest, even if it never holds
    still: debouncing must not hide a fire. Back to normal counts only after `debounce_ms` of quiet.
    `Contact.closed` is the electrical loop, not the meaning: what an open fire loop means is the lane's knowledge.
Source: house.md and mission.md (fire input normally closed); contact bounce of a few ms is common knowledge.
Tested on: the simulator only.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from sensors.driver import Driver, Edge, Example, Later, Raw, Send
from sensors.driver import Settings as DriverSettings
from sensors.readings import AnyReading, Contact

CHATTER_LIMIT_MS = 50.0
"""Longest time between the first edge away from normal and its report."""


class Settings(DriverSettings, frozen=True, kw_only=True):
    normally: Literal["closed", "open"] = "closed"
    """The quiet position. Leaving it is never hidden by chatter."""
    pull: Literal["up", "down", "none"] = "up"
    debounce_ms: Annotated[int, Meta(ge=0, le=50)] = 20


class Decoder:
    def __init__(self, settings: Settings) -> None:
        self._normal = settings.normally == "closed"
        self._closed_level = 1 if settings.pull == "down" else 0
        self._debounce_ms = settings.debounce_ms
        self._reported: bool | None = None
        self._closed = False
        self._edge_ms = 0.0
        self._restless_since: float | None = None
        """First edge since the contact was last quiet in the reported position."""
        self.wake_at_ms: float | None = None

    def feed(self, raw: Raw, t_ms: float) -> list[AnyReading | Send]:
        if not isinstance(raw, Edge) or raw.pin != "contact" or raw.level not in (0, 1):
            return []
        out = self._judge(t_ms)
        closed = raw.level == self._closed_level
        if self._reported is None:
            self._closed = self._reported = closed
            return [Contact(closed)]
        if closed != self._closed:
            self._closed, self._edge_ms = closed, t_ms
            if self._restless_since is None:
                self._restless_since = t_ms
        return [*out, *self._judge(t_ms)]

    def tick(self, t_ms: float) -> list[AnyReading | Send]:
        return [*self._judge(t_ms)]

    def _judge(self, t_ms: float) -> list[AnyReading | Send]:
        """Report what is due by `t_ms`; the answer depends on the edges' times only, not on how often it is asked."""
        if self._restless_since is None:
            return []
        limit_ms = self._restless_since + CHATTER_LIMIT_MS
        quiet_ms = self._edge_ms + self._debounce_ms
        if self._reported == self._normal and limit_ms < quiet_ms and t_ms >= limit_ms:
            return self._report(not self._normal, restless_since=limit_ms if self._closed == self._normal else None)
        if t_ms >= quiet_ms:
            return self._report(self._closed, restless_since=None)
        self.wake_at_ms = min(quiet_ms, limit_ms) if self._reported == self._normal else quiet_ms
        return []

    def _report(self, closed: bool, restless_since: float | None) -> list[AnyReading | Send]:
        changed = closed != self._reported
        self._reported, self._restless_since = closed, restless_since
        self.wake_at_ms = None if restless_since is None else self._edge_ms + self._debounce_ms
        return [Contact(closed)] if changed else []


class Simulator:
    """A switch with its bounce: the first `bounces` edges come 1 ms apart before the contact holds still."""

    def __init__(self, settings: Settings, bounces: int = 0) -> None:
        self._closed_level = 1 if settings.pull == "down" else 0
        self._bounces = bounces

    def show(self, reading: AnyReading, t_ms: float) -> list[Later]:
        if not isinstance(reading, Contact):
            return []
        level = self._closed_level if reading.closed else 1 - self._closed_level
        edges = range(2 * self._bounces + 1)
        return [Later(Edge("contact", level if edge % 2 == 0 else 1 - level), float(edge)) for edge in edges]

    def hear(self, raw: bytes | Edge, t_ms: float) -> list[Later]:
        return []


DRIVER = Driver(
    name="contact_switch",
    port="pins",
    settings=Settings,
    decoder=Decoder,
    simulator=Simulator,
    examples=(
        Example("the first level is told at once", (Edge("contact", 0),), (Contact(True),), "the rule above: pull up"),
        Example(
            "the loop opens and closes",
            (Edge("contact", 0), Edge("contact", 1), Edge("contact", 0)),
            (Contact(True), Contact(False), Contact(True)),
            "the rule above: pull up",
        ),
        Example(
            "a cut wire at start",
            (Edge("contact", 1),),
            (Contact(False),),
            "mission.md: a cut wire is fire",
        ),
        Example(
            "a bounce of 3 ms is no change",
            (Edge("contact", 0), Edge("contact", 1), Later(Edge("contact", 0), 3.0)),
            (Contact(True),),
            "the rule above",
        ),
        Example(
            "chatter away from normal is told after 50 ms",
            (Edge("contact", 0), *(Later(Edge("contact", level % 2), 10.0) for level in range(1, 8))),
            (Contact(True), Contact(False)),
            "the rule above: seven edges 10 ms apart, the last one open",
        ),
        Example(
            "pulled down",
            (Edge("contact", 1), Edge("contact", 0)),
            (Contact(True), Contact(False)),
            "the rule above: pull down",
            settings=Settings(pull="down"),
        ),
    ),
    pins=("contact",),
    gives=(Contact,),
)
