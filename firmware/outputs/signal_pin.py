"""What a lamp or a buzzer on one pin has in common: on by order, in a rhythm, off by itself. Pure.

Not a driver: `light_pin` and `buzzer_pin` are. A stuck program cannot leave it on: an order's end is kept here, and no
order is longer than `SHOW_MAX_MS`.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from firmware.core.actions import Action
from firmware.outputs.hand import Answers, Far, Hand, Position
from sensors import driver
from sensors.driver import Edge, Later, Send

PIN = "signal"
SHOW_MAX_MS = 600_000
Pause = Annotated[int, Meta(ge=0, le=10_000)]
On = Annotated[int, Meta(ge=100, le=10_000)]


class SignalSettings(driver.Settings, frozen=True, kw_only=True):
    active_high: bool = True
    """The pin's level that switches it on."""
    on_ms: On = 500
    off_ms: Pause = 0
    """The rhythm; 0: steadily on."""


class SignalHand(Hand):
    """`WHAT`: the order it hears, one with `show_ms`; 0 switches off now."""

    WHAT: type[Action]

    def __init__(self, settings: SignalSettings, on_failure: Position = "closed") -> None:
        self._settings = settings
        self._until_ms: float | None = None
        self._on: bool | None = None
        """As last sent; None: nothing yet."""
        self.wake_at_ms: float | None = None

    def start(self, t_ms: float) -> Answers:
        return self._switch(False)

    def stop(self, t_ms: float) -> Answers:
        return self._end()

    def replugged(self, t_ms: float) -> Answers:
        """Off, or on for what is left of the order."""
        going, self._on = self._until_ms is not None and t_ms < self._until_ms, None
        return self._begin(t_ms) if going else self._end()

    def order(self, order: Any, t_ms: float) -> Answers:
        if not isinstance(order, self.WHAT):
            return []
        show_ms = min(getattr(order, "show_ms", 0), SHOW_MAX_MS)
        if show_ms <= 0:
            return self._end()
        going, self._until_ms = self._until_ms is not None, t_ms + show_ms
        if going:  # the rhythm goes on
            self._plan(self.wake_at_ms if self._settings.off_ms else None)
            return []
        return self._begin(t_ms)

    def tick(self, t_ms: float) -> Answers:
        if self.wake_at_ms is None or t_ms < self.wake_at_ms:
            return []
        if self._until_ms is None or t_ms >= self._until_ms:
            return self._end()
        on = not self._on
        self._plan(t_ms + (self._settings.on_ms if on else self._settings.off_ms))
        return self._switch(on)

    def _begin(self, t_ms: float) -> Answers:
        self._plan(t_ms + self._settings.on_ms if self._settings.off_ms else None)
        return self._switch(True)

    def _end(self) -> Answers:
        self._until_ms = self.wake_at_ms = None
        return self._switch(False)

    def _plan(self, next_ms: float | None) -> None:
        assert self._until_ms is not None
        self.wake_at_ms = self._until_ms if next_ms is None else min(next_ms, self._until_ms)

    def _switch(self, on: bool) -> Answers:
        if on == self._on:
            return []
        self._on = on
        return [Send(Edge(PIN, int(on == self._settings.active_high)))]


class SignalFar(Far):
    """What stands at the end of the wire."""

    def __init__(self, settings: SignalSettings) -> None:
        super().__init__()
        self._active = int(settings.active_high)
        self.on = False

    def hear(self, raw: bytes | Edge, t_ms: float) -> list[Later]:
        if isinstance(raw, Edge) and raw.pin == PIN:
            self.on = raw.level == self._active
            self.history.append((t_ms, self.on))
        return []
