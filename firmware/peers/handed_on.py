"""The last word of every other device of the hall, kept for those who never heard it from that device itself.

A device that died, or was carried away, says nothing any more; without a broker its row would be known only to those who
heard it, and a bank put in its place could not know what it had made. So everybody keeps the newest notice of each other
device, sealed as it came, and hands it to whoever appears on the side link. Nobody can change one on the way.

On the card stands only what no one repeats: a device's last word goes there once the device has been silent for
`SILENT_MS`, and everything at an orderly stop. A row changes with every person; the card would not last a year of that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from firmware.durable import replace_file
from firmware.errors import Failure

Rank = tuple[int, ...]
KEPT_MAX = 128
"""A hall has up to 40 devices; each that is replaced leaves one more last word."""
SILENT_MS = 30_000.0
LOOK_MS = 10_000.0


class Kept(NamedTuple):
    payload: bytes
    rank: Rank
    since_ms: float


class HandedOn:
    """`ways` take what is new here to those who may lack it. `is_later` and `alive` may be called from any thread."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kept: dict[str, Kept] = {}
        self._alive_ms: dict[str, float] = {}
        self._written: dict[str, bytes] = {}
        self.ways: list[Callable[[str, bytes], object]] = []

    def is_later(self, key: str, rank: Rank) -> bool:
        known = self._kept.get(key)
        return len(self._kept) < KEPT_MAX if known is None else rank > known.rank

    def alive(self, key: str, now_ms: float) -> None:
        """Its device spoke, with nothing new in it: there is time yet to put its last word on the card."""
        if key in self._kept:
            self._alive_ms[key] = now_ms

    def keep(self, key: str, payload: bytes, rank: Rank, now_ms: float) -> None:
        if self.is_later(key, rank):
            self._kept[key] = Kept(payload, rank, now_ms)
            for way in self.ways:
                way(key, payload)

    def read(self) -> list[tuple[str, bytes]]:
        """What was heard before the last stop. A file that is missing or spoilt only costs what it held."""
        with contextlib.suppress(OSError, msgspec.DecodeError):
            self._written = msgspec.json.decode(self._file.read_bytes(), type=dict[str, bytes])
        return list(self._written.items())

    def tend(self, now_ms: float) -> float:
        """Put on the card what nobody repeats."""
        silent = (key for key, kept in self._kept.items() if now_ms - self._heard_ms(key, kept) >= SILENT_MS)
        if any(self._written.get(key) != self._kept[key].payload for key in silent):
            self.write()
        return now_ms + LOOK_MS

    def _heard_ms(self, key: str, kept: Kept) -> float:
        return max(kept.since_ms, self._alive_ms.get(key, kept.since_ms))

    def write(self) -> None:
        """Everything that is known. A full disk: nothing is lost yet, the next look tries again."""
        latest = {key: kept.payload for key, kept in self._kept.items()}
        if latest == self._written:
            return
        with contextlib.suppress(Failure):
            replace_file(self._file, msgspec.json.encode(latest))
            self._written = latest
