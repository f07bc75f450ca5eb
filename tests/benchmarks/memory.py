"""Resident memory of the process after a hundred scans, by what hangs on the device; and after a day's visitors."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from firmware.ports.camera import FarCamera
from firmware.ports.pin_wires import PinWires
from sensors.readings import Scan
from sensors.scanner_camera import Settings, Simulator
from tests.benchmarks.figures import Figure
from tests.benchmarks.gate import PATIENCE_S, Gate
from tests.benchmarks.listener import Listener
from tests.brokers import Broker
from tests.mqtt.trust import Hall

SCANS = 100
VISITORS = 2_000
"""A day of the hall's busiest door."""
PINS = """[lane.counter]
driver = "counter_beam_pair"
pins = { outside = 17, inside = 27 }
[lane.fire_loop]
driver = "contact_switch"
pin = 22
"""


def memory(folder: Path) -> list[Figure]:
    folder.mkdir(parents=True)
    return [
        Figure("memory, serial devices and hub", _serial(folder / "serial"), "MB", 45, floor="Node-RED 124"),
        Figure(f"  after {VISITORS:,} visitors", _serial(folder / "day", _visited), "MB", 45),
        Figure("  with an encrypted hub", _encrypted(folder / "encrypted", _refused), "MB", 45),
        Figure(f"    after {VISITORS:,} visitors", _encrypted(folder / "encrypted day", _visited), "MB", 45),
        Figure("memory, with pins", _pins(folder / "pins"), "MB", 50),
        Figure("memory, with a camera", _camera(folder / "camera"), "MB", 70),
    ]


def _refused(gate: Gate) -> None:
    for code in gate.bad_passes(SCANS):
        gate.refuse(code)
    time.sleep(1)


def _visited(gate: Gate) -> None:
    """Their passes, arrivals and uses are remembered until the day is over."""
    for booking in gate.bookings(VISITORS):
        gate.admit(booking)


def _after(gate: Gate, what: Callable[[Gate], None], wires: PinWires | None = None) -> float:
    try:
        gate.start()
        if wires is not None:
            wires.accept()
        gate.quiet()
        what(gate)
        return gate.resident_mb
    finally:
        gate.close()


def _serial(folder: Path, what: Callable[[Gate], None] = _refused) -> float:
    with _heard(folder) as hub:
        return _after(Gate(folder, hub=hub), what)


@contextlib.contextmanager
def _heard(folder: Path) -> Iterator[str]:
    """A broker's address, of one hall alone: a second bank beside the rows of a first one would mint nothing."""
    folder.mkdir()
    broker = Broker(folder).start()
    listener = Listener(broker.port)
    try:
        yield broker.url
    finally:
        listener.close()
        broker.stop()


def _encrypted(folder: Path, what: Callable[[Gate], None]) -> float:
    folder.mkdir()
    with contextlib.redirect_stdout(io.StringIO()) as said:
        hall = Hall(folder, _Said(said))
        hall.enrolled("broker", "broker", "--host", "127.0.0.1")
        hall.enrolled("entry-1", "bank")
        hall.configure()
    hall.start()
    files = "".join(f'{what} = "{name}"\n' for what, name in vars(hall.tls("entry-1")).items())
    try:
        return _after(Gate(folder, hub=hall.url, site=f"[hub.tls]\n{files}"), what)
    finally:
        hall.stop()


class _Said:
    """What was printed since the last question, as pytest's `capsys` has it."""

    def __init__(self, out: io.StringIO) -> None:
        self._out = out

    def readouterr(self) -> tuple[str, str]:
        text = self._out.getvalue()
        self._out.seek(0)
        self._out.truncate()
        return text, ""


def _pins(folder: Path) -> float:
    with _heard(folder) as hub:
        wires = PinWires(folder / "pins.sock")
        gate = Gate(folder, hub=hub, lane=PINS)
        gate.environment |= wires.environment
        wires.levels |= {17: 1, 27: 1, 22: 0}
        try:
            return _after(gate, _refused, wires)
        finally:
            wires.close()


def _camera(folder: Path) -> float:
    with _heard(folder) as hub:
        far = FarCamera(str(folder / "camera.sock"))
        gate = Gate(folder, hub=hub)
        text = gate.site.read_text()
        scanner = f'driver = "scanner_text_line"\nport = "{gate.scanner.link}"'
        gate.site.write_text(text.replace(scanner, f'driver = "scanner_camera"\nport = "unix:{folder}/camera.sock"'))
        try:
            return _after(gate, lambda gate: _shown(gate, far))
        finally:
            far.close()


def _shown(gate: Gate, far: FarCamera) -> None:
    for code in gate.bad_passes(SCANS):
        for later in Simulator(Settings()).show(Scan(code), 0.0):
            far.show(later.raw)
        _until_shown(gate)
    time.sleep(1)


def _until_shown(gate: Gate) -> None:
    end = time.monotonic() + PATIENCE_S
    while b"\r\n" not in gate.sign.read(0.05):
        assert time.monotonic() < end, f"no answer to a picture: {gate.errors}"
    gate.sign.heard = b""
