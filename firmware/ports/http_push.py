"""A small HTTP server for devices that push: bounded in everything, driven by the loop's selector, no thread.

One address, few connections, one POST each, answered by the decoder at once; then we hang up. What is not a whole
request in time, too long, or no HTTP at all ends its own connection and nothing else. h11 reads the protocol
(the standard library's http.server is not made for hostile callers). One epoll descriptor stands for all sockets.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import select
import socket
from collections.abc import Sequence
from typing import Any

import h11

from firmware.clock import Clock
from sensors.driver import Answer, Request, ToDevice

CONNECTIONS_MAX = 8
"""One more, and the oldest is hung up on: whoever keeps a line busy loses it first."""
HEADER_BYTES_MAX = 8_192
READ_BYTES = 8_192
"""Of one connection in one turn: a flood of tiny chunks must not hold the loop."""
ACCEPTS_PER_TURN = 8
RETRY_MS = 1_000.0
TEND_MS = 1_000.0
LINGER_MS = 1_000.0
"""After the answer the rest of what is still being sent is thrown away this long, so that the answer arrives."""
JSON = [("Content-Type", "application/json; charset=utf-8"), ("Connection", "close")]
PLAIN = {
    errno.EADDRINUSE: "is used by another process",
    errno.EADDRNOTAVAIL: "is no address of this device",
    errno.EACCES: "may not be opened by this user (ports below 1024)",
}


class HttpPort:
    """The near end. `listen`: `host:port` with a numeric host; `allow`: addresses or networks, empty: anybody."""

    def __init__(
        self,
        listen: str,
        clock: Clock,
        *,
        allow: Sequence[str] = (),
        max_body_bytes: int = 1_000_000,
        request_ms: float = 5_000,
    ) -> None:
        self.name = listen
        self.dropped = 0
        """Connections that brought no whole request, and answers that did not go out."""
        self.because = ""
        self._clock = clock
        self._allow = tuple(ipaddress.ip_network(each, strict=False) for each in allow)
        self._max_body_bytes, self._request_ms = max_body_bytes, request_ms
        self._server: socket.socket | None = None
        self._epoll: select.epoll | None = None
        self._callers: dict[int, Caller] = {}
        self._waiting: dict[int, Caller] = {}
        """By the number of the request that is still to be answered."""
        self._count = 0
        self._retry_ms = 0.0
        self._closed = False
        self._open(clock.elapsed_ms())

    def fileno(self) -> int:
        return self._epoll.fileno() if self._epoll else -1

    def read(self) -> list[tuple[float, Request]]:
        """The whole requests that have come; each waits for its `Answer`."""
        if self._epoll is None or self._server is None:
            return []
        heard: list[tuple[float, Request]] = []
        for fd, _ in self._epoll.poll(0, CONNECTIONS_MAX + 1):
            if fd == self._server.fileno():
                self._accept(self._server)
            elif fd in self._callers:
                heard += self._hear(self._callers[fd])
        self._hang_up_late()
        return heard

    def write(self, raw: ToDevice) -> None:
        caller = self._waiting.pop(raw.number, None) if isinstance(raw, Answer) else None
        if caller is not None and isinstance(raw, Answer):
            self._reply(caller, raw.status, raw.body)

    def tend(self, t_ms: float) -> float | None:
        """Open again when it is time; hang up on whoever is too slow."""
        if self._closed:
            return None
        if self._epoll is None:
            if t_ms >= self._retry_ms:
                self._open(t_ms)
            return self._retry_ms if self._epoll is None else t_ms + TEND_MS
        self._hang_up_late()
        return t_ms + TEND_MS

    def close(self) -> None:
        self._closed = True
        for caller in list(self._callers.values()):
            self._hang_up(caller)
        if self._server is not None:
            self._server.close()
        if self._epoll is not None:
            self._epoll.close()
        self._server = self._epoll = None

    # ------------------------------------------------------------ inside

    def _open(self, t_ms: float) -> None:
        self._retry_ms = t_ms + RETRY_MS
        host, _, port = self.name.rpartition(":")
        host = host.strip("[]")
        server = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.setblocking(False)
            # A name would be asked for on the network, and the loop would wait for the answer.
            server.bind((str(ipaddress.ip_address(host)), int(port)))
            server.listen(CONNECTIONS_MAX)
        except (OSError, ValueError, OverflowError) as error:
            server.close()
            number = getattr(error, "errno", None) or 0
            self.because = f"{self.name} {PLAIN.get(number, f'cannot be listened on: {error}')}"
            return
        self._server, self._epoll, self.because = server, select.epoll(), ""
        self._epoll.register(server.fileno(), select.EPOLLIN)

    def _accept(self, server: socket.socket) -> None:
        for _ in range(ACCEPTS_PER_TURN):
            try:
                line, address = server.accept()
            except OSError:  # nobody left, gone already, or no descriptor free
                return
            if not self._allowed(address[0]):
                self.dropped += 1
                line.close()
                continue
            if len(self._callers) >= CONNECTIONS_MAX:
                self._end(min(self._callers.values(), key=lambda each: each.until_ms))
            line.setblocking(False)
            caller = Caller(line, self._clock.elapsed_ms() + self._request_ms, self._max_body_bytes)
            self._callers[line.fileno()] = caller
            self._poll().register(line.fileno(), select.EPOLLIN)

    def _allowed(self, host: str) -> bool:
        address = ipaddress.ip_address(host.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        return not self._allow or any(address in network for network in self._allow)

    def _hear(self, caller: Caller) -> list[tuple[float, Request]]:
        try:
            data = caller.line.recv(READ_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if caller.answered or not data:
            if not data:
                self._end(caller)
            return []
        whole = caller.take(data)
        if caller.wrong:
            self._reply(caller, caller.wrong, b'{"status":1}')
            self.dropped += 1
        if not whole:
            return []
        self._count += 1
        caller.number = self._count
        self._waiting[self._count] = caller
        self._poll().modify(caller.line.fileno(), 0)
        return [(self._clock.elapsed_ms(), Request(self._count, caller.path, bytes(caller.body)))]

    def _reply(self, caller: Caller, status: int, body: bytes) -> None:
        """Into the socket's own buffer, which holds far more than an answer; what does not fit is lost."""
        caller.answered, caller.until_ms = True, self._clock.elapsed_ms() + LINGER_MS
        caller.body.clear()
        try:
            data = caller.spoken(status, body)
            whole = caller.line.send(data) == len(data)
            caller.line.shutdown(socket.SHUT_WR)
            self._poll().modify(caller.line.fileno(), select.EPOLLIN)
        except (OSError, h11.LocalProtocolError):
            whole = False
        if not whole:
            self.dropped += 1
            self._hang_up(caller)

    def _hang_up_late(self) -> None:
        now_ms = self._clock.elapsed_ms()
        for caller in [each for each in self._callers.values() if each.until_ms <= now_ms]:
            self._end(caller)

    def _end(self, caller: Caller) -> None:
        """Hang up; count who goes without an answer."""
        self.dropped += not caller.answered
        self._hang_up(caller)

    def _hang_up(self, caller: Caller) -> None:
        fd = caller.line.fileno()
        if self._callers.pop(fd, None) is None:
            return
        self._waiting.pop(caller.number, None)
        with contextlib.suppress(OSError):
            self._poll().unregister(fd)
        caller.line.close()

    def _poll(self) -> select.epoll:
        assert self._epoll is not None
        return self._epoll


