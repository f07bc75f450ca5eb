"""Pins through gpiozero's mock factory and through the unix socket that is their far end."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.clock import Clock
from firmware.errors import Failure, Mistake
from firmware.plugs import Plugs
from firmware.ports import pin_board, pin_group
from firmware.ports.pin_board import PinBoard, chip_number
from firmware.ports.pin_group import PinGroup
from firmware.site import DeviceSpec
from sensors.driver import Edge, Send, find
from tests import needs

BEAMS = {"outside": 17, "inside": 27}


class FarEnd:
    """An outside test: knows the socket's path and the two words of the contract."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.connection.settimeout(10)
        self.lines = connection.makefile("rb")

    @classmethod
    def call(cls, path: Path) -> FarEnd:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(path))
        return cls(connection)

    def drive(self, pin: int, level: int) -> None:
        self.connection.sendall(json.dumps({"pin": pin, "level": level}).encode() + b"\n")

    def seen(self) -> tuple[int, int]:
        line = json.loads(self.lines.readline())
        return line["pin"], line["level"]

    def close(self) -> None:
        self.lines.close()
        self.connection.close()


def edges(group: PinGroup, count: int) -> list[Edge]:
    """The next `count` edges, waiting for them as the loop does."""
    got: list[Edge] = []
    while len(got) < count:
        assert select.select([group.fileno()], [], [], 10)[0], f"only {got} arrived"
        got += [edge for _, edge in group.read()]
    return got


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pins"


@pytest.fixture
def board(path: Path) -> Iterator[PinBoard]:
    board = PinBoard({"HALLGATE_PINS": f"unix:{path}"})
    yield board
    board.close()


@pytest.fixture
def mock_board() -> Iterator[PinBoard]:
    board = PinBoard({"GPIOZERO_PIN_FACTORY": "mock"})
    yield board
    board.close()


# ---------------------------------------------------------------- any pin factory


def test_the_first_read_tells_every_level(mock_board: PinBoard) -> None:
    group = PinGroup(mock_board, "A counter", Clock(), BEAMS, pulls={"outside": "up", "inside": "down"})
    assert edges(group, 2) == [Edge("outside", 1), Edge("inside", 0)]
    assert group.read() == []
    assert select.select([group.fileno()], [], [], 0)[0] == [], "the loop may sleep"
    group.close()
    assert group.read() == [] and group.fileno() == -1


def test_edges_are_stamped_in_order(mock_board: PinBoard) -> None:
    clock = Clock()
    group = PinGroup(mock_board, "A counter", clock, BEAMS, pulls=dict.fromkeys(BEAMS, "down"))
    edges(group, 2)
    before = clock.elapsed_ms()
    mock_board.factory.pin(17).drive_high()
    mock_board.factory.pin(27).drive_high()
    mock_board.factory.pin(17).drive_low()
    stamped = group.read()
    assert [edge for _, edge in stamped] == [Edge("outside", 1), Edge("inside", 1), Edge("outside", 0)]
    stamps = [t_ms for t_ms, _ in stamped]
    assert stamps == sorted(stamps) and before - 1 <= stamps[0] and stamps[-1] <= clock.elapsed_ms()
    group.close()


@pytest.mark.parametrize(
    ("age_s", "back_ms"), [(0.0, 0), (0.25, 500), (0.999, 1_998), (1.0, 0), (5.0, 0), (-0.1, 0), (86_400.0, 0)]
)
def test_an_edge_counts_from_when_the_kernel_saw_it_unless_that_is_another_clocks(
    mock_board: PinBoard, age_s: float, back_ms: float
) -> None:
    """A hall that runs at twice the pace: a quarter of a second ago is half a second ago there."""
    clock = Clock(rate=2.0)
    clock.elapsed_ms = lambda: 50_000.0  # type: ignore[method-assign]
    group = PinGroup(mock_board, "A counter", clock, {"outside": 17}, pulls={"outside": "down"})
    group.read()
    group.saw("outside", 1, age_s)
    assert group.read() == [(pytest.approx(50_000.0 - back_ms), Edge("outside", 1))]
    group.close()


