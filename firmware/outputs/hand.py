"""What every hand has in common, so that the wiring needs no cases.

A hand is a driver file whose encoder turns orders (`firmware/core/actions.py`) into bytes or levels and lets go by
itself when an order's time is over. Beside `order`, `feed` and `tick` every encoder answers three questions of a life
among people: what to send when the process starts, when it ends, and when the cable was pulled and is back.

A hand on output pins says in its settings by `active_high` at which level it is on (`firmware/plugs.py` claims the pins
with the other one, so that a start switches nothing); without that key at 1.

`on_failure` is the site file's word for the lane: the position the gate takes when the software is gone.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Literal

from sensors.driver import Edge, Later, Raw, Send
from sensors.readings import AnyReading

Position = Literal["open", "closed"]
Answers = list[AnyReading | Send]

HISTORY_MAX = 1_000
"""A simulated device remembers this many of the things that were done to it; older ones are forgotten."""


class Hand:
    """The root of every encoder. What a device does not need stays as it is here: nothing is sent.

    Orders that are not for this kind of device are ignored, never an error: a lane's orders go to all its hands.
    """

    wake_at_ms: float | None = None
    """When `tick` wants to be called next (elapsed ms); None: never."""

    def start(self, t_ms: float) -> Answers:
        """The process began. Nothing that opens, lights up or speaks is ever sent here."""
        return []

    def stop(self, t_ms: float) -> Answers:
        """The process ends (SIGTERM): leave the device as it should stand while nobody minds it."""
        return []

    def replugged(self, t_ms: float) -> Answers:
        """The cable is back: order the state that holds now. What was over while it was away stays over."""
        return []

    def order(self, order: Any, t_ms: float) -> Answers:
        """Carry out an order of `firmware.core.actions`."""
        return []

    def feed(self, raw: Raw, t_ms: float) -> Answers:
        """Hear the device. A device that cannot speak has nothing to say here, whatever noise its line makes."""
        return []

    def tick(self, t_ms: float) -> Answers:
        """Do what is due."""
        return []


class Far:
    """The root of every simulated hand: it takes what the host sends, and has nothing to show unless it says so."""

    def __init__(self) -> None:
        self.history: deque[tuple[float, Any]] = deque(maxlen=HISTORY_MAX)
        """What was done to the device, oldest first: (elapsed ms, what)."""

    def show(self, reading: AnyReading, t_ms: float) -> list[Later]:
        return []

    def hear(self, raw: bytes | Edge, t_ms: float) -> list[Later]:
        return []


def soonest(*times: float | None) -> float | None:
    """The earliest of some wake-ups, None when there is none."""
    return min((time for time in times if time is not None), default=None)
