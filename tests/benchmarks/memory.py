"""Resident memory of the process after a hundred scans, by what hangs on the device; and after a day's visitors."""

from __future__ import annotations

import time
from pathlib import Path

from firmware.ports.camera import FarCamera
from firmware.ports.pin_wires import PinWires
from sensors.readings import Scan
from sensors.scanner_camera import Settings, Simulator
from tests.benchmarks.figures import Figure
from tests.benchmarks.gate import PATIENCE_S, Gate
from tests.benchmarks.listener import Listener
from tests.brokers import Broker

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
    broker = Broker(folder).start()
    listener = Listener(broker.port)
    try:
        return [
            Figure(
                "memory, serial devices and hub", _serial(folder / "serial", broker.url), "MB", 45, floor="Node-RED 124"
            ),
            Figure(f"  after {VISITORS:,} visitors", _visited(folder / "day", broker.url), "MB", 45),
            Figure("memory, with pins", _pins(folder / "pins", broker.url), "MB", 50),
            Figure("memory, with a camera", _camera(folder / "camera", broker.url), "MB", 70),
        ]
    finally:
        listener.close()
        broker.stop()


def _serial(folder: Path, hub: str) -> float:
    return _after_scans(Gate(folder, hub=hub))


def _visited(folder: Path, hub: str) -> float:
    """Their passes, arrivals and uses are remembered until the day is over."""
    gate = Gate(folder, hub=hub)
    try:
        gate.start()
        gate.quiet()
        for booking in gate.bookings(VISITORS):
            gate.admit(booking)
        return gate.resident_mb
    finally:
        gate.close()


def _pins(folder: Path, hub: str) -> float:
    folder.mkdir()
    wires = PinWires(folder / "pins.sock")
    gate = Gate(folder, hub=hub, lane=PINS)
    gate.environment |= wires.environment
    wires.levels |= {17: 1, 27: 1, 22: 0}
    try:
        return _after_scans(gate, wires)
    finally:
        wires.close()


def _camera(folder: Path, hub: str) -> float:
    folder.mkdir()
    far = FarCamera(str(folder / "camera.sock"))
    gate = Gate(folder, hub=hub)
    text = gate.site.read_text()
    scanner = f'driver = "scanner_text_line"\nport = "{gate.scanner.link}"'
    gate.site.write_text(text.replace(scanner, f'driver = "scanner_camera"\nport = "unix:{folder}/camera.sock"'))
    try:
        return _after_pictures(gate, far)
    finally:
        far.close()


def _after_scans(gate: Gate, wires: PinWires | None = None) -> float:
    try:
        gate.start()
        if wires is not None:
            wires.accept()
        gate.quiet()
        for code in gate.bad_passes(SCANS):
            gate.refuse(code)
        time.sleep(1)
        return gate.resident_mb
    finally:
        gate.close()


def _after_pictures(gate: Gate, far: FarCamera) -> float:
    try:
        gate.start()
        for code in gate.bad_passes(SCANS):
            for later in Simulator(Settings()).show(Scan(code), 0.0):
                far.show(later.raw)
            _until_shown(gate)
        time.sleep(1)
        return gate.resident_mb
    finally:
        gate.close()


def _until_shown(gate: Gate) -> None:
    end = time.monotonic() + PATIENCE_S
    while b"\r\n" not in gate.sign.read(0.05):
        assert time.monotonic() < end, f"no answer to a picture: {gate.errors}"
    gate.sign.heard = b""
