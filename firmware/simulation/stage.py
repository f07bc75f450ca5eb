"""What a demo needs on disk: keys, a signed rulebook, a trust list and one site file per device, all made fresh.

The entry device is the bank of the hall's rights and of the zone's upstairs; exit and lift start with none. Everything lies
in one folder that goes when the demo ends. The rulebook admits around the clock, because a demo is started at any hour.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path

from firmware.files import write_secret
from firmware.simulation.issuer import Issuer

HALL = "baoshan"
TIME_ZONE = "Asia/Shanghai"
TEST_HOURS = 72
ZONE, ZONE_LIMIT = "upstairs", 3
"""Where the lift goes, and how many may be there at once."""

RULEBOOK = """\
v = 1
hall = "{hall}"
serial = 1
valid_from = 2020-01-01
valid_until = 2099-12-31
time_zone = "{zone}"
limit_persons = {limit}
base_visits_per_day = 100000
walk_in = false

[[phase]]
name = "full"
from = 2020-01-01
share_percent = 100
limit_percent = 100
classes = ["visitor"]

[hours]
monday = ["00:00-24:00"]
tuesday = ["00:00-24:00"]
wednesday = ["00:00-24:00"]
thursday = ["00:00-24:00"]
friday = ["00:00-24:00"]
saturday = ["00:00-24:00"]
sunday = ["00:00-24:00"]

[slot]
early_minutes = 10
late_minutes = 15

[class.visitor]
booking = "required"
proof = ["pcr"]
pcr_validity_hours = {test_hours}
antigen_days = 0
sources = ["certificate"]

[zone.{upstairs}]
limit_persons = {zone_limit}
[elevator]
spacing_mm = 800
trip_seconds = 20

[gate]
grant_seconds = 8
pulse_ms = 700

[spacing]
minimum_mm = 2000
release_interval_ms = 1000

[air]
alarm_ppm = 1000

[on_doubt]
clock = "staff"
journal_full = "refuse"
sensor_missing = "staff"
"""

SITE = """\
v = 1
[device]
name = "{name}"
hall = "{hall}"
[hub]
url = "{broker}"
[rights]
bank = {bank}
{zones}[rulebook]
file = "rulebook.toml"
[trust]
keys = "trust.jwks"
hall_key = "hall.key"

{lane}"""

ENTRY_LANE = """\
[[lane]]
name = "A"
direction = "in"
for = ["visitor"]
on_failure = "closed"
[lane.scanner]
driver = "scanner_text_line"
port = "{folder}/A-scanner"
[lane.counter]
driver = "counter_beam_pair"
pins = {{ outside = 17, inside = 27 }}
[lane.range]
driver = "range_ld2450"
port = "{folder}/A-range"
[lane.air]
driver = "air_mh_z19b"
port = "{folder}/A-air"
every_seconds = 10
warm_up_seconds = 0
[lane.gate]
driver = "gate_relay_lcus"
port = "{folder}/A-gate"
channel = 1
[lane.sign]
driver = "sign_text_line"
port = "{folder}/A-sign"
[lane.voice]
driver = "voice_syn6288"
port = "{folder}/A-voice"
[lane.lamp]
driver = "lamp_pins"
pins = {{ green = 5, red = 13 }}
[lane.fire_loop]
driver = "contact_switch"
pin = 22
"""

EXIT_LANE = """\
[[lane]]
name = "B"
direction = "out"
on_failure = "open"
escape_way = true
[lane.button]
driver = "contact_switch"
normally = "open"
pin = 6
[lane.counter]
driver = "counter_beam_pair"
pins = {{ outside = 17, inside = 27 }}
[lane.gate]
driver = "gate_relay_pin"
pin = 23
[lane.fire_loop]
driver = "contact_switch"
pin = 22
"""

LIFT_LANE = """\
[[lane]]
name = "L"
direction = "elevator"
from = "hall"
zone = "{upstairs}"
for = ["visitor"]
[lane.car]
width_mm = 1600
depth_mm = 1400
rated_persons = 10
[lane.scanner]
driver = "scanner_text_line"
port = "{folder}/L-scanner"
[lane.counter]
driver = "counter_beam_pair"
pins = {{ outside = 17, inside = 27 }}
[lane.gate]
driver = "gate_relay_pin"
pin = 23
"""

BANK = "demo-entry-1"
LANES = {BANK: ENTRY_LANE, "demo-exit-1": EXIT_LANE, "demo-lift-1": LIFT_LANE}
"""By device."""


@dataclass(frozen=True)
class Stage:
    folder: Path
    office: Issuer
    sites: dict[str, Path]
    """Site file by device name."""

    def state(self, device: str) -> Path:
        return self.folder / "state" / device


def build(folder: Path, broker_url: str, limit: int) -> Stage:
    """Write everything into `folder` (which exists). `limit`: people inside at once."""
    hall_key = secrets.token_bytes(32)
    office = Issuer.new(HALL, hall_key=hall_key)
    text = RULEBOOK.format(
        hall=HALL, zone=TIME_ZONE, limit=limit, test_hours=TEST_HOURS, upstairs=ZONE, zone_limit=ZONE_LIMIT
    )
    (folder / "rulebook.toml").write_bytes(text.encode())
    (folder / "rulebook.toml.sig").write_bytes(office.sign_rulebook(text.encode()))
    (folder / "trust.jwks").write_bytes(office.trust_jwks())
    write_secret(folder / "hall.key", urlsafe_b64encode(hall_key).rstrip(b"="))
    sites = {name: _write_site(folder, broker_url, name, lane) for name, lane in LANES.items()}
    return Stage(folder, office, sites)


def _write_site(folder: Path, broker_url: str, name: str, lane: str) -> Path:
    file, bank = folder / f"{name}.toml", name == BANK
    lanes = lane.format(folder=folder, upstairs=ZONE)
    zones = f'zones = ["{ZONE}"]\n' if bank or "zone =" in lane else ""
    made = SITE.format(name=name, hall=HALL, broker=broker_url, bank=str(bank).lower(), zones=zones, lane=lanes)
    file.write_text(made)
    return file
