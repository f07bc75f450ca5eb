"""A running gate whose answers are timed from outside: the bench of the device tests, with a sign and an exact ear."""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.listener import Listener
from tests.brokers import Broker
from tests.device.bench import OFF, ON, Bench, Far

PATIENCE_S = 10.0
BOOK = {"limit": 99_000, "pulse": 50}
SIGN = """[lane.sign]
driver = "sign_text_line"
port = "{port}"
idle_zh = "idle"
"""


class Gate(Bench):
    """`scan_to_on` and `refuse` are closed loops of one visitor: nothing is sent before the last answer came."""

    def __init__(self, folder: Path, *, hub: str = "", lane: str = "", **more: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.sign = Far(folder / "sign")
        super().__init__(folder, hub=hub, lane=SIGN.format(port=self.sign.link) + lane, **{**BOOK, **more})

    def admit(self, booking: bytes) -> tuple[float, float]:
        """Scan a good pass; answers ms from the line written to the relay's frame, and the frame's moment (s)."""
        began = time.monotonic()
        self.scanner.write(booking + b"\r")
        self._frame(ON)
        on = time.monotonic()
        self._frame(OFF)
        return (on - began) * 1000, on

    def _frame(self, wanted: bytes) -> None:
        while wanted not in self.relay.heard:
            if not select.select([self.relay.near], [], [], PATIENCE_S)[0]:
                raise AssertionError(f"{wanted.hex()} did not come: {self.relay.heard!r} {self.errors}")
            self.relay.heard += os.read(self.relay.near, 4096)
        self.relay.heard = self.relay.heard.partition(wanted)[2]

    def refuse(self, code: bytes) -> None:
        """Scan a bad pass and wait until the sign says so.

        The next one must be bad in another way: a sign that already stands right is not written again.
        """
        self.scanner.write(code + b"\r")
        lines = b""
        while lines.count(b"\r\n") < 2:
            if not select.select([self.sign.near], [], [], PATIENCE_S)[0]:
                raise AssertionError(f"the sign shows nothing: {self.errors}")
            lines += os.read(self.sign.near, 4096)

    def quiet(self) -> None:
        """Forget what the start put on the wires."""
        for far in (self.relay, self.sign):
            while far.read(0.3):
                far.heard = b""

    def bookings(self, count: int) -> list[bytes]:
        return [self.booking() for _ in range(count)]

    def bad_passes(self, count: int) -> list[bytes]:
        """By turns one that is forged (its signature does not fit) and one that is over."""
        now = int(time.time())
        over = [self.booking(not_before_s=now - 9_000, expires_s=now - 60) for _ in range(count // 2)]
        forged = [
            code[:-6] + (b"AAAAAA" if code[-6:] != b"AAAAAA" else b"BBBBBB") for code in self.bookings(count // 2)
        ]
        return [code for pair in zip(forged, over, strict=True) for code in pair]

    @property
    def resident_mb(self) -> float:
        """VmRSS of the process, in MB of 1,000,000 bytes."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(row.split()[1]) for row in status.splitlines() if row.startswith("VmRSS:")) * 1024 / 1e6

    @property
    def cpu_s(self) -> float:
        """User and system time of all its threads."""
        assert self.process is not None
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def start_timed(self) -> float:
        """Start; answers the seconds until `ready`."""
        began = time.monotonic()
        self.start()
        return time.monotonic() - began

    def close(self) -> None:
        super().close()
        self.sign.unplug()


@contextlib.contextmanager
def connected(folder: Path, state: Path | None = None) -> Iterator[tuple[Gate, Broker, Listener]]:
    """A running gate with a broker of its own and somebody who listens. `state`: another folder for its journal."""
    folder.mkdir(parents=True)
    broker = Broker(folder).start()
    listener = Listener(broker.port)
    gate = Gate(folder / "gate", hub=broker.url)
    gate.state = state or gate.state
    try:
        gate.start()
        gate.quiet()
        yield gate, broker, listener
    finally:
        gate.close()
        listener.close()
        broker.stop()


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[Gate]:
    gate = Gate(folder)
    try:
        gate.start()
        gate.quiet()
        yield gate
    finally:
        gate.close()
