"""The day as a chart needs it: one point for every two minutes. Pure, bounded: a day and no more.

A point is (minute since 1970, low, best, high, limit in force, entries, exits); what nobody knew is None.
"""

from __future__ import annotations

import datetime as dt

STEP_MINUTES = 2
POINTS_MAX = 24 * 60 // STEP_MINUTES

Point = tuple[int, int | None, int | None, int | None, int | None, int, int]


class Day:
    def __init__(self) -> None:
        self._points: dict[int, list[int | None]] = {}

    def seen(self, at: str, low: int | None, best: int | None, high: int | None, limit: int | None) -> None:
        """The picture at this moment; the last one of two minutes stays."""
        if (slot := self._slot(at)) is not None:
            slot[:4] = [low, best, high, limit]

    def passed(self, at: str, out: bool, inside: int | None) -> None:
        """A body went through. `inside` is what its door knew then: it fills what this hub did not see itself."""
        if (slot := self._slot(at)) is None:
            return
        slot[5 if out else 4] = (slot[5 if out else 4] or 0) + 1
        if slot[1] is None and inside is not None and inside >= 0:
            slot[:3] = [inside, inside, inside]

    def points(self) -> list[Point]:
        in_order = sorted(self._points.items())
        return [(key, s[0], s[1], s[2], s[3], s[4] or 0, s[5] or 0) for key, s in in_order]

    def _slot(self, at: str) -> list[int | None] | None:
        minute = minute_of(at)
        if minute is None:
            return None
        key = minute - minute % STEP_MINUTES
        newest = max(self._points, default=key)
        if key <= newest - POINTS_MAX * STEP_MINUTES:
            return None
        slot = self._points.setdefault(key, [None, None, None, None, 0, 0])
        for old in [one for one in self._points if one <= max(newest, key) - POINTS_MAX * STEP_MINUTES]:
            del self._points[old]
        return slot


def minute_of(at: str) -> int | None:
    """Minutes since 1970 of an RFC 3339 time; None when it is none."""
    try:
        return int(dt.datetime.fromisoformat(at).timestamp() // 60)
    except (ValueError, OverflowError, OSError):
        return None
