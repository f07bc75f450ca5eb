"""What runs in the machine of this folder: pins, a whole door, and the I2C port, on the kernel's own simulators.

The lines are gpio-sim's; the bus is i2c-stub's, whose chip's registers the test writes through the bus itself. Inputs
are moved by their pull and outputs read by their value in sysfs, as if with a wire and a meter.
"""

from __future__ import annotations

import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from smbus2 import SMBus

from firmware.clock import Clock
from firmware.errors import Failure
from firmware.ports.i2c_bus import I2cPort
from firmware.ports.pin_board import PinBoard, chip_number
from firmware.ports.pin_group import PinGroup
from sensors import thermometer_mlx90614 as mlx90614
from sensors.driver import Edge, Send, Transfer
from sensors.readings import Ready, Silent, Temperature
from tests.device.bench import Bench, bench
from tests.device.far_pins import FIRE, IN, INSIDE, OUTSIDE, PINS

RELAY = 23
DOOR = PINS + 'pull = "PULL"\n'


class Chip:
    """A Pi's 54 lines, as far as Linux can tell."""

    def __init__(self) -> None:
        device = Path("/sys/kernel/config/gpio-sim/rig")
        bank = device / "bank0"
        bank.mkdir(parents=True)
        (bank / "num_lines").write_text("54")
        (bank / "label").write_text("pinctrl-bcm2835")
        (device / "live").write_text("1")
        name = (device / "dev_name").read_text().strip()
        self.lines = Path("/sys/devices/platform") / name / (bank / "chip_name").read_text().strip()

    def set(self, line: int, level: int) -> None:
        (self.lines / f"sim_gpio{line}/pull").write_text("pull-up" if level else "pull-down")

    def get(self, line: int) -> int:
        return int((self.lines / f"sim_gpio{line}/value").read_text())

    def wait(self, line: int, level: int, patience_s: float = 60) -> None:
        end = time.monotonic() + patience_s
        while self.get(line) != level:
            assert time.monotonic() < end, f"GPIO{line} did not become {level}"
            time.sleep(0.002)


@pytest.fixture(scope="module")
def chip() -> Chip:
    return Chip()


@pytest.fixture
def board(chip: Chip) -> Iterator[PinBoard]:
    made = PinBoard({})
    yield made
    made.close()


def edges(group: PinGroup, count: int) -> list[tuple[float, Edge]]:
    got: list[tuple[float, Edge]] = []
    while len(got) < count:
        assert select.select([group.fileno()], [], [], 20)[0], f"only {got} arrived"
        got += group.read()
    return got


def test_the_chip_is_found_by_its_label(chip: Chip) -> None:
    number = chip_number()
    assert number is not None and Path(f"/dev/gpiochip{number}").exists()


@pytest.mark.parametrize("idle", [0, 1])
def test_an_output_starts_and_stays_at_its_level(chip: Chip, board: PinBoard, idle: int) -> None:
    chip.set(RELAY, 1 - idle)
    group = PinGroup(board, "gate", Clock(), {}, {"relay": RELAY}, idle={"relay": idle})
    assert chip.get(RELAY) == idle
    for level in (1 - idle, idle):
        group.write(Edge("relay", level))
        assert chip.get(RELAY) == level
    group.close()


def test_pulls_are_set_in_the_chip(chip: Chip, board: PinBoard) -> None:
    group = PinGroup(board, "loops", Clock(), {"up": 5, "down": 6}, pulls={"up": "up", "down": "down"})
    assert [chip.get(5), chip.get(6)] == [1, 0], "nothing is connected: the board's own resistors decide"
    assert {edge.pin: edge.level for _, edge in group.read()} == {"up": 1, "down": 0}
    group.close()


WALKER = """
import sys, time
pulls = {line: open(f"{sys.argv[1]}/sim_gpio{line}/pull", "w", buffering=1) for line in (17, 27)}
print("ready", flush=True)
sys.stdin.readline()
for line, level in ((17, 1), (27, 1), (17, 0), (27, 0)):
    pulls[line].write("pull-up" if level else "pull-down")
    pulls[line].flush()
    print(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000, flush=True)
    time.sleep(0.02)
"""


