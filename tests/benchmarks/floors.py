"""What the machine itself takes: its disk, a program that only answers, and the least that could be called a gate."""

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

from tests.device.bench import ON, Far

ECHO = """
import os, sys
scanner, relay = (os.open(path, os.O_RDWR | os.O_NOCTTY) for path in sys.argv[1:])
while True:
    if os.read(scanner, 4096).endswith(b"\\r"):
        os.write(relay, bytes.fromhex("a00101a2"))
"""
LEAST = """
import cbor2, mmap, os, struct, sys
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
number = lambda raw: int.from_bytes(raw, "big")
x, y, journal = sys.argv[3:]
key = ec.EllipticCurvePublicNumbers(int(x, 16), int(y, 16), ec.SECP256R1()).public_key()
how, digits = ec.ECDSA(hashes.SHA256()), bytes.maketrans(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", bytes(range(45)))
scanner, relay = (os.open(path, os.O_RDWR | os.O_NOCTTY) for path in sys.argv[1:3])
disk = os.open(journal, os.O_RDWR | os.O_CREAT | getattr(os, "O_DIRECT", 0), 0o600)
size, at, block = 1 << 20, 0, mmap.mmap(-1, 4096)
os.pwrite(disk, mmap.mmap(-1, size), 0), os.fsync(disk)
while True:
    code = os.read(scanner, 4096)[4:-1].translate(digits)
    groups = zip(code[0::3], code[1::3], code[2::3])
    pairs = [a + 45 * b + 2025 * c for a, b, c in groups]
    rest = code[len(pairs) * 3:]
    item = cbor2.loads(struct.pack(f">{len(pairs)}H", *pairs) + bytes([rest[0] + 45 * rest[1]] if rest else []))
    while isinstance(item, cbor2.CBORTag):
        item = item.value
    protected, _, payload, raw = item
    signed = cbor2.dumps(["Signature1", protected, b"", payload])
    key.verify(encode_dss_signature(number(raw[:32]), number(raw[32:])), signed, how)
    block[:len(payload)] = payload
    with memoryview(block) as view:
        os.pwrite(disk, view[:1024], at)
    os.fdatasync(disk)
    at = (at + 1024) % size
    os.write(relay, bytes.fromhex("a00101a2"))
"""
"""A pass verified, its claims on disk, the relay on: no rule, no record, no line that may be cut, no second device."""
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
    return _answers_ms(folder, ECHO, (), [line] * samples)


def least_ms(folder: Path, x: bytes, y: bytes, lines: list[bytes]) -> list[float]:
    """The same through one that verifies each line, a pass by the P-256 key (x, y), and has it on disk before."""
    return _answers_ms(folder, LEAST, (x.hex(), y.hex(), str(folder / "journal")), lines)


def _answers_ms(folder: Path, source: str, more: tuple[str, ...], lines: list[bytes]) -> list[float]:
    folder.mkdir(parents=True, exist_ok=True)
    scanner, relay = Far(folder / "scanner"), Far(folder / "relay")
    program = subprocess.Popen([sys.executable, "-c", source, str(scanner.link), str(relay.link), *more])
    try:
        time.sleep(1)
        return [_one_echo(scanner, relay, line) for line in lines]
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
