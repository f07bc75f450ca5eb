"""Two processes and an update: the firmware takes the hub's order and tells how far it is; the updater (root) does it.

    STATE/update.json      the order, written by the firmware, taken away by the updater when it has ended
    WORK/progress.json     how far it is, written by the updater; WORK also holds the bundle while it is fetched

Each folder has one writer, so that the firmware needs no rights over what root writes. Both files survive a power cut
whole (`durable`), and both processes go on from them after any restart.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from firmware import durable
from firmware.core.state import UpdateOrder
from firmware.errors import Failure
from mqtt.messages import UpdateStatus

ORDER, PROGRESS = "update.json", "progress.json"
State = Literal["fetching", "waiting", "installing", "restarting", "trial", "kept", "returned", "failed"]
FINAL = ("kept", "returned", "failed")
READ_MAX = 65_536
T = TypeVar("T")


class Progress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`order`: the id it was ordered by; empty when it was begun at the device."""

    version: str
    state: State
    because: str = ""
    order: str = ""
    was: str = ""
    slot: str = ""
    """The slot that ran when it began: whoever runs in another one is on trial."""
    ill: tuple[str, ...] = ()
    """Devices that were out of order already then: not the update's fault."""

    @property
    def ended(self) -> bool:
        return self.state in FINAL


def read_order(path: Path) -> UpdateOrder | None:
    """None when there is none, or none that can be read."""
    return _read(path, UpdateOrder)


def read_progress(work: Path) -> Progress | None:
    return _read(work / PROGRESS, Progress)


def tell(work: Path, progress: Progress) -> Progress:
    """On disk when this returns. Raises Failure."""
    durable.make_folder(work)
    durable.replace_file(work / PROGRESS, msgspec.json.encode(progress))
    return progress


class Updates:
    """The firmware's side: `follow` after every turn, `status` for the hub."""

    def __init__(self, state_dir: Path, work: Path) -> None:
        self._file, self._work = state_dir / ORDER, work
        self._handed_over = ""
        self._stamp: tuple[int, int] | None = None
        self._progress: Progress | None = None

    def follow(self, order: UpdateOrder | None) -> None:
        """Hand a new order over. It is in the journal by now: what fails here is tried again at the next turn."""
        if order is None or order.id == self._handed_over:
            return
        progress, lying = self._read_progress(), read_order(self._file)
        known = {lying.id if lying else "", progress.order if progress else ""}
        with contextlib.suppress(Failure):
            if order.id not in known:
                durable.replace_file(self._file, msgspec.json.encode(order))
            self._handed_over = order.id

    def status(self, order: UpdateOrder | None) -> UpdateStatus | None:
        progress = self._read_progress()
        if order is not None and (progress is None or progress.order != order.id and self._file.exists()):
            return UpdateStatus(version=order.version, state="ordered")
        if progress is None:
            return None
        return UpdateStatus(version=progress.version, state=progress.state, because=progress.because, was=progress.was)

    def _read_progress(self) -> Progress | None:
        """Read again only when it was written again: the status is told every few seconds."""
        try:
            info = (self._work / PROGRESS).stat()
            stamp = (info.st_ino, info.st_mtime_ns)
        except OSError:
            stamp = None
        if stamp != self._stamp or stamp is None:
            self._stamp, self._progress = stamp, read_progress(self._work)
        return self._progress


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(READ_MAX), type=kind)
    except (OSError, msgspec.DecodeError, RecursionError):
        return None
