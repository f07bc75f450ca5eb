"""A full disk: the journal reuses its past, then waits, then loses the newest and says so; with space it goes on."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware import durable
from firmware.hub.side import Events
from firmware.journal import ENTRY, SNAPSHOT, JournalUnwritable, Reader, Writer
from firmware.journal.segments import SegmentFile
from mqtt.outbox import SUCCESS, Outbox
from tests import needs
from tests.journal.opening import SMALL, fill, open_writer, payload, seqs
from tests.loop_disk import loop_disk, why_not


class FullDisk:
    """New files cannot be written; what was written through before can be written again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full, self._write = False, durable.write_all
        self.error = errno.ENOSPC
        self.everywhere, self.takes = False, ""
        """`takes`: what the name of a file has in it that is on another disk."""
        monkeypatch.setattr(durable, "write_all", self.write_all)

    def write_all(self, handle: int, data: bytes | memoryview, offset: int) -> None:
        file = os.readlink(f"/proc/self/fd/{handle}")
        if self.full and (self.everywhere or len(data) == SMALL) and not (self.takes and self.takes in file):
            raise OSError(self.error, "No space left on device")
        self._write(handle, data, offset)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FullDisk:
    return FullDisk(monkeypatch)


def until_unwritable(writer: Writer, start: int = 1) -> int:
    """Append and sync until the journal refuses; the seq that waits."""
    for seq in itertools.count(start):
        writer.append(payload(seq), seq, 1)
        try:
            writer.sync()
        except JournalUnwritable:
            return seq
    raise AssertionError


def test_it_says_so_before_it_is_too_late(tmp_path: Path, disk: FullDisk) -> None:
    writer = open_writer(tmp_path)
    fill(writer, 3)
    disk.full = True
    while writer.prepare_step():
        pass
    assert "No space left" in writer.trouble and not writer.because
    assert not writer._next
    fill(writer, 2, 4)
    disk.full = False
    while writer.prepare_step():
        pass
    assert not writer.trouble and writer._next


def test_where_the_memory_has_no_room_on_the_disk_the_records_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(SegmentFile, "grow", full)
    writer = open_writer(tmp_path, state=bytes(3 * SMALL))
    fill(writer, 100)
    assert writer.because == "" and seqs(Reader(tmp_path)) == list(range(1, 101))
    pictures = [record.position.segment for record in Reader(tmp_path).records() if record.kind == SNAPSHOT]
    assert pictures and 1 not in pictures, "the first had no room for it, the next were made for it"
    writer.close()


def test_what_waited_is_written_without_a_gap(tmp_path: Path, disk: FullDisk) -> None:
    writer = open_writer(tmp_path)
    fill(writer, 3)
    disk.full = True
    last = until_unwritable(writer, 4)
    for seq in range(last + 1, last + 6):
        writer.append(payload(seq), seq, 1)
        with pytest.raises(JournalUnwritable):
            writer.sync()
    assert (writer.durable_seq, writer.waiting, writer.retry()) == (last - 1, 6, False)
    assert seqs(tmp_path) == list(range(1, last))
    disk.full = False
    assert writer.retry()
    assert (writer.durable_seq, writer.waiting, writer.lost_records) == (last + 5, 0, 0)
    assert seqs(tmp_path) == list(range(1, last + 6))
    assert not any(record.after_loss for record in Reader(tmp_path).records())


def test_the_past_gives_its_space_before_the_present_is_lost(tmp_path: Path, disk: FullDisk) -> None:
    writer = open_writer(tmp_path)
    fill(writer, 150)
    disk.full = True
    fill(writer, 300, 151)
    assert writer.dropped_records > 0
    held = seqs(tmp_path)
    assert held == list(range(writer.dropped_records + 1, 451))
    assert len(list((tmp_path / "journal").glob("*.segment"))) >= 4


def test_too_long_full_is_a_counted_loss_and_a_flagged_snapshot(tmp_path: Path, disk: FullDisk) -> None:
    writer = open_writer(tmp_path)
    disk.full = True
    start = until_unwritable(writer)
    last = start + 100
    for seq in range(start + 1, last + 1):
        writer.append(payload(seq), seq, 1)
    kept = writer.waiting
    assert kept > 0 and writer.lost_records == 101 - kept
    disk.full = False
    assert writer.retry()
    fill(writer, 3, last + 1)
    records = list(Reader(tmp_path).records())
    loss = next(i for i, record in enumerate(records) if record.after_loss)
    assert records[loss].kind == SNAPSHOT
    assert [r.first_seq for r in records[:loss] if r.kind == ENTRY] == list(range(1, kept + 1))
    assert [r.first_seq for r in records[loss:] if r.kind == ENTRY] == [last + 1, last + 2, last + 3]


