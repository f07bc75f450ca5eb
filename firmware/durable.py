"""Small files that are either the old one or the new one, whenever the power goes.

Measured with a real power cut on ext4: without the flush of the directory the rename is lost and the OLD file is
back although `os.replace` had returned. Whoever acts on the new content (a cursor, a rulebook's serial) needs all four
steps.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from firmware.errors import Failure


def replace_file(path: Path | str, data: bytes, *, mode: int = 0o644) -> None:
    """Write `data` as `path`, on disk when this returns: temporary file beside it, fsync, rename, fsync of the folder.

    One writer per path: the temporary name is fixed, so that a crash leaves at most one remnant, and the next call
    takes it away; a link that somebody put in its place is never written through. Raises Failure when the disk is full,
    read-only or broken; the old file is then untouched.
    """
    path = Path(path)
    temporary = path.with_name(path.name + ".new")
    try:
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "it is no file")  # a folder; or /dev/null, which root would rename away
        temporary.unlink(missing_ok=True)
        _write_synced(temporary, data, mode)
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise Failure(_refused(path, error)) from error


def _refused(path: Path, error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return f"{path} cannot be written, the disk is full: make room there, or take a larger one"
    return f"{path} cannot be written: {error.strerror or error}"


PRIVATE = 0o750
"""Of a folder whose files are nobody else's to read."""


def make_folder(path: Path, mode: int = 0o755) -> None:
    """Create `path` and what is missing above it, each on disk when this returns. Raises Failure.

    Whatever the umask is, nobody else can write there: who can put a file into a folder can put one in a key's place.
    """
    try:
        missing = [folder for folder in (path, *path.parents) if not folder.is_dir()]
        for folder in reversed(missing):
            folder.mkdir(mode, exist_ok=True)
            sync_folder(folder.parent)
    except OSError as error:
        raise Failure(f"{path} cannot be made: {error.strerror or error}") from error


def sync_folder(path: Path) -> None:
    """Put created, renamed and deleted names of a folder on disk. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_all(handle: int, data: bytes | memoryview, offset: int) -> None:
    """`os.pwrite` until everything is written: a nearly full disk takes a part first, then refuses. Raises OSError."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(handle, rest, offset)
        rest, offset = rest[written:], offset + written


def _write_synced(path: Path, data: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.fchmod(handle, mode)
        write_all(handle, data, 0)
        os.fsync(handle)
    finally:
        os.close(handle)