def test_a_pin_without_a_resistor_of_the_boards_has_none(mock_board: PinBoard) -> None:
    group = PinGroup(mock_board, "A counter", Clock(), BEAMS, pulls={"outside": "none", "inside": "floating"})
    assert [mock_board.factory.pin(bcm).pull for bcm in BEAMS.values()] == ["floating", "floating"]
    group.close()


def test_an_order_for_a_pin_that_cannot_be_set_is_counted_and_told_until_one_can(mock_board: PinBoard) -> None:
    """A remote factory may have lost its line."""
    group = PinGroup(mock_board, "A gate", Clock(), {}, {"relay": 23})
    pin = mock_board.factory.pin(23)
    sound = pin.__class__

    def lost(pin: object, level: object) -> None:
        raise OSError("the line is gone")

    pin.__class__ = type("Lost", (sound,), {"state": property(sound.state.fget, lost)})
    group.write(Edge("relay", 1))
    assert (group.dropped, group.because) == (1, "A gate: GPIO23 cannot be set: the line is gone")
    pin.__class__ = sound
    group.write(Edge("relay", 1))
    assert (group.dropped, group.because, pin.state) == (1, "", 1)
    group.close()


def test_an_output_starts_at_its_idle_level_and_follows_orders(mock_board: PinBoard) -> None:
    group = PinGroup(mock_board, "A gate", Clock(), {}, {"relay": 23, "low_active": 24}, idle={"low_active": 1})
    assert mock_board.factory.pin(23).state == 0 and mock_board.factory.pin(24).state == 1
    group.write(Edge("relay", 1))
    group.write(b"bytes are nothing for a pin")
    group.write(Edge("unknown", 1))
    assert mock_board.factory.pin(23).state == 1
    group.close()
    assert mock_board.factory.pin(23).state == 1, "closing the port is no order"


