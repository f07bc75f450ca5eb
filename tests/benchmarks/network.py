"""How soon a hall is one again: a door on a host of its own is cut off, uses what it has, and hears the others again."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.figures import Figure, median
from tests.network.hall import HallOnHosts, hall

AWAY_S = (1.0, 4.0, 9.0, 20.0)
"""By turns: peers that were not heard for 15 s are given nothing until they were."""
LIMIT_MS = 6_000


def network(folder: Path) -> list[Figure]:
    """The cable pulled, packets dropped, and packets refused; the door is asked all the time."""
    folder.mkdir(parents=True)
    with hall(folder, limit=400) as here:
        cuts: dict[str, Callable[[], None]] = {
            "cable pulled": lambda: here.network.cable("entry-2", "down"),
            "packets dropped": lambda: _alone(here, "drop"),
            "packets refused": lambda: _alone(here, "reject"),
        }
        took = {what: [_healed_ms(here, cut, away_s) for away_s in AWAY_S] for what, cut in cuts.items()}
    figures = []
    for what, each_ms in took.items():
        figures.append(Figure(f"healed to relay, {what}, median", median(each_ms), "ms", LIMIT_MS))
        figures.append(Figure(f"healed to relay, {what}, longest", max(each_ms), "ms", LIMIT_MS))
    return figures


def _alone(here: HallOnHosts, how: str) -> None:
    for other in ("entry-1", "exit-1", "broker"):
        here.network.part("entry-2", other, how)  # type: ignore[arg-type]


def _healed_ms(here: HallOnHosts, cut: Callable[[], None], away_s: float) -> float:
    cut()
    here.come_while_they_can("entry-2")
    time.sleep(away_s)
    here.network.heal()
    began = time.monotonic()
    assert here.comes("entry-2", 60), "never again"
    return (time.monotonic() - began) * 1000
