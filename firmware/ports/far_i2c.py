"""The far end of `i2c_bus`: a bus of simulated devices behind a unix socket, each at its address."""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Callable
from pathlib import Path

import msgspec

from firmware.ports.i2c_bus import LINE_BYTES_MAX, Answered, Asked
from sensors.driver import Raw, ReadWord, Reply, Transfer

CALLERS_MAX = 32


class FarI2c:
    """Who plays the devices takes their questions from `read` and answers each, or says that nobody is there."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.dropped = 0
        """Questions nobody could read, and answers nobody waited for."""
        self.path.unlink(missing_ok=True)
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(path)
        self._server.listen(CALLERS_MAX)
        self._server.setblocking(False)
        self._epoll = select.epoll()
        self._epoll.register(self._server, select.EPOLLIN)
        self._callers: dict[int, tuple[socket.socket, bytearray]] = {}
        self._waiting: dict[int, socket.socket] = {}
        """By address: who asked the device last."""

    def fileno(self) -> int:
        """Readable when `read` has something to do."""
        return self._epoll.fileno()

    def read(self) -> list[tuple[int, Transfer | ReadWord]]:
        """The questions that have come whole, with the address each goes to."""
        asked: list[tuple[int, Transfer | ReadWord]] = []
        for fd, _ in self._epoll.poll(0):
            if fd == self._server.fileno():
                self._accept()
            elif fd in self._callers:
                asked += self._hear(*self._callers[fd])
        return asked

    def device(self, address: int) -> Callable[[Raw], None]:
        """The cable of the device at this address: it takes its replies."""
        return lambda raw: self._answer(address, Answered(raw.data.hex())) if isinstance(raw, Reply) else None

    def nobody(self, address: int) -> None:
        """No device acknowledged what came for this address."""
        self._answer(address, Answered(nack=True))

    def close(self) -> None:
        for caller in (*(line for line, _ in self._callers.values()), *self._waiting.values(), self._server):
            caller.close()
        self._epoll.close()
        self.path.unlink(missing_ok=True)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            line, _ = self._server.accept()
            line.setblocking(False)
            if len(self._callers) >= CALLERS_MAX:
                line.close()
                return
            self._callers[line.fileno()] = line, bytearray()
            self._epoll.register(line, select.EPOLLIN)

    def _hear(self, line: socket.socket, heard: bytearray) -> list[tuple[int, Transfer | ReadWord]]:
        try:
            piece = line.recv(LINE_BYTES_MAX)
        except OSError:
            piece = b""
        heard += piece
        if piece and not heard.endswith(b"\n") and len(heard) < LINE_BYTES_MAX:
            return []
        self._callers.pop(line.fileno())
        self._epoll.unregister(line)
        question = _question(bytes(heard))
        if question is None:
            self.dropped += bool(heard)
            line.close()
            return []
        if (before := self._waiting.pop(question[0], None)) is not None:
            before.close()
        self._waiting[question[0]] = line
        return [question]

    def _answer(self, address: int, answer: Answered) -> None:
        line = self._waiting.pop(address, None)
        if line is None:
            self.dropped += 1
            return
        try:
            line.send(msgspec.json.encode(answer) + b"\n")
        except OSError:
            self.dropped += 1
        line.close()


def _question(heard: bytes) -> tuple[int, Transfer | ReadWord] | None:
    try:
        asked = msgspec.json.decode(heard, type=Asked)
        if asked.word is not None:
            return asked.address, ReadWord(asked.word)
        return asked.address, Transfer(bytes.fromhex(asked.write or ""), asked.read, asked.wait_ms)
    except ValueError:
        return None
