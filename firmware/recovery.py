"""From a journal back to the controller that wrote it: the last picture of its memory, and every event since.

Replay is the same walk with open eyes: the records that come out must be the records that are there.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from firmware import entries
from firmware.core.controller import Controller
from firmware.core.occupancy import Rights
from firmware.core.records import AnyRecord, Decision
from firmware.core.state import HallState
from firmware.errors import Mistake
from firmware.journal import Reader


def zone(name: str) -> zoneinfo.ZoneInfo:
    """The time zone of that name; Mistake when there is none."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        raise Mistake(f"there is no time zone {name!r}; an example is Asia/Shanghai", key="time_zone") from None


def new_controller(inc: str) -> Controller:
    """One that remembers nothing: zero rights until the bank mints or a peer gives."""
    return Controller(HallState(rights=Rights(inc=inc)), zone)


def recovered(reader: Reader, inc: str) -> Controller:
    """The controller as it was after the last entry that is on disk."""
    controller = new_controller(inc)
    for kind, payload in reader.tail():
        if kind == "snapshot":
            controller = Controller.restore(payload, zone)
        else:
            entry = entries.decode(payload)
            controller.handle(entry.e, entry.m)
    return controller


@dataclass(frozen=True)
class Difference:
    """The first place where today's answer is not the recorded one."""

    seq: int
    recorded: str
    now: str


def replayed(reader: Reader, inc: str) -> Iterator[Difference | int]:
    """Runs the journal again. Yields the number of records of each entry that agrees, and a Difference where not."""
    controller = new_controller(inc)
    for kind, payload in reader.all():
        if kind == "snapshot":
            controller = Controller.restore(payload, zone)
            continue
        entry = entries.decode(payload)
        now = controller.handle(entry.e, entry.m).records
        yield _compared(entry.r, now) or len(now)


def _compared(recorded: list[AnyRecord], now: list[AnyRecord]) -> Difference | None:
    recorded_bytes, now_bytes = [_bare(record) for record in recorded], [_bare(record) for record in now]
    if recorded_bytes == now_bytes:
        return None
    seq = (recorded or now)[0].seq
    return Difference(seq, b" ".join(recorded_bytes).decode(), b" ".join(now_bytes).decode())


def _bare(record: AnyRecord) -> bytes:
    """Without the time it took, which is measured and not decided."""
    if isinstance(record, Decision):
        record = msgspec.structs.replace(record, took_ms=None)
    return msgspec.json.encode(record)
