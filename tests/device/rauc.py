"""RAUC's place and systemd's in a test, and the updater at work there."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from firmware.clock import Clock
from firmware.updating import updates
from firmware.updating.slots import Slots, spare
from firmware.updating.trial import Trial
from firmware.verbs.update import Updating


class Rauc:
    """Answers as `rauc` and `systemctl` do, and keeps what it was told."""

    def __init__(self, **info: str) -> None:
        self.info = {"compatible": "hallgate-pi64", "version": "0.2.0", **info}
        self.signed, self.other, self.ended, self.restarts = True, "good", "0", 0
        self.told: list[str] = []

    def __call__(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        self.told.append(" ".join(words[:3]))
        slots = [{"rootfs.0": {"state": "booted", "boot_status": "good"}},
                 {"rootfs.1": {"state": "inactive", "boot_status": self.other}}]  # fmt: skip
        shown = self.restarts if "--property=NRestarts" in words else int(self.ended)
        said: Any = self.info if words[1] == "info" else shown if words[1] == "show" else {"slots": slots}
        code = 0 if self.signed or words[1] != "info" else 1
        return subprocess.CompletedProcess(words, code, json.dumps(said), "signature verification failed")


@contextlib.contextmanager
def updater_folder() -> Iterator[Path]:
    """What lies on a card for the updater, with a bundle; its path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="hg-", dir="/tmp") as made:
        (Path(made) / "system.conf").write_text("[system]\ncompatible=hallgate-pi64\n")
        (Path(made) / "it.raucb").write_bytes(b"a bundle")
        (Path(made) / "slots.txt").write_bytes(spare("A"))
        boots(Path(made), "A")
        yield Path(made)


def boots(folder: Path, slot: str) -> None:
    (folder / "cmdline").write_text(f"root=PARTUUID=1-02 ro rauc.slot={slot} panic=10\n")


def slots(folder: Path, rauc: Rauc) -> Slots:
    return Slots(rauc, folder / "system.conf", folder / "cmdline", folder / "slots.txt")


def updating(folder: Path, rauc: Rauc, rate: float = 1.0) -> Updating:
    return Updating(folder / "ask", Clock(rate), slots(folder, rauc), folder / "work", "0.1.0")


def trial(folder: Path, rauc: Rauc, rate: float) -> Trial:
    return Trial(folder / "ask", Clock(rate), slots(folder, rauc), folder / "work")


def told(folder: Path) -> tuple[str, str]:
    progress = updates.read_progress(folder / "work")
    assert progress is not None
    return progress.state, progress.because
