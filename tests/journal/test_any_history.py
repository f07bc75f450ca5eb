"""Any history of appends, syncs, failing disks and crashes keeps the acknowledged prefix, in order, nothing invented."""

from __future__ import annotations

import errno
import mmap
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware import durable
from firmware.journal import JournalUnwritable, Reader, Writer
from firmware.journal.frame import SECTOR, Frame, Hole, Seal, encode, frame_at, frames
from tests.journal.opening import crash, entries, open_writer, payload

SEGMENT = 4096
STEPS = st.one_of(
    st.tuples(st.just("append"), st.integers(0, 900)),
    st.tuples(st.just("sync"), st.just(0)),
    st.tuples(st.just("prepare"), st.just(0)),
    st.tuples(st.just("retry"), st.just(0)),
    st.tuples(st.just("crash"), st.just(0)),
    st.tuples(st.just("fail"), st.integers(0, 255)),
)


class FailingDisk:
    """While `mask` is set, a write brings only the sectors of its bits to the disk and fails."""

    def __init__(self) -> None:
        self.mask: int | None = None
        self._write = durable.write_all

    def write_all(self, handle: int, data: bytes | memoryview, offset: int) -> None:
        if self.mask is None:
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
        self.promised = 0

    def _open(self) -> Writer:
        self.disk.mask = None
        return open_writer(self.directory, segment=SEGMENT, budget=4096 * SEGMENT)

    def play(self, steps: list[tuple[str, int]]) -> None:
        for name, number in steps:
            getattr(self, name)(number)
        self.crash(0)
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
            return
        self.promised = len(self.appended)

    def retry(self, _: int) -> None:
        if self.writer.because and self.writer.retry():
            self.promised = len(self.appended)

    def prepare(self, _: int) -> None:
        self.writer.prepare_step()

    def fail(self, mask: int) -> None:
        self.disk.mask = mask

    def crash(self, _: int) -> None:
        crash(self.writer)
        self.writer = self._open()
        found = [record.payload for record in entries(self.directory)]
        assert found == self.appended[: len(found)]
        assert len(found) >= self.promised
        assert self.writer.durable_seq == len(found)
        self.appended = found
        self.promised = len(found)


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
