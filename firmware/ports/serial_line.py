"""A serial line: any tty, a pty included.

pyserial opens and configures it (it knows odd speeds such as 256000 through BOTHER); the bytes then travel by plain
`os.read` and `os.write` on the descriptor, because pyserial's `readline` costs 57 system calls where one is enough.

- One process at a time: `flock`, and TIOCEXCL on real ttys. Not on a pty: there the flag outlives a killed process.
- The path may be a link (`/dev/serial/by-path/...`); it is followed at every opening, so a re-plugged device is found.
- On the first I/O error the descriptor is closed at once, otherwise the kernel gives the device a new number.
- Nothing old gets in: what lay in the input before the opening is thrown away, except after a re-plug, where it can be
  no older than our last try. Nothing old gets out: an order never waits for a re-plug, and at most a second for room.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import termios
from typing import Literal

import serial

from firmware.clock import Clock
from sensors.driver import ToDevice

RETRY_MS = 1_000
READ_BYTES = 4_096
"""At one time. A babbling device gets its turn like every other one; what it has left is read after theirs."""
PENDING_BYTES_MAX = 4_096
PENDING_MS_MAX = 1_000
PENDING_RETRY_MS = 5
PTY_MAJORS = range(136, 144)
GONE = (errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EIO)

Parity = Literal["N", "E", "O"]


class SerialPort:
    """The near end of one serial line. 8 data bits; `parity` and `stop_bits` (1 or 2) as the device wants them.

    `control_lines` is what DTR and RTS are set to at the opening (a USB stick may reset the board behind them).
    The constructor tries to open once; a device that is not there makes the port absent (`because` says why).
    """

    def __init__(
        self,
        path: str,
        baud: int,
        clock: Clock,
        *,
        parity: Parity = "N",
        stop_bits: int = 1,
        control_lines: bool = True,
    ) -> None:
        self.name = path
        self.dropped = 0
        """Orders (whole writes) that did not reach the wire."""
        self.because = ""
        """Why the port is absent, for a technician; empty while it is open."""
        self.openings = 0
        self._clock = clock
        self._how = {"baudrate": baud, "parity": parity, "stopbits": stop_bits}
        self._control_lines = control_lines
        self._fd = -1
        self._pending = bytearray()
        self._pending_since_ms = 0.0
        self._gone_since_ms: float | None = None
        self._retry_ms = 0.0
        self._closed = False
        self._open(clock.elapsed_ms())

    def fileno(self) -> int:
        return self._fd

    def read(self) -> list[tuple[float, bytes]]:
        """The bytes there are now (at most 4 KiB) with their elapsed time in ms; nothing: an empty list."""
        try:
            piece = os.read(self._fd, READ_BYTES) if self._fd >= 0 else None
        except BlockingIOError:
            return []
        except OSError as error:
            self._lose(error)
            return []
        if piece == b"":
            self._lose(OSError(errno.EIO, "unplugged"))
        return [(self._clock.elapsed_ms(), piece)] if piece else []

    def write(self, raw: ToDevice) -> None:
        """Whole or not at all: what does not fit into the line's buffer and 4 KiB more is dropped and counted."""
        if not isinstance(raw, bytes) or not raw:
            return
        if self._fd < 0 or len(self._pending) + len(raw) > PENDING_BYTES_MAX + READ_BYTES:
            self.dropped += 1
        elif self._pending:
            self._queue(raw)
        else:
            self._queue(raw[self._push(raw) :])

    def tend(self, t_ms: float) -> float | None:
        """Open again when it is time; push what the line had no room for. Answers when to be called next."""
        if self._closed:
            return None
        if self._fd < 0:
            if t_ms >= self._retry_ms:
                self._open(t_ms)
            return None if self._fd >= 0 else self._retry_ms
        return self._tend_pending(t_ms)

    def close(self) -> None:
        self._closed = True
        self._drop_descriptor()

    # ------------------------------------------------------------ inside

    def _open(self, t_ms: float) -> None:
        self._retry_ms = t_ms + RETRY_MS
        try:
            self._fd = self._configured_descriptor()
        except OSError as error:  # serial.SerialException is one
            self.because = _plain(error, self.name)
            self._gone_since_ms = t_ms if error.errno in GONE else None
            return
        gone = self._gone_since_ms
        if gone is None or t_ms - gone > 2.5 * RETRY_MS:
            with contextlib.suppress(termios.error):
                termios.tcflush(self._fd, termios.TCIFLUSH)
        self.because, self._gone_since_ms = "", None
        self.openings += 1

    def _configured_descriptor(self) -> int:
        """Open, lock, set up; pyserial's own four pipe ends are not needed and go. Raises only OSError."""
        # An inter-byte timeout below 0.1 s makes pyserial set VMIN = 1, VTIME = 0: "nothing there" then reads as EAGAIN
        # and can be told from the empty string of a line that is gone.
        line = _Line(None, timeout=0, inter_byte_timeout=0.01, exclusive=True, **self._how)
        line.port = self.name
        line.dtr = line.rts = self._control_lines
        try:
            line.open()
            with contextlib.suppress(OSError, ValueError):  # USB sticks otherwise hold bytes back for 16 ms
                line.set_low_latency_mode(True)
            if os.major(os.fstat(line.fd).st_rdev) not in PTY_MAJORS:
                fcntl.ioctl(line.fd, termios.TIOCEXCL)
            return os.dup(line.fd)
        except (OSError, ValueError, termios.error) as error:
            raise OSError(_number(error), str(error)) from None
        finally:
            line.close()

    def _push(self, raw: bytes | bytearray) -> int:
        """Bytes the line took now."""
        try:
            return os.write(self._fd, raw)
        except BlockingIOError:
            return 0
        except OSError as error:
            self.dropped += 1
            self._lose(error)
            return len(raw)

    def _queue(self, rest: bytes) -> None:
        if rest:
            if not self._pending:
                self._pending_since_ms = self._clock.elapsed_ms()
            self._pending += rest

    def _tend_pending(self, t_ms: float) -> float | None:
        if self._pending:
            taken = self._push(self._pending)
            del self._pending[:taken]
            if taken:
                self._pending_since_ms = t_ms
            elif t_ms - self._pending_since_ms > PENDING_MS_MAX:
                self.dropped += 1
                self._pending.clear()
        return t_ms + PENDING_RETRY_MS if self._pending else None

    def _lose(self, error: OSError) -> None:
        self._drop_descriptor()
        self.because = _plain(error, self.name)
        self._gone_since_ms = self._clock.elapsed_ms()
        self._retry_ms = max(self._retry_ms, self._gone_since_ms)

    def _drop_descriptor(self) -> None:
        if self._pending:
            self.dropped += 1
            self._pending.clear()
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            with contextlib.suppress(OSError):
                os.close(fd)


class _Line(serial.Serial):  # type: ignore[misc]
    """pyserial without its flush at the opening: whether to flush is decided here."""

    def _reset_input_buffer(self) -> None:
        return


def _number(error: BaseException) -> int:
    """The errno behind pyserial's error, which for a failed set-up is only in what caused it."""
    for each in (error, error.__context__):
        if each is not None and each.args and isinstance(each.args[0], int):
            return each.args[0]
    return errno.EINVAL


def _plain(error: OSError, path: str) -> str:
    words = {
        errno.ENOENT: "is not plugged in",
        errno.ENODEV: "is not plugged in",
        errno.ENXIO: "is not plugged in",
        errno.EIO: "was unplugged",
        errno.ENOTTY: "is no serial line",
        errno.EAGAIN: "is used by another process",
        errno.EBUSY: "is used by another process",
        errno.EACCES: "may not be opened by this user (is it in the group dialout?)",
        errno.EPERM: "may not be opened by this user (is it in the group dialout?)",
    }
    return f"{path} {words.get(error.errno or 0, f'cannot be used: {error}')}"
