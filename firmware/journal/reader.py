"""Looking back: every record in order, from the oldest segment still held, or from a seq or a place on.

Works beside a writer, in the same process or in another one, and holds 64 KiB of the journal at a time, or one record.
One reader per thread. What cannot be read any more is stepped over and counted in `damaged`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from firmware.errors import Mistake
from firmware.journal import frame as frames_of
from firmware.journal import refuge, segments
from firmware.journal.frame import AFTER_LOSS, ENTRY, SNAPSHOT, Frame, Hole, Seal
from firmware.journal.identity import FILE, stored

_MARK_EVERY_BYTES = 65_536
_LAST_SEQ = 1 << 63


class Position(NamedTuple):
    """A place in the journal; good until its segment is reused."""

    segment: int
    at: int


class Record(msgspec.Struct, frozen=True):
    """One record of the journal. `kind`: ENTRY or SNAPSHOT.

    It holds hub events `first_seq` ... `first_seq + count - 1`; a count of 0 is an entry that told the hub nothing,
    `first_seq` is then the next seq. `after_loss` (snapshots): records between the one before and this could never be
    written.
    """

    kind: int
    payload: bytes
    first_seq: int
    count: int
    position: Position
    after_loss: bool

    @property
    def behind(self) -> Position:
        """Where the next one begins, if this is not its segment's last."""
        return self.position._replace(at=self.position.at + frames_of.HEADER_BYTES + len(self.payload))


