"""The device's side of the wire to its hub: events from the journal, status, the rows of the hall-wide limit.

Only imported where the site file has a `[hub]`. Everything that comes back enters the same inbox as a sensor's reading.
"""

from __future__ import annotations

import contextlib
import hmac
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from firmware import entries, reporting
from firmware.core import limit, occupancy
from firmware.core.events import CommandArrived, NoticeArrived, RowArrived, RulebookLoaded
from firmware.core.occupancy import Notice, Row
from firmware.core.records import AnyRecord, CommandDone
from firmware.durable import replace_file
from firmware.errors import Failure
from firmware.journal import ENTRY, Reader, Writer
from mqtt.address import Address
from mqtt.commands import CommandDesk, CommandGuard
from mqtt.device_link import Link
from mqtt.messages import Incoming
from mqtt.outbox import Outbox
from mqtt.topics import HALL_WIDE, Topics

if TYPE_CHECKING:
    from firmware.wiring import Device

STATUS_MS = 10_000.0
STATUS_SOON_MS = 200.0
"""News change the status; several in a row change it once."""
HEARTBEAT_MS = 5_000.0
ROW_BYTES_MAX = 16_384
NOTE_MS = 9_000.0
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
        self.rows_topic = self.topics.rights_row("hall", "")
        self.notice_topic = self.topics.rights("hall", "notice")
        self._notice_sent = 0
        self._started = False
        self._connected_ms = device.clock.elapsed_ms()
        bank_topic = (self.topics.rights("hall", "command"),) if site.rights.bank else ()
        self._documents = {self.topics.hall_wide(what): what for what in HALL_WIDE}
        self.link = Link(
            Address.parse(hub.url, hub.tls),
            site.device.name,
            site.device.hall,
            self.outbox,
            self._post,
            device.clock,
            also=(self.rows_topic + "#", self.notice_topic, *bank_topic),
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
        self.started_ms = device.clock.elapsed_ms()
        self.rows_refused = 0
        self._status_due_ms = 0.0
        self._row_due_ms = 0.0
        self._row_sent = b""
        self._rows: dict[str, tuple[Row, float]] = {}
        device.loop.after.append(self._news)
        device.loop.every(self._tend)

    def start(self) -> None:
        if not self._started:
            self._started = True
            self.link.start()

    def heard_the_hall(self) -> bool:
        """Connected, and what the broker kept for us had its time to come."""
        now = self.device.clock.elapsed_ms()
        if not self.link.connected:
            self._connected_ms = now
        return now - self._connected_ms > RETAINED_MS

    def stop(self) -> None:
        self.link.publish_status(self._status())
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
        self._publish_row(self.device.clock.elapsed_ms())

    def _tend(self, t_ms: float) -> float:
        if t_ms >= self._status_due_ms:
            self._status_due_ms = t_ms + STATUS_MS
            self.link.publish_status(self._status())
            if not self._remembered:
                self._remember()
        if t_ms >= self._row_due_ms:
            self._publish_row(t_ms, heartbeat=True)
        return min(self._status_due_ms, self._row_due_ms, t_ms + STATUS_SOON_MS)

    def _status(self) -> bytes:
        dropped = self.outbox.ranges_refused + self.link.dropped
        return reporting.status(self.device, self.outbox.depth, self.outbox.lost, dropped, self.started_ms).encoded()

    def _publish_row(self, t_ms: float, heartbeat: bool = False) -> None:
        """Own counters, after they are durable (P2). Nothing where the site has no hall key: nobody could believe it."""
        key, state = self.device.verify.hall_key, self.device.controller.state
        if key is None or not state.journal_ok:
            return
        self._publish_notice(key, state.notice)
        payload = msgspec.json.encode(limit.own_row(state))
        if payload == self._row_sent and not heartbeat:
            return
        self._row_sent, self._row_due_ms = payload, t_ms + HEARTBEAT_MS
        self.link.publish_retained(self.rows_topic + state.rights.inc, sealed(key, payload))

    def _publish_notice(self, key: bytes, notice: Notice | None) -> None:
        """Only the bank's own word; said again by the link on every connection."""
        if notice is not None and notice.serial != self._notice_sent and self.device.site.rights.bank:
            self._notice_sent = notice.serial
            self.link.publish_retained(self.notice_topic, sealed(key, msgspec.json.encode(notice)))

    # ------------------------------------------------------------ in (the link's thread: only enqueue)

    def _post(self, message: Incoming) -> None:
        if message.topic.startswith(self.rows_topic):
            self._row_came(message.payload)
        elif message.topic == self.notice_topic:
            self._notice_came(message.payload)
        elif message.topic in self._documents:
            self.device.loop.call(lambda: self._document_came(message))
        elif self.desk.mine(message.topic):
            self.device.loop.call(lambda: self._order_came(message))

    def _document_came(self, message: Incoming) -> None:
        event = self.device.documents.arrived(self._documents[message.topic], message.payload)
        in_force = isinstance(event, RulebookLoaded) and event.text == self.device.controller.state.rulebook_text
        if event is not None and not in_force:
            self.device.loop.post(event)

    def _row_came(self, payload: bytes) -> None:
        key = self.device.verify.hall_key
        try:
            if key is None or len(payload) > ROW_BYTES_MAX:
                raise ValueError("not for us")
            row = msgspec.json.decode(unsealed(key, payload), type=Row)
        except (ValueError, msgspec.DecodeError):
            self.rows_refused += 1
            return
        if self._is_news(row):
            self.device.loop.post(RowArrived(row=row))

    def _notice_came(self, payload: bytes) -> None:
        """Ours comes back to us as well: its serial is no news then."""
        key, known = self.device.verify.hall_key, self.device.controller.state.notice
        try:
            if key is None or len(payload) > ROW_BYTES_MAX:
                raise ValueError("not for us")
            notice = msgspec.json.decode(unsealed(key, payload), type=Notice)
        except (ValueError, msgspec.DecodeError):
            self.rows_refused += 1
            return
        if known is None or notice.serial > known.serial:
            self.device.loop.post(NoticeArrived(notice=notice))

    def _is_news(self, row: Row) -> bool:
        """A heartbeat that says nothing new only has to be noted now and then: every event costs the card."""
        if row.inc == self.device.inc:
            return occupancy.contradicts(self.device.controller.state.rights, row)
        known = self._rows.get(row.inc)
        now = self.device.clock.elapsed_ms()
        if known is not None and msgspec.structs.replace(row, seq=0) == known[0] and now - known[1] < NOTE_MS:
            return False
        self._rows[row.inc] = (msgspec.structs.replace(row, seq=0), now)
        return True


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


# -------------------------------------------------------------- the seal: who can write a row can mint a right

_MAC = b',"mac":"'


def sealed(key: bytes, payload: bytes) -> bytes:
    """The row's JSON with one more field, its HMAC-SHA-256 with the hall key."""
    return payload[:-1] + _MAC + _seal(key, payload) + b'"}'


def unsealed(key: bytes, payload: bytes) -> bytes:
    """The row's JSON without its seal; ValueError when the seal is not the hall's."""
    at = payload.rfind(_MAC)
    row = payload[:at] + b"}"
    if at < 0 or not hmac.compare_digest(payload, sealed(key, row)):
        raise ValueError("not the hall's seal")
    return row


def _seal(key: bytes, payload: bytes) -> bytes:
    return hmac.new(key, b"hallgate-row-v1|" + payload, "sha256").hexdigest().encode()
