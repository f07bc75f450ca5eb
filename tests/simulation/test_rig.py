"""The far ends against the near ends: everything goes over a real pty or a real socket."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firmware.clock import Clock
from firmware.ports.camera import open_camera
from firmware.ports.http_push import HttpPort
from firmware.ports.i2c_bus import I2cPort
from firmware.simulation.agenda import Agenda
from firmware.simulation.rig import Rig
from sensors.driver import ReadWord, Send
from sensors.readings import Air, Contact, Scan, Secret, Temperature, TerminalVerdict
from tests.brokers import free_port
from tests.simulation.obedient import LaneSpec, Obedient, spec


def lanes(folder: Path) -> list[LaneSpec]:
    entry = {
        "scanner": spec("scanner_text_line", folder / "a-scanner"),
        "gate": spec("gate_relay_lcus", folder / "a-gate"),
    }
    leave = {
        "button": spec("contact_switch", pins={"contact": 6}, normally="open"),
        "gate": spec("gate_relay_pin", pins={"relay": 23}),
        "fire_loop": spec("contact_switch", pins={"contact": 22}),
    }
    return [LaneSpec("A", entry), LaneSpec("B", leave)]


class Bench:
    def __init__(self, folder: Path) -> None:
        self.clock = Clock(rate=20)
        self.rig = Rig(self.clock)
        self.device = Obedient(self.rig, lanes(folder), folder, self.clock)
        self.gates: list[tuple[str, bool]] = []
        for lane in ("A", "B"):
            self.rig.when_gate(lane, lambda is_open, lane=lane: self.gates.append((lane, is_open)))  # type: ignore[misc]

    def until(self, true: Callable[[], bool]) -> None:
        give_up = time.monotonic() + 20
        while not true():
            assert time.monotonic() < give_up, "it never happened"
            self.rig.agenda.at(self.clock.elapsed_ms() + 20, lambda: None)  # the device wants turns too
            self.rig.turn()
            self.device.turn()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.device.close()
    bench.rig.close()


def test_a_scan_opens_the_gate_and_it_lets_go(bench: Bench) -> None:
    bench.rig.show("A", "scanner", Scan(b"HP1:CODE"))
    bench.until(lambda: len(bench.gates) == 2)
    assert bench.gates == [("A", True), ("A", False)]
    assert bench.device.scans == [b"HP1:CODE"]
    assert not bench.rig.gate_open("A")


def test_a_button_on_a_pin_opens_a_gate_on_a_pin(bench: Bench) -> None:
    bench.rig.show("B", "button", Contact(True))
    bench.until(lambda: len(bench.gates) == 2)
    assert bench.gates == [("B", True), ("B", False)]


def test_contacts_rest_in_their_quiet_position(bench: Bench) -> None:
    """Loop closed is level 0 on a pin pulled up: the fire loop rests at 0, an open button at 1."""
    assert bench.rig._wires["device"].levels == {6: 1, 22: 0}


def test_an_unplugged_scanner_comes_back(bench: Bench) -> None:
    bench.rig.unplug("A", "scanner")
    port = next(port for lane, role, port, _ in bench.device.talks if (lane.name, role) == ("A", "scanner"))
    bench.until(lambda: port.fileno() < 0)
    bench.rig.show("A", "scanner", Scan(b"nobody hears this"))
    bench.rig.plug("A", "scanner")
    bench.until(lambda: port.tend(bench.clock.elapsed_ms()) is None)
    bench.rig.show("A", "scanner", Scan(b"back"))
    bench.until(lambda: bench.device.scans == [b"back"])


def test_noise_on_the_cable(bench: Bench) -> None:
    bench.rig.put("A", "scanner", b"\x00\xff noise")
    bench.rig.put("A", "scanner", b"\r")
    bench.until(lambda: bench.device.scans == [b"\x00\xff noise"])


def test_a_code_before_the_camera(tmp_path: Path) -> None:
    """The far end draws the picture, the near end's thread finds the code in it."""
    clock = Clock()
    rig = Rig(clock)
    camera = spec("scanner_camera")
    camera.port = f"unix:{tmp_path}/camera"
    rig.connect("device", [LaneSpec("A", {"scanner": camera})], tmp_path)
    port = open_camera(camera.port, camera.driver.decoder(camera.settings), clock)
    rig.show("A", "scanner", Scan(b"HP1:BEFORE THE LENS"))
    found: list[bytes] = []
    give_up = time.monotonic() + 20
    while not found:
        assert time.monotonic() < give_up, "it was never read"
        rig.turn()
        port.tend(clock.elapsed_ms())
        found += [reading.text for _, reading in port.read() if isinstance(reading, Scan)]
    assert found == [b"HP1:BEFORE THE LENS"]
    port.close()
    rig.close()