class Reader:
    """Reads `DIR/journal`, or a journal that was put aside (`DIR/journal-<inc>`)."""

    def __init__(self, directory: Path | str) -> None:
        """Raises Mistake when there is no journal."""
        self._folder = Path(directory)
        if not (self._folder / FILE).exists():
            self._folder = self._folder / "journal"
        identity = stored(self._folder)
        if identity is None:
            if (self._folder / FILE).exists():
                raise Mistake("is spoilt, and without it no record can be read", file=str(self._folder / FILE))
            raise Mistake("there is no journal here; name the --state folder of a device", file=str(directory))
        self.identity = identity
        self._inc = identity.inc
        self._holes: set[tuple[int, int]] = set()
        self._marks: dict[int, list[tuple[int, int]]] = {}
        self._first: tuple[int, int] | None = None
        """Segment and seq of the oldest event, while that segment is there."""
        self._next: tuple[int, Position] | None = None
        """The event that is read next if all are read in turn, and its place."""

    @property
    def damaged(self) -> int:
        """Places met so far where records that had been on disk could not be read."""
        return len(self._holes)

    def damaged_behind(self, place: Position) -> bool:
        """Whether one of the places met so far lies behind `place`."""
        return any(hole > place for hole in self._holes)

    @property
    def first_seq(self) -> int | None:
        """The oldest hub event still held; None: there is none."""
        if self._first is None or not segments.path_of(self._folder, self._first[0]).exists():
            oldest = next((record for record in self.records() if record.count), None)
            self._first = (oldest.position.segment, oldest.first_seq) if oldest is not None else None
        return self._first[1] if self._first is not None else None

    @property
    def last_seq(self) -> int | None:
        """The newest hub event in the files; with a writer in the same process ask its `durable_seq`."""
        for segment in self._used_backwards():
            start = self._marks.get(segment, [(0, 0)])[-1][1]
            for at in dict.fromkeys((start, 0)):
                ends = [f.first_seq + f.count - 1 for f, _ in self._scan(segment, at, None) if f.count]
                if ends:
                    return ends[-1]
        return None

    def records(self, start: Position | None = None, *, upto_seq: int | None = None) -> Iterator[Record]:
        """Every record, in order, from `start` (a record's `position`) or the oldest on, until the journal's end.

        `upto_seq`: end before the first record with a later hub event, so that nothing leaves the device that is not
        on disk (`Writer.durable_seq`).
        """
        place: Position | None = start or self._following(0)
        while place is not None:
            segment, at = place
            closed_at = self._closed_at(segment)
            for frame, payload in self._scan(segment, at, closed_at):
                if upto_seq is not None and frame.first_seq + frame.count - 1 > upto_seq:
                    return
                at = frame.end
                yield _record(segment, frame, payload)
            following = self._following(segment)
            if following and closed_at is None and self._closed_at(segment) is not None:
                place = Position(segment, at)  # the writer finished it and went on while we read: first what it added
            else:
                place = following

    def read_range(self, first_seq: int, last_seq: int, *, upto_seq: int | None = None) -> Iterator[Record]:
        """The records that hold hub events `first_seq` to `last_seq`; the first and last may hold others as well."""
        last_seq = last_seq if upto_seq is None else min(last_seq, upto_seq)
        if first_seq > last_seq:
            return
        for record in self.records(self._before(first_seq), upto_seq=upto_seq):
            if record.first_seq > last_seq:
                return
            if record.count and record.first_seq + record.count > first_seq:
                self._next = record.first_seq + record.count, record.behind
                yield record
            if record.first_seq + record.count > last_seq:
                return

    def payloads_from_seq(self, seq: int, *, upto_seq: int | None = None) -> Iterator[Record]:
        """The records that hold hub events from `seq` on."""
        return self.read_range(seq, _LAST_SEQ, upto_seq=upto_seq)

    def last_snapshot(self) -> Record | None:
        """Where a restart begins: the newest snapshot; None: start from nothing and apply every record."""
        for segment in self._used_backwards():
            found = [item for item in self._scan(segment, 0, self._closed_at(segment)) if item[0].kind == SNAPSHOT]
            if found:
                return _record(segment, *found[-1])
        return None

    def after(self, record: Record) -> Iterator[Record]:
        """Every record behind `record`."""
        return self.records(record.behind)

    def unwritten(self) -> refuge.Kept | None:
        """What a process that ended had taken in and could not write, if this journal is the one it was writing."""
        kept = refuge.kept(self._inc, (self._folder / FILE).stat().st_uid)
        if kept is None:
            return None
        behind = self._behind(Position(kept.segment, kept.end))
        if behind is None or any(record.kind == SNAPSHOT and record.after_loss for record in behind):
            return None
        written = sum(record.kind == ENTRY for record in behind)
        rest = msgspec.structs.replace(kept, entries=kept.entries[written:])
        return rest if written <= len(kept.entries) and (rest.entries or rest.picture) else None

    def _behind(self, place: Position) -> list[Record] | None:
        """Every record behind `place`; None where no record ends there."""
        if place == (0, 0):
            return list(self.records())
        walk = self.records(Position(place.segment, 0))
        return list(walk) if any(record.behind == place for record in walk) else None

    def _used_backwards(self) -> Iterator[int]:
        """Segments that hold records, newest first; the very newest file is often only prepared."""
        return (segment for segment in reversed(segments.listed(self._folder)) if self._is_used(segment))

    def _is_used(self, segment: int) -> bool:
        if segment in self._marks or segments.first_frame(self._folder, self._inc, segment) is not None:
            return True
        return segments.holds_frames(self._folder, self._inc, segment)

    def _following(self, segment: int) -> Position | None:
        """Where it goes on behind `segment` (0: the oldest). What should lie between and does not is a place of its own.

        The oldest are reused first and only one is prepared ahead: a number that is missing between two others, or holds
        no record although a later one was made, is a segment that was lost.
        """
        held = [other for other in segments.listed(self._folder) if other > segment]
        following = next((other for other in held if self._is_used(other)), None)
        behind = following or max(held, default=0)  # of those behind the last record one is prepared
        missing = segment + 1 < behind if segment else following is not None and held[0] < following
        first = segment + 1 if segment else min(held, default=0)
        if missing and segments.path_of(self._folder, segment or first).exists():  # else they were reused just now
            self._holes.add((first, 0))
        return Position(following, 0) if following else None

    def _closed_at(self, segment: int) -> int | None:
        """Where the next segment says that this one ended; None while this is the newest (or the next is damaged)."""
        behind = segments.first_frame(self._folder, self._inc, segment + 1)
        return behind.behind if behind is not None else None

    def _before(self, seq: int) -> Position | None:
        """A place at or before the record that holds `seq`, near to it as far as known."""
        if self._next is not None and self._next[0] == seq:
            return self._next[1]  # also when that segment was reused: what follows it is what is left
        best: Position | None = None
        for segment in segments.listed(self._folder):
            first = segments.first_frame(self._folder, self._inc, segment)
            if first is None or not first.first_seq:
                continue
            if first.first_seq > seq:
                break
            best = Position(segment, 0)
        if best is None:
            return None
        ats = [at for first_seq, at in self._marks.get(best.segment, ()) if first_seq <= seq]
        return best._replace(at=ats[-1] if ats else 0)

    def _scan(self, segment: int, at: int, closed_at: int | None) -> Iterator[tuple[Frame, bytes]]:
        try:
            window = segments.SegmentBytes(segments.path_of(self._folder, segment))
        except OSError:
            return
        seal = Seal.of(self._inc, segment)
        try:
            for found in frames_of.frames(window, seal, at, closed_at):
                if isinstance(found, Hole):
                    if window.reused():
                        return
                    self._holes.add((segment, found.at))
                    continue
                payload = frames_of.payload_of(window, seal, found)
                if payload is None:
                    return  # reused under our hands
                self._mark(segment, found)
                yield found, payload
        finally:
            window.close()

    def _mark(self, segment: int, frame: Frame) -> None:
        """Remember one place every 64 KiB: at most 17 a segment.

        Entries of an older firmware that told the hub nothing say 0, which would be before every event there is.
        """
        if not frame.first_seq:
            return
        marks = self._marks.get(segment)
        if marks is None:
            self._marks[segment] = [(frame.first_seq, frame.at)]
            self._forget()
        elif frame.at - marks[-1][1] > _MARK_EVERY_BYTES:
            marks.append((frame.first_seq, frame.at))

    def _forget(self) -> None:
        held = set(segments.listed(self._folder))
        for gone in [segment for segment in self._marks if segment not in held]:
            del self._marks[gone]


def _record(segment: int, frame: Frame, payload: bytes) -> Record:
    place = Position(segment, frame.at)
    return Record(frame.kind, payload, frame.first_seq, frame.count, place, bool(frame.flags & AFTER_LOSS))
