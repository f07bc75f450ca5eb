"""An evacuation travels from door to door on the side link, also to those that no broker reaches."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.brokers import Broker, free_port, wait_until
from tests.device.bench import OFF, ON, Bench
from tests.device.far_pins import FarPins
from tests.device.hub import ALL, Hub
from tests.mqtt.helpers import Ear
from tests.side.hall import side_link

BUTTON = 5
LANE = f'[lane.button]\ndriver = "contact_switch"\npin = {BUTTON}\n'


def door(folder: Path, name: str, addresses: list[str], own: int, **options: object) -> Bench:
    made = Bench(folder / name, name=name, site=side_link(addresses[own], addresses), pulse=50, lane=LANE, **options)  # type: ignore[arg-type]
    made.environment["HALLGATE_PINS"] = f"unix:{folder}/{name}/pins"
    return made


def reset(made: Bench) -> None:
    """Badge and a long press, as the attendant does."""
    pins = FarPins(made.folder / "pins")
    now = int(time.time())
    pins.set(BUTTON, 1, 0.2)
    made.scan(made.issuer.badge(now - 60, now + 3600).encode())
    time.sleep(0.3)
    pins.set(BUTTON, 0, 2.3)
    pins.set(BUTTON, 1, 0.2)
    pins.socket.close()


def commands(made: Bench) -> list[tuple[str, str, str]]:
    return [(one["name"], one["result"], one["because"]) for one in made.records() if one["kind"] == "command"]


def test_doors_without_a_broker_evacuate_and_a_reset_is_each_doors_own(
    tmp_path: Path,
    broker: Broker,
) -> None:
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(3)]
    told = door(tmp_path, "entry-1", addresses, 0, hub=broker.url)
    deaf = door(tmp_path, "entry-2", addresses, 1, bank=False, issuer=told.issuer)
    late = door(tmp_path, "entry-3", addresses, 2, bank=False, issuer=told.issuer)
    ear = Ear(broker.url, ALL)
    try:
        told.start(), deaf.start()
        hub = Hub(told, ear)
        assert hub.send("evacuate", hub.order("evacuate", shift_s=-86_400))["result"] == "done"
        told.relay.expect(ON)
        deaf.relay.expect(ON)
        deaf.relay.silent(0.5, OFF)
        assert commands(deaf) == [("evacuate", "done", "")]
        assert not [message for message in ear.heard_all if "/evacuation/" in message.topic], "the broker keeps none"
        reset(deaf)
        deaf.relay.expect(OFF)
        told.kill()
        told.start()
        told.relay.expect(ON)
        time.sleep(1.5)  # whoever comes back tells at once what stands there
        assert commands(deaf) == [("evacuate", "done", ""), ("reset", "done", "")]
        deaf.relay.silent(0.1)
        late.start()
        late.relay.expect(ON)
        assert hub.send("evacuate", hub.order("evacuate"))["result"] == "done"
        deaf.relay.expect(ON)
    finally:
        ear.close()
        for each in (told, deaf, late):
            each.close()


@pytest.mark.parametrize("forged", [b"no order", json.dumps({"v": 1}).encode()])
def test_a_door_of_the_hall_that_tells_nonsense_evacuates_nobody(tmp_path: Path, forged: bytes) -> None:
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    told, deaf = door(tmp_path, "entry-1", addresses, 0), door(tmp_path, "entry-2", addresses, 1, bank=False)
    try:
        (told.state).mkdir(parents=True)
        (told.state / "orders.json").write_text(json.dumps({"evacuations": {"k o": forged.decode()}}))
        told.start(), deaf.start()
        told.scan(told.booking())
        told.relay.expect(ON)
        deaf.relay.silent(2.0)
    finally:
        told.close(), deaf.close()
    wait_until(lambda: not commands(deaf))
