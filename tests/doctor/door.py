"""A door on real ptys and pins, the doctor in its own process, and a technician who reads what it says and does it."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from firmware import site
from firmware.clock import Clock
from firmware.simulation.rig import Rig
from tests.device.bench import ROOT

PATIENCE_S = 60.0
SITE = """v = 1
[device]
name = "entry-1"
hall = "baoshan"
[[lane]]
name = "A"
direction = "{direction}"
for = ["visitor"]
{devices}
"""

Deeds = dict[str, Callable[["Door"], object]]
"""By a piece of what the doctor says: what the technician then does."""


class Door:
    def __init__(self, folder: Path, rig: Rig | None) -> None:
        self.folder, self.rig = folder, rig
        self.site = folder / "site.toml"
        self.said: list[str] = []
        self.typed: list[str] = []
        self.code = -1
        self.report: dict[str, Any] = {}

    def examine(
        self, *words: str, deeds: Deeds | None = None, language: str = "en", seconds: int = 6, rate: float = 1.0
    ) -> dict[str, Any]:
        """Run the doctor to its end; the report's devices by name. `rate`: how fast its clock runs."""
        command = [sys.executable, "-m", "firmware", "doctor", "--site", str(self.site),
                   "--seconds", str(seconds), "--lang", language, *words]  # fmt: skip
        clock = {"HALLGATE_CLOCK": f"rate={rate}"} if rate != 1.0 else {}
        environment = {**os.environ, **(self.rig.environment("door") if self.rig else {}), **clock}
        with subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        ) as process:
            self._attend(process, deeds or {})
            assert process.stdout is not None
            out = process.stdout.read()
            self.code = process.wait(PATIENCE_S)
        self.report = json.loads(out) if out else {}
        return {found["device"]: found for found in self.report.get("devices", ())}

    def _attend(self, process: subprocess.Popen[str], deeds: Deeds) -> None:
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=_read, args=(process.stderr, lines), daemon=True).start()
        end = time.monotonic() + PATIENCE_S
        while True:
            assert time.monotonic() < end, self.said
            line = self._next(lines)
            if line is None:
                return
            if line:
                self.said.append(line)
                for piece in [piece for piece in deeds if piece in line]:
                    answer = deeds[piece](self)
                    if isinstance(answer, str):
                        assert process.stdin is not None
                        process.stdin.write(answer + "\n")
                        process.stdin.flush()

    def _next(self, lines: queue.Queue[str | None]) -> str | None:
        if self.rig is not None:
            self.rig.turn()
        try:
            return lines.get(timeout=0.02)
        except queue.Empty:
            return ""


def _read(stream: Any, lines: queue.Queue[str | None]) -> None:
    for line in stream:
        lines.put(line.rstrip("\n"))
    lines.put(None)


def write_site(folder: Path, devices: str, direction: str = "in") -> Path:
    (folder / "site.toml").write_text(SITE.format(devices=devices.replace("DIR", str(folder)), direction=direction))
    return folder / "site.toml"


@contextmanager
def door(folder: Path, devices: str, direction: str = "in") -> Iterator[Door]:
    """Every device has the far end that its own driver file describes. DIR in `devices` is `folder`."""
    rig = Rig(Clock())
    place = site.load(write_site(folder, devices, direction))
    rig.connect("door", place.lanes, folder)
    try:
        yield Door(folder, rig)
    finally:
        rig.close()
