"""Rights belong to an incarnation: it is born with an empty journal and dies with it (hall-limit.md 1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware.errors import Failure
from firmware.journal import Reader, Writer
from firmware.journal.identity import FILE, board_serial
from tests.journal.opening import SMALL, crash, fill, open_writer, seqs


def used(directory: Path, board: str = "", device: str = "north-1") -> Writer:
    writer = open_writer(directory, board=board, device=device)
    fill(writer, 3, writer.durable_seq + 1)
    writer.close()
    return writer


def archives(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("journal-*"))


def test_an_incarnation_lives_as_long_as_its_journal(tmp_path: Path) -> None:
    first, second = used(tmp_path).identity, used(tmp_path).identity
    assert first.fresh and not second.fresh
    assert first.inc == second.inc and first.inc.startswith("north-1-")
    assert (first.boot, second.boot) == (1, 2) and "" != first.run != second.run != ""
    assert seqs(tmp_path) == [1, 2, 3, 4, 5, 6]


def test_a_journal_is_nobody_elses_to_read(tmp_path: Path) -> None:
    used(tmp_path / "state")
    for folder in (tmp_path / "state", tmp_path / "state/journal"):
        assert folder.stat().st_mode & 0o027 == 0


def test_a_link_in_the_place_of_the_lock_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"another's file, of root's")
    (tmp_path / "state").mkdir()
    (tmp_path / "state/lock").symlink_to(tmp_path / "precious")
    with pytest.raises(Failure, match="lock cannot be opened"):
        open_writer(tmp_path / "state")
    assert (tmp_path / "precious").read_bytes() == b"another's file, of root's"


def test_an_opening_without_a_record_leaves_no_incarnation(tmp_path: Path) -> None:
    first = open_writer(tmp_path)
    while first.prepare_step():
        pass
    first.close()
    second = used(tmp_path)
    assert second.identity.fresh and second.identity.inc != first.identity.inc
    assert archives(tmp_path) == []


@pytest.mark.parametrize("gone", ["*.segment", FILE, "*"])
def test_a_deleted_journal_is_a_new_incarnation(tmp_path: Path, gone: str) -> None:
    first = used(tmp_path).identity
    for path in (tmp_path / "journal").glob(gone):
        path.unlink()
    second = used(tmp_path).identity
    assert second.fresh and second.inc != first.inc
    assert seqs(tmp_path) == [1, 2, 3]
    assert len(archives(tmp_path)) == (1 if gone == FILE else 0)
    assert second.archived_because == ("nothing says whose journal this was" if gone == FILE else "")


def test_a_cloned_card_is_another_incarnation_and_the_old_journal_is_kept_whole(tmp_path: Path) -> None:
    first = used(tmp_path, board="10000000aaaa").identity
    second = used(tmp_path, board="10000000bbbb").identity
    assert second.archived_because == "the journal was written on another board"
    assert second.fresh and second.inc != first.inc
    assert archives(tmp_path) == [second.archived] == [f"journal-{first.inc}"]
    assert seqs(tmp_path) == [1, 2, 3]
    assert seqs(Reader(tmp_path / second.archived)) == [1, 2, 3]
    assert not used(tmp_path, board="10000000bbbb").identity.archived_because


def test_a_journal_that_has_hardly_begun_is_kept_whole_as_well(tmp_path: Path) -> None:
    """Most of its segment is still the zeros it was made of."""
    for board in ("10000000aaaa", "10000000bbbb"):
        writer = open_writer(tmp_path, board=board, segment=256 * 1024)
        fill(writer, 3)
        writer.close()
    assert archives(tmp_path) == [writer.identity.archived] and writer.identity.archived


def test_an_unreadable_serial_number_is_no_other_board(tmp_path: Path) -> None:
    first = used(tmp_path, board="10000000aaaa").identity
    assert used(tmp_path, board="").identity.inc == first.inc
    assert used(tmp_path, board="10000000aaaa").identity.inc == first.inc
    assert used(tmp_path, board="10000000bbbb").identity.inc != first.inc


def test_another_device_name_is_another_incarnation(tmp_path: Path) -> None:
    used(tmp_path, device="north-1")
    second = used(tmp_path, device="south-2").identity
    assert second.fresh and second.inc.startswith("south-2-")
    assert second.archived_because == "the journal was written by north-1"
    assert seqs(tmp_path) == [1, 2, 3]


def test_put_aside_journals_do_not_fill_the_card(tmp_path: Path) -> None:
    for number in range(5):
        used(tmp_path, board=f"board-{number}")
    assert len(archives(tmp_path)) == 2


def test_frames_of_another_incarnation_are_never_read(tmp_path: Path) -> None:
    """A file that found its way in by hand: right name, right format, another journal's."""
    one, other = tmp_path / "one", tmp_path / "other"
    used(one), used(other)
    (one / "journal/0000000002.segment").write_bytes((other / "journal/0000000001.segment").read_bytes())
    assert seqs(one) == [1, 2, 3]


@pytest.mark.parametrize("rubbish", [b"", b"{", b'{"inc":3}', b"\xff" * 5000])
def test_an_identity_that_cannot_be_read_is_none(tmp_path: Path, rubbish: bytes) -> None:
    first = used(tmp_path).identity
    (tmp_path / "journal" / FILE).write_bytes(rubbish)
    second = used(tmp_path).identity
    assert second.fresh and second.inc != first.inc
    assert len(archives(tmp_path)) == 1


def test_the_highest_version_that_ever_wrote_here_stays_known(tmp_path: Path) -> None:
    for version, newest in (("2.9.0", "2.9.0"), ("2.10.0", "2.10.0"), ("2.9.1", "2.10.0")):
        writer = Writer(tmp_path, "north-1", lambda: b"", version=version, board="", segment_bytes=SMALL)
        fill(writer, 1, writer.durable_seq + 1)
        writer.close()
        assert writer.identity.newest == newest


def test_a_crash_keeps_the_incarnation(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    fill(writer, 2)
    crash(writer)
    assert open_writer(tmp_path).identity.inc == writer.identity.inc


def test_a_folder_that_cannot_be_used_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"a file")
    with pytest.raises(Failure):
        open_writer(tmp_path / "state")


def test_a_board_serial_is_text() -> None:
    assert board_serial() == board_serial().strip("\0\n ")