def test_edges_bear_the_kernels_stamps_however_late_they_are_read(chip: Chip, board: PinBoard) -> None:
    """Another process moves the lines while this one lets none of its threads run: only the kernel saw when it was."""
    for line in (OUTSIDE, INSIDE):
        chip.set(line, 0)
    pins = {"outside": OUTSIDE, "inside": INSIDE}
    group = PinGroup(board, "beams", Clock(), pins, pulls=dict.fromkeys(pins, "down"))
    group.read()
    command = [sys.executable, "-c", WALKER, str(chip.lines)]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    assert other.stdin is not None and other.stdout is not None and other.stdout.readline() == "ready\n"
    switches = sys.getswitchinterval()
    sys.setswitchinterval(10)
    try:
        other.stdin.write("go\n")
        end = time.monotonic() + 0.6
        while time.monotonic() < end:  # holds the interpreter: nobody is told of an edge
            pass
    finally:
        sys.setswitchinterval(switches)
    got = edges(group, 4)
    assert [edge for _, edge in got] == [Edge("outside", 1), Edge("inside", 1), Edge("outside", 0), Edge("inside", 0)]
    was = [float(other.stdout.readline()) for _ in got]
    late = [abs(t_ms - then) for (t_ms, _), then in zip(got, was, strict=True)]
    assert max(late) < 150, f"off by {late} ms; unstamped they would all be half a second late"
    group.close()
    other.stdin.close()
    other.stdout.close()
    assert other.wait(30) == 0


def test_a_chattering_contact_ends_at_its_true_level(chip: Chip, board: PinBoard) -> None:
    chip.set(FIRE, 0)
    group = PinGroup(board, "fire", Clock(), {"loop": FIRE}, pulls={"loop": "down"})
    group.read()
    for turn in range(401):
        chip.set(FIRE, 1 - turn % 2)
    time.sleep(1)
    seen = group.read()
    assert seen[-1][1] == Edge("loop", 1) and len(seen) > 50
    assert all(one.level != two.level for (_, one), (_, two) in zip(seen, seen[1:], strict=False))
    group.close()


def test_a_pin_of_another_process_is_named(chip: Chip, board: PinBoard, tmp_path: Path) -> None:
    code = (
        "import lgpio, sys, time; lgpio.gpio_claim_output(lgpio.gpiochip_open(int(sys.argv[1])), int(sys.argv[2]), 0)"
    )
    code += "; print('has it', flush=True); time.sleep(60)"
    command = [sys.executable, "-c", code, str(chip_number()), str(RELAY)]
    other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert other.stdout is not None and other.stdout.readline() == "has it\n"
    try:
        with pytest.raises(Failure, match=f"GPIO{RELAY}"):
            PinGroup(board, "gate", Clock(), {}, {"relay": RELAY})
    finally:
        other.kill()
        other.wait()
        other.stdout.close()


