"""A camera, and the decoding of its pictures beside the loop.

Finding a code takes 1 to 60 ms, too long for the loop, so a camera port has its own thread that fetches the latest
picture, lets the driver's decoder look at it, and hands over finished readings: `read` gives readings, and the line's
speaker in the loop is `Told`, which only passes them on. zxing-cpp and zbar release the interpreter while they work, so
the loop runs on meanwhile (longest gap seen beside a 58 ms look: 6 ms). Pictures that came during a look are dropped and
counted: only the latest one matters.

`port = "picamera2"` or `"picamera2:1"`: the Pi's camera, by python3-picamera2 from apt, imported on use.
`port = "unix:PATH"` (or `HALLGATE_CAMERA=unix:PATH`, which beats the site file): pictures from a socket, for simulation;
whoever plays the camera listens at PATH (`FarCamera`) and sends `width u32 | height u32 | luma`, little endian.
Tested on: the socket; picamera2 only on a stand-in with its interface, no camera was at hand.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from firmware.clock import Clock
from firmware.errors import Mistake
from sensors.driver import Decoder, Frame, Raw, Send, ToDevice
from sensors.readings import AnyReading

RETRY_MS = 1_000.0
LOOK_UP_S = 0.2
"""How long the thread waits for a picture before it sees whether it is to stop."""
READINGS_MAX = 64
PIXELS_MAX = 16_000_000
HEAD = struct.Struct("<II")
PI_SIZE = (1280, 960)
PI_FRAMES_PER_SECOND = 10


class Source(Protocol):
    """Where pictures come from. Everything that goes wrong is an OSError."""

    def open(self) -> None: ...

    def latest(self, timeout_s: float) -> tuple[Frame | None, int]:
        """Return the newest picture, None if none came in time, and how many older ones were left out."""
        ...

    def close(self) -> None: ...


class Told:
    """The speaker of a line whose port has already understood: readings in, the same readings out."""

    wake_at_ms: float | None = None

    def feed(self, raw: Any, t_ms: float) -> list[AnyReading | Send]:
        return [raw]

    def tick(self, t_ms: float) -> list[AnyReading | Send]:
        return []


class CameraPort:
    """The near end: a `Port` whose `read` gives readings instead of raw pictures. The thread starts at once."""

    def __init__(self, name: str, source: Source, decoder: Decoder, clock: Clock) -> None:
        self.name = name
        self.dropped = 0
        """Pictures left out because a newer one was there, and readings nobody fetched."""
        self.because = ""
        """Why the camera is absent."""
        self._source, self._decoder, self._clock = source, decoder, clock
        self._readings: deque[tuple[float, Any]] = deque()
        self._here = False
        self._present = False
        """`_here` as the loop knows it: changes only in `read` and `tend`."""
        self._bug: BaseException | None = None
        self._stop = threading.Event()
        self._closed = False
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._work, name=f"camera {name}", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        return self._wake if self._present and not self._closed else -1

    def read(self) -> list[tuple[float, Any]]:
        """Finished readings, each with the time its picture arrived. Raises only what was a bug in the decoder."""
        if self._closed:
            return []
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        if self._bug is not None:
            raise RuntimeError(f"the decoder of {self.name} failed") from self._bug
        self._present = self._here
        return [self._readings.popleft() for _ in range(len(self._readings))]

    def write(self, raw: ToDevice) -> None:
        """A camera takes no orders."""

    def tend(self, t_ms: float) -> float | None:
        """The thread itself opens the camera again; here the loop only learns of it."""
        self._present = self._here
        return None if self._present else t_ms + RETRY_MS

    def close(self) -> None:
        if self._closed:
            return
        self._stop.set()
        self._thread.join(timeout=5)
        self._closed = True
        if not self._thread.is_alive():  # otherwise it may still write to the descriptor
            os.close(self._wake)

    # ---- the thread

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                self._source.open()
                self.because = ""
                self._change(here=True)
                while not self._stop.is_set():
                    self._look()
            except OSError as gone:
                self.because = str(gone)
            except BaseException as bug:  # handed to the loop, which must not go on blind
                self._bug = bug
                self._change(here=self._here)
                return
            finally:
                self._source.close()
            self._change(here=False)
            self._stop.wait(RETRY_MS / 1000)

    def _look(self) -> None:
        frame, left_out = self._source.latest(LOOK_UP_S)
        self.dropped += left_out
        t_ms = self._clock.elapsed_ms()
        said: list[AnyReading | Send] = []
        if self._decoder.wake_at_ms is not None and self._decoder.wake_at_ms <= t_ms:
            said += self._decoder.tick(t_ms)
        if frame is not None:
            said += self._decoder.feed(frame, t_ms)
        for reading in said:
            if len(self._readings) < READINGS_MAX:
                self._readings.append((t_ms, reading))
            else:
                self.dropped += 1
        if said:
            os.eventfd_write(self._wake, 1)

    def _change(self, here: bool) -> None:
        self._here = here
        os.eventfd_write(self._wake, 1)


# ---------------------------------------------------------------- sources


class SocketSource:
    """Pictures from a unix socket on which the far end listens."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket: socket.socket | None = None
        self._buffer = bytearray()

    def open(self) -> None:
        self._buffer.clear()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(self._path)
        self._socket.setblocking(False)

    def latest(self, timeout_s: float) -> tuple[Frame | None, int]:
        assert self._socket is not None
        newest, count = None, 0
        while select.select([self._socket], [], [], 0 if count else timeout_s)[0]:
            piece = self._socket.recv(1_000_000)
            if not piece:
                raise ConnectionResetError("the far end of the camera is gone")
            self._buffer += piece
            while (frame := self._cut()) is not None:
                newest, count = frame, count + 1
        return newest, max(0, count - 1)

    def _cut(self) -> Frame | None:
        if len(self._buffer) < HEAD.size:
            return None
        width, height = HEAD.unpack_from(self._buffer)
        if not 0 < width * height <= PIXELS_MAX:
            raise OSError(f"no picture of {width} x {height}")
        end = HEAD.size + width * height
        if len(self._buffer) < end:
            return None
        frame = Frame(width, height, bytes(self._buffer[HEAD.size : end]))
        del self._buffer[:end]
        return frame

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class PiCameraSource:
    """The brightness plane of the Pi's camera. picamera2 itself keeps only the latest pictures."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._camera: Any = None
        self._stride = PI_SIZE[0]

    def open(self) -> None:
        try:
            from picamera2 import Picamera2
        except ImportError as missing:
            raise OSError(f"install python3-picamera2 with apt ({missing})") from missing
        stream = {"size": PI_SIZE, "format": "YUV420"}
        try:
            self._camera = Picamera2(self._number)
            wanted = self._camera.create_video_configuration(
                main=dict(stream), lores=dict(stream), controls={"FrameRate": PI_FRAMES_PER_SECOND}, buffer_count=3
            )
            self._camera.configure(wanted)
            self._stride = self._camera.stream_configuration("lores")["stride"]
            self._camera.start()
        except Exception as failed:  # picamera2 raises RuntimeError, IndexError and others for a missing camera
            raise OSError(f"camera {self._number}: {failed}") from failed

    def latest(self, timeout_s: float) -> tuple[Frame | None, int]:
        try:
            job = self._camera.capture_buffer("lores", wait=False)
            plane = memoryview(self._camera.wait(job, timeout=10 * timeout_s)).cast("B")
        except Exception as failed:
            raise OSError(f"camera {self._number}: {failed or 'no picture came'}") from failed
        return cut_luma(plane, *PI_SIZE, self._stride), 0

    def close(self) -> None:
        camera, self._camera = self._camera, None
        if camera is not None:
            with contextlib.suppress(Exception):  # it is gone either way
                camera.close()


def cut_luma(plane: memoryview, width: int, height: int, stride: int) -> Frame:
    """The first plane of a YUV420 picture without the padding at the end of its rows."""
    if stride == width:
        return Frame(width, height, bytes(plane[: width * height]))
    return Frame(width, height, b"".join(bytes(plane[row * stride : row * stride + width]) for row in range(height)))


def source_of(where: str) -> Source:
    """The source a site file's `port` names; Mistake when it names none."""
    kind, _, rest = where.partition(":")
    if kind == "unix" and rest:
        return SocketSource(rest)
    if kind == "picamera2" and (not rest or rest.isdecimal()):
        return PiCameraSource(int(rest or 0))
    raise Mistake(f'write it as "picamera2", "picamera2:1" or "unix:PATH", not {where!r}', key="port")


