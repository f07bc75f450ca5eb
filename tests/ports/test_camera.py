"""The camera port through a real socket, with the pictures sent by another process."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from firmware.cables import Cable, Line
from firmware.clock import Clock
from firmware.core.events import CodeRead
from firmware.core.facts import Unproved
from firmware.errors import Mistake
from firmware.ports.camera import HEAD, CameraPort, FarCamera, PiCameraSource, SocketSource, Told, cut_luma, open_camera
from sensors.driver import Frame
from sensors.readings import AnyReading, Garbled, Ready, Scan
from sensors.scanner_camera import DRIVER, Decoder, Settings, Simulator

PATIENCE_S = 20.0
PASS = Scan(b"HP1:6BFOXN*TS0BI$ZD4N9", symbology="qr", read_by="zxing")


def picture(text: bytes = PASS.text) -> Frame:
    raw = Simulator(Settings()).show(Scan(text), 0.0)[0].raw
    assert isinstance(raw, Frame)
    return raw


def wait_for(true: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE_S
    while not (got := true()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
    return got


class Looker:
    """The loop's part: tend, select, read."""

    def __init__(self, port: CameraPort) -> None:
        self.port, self.heard = port, []  # type: ignore[var-annotated]

    def turn(self) -> list[AnyReading]:
        self.port.tend(0.0)
        fd = self.port.fileno()
        if fd >= 0 and select.select([fd], [], [], 0.01)[0]:
            self.heard += [reading for _, reading in self.port.read()]
        return self.heard

    def until(self, reading: AnyReading) -> None:
        wait_for(lambda: reading in self.turn())


@pytest.fixture
def looker(tmp_path: Path) -> Iterator[Looker]:
    port = CameraPort("test", SocketSource(str(tmp_path / "camera")), Decoder(Settings()), Clock())
    yield Looker(port)
    port.close()
    port.close()


CHILD = """
import sys
from firmware.ports.camera import FarCamera
from sensors.readings import Scan
from sensors.scanner_camera import Settings, Simulator
far = FarCamera(sys.argv[1], looked=lambda: print("looked", flush=True))
for later in Simulator(Settings()).show(Scan(sys.argv[2].encode()), 0.0):
    far.show(later.raw)
sys.stdin.read()
far.close()
"""


def test_pictures_of_another_process_become_readings(looker: Looker, tmp_path: Path) -> None:
    words = [sys.executable, "-c", CHILD, str(tmp_path / "camera"), PASS.text.decode()]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as child:
        looker.until(PASS)
        assert looker.heard == [Ready("zxing-cpp and zbar"), PASS], "three pictures, one scan"
        assert child.stdin is not None
        child.stdin.close()
    wait_for(lambda: looker.turn() is not None and looker.port.fileno() == -1)
    assert looker.port.because


def test_a_camera_that_went_away_comes_back(looker: Looker, tmp_path: Path) -> None:
    for text in (b"HP1:BEFORE", b"HP1:AFTER"):
        far = FarCamera(str(tmp_path / "camera"))
        far.show(picture(text))
        looker.until(Scan(text, symbology="qr", read_by="zxing"))
        far.close()
        wait_for(lambda: looker.turn() is not None and looker.port.fileno() == -1)


def test_only_the_latest_picture_is_looked_at_and_the_others_are_counted(tmp_path: Path) -> None:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    source = SocketSource("")
    source._socket = near
    for level in range(3):
        far.sendall(HEAD.pack(4, 4) + bytes([level]) * 16)
    far.sendall(HEAD.pack(4, 4) + b"half")
    assert source.latest(1.0) == (Frame(4, 4, b"\x02" * 16), 2)
    far.sendall(b"\x03" * 12)
    assert source.latest(1.0) == (Frame(4, 4, b"half" + b"\x03" * 12), 0)
    assert source.latest(0.0) == (None, 0)
    far.close()
    source.close()


@pytest.mark.parametrize("size", [(0, 4), (4, 0), (2**32 - 1, 2**32 - 1)])
def test_an_absurd_size_ends_the_connection_and_not_the_port(
    looker: Looker, tmp_path: Path, size: tuple[int, int]
) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "camera"))
        listener.listen()
        bad, _ = listener.accept()
        bad.sendall(HEAD.pack(*size) + b"x" * 100)
        good, _ = listener.accept()
        good.sendall(HEAD.pack(640, 480) + picture().luma)
        looker.until(PASS)
        bad.close()
        good.close()


def test_a_bug_in_a_decoder_is_told_to_the_loop(tmp_path: Path) -> None:
    class Broken:
        wake_at_ms = None

        def feed(self, raw: object, t_ms: float) -> list[Any]:
            raise ZeroDivisionError

        def tick(self, t_ms: float) -> list[Any]:
            return []

    far = FarCamera(str(tmp_path / "camera"))
    port = CameraPort("test", SocketSource(far.path), Broken(), Clock())
    far.show(picture())
    with pytest.raises(RuntimeError, match="decoder of test failed"):
        wait_for(lambda: (port.tend(0.0), port.read())[1])
    port.close()
    far.close()


def test_pictures_that_come_during_a_look_are_counted(tmp_path: Path) -> None:
    looks, go = list[object](), threading.Event()

    class Slow:
        wake_at_ms = None

        def feed(self, raw: object, t_ms: float) -> list[Any]:
            looks.append(raw)
            go.wait(PATIENCE_S)
            return []

        def tick(self, t_ms: float) -> list[Any]:
            return []

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "camera"))
        listener.listen()
        port = CameraPort("test", SocketSource(str(tmp_path / "camera")), Slow(), Clock())
        line, _ = listener.accept()
        with line:
            line.sendall(HEAD.pack(2, 2) + b"abcd")
            wait_for(lambda: looks)
            line.sendall((HEAD.pack(2, 2) + b"abcd") * 3)
            go.set()
            wait_for(lambda: len(looks) == 2)
            assert port.dropped == 2
        port.close()


