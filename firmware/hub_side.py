"""The device's side of the wire to its hub: events from the journal, status, and one of the two ways for notices.

Only imported where the site file has a `[hub]`. Everything that comes back enters the same inbox as a sensor's reading.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from firmware import entries, reporting
from firmware.core.events import CommandArrived, RulebookLoaded
from firmware.core.records import AnyRecord, CommandDone
from firmware.durable import replace_file
from firmware.errors import Failure
from firmware.journal import ENTRY, Reader, Writer
from firmware.language import spoken
from mqtt.address import Address
from mqtt.commands import CommandDesk, CommandGuard
from mqtt.device_link import Link
from mqtt.discovery import announcement
from mqtt.messages import Incoming, Status
from mqtt.outbox import Outbox
from mqtt.topics import HALL_WIDE, Topics

if TYPE_CHECKING:
    from firmware.wiring import Device

STATUS_MS = 10_000.0
STATUS_SOON_MS = 200.0
"""News change the status; several in a row change it once."""
RETAINED_MS = 150.0
"""Retained messages follow the subscription at once."""


class Events:
    """The journal as the outbox wants it: numbered events, each in its recorded bytes. Belongs to the link's thread."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer, self._reader = writer, reader

    @property
    def first_seq(self) -> int:
        return self._reader.first_seq or 1

    def durable_seq(self) -> int:
        return self._writer.durable_seq

    def read(self, seq_from: int, max_n: int) -> list[tuple[int, bytes]]:
        durable = self._writer.durable_seq
        found: list[tuple[int, bytes]] = []
        for record in self._reader.read_range(seq_from, seq_from + max_n - 1, upto_seq=durable):
            events = enumerate(entries.published(record.payload).r, record.first_seq)
            found += [(seq, bytes(event)) for seq, event in events if seq >= seq_from]
        return found[:max_n]


