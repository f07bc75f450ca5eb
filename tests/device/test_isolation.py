"""3.1.2e on a real device: pins that light and sound, a gate that stays shut, a badge and a button, no hub, a restart."""

from __future__ import annotations

import json
import select
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.device.bench import ON, PATIENCE_S, Bench, bench
from tests.device.far_pins import FarPins

BUTTON, LIGHT, BUZZER, FIRE = 23, 5, 6, 22
HANDS = f"""
[lane.button]
driver = "contact_switch"
pin = {BUTTON}
normally = "open"
[lane.fire_loop]
driver = "contact_switch"
pin = {FIRE}
[lane.route_light]
driver = "light_pin"
pin = {LIGHT}
[lane.buzzer]
driver = "buzzer_pin"
pin = {BUZZER}
off_ms = 0
"""
DAY_S = 86_400


class Watched(FarPins):
    """Remembers the last level of every output."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.levels: dict[int, int] = {}
        self._rest = b""

    def look(self, wait_s: float = 0.0) -> dict[int, int]:
        while select.select([self.socket], [], [], wait_s)[0] and (piece := self.socket.recv(65536)):
            *lines, self._rest = (self._rest + piece).split(b"\n")
            for said in map(json.loads, lines):
                self.levels[said["pin"]] = said["level"]
            wait_s = 0.0
        return self.levels

    def press(self, seconds: float) -> None:
        self.set(BUTTON, 0, seconds)
        self.set(BUTTON, 1, 0.2)


def until(true: Callable[[], Any], what: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, what()
        time.sleep(0.05)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path, lane=HANDS, proof='"pcr"') as made:
        made.environment["HALLGATE_PINS"] = f"unix:{tmp_path}/pins"
        yield made


def plugged(gate: Bench) -> Watched:
    gate.start()
    pins = Watched(gate.folder / "pins")
    pins.set(FIRE, 0)
    pins.set(BUTTON, 1, 0.3)
    return pins


def steps(gate: Bench) -> list[str]:
    return [record["step"] for record in gate.records() if record["kind"] == "incident"]


def test_from_the_positive_report_to_the_lane_back_without_a_hub(gate: Bench) -> None:
    pins, now = plugged(gate), int(time.time())
    gate.scan(gate.booking())
    gate.scan(gate.issuer.test_certificate(now - 3 * 3600, result="positive").encode())
    until(lambda: (pins.look().get(LIGHT), pins.look().get(BUZZER)) == (1, 1), lambda: (pins.levels, gate.errors))
    assert steps(gate) == ["opened", "duty_leader_told"]

    gate.kill()  # and what was begun goes on, on the lane and on the pins
    pins.socket.close()
    pins = plugged(gate)
    until(lambda: (pins.look().get(LIGHT), pins.look().get(BUZZER)) == (1, 1), lambda: (pins.levels, gate.errors))
    gate.scan(gate.booking())
    gate.scan(gate.issuer.test_certificate(now - 3 * 3600, person=1).encode())
    gate.relay.silent(1.0)

    badge = gate.issuer.badge(now - DAY_S, now + DAY_S).encode()
    gate.shows_badge(badge)
    pins.press(0.3)
    until(lambda: pins.look().get(BUZZER) == 0, lambda: (pins.levels, steps(gate), gate.errors))
    assert pins.levels[LIGHT] == 1 and steps(gate)[-1] == "acknowledged"
    pins.press(3.0)
    until(lambda: pins.look().get(LIGHT) == 0, lambda: (pins.levels, steps(gate), gate.errors))
    assert steps(gate)[-2:] == ["signed_off", "lane_back"]

    gate.scan(gate.booking())
    gate.scan(gate.issuer.test_certificate(now - 3 * 3600, person=2).encode())
    gate.relay.expect(ON)
    pins.socket.close()
    gate.stop()
    assert gate.replay().returncode == 0, gate.replay()
