"""`hallgate doctor` as a technician meets it: real ptys and pins, its own process, its words, its report, its exit code."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import pytest

from sensors import thermometer_gy_mcu90614 as thermometer
from sensors.readings import Contact, Scan, Temperature
from tests.brokers import free_port
from tests.device.bench import ROOT, Far, bench
from tests.doctor.door import Deeds, Door, door, write_site

CODE = b"HP1:SECRET-OF-A-PERSON"
WHOLE = """
[lane.scanner]
driver = "scanner_gm65"
port = "DIR/scanner"
[lane.thermometer]
driver = "thermometer_gy_mcu90614"
port = "DIR/thermometer"
[lane.counter]
driver = "counter_beam_pair"
pins = { outside = 17, inside = 27 }
[lane.button]
driver = "contact_switch"
pin = 23
normally = "open"
[lane.gate]
driver = "gate_relay_modbus"
port = "DIR/gate"
[lane.lamp]
driver = "lamp_pins"
pins = { green = 5, red = 6 }
[lane.fire_loop]
driver = "contact_switch"
pin = 22
"""
CHIPS = """
[lane.scanner]
driver = "scanner_text_line"
port = "DIR/scanner"
[lane.air]
driver = "air_scd41"
port = "unix:DIR/bus"
[lane.thermometer]
driver = "thermometer_mlx90614"
port = "unix:DIR/bus"
"""
IN = ((17, 1), (27, 1), (17, 0), (27, 0))


def walk(*beams: tuple[int, int]) -> Callable[[Door], None]:
    def deed(at: Door) -> None:
        assert at.rig is not None
        wires = at.rig._wires["door"]
        for number, (pin, level) in enumerate(beams):
            at.rig.after(150.0 * (number + 1), lambda pin=pin, level=level: wires.drive(pin, level))

    return deed


def shows(role: str, reading: object) -> Callable[[Door], None]:
    return lambda at: at.rig.show("A", role, reading)  # type: ignore[union-attr, arg-type]


DEEDS: Deeds = {
    "hold any code": shows("scanner", Scan(CODE)),
    "back of your hand": shows("thermometer", Temperature(33.1, 22.0)),
    "walk through": walk(*IN),
    "press the attendant's button": shows("button", Contact(closed=True)),
    "let the button go": shows("button", Contact(closed=False)),
    "press the fire test": shows("fire_loop", Contact(closed=False)),
    "set the fire test back": shows("fire_loop", Contact(closed=True)),
    "may the gate move": lambda _: "y",
    "did the gate open": lambda _: "y",
    "did the lamp show": lambda _: "y",
}


def test_a_whole_door_step_by_step(tmp_path: Path) -> None:
    with door(tmp_path, WHOLE) as at:
        opened: list[bool] = []
        assert at.rig is not None
        at.rig.when_gate("A", opened.append)
        found = at.examine("--state", str(tmp_path / "state"), deeds=DEEDS)
        assert {name: (each["result"], each["because"]) for name, each in found.items()} == dict.fromkeys(
            found, ("works", "")
        ), at.said
        assert set(found) == {"scanner", "thermometer", "counter", "button", "gate", "lamp", "fire_loop"}
        assert (at.code, at.report["result"]) == (0, "works")
        assert opened == [True, False]
        assert CODE.decode() not in str(at.report) + "".join(at.said), "a code's text may name somebody"
    kept = json.loads((tmp_path / "state/doctor.json").read_bytes())
    jsonschema.validate(kept, json.loads((ROOT / "docs/schemas/doctor.json").read_bytes()))


def test_nobody_there_moves_nothing(tmp_path: Path) -> None:
    with door(tmp_path, WHOLE) as at:
        assert at.rig is not None
        at.rig.when_gate("A", lambda _: pytest.fail("the gate moved"))
        at.rig.show("A", "thermometer", Temperature(33.1, 22.0))
        found = at.examine("--quick")
        assert at.code == 0 and at.report["result"] == "incomplete"
        assert found["scanner"]["result"] == "not_asked"
        assert found["gate"]["result"] == "works", "its board answers by itself"
        assert not [line for line in at.said if "?" in line]


def test_a_no_is_a_fault_and_a_missing_yes_moves_nothing(tmp_path: Path) -> None:
    relay = '[lane.gate]\ndriver = "gate_relay_lcus"\nport = "DIR/gate"\nchannel = 1\n'
    with door(tmp_path, relay) as at:
        opened: list[bool] = []
        assert at.rig is not None
        at.rig.when_gate("A", opened.append)
        assert at.examine(deeds={"may the gate move": lambda _: "n"})["gate"]["result"] == "not_asked"
        assert (at.code, opened) == (0, [])
        found = at.examine(deeds={"may the gate move": lambda _: "是", "did the gate": lambda _: "n"})["gate"]
        assert found["result"] == "wrong" and "the technician says no" in found["because"]
        assert (at.code, opened) == (1, [True, False])


def test_exchanged_beams_and_an_open_fire_loop(tmp_path: Path) -> None:
    with door(tmp_path, WHOLE) as at:
        assert at.rig is not None
        at.rig.show("A", "fire_loop", Contact(closed=False))
        out = ((27, 1), (17, 1), (27, 0), (17, 0))
        assert (
            "exchange the pins"
            in at.examine("--device", "counter", deeds={"walk through": walk(*out)})["counter"]["because"]
        )
        nobody = at.examine("--device", "counter", "--seconds", "1")["counter"]
        assert nobody["result"] == "nothing_answers" and "the BCM numbers" in nobody["because"], (
            "beams have no TX and RX"
        )
        assert not [line for line in at.said if "other speeds" in line]
        assert "the fire loop is open" in at.examine("--device", "fire_loop")["fire_loop"]["because"]
        assert at.code == 1


def test_nobody_scanned_in_time(tmp_path: Path) -> None:
    with door(tmp_path, WHOLE) as at:
        found = at.examine("--device", "scanner", seconds=1)["scanner"]
    assert found["result"] == "wrong" and "not seen within 1 s" in found["because"]


def test_it_speaks_chinese(tmp_path: Path) -> None:
    with door(tmp_path, WHOLE) as at:
        at.examine("--device", "fire_loop", language="zh", seconds=1)
    assert any("消防" in line for line in at.said), at.said
    assert not [line for line in at.said if "please" in line]


# ---------------------------------------------------------------- trouble on the cable


@contextlib.contextmanager
def far_end(path: Path, speak: Callable[[Far], None]) -> Iterator[Far]:
    far, over = Far(path), threading.Event()

    def go_on() -> None:
        while not over.wait(0.05):
            speak(far)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield far
    finally:
        over.set()
        thread.join()
        far.unplug()


def speed_of(far: Far) -> int:
    return int(termios.tcgetattr(far.near)[5])


def frames_at(speed: int) -> Callable[[Far], None]:
    """A thermometer set to `speed`: at any other one its bytes are noise."""
    (frame,) = thermometer.DRIVER.examples[0].raw
    assert isinstance(frame, bytes)

    def speak(far: Far) -> None:
        far.read()
        if len(far.heard) < 60_000:
            far.write(frame if speed_of(far) == speed else bytes(byte ^ 0x5A for byte in frame))

    return speak


ONE = '[lane.{role}]\ndriver = "{driver}"\nport = "DIR/it"\n'
THERMOMETER = ONE.format(role="thermometer", driver="thermometer_gy_mcu90614")
GM65 = ONE.format(role="scanner", driver="scanner_gm65")
TEXT = ONE.format(role="scanner", driver="scanner_text_line")


@pytest.mark.parametrize(
    ("devices", "speak", "result", "because"),
    [
        (GM65, lambda far: None, "nothing_answers", "power"),
        (THERMOMETER, lambda far: None, "nothing_answers", "power"),
        (THERMOMETER, lambda far: far.write(os.urandom(7)), "nonsense", "wrong speed"),
        (THERMOMETER, frames_at(termios.B115200), "wrong_speed", "115200 baud"),
        (TEXT, lambda far: far.write(b"\xf3\x00\x91\r"), "wrong", "is no text"),
        (TEXT, lambda far: far.write(b"half a line for ever "), "nonsense", "wrong speed"),
        (TEXT, lambda far: None, "nothing_answers", "power"),
    ],
    ids=["silent scanner", "silent thermometer", "noise", "another speed", "binary", "no end", "silent line"],
)  # fmt: skip
def test_what_kind_of_trouble(
    tmp_path: Path, devices: str, speak: Callable[[Far], None], result: str, because: str
) -> None:
    write_site(tmp_path, devices)
    with far_end(tmp_path / "it", speak):
        at = Door(tmp_path, None)
        (found,) = at.examine(seconds=6, rate=3).values()
    assert (found["result"], at.code) == (result, 1), at.said
    assert because in found["because"]


def test_a_silent_terminal_has_no_tx_and_rx(tmp_path: Path) -> None:
    write_site(tmp_path, f'[lane.terminal]\ndriver = "terminal_http"\nlisten = "127.0.0.1:{free_port()}"\n')
    at = Door(tmp_path, None)
    (found,) = at.examine(seconds=2).values()
    assert found["result"] == "nothing_answers" and "its network, the address it sends to" in found["because"]


def test_a_report_that_can_be_kept_nowhere_is_told_all_the_same(tmp_path: Path) -> None:
    """Nobody walks through a door twice for a mistyped folder."""
    write_site(tmp_path, TEXT)
    at = Door(tmp_path, None)
    os.mkfifo(tmp_path / "pipe")
    for nowhere in (tmp_path, tmp_path / "pipe"):
        (found,) = at.examine("--report", str(nowhere)).values()
        assert found["result"] == "not_there" and at.code == 2


def test_a_port_that_is_not_there_and_one_in_use(tmp_path: Path) -> None:
    write_site(tmp_path, TEXT)
    at = Door(tmp_path, None)
    (found,) = at.examine().values()
    assert (found["result"], at.code) == ("not_there", 1) and "is not plugged in" in found["because"]
    with bench(tmp_path / "door") as gate:
        gate.start()
        at.site = gate.site
        found = at.examine()["scanner"]
    assert found["result"] == "not_there" and "used by another" in found["because"]


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["--lane", "Z"], "there is no lane Z"),
        (["--device", "air"], "no lane has a air"),
        (["--seconds", "0"], "1 to 600"),
    ],
)
def test_wrong_words(tmp_path: Path, words: list[str], key: str) -> None:
    write_site(tmp_path, TEXT)
    command = [sys.executable, "-m", "firmware", "doctor", "--site", str(tmp_path / "site.toml"), *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and key in done.stderr and "Traceback" not in done.stderr
    assert done.stdout == ""


def test_chips_of_an_i2c_bus(tmp_path: Path) -> None:
    with door(tmp_path, CHIPS) as at:
        found = at.examine(deeds=DEEDS)
        assert {each["result"] for each in found.values()} == {"works"}, at.said


def test_a_bus_without_its_chips_names_what_to_look_at(tmp_path: Path) -> None:
    with door(tmp_path, CHIPS) as at:
        assert at.rig is not None
        at.rig._on_bus.clear()
        found = at.examine(deeds=DEEDS, seconds=1)
        for chip in ("air", "thermometer"):
            assert found[chip]["result"] == "nothing_answers" and "SDA and SCL" in found[chip]["because"], at.said
