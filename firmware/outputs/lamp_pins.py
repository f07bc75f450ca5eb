"""A signal lamp on pins of the Raspberry Pi: green, red and, where there is one, yellow.

Wiring: one pin per colour -> transistor, opto-isolated module or low-side switch -> lamp. Without `yellow = true` a
    yellow order lights red: never green, and never nothing.
On the wire: one level per colour. At most one colour is lit; the old one goes out before the new one comes on.
Source: the wiring itself.
Tested on: the simulator only.
"""

from __future__ import annotations

from typing import Any

from firmware.core.actions import Colour, LampShow
from firmware.outputs.hand import Answers, Far, Hand, Position
from sensors import driver
from sensors.driver import Driver, Edge, Example, Later, Send

SHOW_MAX_MS = 3_600_000


class Settings(driver.Settings, frozen=True, kw_only=True):
    active_high: bool = True
    """The pin's level that lights the lamp."""
    yellow: bool = False
    """There is a yellow lamp, on the pin `yellow`."""
    idle: Colour = "off"
    """What is lit when nothing is ordered; `red` suits a lane that is closed unless somebody may pass."""


class Encoder(Hand):
    def __init__(self, settings: Settings, on_failure: Position = "closed") -> None:
        self._settings = settings
        self._colours = lamps(settings)
        self._lit: Colour | None = None
        """What was last ordered; None: nothing yet, the pins stand as they like."""
        self.wake_at_ms: float | None = None

    def start(self, t_ms: float) -> Answers:
        return self._light(self._settings.idle)

    def stop(self, t_ms: float) -> Answers:
        self.wake_at_ms = None
        return self._light("off")

    def replugged(self, t_ms: float) -> Answers:
        colour = self._settings.idle if self._lit is None or self._over(t_ms) else self._lit
        self._lit = None
        return self._light(colour)

    def order(self, order: Any, t_ms: float) -> Answers:
        if not isinstance(order, LampShow) or order.show_ms <= 0:
            return []
        self.wake_at_ms = t_ms + min(order.show_ms, SHOW_MAX_MS)
        return self._light(order.colour)

    def tick(self, t_ms: float) -> Answers:
        if not self._over(t_ms):
            return []
        self.wake_at_ms = None
        return self._light(self._settings.idle)

    def _over(self, t_ms: float) -> bool:
        return self.wake_at_ms is not None and t_ms >= self.wake_at_ms

    def _light(self, colour: Colour) -> Answers:
        """Dark first, then the new colour; a colour that is lit already sends nothing."""
        if colour == "yellow" and not self._settings.yellow:
            colour = "red"
        if colour == self._lit:
            return []
        self._lit = colour
        dark_first = sorted(self._colours, key=lambda pin: pin == colour)
        return [Send(self._edge(pin, pin == colour)) for pin in dark_first]

    def _edge(self, pin: str, on: bool) -> Edge:
        return Edge(pin, int(on == self._settings.active_high))


def lamps(settings: Settings) -> tuple[str, ...]:
    return ("green", "red", "yellow") if settings.yellow else ("green", "red")


class Simulator(Far):
    """A lamp that shows which colours are lit."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._active = int(settings.active_high)
        self._levels = dict.fromkeys(lamps(settings), 1 - self._active)

    @property
    def lit(self) -> tuple[str, ...]:
        return tuple(pin for pin, level in self._levels.items() if level == self._active)

    def hear(self, raw: bytes | Edge, t_ms: float) -> list[Later]:
        if isinstance(raw, Edge) and raw.pin in self._levels:
            self._levels[raw.pin] = raw.level
            self.history.append((t_ms, self.lit))
        return []


DRIVER = Driver(
    name="lamp_pins",
    port="pins",
    settings=Settings,
    decoder=Encoder,
    simulator=Simulator,
    examples=(
        Example(
            "green",
            (Edge("red", 0), Edge("green", 1)),
            (),
            "active high by wiring",
            order=LampShow(lane="A", colour="green"),
        ),
        Example(
            "yellow without a yellow lamp is red, on a lamp that lights at 0 V",
            (Edge("green", 1), Edge("red", 0)),
            (),
            "active low by wiring",
            order=LampShow(lane="A", colour="yellow"),
            settings=Settings(active_high=False),
        ),
        Example(
            "yellow",
            (Edge("green", 0), Edge("red", 0), Edge("yellow", 1)),
            (),
            "active high by wiring",
            order=LampShow(lane="A", colour="yellow"),
            settings=Settings(yellow=True),
        ),
    ),
    outputs=("green", "red"),
    optional_outputs=("yellow",),
)
