"""What runs in the machine of this folder under a systemd of its own: the firmware as its unit starts it, hardened.

Its pins are the kernel's GPIO simulator's. It is killed and it hangs, and the gate goes where it stands without
software.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.device.bench import ROOT, Bench
from tests.device.far_pins import FIRE, INSIDE, OUTSIDE
from tests.rig.inside import DOOR, RELAY, Chip

UNITS = ROOT / "deploy/systemd"
PERSISTENT = Path("/persistent")
OURS = "[Service]\nProtectHome=no\nBindReadOnlyPaths=/cpuinfo:/proc/cpuinfo\nEnvironment=PYTHONDONTWRITEBYTECODE=1\n"
"""The only changes to the unit: a developer's Python may lie at home, this repository below /tmp, and the board's revision
is a file that stands for /proc/cpuinfo."""
if ROOT.is_relative_to("/tmp"):
    OURS += "PrivateTmp=no\nReadWritePaths=/tmp\n"


def systemctl(*words: str) -> str:
    done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False, timeout=150)
    return done.stdout.strip()


def shown(name: str) -> str:
    return systemctl("show", "hallgate.service", f"--property={name}", "--value")


def wait(name: str, wanted: str, patience_s: float = 120) -> None:
    end = time.monotonic() + patience_s
    while (now := shown(name)) != wanted:
        assert time.monotonic() < end, f"{name} is {now}, not {wanted}: {systemctl('status', 'hallgate.service')}"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def chip() -> Chip:
    made = Chip()
    for line in (OUTSIDE, INSIDE, FIRE):
        made.set(line, 0)
    return made


@pytest.fixture(scope="module")
def gate(chip: Chip) -> Bench:
    """As the image installs it: user, folders, unit; the udev rule by hand, for there is no udev in here."""
    shutil.copy(UNITS / "hallgate.service", "/etc/systemd/system/")
    drop_in = Path("/etc/systemd/system/hallgate.service.d/rig.conf")
    drop_in.parent.mkdir()
    drop_in.write_text(OURS)
    hallgate = Path("/usr/bin/hallgate")
    hallgate.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m firmware "$@"\n')
    hallgate.chmod(0o755)
    subprocess.run(["systemd-sysusers", UNITS / "sysusers.d/hallgate.conf"], check=True)
    made = Bench(PERSISTENT / "site", lane=DOOR.replace("PULL", "none"), grant=20, pulse=20_000)
    site = made.site.read_text()
    lcus = f'driver = "gate_relay_lcus"\nport = "{made.relay.link}"\nchannel = 1\n'
    made.site.write_text(site.replace(lcus, f'driver = "gate_relay_pin"\npin = {RELAY}\n'))
    made.state = PERSISTENT / "hallgate"
    owner = pwd.getpwnam("hallgate")
    os.chown(os.ttyname(made.scanner.slave), owner.pw_uid, owner.pw_gid)
    for device in Path("/dev").glob("gpiochip*"):
        shutil.chown(device, group="gpio")
        device.chmod(0o660)
    systemctl("daemon-reload")
    systemctl("start", "hallgate.service")
    assert made.state.owner() == made.site.owner() == "hallgate", "the unit's own doing"
    return made


def opened(gate: Bench, chip: Chip) -> None:
    for line in (OUTSIDE, INSIDE):  # the board's own resistors had broken them: nobody stands there
        chip.set(line, 0)
    time.sleep(0.5)
    gate.scan(gate.booking())
    chip.wait(RELAY, 1)


def main_process() -> int:
    return int(shown("MainPID"))


def test_hardened_as_it_is_it_opens_the_gate(gate: Bench, chip: Chip) -> None:
    wait("ActiveState", "active")
    assert Path(f"/proc/{main_process()}").owner() == "hallgate"
    assert chip.get(RELAY) == 0
    opened(gate, chip)
    assert Path("/run/hallgate/ask.sock").is_socket()


def test_after_a_crash_the_gate_is_shut_and_the_firmware_back(gate: Bench, chip: Chip) -> None:
    opened(gate, chip)
    before = main_process()
    os.kill(before, signal.SIGKILL)
    chip.wait(RELAY, 0, 60)
    wait("NRestarts", "1")
    wait("ActiveState", "active")
    assert main_process() != before
    said = subprocess.run(["journalctl", "-u", "hallgate.service", "-o", "cat"], capture_output=True, text=True).stdout
    assert "lane A rests closed" in said, said
    opened(gate, chip)


def test_a_firmware_that_hangs_is_killed_and_started_again(gate: Bench, chip: Chip) -> None:
    opened(gate, chip)
    os.kill(main_process(), signal.SIGSTOP)
    chip.wait(RELAY, 0, 60)
    wait("NRestarts", "2")
    wait("ActiveState", "active")
    opened(gate, chip)


def test_a_wrong_site_file_is_a_persons_to_mend(gate: Bench) -> None:
    text = gate.site.read_text()
    gate.site.write_text(text.replace("direction", "directoin"))
    systemctl("restart", "hallgate.service")
    wait("ActiveState", "failed")
    before = shown("NRestarts")
    time.sleep(5)
    assert (shown("NRestarts"), shown("ExecMainStatus")) == (before, "2")
    gate.site.write_text(text)
    systemctl("reset-failed", "hallgate.service")
    systemctl("start", "hallgate.service")
    wait("ActiveState", "active")
