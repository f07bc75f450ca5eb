"""The far end of a serial line: a pty whose other side appears at the path the site file names."""

from __future__ import annotations

import contextlib
import os
import tty
from pathlib import Path

PENDING_BYTES_MAX = 65_536


class FarSerial:
    """A device's end of the cable. It can be unplugged and plugged in again, as a person does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.dropped = 0
        """Writes that found the line full because nobody reads on the other side."""
        self._master = self._slave = -1
        self.plug()

    def fileno(self) -> int:
        return self._master

    def plug(self) -> None:
        """Nothing happens when it is plugged in already."""
        if self._master >= 0:
            return
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)  # its echo would come back as if the host had said it
        os.set_blocking(self._master, False)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(self._slave))

    def unplug(self) -> None:
        if self._master < 0:
            return
        self.path.unlink(missing_ok=True)
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = -1

    def read(self) -> bytes:
        """What the host sent; empty when there is nothing."""
        if self._master >= 0:
            with contextlib.suppress(OSError):
                return os.read(self._master, 65_536)
        return b""

    def write(self, raw: bytes) -> None:
        """A device that nobody listens to goes on talking into nothing: what does not fit is lost."""
        if self._master < 0:
            return
        try:
            whole = os.write(self._master, raw) == len(raw)
        except OSError:
            whole = False
        self.dropped += not whole
