"""What the machine itself takes: its disk, a program that only answers, the least that could be called a gate."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from firmware.verbs.run import HEAP
from tests.device.bench import ON, ROOT, Far

ECHO = """
import os, sys
scanner, relay = (os.open(path, os.O_RDWR | os.O_NOCTTY) for path in sys.argv[1:])
while True:
    if os.read(scanner, 4096).endswith(b"\\r"):
        os.write(relay, bytes.fromhex("a00101a2"))
"""
PREALLOCATED = 4 * 1024 * 1024
WRITE_BYTES = 1024
PATIENCE_S = 10.0
LOOPS = 40_000
"""About a millisecond, as long as an answer of ours."""
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


class Program:
    """A Python program on two ptys, a scanner's and a relay's, with the gate's heap: what any gate in Python waits for.

    `python`: its command line before the two wires; `more`: behind them.
    """

    def __init__(self, folder: Path, python: list[str], *more: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._scanner, self._relay = Far(folder / "scanner"), Far(folder / "relay")
        wires = (str(self._scanner.link), str(self._relay.link))
        self._process = subprocess.Popen([sys.executable, *python, *wires, *more], cwd=ROOT, env={**os.environ, **HEAP})
        self.took_ms: list[float] = []

    def answer(self, line: bytes) -> None:
        """Line on one pty -> frame on the other."""
        began = time.monotonic()
        self._scanner.write(line)
        heard = b""
        while ON not in heard and select.select([self._relay.near], [], [], PATIENCE_S)[0]:
            heard += os.read(self._relay.near, 4096)
        self.took_ms.append((time.monotonic() - began) * 1000)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._scanner.unplug()
        self._relay.unplug()


def echo(folder: Path) -> Program:
    """Does nothing but answer."""
    return Program(folder, ["-c", ECHO])


def least(folder: Path, x: bytes, y: bytes, *how: str) -> Program:
    """Verifies each line, a pass by the P-256 key (x, y), and has it on disk before it answers (`least`)."""
    folder.mkdir(parents=True)
    return Program(folder, ["-m", "tests.benchmarks.least"], x.hex(), y.hex(), str(folder / "journal"), *how)


class Loop:
    """Counting in this very process: where its tail is long, the machine is not quiet, whoever runs on it."""

    def __init__(self) -> None:
        self.took_ms: list[float] = []

    def turn(self) -> None:
        began = time.monotonic()
        for _ in range(LOOPS):
            pass
        self.took_ms.append((time.monotonic() - began) * 1000)


ES256_US = 50
"""One verification on the machine the limits were written on (`platform.md`)."""


def bare_es256() -> Callable[[], float]:
    """us of one verification and nothing else: by how much this machine, just now, is slower than another one."""
    key, message = ec.generate_private_key(ec.SECP256R1()), b"a pass"
    how = ec.ECDSA(hashes.SHA256())
    public, signature = key.public_key(), key.sign(message, how)

    def verify_one() -> float:
        began = time.perf_counter_ns()
        public.verify(signature, message, how)
        return (time.perf_counter_ns() - began) / 1000

    return verify_one
