"""What `hallgate doctor` found, as JSON: printed, kept beside the journal, and summed up in the device's status."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from firmware.durable import replace_file

FILE = "doctor.json"
FILE_BYTES_MAX = 262_144

Result = Literal[
    "works", "nothing_answers", "nonsense", "wrong_speed", "not_there", "refused", "wrong", "not_asked"
]  # fmt: skip
"""`wrong`: it answers, but not what was to be seen. `not_asked`: only a person can tell, and nobody was there."""


class DeviceFound(msgspec.Struct, frozen=True, kw_only=True):
    """One device of a lane. `device`: its key in the site file; `where`: its port or pins."""

    lane: str
    device: str
    driver: str
    where: str
    result: Result
    because: str = ""
    seen: str = ""
    """What it said, without anything that names a person."""
    took_ms: int = 0

    @property
    def ill(self) -> bool:
        return self.result not in ("works", "not_asked")


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """`at` in RFC 3339; `hub` and `clock` are empty when all is well, else why not (neither stops a gate)."""

    v: int = 1
    device: str
    hall: str
    version: str
    at: str
    result: Literal["works", "incomplete", "fault"]
    devices: tuple[DeviceFound, ...] = ()
    hub: str = ""
    clock: str = ""
    warnings: tuple[str, ...] = ()

    def encoded(self) -> bytes:
        return msgspec.json.encode(self)


def summed_up(devices: tuple[DeviceFound, ...]) -> Literal["works", "incomplete", "fault"]:
    if any(found.ill for found in devices):
        return "fault"
    return "works" if all(found.result == "works" for found in devices) else "incomplete"


def keep(report: Report, folder: Path) -> None:
    """Beside the journal, where the firmware finds it for its status. Raises Failure."""
    replace_file(folder / FILE, msgspec.json.format(report.encoded()) + b"\n")


class LastReport:
    """The last report in a folder, read again when it has changed: the status asks every few seconds."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._read_ns = -1
        self._report: Report | None = None

    @property
    def report(self) -> Report | None:
        """None when there is none or it cannot be read."""
        try:
            written_ns = self._file.stat().st_mtime_ns
            if written_ns != self._read_ns:
                self._read_ns = written_ns
                with open(self._file, "rb") as file:
                    self._report = msgspec.json.decode(file.read(FILE_BYTES_MAX), type=Report)
        except (OSError, msgspec.DecodeError):
            self._report = None
        return self._report
