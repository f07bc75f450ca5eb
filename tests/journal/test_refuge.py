"""While the disk takes nothing, what was taken in outlives the process: nothing twice, nothing of another journal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.journal import SNAPSHOT, JournalUnwritable, Reader, Writer, refuge
from firmware.journal.segments import SegmentFile
from tests.journal.opening import crash, fill, open_writer, payload, seqs
from tests.journal.test_full_disk import FullDisk


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FullDisk:
    return FullDisk(monkeypatch)


@pytest.fixture(autouse=True)
def forgotten(memory: Path) -> Iterator[None]:
    yield
    for path in memory.iterdir():
        path.unlink()


def take_in(writer: Writer, first: int, last: int) -> None:
    """On a disk that refuses."""
    for seq in range(first, last + 1):
        writer.append(payload(seq), seq, 1)
        with pytest.raises(JournalUnwritable):
            writer.sync()


def refusing(disk: FullDisk, directory: Path) -> Writer:
    """Three records on disk, three that it refused."""
    writer = open_writer(directory)
    fill(writer, 3)
    disk.full = disk.everywhere = True
    disk.takes = ".refuge"
    take_in(writer, 4, 6)
    return writer


def test_whoever_comes_after_a_kill_writes_what_waited(tmp_path: Path, disk: FullDisk, memory: Path) -> None:
    crash(refusing(disk, tmp_path))
    for first in (7, 9):  # twice killed again while nothing can be written
        writer = open_writer(tmp_path)
        assert writer.waiting == first - 4 and writer.durable_seq == 3
        take_in(writer, first, first + 1)
        crash(writer)
    disk.full = False
    writer = open_writer(tmp_path)
    fill(writer, 2, 11)
    writer.close()
    assert seqs(tmp_path) == list(range(1, 13)) and not list(memory.iterdir())


def test_an_orderly_end_leaves_it_there_too(tmp_path: Path, disk: FullDisk) -> None:
    refusing(disk, tmp_path).close()
    unwritten = Reader(tmp_path).unwritten()
    assert unwritten is not None and [each.first_seq for each in unwritten.entries] == [4, 5, 6]


def test_with_space_again_nothing_is_left_there(tmp_path: Path, disk: FullDisk, memory: Path) -> None:
    writer = refusing(disk, tmp_path)
    assert [path.stat().st_mode & 0o777 for path in memory.iterdir()] == [0o600]
    disk.full = False
    assert writer.retry() and not list(memory.iterdir())
    fill(writer, 3, 7)
    assert not list(memory.iterdir()), "on a disk that works nothing is put there"
    writer.close()


def test_who_is_killed_between_the_disk_and_the_refuge_writes_nothing_twice(
    tmp_path: Path, disk: FullDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = refusing(disk, tmp_path)
    monkeypatch.setattr(refuge, "leave", lambda inc: None)
    disk.full = False
    assert writer.retry()
    crash(writer)
    monkeypatch.undo()
    assert Reader(tmp_path).unwritten() is None
    open_writer(tmp_path).close()
    assert seqs(tmp_path) == [1, 2, 3, 4, 5, 6]


def test_a_flush_that_fails_behind_its_write_writes_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = open_writer(tmp_path)
    fill(writer, 3)

    def fails(_: SegmentFile) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(SegmentFile, "sync", fails)
        take_in(writer, 4, 4)
        writer.append(payload(5), 5, 1)
        with pytest.raises(JournalUnwritable):
            writer.sync()
        crash(writer)
    open_writer(tmp_path).close()
    assert seqs(tmp_path) == [1, 2, 3, 4, 5]


def test_of_what_was_lost_the_memory_is_left(tmp_path: Path, disk: FullDisk) -> None:
    writer = open_writer(tmp_path, state=b"before")
    fill(writer, 3)
    disk.full = disk.everywhere = True
    disk.takes = ".refuge"
    writer._snapshot = lambda: b"with everybody who came in since"
    take_in(writer, 4, 60)
    assert writer.lost_entries
    crash(writer)
    unwritten = Reader(tmp_path).unwritten()
    assert unwritten is not None and unwritten.picture == b"with everybody who came in since"
    writer = open_writer(tmp_path, state=b"nothing is remembered yet")
    take_in(writer, 61, 61)
    crash(writer)
    disk.full = False
    writer = open_writer(tmp_path, state=b"nothing is remembered yet")
    fill(writer, 1, 62)
    writer.close()
    last = Reader(tmp_path).last_snapshot()
    assert last is not None and last.after_loss and last.payload == b"nothing is remembered yet"
    assert seqs(tmp_path)[-1] == 62


def test_an_older_copy_of_the_card_gets_nothing_of_a_later_one(tmp_path: Path, disk: FullDisk) -> None:
    card = tmp_path / "card"
    writer = open_writer(card)
    fill(writer, 2)
    copied = {path: path.read_bytes() for path in (card / "journal").iterdir()}
    fill(writer, 1, 3)
    disk.full = disk.everywhere = True
    disk.takes = ".refuge"
    take_in(writer, 4, 5)
    crash(writer)
    for path, data in copied.items():
        path.write_bytes(data)
    disk.full = False
    assert Reader(card).unwritten() is None
    writer = open_writer(card)
    assert writer.waiting == 0 and seqs(card) == [1, 2]
    writer.close()


def test_what_somebody_else_put_there_is_nobodys(tmp_path: Path, disk: FullDisk, memory: Path) -> None:
    writer = refusing(disk, tmp_path)
    crash(writer)
    inc, (file,) = writer.identity.inc, memory.iterdir()
    assert refuge.kept(inc, os.getuid()) is not None and refuge.kept(inc, os.getuid() + 1) is None
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert refuge.kept(inc, os.getuid()) is None
    file.unlink()
    (tmp_path / "elsewhere").rename(memory / file.name.replace(inc, "south-1-00000000"))
    assert refuge.kept("south-1-00000000", os.getuid()) is None, "another one's cannot be read"


def test_where_there_is_no_memory_the_gate_goes_on_without(
    tmp_path: Path, disk: FullDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refuge, "FOLDERS", [tmp_path / "no such folder"])
    writer = refusing(disk, tmp_path)
    disk.full = False
    assert writer.retry() and seqs(tmp_path) == [1, 2, 3, 4, 5, 6]
    writer.close()


KEPT = refuge.Kept(7, 4096, [refuge.Waiting(b"one", 8, 2), refuge.Waiting(b"", 10, 0)], b"memory")


@settings(max_examples=200)
@given(cut=st.integers(0, 400), place=st.integers(0, 399), change=st.integers(0, 255))
def test_a_torn_or_spoilt_one_gives_what_is_whole_or_nothing(memory: Path, cut: int, place: int, change: int) -> None:
    assert refuge.keep("north-1-00000000", KEPT)
    assert refuge.kept("north-1-00000000", os.getuid()) == KEPT
    (file,) = (path for path in memory.iterdir() if "00000000" in path.name)
    data = bytearray(file.read_bytes()[:cut])
    if place < len(data):
        data[place] ^= change
    file.write_bytes(data)
    found = refuge.kept("north-1-00000000", os.getuid())
    if found is not None:
        assert found.entries == KEPT.entries[: len(found.entries)] and found.picture in (None, KEPT.picture)
    refuge.leave("north-1-00000000")


def test_the_snapshot_behind_a_loss_is_found_by_a_replay(tmp_path: Path, disk: FullDisk) -> None:
    writer = open_writer(tmp_path, state=b"the memory")
    fill(writer, 3)
    disk.full = disk.everywhere = True
    disk.takes = ".refuge"
    take_in(writer, 4, 60)
    crash(writer)
    disk.full = False
    open_writer(tmp_path, state=b"not asked for").close()
    kinds = [(each.kind, each.after_loss, each.payload) for each in Reader(tmp_path).records()]
    assert kinds[-1] == (SNAPSHOT, True, b"the memory")
