"""A thousand pretended devices on one broker, each with a real connection and real messages, in one thread.

Each device says `online`, its status, and then decisions and passages in turn, spread evenly over the second; one
subscriber takes everything. An event counts as lost when the subscriber never had it, doubled when it had it twice.
Latency is from the hand-over to our socket to the subscriber's receipt, both in this process: our own turns are in it.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import statistics
from collections import Counter

import msgspec

from firmware.clock import Clock
from firmware.core.records import Clause, Decision, Passage
from firmware.errors import Failure
from mqtt import packets
from mqtt.messages import LaneStatus, SensorStatus, Status
from mqtt.topics import Topics

KEEPALIVE_S = 120
AT = "2022-06-10T08:56:01.125+08:00"
CONNECTING_AT_ONCE = 50
PATIENCE_MS = 30_000.0
CONNECT_S = 10.0


class Figures(msgspec.Struct, kw_only=True):
    """What the run measured. Times in milliseconds, bytes as they stood on the wire (TCP payload)."""

    devices: int
    seconds: float
    sent: int
    received: int
    lost: int
    doubled: int
    latency_median_ms: float
    latency_p99_ms: float
    bytes_per_event: float
    broker_cpu_percent: float | None = None


class _Line:
    """One connection. Writes what it can now and keeps the rest."""

    def __init__(self, where: tuple[str, int], client_id: str, will: tuple[str, bytes] | None = None) -> None:
        self.socket = socket.create_connection(where, CONNECT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.stream, self.unsent = packets.Stream(), bytearray()
        self.ready, self.flying, self.written = False, 0, 0
        self.write(packets.connect(client_id, KEEPALIVE_S, will))

    def write(self, data: bytes) -> None:
        self.written += len(data)
        self.unsent += data
        self.flush()

    def flush(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self.unsent:
                del self.unsent[: self.socket.send(self.unsent)]

    def read(self) -> list[tuple[int, int, bytes]]:
        try:
            data = self.socket.recv(262_144)
        except BlockingIOError:
            return []
        if not data:
            raise Failure("the broker closed a connection: is its limit of open files too low?")
        return self.stream.feed(data)


class Load:
    """One run. `run` blocks; Failure when the broker does not take or keep the connections."""

    def __init__(self, where: tuple[str, int], hall: str, devices: int, rate: float, clock: Clock) -> None:
        self._where, self._clock, self._rate = where, clock, rate
        self._topics = [Topics(hall, f"load-{number}") for number in range(1, devices + 1)]
        self._selector = selectors.DefaultSelector()
        self._lines: list[_Line] = []
        self._seqs = [0] * devices
        self._sent_ms: dict[bytes, float] = {}
        self._heard: Counter[bytes] = Counter()
        self._latency_ms: list[float] = []
        self._bytes_before = 0

    def run(self, seconds: float) -> Figures:
        try:
            self._open()
            self._speak(seconds)
            self._wait_for_the_rest()
            return self._figures(seconds)
        except OSError as error:
            raise Failure(f"the broker cannot be reached: {error.strerror or error}") from None
        finally:
            for line in self._lines:
                line.socket.close()
            self._selector.close()

    # ------------------------------------------------------------ three parts

    def _open(self) -> None:
        self._subscriber = self._line("load-hub", None)
        self._until(lambda: self._subscriber.ready)
        self._subscriber.write(packets.subscribe((self._topics[0].hall_root + "device/+/event",), 1))
        for topics in self._topics:
            line = self._line(f"{topics.hall}-{topics.device}", (topics.availability, b"offline"))
            if len(self._lines) % CONNECTING_AT_ONCE == 0:
                self._until(lambda: all(one.ready for one in self._lines))
            line.flying += 2
            line.write(packets.publish(topics.availability, b"online", 1, retain=True))
            line.write(packets.publish(topics.status, _status(topics), 2, retain=True))
        self._until(lambda: all(one.ready and not one.flying for one in self._lines))
        self._bytes_before = sum(line.written for line in self._lines)

    def _speak(self, seconds: float) -> None:
        """Device k of n speaks at k/n of every period: a hall is never in step."""
        began, number = self._now(), 0
        period_ms = 1000 / self._rate / len(self._topics)
        while number * period_ms < seconds * 1000:
            due = began + number * period_ms
            self._turn(max(0.0, min(due - self._now(), 100.0)))
            while due <= self._now() and number * period_ms < seconds * 1000:
                self._say(number % len(self._topics))
                number += 1
                due = began + number * period_ms

    def _wait_for_the_rest(self) -> None:
        end = self._now() + PATIENCE_MS
        while (len(self._heard) < len(self._sent_ms) or any(line.flying for line in self._lines)) and self._now() < end:
            self._turn(20.0)

    def _figures(self, seconds: float) -> Figures:
        latencies = sorted(self._latency_ms) or [0.0]
        sent = len(self._sent_ms)
        spoken = sum(line.written for line in self._lines if line is not self._subscriber)
        return Figures(
            devices=len(self._topics),
            seconds=seconds,
            sent=sent,
            received=sum(self._heard.values()),
            lost=sum(1 for key in self._sent_ms if key not in self._heard),
            doubled=sum(1 for times in self._heard.values() if times > 1),
            latency_median_ms=round(statistics.median(latencies), 2),
            latency_p99_ms=round(latencies[int(len(latencies) * 0.99)], 2),
            bytes_per_event=round((spoken - self._bytes_before) / max(1, sent), 1),
        )

    # ------------------------------------------------------------ one turn

    def _now(self) -> float:
        return self._clock.elapsed_ms()

    def _line(self, client_id: str, will: tuple[str, bytes] | None) -> _Line:
        made = _Line(self._where, client_id, will)
        self._lines.append(made)
        self._selector.register(made.socket, selectors.EVENT_READ, made)
        return made

    def _say(self, device: int) -> None:
        line, topics = self._lines[device + 1], self._topics[device]
        self._seqs[device] += 1
        key, payload = _event(topics.device, self._seqs[device])
        line.flying += 1
        self._sent_ms[key] = self._now()
        line.write(packets.publish(topics.event, payload, self._seqs[device] % 65_000 + 3))

    def _until(self, true: object) -> None:
        end = self._now() + PATIENCE_MS
        while not true():  # type: ignore[operator]
            if self._now() > end:
                there = sum(line.ready for line in self._lines)
                raise Failure(f"only {there} of {len(self._lines)} connections were answered")
            self._turn(50.0)

    def _turn(self, wait_ms: float) -> None:
        for key, _ in self._selector.select(wait_ms / 1000):
            for packet in key.data.read():
                self._came(key.data, *packet)
        for line in self._lines:
            if line.unsent:
                line.flush()

    def _came(self, line: _Line, kind: int, flags: int, body: bytes) -> None:
        if kind == packets.CONNACK:
            if body[1:2] != b"\0":
                raise Failure(f"the broker refused a device: reason {body[1] if len(body) > 1 else 0:#x}")
            line.ready = True
        elif kind == packets.PUBACK:
            line.flying -= 1
        elif kind == packets.PUBLISH:
            _, packet_id, payload = packets.published(flags, body)
            line.write(packets.acknowledge(packet_id))
            self._heard_one(payload)

    def _heard_one(self, payload: bytes) -> None:
        key = _ID.decode(payload).id.encode()
        if key in self._sent_ms:
            self._heard[key] += 1
            self._latency_ms.append(self._now() - self._sent_ms[key])


class _Id(msgspec.Struct):
    id: str


_ID = msgspec.json.Decoder(_Id)


def _event(device: str, seq: int) -> tuple[bytes, bytes]:
    """A decision, then its passage, and so on: (id, payload)."""
    name = f"{device}-0a1b2c3d-{seq}"
    root = {"id": name, "seq": seq, "boot": "1", "at": AT, "at_trusted": True, "lane": "A"}
    if seq % 2 == 0:
        passed = Passage(**root, direction="in", decision=f"{device}-0a1b2c3d-{seq - 1}", expected=True, inside=7)  # type: ignore[arg-type]
        return name.encode(), msgspec.json.encode(passed)
    decided = Decision(
        **root,  # type: ignore[arg-type]
        person="7f0c9a5e21d4b863",
        person_class="visitor",
        answer="admit",
        clauses=(Clause("3.1.1a", "admit", "in_order"), Clause("3.1.1b", "admit", "in_order")),
        phrase="in_order",
        sign="请通行 前往3楼12号窗口",
        sign_en="Please go in",
        trusted=(),
        rulebook=7,
        pass_id="0123456789abcdef",
        took_ms=0.9,
    )
    return name.encode(), msgspec.json.encode(decided)


def _status(topics: Topics) -> bytes:
    lane = LaneStatus(name="A", sensors=(SensorStatus(device="scanner"), SensorStatus(device="gate")))
    return Status(v=1, device=topics.device, hall=topics.hall, at=AT, rulebook=7, lanes=(lane,)).encoded()