@pytest.mark.parametrize("active_high", [True, False])
@pytest.mark.parametrize("name", ["gate_relay_pin", "lamp_pins", "light_pin", "buzzer_pin"])
def test_to_claim_the_pins_of_a_hand_switches_nothing_on(
    name: str, active_high: bool, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the start then sends is what the pins have already."""
    monkeypatch.setenv("HALLGATE_PINS", f"unix:{path}")
    driver, clock = find(name), Clock()
    hand = driver.settings(active_high=active_high)  # type: ignore[call-arg]
    numbers = dict(zip(driver.outputs, (17, 27), strict=False))
    plugs = Plugs(clock)
    plugs.open_alone(DeviceSpec("hand", driver, hand, pins=numbers), name)
    far = FarEnd.call(path)
    claimed = dict(far.seen() for _ in numbers)
    sent = [said.raw for said in driver.decoder(hand).start(0.0) if isinstance(said, Send)]
    assert {numbers[edge.pin]: edge.level for edge in sent} == claimed
    far.close()
    plugs.close()


def test_a_pin_has_one_holder(mock_board: PinBoard) -> None:
    first = PinGroup(mock_board, "A counter", Clock(), BEAMS)
    with pytest.raises(Failure, match="GPIO27 is wanted by B gate relay but already used by A counter inside"):
        PinGroup(mock_board, "B gate", Clock(), {}, {"spare": 5, "relay": 27})
    first.close()
    first.close()
    second = PinGroup(mock_board, "B gate", Clock(), {}, {"spare": 5, "relay": 27})
    second.close()


def test_impossible_pins_are_told_plainly(mock_board: PinBoard) -> None:
    with pytest.raises(Failure, match="GPIO99 for A gate relay"):
        PinGroup(mock_board, "A gate", Clock(), {}, {"relay": 99})
    with pytest.raises(Failure, match="A fire_loop.*pull"):
        PinGroup(mock_board, "A fire_loop", Clock(), {"contact": 2}, pulls={"contact": "down"})


def test_a_full_queue_ends_at_the_present_levels(mock_board: PinBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pin_group, "EDGES_MAX", 8)
    group = PinGroup(mock_board, "A counter", Clock(), BEAMS, pulls=dict.fromkeys(BEAMS, "down"))
    pin = mock_board.factory.pin(17)
    for _ in range(10):
        pin.drive_high()
        pin.drive_low()
    pin.drive_high()
    found = group.read()
    assert found[-1][1] == Edge("outside", 1) and len(found) <= 8 + len(BEAMS)
    assert group.dropped > 0
    group.close()


def test_no_factory_is_a_failure_never_a_silent_other_one(tmp_path: Path) -> None:
    needs.stop_unless("" if chip_number() is None else "this machine has a Raspberry Pi's GPIO chip")
    with pytest.raises(Failure, match="no GPIO chip of a Raspberry Pi"):
        PinBoard({})
    with pytest.raises(Mistake, match="no pin factory 'mok'"):
        PinBoard({"GPIOZERO_PIN_FACTORY": "mok"})
    with pytest.raises(Mistake, match="unix:"):
        PinBoard({"HALLGATE_PINS": "/no/scheme"})
    with pytest.raises(Failure, match="cannot be made"):
        PinBoard({"HALLGATE_PINS": f"unix:{tmp_path}/no/such/folder/pins"})


# ---------------------------------------------------------------- the far end


def test_the_far_end_drives_inputs_and_sees_outputs(board: PinBoard, path: Path) -> None:
    far = FarEnd.call(path)
    group = PinGroup(board, "A", Clock(), BEAMS, {"relay": 23}, pulls=dict.fromkeys(BEAMS, "down"))
    assert far.seen() == (23, 0)
    far.drive(17, 1)
    assert edges(group, 1) == [Edge("outside", 1)]
    group.write(Edge("relay", 1))
    group.write(Edge("relay", 1))
    group.write(Edge("relay", 0))
    assert [far.seen(), far.seen()] == [(23, 1), (23, 0)], "changes are reported, repetitions are not"
    far.close()
    group.close()


def test_edges_keep_their_order(board: PinBoard, path: Path) -> None:
    far = FarEnd.call(path)
    group = PinGroup(board, "A counter", Clock(), BEAMS)
    order = [(17, 1), (27, 1), (27, 0), (17, 0), (27, 1), (17, 1), (17, 0), (27, 0)] * 25
    for pin, level in order:
        far.drive(pin, level)
    roles = {17: "outside", 27: "inside"}
    assert edges(group, len(order)) == [Edge(roles[pin], level) for pin, level in order]
    far.close()
    group.close()


def test_an_input_nobody_drove_is_not_known(board: PinBoard, path: Path) -> None:
    """Otherwise a device that starts before its far end would see a cut fire loop."""
    far = FarEnd.call(path)
    far.drive(22, 1)
    group = PinGroup(board, "A", Clock(), {"fire_loop": 22, "button": 6})
    assert edges(group, 1) == [Edge("fire_loop", 1)]
    assert group.read() == []
    far.drive(6, 1)
    assert edges(group, 1) == [Edge("button", 1)], "the pull's own level, driven for the first time, is news"
    far.drive(6, 1)
    far.drive(6, 0)
    assert edges(group, 1) == [Edge("button", 0)]
    far.close()
    group.close()


def test_an_input_that_was_driven_before_anybody_claimed_it_is_known_at_once(board: PinBoard, path: Path) -> None:
    far = FarEnd.call(path)
    one = PinGroup(board, "A", Clock(), {"button": 6})
    for pin, level in ((22, 1), (23, 0), (6, 1)):
        far.drive(pin, level)
    assert edges(one, 1) == [Edge("button", 1)], "and what came before it has come"
    other = PinGroup(board, "B", Clock(), {"fire_loop": 22, "door": 23})
    assert edges(other, 2) == [Edge("fire_loop", 1), Edge("door", 0)]
    for group in (one, other):
        group.close()
    far.close()


@pytest.mark.parametrize(
    ("labels", "number"),
    [
        ({0: "gpio-brcmstb@107d508500", 4: "raspberrypi-exp-gpio", 11: "pinctrl-rp1"}, 11),
        ({0: "pinctrl-bcm2711", 1: "raspberrypi-exp-gpio"}, 0),
        ({2: "pinctrl-bcm2835", 10: "pinctrl-rp1"}, 10),
        ({0: "gpio-mockup-A"}, None),
        ({0: None}, None),
        ({}, None),
    ],
)
def test_the_chip_of_the_header_is_found_by_its_label(
    labels: dict[int, str | None], number: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the kernel answers to GPIO_GET_CHIPINFO_IOCTL: name and label of 32 bytes each, and the number of lines."""
    for chip in labels:
        (tmp_path / f"gpiochip{chip}").touch()

    def ioctl(descriptor: int, request: int, _: bytes) -> bytes:
        name = os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))
        label = labels[int(name.removeprefix("gpiochip"))]
        if request != 0x8044B401 or label is None:
            raise OSError("inappropriate ioctl")
        return name.encode().ljust(32, b"\0") + label.encode().ljust(32, b"\0") + (54).to_bytes(4, "little")

    monkeypatch.setattr(pin_board.fcntl, "ioctl", ioctl)
    before = len(os.listdir("/proc/self/fd"))
    assert chip_number(f"{tmp_path}/gpiochip*") == number
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_late_far_end_learns_all_outputs(board: PinBoard, path: Path) -> None:
    group = PinGroup(board, "A", Clock(), {}, {"relay": 23, "lamp": 24}, idle={"lamp": 1})
    group.write(Edge("relay", 1))
    first, second = FarEnd.call(path), FarEnd.call(path)
    assert sorted([first.seen(), first.seen()]) == [(23, 1), (24, 1)]
    assert sorted([second.seen(), second.seen()]) == [(23, 1), (24, 1)]
    first.close()
    group.write(Edge("relay", 0))
    assert second.seen() == (23, 0)
    second.close()
    group.close()


