"""Appending and looking back, on a disk that works."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.errors import Failure, Mistake
from firmware.journal import ENTRY, SNAPSHOT, Position, Reader, Writer
from tests.journal.opening import SMALL, fill, open_writer, payload, seqs


@pytest.fixture(params=["direct", "buffered"])
def writer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Writer]:
    opened = open_writer(tmp_path, direct=request.param == "direct")
    yield opened
    opened.close()


def test_what_was_appended_is_read_again_in_order(writer: Writer, tmp_path: Path) -> None:
    fill(writer, 100)
    reader = Reader(tmp_path)
    entries = [record for record in reader.records() if record.kind == ENTRY]
    assert [(record.payload, record.first_seq, record.count) for record in entries] == [
        (payload(seq), seq, 1) for seq in range(1, 101)
    ]
    assert (reader.first_seq, reader.last_seq, writer.durable_seq, reader.damaged) == (1, 100, 100, 0)


def test_a_group_goes_to_disk_together(writer: Writer, tmp_path: Path) -> None:
    for seq in (1, 4, 4, 9):
        writer.append(payload(seq), seq, {1: 3, 4: 0, 9: 2}[seq])
    assert (writer.waiting, writer.durable_seq, seqs(Reader(tmp_path))) == (4, 0, [])
    writer.sync()
    assert (writer.waiting, writer.durable_seq, seqs(Reader(tmp_path))) == (0, 10, [1, 4, 4, 9])


def test_every_segment_has_a_snapshot_behind_what_began_it(writer: Writer, tmp_path: Path) -> None:
    fill(writer, 100)
    kinds: dict[int, list[int]] = {}
    for record in Reader(tmp_path).records():
        kinds.setdefault(record.position.segment, []).append(record.kind)
    assert len(kinds) > 3
    assert all(kind[:2] == [ENTRY, SNAPSHOT] and SNAPSHOT not in kind[2:] for kind in kinds.values())
    last = Reader(tmp_path).last_snapshot()
    assert last is not None and last.payload == b"the state" and last.position.segment == max(kinds)
    behind = [record.first_seq for record in Reader(tmp_path).after(last)]
    assert behind == list(range(last.first_seq, 101))


def test_it_goes_on_where_it_stopped(tmp_path: Path) -> None:
    for start in (1, 31, 61):
        writer = open_writer(tmp_path)
        assert writer.durable_seq == start - 1
        fill(writer, 30, start)
        writer.close()
    assert seqs(Reader(tmp_path)) == list(range(1, 91))


def test_from_a_seq_a_range_and_a_place(writer: Writer, tmp_path: Path) -> None:
    fill(writer, 100)
    reader = Reader(tmp_path)
    for seq in (1, 2, 50, 99, 100):
        assert [r.first_seq for r in reader.payloads_from_seq(seq)] == list(range(seq, 101))
    assert [r.first_seq for r in reader.read_range(40, 60)] == list(range(40, 61))
    assert [r.first_seq for r in reader.payloads_from_seq(90, upto_seq=95)] == list(range(90, 96))
    assert list(reader.payloads_from_seq(101)) == []
    place = next(r.position for r in reader.records() if r.first_seq == 77)
    assert next(reader.records(place)).first_seq == 77
    assert list(reader.records(Position(9999, 0))) == []


def test_a_range_finds_the_record_that_holds_it(writer: Writer, tmp_path: Path) -> None:
    for first in range(1, 300, 3):
        writer.append(payload(first), first, 3)
        writer.append(payload(first), first + 3, 0)
        writer.sync()
    found = list(Reader(tmp_path).read_range(150, 152))
    assert [record.first_seq for record in found] == [148, 151]


def test_what_was_prepared_ahead_and_what_told_nothing_hide_no_event(writer: Writer, tmp_path: Path) -> None:
    """Sensors fill whole segments with entries that tell the hub nothing, and the next one always lies there empty."""
    fill(writer, 10)
    for _ in range(100):
        writer.append(payload(11), 11, 0)
        writer.sync()
    while writer.prepare_step():
        pass
    newest = list(Reader(tmp_path).records())[-1].position.segment
    assert [record.first_seq for record in Reader(tmp_path).payloads_from_seq(9)] == [9, 10]
    assert newest > 2 and Reader(tmp_path).last_seq == 10
    fill(writer, 1, 11)
    assert [record.first_seq for record in Reader(tmp_path).payloads_from_seq(11)] == [11]


def test_entries_of_an_older_firmware_that_told_nothing_hide_no_event(tmp_path: Path) -> None:
    """They say 0 where the number of the next event belongs, also at the beginning of a segment."""
    writer = open_writer(tmp_path, segment=262_144, budget=16 * 262_144)
    for seq in range(1, 1_001):
        for _ in range(3):
            writer.append(payload(0), 0, 0)
        writer.append(payload(seq), seq, 1)
        writer.sync()
    reader = Reader(tmp_path)
    assert [record.first_seq for record in reader.payloads_from_seq(1)] == list(range(1, 1_001))
    for seq in (1, 400, 990):
        assert [record.first_seq for record in reader.read_range(seq, seq + 5)] == list(range(seq, seq + 6))
        assert [record.first_seq for record in Reader(tmp_path).read_range(seq, seq)] == [seq]


def test_numbers_that_were_never_given_are_in_no_range(writer: Writer, tmp_path: Path) -> None:
    """After a full disk the numbers go on behind a gap: what follows it is not what was asked for."""
    for seq, count in ((1, 2), (9, 2)):
        writer.append(payload(seq), seq, count)
        writer.sync()
    found = {
        ask: [record.first_seq for record in Reader(tmp_path).read_range(*ask)] for ask in ((3, 8), (2, 9), (5, 4))
    }
    assert found == {(3, 8): [], (2, 9): [1, 9], (5, 4): []}


def test_what_was_given_away_is_stepped_over(tmp_path: Path) -> None:
    writer = open_writer(tmp_path, budget=5 * SMALL)
    fill(writer, 400)
    writer.close()
    reader = Reader(tmp_path)
    assert reader.first_seq is not None and reader.first_seq > 1
    assert [record.first_seq for record in reader.payloads_from_seq(1)] == list(range(reader.first_seq, 401))


@pytest.mark.parametrize("state", [b"", bytes(3_000)])
def test_behind_a_record_begins_the_next_one(tmp_path: Path, state: bytes) -> None:
    writer = open_writer(tmp_path, state=state)
    fill(writer, 60)
    writer.close()
    records = list(Reader(tmp_path).records())
    for number, record in enumerate(records):
        assert list(Reader(tmp_path).after(record)) == records[number + 1 :]


def test_a_reader_holds_no_file_open_and_remembers_little(tmp_path: Path) -> None:
    """It runs for years beside a writer that gives its oldest segments away."""
    segment, before = 256 * 1024, len(os.listdir("/proc/self/fd"))
    writer = open_writer(tmp_path, segment=segment, budget=5 * segment)
    reader = Reader(tmp_path)
    for start in range(1, 16_000, 4_000):
        for seq in range(start, start + 4_000):
            writer.append(payload(seq), seq, 1)
        writer.sync()
        assert seqs(reader)[-1] == start + 3_999
    writer.close()
    assert len(os.listdir("/proc/self/fd")) == before
    there = {int(path.stem) for path in (tmp_path / "journal").glob("*.segment")}
    assert set(reader._marks) <= there and max(map(len, reader._marks.values())) <= segment // 65_536 + 1


def test_nothing_is_read_that_is_not_yet_promised(writer: Writer, tmp_path: Path) -> None:
    fill(writer, 10)
    assert [r.first_seq for r in Reader(tmp_path).records(upto_seq=7) if r.kind == ENTRY] == list(range(1, 8))


def test_a_reader_follows_a_writer(writer: Writer, tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    read: list[int] = []
    for seq in range(1, 150):
        fill(writer, 1, seq)
        if seq % 7 == 0:
            read += [r.first_seq for r in reader.payloads_from_seq(len(read) + 1, upto_seq=writer.durable_seq)]
    assert read == list(range(1, 148))
    assert reader.last_seq == 149


def test_the_oldest_is_dropped_within_the_budget(tmp_path: Path) -> None:
    writer = open_writer(tmp_path, budget=5 * SMALL)
    fill(writer, 400)
    writer.close()
    files = list((tmp_path / "journal").glob("*.segment"))
    assert len(files) <= 5 and sum(file.stat().st_size for file in files) <= 5 * SMALL
    reader = Reader(tmp_path)
    assert reader.first_seq == writer.dropped_records + 1
    assert seqs(reader) == list(range(writer.dropped_records + 1, 401))
    assert reader.damaged == 0
    assert seqs_after_reopening(tmp_path) == seqs(reader)


def seqs_after_reopening(directory: Path) -> list[int]:
    open_writer(directory, budget=5 * SMALL).close()
    return seqs(Reader(directory))


def test_a_reader_survives_that_its_segment_is_reused(tmp_path: Path) -> None:
    writer = open_writer(tmp_path, budget=4 * SMALL)
    fill(writer, 60)
    records = Reader(tmp_path).records()
    read = [next(records).first_seq for _ in range(5)]
    fill(writer, 300, 61)
    read += [record.first_seq for record in records if record.kind == ENTRY]
    assert read == sorted(read) and read[-1] == 360
    writer.close()


@pytest.mark.parametrize("count", range(9, 25))
def test_the_newest_segment_gets_its_snapshot_though_records_came_faster_than_they_were_synced(
    tmp_path: Path, count: int
) -> None:
    """A segment without one needs those before it, and they are given away one day."""
    writer = open_writer(tmp_path)
    for seq in range(1, count + 1):
        writer.append(payload(seq, 900), seq, 1)
    writer.sync()
    last, snapshot = list(Reader(tmp_path).records())[-1], Reader(tmp_path).last_snapshot()
    assert snapshot is not None and snapshot.position.segment == last.position.segment > 1
    writer.close()


@pytest.mark.parametrize("prepares", [False, True])
def test_a_memory_that_has_outgrown_a_segment_is_in_the_journal_all_the_same(tmp_path: Path, prepares: bool) -> None:
    """The passes of some weeks fill more than one; without them a restart would begin from nothing one day."""
    state = bytearray(b"s" * 100)
    writer = Writer(tmp_path, "north-1", lambda: bytes(state), budget_bytes=48 * SMALL, segment_bytes=SMALL, board="")
    for seq in range(1, 901):
        state += b"a pass, and when it was used..."
        writer.append(payload(seq), seq, 1)
        writer.sync()
        while prepares and writer.prepare_step():
            pass
    writer.close()
    reader = Reader(tmp_path)
    snapshot = reader.last_snapshot()
    assert snapshot is not None and len(snapshot.payload) > 3 * SMALL
    assert [record.first_seq for record in reader.after(snapshot)] == list(range(snapshot.first_seq, 901))
    segments = sorted((tmp_path / "journal").glob("*.segment"))
    assert sum(path.stat().st_size for path in segments) <= 48 * SMALL and reader.damaged == 0
    per_segment = Counter(record.position.segment for record in reader.records() if record.kind == ENTRY)
    assert min(list(per_segment.values())[1:-1]) > 10, "and a segment is more than its snapshot"
    again = open_writer(tmp_path)
    assert (again.durable_seq, again.because) == (900, "")
    again.close()


def test_four_segments_are_kept_however_large_the_memory(tmp_path: Path) -> None:
    writer = open_writer(tmp_path, budget=4 * SMALL, state=bytes(5 * SMALL))
    fill(writer, 300)
    assert writer.because == "" and len(list((tmp_path / "journal").glob("*.segment"))) >= 4
    assert seqs(Reader(tmp_path))[-1] == 300
    writer.close()


def test_a_smaller_budget_gives_up_the_oldest(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    fill(writer, 300)
    writer.close()
    writer = open_writer(tmp_path, budget=6 * SMALL)
    fill(writer, 100, 301)
    held = seqs(Reader(tmp_path))
    assert held == list(range(held[0], 401)) and writer.dropped_records == held[0] - 1
    assert sum(path.stat().st_size for path in (tmp_path / "journal").glob("*.segment")) <= 6 * SMALL
    writer.close()


def test_preparing_ahead_leaves_nothing_to_do_at_the_gate(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    fill(writer, 1)
    while writer.prepare_step():
        pass
    assert writer._next == 2
    before = sorted((tmp_path / "journal").iterdir())
    assert not any(writer.prepare_step() for _ in range(300)) and sorted((tmp_path / "journal").iterdir()) == before
    fill(writer, 20, 2)  # crosses into the prepared segment
    assert writer._segment == 2
    assert sorted((tmp_path / "journal").iterdir())[: len(before)] == before
    writer.close()


def test_a_record_larger_than_the_journal_takes_is_a_counted_loss(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    fill(writer, 3)
    writer.append(bytes(SMALL), 4, 2)
    with pytest.raises(Failure, match="too large"):
        writer.sync()
    assert (writer.lost_entries, writer.lost_records) == (1, 2)
    assert writer.retry()
    fill(writer, 3, 6)
    writer.close()
    records = list(Reader(tmp_path).records())
    assert [r.first_seq for r in records if r.kind == ENTRY] == [1, 2, 3, 6, 7, 8]
    assert [r.after_loss for r in records if r.kind == SNAPSHOT] == [False, True]


def test_a_second_process_is_refused_by_name(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    code = (
        "import sys; from firmware.journal import Writer; from firmware.errors import Failure\n"
        "try: Writer(sys.argv[1], 'north-1', bytes)\n"
        "except Failure as failure: print(failure)"
    )
    told = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert f"process {os.getpid()}" in told.stdout
    writer.close()
    told = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert told.stdout == ""


def test_no_journal_is_a_mistake_of_who_asks(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="no journal"):
        Reader(tmp_path)


def test_numbers_out_of_range_are_refused(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    for first_seq, count in ((-1, 1), (1, -1), (1, 1 << 16), (1 << 63, 1)):
        with pytest.raises(ValueError):
            writer.append(b"", first_seq, count)
    writer.close()
    writer.close()


def test_a_snapshot_never_runs_ahead_of_the_records_before_it(tmp_path: Path) -> None:
    """The state is asked for when the record that changed it may still be on its way in."""
    state = 0
    writer = Writer(tmp_path, "north-1", lambda: str(state).encode(), segment_bytes=SMALL, board="")
    for seq in range(1, 400):
        state = seq
        writer.append(payload(seq, 150 + seq % 7 * 500), seq, 1)
        if seq % 20 == 0:
            writer.sync()
    writer.close()
    before = 0
    for record in Reader(tmp_path).records():
        if record.kind == SNAPSHOT:
            assert int(record.payload) == before
        else:
            before = record.first_seq
    assert before == 399
    assert writer.lost_entries == 0
