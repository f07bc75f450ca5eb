"""Whatever a power cut leaves of the last group, and whatever rots: what was acknowledged before it stays readable.

Exhaustive: every byte of the tail of a small journal is cut off, zeroed from there on, or flipped.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firmware.journal import SNAPSHOT, Reader
from firmware.journal.frame import SECTOR
from tests.journal.opening import crash, entries, fill, newest_segment, open_writer, payload, seqs


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Three acknowledged records, then a group of two (seq 4 and 5) in a sector of its own."""
    directory = tmp_path / "small"
    writer = open_writer(directory, segment=4096)
    fill(writer, 3, size=40)
    writer.append(payload(4, 30), 4, 1)
    writer.append(payload(5, 30), 5, 1)
    writer.sync()
    writer.close()
    return directory


def tail_of(directory: Path) -> range:
    """Where the last group lies in its segment."""
    records = list(Reader(directory).records())
    last = records[-1]
    assert [record.first_seq for record in records[-2:]] == [4, 5]
    return range(records[-2].position.at, last.position.at + 32 + len(last.payload))


def cut_off(data: bytes, at: int) -> bytes:
    return data[:at]


def zeroed(data: bytes, at: int) -> bytes:
    return data[:at] + bytes(len(data) - at)


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


def copies(directory: Path, spoil: Callable[[bytes, int], bytes], places: range) -> Iterator[tuple[int, Path]]:
    """The same journal, spoilt at each place."""
    whole = newest_segment(directory).read_bytes()
    copy = directory.with_name("copy")
    for at in places:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(directory, copy)
        (copy / "journal" / newest_segment(directory).name).write_bytes(spoil(whole, at))
        yield at, copy


@pytest.mark.parametrize("spoil", [cut_off, zeroed, flipped])
def test_a_torn_tail_at_every_byte(small: Path, spoil: Callable[[bytes, int], bytes]) -> None:
    for at, copy in copies(small, spoil, tail_of(small)):
        before = seqs(copy)
        assert before in ([1, 2, 3], [1, 2, 3, 4]), at
        writer = open_writer(copy, segment=4096)
        assert seqs(copy) == before, at
        assert writer.durable_seq == before[-1], at
        fill(writer, 2, 104, size=5)
        writer.close()
        assert seqs(copy) == [*before, 104, 105], at
        assert Reader(copy).damaged == 0


def test_rot_at_every_byte_of_an_acknowledged_record_costs_that_record_only(small: Path) -> None:
    second = next(record for record in Reader(small).records() if record.first_seq == 2 and record.kind != SNAPSHOT)
    places = range(second.position.at, second.position.at + 32 + len(second.payload))
    for at, copy in copies(small, flipped, places):
        reader = Reader(copy)
        assert seqs(reader) == [1, 3, 4, 5], at
        assert reader.damaged == 1
        writer = open_writer(copy, segment=4096)
        assert (writer.durable_seq, writer.damaged) == (5, 1)
        fill(writer, 1, 6)
        writer.close()
        assert seqs(copy) == [1, 3, 4, 5, 6], at


def test_rot_in_the_first_sector_of_a_later_segment_costs_what_was_in_it(tmp_path: Path) -> None:
    writer = open_writer(tmp_path, segment=4096)
    fill(writer, 40)
    writer.close()
    second = tmp_path / "journal/0000000002.segment"
    data = second.read_bytes()
    second.write_bytes(bytes(SECTOR) + data[SECTOR:])
    lost = {record.first_seq for record in entries(tmp_path)} ^ set(range(1, 41))
    assert len(lost) == 1
    assert open_writer(tmp_path, segment=4096).durable_seq == 40


def test_rot_at_the_end_of_a_full_segment_is_noticed(tmp_path: Path) -> None:
    """The next segment says where the one before ended: a missing last record is damage there, not a torn tail."""
    writer = open_writer(tmp_path, segment=4096)
    fill(writer, 40)
    writer.close()
    records = list(Reader(tmp_path).records())
    last_of_first = [record for record in records if record.position.segment == 1][-1]
    first = tmp_path / "journal/0000000001.segment"
    first.write_bytes(flipped(first.read_bytes(), last_of_first.position.at + 40))
    reader = Reader(tmp_path)
    assert last_of_first.first_seq not in seqs(reader)
    assert len(seqs(reader)) == 39 and reader.damaged == 1


