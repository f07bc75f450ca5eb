"""Signed orders as this device takes them, by whichever way they come: judged, remembered on disk, done once, answered.

The hub's come over the broker. An evacuation also comes from another door of the hall, over the side link, whoever it
was addressed to: a way out of the hall is everybody's (`firmware/peers/evacuations.py`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from firmware import journal_entry
from firmware.core import limit
from firmware.core.events import CommandArrived
from firmware.core.records import AnyRecord, CommandDone
from firmware.durable import replace_file
from firmware.errors import Failure
from firmware.journal import ENTRY, Reader
from mqtt.commands import EVACUATE, NOT_TAKEN, CommandDesk, CommandGuard
from mqtt.messages import Incoming, Reply

if TYPE_CHECKING:
    from firmware.wiring import Device

REMEMBER_MS = 10_000.0
"""A memory that could not be put on disk is tried again after this long."""


class TakenOrders:
    """Lives in the loop's thread. `answer` takes every reply; whoever knows a way to the hub sets it."""

    def __init__(self, device: Device, state_dir: Path) -> None:
        self._device, self._file = device, state_dir / "orders.json"
        self.desk = CommandDesk(
            device.site.device.hall,
            device.site.device.name,
            lambda: device.verify.trust,
            self._known(state_dir),
            bank=self._speaks_for_the_bank,
        )
        self.answer: Callable[[Reply], object] = lambda _: None
        self._remembered = True
        if not self._file.exists():
            self._remember()  # so that only a lost file costs a walk through the journal, not every start
        device.loop.after.append(self._done)
        device.loop.every(self._tend)

    def came(self, message: Incoming) -> None:
        """From the hub. Remembered on disk first, so that no crash makes an order be done twice; getting out may be."""
        judged = self.desk.arrived(message, self._device.clock.moment())
        if judged.event is not None:
            if judged.event.refusal is None and judged.event.name != EVACUATE:
                self._remember()
            self._device.loop.post(judged.event)
        if judged.reply is not None:
            self.answer(judged.reply)

    def handed_on(self, orders: tuple[str, ...]) -> None:
        """Evacuations that another door was given. One that is none, or that nobody has signed, is counted."""
        for order in orders:
            try:
                event = self.desk.handed_on(order.encode(), self._device.clock.moment())
            except (ValueError, msgspec.DecodeError, RecursionError):
                self._device.notices.refused["evacuation"] += 1
                continue
            if event is not None:
                self._device.loop.post(event)

    def _speaks_for_the_bank(self) -> bool:
        """Whoever was written off is silent: its refusal could reach the hub before the answer of the bank there is."""
        return self._device.site.rights.bank and not limit.written_off(self._device.loop.controller.state)

    def evacuations(self) -> tuple[str, ...]:
        """Those that were obeyed here and nobody has reset, as they were signed."""
        return tuple(order for order in self.desk.guard.evacuations.values() if order)

    # ------------------------------------------------------------ what is remembered

    def _known(self, state_dir: Path) -> CommandGuard:
        """What the file says of orders; where it is missing or spoilt, what the journal tells of them."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=CommandGuard)
        except (OSError, msgspec.DecodeError):
            return relearned(Reader(state_dir))

    def _remember(self) -> None:
        """An old file must not be believed at the next start: without one the journal is asked."""
        try:
            replace_file(self._file, msgspec.json.encode(self.desk.guard))
            self._remembered = True
        except (OSError, Failure):
            self._remembered = False
            with contextlib.suppress(OSError):
                self._file.unlink()

    def _tend(self, t_ms: float) -> float:
        if not self._remembered:
            self._remember()
        return t_ms + REMEMBER_MS

    def _done(self, records: list[AnyRecord]) -> None:
        done = [record for record in records if isinstance(record, CommandDone)]
        for record in done:
            if record.name == "reset" and record.result == "done":
                self.desk.guard.reset_evacuation()
            for reply in self.desk.done(record):
                self.answer(reply)
        if any(record.because not in NOT_TAKEN for record in done):  # a flood of forged ones must not wear out the card
            self._remember()


def relearned(reader: Reader) -> CommandGuard:
    """What the entries that the journal still holds tell of orders: those that were taken, and how they ended."""
    guard, kids = CommandGuard(), dict[str, str]()
    for record in reader.records():
        if record.kind == ENTRY and b'"command"' in record.payload:
            with contextlib.suppress(msgspec.DecodeError):
                _learn(guard, kids, journal_entry.decode(record.payload))
    return guard


def _learn(guard: CommandGuard, kids: dict[str, str], entry: journal_entry.Entry) -> None:
    if isinstance(entry.e, CommandArrived) and entry.e.refusal is None:
        guard.learn(entry.e)
        kids[entry.e.id] = entry.e.kid
    for done in entry.r:
        if isinstance(done, CommandDone):
            guard.answered(kids.pop(done.command, ""), done)
            if done.name == "reset" and done.result == "done":
                guard.reset_evacuation()
