"""What a site may share, the device really opens once: one fire loop for several lanes, two relays of one board."""

from __future__ import annotations

import pytest

from firmware import site
from firmware.clock import Clock
from firmware.wiring import Device
from tests.site.conftest import SITE, Bench


@pytest.fixture
def device(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Device:
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    alone = SITE.replace('[hub]\nurl = "mqtt://127.0.0.1:1883"\n', "")
    air = f'\n[lane.air]\ndriver = "air_scd41"\nport = "unix:{bench.folder}/bus"\n'
    alone = alone.replace('\n[[lane]]\nname = "B"', air + '\n[[lane]]\nname = "B"')
    alone += air.replace("air_scd41", "thermometer_mlx90614").replace("lane.air", "lane.thermometer")
    (bench.folder / "hall.key").write_text("A" * 43)
    return Device(site.load(bench.write(text=alone)), bench.folder / "state", Clock())


def test_a_fire_loop_and_a_relay_board_serve_two_lanes(device: Device) -> None:
    try:
        wires = [sorted((line.lane, line.role) for line in cable.lines) for cable in device.loop.cables]
    finally:
        device.close()
    assert [("A", "fire_loop"), ("B", "fire_loop")] in wires
    assert [("A", "gate"), ("B", "gate")] in wires
    assert [("A", "air")] in wires and [("B", "thermometer")] in wires, "each chip of a bus is a port of its own"
    assert [("A", "scanner")] in wires and [("B", "button")] in wires
