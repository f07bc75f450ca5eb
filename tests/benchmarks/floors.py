"""What the machine itself takes: its disk, and a program that only answers."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

from tests.device.bench import ON, Far

ECHO = """
import os, sys
scanner, relay = (os.open(path, os.O_RDWR | os.O_NOCTTY) for path in sys.argv[1:])
while True:
    if os.read(scanner, 4096).endswith(b"\\r"):
        os.write(relay, bytes.fromhex("a00101a2"))
"""
PREALLOCATED = 4 * 1024 * 1024
WRITE_BYTES = 1024
PAUSE_S = 0.05
"""Between two samples, as between two people: a processor that has just worked is several times as fast as a woken one."""


class Disk:
    """One write into a preallocated file and one fdatasync, again and again: what any durable gate has to wait for."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "floor", os.O_RDWR | os.O_CREAT, 0o600)
        os.pwrite(self._file, bytes(PREALLOCATED), 0)
        os.fsync(self._file)
        self._at = 0
        self.took_ms: list[float] = []

    def flush(self) -> None:
        os.pwrite(self._file, os.urandom(WRITE_BYTES), self._at)
        self._at = (self._at + WRITE_BYTES) % PREALLOCATED
        began = time.monotonic()
        os.fdatasync(self._file)
        self.took_ms.append((time.monotonic() - began) * 1000)

    def close(self) -> None:
        os.close(self._file)


def echo_ms(folder: Path, line: bytes, samples: int) -> list[float]:
    """Line on a pty -> frame on another, through a Python program that does nothing else; ms each."""
    folder.mkdir(parents=True, exist_ok=True)
    scanner, relay = Far(folder / "scanner"), Far(folder / "relay")
    program = subprocess.Popen([sys.executable, "-c", ECHO, str(scanner.link), str(relay.link)])
    try:
        time.sleep(0.3)
        return [_one_echo(scanner, relay, line) for _ in range(samples)]
    finally:
        program.kill()
        program.wait()
        scanner.unplug()
        relay.unplug()


def _one_echo(scanner: Far, relay: Far, line: bytes) -> float:
    time.sleep(PAUSE_S)
    began = time.monotonic()
    scanner.write(line)
    heard = b""
    while ON not in heard and select.select([relay.near], [], [], 10)[0]:
        heard += os.read(relay.near, 4096)
    return (time.monotonic() - began) * 1000
