"""The device's side of the wire to its hub: events from the journal, status, and one of the two ways for notices.

Only imported where the site file has a `[hub]`. Everything that comes back enters the same inbox as a sensor's reading.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from firmware import journal_entry
from firmware.core.events import RulebookLoaded
from firmware.core.records import AnyRecord
from firmware.core.resource import HALL, of_zone
from firmware.durable import replace_file
from firmware.hub import reporting
from firmware.journal import Reader, Writer
from firmware.language import spoken
from mqtt.address import Address
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
CALLS_MAX, CALLS_LOOK_S = 16, 0.005
"""So much of what the hub wants waits for the loop; the rest waits at the broker, which has the room for it."""


class Events:
    """The journal as the outbox wants it: numbered events, each as it was recorded. Belongs to the link's thread."""

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
        for record in self._reader.payloads_from_seq(seq_from, upto_seq=durable):
            events = enumerate(journal_entry.published(record.payload).r, record.first_seq)
            found += [(seq, _v_first(bytes(event))) for seq, event in events if seq >= seq_from]
            if len(found) >= max_n:
                break
        return found[:max_n]


def _v_first(event: bytes) -> bytes:
    """The journal's bytes begin with their kind, as msgspec writes it; what the hub gets says its version first."""
    kind, version, rest = event.partition(b',"v":1,')
    return b'{"v":1,' + kind[1:] + b"," + rest if version and kind.startswith(b'{"kind":') else event


class HubSide:
    def __init__(self, device: Device, state_dir: Path) -> None:
        self.device = device
        site, hub = device.site, device.site.hub
        assert hub is not None
        source = Events(device.journal, Reader(state_dir))
        self.outbox = Outbox(source, state_dir / "outbox.json", replace_file, journal=device.inc)
        self.topics = Topics(site.device.hall, site.device.name)
        self.root = self.topics.hall_root
        kept = (HALL, *map(of_zone, site.rights.zones)) if site.rights.bank else ()
        self._documents = {self.topics.hall_wide(what): what for what in HALL_WIDE}
        self.link = Link(
            Address.parse(hub.url, hub.tls),
            site.device.name,
            site.device.hall,
            self.outbox,
            self._post,
            device.clock,
            also=tuple(self.topics.rights(resource, "command") for resource in kept),
            copies=tuple(self.root + kind.topics for kind in device.notices.kinds if kind.by_broker),
        )
        device.orders.answer = self.link.respond
        self._started = False
        self._connected_ms = device.clock.elapsed_ms()
        self.started_ms = device.clock.elapsed_ms()
        self._status_due_ms = 0.0
        self._problem = ""
        device.loop.after.append(self._news)
        device.loop.every(self._tend)
        device.notices.ways.append(self._tell)

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

    # ------------------------------------------------------------ out

    def _news(self, records: list[AnyRecord]) -> None:
        if records:
            self._status_due_ms = min(self._status_due_ms, self.device.clock.elapsed_ms() + STATUS_SOON_MS)
            self.link.wake()

    def _tend(self, t_ms: float) -> float:
        if self.link.problem != self._problem:
            self._problem = self.link.problem
            self._say(self._problem)
        if t_ms >= self._status_due_ms:
            self._status_due_ms = t_ms + STATUS_MS
            self.link.publish_status(self._status().encoded())
        return min(self._status_due_ms, t_ms + STATUS_SOON_MS)

    def _tell(self, key: str, payload: bytes) -> None:
        kind = self.device.notices.of_key(key)
        if kind is not None and kind.by_broker:
            self.link.publish_retained(self.root + key, payload)

    def _say(self, problem: str) -> None:
        """Why the hub is not reached, for the technician at the door: once for each reason, and when it is over."""
        print(f"hub: {spoken(problem or 'connected')}", file=sys.stderr, flush=True)

    def _status(self) -> Status:
        dropped = self.outbox.ranges_refused + self.link.dropped
        return reporting.status(self.device, self.outbox, dropped, self.started_ms)

    # ------------------------------------------------------------ in (the link's thread: enqueue, or wait for room)

    def _post(self, message: Incoming) -> None:
        key = message.topic.removeprefix(self.root)
        kind = self.device.notices.of_key(key)
        if kind is not None and kind.by_broker:
            self.device.notices.came(key, message.payload, None if message.retained else "")
        elif message.topic in self._documents:
            self._call(lambda: self._document_came(message))
        elif self.device.orders.desk.mine(message.topic):
            self._call(lambda: self.device.orders.came(message))

    def _call(self, what: Callable[[], None]) -> None:
        """The broker is told that we have it when this returns: until there is room for it, it has to wait."""
        while self.device.loop.calls_waiting >= CALLS_MAX and not self.device.loop.stopping:
            time.sleep(CALLS_LOOK_S)
        self.device.loop.call(what)

    def _document_came(self, message: Incoming) -> None:
        assert self.device.documents is not None, "a site with a hub has a place for them"
        event = self.device.documents.arrived(self._documents[message.topic], message.payload)
        in_force = isinstance(event, RulebookLoaded) and event.text == self.device.controller.state.rulebook_text
        if event is not None and not in_force:
            self.device.loop.post(event)