def test_readings_nobody_fetches_are_bounded_and_counted(tmp_path: Path) -> None:
    class Babbling:
        wake_at_ms = None

        def feed(self, raw: object, t_ms: float) -> list[Any]:
            return [Garbled(1)] * 50

        def tick(self, t_ms: float) -> list[Any]:
            return []

    far = FarCamera(str(tmp_path / "camera"))
    port = CameraPort("test", SocketSource(far.path), Babbling(), Clock())
    wait_for(lambda: (far.show(Frame(2, 2, b"abcd")), port.dropped > 200)[1])
    assert len(port.read()) == 64
    port.close()
    far.close()


def test_the_environment_beats_the_site_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HALLGATE_CAMERA", f"unix:{tmp_path}/camera")
    port = open_camera("picamera2", DRIVER.decoder(DRIVER.settings()), Clock())
    assert port.name == f"unix:{tmp_path}/camera"
    port.close()


@pytest.mark.parametrize("where", ["", "unix:", "picamera2:front", "/dev/video0"])
def test_a_port_that_is_no_camera_is_a_persons_mistake(where: str) -> None:
    with pytest.raises(Mistake, match="picamera2"):
        open_camera(where, Decoder(Settings()), Clock())


def test_the_loops_cable_turns_a_picture_into_an_event(tmp_path: Path) -> None:
    """The same `Cable` and `Line` the device uses: the port decodes, `Told` passes on, the line verifies."""
    far = FarCamera(str(tmp_path / "camera"))
    port = CameraPort("test", SocketSource(far.path), Decoder(Settings()), Clock())
    seen: list[bytes] = []

    def verify(text: bytes, t_ms: float) -> Unproved:
        seen.append(text)
        return Unproved(because="unknown_format")

    cable = Cable(port, [Line("A", "scanner", DRIVER.name, Told(), verify=verify)])
    far.show(picture())
    heard = wait_for(lambda: (port.tend(0.0), cable.tick(0.0), cable.read())[2])
    assert [event for event, _ in heard] == [
        CodeRead(lane="A", fact=Unproved(because="unknown_format"), read_by="zxing"),
    ]
    assert seen == [PASS.text]
    port.close()
    far.close()


# ---------------------------------------------------------------- picamera2, as a stand-in (no camera was at hand)


class StandIn:
    """The part of picamera2's interface that is used, with rows padded to a stride as the hardware does."""

    frames = 3

    opened: ClassVar[list[StandIn]] = []

    def __init__(self, number: int) -> None:
        if number:
            raise IndexError("list index out of range")
        self.closed = False
        self.opened.append(self)

    def create_video_configuration(self, **wanted: Any) -> dict[str, Any]:
        return wanted

    def configure(self, wanted: dict[str, Any]) -> None:
        self.size = wanted["lores"]["size"]
        assert wanted["lores"]["format"] == "YUV420"

    def stream_configuration(self, stream: str) -> dict[str, int]:
        return {"stride": self.size[0] + 64}

    def start(self) -> None:
        self.left = self.frames

    def capture_buffer(self, stream: str, wait: bool) -> str:
        return "job"

    def wait(self, job: str, timeout: float) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise TimeoutError
        width, height = self.size
        small = picture()
        rows = [small.luma[y * 640 : (y + 1) * 640] for y in range(480)] + [b"\xff" * 640] * (height - 480)
        padded = b"".join(row + b"\xff" * (width - 640) + b"\x00" * 64 for row in rows)
        return padded + bytes(len(padded) // 2)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", types.SimpleNamespace(Picamera2=StandIn))


def test_a_pi_camera_is_read_and_a_dead_one_is_absent(stand_in: None) -> None:
    port = CameraPort("picamera2", PiCameraSource(0), Decoder(Settings()), Clock())
    looker = Looker(port)
    looker.until(PASS)
    wait_for(lambda: looker.turn() is not None and "camera 0" in port.because)
    port.close()
    assert StandIn.opened and all(camera.closed for camera in StandIn.opened), "or it could not be opened again"


@pytest.mark.parametrize(
    ("where", "because"), [("picamera2", ""), ("picamera2:0", ""), ("picamera2:1", "camera 1: list")]
)
def test_a_site_file_names_which_camera(
    stand_in: None, where: str, because: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HALLGATE_CAMERA", raising=False)
    port = open_camera(where, Decoder(Settings()), Clock())
    looker = Looker(port)
    if because:
        wait_for(lambda: looker.turn() is not None and port.because.startswith(because))
    else:
        looker.until(PASS)
    port.close()


def test_a_missing_pi_camera_says_what_is_missing(stand_in: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="camera 1: list index"):
        PiCameraSource(1).open()
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(OSError, match="python3-picamera2"):
        PiCameraSource(0).open()


def test_padding_is_cut_off() -> None:
    assert cut_luma(memoryview(b"ab..cd..uv"), 2, 2, 4) == Frame(2, 2, b"abcd")
    assert cut_luma(memoryview(b"abcduv"), 2, 2, 2) == Frame(2, 2, b"abcd")


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        far = FarCamera(str(tmp_path / "camera"))
        port = CameraPort("test", SocketSource(far.path), Decoder(Settings()), Clock())
        wait_for(lambda: port.tend(0.0) is None)  # noqa: B023 - called within the turn
        port.close()
        far.close()
    assert len(os.listdir("/proc/self/fd")) <= before
