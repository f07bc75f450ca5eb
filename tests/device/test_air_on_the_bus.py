"""3.1.5c with a chip on the I2C bus: the whole firmware, its own thread for the chip, and a bus that is taken away."""

from __future__ import annotations

from pathlib import Path

from firmware.clock import Clock
from sensors.air_scd41 import SELF_CALIBRATION, Settings, Simulator
from sensors.driver import ReadWord, Transfer
from sensors.readings import Air
from tests.brokers import wait_until
from tests.device.bench import ON, bench
from tests.device.test_air import RULES, alarms
from tests.ports.test_i2c_bus import Played

LANE = """
[lane.air]
driver = "air_scd41"
port = "unix:{bus}"
every_seconds = 10
"""
MORE = RULES.replace('windows = "open"', "").replace('conditioning = "off"', "")


class Chip(Played):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.simulator, self.clock = Simulator(Settings()), Clock()
        self.simulator.show(Air(1_600, 25.0, 40.0), 0.0)
        self.answers = self._told

    def _told(self, address: int, question: Transfer | ReadWord) -> bytes | None:
        later = self.simulator.hear(question, self.clock.elapsed_ms()) if address == 0x62 else []
        return later[0].raw.data if later else None  # type: ignore[union-attr]


def test_bad_air_holds_the_entry_until_the_bus_is_gone_and_is_back_with_it(tmp_path: Path) -> None:
    chip = Chip(tmp_path / "bus")
    with bench(tmp_path / "door", lane=LANE.format(bus=chip.path), more=MORE) as gate:
        gate.start()
        wait_until(lambda: ("air", True) in alarms(gate))
        assert chip.simulator.set[SELF_CALIBRATION] == 0
        gate.scan(gate.booking())
        gate.relay.silent(0.5, ON)
        chip.close()
        wait_until(lambda: ("air", False) in alarms(gate))
        chip = Chip(tmp_path / "bus")
        wait_until(lambda: alarms(gate)[-1] == ("air", True))
        assert gate.stop() == 0
        assert gate.replay().returncode == 0
    chip.close()
