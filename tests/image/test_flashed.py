"""A card from `hallgate flash` to a door of its hall, in the emulated Pi: first start, enrolment, an encrypted line."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.flash import blockmap
from deploy.image import recipe, tools
from firmware.simulation.issuer import Issuer
from tests.brokers import wait_until
from tests.device.bench import ROOT as SOURCE
from tests.first_boot.desk import desk
from tests.image.emulator import FAT, Emulator, burn
from tests.image.hall import READY, RELAY, booking, site_files
from tests.image.test_boot import MINUTE_S
from tests.mqtt.test_trust import ROOT, Client
from tests.mqtt.trust import Hall

pytestmark = [pytest.mark.long("image"), pytest.mark.timeout(7200)]

CARD_BYTES = 4 << 30
"""Larger than the image: /persistent has room to grow into."""
TLS = """url = "mqtts://10.0.2.2:{port}"
[hub.tls]
ca = "ca.pem"
cert = "entry-1.pem"
key = "entry-1.key\""""


@pytest.fixture
def hall(tmp_path: Path, capsys: Any) -> Iterator[Hall]:
    made = Hall(tmp_path, capsys)
    made.enrolled("broker", "broker", "--host", "10.0.2.2", "--host", "127.0.0.1")
    made.enrolled("hub", "hub")
    made.configure()
    made.start()
    yield made
    made.kill()


def flashed(folder: Path, shop: recipe.Shop, hall: Hall, issuer: Issuer, office: str) -> Path:
    """As a technician does it, onto a card that is larger than the image."""
    (folder / "empty").mkdir()
    image, card = folder / "hallgate.img", folder / "card.img"
    burn(shop, image, folder / "empty")
    image.with_name("hallgate.img.bmap").write_bytes(blockmap.as_xml(blockmap.made(image)))
    site = site_files(folder / "desk", issuer, TLS.format(port=hall.port))
    (site.parent / "ca.pem").write_bytes((hall.authority / "ca.pem").read_bytes())
    words = [image, card, "--site", site, "--enrol", office, "--ca", hall.authority]
    command = [sys.executable, "-m", "firmware", "flash", *map(str, words)]
    done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, timeout=900, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["device"] == "entry-1"
    os.truncate(card, CARD_BYTES)
    return card


def on_card(card: Path) -> str:
    return tools.run(["mdir", "-b", "-/", "-i", f"{card}{FAT}", "::hallgate"])


def test_a_flashed_card_becomes_a_door_of_its_hall(
    tmp_path: Path, shop: recipe.Shop, hall: Hall, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plug is pulled in the middle of the first start; the second one does all of it, and nobody is asked anything."""
    issuer = Issuer.new("baoshan", hall_key=bytes(range(32)))
    with desk(hall.authority) as office:
        card = flashed(tmp_path, shop, hall, issuer, office.url.replace("127.0.0.1", "10.0.2.2"))
        board = Emulator(tmp_path, shop, card)
        try:
            board.start()
            board.says("door becomes this device's")
            board.kill()
            assert "enrol.json" in on_card(card), "the card is as it was"
            board.start()
            took = [board.says("this is entry-1 in baoshan"), board.says(READY), board.says("hallgate: enrolled")]
            with capsys.disabled():
                print(f"\nimage: flashed card: placed after {took[0]:.0f} s, ready {took[1]:.0f} s later", flush=True)
            board.becomes(RELAY, 0)
            board.scan(booking(issuer))
            board.becomes(RELAY, 1)
            hall.configure()  # what `hallgate enrol serve --then` is for
            hall.signal(signal.SIGHUP)
            ear = Client(hall.door("hub"), f"{ROOT}/#", client_id="hub")
            wait_until(lambda: [event for event in ear.on("/event") if b'"admit"' in event.payload], 10 * MINUTE_S, 0.5)
            ear.close()
        finally:
            board.kill()
    assert "MB now" in board.console() and partition_bytes(card, 4) > CARD_BYTES // 4
    left = on_card(card)
    assert "fingerprint.txt" in left and "hall.key" not in left and "enrol.json" not in left, left


def partition_bytes(card: Path, number: int) -> int:
    rows = re.findall(r"size= *(\d+)", tools.run(["sfdisk", "-d", card]))
    return int(rows[number - 1]) * 512
