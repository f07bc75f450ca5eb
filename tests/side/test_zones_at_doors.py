"""A zone's limit at real doors: rows of its own on both ways, orders to its bank by the hub, and a lift that fills up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from firmware.peers.seal import unsealed
from tests.brokers import Broker, free_port, wait_until
from tests.device.bench import OFF, ON, Bench
from tests.device.hub import ALL, Hub
from tests.mqtt.helpers import Ear
from tests.side.hall import admit, admitted_within, hall, let_in

ZONE: dict[str, Any] = {
    "rights": 'zones = ["b1"]',
    "keys": 'zone = "b1"\nfrom = "hall"',
    "more": "[zone.b1]\nlimit_persons = 3\n",
    "limit": 50,
}
ZONE_BANK = "hallgate/v1/baoshan/rights/zone-b1/command"


def test_two_doors_keep_a_zones_limit_together_and_its_bank_obeys(tmp_path: Path, broker: Broker) -> None:
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    ear = Ear(broker.url, ALL)
    with hall(tmp_path, addresses, hub=broker.url, **ZONE) as doors:
        for door in doors:
            door.start()
        bank, other = doors
        assert admitted_within(other, 20)
        while admitted_within(bank, 1.5) or admitted_within(other, 1.5):
            assert let_in(doors) <= 3
        assert let_in(doors) == 3
        rows = [one for one in ear.heard_all if "/rights/zone-b1/row/" in one.topic]
        key = bytes(range(32))
        assert {json.loads(unsealed(key, one.payload, "row-zone-b1"))["dev"] for one in rows} == {"door-0", "door-1"}
        hub = Hub(bank, ear)
        order = hub.order("limit", {"n": 4, "resource": "zone-b1"}, to="bank")
        misdirected = hub.send("limit", order, topic=ZONE_BANK.replace("zone-b1", "hall"))
        assert misdirected["because"] == "wrong_address"
        raised = hub.order("limit", {"n": 4, "resource": "zone-b1"}, to="bank")
        assert hub.send("limit", raised, topic=ZONE_BANK)["result"] == "done"
        assert admitted_within(other, 20) and not admitted_within(bank, 1.5)
        wait_until(lambda: json.loads(ear.on("/door-0/status")[-1].payload)["inside"] == 0)
        assert all(door.replay().returncode == 0 for door in doors), "in the hall nobody was counted twice"
    ear.close()


def test_a_lift_takes_as_many_as_keep_their_distance(tmp_path: Path) -> None:
    keys = 'from = "hall"\ncar = { width_mm = 1100, depth_mm = 1400, rated_persons = 8 }'
    lift = Bench(
        tmp_path, direction="elevator", keys=keys, more="[elevator]\nspacing_mm = 800\ntrip_seconds = 5\n", pulse=50
    )
    try:
        lift.start()
        admit(lift, party=2)
        lift.scan(lift.booking())
        lift.relay.silent(0.5)
        assert [record["clauses"][0]["because"] for record in lift.records() if record["kind"] == "decision"][
            -1
        ] == "car_full"
        assert admitted_within(lift, 20), "the car has made its trip"
        lift.stop()
        assert OFF not in lift.relay.heard or ON not in lift.relay.heard
        assert lift.replay().returncode == 0
    finally:
        lift.close()
