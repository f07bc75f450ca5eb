"""A small journal, opened and read the same way in every test of this folder."""

from __future__ import annotations

import os
from pathlib import Path

from firmware.journal import ENTRY, Reader, Record, Writer

SMALL = 8192


def open_writer(
    directory: Path,
    *,
    direct: bool = True,
    segment: int = SMALL,
    budget: int = 64 * SMALL,
    board: str = "",
    device: str = "north-1",
    state: bytes = b"the state",
) -> Writer:
    return Writer(
        directory, device, lambda: state, budget_bytes=budget, segment_bytes=segment, direct=direct, board=board
    )


def crash(writer: Writer) -> None:
    """As SIGKILL does: the descriptors are closed, nothing is written."""
    if writer._lock >= 0:
        os.close(writer._lock)
        writer._lock = -1
    if writer._file is not None:
        writer._file.close()


def payload(seq: int, size: int = 200) -> bytes:
    return f"{seq}:".encode().ljust(size, b".")


def fill(writer: Writer, count: int, start: int = 1, size: int = 200) -> None:
    for seq in range(start, start + count):
        writer.append(payload(seq, size), seq, 1)
        writer.sync()


def entries(directory: Path | Reader) -> list[Record]:
    reader = directory if isinstance(directory, Reader) else Reader(directory)
    return [record for record in reader.records() if record.kind == ENTRY]


def seqs(directory: Path | Reader) -> list[int]:
    return [record.first_seq for record in entries(directory)]


def newest_segment(directory: Path) -> Path:
    """The file of the last record."""
    last = list(Reader(directory).records())[-1].position.segment
    return directory / "journal" / f"{last:010}.segment"
