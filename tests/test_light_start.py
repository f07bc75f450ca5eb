"""A door with serial devices and a hub carries in its memory what it needs, and nothing that other doors need."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

from firmware.version import VERSION

RUN = "import sys, firmware.verbs.run, firmware.wiring, firmware.hub.side, firmware.ports.serial_line; print(*sys.modules)"
OTHERS = {"gpiozero", "picamera2", "zxingcpp", "pyzbar", "numpy", "h11", "rich", "sqlite3", "asyncio", "difflib"}
HEAVY = {"importlib.metadata", "zipfile"}
"""2 MB of 45 for the word that `VERSION` is."""


def test_a_serial_door_pays_for_no_other() -> None:
    loaded = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=True).stdout.split()
    assert not (OTHERS | HEAVY) & set(loaded)
    assert {"serial", "paho.mqtt.client", "firmware.core.controller"} <= set(loaded)


def test_the_version_is_that_of_the_installed_package() -> None:
    assert importlib.metadata.version("hallgate") == VERSION
