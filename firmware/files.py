"""Files that a person names, and secrets: what is wrong with one is that person's mistake, told in one line."""

from __future__ import annotations

import base64
import binascii
import errno
import fcntl
import os
import select
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from firmware.errors import Failure, Mistake

HALL_KEY_BYTES = 32
FILE_BYTES_MAX = 2**26
"""Nothing that a person names to be read whole is larger by far."""
LINE_BYTES_MAX = 2**24
PIPE_PATIENCE_MS = 3_000
"""`<(...)` needs a moment until it writes; into a pipe that only lies there nobody ever does."""


def opened(path: Path | str) -> BinaryIO:
    """For reading. OSError also for what would be waited for in vain: a pipe that nobody writes into, a device's line."""
    return open(path, "rb", opener=_unwaiting)


def _unwaiting(path: str, flags: int) -> int:
    handle = os.open(path, flags | os.O_NONBLOCK)
    why_not = _in_vain(handle)
    if why_not:
        os.close(handle)
        raise OSError(errno.EINVAL, why_not, path)
    os.set_blocking(handle, True)
    return handle


def _in_vain(handle: int) -> str:
    """Why nothing will ever be read; empty: nothing speaks against it."""
    if os.isatty(handle):
        return "a device's line, no file"
    if not stat.S_ISFIFO(os.fstat(handle).st_mode):
        return ""
    pipe = select.poll()
    pipe.register(handle, select.POLLIN)
    return "" if pipe.poll(PIPE_PATIENCE_MS) else "a pipe that nobody writes into"


def read(path: Path | str, size_max: int | None = None) -> bytes:
    """Raises Mistake when it cannot be read. Of what is longer than `size_max` one byte more: nobody names /dev/zero in vain."""
    try:
        with opened(path) as file:
            content = file.read((FILE_BYTES_MAX if size_max is None else size_max) + 1)
    except OSError as error:
        raise Mistake(f"cannot be read: {error.strerror}", file=str(path)) from None
    if size_max is None and len(content) > FILE_BYTES_MAX:
        raise Mistake(f"is larger than {FILE_BYTES_MAX} bytes", file=str(path))
    return content


def write(path: Path, content: bytes) -> None:
    """For everybody to read. OSError also for a pipe that nobody reads from."""
    with open(path, "wb", opener=writable(0o666)) as out:
        out.write(content)


def writable(mode: int) -> Callable[[str, int], int]:
    """An opener for `open`: a pipe that nobody reads from is refused, not waited for. `mode` of a file that is made."""

    def unwaiting(path: str, flags: int) -> int:
        handle = os.open(path, flags | os.O_NONBLOCK, mode)
        os.set_blocking(handle, True)
        return handle

    return unwaiting


def lines(file: IO[bytes], name: str) -> Iterator[bytes]:
    """Each line of a stream. Mistake for one without an end: /dev/zero is a line that fills the memory."""
    while line := file.readline(LINE_BYTES_MAX + 1):
        if len(line) > LINE_BYTES_MAX:
            raise Mistake(f"a line is larger than {LINE_BYTES_MAX} bytes", file=name)
        yield line


def read_secret(path: Path) -> bytes:
    """As `read`; Mistake also when others may read it."""
    content = read(path)
    if path.stat().st_mode & 0o077:
        raise Mistake(f"is a secret that others may read: chmod 600 {path}", file=str(path))
    return content


def new_hall_key() -> bytes:
    """As `load_hall_key` reads it: one line."""
    return base64.urlsafe_b64encode(os.urandom(HALL_KEY_BYTES)).rstrip(b"=") + b"\n"


def write_secret(path: Path, content: bytes) -> None:
    """A new file, 0600 from its first moment and on disk when this returns; never written over."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Mistake("exists already and is not written over; choose another name", file=str(path)) from None
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}") from None
    with open(descriptor, "wb") as out:
        os.fchmod(descriptor, 0o600)
        out.write(content)
        out.flush()
        os.fsync(descriptor)


def load_hall_key(file: Path | None) -> bytes | None:
    """The hall's 32 secret bytes; None where the site names no such file."""
    if file is None:
        return None
    try:
        text = file.read_text("ascii").strip()
        key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (OSError, UnicodeDecodeError, binascii.Error) as wrong:
        raise Mistake(f"must hold 32 bytes as base64url ({wrong})", file=str(file)) from None
    if len(key) != HALL_KEY_BYTES:
        raise Mistake(f"holds {len(key)} bytes instead of {HALL_KEY_BYTES}", file=str(file))
    return key


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Two commands at once that change a file of `folder`: one after the other. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
