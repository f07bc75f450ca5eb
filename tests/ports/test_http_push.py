"""The small HTTP server: whole requests arrive, everything else ends its own connection, and nobody holds the loop."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.clock import Clock
from firmware.ports.http_push import CONNECTIONS_MAX, HttpPort
from sensors.driver import Answer, Edge, Request
from tests.brokers import free_port

PATIENCE_S = 20.0
ANSWER = b'{"status":1}'


class FrozenClock(Clock):
    now_ms = 1_000.0

    def elapsed_ms(self) -> float:
        return self.now_ms


class Server:
    """A port that answers every request as a decoder would."""

    def __init__(self, **limits: object) -> None:
        self.clock = FrozenClock(1.0)
        self.address = ("127.0.0.1", free_port())
        self.port = HttpPort(f"127.0.0.1:{self.address[1]}", self.clock, **limits)  # type: ignore[arg-type]
        assert self.port.because == ""
        self.heard: list[Request] = []

    def turn(self) -> None:
        for _, request in self.port.read():
            self.heard.append(request)
            self.port.write(Answer(request.number, ANSWER))

    def until(self, done: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not done():
            assert time.monotonic() < end, (self.heard, self.port.dropped)
            self.turn()

    def connect(self, data: bytes = b"") -> socket.socket:
        line = socket.create_connection(self.address, PATIENCE_S)
        line.sendall(data)
        return line

    def reply(self, line: socket.socket) -> bytes:
        """Everything the server says until it hangs up."""
        line.setblocking(False)
        got = bytearray()

        def ended() -> bool:
            try:
                data = line.recv(65_536)
            except BlockingIOError:
                return False
            except ConnectionResetError:
                return True
            got.extend(data)
            return not data

        self.until(ended)
        line.close()
        return bytes(got)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.port.close()


def post(body: bytes = b"{}", path: str = "/verify", more: str = "") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode() + body


def test_a_request_arrives_whole_and_is_answered(server: Server) -> None:
    reply = server.reply(server.connect(post(b'{"a":1}')))
    assert server.heard == [Request(1, "/verify", b'{"a":1}')]
    assert reply.startswith(b"HTTP/1.1 200 ") and reply.endswith(ANSWER)


def test_byte_by_byte_and_chunked_are_requests_too(server: Server) -> None:
    line = server.connect()
    for byte in post(b"slow"):
        line.sendall(bytes([byte]))
        server.turn()
    assert server.reply(line).endswith(ANSWER)
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    assert server.reply(server.connect(chunked)).endswith(ANSWER)
    assert [request.body for request in server.heard] == [b"slow", b"abcde"]


def test_who_asks_before_sending_a_long_body_is_invited(server: Server) -> None:
    head, _, body = post(b"x" * 2000, more="Expect: 100-continue\r\n").partition(b"\r\n\r\n")
    line = server.connect(head + b"\r\n\r\n")
    line.setblocking(False)
    invited = bytearray()

    def come() -> bool:
        try:
            invited.extend(line.recv(1000))
        except BlockingIOError:
            return False
        return True

    server.until(come)
    assert invited.startswith(b"HTTP/1.1 100 ")
    line.sendall(body)
    assert server.reply(line).endswith(ANSWER)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (post(b"x" * 5_000), 413),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4097\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2000\r\n" + b"y" * 8192 + b"\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20_000, 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello \r\n\r\n", 400),
    ],
)
def test_what_is_no_request_for_us_ends_its_own_connection(sent: bytes, status: int) -> None:
    server = Server(max_body_bytes=4_096)
    reply = server.reply(server.connect(sent))
    assert reply.startswith(f"HTTP/1.1 {status} ".encode()) and reply.endswith(ANSWER)
    assert server.heard == [] and server.port.dropped == 1
    assert server.reply(server.connect(post())).endswith(ANSWER)
    server.port.close()


@pytest.mark.parametrize(
    "sent",
    [
        post(b"x" * 4_096),
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n" + b"y" * 4_096 + b"\r\n0\r\n\r\n",
    ],
)
def test_the_longest_body_that_is_allowed_is_taken(sent: bytes) -> None:
    server = Server(max_body_bytes=4_096)
    assert server.reply(server.connect(sent)).startswith(b"HTTP/1.1 200 ")
    assert [len(request.body) for request in server.heard] == [4_096]
    server.port.close()


def test_of_a_path_no_more_is_kept_than_a_person_reads(server: Server) -> None:
    server.reply(server.connect(post(path="/" + "x" * 5_000)))
    assert server.heard[0].path == "/" + "x" * 199


def test_who_dawdles_is_hung_up_on(server: Server) -> None:
    line = server.connect(post()[:-1])
    server.until(lambda: server.port._callers)
    server.clock.now_ms += 5_001
    assert server.port.tend(server.clock.now_ms) == server.clock.now_ms + 1_000 and server.port.dropped == 1
    assert server.reply(line) == b"" and server.port.dropped == 1


def test_an_answer_that_comes_after_the_caller_was_given_up_goes_nowhere(server: Server) -> None:
    line = server.connect(post() + b"and more that nobody asked for")
    heard = list[Request]()
    end = time.monotonic() + PATIENCE_S
    while not heard:
        assert time.monotonic() < end
        heard += [request for _, request in server.port.read()]
    line.sendall(b"and still more")
    assert not select.select([server.port.fileno()], [], [], 0.05)[0], "it is not listened to before its answer"
    server.clock.now_ms += 5_001
    server.port.tend(server.clock.now_ms)
    assert server.port.dropped == 1
    server.port.write(Answer(heard[0].number, ANSWER))
    assert server.port.dropped == 1
    line.close()


def test_a_caller_who_does_not_take_a_long_answer_holds_nobody_up(server: Server) -> None:
    line = server.connect(post())
    heard = list[Request]()
    end = time.monotonic() + PATIENCE_S
    while not heard:
        assert time.monotonic() < end
        heard += [request for _, request in server.port.read()]
    server.port.write(Answer(heard[0].number, b" " * 50_000_000))
    assert server.port.dropped == 1
    line.close()
    assert server.reply(server.connect(post())).endswith(ANSWER)


def test_closing_gives_every_descriptor_back_and_the_address_at_once() -> None:
    before = len(os.listdir("/proc/self/fd"))
    server = Server()
    server.reply(server.connect(post()))
    idle = server.connect(b"POST / HTTP/1.1\r\n")
    server.until(lambda: server.port._callers)
    server.port.close()
    idle.close()
    assert len(os.listdir("/proc/self/fd")) == before
    again = HttpPort(server.port.name, server.clock)
    assert again.because == ""
    again.close()


def test_whoever_holds_every_line_loses_the_oldest(server: Server) -> None:
    idle = []
    for _ in range(CONNECTIONS_MAX * 3):
        server.clock.now_ms += 1
        idle.append(server.connect(b"POST / HTTP/1.1\r\n"))
        server.turn()
    assert server.reply(server.connect(post(b"in a hurry"))).endswith(ANSWER)
    assert len(server.port._callers) <= CONNECTIONS_MAX
    idle[-1].sendall(post().partition(b"\r\n")[2])
    assert server.reply(idle.pop()).endswith(ANSWER), "who came last is still heard"
    for line in idle:
        line.close()


def test_strangers_are_not_heard() -> None:
    server = Server(allow=("192.0.2.0/24", "192.0.2.7"))
    assert server.reply(server.connect(post())) == b""
    assert server.heard == [] and server.port.dropped == 1
    server.port.close()
    friends = Server(allow=("192.0.2.0/24", "127.0.0.0/30"))
    assert friends.reply(friends.connect(post())).endswith(ANSWER)
    friends.port.close()


def test_an_address_in_use_is_absent_and_comes_back(server: Server) -> None:
    second = HttpPort(server.port.name, server.clock)
    assert second.fileno() == -1 and "used by another process" in second.because
    assert second.read() == [] and second.tend(server.clock.now_ms) == server.clock.now_ms + 1_000
    server.port.close()
    assert second.tend(server.clock.now_ms + 1_000) == server.clock.now_ms + 2_000
    assert second.fileno() >= 0 and second.because == ""
    second.close()
    second.close()
    assert second.tend(9e9) is None


@pytest.mark.parametrize(
    "listen", ["example.invalid:80", "127.0.0.1:99999", "127.0.0.1:", "[::1", ":80", "192.0.2.1:8088"]
)
def test_an_address_that_is_none_makes_the_port_absent(listen: str) -> None:
    port = HttpPort(listen, FrozenClock(1.0))
    assert port.fileno() == -1 and port.because.startswith(listen)
    port.close()


def test_an_answer_to_nobody_goes_nowhere(server: Server) -> None:
    for raw in (Answer(0, b""), Answer(99, b"{}"), b"bytes", Edge("x", 1)):
        server.port.write(raw)


PIECES = st.one_of(
    st.sampled_from(
        [post(b"ok"), b"POST / HTTP/1.1\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"\r\n"]
        + [b"\r\n\r\n", b"0\r\n\r\n", b"5\r\nabcde\r\n", b"ffffffffff\r\n", b"Host: x\r\n", b"Expect: 100-continue\r\n"]
    ),
    st.binary(max_size=60),
)


@given(callers=st.lists(st.tuples(st.lists(PIECES, max_size=6), st.booleans()), max_size=4))
@settings(max_examples=100, deadline=None)
def test_any_bytes_neither_break_nor_block(callers: list[tuple[list[bytes], bool]]) -> None:
    server = Server()
    lines = []
    for pieces, hangs_up in callers:
        line = server.connect()
        for piece in pieces:
            try:
                line.sendall(piece)
            except OSError:
                break
            server.turn()
        if hangs_up:
            line.close()
        else:
            lines.append(line)
        server.turn()
    assert server.reply(server.connect(post(b"still here"))).endswith(ANSWER)
    assert server.heard[-1].body == b"still here"
    server.clock.now_ms += 60_000
    server.turn()
    assert server.port._callers == {} and server.port._waiting == {}
    for line in lines:
        line.close()
    server.port.close()
