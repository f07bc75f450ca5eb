"""Hardware: the only room that touches it. Every port has the same near end, so that the loop needs no cases.

A port is selectable, never blocks and never raises for what the world does: a device that is unplugged makes the port
absent, `tend` brings it back. What was dropped is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from sensors.driver import ToDevice


class Port(Protocol):
    name: str
    """What a technician calls it: the device path or the pins."""
    dropped: int
    """Writes or readings that did not fit and were dropped."""

    def fileno(self) -> int:
        """Readable when `read` has something; -1 while absent. May change after `tend` or `read`."""
        ...

    def read(self) -> Sequence[tuple[float, Any]]:
        """What arrived (raw material; a camera's port: readings), each with its elapsed time in ms.

        On an I/O error the port closes itself and is absent.
        """
        ...

    def write(self, raw: ToDevice) -> None:
        """Put it on the cable at once, never blocking; nothing happens while absent (no order waits for a re-plug)."""
        ...

    def tend(self, t_ms: float) -> float | None:
        """Do what is due (try to open again, at most every second); answer when to be called next, None: not needed."""
        ...

    def close(self) -> None:
        """Let go of the hardware. May be called twice."""
        ...