def test_bad_lines_are_counted_and_passed_over(board: PinBoard, path: Path) -> None:
    far = FarEnd.call(path)
    group = PinGroup(board, "A", Clock(), {"contact": 22})
    junk = [b"\xff\xfe\x80\n", b"{}\n", b'{"pin":"22","level":1}\n', b'{"pin":22,"level":7}\n', b"x" * 9_000]
    for bad in junk:
        far.connection.sendall(bad)
        time.sleep(0.01)
    far.connection.sendall(b'\n\n{"pin":-1,"level":1}\n{"pin":123456789,"level":1}\n')
    far.drive(22, 0)
    assert edges(group, 1) == [Edge("contact", 0)]
    assert board.far is not None and board.far.bad_lines >= len(junk)
    far.close()
    group.close()


def test_a_far_end_that_does_not_read_blocks_nobody(board: PinBoard, path: Path) -> None:
    far = FarEnd.call(path)
    group = PinGroup(board, "A", Clock(), {}, {"relay": 23})
    for number in range(20_000):
        group.write(Edge("relay", number % 2))
    far.close()
    again = FarEnd.call(path)
    assert again.seen() == (23, 1)
    again.close()
    group.close()


def test_a_listening_far_end_is_called_and_called_again(path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    listener.settimeout(10)
    board = PinBoard({"HALLGATE_PINS": f"unix:{path}"})
    group = PinGroup(board, "A", Clock(), {"contact": 22}, {"relay": 23})
    for level in (1, 0):
        far = FarEnd(listener.accept()[0])
        assert far.seen() == (23, 0)
        far.drive(22, level)
        assert edges(group, 1) == [Edge("contact", level)]
        far.close()
    listener.close()
    group.close()
    board.close()
    assert path.exists(), "their socket is not ours to delete"


def test_a_far_end_that_takes_the_path_later_is_called(board: PinBoard, path: Path) -> None:
    path.unlink()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    listener.settimeout(10)
    far = FarEnd(listener.accept()[0])
    far.close()
    listener.close()


def test_a_killed_process_leaves_no_dead_socket(path: Path) -> None:
    script = (
        "import sys, time; from firmware.ports.pin_board import PinBoard;"
        "PinBoard({'HALLGATE_PINS': 'unix:' + sys.argv[1]}); print('up', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"up\n"
        other.kill()
        other.wait()
    assert path.exists()
    board = PinBoard({"HALLGATE_PINS": f"unix:{path}"})
    FarEnd.call(path).close()
    board.close()
    assert not path.exists()


def test_closing_gives_every_descriptor_back(path: Path) -> None:
    def open_now() -> int:
        return len(os.listdir("/proc/self/fd"))

    def once() -> None:
        board = PinBoard({"HALLGATE_PINS": f"unix:{path}"})
        group = PinGroup(board, "A", Clock(), BEAMS, {"relay": 23})
        far = FarEnd.call(path)
        far.seen()
        group.close()
        board.close()
        board.close()
        far.close()

    once()
    before = open_now()
    once()
    assert open_now() == before
