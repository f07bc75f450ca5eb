"""What one event costs the card: bytes and flushes that reach it, the disk's own flush, and the journal's part in time.

    python -m tests.benchmarks.journal_bytes

Root: a fresh ext4 on a loop device, counted at the block layer, the file system's own journal and everything that was
written late included. Else only the times, on the disk of the temporary folder.
"""

from __future__ import annotations

import mmap
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from firmware.journal import Writer
from firmware.journal.frame import SECTOR
from tests.loop_disk import LoopDisk, loop_disk, why_not

RECORD_BYTES = 1_100
"""A decision with its event, clauses and evidence, as JSON."""
SEGMENT_BYTES = 1024 * 1024
EVENTS = 6_000
BYTES_PER_EVENT_MAX = 5_000


class Row(NamedTuple):
    """`limit` None: told for comparison."""

    name: str
    value: float
    unit: str
    limit: float | None


class Cost(NamedTuple):
    bytes_per_event: float
    flushes_per_event: float
    append_us: float
    sync_ms: float


def rows(events: int = EVENTS) -> list[Row]:
    """Every figure of this file."""
    reason = why_not()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if reason:
            return times(folder, events)
        with loop_disk(folder, megabytes=256) as disk:
            return bytes_of(disk, events) + times(disk.folder / "times", events)


def bytes_of(disk: LoopDisk, events: int) -> list[Row]:
    first = cost(disk, disk.folder / "first", events)
    again = cost(disk, disk.folder / "again", events, lap=True)
    buffered = cost(disk, disk.folder / "buffered", events, direct=False)
    small = cost(disk, disk.folder / "small", events, size=181)
    return [
        Row("journal, bytes per event, segments made on the way", first.bytes_per_event, "B", BYTES_PER_EVENT_MAX),
        Row("journal, bytes per event, segments used again", again.bytes_per_event, "B", BYTES_PER_EVENT_MAX),
        Row("journal, flushes per event, segments used again", again.flushes_per_event, "", 1.1),
        Row("the same without direct writing", buffered.bytes_per_event, "B", None),
        Row("the same with 181-byte records", small.bytes_per_event, "B", None),
    ]


def times(folder: Path, events: int) -> list[Row]:
    spent = cost(None, folder, events)
    return [
        Row("the disk: one aligned write and fdatasync, median", disk_ms(folder, events), "ms", None),
        Row("journal: append and sync, median", spent.sync_ms + spent.append_us / 1000, "ms", None),
        Row("journal: append, median", spent.append_us, "us", None),
    ]


def cost(
    disk: LoopDisk | None,
    folder: Path,
    events: int,
    *,
    size: int = RECORD_BYTES,
    direct: bool = True,
    lap: bool = False,
) -> Cost:
    """`lap`: the journal went round its budget once before, so that nothing has to be written through any more."""
    budget = 4 * SEGMENT_BYTES
    writer = Writer(folder, "bench", lambda: bytes(2_000), segment_bytes=SEGMENT_BYTES, board="", direct=direct)
    if lap:
        writer.close()
        writer = Writer(
            folder, "bench", lambda: bytes(2_000), segment_bytes=SEGMENT_BYTES, budget_bytes=budget, board=""
        )
        run(writer, 4 * SEGMENT_BYTES // next_sectors(size), size)
    os.sync()
    before = disk.traffic() if disk else None
    appended, synced = run(writer, events, size)
    writer.close()
    os.sync()
    after = disk.traffic() if disk else None
    return Cost(
        (after.written_bytes - before.written_bytes) / events if before and after else 0.0,
        (after.flushes - before.flushes) / events if before and after else 0.0,
        statistics.median(appended) * 1e6,
        statistics.median(synced) * 1e3,
    )


def run(writer: Writer, events: int, size: int) -> tuple[list[float], list[float]]:
    appended, synced, payload, start = [], [], bytes(range(256)) * (size // 256 + 1), writer.durable_seq + 1
    for seq in range(start, start + events):
        appended.append(seconds(partial(writer.append, payload[:size], seq, 1)))
        synced.append(seconds(writer.sync))
        writer.prepare_step()
    return appended, synced


def disk_ms(folder: Path, events: int) -> float:
    """The floor: what the disk itself takes for the same bytes, already written through, with nothing around it."""
    length = next_sectors(RECORD_BYTES)
    path = folder / "floor"
    path.write_bytes(bytes(min(events, 1_000) * length))
    os.sync()
    handle, page = os.open(path, os.O_WRONLY | os.O_DIRECT), mmap.mmap(-1, length)

    def write_and_flush(at: int) -> None:
        os.pwrite(handle, page, at)
        os.fdatasync(handle)

    try:
        places = range(0, path.stat().st_size, length)
        return statistics.median(seconds(partial(write_and_flush, at)) for at in places) * 1e3
    finally:
        os.close(handle)


def next_sectors(size: int) -> int:
    return -(-(size + 32) // SECTOR) * SECTOR


def seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def main() -> int:
    found = rows()
    for row in found:
        limit = "" if row.limit is None else f"<= {row.limit:,.6g}  {'yes' if row.value <= row.limit else 'NO'}"
        print(f"{row.name:<56}{row.value:>12,.3f} {row.unit:<4}{limit}")
    if why_not():
        print(f"bytes not counted: {why_not()}")
    return int(any(row.limit is not None and row.value > row.limit for row in found))


if __name__ == "__main__":
    raise SystemExit(main())
