"""The other side of a device's mock pins: listens at the socket `HALLGATE_PINS` names and holds each wire's level."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec

from firmware.ports.far_pins import LINE_BYTES_MAX, PinLevel


class PinWires:
    """One device at a time: a new connection (the device was restarted) takes the place of the old one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environment = {"HALLGATE_PINS": f"unix:{path}"}
        self.levels: dict[int, int] = {}
        """What we drive, by BCM number."""
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.setblocking(False)
        self.listener.bind(str(path))
        self.listener.listen(4)
        self.device: socket.socket | None = None
        self._heard = bytearray()
        self._decoder = msgspec.json.Decoder(PinLevel)

    def accept(self) -> socket.socket | None:
        """The device calls: tell it every level at once. Answers the connection."""
        with contextlib.suppress(BlockingIOError):
            device, _ = self.listener.accept()
            self.drop()
            device.setblocking(False)
            self.device = device
            for pin, level in self.levels.items():
                self._send(pin, level)
            return self.device
        return None

    def drive(self, pin: int, level: int) -> None:
        self.levels[pin] = level
        self._send(pin, level)

    def read(self) -> Iterator[PinLevel]:
        """Changes of the device's outputs. `device` is None afterwards when it went away."""
        piece = self._receive()
        if piece is None:
            return
        *lines, rest = bytes(self._heard + piece).split(b"\n")
        self._heard[:] = rest[:LINE_BYTES_MAX]
        for line in lines:
            with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
                yield self._decoder.decode(line)

    def drop(self) -> None:
        """The connection, if there is one, ends; the levels stay for the next."""
        device, self.device = self.device, None
        self._heard.clear()
        if device is not None:
            device.close()

    def close(self) -> None:
        self.drop()
        self.listener.close()
        self.path.unlink(missing_ok=True)

    def _receive(self) -> bytes | None:
        if self.device is None:
            return None
        try:
            piece = self.device.recv(65_536)
        except BlockingIOError:
            return None
        except OSError:
            piece = b""
        if not piece:
            self.drop()
            return None
        return piece

    def _send(self, pin: int, level: int) -> None:
        if self.device is not None:
            with contextlib.suppress(OSError):
                self.device.send(b'{"pin":%d,"level":%d}\n' % (pin, level))
