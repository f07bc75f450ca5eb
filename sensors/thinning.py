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
        self._close = False
        self._told: tuple[int, bool] | None = None
        """Persons and whether they were too close, as last told."""
        self._wanted: tuple[int, bool] | None = None
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
                self._now = (2, gap_mm)
            case _:
                return due
        self._judge(t_ms)
        return self.tick(t_ms) or due

    def tick(self, t_ms: float) -> tuple[int, int | None] | None:
        if self.wake_at_ms is None or t_ms < self.wake_at_ms:
            return None
        self._told, self._told_ms = self._wanted, t_ms
        self._wanted = self.wake_at_ms = None
        return self._now

    def _measured(self, persons: tuple[Position, ...]) -> tuple[int, int | None]:
        there = [person for person in persons if self._inside(person)]
        gaps = [math.hypot(a.x_m - b.x_m, a.y_m - b.y_m) * 1000 for a, b in itertools.combinations(there, 2)]
        return len(there), round(min(gaps)) if gaps else None

    def _inside(self, person: Position) -> bool:
        if self._area is None:
            return True
        x_min, y_min, x_max, y_max = self._area
        return x_min <= person.x_m <= x_max and y_min <= person.y_m <= y_max

    def _judge(self, t_ms: float) -> None:
        persons, gap_mm = self._now
        limit_mm = self._minimum_mm * (HYSTERESIS if self._close else 1.0)
        self._close = gap_mm is not None and gap_mm < limit_mm
        state = (persons, self._close)
        if state == self._told:
            self._wanted = self.wake_at_ms = None
        elif state != self._wanted:
            self._restless_ms = t_ms if self._wanted is None else self._restless_ms
            self._wanted = state
            settled_ms = min(t_ms, self._restless_ms + PATIENCE * self._settle_ms) + self._settle_ms
            self.wake_at_ms = max(settled_ms, self._told_ms + PACE_MS)
