"""A connection before a broker of the test's own: what it says at first and at last, how much at once, and how it comes back."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from firmware.clock import Clock
from mqtt import packets
from mqtt.address import Address
from mqtt.connection import BACKOFF_MAX_MS, BACKOFF_MIN_MS, Connection, Outgoing, Plan, Speaker, Will
from mqtt.messages import Incoming
from mqtt.packets import CONNACK, PUBACK, PUBLISH
from tests.brokers import wait_until

CONNECT, SUBSCRIBE, DISCONNECT = 1, 8, 14
NOT_AUTHORIZED = 0x87


class Mouth(Speaker):
    """Says what is put into `out`, and as its last word `bye`."""

    def __init__(self) -> None:
        self.out: list[Outgoing] = []
        self.told: list[tuple[Any, int]] = []
        self.asked = 0
        self.ends: list[str] = []

    def heard(self, message: Incoming) -> None:
        return

    def delivered(self, token: Any, reason: int, now_ms: float) -> None:
        self.told.append((token, reason))

    def down(self, because: str, now_ms: float) -> None:
        self.ends.append(because)

    def more(self, now_ms: float, room: int) -> tuple[list[Outgoing], float | None]:
        self.asked += 1
        now, self.out = self.out[:room], self.out[room:]
        return now, None

    def farewell(self) -> list[Outgoing]:
        return [Outgoing(topic="last", payload=b"bye", retain=True)]


class Broker:
    """The far end of one connection after the other."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(30)
        self.url = f"mqtt://127.0.0.1:{self.server.getsockname()[1]}"
        self.line: socket.socket | None = None

    def accepts(self, receive_maximum: int | None = None, reason: int = 0) -> bytes:
        """Answers a CONNECT, whose body it returns."""
        self.line, _ = self.server.accept()
        self.line.settimeout(30)
        self.stream, self.waiting = packets.Stream(), list[tuple[int, int, bytes]]()
        kind, _, body = self.next()
        assert kind == CONNECT
        properties = b"" if receive_maximum is None else b"\x21" + receive_maximum.to_bytes(2, "big")
        self.says(bytes([CONNACK << 4, 3 + len(properties), 0, reason, len(properties)]) + properties)
        return body

    def says(self, data: bytes) -> None:
        assert self.line is not None
        self.line.sendall(data)

    def next(self) -> tuple[int, int, bytes]:
        assert self.line is not None
        while not self.waiting:
            self.waiting += self.stream.feed(self.line.recv(65_536))
        return self.waiting.pop(0)

    def nothing_comes(self, for_s: float = 0.2) -> bool:
        return not self.waiting and not select.select([self.line], [], [], for_s)[0]

    def published(self) -> tuple[str, int, bytes]:
        kind, flags, body = self.next()
        assert kind == PUBLISH
        return packets.published(flags, body)

    def takes(self, packet_id: int, reason: int = 0) -> None:
        self.says(bytes([PUBACK << 4, 3]) + packet_id.to_bytes(2, "big") + bytes([reason]))

    def hangs_up(self) -> None:
        if self.line is not None:
            self.line.close()


@pytest.fixture
def broker() -> Iterator[Broker]:
    made = Broker()
    yield made
    made.hangs_up()
    made.server.close()


def connection(url: str, mouth: Mouth, **plan: Any) -> Connection:
    made = Connection(Address.parse(url), Plan(client_id="gate-1", **plan), mouth, Clock())
    made.start()
    return made


def events(n: int) -> list[Outgoing]:
    return [Outgoing(topic="event", payload=b"%d" % at, token=at) for at in range(n)]


def test_a_broker_gets_no_more_at_once_than_it_takes_and_after_a_break_as_much_again(broker: Broker) -> None:
    mouth = Mouth()
    made = connection(broker.url, mouth)
    broker.accepts(receive_maximum=3)
    mouth.out = events(10)
    made.wake()
    first = [broker.published() for _ in range(3)]
    assert [payload for _, _, payload in first] == [b"0", b"1", b"2"] and broker.nothing_comes()
    broker.takes(first[1][1], 0x10)
    assert broker.published()[2] == b"3" and broker.nothing_comes()
    assert mouth.told == [(1, 0x10)]
    broker.hangs_up()
    broker.accepts(receive_maximum=3)
    assert [broker.published()[2] for _ in range(3)] == [b"4", b"5", b"6"] and broker.nothing_comes()
    made.stop(0.1)


def test_a_broker_that_takes_everything_gets_a_hundred_at_once(broker: Broker) -> None:
    mouth = Mouth()
    made = connection(broker.url, mouth)
    broker.accepts()
    mouth.out = events(150)
    made.wake()
    assert [broker.published()[2] for _ in range(100)][-1] == b"99" and broker.nothing_comes()
    made.stop(0.1)


