"""Edges of light beams and switches with their chatter taken out, in the order in which they really happened.

A beam that is just being broken flickers: one real change comes as a burst of changes a few milliseconds apart. A
burst is over when the input has kept still for `debounce_ms`; what it came to is one edge, at the time the burst
BEGAN (that is when the body arrived; the end of the burst is noise). Two inputs settle independently, so an edge is
handed out only when no other input still has an older burst: whoever compares two beams can trust their order.
"""

from __future__ import annotations

from typing import NamedTuple

BURSTS_MAX = 4
"""An input that chatters without end is taken as it is after so many times `debounce_ms`; nothing waits for ever."""


class SettledEdge(NamedTuple):
    """`input` became active (True) or idle (False) at `t_ms`."""

    t_ms: float
    input: str
    active: bool


class _Input:
    __slots__ = ("active", "began_ms", "changed_ms", "name", "settled")

    def __init__(self, name: str) -> None:
        self.name = name
        self.settled = self.active = False
        self.began_ms: float | None = None
        self.changed_ms = 0.0


class Settler:
    """Takes raw edges of a few inputs, gives settled ones. All inputs are idle at the start."""

    def __init__(self, inputs: tuple[str, ...], debounce_ms: float) -> None:
        self._inputs = {name: _Input(name) for name in inputs}
        self._debounce_ms = debounce_ms
        self.wake_at_ms: float | None = None
        """When `due` may have something without another `feed`."""

    def feed(self, name: str, active: bool, t_ms: float) -> list[SettledEdge]:
        """A raw edge; unknown inputs and edges that change nothing are ignored. Answers what has settled by now."""
        edges = self.due(t_ms)
        found = self._inputs.get(name)
        if found is not None and found.active != active:
            found.active, found.changed_ms = active, t_ms
            if found.began_ms is None:
                found.began_ms = t_ms
        self._plan()
        return edges

    def due(self, t_ms: float) -> list[SettledEdge]:
        """Answer what has settled by `t_ms`, oldest first."""
        edges = []
        while (oldest := self._oldest()) is not None and t_ms >= self._settles_at(oldest):
            if oldest.active != oldest.settled:
                oldest.settled = oldest.active
                edges.append(SettledEdge(oldest.began_ms or 0.0, oldest.name, oldest.active))
            oldest.began_ms = None
        self._plan()
        return edges

    def known_until(self, t_ms: float) -> float:
        """Up to when nothing can be added any more: `t_ms`, or the beginning of the oldest burst."""
        oldest = self._oldest()
        return t_ms if oldest is None else min(t_ms, oldest.began_ms or 0.0)

    def idle(self) -> bool:
        """No input is active and none is changing."""
        return all(not each.settled and each.began_ms is None for each in self._inputs.values())

    def _oldest(self) -> _Input | None:
        bursts = [each for each in self._inputs.values() if each.began_ms is not None]
        return min(bursts, key=lambda each: each.began_ms or 0.0) if bursts else None

    def _settles_at(self, each: _Input) -> float:
        endless = (each.began_ms or 0.0) + BURSTS_MAX * self._debounce_ms
        return min(each.changed_ms + self._debounce_ms, endless)

    def _plan(self) -> None:
        oldest = self._oldest()
        self.wake_at_ms = None if oldest is None else self._settles_at(oldest)