def test_a_terminal_pushes_and_hears_the_answer(tmp_path: Path) -> None:
    clock, address = Clock(), f"127.0.0.1:{free_port()}"
    rig = Rig(clock)
    terminal = spec("terminal_http")
    terminal.port = address
    rig.connect("device", [LaneSpec("A", {"terminal": terminal})], tmp_path)
    verdict = TerminalVerdict("green", "negative", 20.0, 36.5, True, "qr", Secret("opaque"))
    rig.show("A", "terminal", verdict)  # nobody listens yet: lost, as it would be
    give_up = time.monotonic() + 20
    while not rig._callers[address][0].dropped:
        assert time.monotonic() < give_up, "it waits for nobody"
        rig.turn()
    port, decoder = HttpPort(address, clock), terminal.driver.decoder(terminal.settings)
    rig.show("A", "terminal", verdict)
    found: list[object] = []
    while not rig.device("A", "terminal").simulator.answers:
        assert time.monotonic() < give_up, "it was never answered"
        rig.turn()
        for t_ms, request in port.read():
            said = decoder.feed(request, t_ms)
            found += said
            port.write(next(each.raw for each in said if isinstance(each, Send)))
    assert verdict in found
    assert b'"status":1' in rig.device("A", "terminal").simulator.answers[0].body
    port.close()
    rig.close()


def test_two_chips_of_one_bus_are_read(tmp_path: Path) -> None:
    """A clock twenty times as fast: the sensor's own seconds pass, and the cable's patience is real."""
    clock = Clock(rate=20)
    rig = Rig(clock)
    air, warmth = spec("air_scd41", every_seconds=10), spec("thermometer_mlx90614", silent_ms=600_000)
    air.port = warmth.port = f"unix:{tmp_path}/bus"
    rig.connect("device", [LaneSpec("A", {"air": air, "thermometer": warmth})], tmp_path)
    shown = {"air": Air(1_180, 24.0, 41.0), "thermometer": Temperature(36.55, 25.13)}
    for role, reading in shown.items():
        rig.show("A", role, reading)
    near = [
        (I2cPort(each.port, each.settings.address, clock), each.driver.decoder(each.settings)) for each in (air, warmth)
    ]
    nobody = I2cPort(air.port, 0x29, clock)
    nobody.write(ReadWord(0))
    found: list[object] = []
    give_up = time.monotonic() + 30
    while not all(reading in found for reading in shown.values()):
        assert time.monotonic() < give_up, f"only {found}"
        rig.turn()
        for port, decoder in near:
            due = decoder.wake_at_ms is not None and decoder.wake_at_ms <= clock.elapsed_ms()
            said = decoder.tick(clock.elapsed_ms()) if due else []
            said += [each for t_ms, raw in port.read() for each in decoder.feed(raw, t_ms)]
            for each in said:
                if isinstance(each, Send):
                    port.write(each.raw)
            found += said
    assert nobody.dropped == 1 and nobody.read() == []
    for port in (nobody, *(port for port, _ in near)):
        port.close()
    rig.close()


def test_lane_names_are_the_halls_own(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="lane A"):
        bench.rig.connect("second", lanes(tmp_path), tmp_path)


def test_the_agenda_keeps_order() -> None:
    agenda, done = Agenda(), list[str]()
    agenda.at(20, lambda: done.append("later"))
    agenda.at(10, lambda: done.append("first"))
    agenda.at(10, lambda: done.append("second"))
    assert agenda.do_due(9.9) == 0 and agenda.next_ms() == 10
    assert agenda.do_due(10) == 2 and done == ["first", "second"]
    assert agenda.do_due(1e9) == 1 and agenda.next_ms() is None
