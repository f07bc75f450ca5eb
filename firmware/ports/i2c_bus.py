"""One device on an I2C bus: questions in, its answers out.

The kernel lets the caller wait while a chip stretches its clock or a hung bus times out (a second at the Pi), too long
for the loop, so each device has a small thread that asks; smbus2 makes the calls, which let the interpreter go.

- One question at a time. A newer one takes the place of the one before: whoever asked that has given it up, and what
  comes late for it is dropped and counted. So no answer can be taken for another's.
- Nobody at the address and every error of the bus is no answer: the decoder notices by its own patience, `dropped` counts.
- The bus is opened for each question. A descriptor that is kept holds the kernel's adapter: a USB one that is pulled out
  would hang until we let go, and would never come back under its name.

`port = "/dev/i2c-1"`: a bus of the kernel. `port = "unix:PATH"`: a socket, for simulation (`far_i2c.py` listens there):
a line of JSON `{"address": 98, "write": "ec05", "read": 9}` or `{"address": 90, "word": 7}` asks, `{"data": "..."}` or
`{"nack": true}` answers, one question to a connection.
Tested on: the kernel's own i2c-stub (SMBus words), the socket (everything).
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

import msgspec
from smbus2 import SMBus, i2c_msg
from smbus2.smbus2 import I2cFunc

from firmware.clock import Clock
from sensors.driver import ReadWord, Reply, ToDevice, Transfer

RETRY_MS = 1_000.0
I2C_MAJOR = 89
CLOSE_S = 0.3
"""A hung bus must not hold up the end: a whole door leaves within two seconds, and the thread ends with the process."""
TRANSFER_BYTES_MAX = 8_192
"""What the kernel takes in one message."""
SOCKET_S = 1.0
LINE_BYTES_MAX = 32_768
UNIX = "unix:"

Pause = Callable[[float], object]
"""Let so many seconds pass, or fewer when the port closes."""


class BusGone(Exception):
    """There is no bus; the message is for a technician."""


class Bus(Protocol):
    def look(self) -> None:
        """BusGone when it is not there."""
        ...

    def ask(self, address: int, question: Transfer | ReadWord, pause: Pause) -> bytes:
        """The answer's bytes. BusGone without a bus; OSError or ValueError when nobody answers or it cannot be asked."""
        ...


