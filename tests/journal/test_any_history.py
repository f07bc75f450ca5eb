"""Any history of appends, syncs, failing disks and crashes keeps the acknowledged prefix, in order, nothing invented."""

from __future__ import annotations

import errno
import mmap
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware import durable
from firmware.journal import JournalUnwritable, Reader, Writer
from firmware.journal.frame import SECTOR, Frame, Hole, Seal, encode, frame_at, frames
from firmware.journal.segments import SUFFIX
from tests.journal.opening import crash, entries, open_writer, payload

SEGMENT, WORKS = 4096, -1
STEPS = st.one_of(
    st.tuples(st.just("append"), st.integers(0, 900)),
    st.tuples(st.just("sync"), st.just(0)),
    st.tuples(st.just("prepare"), st.just(0)),
    st.tuples(st.just("retry"), st.just(0)),
    st.tuples(st.just("crash"), st.integers(WORKS, 255)),
    st.tuples(st.just("fail"), st.integers(0, 255)),
)


class FailingDisk:
    """While `mask` is set, a write brings only the sectors of its bits to the disk and fails."""

    def __init__(self) -> None:
        self.mask: int | None = None
        self._write = durable.write_all

    def write_all(self, handle: int, data: bytes | memoryview, offset: int) -> None:
        if self.mask is None or not os.readlink(f"/proc/self/fd/{handle}").endswith(SUFFIX):
            return self._write(handle, data, offset)
        for number in range(len(data) // SECTOR):
            if self.mask >> number % 8 & 1:
                piece = bytearray(data[number * SECTOR : (number + 1) * SECTOR])
                self._write(handle, _aligned(piece), offset + number * SECTOR)
        self.mask = None
        raise OSError(errno.EIO, "Input/output error")


def _aligned(piece: bytearray) -> memoryview:
    page = mmap.mmap(-1, 4096)
    page[: len(piece)] = bytes(piece)
    return memoryview(page)[: len(piece)]


@pytest.fixture(scope="module")
def disk() -> Iterator[FailingDisk]:
    failing = FailingDisk()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(durable, "write_all", failing.write_all)
        yield failing


@settings(max_examples=120, deadline=None)
@given(st.lists(STEPS, max_size=60))
def test_the_acknowledged_prefix_is_kept(disk: FailingDisk, steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        History(Path(folder), disk).play(steps)


class History:
    def __init__(self, directory: Path, disk: FailingDisk) -> None:
        self.directory, self.disk = directory, disk
        self.writer = self._open()
        self.appended: list[bytes] = []
        self.promised = self.sheltered = 0
        """Records that were said to be on disk, and those a sync was asked for: they outlive the process."""
        self.append(0)
        self.sync(0)  # a journal without a single record belongs to nobody

    def _open(self, mask: int = WORKS) -> Writer:
        """`mask`: of the first write of the one who opens it."""
        self.disk.mask = None if mask == WORKS else mask
        return open_writer(self.directory, segment=SEGMENT, budget=4096 * SEGMENT)

    def play(self, steps: list[tuple[str, int]]) -> None:
        for name, number in steps:
            getattr(self, name)(number)
        self.crash(WORKS)
        assert self.writer.waiting == 0
        self.writer.close()

    def append(self, size: int) -> None:
        """Sizes differ per record, so that a record at a wrong place is no right one."""
        if self.writer._losing:
            return
        seq = len(self.appended) + 1
        data = payload(seq, size)
        lost = self.writer.lost_entries
        self.writer.append(data, seq, 1)
        if self.writer.lost_entries == lost:
            self.appended.append(data)

    def sync(self, _: int) -> None:
        try:
            self.writer.sync()
        except JournalUnwritable:
            self.sheltered = len(self.appended)
            return
        self.promised = self.sheltered = len(self.appended)

    def retry(self, _: int) -> None:
        if self.writer.because and self.writer.retry():
            self.promised = self.sheltered = len(self.appended)

    def prepare(self, _: int) -> None:
        self.writer.prepare_step()

    def fail(self, mask: int) -> None:
        self.disk.mask = mask

    def crash(self, mask: int) -> None:
        crash(self.writer)
        assert len(entries(self.directory)) >= self.promised
        unwritten = Reader(self.directory).unwritten()
        self.writer = self._open(mask)
        self.promised = self.writer.durable_seq
        found = [each.payload for each in (*entries(self.directory)[: self.promised], *self.writer._waiting)]
        assert found == self.appended[: len(found)]
        assert len(found) >= self.sheltered
        assert unwritten is None or found[-len(unwritten.entries) :] == [each.payload for each in unwritten.entries]
        self.appended, self.sheltered = found, len(found)


class Memory:
    """A segment in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def get(self, at: int, length: int) -> bytes:
        return self.data[at : at + length]

    def find(self, mark: bytes, at: int) -> int:
        return self.data.find(mark, at)

    def refresh(self) -> None:
        return


SEAL = Seal.of("north-1-00000000", 1)


@settings(max_examples=200)
@given(st.binary(max_size=3000), st.integers(0, 3100), st.one_of(st.none(), st.integers(0, 4000)))
def test_any_bytes_are_read_without_an_exception(data: bytes, at: int, closed_at: int | None) -> None:
    for found in frames(Memory(data), SEAL, at, closed_at):
        assert isinstance(found, Hole)


@settings(max_examples=200)
@given(st.lists(st.binary(max_size=200), min_size=1, max_size=8), st.data())
def test_a_spoilt_byte_costs_at_most_one_record(payloads: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(encode(SEAL, 1, text, seq, 1, 100_000) for seq, text in enumerate(payloads))
    place = data.draw(st.integers(0, len(whole) - 1))
    spoilt = whole[:place] + bytes([whole[place] ^ data.draw(st.integers(1, 255))]) + whole[place + 1 :]
    read = [found.first_seq for found in frames(Memory(spoilt), SEAL) if isinstance(found, Frame)]
    assert len(read) == len(payloads) - 1
    assert read == sorted(read)


GROUPS = st.lists(st.lists(st.binary(max_size=300), min_size=1, max_size=4), min_size=2, max_size=5)


def grouped(groups: list[list[bytes]]) -> tuple[bytes, list[int]]:
    """A segment as the writer lays it out, and where each record begins."""
    data, places, behind = b"", list[int](), 0
    for group in groups:
        data += bytes(-len(data) % SECTOR)
        known = behind
        for text in group:
            places.append(len(data))
            data += encode(SEAL, 1, text, len(places), 1, known)
        behind = len(data)
    return data, places


@settings(max_examples=200)
@given(GROUPS, st.data())
def test_rot_before_the_last_group_is_always_noticed(groups: list[list[bytes]], data: st.DataObject) -> None:
    whole, places = grouped(groups)
    acknowledged = len(places) - len(groups[-1])
    victim = data.draw(st.integers(0, acknowledged - 1))
    place = places[victim] + data.draw(st.integers(0, 31))
    spoilt = whole[:place] + bytes([whole[place] ^ data.draw(st.integers(1, 255))]) + whole[place + 1 :]
    found = list(frames(Memory(spoilt), SEAL))
    read = [item.first_seq for item in found if isinstance(item, Frame)]
    assert read == [seq for seq in range(1, len(places) + 1) if seq != victim + 1]
    assert [item.at <= places[victim] < item.end for item in found if isinstance(item, Hole)] == [True]


class Growing(Memory):
    """A writer beside the reader: it goes on just when the reader searches what is left."""

    def __init__(self, data: bytes, soon: bytes) -> None:
        super().__init__(data)
        self.soon = soon

    def find(self, mark: bytes, at: int) -> int:
        self.data = self.soon
        return super().find(mark, at)


@settings(max_examples=100)
@given(GROUPS)
def test_what_is_written_between_two_looks_is_neither_damage_nor_lost(groups: list[list[bytes]]) -> None:
    whole, places = grouped([*groups, [b"", b""]])
    first_group = places[len(groups[0]) - 1] + 32 + len(groups[0][-1])
    found = list(frames(Growing(whole[:first_group], whole), SEAL))
    assert [(item.at, isinstance(item, Frame)) for item in found] == [(place, True) for place in places]


@settings(max_examples=100)
@given(GROUPS)
def test_what_lies_behind_the_end_of_a_closed_segment_is_not_read(groups: list[list[bytes]]) -> None:
    whole, places = grouped(groups)
    first_unread = len(places) - len(groups[-1])
    last_read = places[first_unread - 1]
    closed_at = last_read + 32 + len(groups[-2][-1])
    read = [item.first_seq for item in frames(Memory(whole), SEAL, 0, closed_at) if isinstance(item, Frame)]
    assert read == list(range(1, first_unread + 1))
    spoilt = whole[:last_read] + b"????" + whole[last_read + 4 :]
    found = list(frames(Memory(spoilt), SEAL, 0, closed_at))
    assert [item.first_seq for item in found if isinstance(item, Frame)] == list(range(1, first_unread))
    assert found[-1].end == closed_at and isinstance(found[-1], Hole)


def test_a_frame_is_readable_only_in_its_own_segment_and_incarnation() -> None:
    frame = encode(SEAL, 1, b"a record", 7, 1, 0)
    assert frame_at(Memory(frame), SEAL, 0) is not None
    for seal in (Seal.of("north-1-00000000", 2), Seal.of("north-1-00000001", 1)):
        assert frame_at(Memory(frame), seal, 0) is None


def test_the_layout_on_disk_stays_what_it_is() -> None:
    """Written out as literal bytes: a device that was updated must read its own past."""
    assert encode(Seal(b"MARK", 0x12345678), 1, b"{}", 0x0102, 3, 4, 1) == bytes.fromhex(
        "4d41524b 01 01 0300 02000000 04000000 0201000000000000 48aa48c6 2507b4e8 7b7d"
    )


def test_a_reader_of_nothing_finds_nothing(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    reader = Reader(tmp_path)
    assert (list(reader.records()), reader.first_seq, reader.last_seq, reader.last_snapshot()) == ([], None, None, None)
    writer.close()
