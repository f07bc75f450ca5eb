"""A hall's authority with its desk in a process of its own, as `hallgate enrol serve` runs it."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from firmware.simulation.troupe import die_with_us
from firmware.trust.authority import Authority
from tests.device.bench import ROOT

NOW = dt.datetime.now(dt.UTC)


@dataclass
class Desk:
    folder: Path
    url: str

    def ticket(self, name: str, now: dt.datetime = NOW) -> str:
        return Authority(self.folder).ticket(name, now)

    @property
    def enrolled(self) -> list[str]:
        return [party.name for party in Authority(self.folder).parties(NOW)]


def authority(folder: Path, hall: str = "baoshan") -> Path:
    Authority.new(folder, hall, NOW)
    return folder


@contextlib.contextmanager
def desk(folder: Path, *more: str) -> Iterator[Desk]:
    if not folder.exists():
        authority(folder)
    command = [
        sys.executable,
        "-m",
        "firmware",
        "enrol",
        "serve",
        "--ca",
        str(folder),
        "--listen",
        "127.0.0.1:0",
        *more,
    ]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=die_with_us,
    ) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found
        try:
            yield Desk(folder, found[0])
        finally:
            process.terminate()