def test_the_hub_hears_of_what_came_after_a_loss(tmp_path: Path, disk: FullDisk) -> None:
    """The hole has no end for who reads number by number: the door would be silent until the journal came round."""

    def told(seq: int) -> None:
        writer.append(b'{"r":[{"seq":%d,"note":"%s"}]}' % (seq, b"." * 200), seq, 1)

    writer = open_writer(tmp_path)
    disk.full = True
    for seq in range(1, 200):
        told(seq)
        with contextlib.suppress(JournalUnwritable):
            writer.sync()
    disk.full = False
    assert writer.retry() and writer.lost_records
    told(200)
    writer.sync()
    kept, sent = 199 - writer.lost_records, []
    outbox = Outbox(Events(writer, Reader(tmp_path)), tmp_path / "outbox.json", durable.replace_file)
    while batch := outbox.take(0.0, 100):
        sent += [seq for seq, _ in batch]
        for seq, _ in batch:
            outbox.acked(seq, SUCCESS, 0.0)
    assert sent == [*range(1, kept + 1), 200]
    assert (outbox.depth, outbox.lost) == (0, writer.lost_records)


def test_a_place_that_fails_for_good_is_left(tmp_path: Path, disk: FullDisk) -> None:
    """A bad block: the group goes to the next segment, and the reader is told where the old one ended."""
    writer = open_writer(tmp_path)
    fill(writer, 5)
    while writer.prepare_step():
        pass
    disk.full = disk.everywhere = True
    disk.error = errno.EIO
    assert until_unwritable(writer, 6) == 6
    assert not writer.retry()
    disk.full = False
    assert writer.retry()
    fill(writer, 3, 7)
    assert writer._segment == 2
    writer.close()
    assert seqs(tmp_path) == list(range(1, 10))
    assert Reader(tmp_path).damaged == 0


def test_a_flush_that_fails_for_good_leaves_no_record_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes did arrive where they were given up: the next segment says that the old one ended before them."""
    writer = open_writer(tmp_path)
    fill(writer, 5)
    while writer.prepare_step():
        pass

    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", broken)
        assert until_unwritable(writer, 6) == 6
        assert not writer.retry()
    assert writer.retry()
    assert writer._segment == 2
    writer.close()
    assert seqs(tmp_path) == [1, 2, 3, 4, 5, 6]
    assert Reader(tmp_path).damaged == 0


def test_after_a_loss_even_what_would_fit_is_lost(tmp_path: Path, disk: FullDisk) -> None:
    """Else the journal would have a hole in the middle that no snapshot covers."""
    writer = open_writer(tmp_path)
    disk.full = True
    last = until_unwritable(writer)
    while not writer.lost_entries:
        last += 1
        writer.append(payload(last, 1000), last, 1)
    writer.append(b"", last + 1, 1)
    assert writer.lost_entries == 2
    disk.full = False
    assert writer.retry()
    assert seqs(tmp_path) == list(range(1, last))


def test_a_journal_opens_on_a_disk_that_takes_nothing(tmp_path: Path, disk: FullDisk) -> None:
    writer = open_writer(tmp_path)
    fill(writer, 5)
    writer.close()
    disk.full = disk.everywhere = True
    again = open_writer(tmp_path)
    assert again.identity.inc == writer.identity.inc and again.durable_seq == 5
    assert (writer.identity.run == "", again.identity.run) == (False, ""), "this opening's number will be given again"
    assert until_unwritable(again, 6) == 6
    disk.full = False
    assert again.retry()
    again.close()
    assert seqs(tmp_path) == list(range(1, 7))


@pytest.mark.parametrize("prepared", [True, False])
def test_a_card_that_is_read_only_at_the_start_hides_nothing_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prepared: bool
) -> None:
    """A fault of the card makes it read-only (errors=remount-ro); what is then begun anew has to name the old end."""

    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    writer = open_writer(tmp_path)
    fill(writer, 5)
    while prepared and writer.prepare_step():
        pass
    writer.close()
    with monkeypatch.context() as card:
        card.setattr(Path, "unlink", read_only)
        card.setattr("firmware.journal.writer.SegmentFile", read_only)
        again = open_writer(tmp_path)
        assert (again.durable_seq, "Read-only" in again.because) == (5, True)
        assert until_unwritable(again, 6) == 6
        assert not again.retry()
    assert again.retry()
    fill(again, 3, 7)
    again.close()
    assert seqs(tmp_path) == list(range(1, 10))
    assert Reader(tmp_path).damaged == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    needs.stop_unless(why_not())
    with loop_disk(tmp_path, megabytes=8) as disk:
        yield disk.folder


def test_a_really_full_file_system_and_space_again(small_disk: Path) -> None:
    state, ballast = small_disk / "state", small_disk / "ballast"
    writer = open_writer(state, segment=65_536)
    fill(writer, 3)
    with open(ballast, "wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(bytes(4096))
            os.fsync(file.fileno())
    last = until_unwritable(writer, 4)
    assert not writer.retry()
    ballast.unlink()
    assert writer.retry()
    fill(writer, 30, last + 1)
    writer.close()
    assert seqs(state) == list(range(1, last + 31))
