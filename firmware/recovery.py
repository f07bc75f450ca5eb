"""From a journal back to the controller that wrote it: the last picture of its memory, and every event since.

Replay is the same walk with open eyes: the records that come out must be the records that are there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from firmware import journal_entry
from firmware.core.controller import Controller
from firmware.core.events import CommandArrived
from firmware.core.occupancy import Rights
from firmware.core.records import AnyRecord, Decision
from firmware.core.state import HallState
from firmware.journal import ENTRY, SNAPSHOT, Kept, Position, Reader, Record, Waiting
from firmware.trust.rulebook_file import zone

FIRST_SEGMENT = 1


def new_controller(inc: str) -> Controller:
    """One that remembers nothing: zero rights until the bank mints or a peer gives."""
    return Controller(HallState(rights=Rights(inc=inc)), zone)


def recovered(reader: Reader) -> Controller:
    """The controller as it was after the last entry that is on disk, or that a disk which refuses was to take.

    Where a place behind the last picture cannot be read any more (a card that rots), nobody knows who came in by it:
    entry holds until a recount, and exits run. Numbers of events that were given stay given.
    """
    controller = new_controller(reader.identity.inc)
    snapshot = reader.last_snapshot()
    if snapshot is not None:
        controller = Controller.restore(snapshot.payload, zone)
    for record in reader.after(snapshot) if snapshot else reader.records():
        if record.kind == ENTRY:
            _again(controller, record)
    if (unwritten := reader.unwritten()) is not None:
        controller = _with(controller, unwritten)
    if cannot_be_read(reader, snapshot):
        for _, own in controller.state.resources():
            own.recount_needed = True
    return controller


def _with(controller: Controller, unwritten: Kept) -> Controller:
    if unwritten.picture is not None:
        return Controller.restore(unwritten.picture, zone)
    for entry in unwritten.entries:
        _again(controller, entry)
    return controller


def cannot_be_read(reader: Reader, snapshot: Record | None) -> bool:
    """Whether something behind the last picture is lost, as far as `reader` has walked."""
    return reader.damaged_behind(snapshot.position if snapshot else Position(0, 0))


def _again(controller: Controller, record: Record | Waiting) -> None:
    """What a sensor of a lane said whose start cannot be read is left out. An order may name a lane that never was."""
    entry = journal_entry.decode(record.payload)
    lane = None if isinstance(entry.e, CommandArrived) else getattr(entry.e, "lane", None)
    if lane is None or lane in controller.state.lanes:
        controller.handle(entry.e, entry.m)
    controller.state.seq = max(controller.state.seq, record.first_seq + record.count - 1)


@dataclass(frozen=True)
class Difference:
    """The first place where today's answer is not the recorded one."""

    seq: int
    recorded: str
    now: str


@dataclass(frozen=True)
class Unreadable:
    """Something that had been on disk cannot be read: what follows means nothing until the next picture of the memory."""

    before_seq: int
    """The next number of an event that can be read."""


def replayed(reader: Reader) -> Iterator[Difference | Unreadable | int]:
    """Runs the journal again. Yields the number of records of each entry that agrees, and a Difference where not.

    It begins at the oldest entry where that is the device's first, else at the oldest picture of its memory; what could
    not be written because the disk was full is jumped over by the picture behind it, and so is what rotted.
    """
    controller: Controller | None = None
    seen, next_seq = 0, 1
    for record in reader.records():
        if reader.damaged > seen:
            controller, seen = None, reader.damaged
            yield Unreadable(record.first_seq)
        next_seq = max(next_seq, record.first_seq + record.count)
        if record.kind == SNAPSHOT:
            if controller is None or record.after_loss:
                controller = Controller.restore(record.payload, zone)
            continue
        if controller is None and not seen and record.position.segment == FIRST_SEGMENT:
            controller = new_controller(reader.identity.inc)
        if controller is not None:
            entry = journal_entry.decode(record.payload)
            now = controller.handle(entry.e, entry.m).records
            yield _compared(entry.r, now) or len(now)
    if reader.damaged > seen:
        yield Unreadable(next_seq)


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
