"""The far end of `http_push`: a device that posts, each request on a connection of its own, and hears the answer."""

from __future__ import annotations

import contextlib
import errno
import select
import socket
from dataclasses import dataclass, field

from sensors.driver import Answer, Raw, Request

LINES_MAX = 16
HEARD_BYTES_MAX = 65_536


@dataclass
class _Line:
    number: int
    socket: socket.socket
    unsent: bytes
    heard: bytearray = field(default_factory=bytearray)


class FarHttp:
    """`address`: where the near end listens. Nothing waits: who is not there is not told, and that is counted."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)
        self.dropped = 0
        """Requests that got no answer."""
        self._epoll = select.epoll()
        self._lines: dict[int, _Line] = {}

    def fileno(self) -> int:
        """Readable when `read` has something to do."""
        return self._epoll.fileno()

    def write(self, raw: Raw) -> None:
        """Post a request; anything else (noise for the cable) is sent as it is."""
        if not isinstance(raw, Request | bytes):
            return
        if len(self._lines) >= LINES_MAX:
            self._lose(next(iter(self._lines.values())))
        line = socket.socket(socket.AF_INET6 if ":" in self._host else socket.AF_INET, socket.SOCK_STREAM)
        line.setblocking(False)
        if line.connect_ex((self._host, self._port)) not in (0, errno.EINPROGRESS):
            self.dropped += 1
            line.close()
            return
        number = raw.number if isinstance(raw, Request) else 0
        self._lines[line.fileno()] = _Line(number, line, raw if isinstance(raw, bytes) else _post(raw, self._host))
        self._epoll.register(line.fileno(), select.EPOLLOUT)

    def read(self) -> list[Answer]:
        """The answers that have come whole: the near end hangs up behind each."""
        answers = []
        for fd, happened in self._epoll.poll(0):
            line = self._lines[fd]
            try:
                if happened & select.EPOLLOUT:
                    self._send(line)
                elif self._ended(line):
                    answers += self._answer(line)
            except OSError:
                self._lose(line)
        return answers

    def close(self) -> None:
        for line in list(self._lines.values()):
            self._drop(line)
        self._epoll.close()

    def _send(self, line: _Line) -> None:
        line.unsent = line.unsent[line.socket.send(line.unsent) :]
        if not line.unsent:
            self._epoll.modify(line.socket.fileno(), select.EPOLLIN)

    def _ended(self, line: _Line) -> bool:
        data = line.socket.recv(HEARD_BYTES_MAX)
        line.heard += data
        return not data or len(line.heard) > HEARD_BYTES_MAX

    def _answer(self, line: _Line) -> list[Answer]:
        head, _, body = bytes(line.heard).partition(b"\r\n\r\n")
        words = head.split(b" ", 2)
        if len(words) < 3 or not words[1].isdigit():
            self._lose(line)
            return []
        self._drop(line)
        return [Answer(line.number, body, int(words[1]))]

    def _lose(self, line: _Line) -> None:
        self.dropped += 1
        self._drop(line)

    def _drop(self, line: _Line) -> None:
        self._lines.pop(line.socket.fileno(), None)
        with contextlib.suppress(OSError):
            self._epoll.unregister(line.socket.fileno())
        line.socket.close()


def _post(request: Request, host: str) -> bytes:
    head = f"POST {request.path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    return head.encode() + f"Content-Length: {len(request.body)}\r\n\r\n".encode() + request.body
