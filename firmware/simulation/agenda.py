"""What is to happen when: calls by their elapsed time, in the order they were asked for when the time is the same."""

from __future__ import annotations

import heapq
from collections.abc import Callable

Call = Callable[[], object]


class Agenda:
    """Times are elapsed milliseconds. Nothing in here waits; whoever owns it asks what is due."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Call]] = []
        self._count = 0

    def at(self, t_ms: float, call: Call) -> None:
        self._count += 1
        heapq.heappush(self._heap, (t_ms, self._count, call))

    def next_ms(self) -> float | None:
        return self._heap[0][0] if self._heap else None

    def do_due(self, t_ms: float) -> int:
        """Make every call that is due at `t_ms`; answer how many there were."""
        done = 0
        while self._heap and self._heap[0][0] <= t_ms:
            heapq.heappop(self._heap)[2]()
            done += 1
        return done
