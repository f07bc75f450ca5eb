"""The one that appends.

`append` only takes a record in; `sync` brings everything taken in to the disk in one write and one flush, and only when
it has returned may a relay move. A record waits in memory until it IS on disk: when the disk is full or fails, records
wait (up to `WAITING_BYTES_MAX`), then the newest are lost and counted, and the gate goes on as its rulebook says.
`retry` writes what waited, in order and without a gap; if something was lost, a snapshot flagged AFTER_LOSS follows, so
that a replay knows where to set in again. Until then what waits lies in the `refuge` as well, for whoever is started next.

A new segment begins with the records that did not fit into the last one, then a snapshot of the state behind them: the
state is asked for after the record was made, so it can only stand behind it.

Not for two threads; only `durable_seq` may be read from another one.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Callable
from pathlib import Path

from firmware import durable
from firmware.errors import Failure
from firmware.journal import identity, lock, refuge, segments
from firmware.journal.frame import (
    AFTER_LOSS,
    ENTRY,
    HEADER_BYTES,
    SECTOR,
    SNAPSHOT,
    Hole,
    Seal,
    encode,
    frames,
    next_sector,
)
from firmware.journal.reader import Reader
from firmware.journal.refuge import Kept, Waiting
from firmware.journal.segments import Preparation, SegmentBytes, SegmentFile, first_frame, path_of

BUDGET_BYTES = 256 * 1024 * 1024
SEGMENT_BYTES = 1024 * 1024
WAITING_BYTES_MAX = 256 * 1024
SEGMENTS_MIN = 4
"""One being written, one prepared, two to look back on: a full disk never eats more of the past than that."""


class JournalUnwritable(Failure):
    """What was taken in is not on disk. It waits; call `retry` about once a second."""


class Writer:
    """Opens (or begins) the journal of `directory`, alone.

    `snapshot` gives the controller's state behind the last appended record; it is asked about once per segment.
    `version`: of the software that writes. `anew`: what is there cannot be read and is put aside (`identity`).
    `budget_bytes`: at least four segments are kept. `segment_bytes`: a multiple of 512; a record may have half of it; a
    segment whose snapshot is large is longer by that.
    Raises Failure: another process runs there, or a new journal cannot be begun. An existing journal on a full or
    read-only disk opens with `because` set.
    """

    def __init__(
        self,
        directory: Path | str,
        device: str,
        snapshot: Callable[[], bytes],
        *,
        budget_bytes: int = BUDGET_BYTES,
        segment_bytes: int = SEGMENT_BYTES,
        board: str | None = None,
        direct: bool = True,
        version: str = "",
        anew: bool = False,
    ) -> None:
        self._snapshot, self._direct = snapshot, direct
        self._segment_bytes, self._budget_bytes = segment_bytes, budget_bytes
        self._picture_bytes = 0
        """Of the last snapshot: the tables it holds grow for weeks."""
        self._waiting_max = min(WAITING_BYTES_MAX, segment_bytes // 2)
        self.because = ""
        """Why nothing can be written now; empty: all is well."""
        self.trouble = ""
        """Why the next segment cannot be made ready: the disk is full or fails, while there is still room left."""
        self.lost_entries = self.lost_records = self.dropped_records = self.damaged = 0
        self.durable_seq = 0
        """The last hub event that is on disk; 0: none."""
        directory = Path(directory)
        durable.make_folder(directory, durable.PRIVATE)
        self._folder = directory / "journal"
        self._lock = lock.take(directory)
        try:
            serial = identity.board_serial() if board is None else board
            self.identity = identity.open_identity(directory, device, serial, version, anew=anew)
        except BaseException:
            os.close(self._lock)
            raise
        self._waiting: list[Waiting] = []
        self._waiting_bytes = self._failures = 0
        self._losing = False
        self._snapshot_flags: int | None = None
        self._segment = self._tail = self._end = 0
        self._file: SegmentFile | None = None
        self._gone = False
        """Nobody will find what is written to `_file`: it was moved away, as `prepare_step` saw."""
        self._next = 0
        self._preparation: Preparation | None = None
        self._refuged = False
        """Something lies in the refuge that is not on disk, or was not when it was put there."""
        self._recover()
        self._take_back(directory)

    # --- taking in and bringing to disk

    def append(self, payload: bytes, first_seq: int, count: int) -> None:
        """Take a record in: hub events `first_seq` ... + `count` - 1 (count 0: none, `first_seq` is the next seq).

        Never raises for the disk. Raises ValueError for numbers outside 0..2**63 and 0..65535.
        """
        if not (0 <= first_seq < 1 << 63 and 0 <= count <= 0xFFFF):
            raise ValueError(f"first_seq {first_seq} or count {count} is out of range")
        size = HEADER_BYTES + len(payload)
        if self._waiting_bytes + size > self._waiting_max:
            self._make_room()
        if self._losing or self._waiting_bytes + size > self._waiting_max:
            self._lose(size, count)
            return
        self._waiting.append(Waiting(payload, first_seq, count))
        self._waiting_bytes += size

    def sync(self) -> None:
        """On return everything taken in is on disk. Raises JournalUnwritable; until `retry` succeeds at once."""
        if not self.because:
            try:
                return self._flush()
            except OSError as error:
                self._fail(error)
        self._seek_refuge()
        raise JournalUnwritable(self.because)

    def retry(self) -> bool:
        """Try again to write what waits; True when the journal can be written (again)."""
        if not self.because:
            return True
        try:
            self._flush()
        except OSError as error:
            self._fail(error)
            return False
        self.because, self._failures = "", 0
        return True

    def close(self) -> None:
        """Write what waits if that is possible, and let others in. May be called twice."""
        if self._lock < 0:
            return
        with contextlib.suppress(JournalUnwritable):
            self.sync()
        if self._file is not None:
            self._file.close()
        os.close(self._lock)
        self._lock = -1

    @property
    def waiting(self) -> int:
        """Records taken in that are not on disk yet."""
        return len(self._waiting)

    def _make_room(self) -> None:
        """Write what waits before the next record is taken in.

        A snapshot is put off until that one is in, too: the state behind it is all there is to ask for.
        """
        if not self.because:
            try:
                self._flush(snapshot=False)
            except OSError as error:
                self._fail(error)

    def _fail(self, error: OSError) -> None:
        self.because = f"the journal cannot be written: {error.strerror or error}"
        self._failures += 1
        if self._failures > 1 and self._file is not None and error.errno != errno.ENOSPC:
            self._file.close()  # this place fails for good: the next attempt goes to a new segment
            self._file = None

    def _lose(self, size: int, count: int) -> None:
        self.lost_entries += 1
        self.lost_records += count
        self._losing = True
        self._snapshot_flags = AFTER_LOSS
        self.because = self.because or f"a record of {size} bytes is too large for the journal"

    def _seek_refuge(self) -> None:
        picture = self._snapshot() if self._losing else None
        self._refuged = refuge.keep(self.identity.inc, Kept(self._segment, self._end, self._waiting, picture))

    # --- writing

    def _flush(self, *, snapshot: bool = True) -> None:
        if not self._waiting and not self._losing:
            return
        if self._file is not None and (self._gone or self._file.is_deleted()):
            self._leave(self._file)
        due = self._snapshot_flags is not None and snapshot
        seal = self._seal(self._segment)
        data = self._group(seal, self._end) + (self._snapshot_frame(seal, self._end) if due else b"")
        if self._file is None or self._tail + len(data) > self._file.size // SECTOR * SECTOR:
            self._rotate(snapshot)
        else:
            self._file.write(data, self._tail)
            self._file.sync()
            self._written(self._tail + len(data), due)
        self._prepare_in_time()

    def _leave(self, file: SegmentFile) -> None:
        """What is written to a deleted file is lost at the next start: refused once, and said; then all begins anew."""
        file.close()
        self._file, self._gone = None, False
        raise OSError(errno.ENOENT, "its file was deleted or moved away")

    def _stand_again(self) -> None:
        """The folder, who writes there and the lock, should they be gone. Raises OSError."""
        if identity.stored(self._folder) == identity.lasting(self.identity):
            return
        try:
            durable.make_folder(self._folder, durable.PRIVATE)
            if not lock.stands(self._folder.parent):
                held, self._lock = self._lock, lock.take(self._folder.parent)
                os.close(held)
            identity.write(self._folder, self.identity)
        except Failure as failure:
            raise OSError(errno.EIO, str(failure)) from failure

    def _rotate(self, snapshot: bool) -> None:
        """Begin the next segment with what waits and a snapshot, in one write."""
        if self._file is None:
            self._stand_again()
        segment = self._ready()
        file = SegmentFile(path_of(self._folder, segment), direct=self._direct)
        try:
            data = self._beginning(self._seal(segment), file, snapshot)
            file.write(data, 0)
            file.sync()
        except BaseException:
            file.close()
            raise
        if self._file is not None:
            self._file.close()
        self._file, self._segment, self._next, self._direct = file, segment, 0, file.direct
        if not snapshot:
            self._snapshot_flags = self._snapshot_flags or 0
        self._written(len(data), snapshot)

    def _beginning(self, seal: Seal, file: SegmentFile, snapshot: bool) -> bytes:
        """What waits and the snapshot, for which the segment is made longer where it outgrew it.

        A journal that goes on without snapshots has nothing to begin from once the segment of the last one is reused.
        """
        data = self._group(seal, 0, self._end)
        picture = self._snapshot_frame(seal, 0 if data else self._end) if snapshot else b""
        if len(data) + len(picture) > file.size:
            try:
                file.grow(next_sector(len(data) + len(picture)) + self._segment_bytes)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                return data  # records first; the next segment tries again
        return data + picture

    def _written(self, end: int, snapshot_done: bool) -> None:
        self._end, self._tail = end, next_sector(end)
        for entry in self._waiting:
            if entry.count:
                self.durable_seq = entry.first_seq + entry.count - 1
        self._waiting.clear()
        self._waiting_bytes, self._losing = 0, False
        if snapshot_done:
            self._snapshot_flags = None
        if self._refuged:
            refuge.leave(self.identity.inc)
            self._refuged = False

    def _group(self, seal: Seal, behind: int, behind_first: int | None = None) -> bytes:
        behinds = [behind if behind_first is None else behind_first] + [behind] * len(self._waiting)
        return b"".join(
            encode(seal, ENTRY, entry.payload, entry.first_seq, entry.count, known)
            for entry, known in zip(self._waiting, behinds, strict=False)
        )

    def _snapshot_frame(self, seal: Seal, behind: int) -> bytes:
        last = self._waiting[-1] if self._waiting else None
        next_seq = last.first_seq + last.count if last else self.durable_seq + 1
        picture = self._snapshot()
        self._picture_bytes = len(picture)
        return encode(seal, SNAPSHOT, picture, next_seq, 0, behind, self._snapshot_flags or 0)

    def _seal(self, segment: int) -> Seal:
        return Seal.of(self.identity.inc, segment)

    # --- the next segment, ahead of time

    def prepare_step(self) -> bool:
        """One small step (128 KiB, or a flush) towards the next segment; call it when nothing else is to do.

        True while there is more to do. Never raises: what stands in the way is in `trouble`. Whether the segment in use was
        moved away, and lies where no start looks, is asked here as well: nobody at the gate waits for that.
        """
        self._gone = self._file is not None and self._file.is_gone()
        if self._next:
            return False
        try:
            self._prepare()
        except OSError as error:
            self.trouble = f"the next journal segment cannot be made: {error.strerror or error}"
            return False
        self.trouble = ""
        return not self._next

    def _prepare_in_time(self) -> None:
        """In the last quarter every `sync` does a step itself, should the loop never be idle."""
        if not self._next and self._file is not None and self._tail > self._file.size * 3 // 4:
            self.prepare_step()

    def _ready(self) -> int:
        if self._next and not path_of(self._folder, self._next).exists():
            self._next = 0
        while not self._next:
            self._prepare()
        return self._next

    def _prepare(self) -> None:
        begun = self._preparation
        if begun is None:
            held = self._within_budget()
            target = max(self._segment, *held, 0) + 1  # no number comes twice: readers remember places by it
            while self._full(held):
                if self._reuse(held.pop(0), target):
                    return
            begun = self._preparation = Preparation(self._folder, target, self._next_bytes(), direct=self._direct)
        try:
            if begun.step():
                self._next, self._preparation = begun.segment, None
        except OSError as error:
            self._preparation = None
            self._make_do(begun, error)

    def _make_do(self, begun: Preparation, error: OSError) -> None:
        """No space for a new segment: the oldest one gives its own. Raises `error` when too few are left for that."""
        with contextlib.suppress(OSError):
            begun.give_up()
        held = segments.listed(self._folder)
        if error.errno == errno.ENOSPC and len(held) >= SEGMENTS_MIN and self._reuse(held[0], begun.segment):
            return
        raise error

    def _next_bytes(self) -> int:
        """Length of the next segment. A large snapshot takes no room from the records; in steps, so that it can be reused."""
        if self._picture_bytes <= self._segment_bytes // 4:
            return self._segment_bytes
        return self._segment_bytes * (1 - -self._picture_bytes // self._segment_bytes)

    def _full(self, held: list[int]) -> bool:
        """Whether there is no room in the budget for one more."""
        return len(held) >= SEGMENTS_MIN and self._bytes_of(held) + self._next_bytes() > self._budget_bytes

    def _bytes_of(self, held: list[int]) -> int:
        return sum(path_of(self._folder, segment).stat().st_size for segment in held)

    def _within_budget(self) -> list[int]:
        held = segments.listed(self._folder)
        while len(held) > SEGMENTS_MIN and self._bytes_of(held) > self._budget_bytes:
            oldest = held.pop(0)
            self._count_dropped(oldest)
            path_of(self._folder, oldest).unlink()
        return held

    def _reuse(self, oldest: int, target: int) -> bool:
        """Give the oldest segment's blocks a new name. Its frames are sealed for the old one: nobody will take them."""
        path = path_of(self._folder, oldest)
        self._count_dropped(oldest)
        if path.stat().st_size != self._next_bytes():
            path.unlink()
            return False
        os.rename(path, path_of(self._folder, target))
        durable.sync_folder(self._folder)
        self._next = target
        return True

    def _count_dropped(self, oldest: int) -> None:
        first, then = (first_frame(self._folder, self.identity.inc, segment) for segment in (oldest, oldest + 1))
        if first is not None and then is not None and first.first_seq:
            self.dropped_records += then.first_seq - first.first_seq

    # --- opening

    def _recover(self) -> None:
        """First everything that only reads: a segment begun later has to say where the last one ended.

        On a read-only card the writing fails, and with an end that nobody looked up (0) all before would be hidden.
        """
        try:
            held = segments.listed(self._folder)
            newest = (s for s in reversed(held) if segments.holds_frames(self._folder, self.identity.inc, s))
            remnants = [self._go_to_end(segment) for segment in itertools.islice(newest, 1)]
            self._take_prepared([segment for segment in held if segment > self._segment])
            for remnant in remnants:
                self._write_on(remnant)
            (self._folder / segments.PART).unlink(missing_ok=True)
        except OSError as error:
            self._fail(error)

    def _take_back(self, directory: Path) -> None:
        """What the process before could not write waits again; of what it lost, its own picture of the memory is left."""
        kept = None if self.identity.fresh else Reader(directory).unwritten()
        if kept is None:
            return refuge.leave(self.identity.inc)
        self._waiting, self._refuged = kept.entries, True
        self._waiting_bytes = sum(HEADER_BYTES + len(entry.payload) for entry in kept.entries)
        ours, picture = self._snapshot, kept.picture
        if picture is not None:
            self._snapshot, self._losing, self._snapshot_flags = lambda: picture, True, AFTER_LOSS
        try:
            self._flush(snapshot=picture is not None)
        except OSError as error:
            self._fail(error)
        finally:
            self._snapshot = ours

    def _go_to_end(self, segment: int) -> int:
        """Where the next record goes; answers where the last remnant of what was never acknowledged lies."""
        window = SegmentBytes(path_of(self._folder, segment))
        seal, self._segment, self._snapshot_flags = self._seal(segment), segment, 0
        try:
            for found in frames(window, seal):
                self._end = found.end
                if isinstance(found, Hole):
                    self.damaged += 1
                    self._snapshot_flags = AFTER_LOSS  # the next start begins behind it
                    continue
                self.durable_seq = max(self.durable_seq, found.first_seq + found.count - 1)
                if found.kind == SNAPSHOT:
                    self._snapshot_flags, self._picture_bytes = None, found.length
            self._tail = next_sector(self._end)
            return _last_mark(window, seal, self._end)
        finally:
            window.close()

    def _write_on(self, remnant: int) -> None:
        file = SegmentFile(path_of(self._folder, self._segment), direct=self._direct)
        try:
            if remnant >= self._tail:
                self._wipe(file, remnant)
        except OSError:
            file.close()
            raise
        self._file = file

    def _wipe(self, file: SegmentFile, remnant: int) -> None:
        """Zero what a power cut left of frames that were never acknowledged.

        Behind a shorter record one of them could otherwise lie exactly where a next frame is looked for, and look valid.
        """
        length = min(next_sector(remnant + HEADER_BYTES), file.size) - self._tail
        file.write(bytes(length), self._tail)
        file.sync()

    def _take_prepared(self, later: list[int]) -> None:
        """A segment behind the end is prepared, or a torn attempt to begin it: that one is made anew."""
        for segment in later:
            window = SegmentBytes(path_of(self._folder, segment))
            torn = window.find(self._seal(segment).mark, 0) >= 0 or window.size != self._next_bytes()
            window.close()
            if torn or self._next:
                path_of(self._folder, segment).unlink()
            else:
                self._next = segment


def _last_mark(window: SegmentBytes, seal: Seal, at: int) -> int:
    last, found = -1, window.find(seal.mark, at)
    while found >= 0:
        last, found = found, window.find(seal.mark, found + 1)
    return last
