"""Who writes this journal: an incarnation that is born with an empty journal and dies with it.

Rights of the hall-wide limit belong to an incarnation. An empty journal, another board (a cloned card) or another
device name is a new one, with zero rights; the old journal is put aside whole and never mixed (`hall-limit.md` 1).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec

from firmware import durable
from firmware.core.versions import numbers
from firmware.errors import Failure
from firmware.journal import segments

FILE = "identity.json"
ARCHIVES_KEPT = 2
_BOARD_FILES = ("/proc/device-tree/serial-number", "/sys/firmware/devicetree/base/serial-number")


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """`inc`: device name and 8 random hex digits. `boot`: openings of this journal, from 1. `board`: "": unknown."""

    v: int = 1
    inc: str
    device: str
    board: str
    boot: int
    newest: str = ""
    """The highest version of this software that ever wrote here; "": nobody said."""
    run: str = ""
    """Drawn at this opening, never on disk. "": `boot` could not be put on disk, and will be given again."""
    fresh: bool = False
    """The journal was empty: a new incarnation, no rights (unless it is the bank)."""
    archived: str = ""
    """Name of the folder the earlier journal was put into at this opening."""
    archived_because: str = ""


def board_serial() -> str:
    """The board's serial number; "" on machines that have none."""
    for name in _BOARD_FILES:
        text = _read(Path(name)).strip("\0 \n")
        if text:
            return text
    found = re.search(r"^Serial\s*:\s*(\w+)", _read(Path("/proc/cpuinfo")), re.MULTILINE)
    return found[1] if found else ""


def open_identity(directory: Path, device: str, board: str, version: str = "", *, anew: bool = False) -> Identity:
    """Who opens `directory` (locked by the caller), durable when this returns. Raises Failure.

    `anew`: what is there cannot be read by this version; it is put aside whole.
    """
    folder = directory / "journal"
    durable.make_folder(folder, durable.PRIVATE)
    old = stored(folder)
    holds = _holds_records(folder, old)
    same = old is not None and holds and old.device == device and not _other_board(old.board, board) and not anew
    if same and old is not None:
        newest = max(old.newest, version, key=numbers)
        now = msgspec.structs.replace(old, boot=old.boot + 1, board=board or old.board, newest=newest)
    else:
        archived = _put_aside(directory, old) if _anything_written(folder) else ""
        because = _why_another(old, device, board) if archived else ""
        now = _born(device, board, archived=archived, because=because, newest=version)
        _empty(folder)
    kept = _keep(folder, now)
    return msgspec.structs.replace(now, run=os.urandom(4).hex() if kept else "")


def stored(folder: Path) -> Identity | None:
    """The identity on disk; None when there is none or it cannot be read."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Identity)
    except (OSError, msgspec.DecodeError, RecursionError):
        return None


def _keep(folder: Path, now: Identity) -> bool:
    """Whether it is on disk. A full or read-only one: the gate still starts under its known name."""
    try:
        write(folder, now)
    except Failure:
        if now.fresh:
            raise
        return False
    return True


def _why_another(old: Identity | None, device: str, board: str) -> str:
    if old is None:
        return "nothing says whose journal this was"
    if old.device != device:
        return f"the journal was written by {old.device}"
    if _other_board(old.board, board):
        return "the journal was written on another board"
    return "the journal was written by a newer version"


def write(folder: Path, now: Identity) -> None:
    """Raises Failure."""
    durable.replace_file(folder / FILE, msgspec.json.encode(lasting(now)))


def _born(device: str, board: str, *, archived: str, because: str, newest: str) -> Identity:
    return Identity(
        inc=f"{device}-{os.urandom(4).hex()}",
        device=device,
        board=board,
        boot=1,
        fresh=True,
        archived=archived,
        archived_because=because,
        newest=newest,
    )


def lasting(identity: Identity) -> Identity:
    """As it lies on disk: what was so at one opening only is left out."""
    return msgspec.structs.replace(identity, run="", fresh=False, archived="", archived_because="")


def _other_board(then: str, now: str) -> bool:
    """A board whose serial cannot be read (any more) is not taken for another one."""
    return bool(then and now and then != now)


def _holds_records(folder: Path, old: Identity | None) -> bool:
    """An identity without a single record decided nothing that left the device: it is as good as empty."""
    if old is None:
        return False
    return any(segments.holds_frames(folder, old.inc, segment) for segment in segments.listed(folder))


def _anything_written(folder: Path) -> bool:
    return any(segments.is_written(folder, segment) for segment in segments.listed(folder))


def _put_aside(directory: Path, old: Identity | None) -> str:
    name = f"journal-{old.inc if old else 'unknown-' + os.urandom(4).hex()}"
    try:
        os.rename(directory / "journal", directory / name)
        durable.sync_folder(directory)
        durable.make_folder(directory / "journal", durable.PRIVATE)
        archives = sorted(directory.glob("journal-*"), key=lambda path: path.stat().st_mtime)
        for oldest in [path for path in archives if path.name != name][: 1 - ARCHIVES_KEPT or None]:
            _remove(oldest)
    except OSError as error:
        raise Failure(f"the earlier journal in {directory} cannot be put aside: {error.strerror or error}") from error
    return name


def _remove(archive: Path) -> None:
    for path in archive.iterdir():
        path.unlink()
    archive.rmdir()


def _empty(folder: Path) -> None:
    """Take away segments nobody ever used: they are sealed for an incarnation that is no more."""
    try:
        for segment in segments.listed(folder):
            segments.path_of(folder, segment).unlink()
    except OSError as error:
        raise Failure(f"{folder} cannot be cleaned: {error.strerror or error}") from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
