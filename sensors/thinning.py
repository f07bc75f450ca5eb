"""A range sensor says everything ten times a second; what changes a decision is rare. This keeps the rare part.

What matters is how many people stand there and whether two of them are closer than allowed. A change is told after it
has lasted `settle_ms`, at most every `PACE_MS`; a gap that has been too small is large enough again only with a tenth
more, so that two people who stand on the limit do not flicker.
"""

from __future__ import annotations

import itertools
import math

from sensors.readings import AnyReading, Gap, Position, Positions

PACE_MS = 500.0
HYSTERESIS = 1.1
PATIENCE = 3
"""What keeps changing is told as it is after so many more times `settle_ms`: flicker must not hide two people."""

PERSONS_MAX = 24
"""Whose distances are looked at; no sensor we know sees more."""

Area = tuple[float, float, float, float]


class SpacingDigest:
    """Feed it every Positions (or Gap, from a sensor that only measures gaps); it answers (persons, gap_mm) or None.

    `minimum_mm`: the distance people have to keep. `area`: only people in x_min, y_min, x_max, y_max (metres, the
    frame of the positions) count; None: everybody. `gap_mm` is None with fewer than two people.
    """

    def __init__(self, minimum_mm: int, settle_ms: float = 300.0, area: Area | None = None) -> None:
        self._minimum_mm = minimum_mm
        self._settle_ms = settle_ms
        self._area = area
        self._now: tuple[int, int | None] = (0, None)
        self._links_now: tuple[int, ...] = ()
        self.links_mm: tuple[int, ...] = ()
        """Of what was told last: the distances that join everybody, each the shortest there is, in order."""
        self._close = 0
        """How many of them are too short."""
        self._told: tuple[int, int] | None = None
        """Persons and how many distances were too short, as last told."""
        self._wanted: tuple[int, int] | None = None
        self._restless_ms = 0.0
        """Since when what is seen differs from what was told."""
        self._told_ms = float("-inf")
        self._positions = False
        """This sensor says positions; the gaps it also says are known from them."""
        self.wake_at_ms: float | None = None
        """When `tick` has something to tell if nothing else comes."""

    def feed(self, reading: AnyReading, t_ms: float) -> tuple[int, int | None] | None:
        due = self.tick(t_ms)  # a change that was due before this reading came is told as it was then
        match reading:
            case Positions(persons=persons):
                self._positions = True
                self._now = self._measured(persons)
            case Gap(gap_mm=gap_mm) if not self._positions:
                self._now, self._links_now = (2, gap_mm), (gap_mm,)
            case _:
                return due
        self._judge(t_ms)
        return self.tick(t_ms) or due

    def tick(self, t_ms: float) -> tuple[int, int | None] | None:
        if self.wake_at_ms is None or t_ms < self.wake_at_ms:
            return None
        self._told, self._told_ms = self._wanted, t_ms
        self._wanted = self.wake_at_ms = None
        self.links_mm = self._links_now
        return self._now

    def _measured(self, persons: tuple[Position, ...]) -> tuple[int, int | None]:
        there = [person for person in persons if self._inside(person)]
        self._links_now = links_mm(there[:PERSONS_MAX])
        return len(there), self._links_now[0] if self._links_now else None

    def _inside(self, person: Position) -> bool:
        if self._area is None:
            return True
        x_min, y_min, x_max, y_max = self._area
        return x_min <= person.x_m <= x_max and y_min <= person.y_m <= y_max

    def _judge(self, t_ms: float) -> None:
        persons, _ = self._now
        close = sum(gap < self._minimum_mm for gap in self._links_now)
        still = sum(gap < self._minimum_mm * HYSTERESIS for gap in self._links_now)
        self._close = max(close, min(still, self._close))
        state = (persons, self._close)
        if state == self._told:
            self._wanted = self.wake_at_ms = None
        elif state != self._wanted:
            self._restless_ms = t_ms if self._wanted is None else self._restless_ms
            self._wanted = state
            settled_ms = min(t_ms, self._restless_ms + PATIENCE * self._settle_ms) + self._settle_ms
            self.wake_at_ms = max(settled_ms, self._told_ms + PACE_MS)


def links_mm(persons: list[Position]) -> tuple[int, ...]:
    """The shortest distances that join everybody (a minimum spanning tree), ascending: a family is a few short ones."""
    pairs = itertools.combinations(range(len(persons)), 2)
    gaps = sorted((_gap_mm(persons[one], persons[other]), one, other) for one, other in pairs)
    group = list(range(len(persons)))
    links = []
    for gap, one, other in gaps:
        if group[one] != group[other]:
            links.append(gap)
            joined, into = group[other], group[one]
            group = [into if each == joined else each for each in group]
    return tuple(links)


def _gap_mm(one: Position, other: Position) -> int:
    return round(math.hypot(one.x_m - other.x_m, one.y_m - other.y_m) * 1000)
