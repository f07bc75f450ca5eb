"""A door with serial devices and a hub carries in its memory what it needs, and nothing that other doors need."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

from firmware.version import VERSION

RUN = "import sys, firmware.verbs.run, firmware.wiring, firmware.hub.side, firmware.ports.serial_line; print(*sys.modules)"
OTHERS = {"gpiozero", "picamera2", "zxingcpp", "pyzbar", "numpy", "h11", "rich", "sqlite3", "asyncio", "difflib"}
HEAVY = {"importlib.metadata", "zipfile", "urllib.request", "http.client", "email"}
"""2 MB of 45 for the word that `VERSION` is, and as much for proxies."""

PROXIES = """
import sys
sys.modules["socks"] = sys
from mqtt.paho_alone import client
import urllib.request as real
print(client.Client(client.CallbackAPIVersion.VERSION2)._get_proxy(), real.Request.__name__)
"""


def test_a_serial_door_pays_for_no_other() -> None:
    loaded = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=True).stdout.split()
    assert not (OTHERS | HEAVY) & set(loaded)
    assert {"serial", "paho.mqtt.client", "firmware.core.controller"} <= set(loaded)


def test_who_needs_what_paho_was_denied_gets_it() -> None:
    """Where PySocks is installed, too: then paho asks `urllib.request` for proxies at every attempt to connect."""
    said = subprocess.run([sys.executable, "-c", PROXIES], capture_output=True, text=True, check=True).stdout
    assert said == "None Request\n"


def test_the_version_is_that_of_the_installed_package() -> None:
    assert importlib.metadata.version("hallgate") == VERSION
