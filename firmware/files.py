"""Files that a person names, and secrets: what is wrong with one is that person's mistake, told in one line."""

from __future__ import annotations

import base64
import binascii
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firmware.errors import Failure, Mistake

HALL_KEY_BYTES = 32


def read(path: Path | str, size_max: int | None = None) -> bytes:
    """Raises Mistake when it cannot be read. Of what is longer than `size_max` one byte more: nobody names /dev/zero in vain."""
    try:
        with Path(path).open("rb") as file:
            return file.read() if size_max is None else file.read(size_max + 1)
    except OSError as error:
        raise Mistake(f"cannot be read: {error.strerror}", file=str(path)) from None


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
