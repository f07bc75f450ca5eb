"""The only place that asks what time it is. Everybody else is handed a moment.

Elapsed time is CLOCK_BOOTTIME: it goes on over a restart of the process and through suspend, and never steps.
A simulated hall runs faster than the wall: `HALLGATE_CLOCK="rate=4,wall=2022-06-10T08:55:00+08:00"` starts the wall time
there and lets it and elapsed time run at that rate; `elapsed=81000` (ms) is where that begins, so that a process which is
started again goes on. No installed unit sets it.
"""

from __future__ import annotations

import datetime as dt
import os
import time

from firmware.core.moment import Moment
from firmware.errors import Mistake


class Clock:
    """Real time, or time at a rate. `trusted` is set by whoever judges the wall clock (`wiring`), and rides along."""

    def __init__(self, rate: float = 1.0, wall_ms: float | None = None, elapsed_ms: float | None = None) -> None:
        self.rate = rate
        self.trusted = True
        self._boot_0 = time.clock_gettime(time.CLOCK_BOOTTIME) * 1000
        self._elapsed_0 = self._boot_0 if elapsed_ms is None else elapsed_ms
        self._wall_0 = wall_ms

    @property
    def simulated(self) -> bool:
        return self._wall_0 is not None

    def elapsed_ms(self) -> float:
        boot = time.clock_gettime(time.CLOCK_BOOTTIME) * 1000
        return self._elapsed_0 + (boot - self._boot_0) * self.rate

    def wall_ms(self) -> int:
        if self._wall_0 is None:
            return int(time.time() * 1000)
        return int(self._wall_0 + self.elapsed_ms() - self._elapsed_0)

    def moment(self) -> Moment:
        return Moment(int(self.elapsed_ms()), self.wall_ms(), self.trusted)

    def seconds_until(self, t_ms: float) -> float:
        """Real seconds to sleep until elapsed time `t_ms`; never negative."""
        return max(0.0, (t_ms - self.elapsed_ms()) / 1000 / self.rate)


def from_environment() -> Clock:
    """The clock `HALLGATE_CLOCK` asks for; the real one when it is not set. Mistake when it cannot be read."""
    wish = os.environ.get("HALLGATE_CLOCK", "")
    if not wish:
        return Clock()
    try:
        words = dict(part.split("=", 1) for part in wish.split(","))
        wall = dt.datetime.fromisoformat(words["wall"]).timestamp() * 1000 if "wall" in words else None
        elapsed = float(words["elapsed"]) if "elapsed" in words else None
        return Clock(float(words.get("rate", "1")), wall, elapsed)
    except (ValueError, KeyError) as wrong:
        raise Mistake(f"write it as rate=4,wall=2022-06-10T08:55:00+08:00 ({wrong})", key="HALLGATE_CLOCK") from None


def boot_id() -> str:
    """The kernel's boot id: another one means that the power was gone."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return "unknown"
