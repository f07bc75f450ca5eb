"""The side link's figures: a gate without a right whose peer has one, and what the link costs in memory and idle CPU."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.benchmarks.figures import Figure, median, percentile
from tests.brokers import free_port
from tests.device.bench import Bench, bench
from tests.side.hall import admit, admitted_within, hall

SAMPLES = 100
IDLE_S = 20.0


def side(folder: Path) -> list[Figure]:
    """Parties of three at a door that is left two rights: one at least has to come from the other door."""
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    with hall(folder, addresses, limit=99_000) as (bank, other):
        bank.start()
        other.start()
        assert admitted_within(other, 30)
        took_ms: list[float] = []
        for _ in range(SAMPLES):
            took_ms.append(admit(other, party=3) * 1000)
            time.sleep(0.1)
        cpu_percent, linked_kb = _idle(bank)
    with bench(folder / "alone") as alone:
        alone.start()
        alone_percent, alone_kb = _idle(alone)
    return [
        Figure("right from the other door to relay, median", median(took_ms), "ms", 50),
        Figure("right from the other door to relay, p99", percentile(took_ms, 99), "ms", 500),
        Figure("memory of the side link", (linked_kb - alone_kb) / 1024, "MB", 10),
        Figure("CPU idle with side link", cpu_percent, "%", floor=f"{alone_percent:.2f} % without"),
    ]


def _idle(door: Bench) -> tuple[float, int]:
    """(percent of one core while nothing happens, resident KiB)."""
    assert door.process is not None
    before = _ticks(door.process.pid)
    time.sleep(IDLE_S)
    percent = 100 * (_ticks(door.process.pid) - before) / os.sysconf("SC_CLK_TCK") / IDLE_S
    status = Path(f"/proc/{door.process.pid}/status").read_text("ascii")
    return percent, next(int(row.split()[1]) for row in status.splitlines() if row.startswith("VmRSS:"))


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
