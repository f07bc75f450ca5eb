"""A site that is right, beside its rulebook, trust list and secrets: tests spoil one thing of it at a time."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware.rulebook import signature

SITE = """v = 1
[device]
name = "north-entry-1"
hall = "baoshan"
[hub]
url = "mqtt://127.0.0.1:1883"
[side_link]
listen = "127.0.0.1:7946"
peers = ["127.0.0.1:7947"]
key = "side-link.key"
[clock]
source = "system"
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
escape_way = false
[lane.scanner]
driver = "scanner_text_line"
port = "/dev/serial/by-path/one"
[lane.thermometer]
driver = "thermometer_gy_mcu90614"
port = "/dev/ttyAMA2"
[lane.gate]
driver = "gate_relay_lcus"
port = "/dev/ttyUSB0"
channel = 1
[lane.fire_loop]
driver = "contact_switch"
pin = 22

[[lane]]
name = "B"
direction = "out"
on_failure = "open"
escape_way = true
[lane.button]
driver = "contact_switch"
pins = { contact = 23 }
[lane.gate]
driver = "gate_relay_lcus"
port = "/dev/ttyUSB0"
channel = 2
energised = "closed"
[lane.fire_loop]
driver = "contact_switch"
pin = 22
"""

RULEBOOK = """v = 1
hall = "baoshan"
serial = 1
valid_from = 2020-01-01
valid_until = 2099-12-31
time_zone = "Asia/Shanghai"
limit_persons = 100
base_visits_per_day = 1000
[[phase]]
name = "open"
from = 2020-01-01
share_percent = 100
classes = ["visitor"]
[hours]
monday = ["09:00-17:00"]
[class.visitor]
booking = "required"
proof = ["pcr"]
temperature_max_c = 37.3
"""

KID = base64.urlsafe_b64encode(b"rules-01").rstrip(b"=").decode()


ZONED = SITE.replace("bank = true", 'bank = true\nzones = ["b1", "b2"]')


class Bench:
    """The folder with the files of one device."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.site, self.rulebook = folder, folder / "site.toml", folder / "rulebook.toml"
        self.key = Ed25519PrivateKey.generate()
        public = base64.urlsafe_b64encode(self.key.public_key().public_bytes_raw()).rstrip(b"=").decode()
        entry = {"kty": "OKP", "crv": "Ed25519", "x": public, "kid": KID, "kinds": ["rulebook"]}
        (folder / "trust.jwks").write_text(json.dumps({"keys": [entry]}))
        for secret in ("side-link.key", "hall.key"):
            (folder / secret).write_text("x" * 43)
            (folder / secret).chmod(0o600)
        self.write()
        self.sign(RULEBOOK)

    def write(self, old: str = "", new: str = "", text: str = SITE) -> Path:
        """The site file with one thing changed."""
        assert old in text
        self.site.write_text(text.replace(old, new, 1))
        return self.site

    def sign(self, text: str) -> Path:
        self.rulebook.write_text(text)
        (self.folder / "rulebook.toml.sig").write_bytes(signature.sign(text.encode(), self.key, KID))
        return self.rulebook


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def line_of(words: str, text: str = SITE) -> int:
    return text[: text.index(words)].count("\n") + 1
