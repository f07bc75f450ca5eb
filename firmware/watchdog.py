"""Tells systemd how the service stands (sd_notify(3)): ready, alive, stopping. Nothing where nobody asked to be told.

Alive is said by the loop's own turn and by nobody else: a thread that went on telling so would hide a gate that hangs.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping

BEATS = 3
"""Within the time after which systemd gives up: two of them may be late."""


class Watchdog:
    """`NOTIFY_SOCKET` says where to, `WATCHDOG_USEC` how long a silence may last. Never raises, never blocks."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        wish = os.environ if environment is None else environment
        self._path = wish.get("NOTIFY_SOCKET", "")
        self._every_ms = _every_ms(wish)

    def ready(self) -> None:
        self._tell("READY=1")

    def stopping(self) -> None:
        self._tell("STOPPING=1")

    def tend(self, t_ms: float) -> float | None:
        """A timer of the loop (elapsed ms)."""
        if self._every_ms is None:
            return None
        self._tell("WATCHDOG=1")
        return t_ms + self._every_ms

    def _tell(self, state: str) -> None:
        if not self._path.startswith(("/", "@")):
            return
        place = "\0" + self._path[1:] if self._path.startswith("@") else self._path
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as line,
            contextlib.suppress(OSError),
        ):
            line.sendto(state.encode(), place)


def _every_ms(wish: Mapping[str, str]) -> float | None:
    usec, owner = wish.get("WATCHDOG_USEC", ""), wish.get("WATCHDOG_PID", "")
    if not usec.isdecimal() or not int(usec) or owner not in ("", str(os.getpid())):
        return None
    return int(usec) / 1000 / BEATS
