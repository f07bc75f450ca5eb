"""The least that could be called a gate: `python -m tests.benchmarks.least SCANNER RELAY X Y JOURNAL [judging]`.

A pass by the P-256 key (X, Y, hex) verified, its claims on disk, the relay on: no rule, no record, no line that may be
cut, no second device. With `judging` it also asks the rules about a visitor it has ready, and writes a record it has
ready, as JSON: what this product must do between a scan and a relay, however it is built. Both read nothing but a pass.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
from collections.abc import Callable

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

DIGITS = bytes.maketrans(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", bytes(range(45)))
ON = bytes.fromhex("a00101a2")
JOURNAL_BYTES, WRITE_BYTES = 1 << 20, 1024


def main(scanner: str, relay: str, x: str, y: str, journal: str, judging: str = "") -> None:
    lines, gate = (os.open(path, os.O_RDWR | os.O_NOCTTY) for path in (scanner, relay))
    key = ec.EllipticCurvePublicNumbers(int(x, 16), int(y, 16), ec.SECP256R1()).public_key()
    record = judged() if judging else bytes
    disk = os.open(journal, os.O_RDWR | os.O_CREAT | getattr(os, "O_DIRECT", 0), 0o600)
    os.pwrite(disk, mmap.mmap(-1, JOURNAL_BYTES), 0)
    os.fsync(disk)
    at, block, how = 0, mmap.mmap(-1, 4096), ec.ECDSA(hashes.SHA256())
    while True:
        item = cbor2.loads(unpacked(os.read(lines, 4096)[4:-1]))
        while isinstance(item, cbor2.CBORTag):
            item = item.value
        protected, _, payload, raw = item
        signature = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        key.verify(signature, cbor2.dumps(["Signature1", protected, b"", payload]), how)
        kept = record() or payload
        block[: len(kept)] = kept
        with memoryview(block) as view:
            os.pwrite(disk, view[:WRITE_BYTES], at)
        os.fdatasync(disk)
        at = (at + WRITE_BYTES) % JOURNAL_BYTES
        os.write(gate, ON)


def unpacked(text: bytes) -> bytes:
    """Base45 of RFC 9285, of a pass that is right."""
    code = text.translate(DIGITS)
    pairs = [a + 45 * b + 2025 * c for a, b, c in zip(code[0::3], code[1::3], code[2::3], strict=False)]
    rest = code[len(pairs) * 3 :]
    return struct.pack(f">{len(pairs)}H", *pairs) + bytes([rest[0] + 45 * rest[1]] if rest else [])


def judged() -> Callable[[], bytes]:
    """Asks every rule about one visitor whose pass is in order; answers the bytes of the entry about it."""
    from firmware import journal_entry, rules
    from firmware.core import judgement
    from firmware.core.events import CodeRead
    from firmware.core.state import Visit
    from firmware.core.turn import Turn
    from tests.core.stage import Stage

    stage = Stage()
    fact, book, lane = stage.booking(), stage.controller.rulebook, stage.lane
    assert book is not None
    lane.visit = Visit(since_ms=0, until_ms=0, booking=fact)
    turn = Turn(stage.controller.state, stage.moment, stage.controller.zone, book)
    case = judgement.case_of(turn, lane, book, None, True)
    assert rules.answer(rules.judge(case)) is None, "nothing speaks against this visitor"
    lane.visit = None
    stage.scan(fact)
    entry = journal_entry.Entry(stage.moment, CodeRead(lane="A", fact=fact), stage.records)

    def record() -> bytes:
        rules.judge(case)
        return journal_entry.encode(entry)

    return record


if __name__ == "__main__":
    main(*sys.argv[1:])