def open_camera(where: str, decoder: Decoder, clock: Clock) -> CameraPort:
    """The camera a site file names, unless `HALLGATE_CAMERA` names another."""
    where = os.environ.get("HALLGATE_CAMERA") or where
    return CameraPort(where, source_of(where), decoder, clock)


# ---------------------------------------------------------------- the far end


class FarCamera:
    """The camera's place in a simulation: listens at `path` and sends each picture shown to whoever looks."""

    WAITING_MAX = 4

    def __init__(self, path: str, looked: Callable[[], None] | None = None) -> None:
        self.path = path
        self.left_out = 0
        """Pictures nobody took in time."""
        self._looked = looked
        self._waiting: deque[Frame] = deque()
        self._shown = threading.Condition()
        self._stopping = False
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(1)
        self._listener.settimeout(LOOK_UP_S)
        self._thread = threading.Thread(target=self._serve, name=f"far camera {path}", daemon=True)
        self._thread.start()

    def show(self, raw: Raw) -> None:
        """Send a picture; when four are waiting the oldest is left out, as a camera does."""
        if not isinstance(raw, Frame):
            return
        with self._shown:
            if len(self._waiting) >= self.WAITING_MAX:
                self._waiting.popleft()
                self.left_out += 1
            self._waiting.append(raw)
            self._shown.notify()

    def close(self) -> None:
        if self._stopping:
            return
        self._stopping = True
        with self._shown:
            self._shown.notify()
        self._thread.join(timeout=5)
        self._listener.close()
        with contextlib.suppress(OSError):
            os.unlink(self.path)

    def _serve(self) -> None:
        while not self._stopping:
            try:
                near, _ = self._listener.accept()
            except OSError:
                continue
            with near, contextlib.suppress(OSError):
                near.settimeout(1.0)
                if self._looked is not None:
                    self._looked()
                self._send_all(near)

    def _send_all(self, near: socket.socket) -> None:
        while not self._stopping:
            with self._shown:
                self._shown.wait_for(lambda: bool(self._waiting) or self._stopping, timeout=LOOK_UP_S)
                frame = self._waiting.popleft() if self._waiting else None
            if frame is not None:
                near.sendall(HEAD.pack(frame.width, frame.height) + frame.luma)
            elif select.select([near], [], [], 0)[0]:
                return  # the near end never speaks: readable means gone
