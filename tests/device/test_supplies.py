"""3.1.6 on the wire: a dispenser's contact on a pin, its ledger at a real broker, a refill by a signed order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.brokers import Broker, wait_until
from tests.device.bench import bench
from tests.device.far_pins import FarPins
from tests.device.hub import Hub
from tests.mqtt.helpers import Ear

PIN = 12
LANE = f"""
[lane.dispenser]
driver = "contact_switch"
pin = {PIN}
normally = "open"
"""
RULES = """[[supplies.item]]
name = "hand-gel"
name_zh = "洗手液"
lane = "A"
full_units = 5
low_units = 2
"""


def test_a_dispenser_is_counted_runs_low_and_is_filled(tmp_path: Path, broker: Broker) -> None:
    ear = Ear(broker.url, "hallgate/v1/baoshan/#")
    with bench(tmp_path / "door", hub=broker.url, lane=LANE, more=RULES) as gate:
        gate.environment["HALLGATE_PINS"] = f"unix:{tmp_path}/pins"
        gate.start()
        pins, hub = FarPins(tmp_path / "pins"), Hub(gate, ear)
        pins.set(PIN, 1, 0.2)
        for _ in range(3):
            pins.set(PIN, 0, 0.15)
            pins.set(PIN, 1, 0.15)

        def told() -> list[dict[str, Any]]:
            return [one for heard in ear.on("/event") if (one := json.loads(heard.payload))["kind"] == "supply"]

        wait_until(lambda: [(one["state"], one["used"], one["left"]) for one in told()] == [("low", 3, 2)])
        shown = {"item": "hand-gel", "left": 2, "used": 3, "low": True, "name_zh": "洗手液", "name_en": "", "lane": "A"}
        wait_until(lambda: json.loads(ear.on("/status")[-1].payload)["supplies"] == [shown])
        answer = hub.send("refill", hub.order("refill", {"item": "hand-gel", "n": 3}))
        assert answer["result"] == "done"
        wait_until(lambda: [told()[-1][key] for key in ("state", "left", "by")] == ["refilled", 5, "operator"])
        alarms = [(one["alarm"], one["active"]) for one in gate.records() if one["kind"] == "alarm"]
        assert alarms == [("supply_low", True), ("supply_low", False)]
        pins.socket.close()
    ear.close()
