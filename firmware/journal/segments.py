"""Segment files: their names, reading them in pieces, writing them past the page cache, making them ahead of time."""

from __future__ import annotations

import errno
import mmap
import os
import re
from pathlib import Path

from firmware import durable
from firmware.journal.frame import SECTOR, Frame, Seal, frame_at, frames, next_sector

SUFFIX = ".segment"
PART = "next.part"
READ_BYTES = 65_536
PEEK_BYTES = 4096
PREPARE_BYTES = 131_072


def path_of(folder: Path, segment: int) -> Path:
    return folder / f"{segment:010}{SUFFIX}"


def listed(folder: Path) -> list[int]:
    """Ids of the segment files in `folder`, oldest first. A missing folder has none."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    stems = (name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))
    return sorted(int(stem) for stem in stems if re.fullmatch(r"[0-9]{10}", stem))


class SegmentBytes:
    """A segment as its reader sees it, in pieces of 64 KiB. What the disk cannot read counts as not there.

    Read, not mapped: a card that fails under a mapping ends the process (SIGBUS), under a read it is an error.
    """

    def __init__(self, path: Path, ahead_bytes: int = READ_BYTES) -> None:
        """Raises FileNotFoundError when the segment was reused meanwhile, OSError when it cannot be opened."""
        self.path, self._ahead_bytes = path, ahead_bytes
        self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._base, self._ahead = 0, b""
        self.size = os.fstat(self._handle).st_size

    def get(self, at: int, length: int) -> bytes:
        start = at - self._base
        if start < 0 or start + length > len(self._ahead):
            self._base, self._ahead = at, self._read(at, max(length, self._ahead_bytes))
            start = 0
        return self._ahead[start : start + length]

    def find(self, mark: bytes, at: int) -> int:
        while at < self.size:
            piece = self.get(at, min(READ_BYTES, self.size - at))
            if not piece:
                at += SECTOR  # unreadable: feel the way, sector by sector
                continue
            found = piece.find(mark)
            if found >= 0:
                return at + found
            at += max(1, len(piece) - len(mark) + 1)
        return -1

    def refresh(self) -> None:
        self._base, self._ahead = 0, b""

    def reused(self) -> bool:
        """Whether the file is no longer this segment: the writer gave it a new name."""
        try:
            return os.stat(self.path).st_ino != os.fstat(self._handle).st_ino
        except OSError:
            return True

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _read(self, at: int, length: int) -> bytes:
        length = min(length, self.size - at)
        if length <= 0:
            return b""
        try:
            return os.pread(self._handle, length, at)
        except OSError:
            return b""


def first_frame(folder: Path, inc: str, segment: int) -> Frame | None:
    """The frame a segment begins with; None while it is only prepared, or when it is damaged or gone."""
    try:
        window = SegmentBytes(path_of(folder, segment), PEEK_BYTES)
    except OSError:
        return None
    try:
        return frame_at(window, Seal.of(inc, segment), 0)
    finally:
        window.close()


def holds_frames(folder: Path, inc: str, segment: int) -> bool:
    """Whether anything in the segment was written by this incarnation and was (or may have been) acknowledged."""
    try:
        window = SegmentBytes(path_of(folder, segment))
    except OSError:
        return False
    try:
        return next(frames(window, Seal.of(inc, segment)), None) is not None
    finally:
        window.close()


def is_written(folder: Path, segment: int) -> bool:
    """Whether the segment holds anything but the zeros it was made of."""
    with open(path_of(folder, segment), "rb") as file:
        return any(piece.strip(b"\0") for piece in iter(lambda: file.read(READ_BYTES), b""))


class SegmentFile:
    """A segment as its writer sees it: whole sectors, directly to the disk where the file system can do that."""

    def __init__(self, path: Path, *, direct: bool = True) -> None:
        """Raises OSError."""
        self.path = path
        self.direct = direct and hasattr(os, "O_DIRECT")
        self._handle = self._open()
        self.size = os.fstat(self._handle).st_size
        self._buffer: mmap.mmap | None = None

    def write(self, data: bytes, at: int) -> None:
        """Write `data` at sector `at`, filled up with zeros to the next sector. Raises OSError."""
        length = next_sector(len(data))
        buffer = self._aligned(length)
        buffer[: len(data)] = data
        buffer[len(data) : length] = bytes(length - len(data))
        with memoryview(buffer) as view:
            self._put(view[:length], at)

    def grow(self, size: int) -> None:
        """Make it longer, written through with zeros like a prepared one. Raises OSError; then it is as long as before."""
        os.posix_fallocate(self._handle, 0, size)
        for at in range(self.size, size, PREPARE_BYTES):
            self.write(bytes(min(PREPARE_BYTES, size - at)), at)
        self.size = size

    def sync(self) -> None:
        """Until this returns nothing is promised. Raises OSError."""
        os.fdatasync(self._handle)

    def is_deleted(self) -> bool:
        """Whether no folder names it any more: cheap enough to be asked before every record."""
        return os.fstat(self._handle).st_nlink == 0

    def is_gone(self) -> bool:
        """Whether nobody will find what is written here: the file was deleted, or another one has its name."""
        try:
            return os.stat(self.path).st_ino != os.fstat(self._handle).st_ino
        except FileNotFoundError:
            return True
        except OSError:
            return False  # a disk that fails says so when it is written to

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _put(self, view: memoryview, at: int) -> None:
        try:
            durable.write_all(self._handle, view, at)
        except OSError as error:
            if error.errno != errno.EINVAL or not self.direct:
                raise
            self._go_buffered()  # sectors of 4 KiB, or a file system that says yes and means no
            durable.write_all(self._handle, view, at)

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CLOEXEC
        if self.direct:
            try:
                return os.open(self.path, flags | os.O_DIRECT)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                self.direct = False
        return os.open(self.path, flags)

    def _go_buffered(self) -> None:
        os.close(self._handle)
        self.direct = False
        self._handle = self._open()

    def _aligned(self, length: int) -> mmap.mmap:
        """A page-aligned buffer, as direct writing demands; grows to the largest group so far and is then kept."""
        if self._buffer is None or len(self._buffer) < length:
            self._buffer = mmap.mmap(-1, max(length, 16_384))
        return self._buffer


class Preparation:
    """Makes one segment ready for use, a little at a time: written through with zeros, on disk, then named.

    Really written: space that is only reserved costs a change of the file system's own books at every later flush
    (17 kB per record instead of 1.6). Past the page cache, so that one flush at the end is enough and is a short one.
    """

    def __init__(self, folder: Path, segment: int, size: int, *, direct: bool = True) -> None:
        self.segment, self.size = segment, size
        self._folder, self._part, self._direct = folder, folder / PART, direct
        self._file: SegmentFile | None = None
        self._done = 0

    def step(self) -> bool:
        """One bounded piece of the work (128 KiB, or the flush); True when the segment can be used. Raises OSError."""
        if self._file is None:
            self._file = self._begun()
        elif self._done < self.size:
            length = min(PREPARE_BYTES, self.size - self._done)
            self._file.write(bytes(length), self._done)
            self._done += length
        else:
            self._file.sync()
            self._file.close()
            os.rename(self._part, path_of(self._folder, self.segment))
            durable.sync_folder(self._folder)
            return True
        return False

    def give_up(self) -> None:
        """Give the space back: a half-made segment on a full disk helps nobody. Raises OSError."""
        if self._file is not None:
            self._file.close()
        self._part.unlink(missing_ok=True)

    def _begun(self) -> SegmentFile:
        """All the space at once: a disk that is too full says so now, and the segment lies in one piece."""
        self._part.unlink(missing_ok=True)
        handle = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.posix_fallocate(handle, 0, self.size)
        finally:
            os.close(handle)
        return SegmentFile(self._part, direct=self._direct)
