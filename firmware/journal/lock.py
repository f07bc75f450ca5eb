"""One process at a time on a state folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from firmware.errors import Failure


def take(directory: Path) -> int:
    """Lock `directory` until the descriptor returned is closed or the process ends, however it ends. Raises Failure."""
    path = directory / "lock"
    try:
        handle = _open(path)
    except OSError as error:
        raise Failure(f"{path} cannot be opened: {error.strerror or error}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        who = os.pread(handle, 20, 0).decode("ascii", "replace").strip()
        os.close(handle)
        raise Failure(f"another hallgate (process {who or '?'}) runs on {directory}; stop it first") from None
    _sign(handle)
    return handle


def stands(directory: Path) -> bool:
    """Whether there is a lock file: one that was deleted keeps nobody out."""
    return (directory / "lock").exists()


def _open(path: Path) -> int:
    """A link is refused: `hallgate wipe` is root, the folder is the firmware's, and what it leads to is signed below."""
    how = os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | how, 0o644)
    except OSError:
        return os.open(path, os.O_RDONLY | how)  # a read-only disk can still be locked


def _sign(handle: int) -> None:
    """Tell the next one who is here. Only a courtesy: a full disk must not stop the gate."""
    try:
        os.pwrite(handle, f"{os.getpid():<20}".encode(), 0)
    except OSError:
        return