@pytest.mark.parametrize("size", [280, SECTOR - 32])
def test_any_sectors_of_an_unacknowledged_group_may_have_reached_the_disk(tmp_path: Path, size: int) -> None:
    """A disk writes the sectors of one group in any order: each of the 2^6 outcomes, then other records on top.

    With records of just one sector, whatever is left of the group lies exactly where a next record is looked for.
    """
    directory = tmp_path / "whole"
    writer = open_writer(directory)
    fill(writer, 2)
    before = newest_segment(directory).read_bytes()
    for seq in range(3, 3 + 6 * SECTOR // (size + 32)):
        writer.append(payload(seq, size), seq, 1)
    writer.sync()
    start = writer._tail - 6 * SECTOR
    crash(writer)
    after = newest_segment(directory).read_bytes()
    for reached in itertools.product((False, True), repeat=6):
        data = bytearray(before)
        for number, written in enumerate(reached):
            at = start + number * SECTOR
            if written:
                data[at : at + SECTOR] = after[at : at + SECTOR]
        check_outcome(directory, tmp_path / "copy", bytes(data))


def check_outcome(directory: Path, copy: Path, data: bytes) -> None:
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(directory, copy)
    (copy / "journal" / newest_segment(directory).name).write_bytes(data)
    writer = open_writer(copy)
    kept = seqs(copy)
    assert kept == list(range(1, len(kept) + 1)) and kept[:2] == [1, 2]
    for seq in range(100, 106):
        fill(writer, 1, seq, size=20)
        assert seqs(copy) == [*kept, *range(100, seq + 1)]
    writer.close()
    assert Reader(copy).damaged == 0


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """Segment 2 was just begun with one record of two sectors and a snapshot."""
    writer = open_writer(tmp_path, state=b"S" * 1000)
    fill(writer, 14)
    fill(writer, 1, 15, size=900)
    writer.close()
    return tmp_path


def test_what_the_two_below_stand_on(begun: Path) -> None:
    """The record is in sectors 0 and 1, the snapshot begins in sector 1."""
    record, snapshot = list(Reader(begun).records())[-2:]
    assert (record.position, snapshot.kind, snapshot.position) == ((2, 0), SNAPSHOT, (2, 932))


def second_of(directory: Path) -> Path:
    return directory / "journal/0000000002.segment"


def test_a_torn_beginning_of_a_segment_is_made_anew(begun: Path) -> None:
    """The record is lost, the snapshot behind it is whole: nothing of it was acknowledged, nothing of it may stay."""
    last = seqs(begun)[-1]
    data = second_of(begun).read_bytes()
    second_of(begun).write_bytes(bytes(SECTOR) + data[SECTOR:])
    writer = open_writer(begun)
    assert writer.durable_seq == last - 1
    assert not second_of(begun).exists()
    fill(writer, 30, last)
    writer.close()
    assert seqs(begun) == list(range(1, last + 30))


def test_a_segment_whose_snapshot_was_torn_off_gets_one(begun: Path) -> None:
    last = seqs(begun)[-1]
    data = second_of(begun).read_bytes()
    second_of(begun).write_bytes(data[: 2 * SECTOR] + bytes(len(data) - 2 * SECTOR))
    snapshot = Reader(begun).last_snapshot()
    assert snapshot is not None and snapshot.position.segment == 1
    writer = open_writer(begun)
    assert writer.durable_seq == last
    fill(writer, 2, last + 1)
    writer.close()
    snapshot = Reader(begun).last_snapshot()
    assert snapshot is not None and snapshot.position.segment == 2
    assert seqs(begun) == list(range(1, last + 3))


def test_a_place_behind_is_told_apart_from_one_before(tmp_path: Path) -> None:
    """Recovery asks for it: what cannot be read behind the last picture may be people who came in."""
    writer = open_writer(tmp_path)
    fill(writer, 12)
    writer.close()
    records = list(Reader(tmp_path).records())
    segment = newest_segment(tmp_path)
    spoilt = bytearray(segment.read_bytes())
    for rotten in (records[4], records[8]):
        spoilt[rotten.position.at + 40] ^= 0x10
    segment.write_bytes(spoilt)
    reader = Reader(tmp_path)
    assert len(list(reader.records())) == len(records) - 2 and reader.damaged == 2
    assert [reader.damaged_behind(records[place].position) for place in (3, 6, 8, 9)] == [True, True, False, False]
