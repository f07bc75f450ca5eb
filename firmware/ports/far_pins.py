"""The far end of mock pins: a unix socket, JSON lines `{"pin": 17, "level": 1}` in both directions.

Towards us a line drives an input; from us every change of an output is reported, and a new far end gets the level of
every output at once. `HALLGATE_PINS=unix:PATH` names the socket. Somebody who listens at PATH when we start is
connected to, and connected to again when they went away; otherwise we listen there, and any number may come.

One thread does all the reading, so that an edge is stamped when it arrives and not when the loop has time.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
from collections.abc import Callable
from typing import Literal

import msgspec

RETRY_S = 0.2
LINE_BYTES_MAX = 4_096
CLIENTS_MAX = 16


class PinLevel(msgspec.Struct, frozen=True):
    """One line. `pin` is the BCM number, `level` the electrical level."""

    pin: int
    level: Literal[0, 1]


class FarPins:
    """The socket of one process, shared by all its pins. `drive(pin, level)` is called from the reading thread."""

    def __init__(self, path: str, drive: Callable[[int, int], None]) -> None:
        self.path = path
        self.bad_lines = 0
        self._drive = drive
        self._decoder = msgspec.json.Decoder(PinLevel)
        self._lock = threading.Lock()
        self._outputs: dict[int, int] = {}
        self._clients: dict[socket.socket, bytearray] = {}
        self._selector = selectors.DefaultSelector()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._listener: socket.socket | None = None
        self._inode = 0
        self._stopping = False
        self._calls_out = self._connect()
        if not self._calls_out:
            self._listen()
        self._thread = threading.Thread(target=self._serve, name="far-pins", daemon=True)
        self._thread.start()

    def report(self, pin: int, level: int) -> None:
        """Tell every far end an output's level. Never blocks; one that does not read is dropped."""
        line = b'{"pin":%d,"level":%d}\n' % (pin, level)
        with self._lock:
            self._outputs[pin] = level
            for client in list(self._clients):
                self._send(client, line)

    def close(self) -> None:
        """Stop the thread and take the socket away. May be called twice."""
        if self._stopping:
            return
        self._stopping = True
        os.eventfd_write(self._wake, 1)
        self._thread.join(timeout=2)
        with self._lock:
            for client in list(self._clients):
                self._drop(client)
        self._stop_listening()
        self._selector.close()
        os.close(self._wake)

    # ------------------------------------------------------------ the reading thread

    def _serve(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select(RETRY_S):
                if key.fileobj is self._listener:
                    self._accept()
                elif isinstance(key.fileobj, socket.socket):
                    self._receive(key.fileobj)
            if not self._stopping:
                self._look_after_the_path()

    def _look_after_the_path(self) -> None:
        """Call again a far end that went away; go over to one that took our path; come back when it was deleted."""
        if self._calls_out:
            if not self._clients:
                self._connect()
        elif self._inode_at_path() != self._inode:
            self._stop_listening()
            self._calls_out = self._connect()
            if not self._calls_out:
                self._listen()

    def _connect(self) -> bool:
        far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            far.connect(self.path)
        except OSError:
            far.close()
            return False
        self._welcome(far)
        return True

    def _listen(self) -> None:
        """Bind where nobody answers; a socket file that a killed process left behind goes first."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
            listener.bind(self.path)
            listener.listen(CLIENTS_MAX)
        except OSError:
            listener.close()
            self._inode = -1
            return
        self._listener, self._inode = listener, self._inode_at_path()
        self._selector.register(listener, selectors.EVENT_READ)

    @property
    def usable(self) -> bool:
        """False when nobody listens at the path and we cannot either."""
        return self._calls_out or self._listener is not None

    def _stop_listening(self) -> None:
        listener, self._listener = self._listener, None
        if listener is None:
            return
        self._selector.unregister(listener)
        listener.close()
        if self._inode_at_path() == self._inode:
            with contextlib.suppress(OSError):
                os.unlink(self.path)

    def _inode_at_path(self) -> int:
        try:
            return os.stat(self.path).st_ino
        except OSError:
            return 0

    def _accept(self) -> None:
        assert self._listener is not None
        with contextlib.suppress(OSError):
            far, _ = self._listener.accept()
            if len(self._clients) < CLIENTS_MAX:
                self._welcome(far)
            else:
                far.close()

    def _welcome(self, far: socket.socket) -> None:
        far.setblocking(False)
        with self._lock:
            self._clients[far] = bytearray()
            self._selector.register(far, selectors.EVENT_READ)
            for pin, level in self._outputs.items():
                self._send(far, b'{"pin":%d,"level":%d}\n' % (pin, level))

    def _receive(self, far: socket.socket) -> None:
        try:
            piece = far.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        buffer = self._clients.get(far)
        if buffer is None:
            return
        if not piece:
            with self._lock:
                self._drop(far)
            return
        *lines, rest = bytes(buffer + piece).split(b"\n")
        for line in lines:
            self._understand(line)
        buffer[:] = rest
        if len(buffer) > LINE_BYTES_MAX:
            self.bad_lines += 1
            buffer.clear()

    def _understand(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            word = self._decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self.bad_lines += 1
            return
        self._drive(word.pin, word.level)

    # ------------------------------------------------------------ with the lock held

    def _send(self, far: socket.socket, line: bytes) -> None:
        try:
            whole = far.send(line) == len(line)
        except OSError:
            whole = False
        if not whole:
            self._drop(far)

    def _drop(self, far: socket.socket) -> None:
        if self._clients.pop(far, None) is not None:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(far)
            far.close()
