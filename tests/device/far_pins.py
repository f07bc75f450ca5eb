"""The far end of a door's pins: two beams and a fire loop, moved over the pins' socket."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from pathlib import Path

OUTSIDE, INSIDE, FIRE = 17, 27, 22
PINS = f"""
[lane.counter]
driver = "counter_beam_pair"
pins = {{ outside = {OUTSIDE}, inside = {INSIDE} }}
[lane.fire_loop]
driver = "contact_switch"
pin = {FIRE}
"""


class FarPins:
    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        end = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError):
                self.socket.connect(str(path))
                break
            assert time.monotonic() < end
            time.sleep(0.02)

    def set(self, pin: int, level: int, then_s: float = 0.0) -> None:
        self.socket.sendall(json.dumps({"pin": pin, "level": level}).encode() + b"\n")
        time.sleep(then_s)

    def walk(self, *beams: tuple[int, int], step_s: float = 0.08) -> None:
        for pin, level in beams:
            self.set(pin, level, step_s)


IN = ((OUTSIDE, 1), (INSIDE, 1), (OUTSIDE, 0), (INSIDE, 0))
OUT = ((INSIDE, 1), (OUTSIDE, 1), (INSIDE, 0), (OUTSIDE, 0))
BACK = ((OUTSIDE, 1), (OUTSIDE, 0))
