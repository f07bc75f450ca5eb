"""The unit of the firmware, and what the firmware tells systemd: with a real process, a real socket, real relays on ptys."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.__main__ import main
from firmware.verbs.run import HEAP
from tests import needs
from tests.brokers import wait_until
from tests.device.bench import OFF, ON, ROOT, Bench, bench
from tests.device.far_pins import FIRE, PINS, FarPins

UNITS = ROOT / "deploy/systemd"
UNIT = UNITS / "hallgate.service"
EXPOSURE_MAX = {
    "hallgate.service": 1.5,
    "hallgate-clock.service": 1.5,
    "hallgate-confirm.service": 1.5,
    "hallgate-enrol.service": 2.5,
    "hallgate-fault.service": 1.5,
    "hallgate-update.service": 2.5,
}
"""What may run as long as the device does. All but the first are root's: for the lamp, the slots, to give files away; the
last two hear the network."""


def words(unit: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", (UNITS / unit).read_text(), re.MULTILINE)


# ---------------------------------------------------------------- the unit


@pytest.mark.parametrize(("unit", "limit"), EXPOSURE_MAX.items())
def test_the_exposure_is_low(unit: str, limit: float) -> None:
    needs.stop_unless(needs.missing("systemd-analyze"))
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNITS / unit)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert found and float(found[1]) <= limit, said


@pytest.mark.parametrize("kind", ["ttyAMA", "ttyUSB", "ttyACM", "gpiochip", "i2c", "video4linux", "input"])
def test_what_a_door_hangs_on_can_be_reached(kind: str) -> None:
    assert any(each.startswith(f"char-{kind} r") for each in words("hallgate.service", "DeviceAllow"))


def test_it_gets_its_heap() -> None:
    assert words("hallgate.service", "Environment") == [" ".join(f"{name}={value}" for name, value in HEAP.items())]


def test_the_gate_waits_for_no_network() -> None:
    text = UNIT.read_text()
    assert "Before=network-pre.target" in text and "network-online" not in text and "After=network" not in text
    assert words("hallgate.service", "Type") == ["notify"] and words("hallgate.service", "WatchdogSec")


def test_every_unit_can_be_read_by_systemd(tmp_path: Path) -> None:
    needs.stop_unless(needs.missing("systemd-analyze"))
    for unit in sorted(UNITS.glob("*.service")):
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
        )
        found = [line for line in done.stderr.splitlines() if unit.name in line and "is not executable" not in line]
        assert not [line for line in found if "Unknown" in line or "Failed to parse" in line or "Invalid" in line], (
            found
        )


# ---------------------------------------------------------------- what the process says


@contextlib.contextmanager
def told_of(gate: Bench, folder: Path, watchdog_usec: int) -> Iterator[socket.socket]:
    """As systemd would: a socket to be told at, and how long a silence may last."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(folder / "notify"))
        ear.settimeout(20)
        gate.environment |= {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": str(watchdog_usec)}
        yield ear


def test_it_says_when_it_is_ready_alive_and_going(tmp_path: Path) -> None:
    with bench(tmp_path) as gate, told_of(gate, tmp_path, 600_000) as ear:
        gate.start()
        assert ear.recv(100) == b"READY=1"
        assert [ear.recv(100) for _ in range(5)] == [b"WATCHDOG=1"] * 5
        assert gate.stop() == 0
        said = b""
        while b"STOPPING" not in said:
            said = ear.recv(100)
        assert said == b"STOPPING=1"


def test_a_loop_that_hangs_says_nothing(tmp_path: Path) -> None:
    """The same process, its other threads alive: only the loop is held up, by a disk that does not answer."""
    with bench(tmp_path) as gate, told_of(gate, tmp_path, 300_000) as ear:
        gate.start()
        assert gate.process is not None
        ear.recv(100), ear.recv(100)
        gate.process.send_signal(signal.SIGSTOP)
        ear.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            while True:
                ear.recv(100)
        ear.settimeout(1.0)
        with pytest.raises(TimeoutError):
            ear.recv(100)
        gate.process.send_signal(signal.SIGCONT)
        assert ear.recv(100) == b"WATCHDOG=1"


# ---------------------------------------------------------------- gates at rest


def rest(site: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "firmware", "rest", "--site", str(site), *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, env={**os.environ, **more})


def test_a_crash_in_an_opening_leaves_no_open_gate(tmp_path: Path) -> None:
    with bench(tmp_path, pulse=30_000) as gate:
        gate.start()
        gate.scan(gate.booking())
        gate.relay.expect(ON)
        gate.kill()
        gate.relay.silent(0.3, OFF)
        done = rest(gate.site)
        assert (done.returncode, done.stdout) == (0, "lane A rests closed\n")
        gate.relay.expect(OFF)


def test_a_crash_in_an_evacuation_leaves_the_entry_open(tmp_path: Path) -> None:
    with bench(tmp_path, lane=PINS) as gate:
        gate.environment["HALLGATE_PINS"] = f"unix:{tmp_path}/pins"
        gate.start()
        pins = FarPins(tmp_path / "pins")
        pins.set(FIRE, 1)
        gate.relay.expect(ON)
        wait_until(lambda: any(record["kind"] == "alarm" for record in gate.records()))
        gate.kill()
        done = rest(gate.site, "--state", str(gate.state))
        assert (done.returncode, done.stdout) == (0, "lane A rests open\n"), done.stderr
        assert OFF not in gate.relay.expect(ON)
        assert rest(gate.site, "--state", str(tmp_path / "nowhere")).stdout == "lane A rests closed\n"
        pins.socket.close()


def test_a_fire_loop_that_opened_while_the_firmware_hung_opens_the_entry(tmp_path: Path) -> None:
    """No journal knows of it; a pin of the mock factory that is pulled up and left alone is a loop that is cut."""
    with bench(tmp_path, lane=PINS) as gate:
        done = rest(gate.site, GPIOZERO_PIN_FACTORY="mock")
        assert (done.returncode, done.stdout) == (0, "lane A rests open\n"), done.stderr
        gate.relay.expect(ON)


def test_an_exit_rests_open(tmp_path: Path) -> None:
    text = """v = 1
[device]
name = "exit-1"
hall = "baoshan"
[[lane]]
name = "B"
direction = "out"
on_failure = "open"
[lane.button]
driver = "contact_switch"
pin = 23
normally = "open"
[lane.gate]
driver = "gate_relay_pin"
pin = 24
energised = "closed"
"""
    (tmp_path / "site.toml").write_text(text)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "pins"))
        server.listen()
        done = rest(tmp_path / "site.toml", HALLGATE_PINS=f"unix:{tmp_path}/pins")
        assert done.returncode == 0 and done.stdout == "lane B rests open\n", done.stderr
        far, _ = server.accept()
        with far:
            assert b'{"pin":24,"level":0}' in far.recv(1000), "a magnet without current"


def test_a_gate_that_somebody_minds_is_left_to_him(tmp_path: Path) -> None:
    with bench(tmp_path) as gate:
        gate.start()
        done = rest(gate.site)
        assert done.returncode == 1 and "used by another process" in done.stderr


def test_wrong_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rest", "--site", str(tmp_path / "nowhere.toml")]) == 2
    assert capsys.readouterr().out == ""
