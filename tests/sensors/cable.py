"""A cable in virtual time between a decoder (or encoder) and the simulated device: no clock, no thread, no waiting."""

from __future__ import annotations

import heapq
from typing import Any

from sensors.driver import Driver, Later, Send
from sensors.readings import AnyReading, Garbled, Ready, Refused, Silent

HEALTH = (Garbled, Ready, Refused, Silent)
START_MS = 1_000.0


class Cable:
    """Joins one driver's near end to its simulated device and lets elapsed time run from event to event."""

    def __init__(self, driver: Driver, settings: Any = None, simulator: Any = None) -> None:
        self.settings = driver.settings() if settings is None else settings
        self.near = driver.decoder(self.settings)
        self.far = driver.simulator(self.settings) if simulator is None else simulator
        self.now_ms = START_MS
        self.readings: list[AnyReading] = []
        self.sent: list[Any] = []
        self._due: list[tuple[float, int, Any]] = []
        self._count = 0

    def show(self, reading: AnyReading) -> None:
        self._queue(self.far.show(reading, self.now_ms))

    def order(self, order: Any) -> None:
        self._take(self.near.order(order, self.now_ms))

    def feed(self, raw: Any) -> None:
        self._take(self.near.feed(raw, self.now_ms))

    def replug(self) -> None:
        self._take(self.near.replugged(self.now_ms))

    def run(self, for_ms: float) -> None:
        """Let `for_ms` pass: what is on the cable arrives, `tick` is called when it was asked for."""
        end = self.now_ms + for_ms
        for _ in range(20_000):
            moment = min(self._next_arrival(), self._next_wake())
            if moment > end:
                break
            self.now_ms = max(self.now_ms, moment)
            if self._next_arrival() <= self.now_ms:
                self.feed(heapq.heappop(self._due)[2])
            else:
                before = self.near.wake_at_ms
                self._take(self.near.tick(self.now_ms))
                after = self.near.wake_at_ms
                assert after is None or after > self.now_ms or after != before, "tick did not move its own wake-up"
        else:
            raise AssertionError("decoder and simulator talk for ever")
        self.now_ms = end

    def content(self) -> list[AnyReading]:
        """What was read, without the device's own health."""
        return [reading for reading in self.readings if not isinstance(reading, HEALTH)]

    def garbled_bytes(self) -> int:
        return sum(reading.dropped_bytes for reading in self.readings if isinstance(reading, Garbled))

    def _next_arrival(self) -> float:
        return self._due[0][0] if self._due else float("inf")

    def _next_wake(self) -> float:
        return float("inf") if self.near.wake_at_ms is None else float(self.near.wake_at_ms)

    def _take(self, results: list[Any]) -> None:
        for result in results:
            if isinstance(result, Send):
                self.sent.append(result.raw)
                self._queue(self.far.hear(result.raw, self.now_ms))
            else:
                self.readings.append(result)

    def _queue(self, laters: list[Later]) -> None:
        for later in laters:
            self._count += 1
            heapq.heappush(self._due, (self.now_ms + later.after_ms, self._count, later.raw))
