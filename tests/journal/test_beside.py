"""A reader beside a busy writer, in another thread and in another process: each record once, in order, no false damage."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.journal import ENTRY, Position, Reader, Writer
from tests.journal.opening import SMALL, fill, open_writer, payload, seqs

RECORDS = 1500


def follow(reader: Reader, last: int, writer: Writer | None, read: list[int]) -> None:
    """Poll as the outbox does until `last` was seen."""
    while not read or read[-1] < last:
        upto = writer.durable_seq if writer else None
        for record in reader.payloads_from_seq((read[-1] if read else 0) + 1, upto_seq=upto):
            assert record.payload == payload(record.first_seq, 300)
            read.append(record.first_seq)


def test_in_a_thread(tmp_path: Path) -> None:
    writer, read = open_writer(tmp_path, budget=1 << 30), list[int]()
    reader = Reader(tmp_path)
    thread = threading.Thread(target=follow, args=(reader, RECORDS, writer, read))
    thread.start()
    fill(writer, RECORDS, size=300)
    thread.join(60)
    writer.close()
    assert read == list(range(1, RECORDS + 1))
    assert reader.damaged == 0


def test_in_another_process(tmp_path: Path) -> None:
    writer = open_writer(tmp_path, budget=1 << 30)
    fill(writer, 1, size=300)
    child = os.fork()
    if child == 0:
        try:
            reader, read = Reader(tmp_path), list[int]()
            follow(reader, RECORDS, None, read)
            os._exit(0 if read == list(range(1, RECORDS + 1)) and reader.damaged == 0 else 1)
        finally:
            os._exit(2)
    fill(writer, RECORDS - 1, 2, size=300)
    _, status = os.waitpid(child, 0)
    writer.close()
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.parametrize("more", [1, 3])
def test_what_came_while_it_looked_is_read_and_no_damage(tmp_path: Path, more: int) -> None:
    writer = open_writer(tmp_path)
    fill(writer, 3)
    reader = Reader(tmp_path)
    records = (record.first_seq for record in reader.records() if record.kind == ENTRY)
    read = [next(records) for _ in range(3)]
    fill(writer, more, 4)
    assert read + list(records) == list(range(1, 4 + more))
    assert reader.damaged == 0
    writer.close()


def test_the_end_of_a_segment_that_was_finished_between_two_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = open_writer(tmp_path)
    fill(writer, 3)
    reader = Reader(tmp_path)
    following = reader._following

    def meanwhile(segment: int) -> Position | None:
        if segment == 1 and writer.durable_seq == 3:
            fill(writer, 30, 4)
        return following(segment)

    monkeypatch.setattr(reader, "_following", meanwhile)
    assert seqs(reader) == list(range(1, 34))
    writer.close()


def test_a_segment_reused_under_its_hands_is_no_damage(tmp_path: Path) -> None:
    segment = 256 * 1024
    writer = open_writer(tmp_path, segment=segment, budget=4 * segment)
    fill(writer, 3, size=100_000)
    reader = Reader(tmp_path)
    records = reader.records()
    assert next(records).first_seq == 1
    fill(writer, 20, 4, size=100_000)
    assert seqs(reader)[-1] == [record.first_seq for record in records if record.kind == ENTRY][-1] == 23
    assert reader.damaged == 0
    writer.close()


def test_while_its_past_is_being_reused(tmp_path: Path) -> None:
    """What is gone is gone, but what is read is right, and nothing is called damaged."""
    writer, stop = open_writer(tmp_path, budget=5 * 8192), threading.Event()
    fill(writer, 100, size=300)
    reader, wrong = Reader(tmp_path), list[list[int]]()

    def read_again_and_again() -> None:
        while not stop.is_set():
            read = [record.first_seq for record in reader.records() if record.kind == ENTRY]
            if read != sorted(set(read)):
                wrong.append(read)

    thread = threading.Thread(target=read_again_and_again)
    thread.start()
    fill(writer, RECORDS, 101, size=300)
    stop.set()
    thread.join(60)
    writer.close()
    assert wrong == []
    assert reader.damaged == 0
    assert seqs(tmp_path)[-1] == RECORDS + 100


LOOKS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 25)),
        st.tuples(st.just("read"), st.integers(0, 12)),
        st.tuples(st.just("back"), st.integers(0, 30)),
    ),
    max_size=25,
)


@given(LOOKS)
def test_one_that_reads_in_turn_reads_what_a_fresh_one_would(looks: list[tuple[str, int]]) -> None:
    """It remembers where it was and what is oldest: while segments end, and while the oldest are reused."""
    with tempfile.TemporaryDirectory() as folder:
        writer = open_writer(Path(folder), budget=5 * SMALL)
        fill(writer, 1, size=300)
        reader, written, at = Reader(folder), 1, 1
        for what, count in looks:
            if what == "write":
                fill(writer, count, written + 1, size=300)
                written += count
                continue
            if what == "back":
                at -= count
                continue
            assert reader.first_seq == Reader(folder).first_seq
            at = max(at, reader.first_seq or 1)
            read = [[each.first_seq for each in one.read_range(at, at + count)] for one in (reader, Reader(folder))]
            assert read[0] == read[1] == list(range(at, min(at + count, written) + 1))
            at = min(at + count, written) + 1
        writer.close()
