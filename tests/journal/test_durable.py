"""A small file is the old one or the new one, never half of it."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware import durable
from firmware.errors import Failure
from firmware.journal import Reader
from tests.journal.opening import SMALL, fill, open_writer, seqs


def test_the_new_content_is_there_and_nothing_else(tmp_path: Path) -> None:
    durable.replace_file(tmp_path / "cursor", b"1")
    durable.replace_file(tmp_path / "cursor", b"22")
    assert (tmp_path / "cursor").read_bytes() == b"22"
    assert [path.name for path in tmp_path.iterdir()] == ["cursor"]


def test_a_secret_is_never_readable_by_others(tmp_path: Path) -> None:
    durable.replace_file(tmp_path / "hall.key", b"secret", mode=0o600)
    assert stat.S_IMODE((tmp_path / "hall.key").stat().st_mode) == 0o600


def test_a_link_in_the_place_of_the_new_file_is_not_followed(tmp_path: Path) -> None:
    for link in (os.symlink, os.link):
        (tmp_path / "precious").write_bytes(b"another's")
        link(tmp_path / "precious", tmp_path / "hall.key.new")
        durable.replace_file(tmp_path / "hall.key", b"secret", mode=0o600)
        assert (tmp_path / "precious").read_bytes() == b"another's"
        assert (tmp_path / "hall.key").read_bytes() == b"secret" and not (tmp_path / "hall.key").is_symlink()


def test_what_is_no_file_is_not_put_in_its_place(tmp_path: Path) -> None:
    """Who is root and writes /dev/null for "nowhere" would rename it away from every program of the machine."""
    os.mkfifo(tmp_path / "null")
    with pytest.raises(Failure, match="it is no file"):
        durable.replace_file(tmp_path / "null", b"1")
    assert (tmp_path / "null").is_fifo() and len(list(tmp_path.iterdir())) == 1


def test_nobody_else_can_write_into_a_folder_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        durable.make_folder(tmp_path / "authority/deep")
        durable.make_folder(tmp_path / "state", durable.PRIVATE)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("authority", "authority/deep", "state")]
    assert modes == [0o755, 0o755, 0o750]


def test_flushed_in_the_order_that_survives_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The power cut itself is in test_power_cut.py; this one holds the order also where nobody is root."""
    seen: list[str] = []
    fsync, replace = os.fsync, os.replace

    def note_fsync(handle: int) -> None:
        seen.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def note_replace(old: Path, new: Path) -> None:
        seen.append("rename")
        replace(old, new)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    durable.replace_file(tmp_path / "cursor", b"1")
    assert seen == ["file", "rename", "folder"]


def test_a_segment_has_its_name_on_disk_before_anything_in_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power cut brings the old name back, and what was acknowledged in it is sealed for another."""
    seen: list[str] = []
    for name in ("rename", "fsync", "fdatasync"):
        monkeypatch.setattr(os, name, _noting(seen, name, getattr(os, name)))
    writer = open_writer(tmp_path, budget=4 * SMALL)
    fill(writer, 300)  # more than the budget: the oldest segments are given new names
    writer.close()
    after_each = [seen[at + 1] for at, what in enumerate(seen) if what == "rename"]
    assert len(after_each) > 6 and set(after_each) == {"fsync"}


def test_a_disk_that_takes_no_direct_sectors_is_written_through_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sectors of 4 KiB, or a file system that opens directly and then refuses."""
    write_all, refused = durable.write_all, list[int]()

    def refuses_direct(handle: int, data: bytes | memoryview, offset: int) -> None:
        if fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_DIRECT:
            refused.append(offset)
            raise OSError(errno.EINVAL, "Invalid argument")
        write_all(handle, data, offset)

    monkeypatch.setattr(durable, "write_all", refuses_direct)
    writer = open_writer(tmp_path)
    fill(writer, 100)
    writer.close()
    assert refused and writer.because == "" and seqs(Reader(tmp_path)) == list(range(1, 101))


def _noting(seen: list[str], name: str, does: Callable[..., Any]) -> Callable[..., Any]:
    def noted(*what: Any) -> Any:
        seen.append(name)
        return does(*what)

    return noted


def test_a_full_disk_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    durable.replace_file(tmp_path / "cursor", b"old")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(Failure, match="the disk is full: make room there"):
        durable.replace_file(tmp_path / "cursor", b"new")
    assert (tmp_path / "cursor").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["cursor"]


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda handle, data, offset: pwrite(handle, bytes(data)[:3], offset))
    durable.replace_file(tmp_path / "cursor", b"0123456789")
    assert (tmp_path / "cursor").read_bytes() == b"0123456789"


def test_folders_are_made_as_deep_as_needed(tmp_path: Path) -> None:
    durable.make_folder(tmp_path / "a/b/c")
    durable.make_folder(tmp_path / "a/b/c")
    assert (tmp_path / "a/b/c").is_dir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Failure):
        durable.make_folder(tmp_path / "file/below")
