"""What a figure is: measured, beside its limit and what it was compared with, and how a list of them is printed."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """`limit` None: told for comparison, nothing is asked of it. `at_least`: the limit is a lower one."""

    name: str
    measured: float
    unit: str
    limit: float | None = None
    at_least: bool = False
    floor: str = ""

    @property
    def ok(self) -> bool:
        if self.limit is None:
            return True
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


def table(figures: Iterable[Figure]) -> str:
    rows = [("figure", "measured", "limit", "ok", "floor or beside it")]
    for figure in figures:
        sign = ">=" if figure.at_least else "<="
        limit = "" if figure.limit is None else f"{sign} {number(figure.limit)}"
        verdict = "" if figure.limit is None else "yes" if figure.ok else "NO"
        rows.append((figure.name, f"{number(figure.measured)} {figure.unit}", limit, verdict, figure.floor))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]) for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)