@pytest.fixture
def door(chip: Chip, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """The firmware as shipped, in a process of its own; the parameter is the fire loop's resistor."""
    for line in (OUTSIDE, INSIDE, FIRE):
        chip.set(line, 0)
    with bench(tmp_path, lane=DOOR.replace("PULL", request.param), grant=30, pulse=3000) as gate:
        site = gate.site.read_text()
        lcus = f'driver = "gate_relay_lcus"\nport = "{gate.relay.link}"\nchannel = 1\n'
        assert lcus in site
        gate.site.write_text(site.replace(lcus, f'driver = "gate_relay_pin"\npin = {RELAY}\n'))
        yield gate.start()
        assert gate.stop() == 0


@pytest.mark.parametrize("door", ["none"], indirect=True)
def test_a_whole_door_on_real_lines(chip: Chip, door: Bench) -> None:
    """Scan -> relay line -> beams -> passage; then the fire loop is cut."""
    for line in (OUTSIDE, INSIDE):  # the board's own resistors had broken them: nobody stands there
        chip.set(line, 0)
    assert chip.get(RELAY) == 0
    door.scan(door.booking())
    chip.wait(RELAY, 1)
    for line, level in IN:
        chip.set(line, level)
        time.sleep(0.15)
    chip.wait(RELAY, 0)
    end = time.monotonic() + 60
    while not [one for one in door.records() if one["kind"] == "passage" and one["expected"]]:
        assert time.monotonic() < end, door.errors
        time.sleep(0.1)
    chip.set(FIRE, 1)
    chip.wait(RELAY, 1)
    time.sleep(5)
    assert chip.get(RELAY) == 1, "a pulse would be over by now"


@pytest.mark.parametrize("door", ["up"], indirect=True)
def test_a_fire_loop_that_hangs_in_the_air_opens_at_start(chip: Chip, door: Bench) -> None:
    chip.wait(RELAY, 1)


# ---------------------------------------------------------------- the I2C bus


class Bus:
    """The kernel's i2c-stub: SMBus words of one chip at 5Ah, on a bus that can be taken away."""

    BUSYBOX, CHIP = "/run/busybox", 0x5A

    def __init__(self) -> None:
        self.path = ""
        self.load()

    def load(self) -> None:
        stub = ["/run/modules/i2c-stub.ko", f"chip_addr={self.CHIP:#x}"]
        subprocess.run([self.BUSYBOX, "insmod", *stub], check=True)
        names = Path("/sys/bus/i2c/devices").glob("i2c-*/name")
        (adapter,) = (name.parent.name for name in names if name.read_text() == "SMBus stub driver\n")
        self.path = f"/dev/{adapter}"

    def unload(self) -> None:
        subprocess.run([self.BUSYBOX, "rmmod", "i2c_stub"], check=True)

    def set(self, object_word: int, ambient_word: int) -> None:
        with SMBus(self.path) as bus:
            bus.write_word_data(self.CHIP, 0x07, object_word)
            bus.write_word_data(self.CHIP, 0x06, ambient_word)


@pytest.fixture
def bus() -> Iterator[Bus]:
    made = Bus()
    yield made
    made.unload()


class Reader:
    """A port and its decoder, as the loop drives them."""

    def __init__(self, path: str, **settings: int) -> None:
        self.clock = Clock()
        chosen = mlx90614.Settings(**settings)
        self.port, self.decoder = I2cPort(path, chosen.address, self.clock), mlx90614.Decoder(chosen)

    def until(self, wanted: object, patience_s: float = 60) -> list[object]:
        """Everything that was read until there was a reading like `wanted`, which is one or its kind."""
        got: list[object] = []
        end = time.monotonic() + patience_s
        while not any(each == wanted or type(each) is wanted for each in got):
            assert time.monotonic() < end, f"only {got[-3:]}, {self.port.dropped} dropped, {self.port.because}"
            got += self._turn()
        return got

    def absent(self) -> str:
        end = time.monotonic() + 60
        while self.port.fileno() >= 0:
            assert time.monotonic() < end
            self._turn()
        return self.port.because

    def _turn(self) -> list[object]:
        self.port.tend(self.clock.elapsed_ms())
        fd, due_ms = self.port.fileno(), self.decoder.wake_at_ms
        if fd < 0:
            time.sleep(0.05)
            return []
        assert due_ms is not None
        said = []
        if select.select([fd], [], [], min(1.0, self.clock.seconds_until(due_ms)))[0]:
            said += [each for t_ms, raw in self.port.read() for each in self.decoder.feed(raw, t_ms)]
        now_ms = self.clock.elapsed_ms()
        said += self.decoder.tick(now_ms) if self.decoder.wake_at_ms <= now_ms else []
        for each in said:
            if isinstance(each, Send):
                self.port.write(each.raw)
        return [each for each in said if not isinstance(each, Send)]


def test_a_thermometer_is_read_through_the_kernels_bus(bus: Bus) -> None:
    bus.set(0x3C7D, 0x3A42)
    reader = Reader(bus.path)
    got = reader.until(Temperature(36.55, 25.13))
    assert got[0] == Ready("MLX90614")
    bus.set(0x3CBD, 0x3A42)
    reader.until(Temperature(37.83, 25.13))
    reader.port.write(Transfer(b"\x07", 2))  # this bus knows no raw transfers: one more kind of no answer
    reader.until(Temperature)
    assert reader.port.fileno() >= 0
    reader.port.close()


def test_nobody_at_the_address_is_silence(bus: Bus) -> None:
    reader = Reader(bus.path, address=0x5B, silent_ms=1_000)
    reader.until(Silent)
    assert reader.port.fileno() >= 0 and reader.port.dropped > 0 and reader.port.because == ""
    reader.port.close()


def test_a_bus_that_goes_away_comes_back(bus: Bus) -> None:
    """The kernel lets the module go although a port stands on it: nothing is held between two questions."""
    bus.set(0x3C7D, 0x3A42)
    reader = Reader(bus.path)
    reader.until(Temperature)
    time.sleep(0.2)
    bus.unload()
    assert reader.absent().startswith(f"{bus.path} is not there")
    bus.load()
    bus.set(0x3CBD, 0x3A42)
    reader.until(Temperature(37.83, 25.13))
    reader.port.close()
