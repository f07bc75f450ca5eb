"""3.1.5c on the wire: a CO2 module on a pty, a window and the air conditioning on pins, a real broker."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sensors.air_mh_z19b import Settings, Simulator
from sensors.readings import Air
from tests.brokers import Broker, wait_until
from tests.device.bench import ON, Bench, Far, bench
from tests.device.far_pins import FarPins
from tests.mqtt.helpers import Ear

WINDOW, COOLER = 5, 6
RULES = """[air]
alarm_ppm = 1000
hold_ppm = 1500
windows = "open"
conditioning = "off"
grace_minutes = 0
[[air.step]]
co2_ppm = 1200
limit_percent = 50
"""
LANE = """
[lane.air]
driver = "air_mh_z19b"
port = "{port}"
every_seconds = 10
warm_up_seconds = 0
[lane.window]
driver = "contact_switch"
pin = {window}
[lane.air_conditioning]
driver = "contact_switch"
pin = {cooler}
"""


class Module(threading.Thread):
    """The module at the far end of its pty, until the test is over."""

    def __init__(self, far: Far) -> None:
        super().__init__(daemon=True)
        self.far, self.simulator, self.over = far, Simulator(Settings()), False

    def run(self) -> None:
        while not self.over:
            heard, self.far.heard = self.far.read(0.05), b""
            for later in self.simulator.hear(heard, 0.0) if heard else ():
                assert isinstance(later.raw, bytes)
                self.far.write(later.raw)


@pytest.fixture
def module(tmp_path: Path) -> Iterator[Module]:
    module = Module(Far(tmp_path / "air"))
    module.start()
    yield module
    module.over = True
    module.join()
    module.far.unplug()


def alarms(gate: Bench) -> list[tuple[str, bool]]:
    return [(one["alarm"], one["active"]) for one in gate.records() if one["kind"] == "alarm"]


def status_of(ear: Ear) -> dict[str, Any]:
    status: dict[str, Any] = json.loads(ear.on("/status")[-1].payload) if ear.on("/status") else {"lanes": [{}]}
    return status


def test_bad_air_lowers_the_limit_pauses_entry_and_is_over_when_it_is_over(
    tmp_path: Path,
    broker: Broker,
    module: Module,
) -> None:
    ear = Ear(broker.url, "hallgate/v1/baoshan/#")
    lane = LANE.format(port=module.far.link, window=WINDOW, cooler=COOLER)
    with bench(tmp_path / "door", hub=broker.url, lane=lane, limit=40, more=RULES) as gate:
        gate.environment["HALLGATE_PINS"] = f"unix:{tmp_path}/pins"
        module.simulator.show(Air(1_600), 0.0)
        gate.start()
        pins = FarPins(tmp_path / "pins")
        wait_until(lambda: status_of(ear)["lanes"][0].get("co2_ppm") == 1_600)
        assert not module.simulator.baseline_correction
        wait_until(lambda: status_of(ear)["limit_persons"] == 20 and status_of(ear)["lanes"][0]["air_holds"])
        gate.scan(gate.booking())
        wait_until(lambda: any(one["kind"] == "decision" for one in gate.records()))
        decision = next(one for one in gate.records() if one["kind"] == "decision")
        assert (decision["answer"], decision["clauses"][0]["clause"]) == ("wait", "3.1.5c")
        assert decision["sign"] == "正在通风换气 请稍候"
        gate.relay.silent(0.3, ON)

        pins.set(COOLER, 1)
        pins.set(WINDOW, 0)
        wait_until(lambda: ("window_shut", True) in alarms(gate))
        pins.set(WINDOW, 1)
        pins.set(COOLER, 0)
        wait_until(lambda: {("window_shut", False), ("conditioning_on", True)} <= set(alarms(gate)))
        wait_until(lambda: status_of(ear)["lanes"][0]["ventilation"] == ["conditioning_on"])

        module.simulator.show(Air(520), 0.0)
        wait_until(lambda: ("air", False) in alarms(gate))
        wait_until(lambda: status_of(ear)["limit_persons"] == 40 and not status_of(ear)["lanes"][0]["air_holds"])
        gate.scan(gate.booking())
        gate.relay.expect(ON)
        pins.socket.close()
    ear.close()


def test_an_unplugged_module_is_told_and_its_last_value_forgotten(tmp_path: Path, module: Module) -> None:
    more = RULES.replace('windows = "open"', "").replace('conditioning = "off"', "")
    lane = LANE.format(port=module.far.link, window=0, cooler=0).partition("[lane.window]")[0]
    with bench(tmp_path / "door", lane=lane, more=more) as gate:
        module.simulator.show(Air(1_600), 0.0)
        gate.start()
        wait_until(lambda: ("air", True) in alarms(gate))
        module.over = True
        module.join()
        module.far.unplug()
        wait_until(lambda: ("air", False) in alarms(gate))
        time.sleep(0.1)
        gate.scan(gate.booking())
        wait_until(lambda: any(one["kind"] == "decision" for one in gate.records()))
        decision = next(one for one in gate.records() if one["kind"] == "decision")
        assert (decision["answer"], decision["clauses"][0]["because"]) == ("staff", "air_not_measured")
        module.far.plug()
        gate.stop()