class HubSide:
    def __init__(self, device: Device, state_dir: Path) -> None:
        self.device = device
        self._guard_file = state_dir / "orders.json"
        site, hub = device.site, device.site.hub
        assert hub is not None
        source = Events(device.journal, Reader(state_dir))
        self.outbox = Outbox(source, state_dir / "outbox.json", replace_file, journal=device.inc)
        self.topics = Topics(site.device.hall, site.device.name)
        self.root = self.topics.hall_root
        bank_topic = (self.topics.rights("hall", "command"),) if site.rights.bank else ()
        self._documents = {self.topics.hall_wide(what): what for what in HALL_WIDE}
        self.link = Link(
            Address.parse(hub.url, hub.tls),
            site.device.name,
            site.device.hall,
            self.outbox,
            self._post,
            device.clock,
            also=bank_topic,
            copies=tuple(self.root + kind.topics for kind in device.notices.kinds),
        )
        self.desk = CommandDesk(
            site.device.hall,
            site.device.name,
            lambda: device.verify.trust,
            self._guard(state_dir),
            bank=site.rights.bank,
        )
        self._remembered = True
        if not self._guard_file.exists():
            self._remember()  # so that only a lost file costs a walk through the journal, not every start
        self._started = False
        self._connected_ms = device.clock.elapsed_ms()
        self.started_ms = device.clock.elapsed_ms()
        self._status_due_ms = 0.0
        self._problem = ""
        device.loop.after.append(self._news)
        device.loop.every(self._tend)
        device.notices.ways.append(lambda key, payload: self.link.publish_retained(self.root + key, payload))

    def start(self) -> None:
        if not self._started:
            self._started = True
            self.link.publish_retained(self.topics.homeassistant, announcement(self._status()).encoded())
            self.link.start()

    def heard_the_hall(self) -> bool:
        """Connected, and what the broker kept for us had its time to come."""
        now = self.device.clock.elapsed_ms()
        if not self.link.connected:
            self._connected_ms = now
        return now - self._connected_ms > RETAINED_MS

    def stop(self) -> None:
        self.link.publish_status(self._status().encoded())
        self.link.stop(1.0)

    # ------------------------------------------------------------ orders

    def _guard(self, state_dir: Path) -> CommandGuard:
        """What is remembered of orders; where the file is missing or spoilt, what the journal tells of them."""
        try:
            return msgspec.json.decode(self._guard_file.read_bytes(), type=CommandGuard)
        except (OSError, msgspec.DecodeError):
            return relearned(Reader(state_dir))

    def _order_came(self, message: Incoming) -> None:
        """In the loop's thread. Remembered on disk first, so that no crash makes an order be done twice."""
        judged = self.desk.arrived(message, self.device.clock.moment())
        if judged.event is not None:
            if judged.event.refusal is None:
                self._remember()
            self.device.loop.post(judged.event)
        if judged.reply is not None:
            self.link.respond(judged.reply)

    def _remember(self) -> None:
        """An old file must not be believed at the next start: without one the journal is asked."""
        try:
            replace_file(self._guard_file, msgspec.json.encode(self.desk.guard))
            self._remembered = True
        except (OSError, Failure):
            self._remembered = False
            with contextlib.suppress(OSError):
                self._guard_file.unlink(missing_ok=True)

    def _answer(self, records: list[AnyRecord]) -> None:
        done = [record for record in records if isinstance(record, CommandDone)]
        for record in done:
            if record.name == "reset" and record.result == "done":
                self.desk.guard.reset_evacuation()
            for reply in self.desk.done(record):
                self.link.respond(reply)
        if done:
            self._remember()

    # ------------------------------------------------------------ out

    def _news(self, records: list[AnyRecord]) -> None:
        if records:
            self._answer(records)
            self._status_due_ms = min(self._status_due_ms, self.device.clock.elapsed_ms() + STATUS_SOON_MS)
            self.link.wake()

    def _tend(self, t_ms: float) -> float:
        if self.link.problem != self._problem:
            self._problem = self.link.problem
            self._say(self._problem)
        if t_ms >= self._status_due_ms:
            self._status_due_ms = t_ms + STATUS_MS
            self.link.publish_status(self._status().encoded())
            if not self._remembered:
                self._remember()
        return min(self._status_due_ms, t_ms + STATUS_SOON_MS)

    def _say(self, problem: str) -> None:
        """Why the hub is not reached, for the technician at the door: once for each reason, and when it is over."""
        print(f"hub: {spoken(problem or 'connected')}", file=sys.stderr, flush=True)

    def _status(self) -> Status:
        dropped = self.outbox.ranges_refused + self.link.dropped
        return reporting.status(self.device, self.outbox, dropped, self.started_ms)

    # ------------------------------------------------------------ in (the link's thread: only enqueue)

    def _post(self, message: Incoming) -> None:
        key = message.topic.removeprefix(self.root)
        if self.device.notices.of_key(key) is not None:
            self.device.notices.came(key, message.payload, None if message.retained else "")
        elif message.topic in self._documents:
            self.device.loop.call(lambda: self._document_came(message))
        elif self.desk.mine(message.topic):
            self.device.loop.call(lambda: self._order_came(message))

    def _document_came(self, message: Incoming) -> None:
        event = self.device.documents.arrived(self._documents[message.topic], message.payload)
        in_force = isinstance(event, RulebookLoaded) and event.text == self.device.controller.state.rulebook_text
        if event is not None and not in_force:
            self.device.loop.post(event)


def relearned(reader: Reader) -> CommandGuard:
    """What the entries that the journal still holds tell of orders: those that were taken, and how they ended."""
    guard, kids = CommandGuard(), dict[str, str]()
    for record in reader.records():
        if record.kind == ENTRY and b'"command"' in record.payload:
            with contextlib.suppress(msgspec.DecodeError):
                _learn(guard, kids, entries.decode(record.payload))
    return guard


def _learn(guard: CommandGuard, kids: dict[str, str], entry: entries.Entry) -> None:
    if isinstance(entry.e, CommandArrived) and entry.e.refusal is None:
        guard.learn(entry.e)
        kids[entry.e.id] = entry.e.kid
    for done in entry.r:
        if isinstance(done, CommandDone):
            guard.answered(kids.pop(done.command, ""), done)
            if done.name == "reset" and done.result == "done":
                guard.reset_evacuation()
