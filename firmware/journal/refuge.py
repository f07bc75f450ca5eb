"""Where records lie while the disk takes none: in memory that outlives the process, until the disk takes them again.

A process that is killed, crashes or is updated in that time loses nothing, and knows who is inside and whether the hall
is being evacuated. A power cut does: there is no other place. One file for each incarnation, written whole every time
(at most what a journal lets wait, and behind a loss a picture of the memory) and renamed into place.

Its first frame says where the journal ended then. The records were to be written there in order, so as many entries as
the journal has behind that place are in it already, and a journal that never was there is another one: an older copy.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

import msgspec

from firmware import durable
from firmware.errors import Failure
from firmware.journal.frame import AFTER_LOSS, ENTRY, SNAPSHOT, Frame, Seal, encode, frames, payload_of
from firmware.journal.segments import SegmentBytes

FOLDERS = [Path("/run/hallgate"), Path("/dev/shm")]
"""In memory, both. The service's own (its unit keeps it from start to start), or everybody's where there is none."""
PLACE = 0
"""Kind of the first frame, beside ENTRY and SNAPSHOT."""
_SEGMENT = 0
"""Segments count from 1: no journal's frame is taken for one of these."""


class Waiting(msgspec.Struct, frozen=True):
    """A record taken in that is not on disk."""

    payload: bytes
    first_seq: int
    count: int


class Kept(msgspec.Struct, frozen=True):
    segment: int
    end: int
    """Where the journal ended: everything kept is behind it."""
    entries: list[Waiting]
    picture: bytes | None
    """The controller's memory behind them and behind what was lost; None: nothing was lost."""


def keep(inc: str, kept: Kept) -> bool:
    """Have it there instead of what was there. False: there is no such place, and a kill loses what waits."""
    folder = next((each for each in FOLDERS if os.access(each, os.W_OK)), None)
    if folder is None:
        return False
    try:
        durable.replace_file(_path(folder, inc), b"".join(_framed(inc, kept)), mode=0o600)
    except Failure:
        return False
    return True


def leave(inc: str) -> None:
    """It is all on disk, or of no use any more."""
    for path in _paths(inc):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def kept(inc: str, uid: int) -> Kept | None:
    """What is there, if it is whole and was written by `uid`, whose the journal is: anybody may put a file there."""
    for path in _paths(inc):
        with contextlib.suppress(OSError):
            if stat.S_ISREG((found := path.lstat()).st_mode) and found.st_uid == uid:
                return _read(path, inc)
    return None


def _paths(inc: str) -> list[Path]:
    return [_path(folder, inc) for folder in FOLDERS]


def _path(folder: Path, inc: str) -> Path:
    return folder / f"hallgate-{inc}.refuge"


def _framed(inc: str, kept: Kept) -> Iterable[bytes]:
    seal = Seal.of(inc, _SEGMENT)
    yield encode(seal, PLACE, kept.segment.to_bytes(8, "little"), kept.end, 0, 0)
    for entry in kept.entries:
        yield encode(seal, ENTRY, entry.payload, entry.first_seq, entry.count, 0)
    if kept.picture is not None:
        yield encode(seal, SNAPSHOT, kept.picture, 0, 0, 0, AFTER_LOSS)


def _read(path: Path, inc: str) -> Kept | None:
    window, seal = SegmentBytes(path), Seal.of(inc, _SEGMENT)
    try:
        whole = [frame for frame in frames(window, seal) if isinstance(frame, Frame)]
        told = [(frame, payload_of(window, seal, frame) or b"") for frame in whole]
    finally:
        window.close()
    if not told or told[0][0].kind != PLACE:
        return None
    entries = [Waiting(payload, frame.first_seq, frame.count) for frame, payload in told if frame.kind == ENTRY]
    picture = next((payload for frame, payload in told if frame.kind == SNAPSHOT), None)
    return Kept(int.from_bytes(told[0][1], "little"), told[0][0].first_seq, entries, picture)
