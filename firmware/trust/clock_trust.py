"""Whether the wall clock may be believed. A Pi without a battery clock wakes up in the wrong year.

Trusted: inside the rulebook's validity, and not before the last journalled time or the day this software was built.
`ntp`: the kernel must also say that it is synchronised. `rtc`: there must be a battery clock.
"""

from __future__ import annotations

import ctypes
import datetime as dt
import os

from firmware.clock import Clock
from firmware.rulebook.book import Rulebook

BUILT = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
SLACK_MS = 2_000
"""NTP may step a running clock back by this much without raising doubt."""
STA_UNSYNC = 0x0040
FOREVER = dt.date.max - dt.timedelta(days=1)
"""A rulebook that never ends is often written as one until 9999-12-31, and no calendar has a day after that."""


class ClockJudge:
    """`latest_ms` is the highest wall time ever journalled while it was trusted and lay inside a rulebook's days."""

    def __init__(self, clock: Clock, source: str, latest_ms: int = 0) -> None:
        self.clock, self.source, self.latest_ms = clock, source, latest_ms
        self.rulebook: Rulebook | None = None
        self.next_until = ""
        self._first_ms, self._last_ms = 0, 0

    def follow(self, rulebook: Rulebook | None, zone: dt.tzinfo, next_until: str = "") -> None:
        """Judge by this rulebook's validity from now on; both of its days count.

        `next_until`: the last day (ISO 8601) of one that waits on this device, which has to find its first day too.
        """
        self.rulebook, self.next_until = rulebook, next_until
        if rulebook is not None:
            self._first_ms = _midnight_ms(rulebook.valid_from, zone)
            last = max(rulebook.valid_until, dt.date.fromisoformat(next_until) if next_until else dt.date.min)
            self._last_ms = _midnight_ms(min(last, FOREVER) + dt.timedelta(days=1), zone)

    def doubt(self) -> str:
        """Why the wall clock is not believed now; empty when it is."""
        wall = self.clock.wall_ms()
        if wall < self.floor_ms() - SLACK_MS:
            return "the clock is before the last recorded time"
        if self.rulebook is not None and not self._first_ms <= wall < self._last_ms:
            return "the clock is outside the rulebook's validity"
        if self.source == "ntp" and not kernel_synchronised():
            return "the kernel's clock is not synchronised"
        if self.source == "rtc" and not os.path.exists("/dev/rtc0"):
            return "there is no battery clock"
        if self.rulebook is not None:
            self.latest_ms = max(self.latest_ms, wall)
        return ""

    def floor_ms(self) -> int:
        """A simulated hall may play a day of the past; the real clock cannot be before the software was made."""
        return self.latest_ms if self.clock.simulated else max(self.latest_ms, int(BUILT.timestamp() * 1000))


def _midnight_ms(day: dt.date, zone: dt.tzinfo) -> int:
    return int(dt.datetime.combine(day, dt.time(), zone).timestamp() * 1000)


def kernel_synchronised() -> bool:
    """adjtimex(2): the clock is disciplined by NTP just now."""
    timex = ctypes.create_string_buffer(256)
    status = ctypes.CDLL(None, use_errno=True).adjtimex(timex)
    flags = int.from_bytes(timex.raw[40:44], "little")
    return status != 5 and not flags & STA_UNSYNC
