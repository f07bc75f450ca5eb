"""A lift inside the hall: some visitors ride to a zone with a limit of its own, stay there a while, and come down again.

Up they ask at the landing and wait for the lift to be called; down nobody asks them. The tally of the zone is the
world's own, as the hall's is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from firmware.simulation.crowd import Visitor
from firmware.simulation.rig import Rig
from sensors.readings import Crossing, Scan

PATIENCE_MS = 4_000
AGAIN_MS = 3_000
TRIES_MAX = 4
"""Then somebody does their errand down here."""
STEP_MS = 600
QUEUE_MAX = 4


@dataclass
class ZoneTally:
    """What really happened upstairs."""

    limit: int
    inside: int = 0
    inside_peak: int = 0
    over_limit: int = 0
    rides: int = 0
    gave_up: int = 0

    def up(self) -> None:
        self.rides += 1
        self.inside += 1
        self.inside_peak = max(self.inside_peak, self.inside)
        self.over_limit = max(self.over_limit, self.inside - self.limit)

    def down(self) -> None:
        self.rides += 1
        self.inside -= 1


class Lift:
    """The landing of one lift; `passed` is called for every body that steps in or out."""

    def __init__(self, rig: Rig, lane: str, limit: int, passed: Callable[[], object]) -> None:
        self._rig, self.lane, self._passed = rig, lane, passed
        self.tally = ZoneTally(limit)
        self._waiting: deque[tuple[Visitor, Callable[[], object]]] = deque()
        self._coming_down: deque[Callable[[], object]] = deque()
        self._busy = self._stepping = False
        self._tries = 0
        rig.when_gate(lane, self._called)

    def ride(self, visitor: Visitor, after: Callable[[], object]) -> None:
        """Up, stay for a while, down; then `after`. Who finds a queue, or no place, goes on at once."""
        if len(self._waiting) >= QUEUE_MAX:
            after()
        else:
            self._waiting.append((visitor, after))
            self._next()

    def _next(self) -> None:
        if self._busy:
            return
        if self._coming_down:
            self._busy = self._stepping = True
            self._cross("out", self._coming_down.popleft())
        elif self._waiting:
            self._busy, self._tries = True, 0
            self._ask()

    def _ask(self) -> None:
        visitor, _ = self._waiting[0]
        self._tries += 1
        self._rig.show(self.lane, "scanner", Scan(visitor.codes[0]))
        self._rig.after(PATIENCE_MS, lambda: self._not_called(visitor, self._tries))

    def _not_called(self, visitor: Visitor, tries: int) -> None:
        """Still the same person, who has not asked again since."""
        if self._stepping or not self._waiting or self._waiting[0][0] is not visitor or tries != self._tries:
            return
        if self._tries < TRIES_MAX and not self._coming_down:
            self._rig.after(AGAIN_MS, self._ask)
            return
        self._tries = 0
        _, after = self._waiting.popleft()
        self.tally.gave_up += 1
        after()
        self._free()

    def _called(self, is_open: bool) -> None:
        if not is_open or self._stepping or not self._busy or not self._waiting:
            return
        self._stepping = True
        visitor, after = self._waiting.popleft()
        self._rig.after(visitor.reacts_ms, lambda: self._cross("in", lambda: self._upstairs(visitor, after)))

    def _cross(self, way: str, then: Callable[[], object]) -> None:
        self._rig.show(self.lane, "counter", Crossing(way, STEP_MS))  # type: ignore[arg-type]
        self._rig.after(STEP_MS, lambda: self._crossed(way, then))

    def _crossed(self, way: str, then: Callable[[], object]) -> None:
        self._passed()
        self.tally.up() if way == "in" else self.tally.down()
        then()
        self._rig.after(STEP_MS, self._free)

    def _upstairs(self, visitor: Visitor, after: Callable[[], object]) -> None:
        self._rig.after(visitor.dwells_ms / 3, lambda: self._down(after))

    def _down(self, after: Callable[[], object]) -> None:
        self._coming_down.append(after)
        self._next()

    def _free(self) -> None:
        self._busy = self._stepping = False
        self._next()
