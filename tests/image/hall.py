"""One door on an emulated Pi: its site, rulebook and keys on the card, a broker on this machine, and its records."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from deploy.image import recipe
from firmware.clock import Clock
from firmware.simulation.issuer import Issuer
from mqtt.address import Address
from mqtt.link import Connection, Plan, Speaker
from mqtt.messages import Incoming
from mqtt.topics import ROOT
from tests.brokers import Broker
from tests.device.bench import ROOT as SOURCE
from tests.device.bench import RULEBOOK
from tests.image.emulator import Emulator, burn, fetch

RELAY, OUTSIDE, INSIDE = 24, 17, 27
SITE = """v = 1
[device]
name = "entry-1"
hall = "baoshan"
[hub]
url = "mqtt://10.0.2.2:{port}"
[rights]
bank = true
[rulebook]
file = "rulebook.toml"
[trust]
keys = "trust.jwks"
hall_key = "hall.key"
[[lane]]
name = "A"
direction = "in"
for = ["visitor"]
on_failure = "closed"
[lane.scanner]
driver = "scanner_text_line"
port = "/dev/ttyAMA0"
[lane.counter]
driver = "counter_beam_pair"
pins = {{ outside = 17, inside = 27 }}
[lane.gate]
driver = "gate_relay_pin"
pin = 24
"""
YEARS_S = 5 * 365 * 86_400


class Hub(Speaker):
    """Counts every event by its id; an id that comes twice counts as a repetition."""

    def __init__(self, url: str) -> None:
        self.events: dict[str, dict[str, Any]] = {}
        self.repeated: Counter[str] = Counter()
        plan = Plan(client_id="image-hub", subscriptions=(f"{ROOT}/baoshan/device/+/event",))
        self.connection = Connection(Address.parse(url), plan, self, Clock())

    def heard(self, message: Incoming) -> None:
        event = msgspec.json.decode(message.payload)
        if event["id"] in self.events:
            self.repeated[event["id"]] += 1
        self.events[event["id"]] = event

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in list(self.events.values()) if event["kind"] == kind]


class Door:
    def __init__(self, folder: Path, shop: recipe.Shop, *, loader: bool = False) -> None:
        self.folder = folder
        self.issuer = Issuer.new("baoshan", hall_key=bytes(range(32)))
        self.broker = Broker(folder, keeps=True)
        self.image = folder / "card.img"
        burn(shop, self.image, self._files())
        self.board = Emulator(folder, shop, self.image, loader=loader)

    def _files(self) -> Path:
        """What a technician has put on the card."""
        site = self.folder / "persistent/site"
        site.mkdir(parents=True)
        text = RULEBOOK.format(serial=1, limit=100, proof="", grant=20, pulse=2000, more="").encode()
        (site / "rulebook.toml").write_bytes(text)
        (site / "rulebook.toml.sig").write_bytes(self.issuer.sign_rulebook(text))
        (site / "trust.jwks").write_bytes(self.issuer.trust_jwks())
        key = site / "hall.key"
        key.write_bytes(base64.urlsafe_b64encode(bytes(range(32))))
        key.chmod(0o600)
        (site / "site.toml").write_text(SITE.format(port=self.broker.port))
        return self.folder / "persistent"

    def open(self) -> Hub:
        self.broker.start()
        hub = Hub(self.broker.url)
        hub.connection.start()
        return hub

    def booking(self) -> str:
        now = int(time.time())
        return self.issuer.booking(now - YEARS_S, now + YEARS_S)

    def walk_in(self) -> None:
        """One body: the outer beam, both, the inner one."""
        for bcm, level in ((OUTSIDE, 1), (INSIDE, 1), (OUTSIDE, 0), (INSIDE, 0)):
            self.board.drive(bcm, level)
            time.sleep(0.4)

    def records(self) -> list[dict[str, Any]]:
        """Every event in the card's journal; the board is off. Raises when the journal does not replay."""
        from firmware.journal import Reader

        place = self.folder / f"fetched-{self.board.boots}"
        fetch(self.image, "/hallgate", place)
        state = place / "hallgate"
        words = [sys.executable, "-m", "firmware", "replay", "--state", str(state)]
        done = subprocess.run(words, cwd=SOURCE, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return [event for record in Reader(state).records() if record.count
                for event in json.loads(record.payload)["r"]]  # fmt: skip
