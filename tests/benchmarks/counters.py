"""How fast the counter and the radar understand: edges and frames per second on one core, beside an empty loop.

python -m tests.benchmarks.counters
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sensors import counter_beam_pair, range_ld2450
from sensors.driver import Edge, Raw
from sensors.readings import Crossing

WALKERS = 20_000
FRAMES = 50_000
Piece = tuple[float, Raw]


def walkers() -> list[Piece]:
    """Two people overlapping in the beams every 1.5 s, with chatter on one edge of each."""
    steps = [("outside", 1, 0), ("outside", 0, 3), ("outside", 1, 6), ("inside", 1, 92), ("outside", 0, 421)]
    steps += [("outside", 1, 467), ("inside", 0, 541), ("inside", 1, 618), ("outside", 0, 887), ("inside", 0, 969)]
    return [(i * 1_500.0 + after, Edge(pin, level)) for i in range(WALKERS // 2) for pin, level, after in steps]


def frames() -> list[Piece]:
    return [(i * 100.0, range_ld2450.TWO) for i in range(FRAMES)]


def play(decoder: Any, pieces: list[Piece]) -> list[Any]:
    """As a loop does it: tick when asked, feed what came."""
    out: list[Any] = []
    for t_ms, raw in pieces:
        while decoder.wake_at_ms is not None and decoder.wake_at_ms <= t_ms:
            before = decoder.wake_at_ms
            out += decoder.tick(max(before, 0.0))
            if decoder.wake_at_ms == before:
                break
        out += decoder.feed(raw, t_ms)
    return out + (decoder.tick(pieces[-1][0] + 1_000) if decoder.wake_at_ms is not None else [])


class Nothing:
    """The floor: a decoder that understands nothing."""

    wake_at_ms = None

    def feed(self, raw: Raw, t_ms: float) -> list[Any]:
        return []


def seconds(work: Callable[..., Any], *given: Any) -> float:
    start = time.perf_counter()
    work(*given)
    return time.perf_counter() - start


def rows() -> list[tuple[str, float, str]]:
    """(what, per second, beside it)."""
    found = []
    for what, module, pieces in (
        ("beam edges understood", counter_beam_pair, walkers()),
        ("radar frames understood", range_ld2450, frames()),
    ):
        took = min(seconds(play, module.Decoder(module.Settings()), pieces) for _ in range(3))
        floor = min(seconds(play, Nothing(), pieces) for _ in range(3))
        found.append((what, len(pieces) / took, f"an empty decoder: {len(pieces) / floor:,.0f}/s"))
        if module is counter_beam_pair:
            counted = sum(isinstance(r, Crossing) for r in play(module.Decoder(module.Settings()), pieces))
            found.append(("crossings counted", counted / took, f"{counted:,} of {WALKERS:,} walkers"))
    return found


if __name__ == "__main__":
    for what, per_second, beside in rows():
        print(f"{what:<26}{per_second:>12,.0f}/s   {beside}")
