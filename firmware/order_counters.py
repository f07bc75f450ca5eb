"""The counter of everybody who signs orders with one key, in a small file beside it.

A device takes an order only with a higher counter than this issuer's last one. So the number is on disk before the order
leaves, and it never falls behind the wall clock's milliseconds: a file that was lost costs nothing while the clock is right,
a clock that was set back costs nothing while the file is there.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from firmware.clock import Clock
from firmware.durable import replace_file
from firmware.errors import Failure, Mistake
from firmware.files import FILE_BYTES_MAX, locked, opened

ISSUERS_MAX = 256


class OrderCounters:
    """`file` is made when it is missing, readable by its owner only."""

    def __init__(self, file: Path, clock: Clock) -> None:
        self._file, self._clock = file, clock

    def next(self, issuer: str) -> int:
        """Higher than every one before, also of another process at the same time. Mistake or Failure when it cannot be."""
        try:
            with locked(self._file.parent):
                known = self._read()
                number = max(known.pop(issuer, 0) + 1, self._clock.wall_ms())
                kept = {**known, issuer: number}
                newest = dict(list(kept.items())[-ISSUERS_MAX:])
                replace_file(self._file, msgspec.json.encode(newest), mode=0o600)
        except OSError as error:
            raise Failure(f"{self._file} cannot be written: {error.strerror}") from None
        return number

    def _read(self) -> dict[str, int]:
        try:
            with opened(self._file) as file:
                return msgspec.json.decode(file.read(FILE_BYTES_MAX), type=dict[str, int])
        except FileNotFoundError:
            return {}
        except (msgspec.DecodeError, RecursionError):
            told = "is no file of counters: delete it, the counter then follows the clock"
            raise Mistake(told, file=str(self._file)) from None
