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
from mqtt.connection import Connection, Plan, Speaker
from mqtt.messages import Incoming
from mqtt.signing import envelope, sign_command
from mqtt.topics import ROOT
from tests.brokers import Broker, wait_until
from tests.device.bench import ROOT as SOURCE
from tests.device.bench import RULEBOOK
from tests.image.emulator import Emulator, burn, fetch
from tests.mqtt.helpers import Ear

RELAY, OUTSIDE, INSIDE, LOCK, BUTTON = 24, 17, 27, 25, 23
SITE = """v = 1
[device]
name = "entry-1"
hall = "baoshan"
[hub]
{hub}
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
EXIT = f"""[[lane]]
name = "B"
direction = "out"
for = ["visitor"]
on_failure = "open"
[lane.gate]
driver = "gate_relay_pin"
pin = {LOCK}
energised = "closed"
[lane.button]
driver = "contact_switch"
pin = {BUTTON}
normally = "open"
pull = "down"
"""
"""A way out with a magnetic lock: in service its relay is on, and off is open."""
YEARS_S = 5 * 365 * 86_400
WAIT_S = 300.0
READY = "]: ready"
LOST = "dwc2 3f980000.usb: Not connected"
"""The emulated USB host has lost the only device it has, for good: one start of fifteen on two cores, none of sixty on four."""


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


class Orders:
    """A hub that gives a door orders and hears everything of the hall."""

    ROOT = f"{ROOT}/baoshan"

    def __init__(self, door: Door) -> None:
        self.ear = Ear(door.broker.url, f"{self.ROOT}/#")
        self._key, self._kid = door.issuer.edwards_keys["command"], door.issuer.kid("command")

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.ear.on("/status")[-1].payload))

    def wait_for_it(self) -> None:
        """Until a door that was just started says so, and knows the time: no order's age can be judged before."""
        before = len(self.ear.on("/status"))
        wait_until(lambda: len(self.ear.on("/status")) > before and self.status()["clock"]["trusted"], WAIT_S, 0.2)

    def send(self, name: str, body: dict[str, Any], *, id: str = "", to_bank: bool = False) -> dict[str, Any]:
        """Its answer."""
        now_s, before = time.time(), len(self.ear.on("/answers"))
        to, topic = ("bank", "rights/hall/command") if to_bank else ("entry-1", f"device/entry-1/command/{name}")
        order = envelope(name, "baoshan", to, body, id=id or f"{name}-{now_s}", issuer="operator",
                         counter=int(now_s * 1000), now_s=now_s, valid_s=600)  # fmt: skip
        signed = sign_command(order, self._key, self._kid)
        self.ear.say(f"{self.ROOT}/{topic}", signed, response_topic=f"{self.ROOT}/hub/answers")
        wait_until(lambda: len(self.ear.on("/answers")) > before, WAIT_S, 0.2)
        return dict(json.loads(self.ear.on("/answers")[-1].payload))


def site_files(folder: Path, issuer: Issuer, hub: str, lanes: str = "") -> Path:
    """A door's site file with all that it names. `hub`: the lines of its table; `lanes`: more of them."""
    folder.mkdir(parents=True)
    text = RULEBOOK.format(serial=1, limit=100, proof="", grant=20, pulse=2000, more="").encode()
    (folder / "rulebook.toml").write_bytes(text)
    (folder / "rulebook.toml.sig").write_bytes(issuer.sign_rulebook(text))
    (folder / "trust.jwks").write_bytes(issuer.trust_jwks())
    key = folder / "hall.key"
    key.write_bytes(base64.urlsafe_b64encode(bytes(range(32))))
    key.chmod(0o600)
    (folder / "site.toml").write_text(SITE.format(hub=hub) + lanes)
    return folder / "site.toml"


def booking(issuer: Issuer) -> str:
    """Good whatever the board's clock says."""
    now = int(time.time())
    return issuer.booking(now - YEARS_S, now + YEARS_S)


class Door:
    def __init__(self, folder: Path, shop: recipe.Shop, *, loader: bool = False, lanes: str = "") -> None:
        self.folder, self.shop, self.lanes = folder, shop, lanes
        self.issuer = Issuer.new("baoshan", hall_key=bytes(range(32)))
        self.broker = Broker(folder, keeps=True)
        self.image = folder / "card.img"
        burn(shop, self.image, self._files())
        self.board = Emulator(folder, shop, self.image, loader=loader)

    def _files(self) -> Path:
        """What a technician has put on the card."""
        hub = f'url = "mqtt://10.0.2.2:{self.broker.port}"'
        site_files(self.folder / "persistent/site", self.issuer, hub, self.lanes)
        return self.folder / "persistent"

    def open(self) -> Hub:
        self.broker.start()
        hub = Hub(self.broker.url)
        hub.connection.start()
        return hub

    def power_on(self) -> float:
        """Seconds until it is ready. A board whose network card the emulator lost has its plug pulled once more."""
        for _ in range(3):
            self.board.start()
            took = self.board.says(READY)
            if LOST not in self.board.console():
                return took
            self.board.kill()
        raise AssertionError(f"three boards without a network card: {self.board.console()[-2000:]}")

    def booking(self) -> str:
        return booking(self.issuer)

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
