"""How a record lies on disk: 32 bytes of header, then the payload. Pure.

A frame can only be read by who knows its incarnation and segment: its mark and the start value of both checksums are
made of them. So whatever an older segment, another incarnation or another file left in a reused block is never taken
for a record, and reused segments need no second writing of zeros.

Frames lie back to back; a group that went to disk together starts at a sector (512 bytes), so the next frame is either
directly behind the last one or at the next sector.

`behind` says how far this segment was on disk when the frame was written; in the first frame of a segment: where the
segment before ended. It tells rot from a torn tail: a hole before something that was on disk is damage, is counted and
stepped over; a hole with nothing acknowledged behind it is where the power went.
"""

from __future__ import annotations

import functools
import hashlib
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple, Protocol

import msgspec

ENTRY, SNAPSHOT = 1, 2
AFTER_LOSS = 1
"""Flag: records between the last frame and this one were lost (the journal could not be written for long)."""

SECTOR = 512
HEADER = struct.Struct("<4sBBHIIQI")
"""mark, kind, flags, count of hub events, payload length, behind, first seq, payload checksum; then its own."""
HEADER_BYTES = HEADER.size + 4


class Seal(NamedTuple):
    """What makes frames of one segment recognisable."""

    mark: bytes
    start: int

    @classmethod
    @functools.lru_cache(maxsize=8)  # asked for at every flush, while a visitor waits
    def of(cls, inc: str, segment: int) -> Seal:
        digest = hashlib.sha256(f"{inc}/{segment}".encode()).digest()
        return cls(digest[:4], int.from_bytes(digest[4:8], "little"))


class Frame(msgspec.Struct, frozen=True):
    """A header that was read and found whole. `at`: byte in the segment. The payload still has to be checked."""

    at: int
    kind: int
    flags: int
    count: int
    length: int
    behind: int
    first_seq: int
    checksum: int

    @property
    def end(self) -> int:
        return self.at + HEADER_BYTES + self.length


class Hole(NamedTuple):
    """Bytes that held acknowledged records and cannot be read any more."""

    at: int
    end: int


class Window(Protocol):
    """Bytes of a segment. `get` may answer fewer than asked for at the end, or when the disk cannot read them."""

    def get(self, at: int, length: int) -> bytes: ...

    def find(self, mark: bytes, at: int) -> int:
        """Where `mark` occurs at or behind `at`; -1: nowhere."""
        ...

    def refresh(self) -> None:
        """Forget what was read ahead: somebody may have written since."""
        ...


def encode(seal: Seal, kind: int, payload: bytes, first_seq: int, count: int, behind: int, flags: int = 0) -> bytes:
    """One frame. Raises struct.error when a number does not fit (count above 65535, negative seq)."""
    head = HEADER.pack(seal.mark, kind, flags, count, len(payload), behind, first_seq, zlib.crc32(payload, seal.start))
    return head + zlib.crc32(head, seal.start).to_bytes(4, "little") + payload


def next_sector(at: int) -> int:
    return -(-at // SECTOR) * SECTOR


def frame_at(window: Window, seal: Seal, at: int) -> Frame | None:
    """The frame whose header AND payload are whole at `at`, else None. Never raises, whatever the bytes are."""
    data = window.get(at, HEADER_BYTES)
    if len(data) < HEADER_BYTES or data[:4] != seal.mark:
        return None
    head = data[: HEADER.size]
    if zlib.crc32(head, seal.start) != int.from_bytes(data[HEADER.size :], "little"):
        return None
    _, kind, flags, count, length, behind, first_seq, checksum = HEADER.unpack(head)
    frame = Frame(at, kind, flags, count, length, behind, first_seq, checksum)
    return frame if payload_of(window, seal, frame) is not None else None


def payload_of(window: Window, seal: Seal, frame: Frame) -> bytes | None:
    """The payload, or None when it is not (or no longer) what was written."""
    payload = window.get(frame.at + HEADER_BYTES, frame.length)
    whole = len(payload) == frame.length and zlib.crc32(payload, seal.start) == frame.checksum
    return payload if whole else None


def frames(window: Window, seal: Seal, at: int = 0, closed_at: int | None = None) -> Iterator[Frame | Hole]:
    """Every whole frame from `at` on, and the holes between. `closed_at`: where this ended, says the next segment."""
    while closed_at is None or at < closed_at:
        found: Frame | Hole | None = _following(window, seal, at)
        if found is None:
            hole = _after_hole(window, seal, at, closed_at)
            if hole is None:
                return
            window.refresh()  # a writer may have filled it between two looks: what stands behind proves it is done now
            found = _following(window, seal, at) or hole
        yield found
        at = found.end


def _following(window: Window, seal: Seal, at: int) -> Frame | None:
    """The frame directly behind, else the one at the next sector, unless that one knows of something before it."""
    for _ in range(2):
        directly = frame_at(window, seal, at)
        found = directly or frame_at(window, seal, next_sector(at))
        if found is not None:
            return found if directly or found.behind <= at else None
        window.refresh()  # what was read ahead may be older than what a writer beside us has done since
    return None


def _after_hole(window: Window, seal: Seal, at: int, closed_at: int | None) -> Hole | None:
    """Nothing whole at `at`: damage, if a later frame or the next segment knows that more was on disk; else the end."""
    first = next(_from(window, seal, at + 1), None)
    if closed_at is not None:
        return Hole(at, min(closed_at, first.at) if first else closed_at)
    if first is not None and any(frame.behind > at for frame in _from(window, seal, first.at)):
        return Hole(at, first.at)
    return None


def _from(window: Window, seal: Seal, at: int) -> Iterator[Frame]:
    """Whole frames at or behind `at`, found by their mark."""
    at = window.find(seal.mark, at)
    while at >= 0:
        frame = frame_at(window, seal, at)
        if frame is not None:
            yield frame
        at = window.find(seal.mark, frame.end if frame else at + 1)
