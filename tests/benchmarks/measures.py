"""The measurements: each starts what it needs, answers figures, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from firmware.core.events import CodeRead
from firmware.core.facts import Booking, Unproved
from firmware.journal import Reader
from firmware.journal.writer import SEGMENT_BYTES
from tests.benchmarks.figures import Figure, median
from tests.benchmarks.gate import Gate, alone, connected
from tests.benchmarks.listener import Listener
from tests.core.stage import Stage
from tests.loop_disk import loop_disk, why_not

REFUSALS = 2_000
CORE_DECISIONS = 10_000
STARTS = 5
CARD_EVENTS = 1_400
"""More than two segments hold, so that making and beginning them is in the figure."""
VISITS, VISIT_S = 18, 5.0
"""Longer than the minute in which a card's ext4 commits by itself."""


# ------------------------------------------------------------ how much it can take


def core(_folder: Path) -> list[Figure]:
    """`Controller.handle` by itself: half of the people are admitted and walk through, half are refused."""
    stage = Stage(limit=99_000, sensor=False)
    handle, moment = stage.controller.handle, stage.moment
    at_s = moment.wall_ms // 1000
    events = [CodeRead(lane="A", fact=_fact(number_, at_s)) for number_ in range(CORE_DECISIONS)]
    began = time.perf_counter()
    answers = 0
    for event in events:
        moment = type(moment)(moment.elapsed_ms + 11_000, moment.wall_ms + 1, True)
        answers += len(handle(event, moment).records)
    took = time.perf_counter() - began
    assert answers >= CORE_DECISIONS
    return [Figure("core alone, decisions", CORE_DECISIONS / took, "/s", 5_000, at_least=True)]


def _fact(number_: int, at_s: int) -> Booking | Unproved:
    if number_ % 2:
        return Unproved(sha256=f"{number_:016x}", because="bad_signature", looks_like="booking")
    return Booking(
        sha256=f"{number_:016x}", pass_id=f"{number_:016x}", issuer="office", key_kind="booking", hall="baoshan",
        person_class="visitor", not_before_s=at_s - 3600, expires_s=at_s + 3600,
    )  # fmt: skip


def refusals(folder: Path) -> list[Figure]:
    """Closed loop over the sign; then the start with what that left in the journal: the longest there is to read."""
    with connected(folder) as (gate, _, listener):
        for code in gate.bad_passes(100):
            gate.refuse(code)
        codes = gate.bad_passes(REFUSALS)
        cpu_s, began = gate.cpu_s, time.monotonic()
        for code in codes:
            gate.refuse(code)
        rate, cpu_s = REFUSALS / (time.monotonic() - began), gate.cpu_s - cpu_s
        _until_heard(listener, REFUSALS + 100)
        told = len(listener.decisions)
        _fill_segment(gate)
        gate.kill()
        replays = _after_snapshot(gate)
        starts = []
        for _ in range(STARTS):
            starts.append(gate.start_timed())
            gate.kill()
    in_journal = f"{replays} records to apply, killed before"
    return [
        Figure("refusals, closed loop", rate, "/s", 500, at_least=True, floor=f"{told} of {REFUSALS + 100} at the hub"),
        Figure("  processor time of 1,000", cpu_s / REFUSALS * 1000, "s", floor="Node-RED 1.5, look-up only"),
        Figure("ready, a full segment to read", median(starts), "s", 1.0, floor=in_journal),
    ]


def _until_heard(listener: Listener, wanted: int) -> None:
    end = time.monotonic() + 10
    while len(listener.decisions) < wanted and time.monotonic() < end:
        time.sleep(0.05)


def _fill_segment(gate: Gate) -> None:
    """Go on until the segment is nearly full: the next snapshot is far away then."""
    while _reached(gate) < 0.9 * SEGMENT_BYTES:
        for code in gate.bad_passes(50):
            gate.refuse(code)


def _reached(gate: Gate) -> int:
    *_, last = Reader(gate.state).records()
    return last.position.at


def _after_snapshot(gate: Gate) -> int:
    reader = Reader(gate.state)
    snapshot = reader.last_snapshot()
    return sum(1 for _ in (reader.after(snapshot) if snapshot else reader.records()))


# ------------------------------------------------------------ the card


def card(folder: Path) -> list[Figure]:
    """Sectors the disk was asked to write while refusals came one by one; a disk of its own when we may mount one."""
    folder.mkdir(parents=True)
    with _own_disk(folder) as (disk, how), alone(folder / "gate") as gate:
        gate.stop()
        gate.state = disk / "state"
        gate.start()
        gate.quiet()
        codes = gate.bad_passes(CARD_EVENTS + 100)
        for code in codes[:100]:
            gate.refuse(code)
        before = _bytes_written(disk)
        for code in codes[100:]:
            gate.refuse(code)
            time.sleep(0.002)
        time.sleep(1.5)
        per_event = (_bytes_written(disk) - before) / CARD_EVENTS
        gate.stop()
    return [
        Figure("bytes that reach the disk per event", per_event, "B", 5_000, floor=how),
        Figure(f"  with a hub, a visit every {VISIT_S:g} s", _paced(folder / "paced"), "B", 5_000),
    ]


def _paced(folder: Path) -> float:
    """As people come: each visit has its own flushes, and the file system its commits, the last one too. B an event."""
    folder.mkdir()
    with _own_disk(folder) as (disk, _), connected(folder / "hub", disk / "state") as (gate, _, _):
        gate.admit(gate.booking())
        os.sync()
        before, told = _bytes_written(disk), len(gate.records())
        for booking in gate.bookings(VISITS):
            gate.admit(booking)
            time.sleep(VISIT_S)
        os.sync()
        return (_bytes_written(disk) - before) / (len(gate.records()) - told)


@contextlib.contextmanager
def _own_disk(folder: Path) -> Iterator[tuple[Path, str]]:
    """An ext4 of its own; where that is not allowed the disk of the folder, which others write to as well."""
    if why_not():
        yield folder, "this disk, others write too"
        return
    with loop_disk(folder, 256) as disk:
        yield disk.folder, "ext4 of its own, its journal included"


def _bytes_written(folder: Path) -> int:
    """Of the whole device below `folder` (block layer statistics, field 7: sectors of 512 bytes)."""
    device = folder.stat().st_dev
    words = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat").read_text().split()
    return int(words[6]) * 512


# ------------------------------------------------------------ the start


def ready(folder: Path) -> list[Figure]:
    bare = []
    for _ in range(STARTS):
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", "print()"], check=True, capture_output=True)
        bare.append(time.monotonic() - began)
    gate = Gate(folder, hub="mqtt://127.0.0.1:9")
    starts = []
    try:
        for _ in range(STARTS):
            starts.append(gate.start_timed())
            gate.stop()
    finally:
        gate.close()
    return [Figure("ready, median of five starts", median(starts), "s", 1.0, floor=f"bare Python {median(bare):.2f} s")]