class I2cPort:
    """The near end of one device. The bus is looked for at once, so that `because` can say what is wrong with it."""

    def __init__(self, path: str, address: int, clock: Clock) -> None:
        self.name = f"{path} 0x{address:02x}"
        self.dropped = 0
        """Questions that got no answer: nobody there, an error of the bus, or given up for a newer one."""
        self.because = ""
        """Why the bus is absent, for a technician; empty while it is there."""
        self._address, self._clock = address, clock
        self._bus: Bus = SocketBus(path.removeprefix(UNIX)) if path.startswith(UNIX) else KernelBus(path)
        self._lock = threading.Condition()
        self._question: Transfer | ReadWord | None = None
        self._number = 0
        """Of the newest question: the thread's answer to an older one is none."""
        self._answers: deque[tuple[float, Reply]] = deque()
        self._bug: BaseException | None = None
        self._gone = ""
        """What the thread found out about the bus and the loop has not heard yet."""
        self._here = False
        self._retry_ms = 0.0
        self._stop = threading.Event()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._look(clock.elapsed_ms())
        self._thread = threading.Thread(target=self._work, name=f"i2c {self.name}", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        return self._wake if self._here and not self._stop.is_set() else -1

    def read(self) -> list[tuple[float, Reply]]:
        """The answer that has come, with the time it was there. Raises only what was a bug in here."""
        if self._stop.is_set():
            return []
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        if self._bug is not None:
            raise RuntimeError(f"asking {self.name} failed") from self._bug
        with self._lock:
            answers, gone = list(self._answers), self._gone
            self._answers.clear()
            self._gone = ""
        if gone:
            self._here, self.because, self._retry_ms = False, gone, self._clock.elapsed_ms() + RETRY_MS
        return answers

    def write(self, raw: ToDevice) -> None:
        """Ask. Nothing happens while the bus is absent; a question before it that is still open is given up."""
        if not isinstance(raw, Transfer | ReadWord) or self._stop.is_set():
            return
        with self._lock:
            self.dropped += len(self._answers) + (self._question is not None) + (not self._here)
            self._answers.clear()
            self._question = raw if self._here else None
            self._number += 1
            self._lock.notify()

    def tend(self, t_ms: float) -> float | None:
        """Look for an absent bus, every second."""
        if self._stop.is_set():
            return None
        if not self._here and t_ms >= self._retry_ms:
            self._look(t_ms)
        return None if self._here else self._retry_ms

    def close(self) -> None:
        if self._stop.is_set():
            return
        self._stop.set()
        with self._lock:
            self._lock.notify()
        self._thread.join(CLOSE_S)
        if not self._thread.is_alive():  # otherwise it may still write to the descriptor
            os.close(self._wake)

    def _look(self, t_ms: float) -> None:
        self._retry_ms = t_ms + RETRY_MS
        try:
            self._bus.look()
        except BusGone as gone:
            self.because = str(gone)
        else:
            self._here, self.because = True, ""

    # ---- the thread

    def _work(self) -> None:
        while (asked := self._next()) is not None:
            question, number = asked
            try:
                data = self._bus.ask(self._address, question, self._stop.wait)
            except BusGone as gone:
                self._tell(number, gone=str(gone))
            except (OSError, ValueError):
                self._tell(number)
            except BaseException as bug:  # handed to the loop, which must not go on blind
                self._bug = bug
                self._tell(number, gone=str(bug))
                return
            else:
                self._tell(number, (self._clock.elapsed_ms(), Reply(question, data)))

    def _next(self) -> tuple[Transfer | ReadWord, int] | None:
        """Wait for a question; None at the end."""
        with self._lock:
            self._lock.wait_for(lambda: self._question is not None or self._stop.is_set())
            question, self._question = self._question, None
            return None if question is None or self._stop.is_set() else (question, self._number)

    def _tell(self, number: int, answer: tuple[float, Reply] | None = None, gone: str = "") -> None:
        with self._lock:
            fresh = answer is not None and number == self._number
            if answer is not None and fresh:
                self._answers.append(answer)
            else:
                self.dropped += 1
            self._gone = gone or self._gone
            if fresh or gone:
                os.eventfd_write(self._wake, 1)


# ---------------------------------------------------------------- buses


class KernelBus:
    """`/dev/i2c-N`. At the Pi the bus is on after `dtparam=i2c_arm=on`, and the module i2c-dev makes the file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def look(self) -> None:
        self._opened().close()

    def ask(self, address: int, question: Transfer | ReadWord, pause: Pause) -> bytes:
        with self._opened() as bus:
            if isinstance(question, ReadWord):
                if bus.funcs & I2cFunc.SMBUS_PEC:
                    bus.enable_pec(True)
                return bus.read_word_data(address, question.register).to_bytes(2, "little")
            return _transferred(bus, address, question, pause)

    def _opened(self) -> SMBus:
        try:
            about = os.stat(self._path)
            # Another kind of device is not opened at all: a tty would wait for its modem lines.
            if not stat.S_ISCHR(about.st_mode) or os.major(about.st_rdev) != I2C_MAJOR:
                raise BusGone(f"{self._path} is no I2C bus")
            return SMBus(self._path)
        except OSError as error:
            raise BusGone(_plain(error, self._path)) from None


def _transferred(bus: SMBus, address: int, question: Transfer, pause: Pause) -> bytes:
    if max(len(question.write), question.read) > TRANSFER_BYTES_MAX or question.read < 0:
        raise ValueError("longer than a message can be")
    out = [i2c_msg.write(address, question.write)] if question.write else []
    back = i2c_msg.read(address, question.read) if question.read else None
    if out and back and question.wait_ms > 0:
        bus.i2c_rdwr(*out)
        pause(question.wait_ms / 1000)
        out = []
    bus.i2c_rdwr(*out, *([back] if back else []))
    return bytes(back) if back else b""


class Asked(msgspec.Struct, frozen=True, omit_defaults=True):
    """A question as the socket has it: `write` in hexadecimal digits, or `word`, a register."""

    address: int
    write: str | None = None
    read: int = 0
    wait_ms: float = 0.0
    word: int | None = None


class Answered(msgspec.Struct, frozen=True, omit_defaults=True):
    data: str = ""
    nack: bool = False


class SocketBus:
    """A bus of simulated devices behind a unix socket."""

    def __init__(self, path: str) -> None:
        self._path = path

    def look(self) -> None:
        self._connected().close()

    def ask(self, address: int, question: Transfer | ReadWord, pause: Pause) -> bytes:
        asked = (
            Asked(address, word=question.register)
            if isinstance(question, ReadWord)
            else Asked(address, question.write.hex(), question.read, question.wait_ms)
        )
        with self._connected() as line:
            line.sendall(msgspec.json.encode(asked) + b"\n")
            answer = msgspec.json.decode(_line(line), type=Answered)
        if answer.nack:
            raise OSError(errno.EREMOTEIO, "nobody acknowledged")
        return bytes.fromhex(answer.data)

    def _connected(self) -> socket.socket:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.settimeout(SOCKET_S)
        try:
            line.connect(self._path)
        except OSError as error:
            line.close()
            raise BusGone(_plain(error, self._path)) from None
        return line


def _line(line: socket.socket) -> bytes:
    heard = bytearray()
    while not heard.endswith(b"\n"):
        piece = line.recv(4_096)
        heard += piece
        if not piece or len(heard) > LINE_BYTES_MAX:
            raise OSError(errno.EIO, "no whole answer")
    return bytes(heard)


def _plain(error: OSError, path: str) -> str:
    words = {
        errno.ENOENT: "is not there (is I2C switched on, is the module i2c-dev loaded?)",
        errno.ENODEV: "is not there (was its adapter pulled out?)",
        errno.ENXIO: "is not there (was its adapter pulled out?)",
        errno.ECONNREFUSED: "is not listened on",
        errno.EACCES: "may not be opened by this user (is it in the group i2c?)",
        errno.EPERM: "may not be opened by this user (is it in the group i2c?)",
    }
    return f"{path} {words.get(error.errno or 0, f'cannot be used: {error}')}"