def test_it_says_who_it_is_what_is_to_be_said_of_its_death_and_that_its_session_goes_on(broker: Broker) -> None:
    will = Will("gone", b"offline", delay_s=2)
    url = broker.url.replace("//", "//anna:s3cret@")
    made = connection(url, Mouth(), will=will, session_expiry_s=3_600, receive_maximum=20)
    body = broker.accepts()
    for word in (b"gate-1", b"gone", b"offline", b"anna", b"s3cret"):
        assert len(word).to_bytes(2, "big") + word in body
    assert b"\x18" + (2).to_bytes(4, "big") in body, "the will waits for two seconds"
    assert b"\x11" + (3_600).to_bytes(4, "big") in body and b"\x21" + (20).to_bytes(2, "big") in body
    flags = body[7]
    assert flags & 0x02 == 0, "no clean start"
    assert (flags & 0x04, flags & 0x18, flags & 0x20) == (0x04, 0x08, 0x20), "a will, once at least, kept"
    made.stop(0.1)


def test_what_belongs_to_a_message_goes_with_it(broker: Broker) -> None:
    mouth = Mouth()
    made = connection(broker.url, mouth)
    broker.accepts()
    mouth.out = [
        Outgoing(topic="a", payload=b"x", retain=True, schema="s/1", correlation=b"c", response_topic="r", expiry_s=7),
        Outgoing(topic="a", payload=b"y"),
    ]
    made.wake()
    _, flags, body = broker.next()
    assert flags & 1, "to be kept"
    properties = body[6 : 6 + body[5]]
    assert all(each in properties for each in WITH_IT)
    assert len(properties) == sum(map(len, WITH_IT))
    _, flags, body = broker.next()
    assert (flags & 1, body[5:]) == (0, b"\0y")
    made.stop(0.1)


WITH_IT = (b"\x02\0\0\0\x07", b"\x08\0\x01r", b"\x09\0\x01c", b"\x26\0\x06schema\0\x03s/1")
"""Message expiry, response topic, correlation, schema."""


def test_the_last_words_wait_for_what_is_in_flight_and_the_end_for_the_last_words(broker: Broker) -> None:
    mouth = Mouth()
    made = connection(broker.url, mouth)
    broker.accepts()
    mouth.out = events(1)
    made.wake()
    _, in_flight, _ = broker.published()
    ended = list[bool]()
    end = threading.Thread(target=lambda: ended.append(made.stop(20.0)))
    end.start()
    assert broker.nothing_comes()
    broker.takes(in_flight)
    topic, last, payload = broker.published()
    assert (topic, payload) == ("last", b"bye") and broker.nothing_comes()
    broker.takes(last)
    assert broker.next()[0] == DISCONNECT
    end.join()
    assert ended == [True] and made.stop(1.0), "and a second end is none"


def test_who_does_not_take_the_last_words_is_not_waited_for_longer_than_was_said(broker: Broker) -> None:
    made = connection(broker.url, Mouth())
    broker.accepts()
    wait_until(lambda: made.connected)
    assert made.stop(0.5)
    assert broker.published()[0] == "last" and broker.next()[0] == DISCONNECT


def test_a_broker_that_refuses_is_told_with_its_reason_and_tried_again(broker: Broker) -> None:
    mouth = Mouth()
    made = connection(broker.url, mouth)
    broker.accepts(reason=NOT_AUTHORIZED)
    wait_until(lambda: "refused us" in made.problem)
    assert "Not authorized" in made.problem and not made.connected
    broker.accepts()
    wait_until(lambda: made.connected)
    assert (made.problem, mouth.ends) == ("", []), "it was never up before"
    broker.hangs_up()
    wait_until(lambda: bool(mouth.ends))
    assert made.problem and mouth.ends == [made.problem]
    made.stop(0.1)


def test_news_are_sent_at_once_and_without_any_it_sleeps(broker: Broker) -> None:
    mouth = Mouth()
    made = connection(broker.url, mouth)
    broker.accepts()
    wait_until(lambda: made.connected)
    made.wake()
    broker.nothing_comes(0.5)
    assert mouth.asked < 50, "a wake is taken, else it would never sleep again"
    made.stop(0.1)


def test_who_wants_to_be_asked_again_soon_is(broker: Broker) -> None:
    class Eager(Mouth):
        def more(self, now_ms: float, room: int) -> tuple[list[Outgoing], float | None]:
            return super().more(now_ms, room)[0], 1.0

    mouth = Eager()
    made = connection(broker.url, mouth)
    broker.accepts()
    wait_until(lambda: mouth.asked > 300)
    made.stop(0.1)


class Rests(threading.Event):
    """Of an `Event`: nobody waits really, and after some times it is set."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.rests, self.times = list[float](), times

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.rests.append(timeout)
        if len(self.rests) == self.times:
            self.set()
        return True


def test_a_broker_that_is_not_there_is_tried_less_and_less_often_and_by_each_at_its_own_times() -> None:
    """A hall whose broker starts again is not run over by all its doors at once."""
    waits = dict[str, list[float]]()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for name in ("gate-1", "gate-2"):
        made = Connection(Address.parse(f"mqtt://127.0.0.1:{port}"), Plan(client_id=name), Mouth(), Clock())
        made._stopping = rests = Rests(9)
        made._run()
        waits[name] = rests.rests
        longest = [min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2**n) / 1000 for n in range(9)]
        assert all(most / 2 <= rest <= most for rest, most in zip(rests.rests, longest, strict=True))
    assert waits["gate-1"] != waits["gate-2"]
