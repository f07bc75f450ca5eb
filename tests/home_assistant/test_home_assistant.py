"""`./hallgate test --home-assistant`: what the real Home Assistant makes of a real door, on a network with nothing but loopback.

Home Assistant asks the internet for things by itself and may bind every address, so all of this runs in a network
namespace of its own: this test starts itself again in there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mqtt.discovery import announcement
from mqtt.messages import LaneStatus, SensorStatus, Status
from tests import needs
from tests.brokers import Broker, free_port, wait_until
from tests.device.bench import ON, ROOT, bench
from tests.device.far_pins import FIRE, INSIDE, OUTSIDE, PINS, FarPins
from tests.home_assistant.program import HomeAssistant, installed
from tests.mqtt.helpers import Ear

ALONE = "HALLGATE_ONLY_LOOPBACK"
pytestmark = [
    pytest.mark.long("home-assistant"),
    pytest.mark.timeout(1_800),
    needs.unless(needs.missing("mosquitto", "unshare", "ip") or needs.not_root("make a network namespace")),
]


def test_home_assistant_shows_the_door(tmp_path: Path) -> None:
    if not os.environ.get(ALONE):
        in_a_network_of_its_own()
        return
    folder = tmp_path / "broker"
    folder.mkdir()
    broker = Broker(folder).start()
    home = HomeAssistant(installed(), tmp_path / "home", free_port())
    try:
        with bench(tmp_path / "gate", hub=broker.url, pulse=50, lane=PINS) as gate:
            gate.environment["HALLGATE_PINS"] = f"unix:{tmp_path}/pins"
            gate.start()
            pins = FarPins(tmp_path / "pins")
            for pin in (OUTSIDE, INSIDE, FIRE):
                pins.set(pin, 0)
            home.start().move_in(broker.port)
            it_shows_a_quiet_door(home)
            gate.scan(gate.booking())
            gate.relay.expect(ON)
            pins.walk((OUTSIDE, 1), (INSIDE, 1), (OUTSIDE, 0), (INSIDE, 0))
            home.shows(named(inside="1", places="99"))
            it_shows_alarms_and_the_fire(home, pins)
            it_is_told_again_when_it_starts_anew(home, broker)
            gate.kill()
            home.shows(named(inside="unavailable"))
            assert not [
                line for line in home.log.splitlines() if "mqtt" in line and ("ERROR" in line or "WARNING" in line)
            ]
    finally:
        home.stop()
        broker.stop()


def in_a_network_of_its_own() -> None:
    installed()
    # It joins multicast groups, which needs a route.
    inside = "ip link set lo up multicast on && ip route add 224.0.0.0/4 dev lo && exec " + " ".join(
        [sys.executable, "-m", "pytest", "-q", "--home-assistant", "-rA", __file__]
    )
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", inside], cwd=ROOT, env={**os.environ, ALONE: "1"}, check=False
    )
    assert done.returncode == 0, "see the lines above"


def named(**by_key: str) -> dict[str, str]:
    """States by the name each component of the announcement has on Home Assistant's wall."""
    made = announcement(LIKE)
    return {f"{made.device.name} {made.components[key].name}": state for key, state in by_key.items()}


LANE = LaneStatus(
    name="A", sensors=tuple(SensorStatus(device=name) for name in ("scanner", "gate", "counter", "fire_loop"))
)
LIKE = Status(v=1, device="entry-1", hall="baoshan", lanes=(LANE,))
"""The door of this test as far as names need it."""
(INSIDE_NOW,) = named(inside="")
(ALARM,) = named(alarm="")


def it_shows_a_quiet_door(home: HomeAssistant) -> None:
    shown = home.shows(
        named(
            inside="0", limit="100", free_rights="100", places="100", rulebook="1", evacuated="off", health="off",
            doctor="unknown",
            a_gate="idle", a_waiting="0", a_fire_loop="off", a_counter="off",
        )
    )  # fmt: skip
    ours = [one for name, one in shown.items() if name.startswith("baoshan entry-1")]
    assert len(ours) == len(announcement(LIKE).components), "every one of them became an entity"
    assert not [one for one in ours if one["state"] in ("unavailable", "")]
    assert {one["entity_id"].partition(".")[0] for one in ours} == {"sensor", "binary_sensor", "event"}, "read-only"


def it_shows_alarms_and_the_fire(home: HomeAssistant, pins: FarPins) -> None:
    pins.walk((OUTSIDE, 1), (INSIDE, 1), (OUTSIDE, 0), (INSIDE, 0))
    wait_until(lambda: home.states()[ALARM]["attributes"].get("alarm") == "tailgate", 60, 0.2)
    assert home.states()[ALARM]["attributes"]["event_type"] == "raised"
    pins.set(FIRE, 1)
    home.shows(named(a_fire_loop="on", evacuated="on"))
    wait_until(lambda: home.states()[ALARM]["attributes"].get("alarm") == "fire", 60, 0.2)
    pins.set(FIRE, 0)
    home.shows(named(a_fire_loop="off", evacuated="on"))


def it_is_told_again_when_it_starts_anew(home: HomeAssistant, broker: Broker) -> None:
    """Also where the broker has lost what it kept: Home Assistant's `online` is enough."""
    ear = Ear(broker.url, "homeassistant/#")
    wait_until(lambda: ear.on("/entry-1/config"))
    ear.say("homeassistant/device/entry-1/config", b"", retain=True)
    wait_until(lambda: INSIDE_NOW not in home.states(), 60, 0.2)
    before = len(ear.on("/entry-1/config"))
    home.stop()
    home.start()
    wait_until(lambda: len(ear.on("/entry-1/config")) > before, 120, 0.2)
    home.shows(named(inside="2", evacuated="on"), 120)
    ear.close()