class Caller:
    """One connection: its bytes become at most one request."""

    def __init__(self, line: socket.socket, until_ms: float, max_body_bytes: int) -> None:
        self.line, self.until_ms = line, until_ms
        self.path = ""
        self.body = bytearray()
        self.number = 0
        self.wrong = 0
        """The HTTP status that says why this is no request for us."""
        self.answered = False
        self._max_body_bytes = max_body_bytes
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADER_BYTES_MAX)

    def take(self, data: bytes) -> bool:
        """True when the request is whole."""
        try:
            self._http.receive_data(data)
            while not self.wrong:
                event = self._http.next_event()
                if event in (h11.NEED_DATA, h11.PAUSED):
                    break
                if isinstance(event, h11.EndOfMessage):
                    return True
                self._note(event)
            self._invite()
        except h11.RemoteProtocolError as error:
            self.wrong = error.error_status_hint
        except ValueError:  # a length of thousands of digits
            self.wrong = 400
        return False

    def _note(self, event: Any) -> None:
        if isinstance(event, h11.Request):
            self.path = event.target.decode("ascii", "replace")[:200]
            lengths = [int(value) for name, value in event.headers if name == b"content-length"]
            self.wrong = (
                405 if event.method != b"POST" else 413 if max(lengths, default=0) > self._max_body_bytes else 0
            )
        elif isinstance(event, h11.Data):
            self.body += event.data
            self.wrong = 413 if len(self.body) > self._max_body_bytes else 0
        else:
            self.wrong = 400

    def _invite(self) -> None:
        """Some clients ask before they send a long body."""
        if not self.wrong and self._http.they_are_waiting_for_100_continue:
            with contextlib.suppress(OSError):
                self.line.send(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")

    def spoken(self, status: int, body: bytes) -> bytes:
        """The answer's bytes. h11.LocalProtocolError where the connection is past answering."""
        headers = [*JSON, ("Content-Length", str(len(body)))]
        parts = (h11.Response(status_code=status, headers=headers), h11.Data(data=body), h11.EndOfMessage())
        return b"".join(self._http.send(part) or b"" for part in parts)
