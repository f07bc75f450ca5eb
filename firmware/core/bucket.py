"""A token bucket: so many at once, refilled at so many a second. Bounds what strangers can make a device write or say."""

from __future__ import annotations


class Bucket:
    def __init__(self, burst: float, per_s: float, now_ms: float = 0.0) -> None:
        self._burst, self._per_s = burst, per_s
        self._credit, self._at_ms = burst, now_ms

    def take(self, now_ms: float) -> bool:
        """False: none is left. A clock that went back refills nothing."""
        self._credit = min(self._burst, self._credit + max(0.0, now_ms - self._at_ms) * self._per_s / 1000)
        self._at_ms = now_ms
        if self._credit < 1.0:
            return False
        self._credit -= 1.0
        return True
