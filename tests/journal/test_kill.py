"""SIGKILL at random moments: everything acknowledged is there, in order, and nothing that was never said."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

from firmware.journal import Reader
from tests.journal.opening import entries, open_writer, payload

ROUNDS = 30


def test_sigkill_at_random_moments(tmp_path: Path) -> None:
    draw = random.Random(20220610)
    done = 0
    for _ in range(ROUNDS):
        acknowledged = _killed_after(tmp_path, draw.uniform(0.0, 0.06))
        reader = Reader(tmp_path)
        found = [(record.first_seq, record.payload) for record in entries(reader)]
        assert found == [(seq, _payload(seq)) for seq in range(1, len(found) + 1)]
        assert len(found) >= max(acknowledged, done)
        assert reader.damaged == 0
        done = len(found)
    assert done > ROUNDS


def _payload(seq: int) -> bytes:
    return payload(seq, 20 + seq * 131 % 900)


def _killed_after(directory: Path, seconds: float) -> int:
    """A child appends and tells each seq once it is on disk; killed `seconds` after its first word. The last it told."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(read_end)
            _append_for_ever(directory, write_end)
        finally:
            os._exit(1)
    os.close(write_end)
    told = os.read(read_end, 8)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    while piece := os.read(read_end, 65_536):
        told += piece
    os.waitpid(child, 0)
    os.close(read_end)
    whole = len(told) // 8 * 8
    return int.from_bytes(told[whole - 8 : whole], "little")


def _append_for_ever(directory: Path, pipe: int) -> None:
    writer = open_writer(directory, segment=16_384, budget=1024 * 16_384)
    seq = writer.durable_seq
    while True:
        for _ in range(1 + seq % 3):
            seq += 1
            writer.append(_payload(seq), seq, 1)
        writer.sync()
        os.write(pipe, seq.to_bytes(8, "little"))
        writer.prepare_step()
