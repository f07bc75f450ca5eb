"""Time is something you are handed.

A moment has two clocks that must never be mixed: `elapsed_ms` only moves forward and measures durations; `wall_ms` is
the calendar and may be wrong, so it comes with `trusted`. A controller without a battery clock wakes up in the wrong
year: rules that need the calendar say what they do without it (`[on_doubt] clock` of the rulebook).
"""

from __future__ import annotations

import datetime as dt

import msgspec


class Moment(msgspec.Struct, frozen=True, array_like=True):
    """One instant. `elapsed_ms`: since the device's boot, survives a restart of the process; `wall_ms`: since 1970."""

    elapsed_ms: int
    wall_ms: int
    trusted: bool = True

    def local(self, zone: dt.tzinfo) -> dt.datetime:
        """The calendar time at the hall. Never decide by it unless `trusted`."""
        return dt.datetime.fromtimestamp(self.wall_ms / 1000, zone)

    def rfc3339(self, zone: dt.tzinfo) -> str:
        """RFC 3339 with milliseconds and offset, as every event carries it."""
        return self.local(zone).isoformat(timespec="milliseconds")
