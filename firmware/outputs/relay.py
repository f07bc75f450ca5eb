"""A gate that is one relay: when it is on, when it lets go, and what it does at start, end and re-plug. Pure.

Two rules of this file: the relay never gives the open position without an order, and every opening has an end that is
kept here, whatever happens to the controller that ordered it (only `GateFree`, fire and evacuation, has none).

            GateOpen (pulse)          its deadline, by tick
   rest ---------------------> open ------------------------> rest
     |   GateOpen again: a later deadline, nothing new is sent
     |   GateFree                     GateClose
     +--------------------> free -----------------------------> rest
     |                      sent again every `RENEW_MS`: a frame may be lost, a board may have been without power
          (GateOpen while free changes nothing; no deadline of an earlier opening ends it)

"Rest" is closed, once the lane is in service. With `on_failure = "open"` a lane is not in service before its first
order: the relay is left as it stands (a fail-open gate without current is open, until somebody decides otherwise).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal

from msgspec import Struct

from firmware.core.actions import GateClose, GateFree, GateOpen
from firmware.errors import Mistake
from firmware.outputs.hand import Answers, Far, Hand, Position
from sensors.readings import RelayState

PULSE_MAX_MS = 60_000
"""No single order holds a gate longer than this; a blocked passage is held by ordering again."""

RENEW_MS = 2_000
OUTLAST_MS = 1_000

Energised = Literal["open", "closed"]
"""Setting `energised`: the position the gate takes while the relay is on. `closed` is a gate that is held shut by
current (a magnetic lock) or wired over the relay's normally-closed contact; it opens by itself when power is gone."""


class Opening(Struct):
    """How long the gate is to stand open. Holds times only and knows nothing of relays."""

    until_ms: float | None = None
    """The end of the timed opening; None: there is none."""
    free: bool = False

    def open_at(self, t_ms: float) -> bool:
        return self.free or (self.until_ms is not None and t_ms < self.until_ms)

    def prolong(self, pulse_ms: int, t_ms: float) -> bool:
        """Take a GateOpen; True when it moved the end (a shorter pulse never cuts a longer one)."""
        until_ms = t_ms + min(pulse_ms, PULSE_MAX_MS)
        if pulse_ms <= 0 or self.free or (self.until_ms is not None and until_ms <= self.until_ms):
            return False
        self.until_ms = until_ms
        return True

    def hold(self) -> None:
        self.until_ms, self.free = None, True

    def end(self) -> None:
        self.until_ms, self.free = None, False


def refuse_contradiction(energised: Energised, on_failure: Position) -> None:
    """Raise Mistake for a wiring that cannot keep what the site file says of it."""
    if energised == "closed" and on_failure == "closed":
        raise Mistake(
            "a relay that holds the gate shut only while it is on lets it open when power fails: write"
            ' on_failure = "open", or wire the gate to the other contact and write energised = "open"',
            key="energised",
        )


def wiring_doubt(energised: Energised, on_failure: Position) -> str | None:
    """What `check` should warn of: `on_failure` that only software keeps, because power loss does the opposite."""
    if energised == "open" and on_failure == "open":
        return (
            'on_failure = "open" is kept by software alone here: without power the relay lets go and the gate closes.'
            ' Wire the gate over the normally-closed contact and write energised = "closed"'
        )
    return None


class RelayHand(Hand, ABC):
    """The state table above for a relay that is switched on and off. A driver says how with `switch`."""

    def __init__(self, energised: Energised = "open", on_failure: Position = "closed", channel: int = 1) -> None:
        refuse_contradiction(energised, on_failure)
        self._energised = energised
        self._on_failure = on_failure
        self._channel = channel
        self._opening = Opening()
        self._renew_at_ms: float | None = None
        self._on: bool | None = None
        """What the relay was last told; None: it was told nothing yet and stands as it likes."""

    # ------------------------------------------------------------ for the driver

    @abstractmethod
    def switch(self, on: bool) -> Answers:
        """Put "on" or "off" into the device's language."""

    # ------------------------------------------------------------ for the wiring

    def start(self, t_ms: float) -> Answers:
        return self._take("closed") if self._on_failure == "closed" else []

    def stop(self, t_ms: float) -> Answers:
        if self._on_failure == "open":
            self._opening.hold()
        else:
            self._opening.end()
        return self._take(self._on_failure)

    def replugged(self, t_ms: float) -> Answers:
        if not self._opening.open_at(t_ms):
            self._opening.end()
        if self._on is None:
            return self.start(t_ms)
        return self._take("open" if self._opening.open_at(t_ms) else "closed")

    def order(self, order: Any, t_ms: float) -> Answers:
        match order:
            case GateOpen():
                return self._expire(t_ms) + self._open(order.pulse_ms, t_ms)
            case GateFree():
                self._opening.hold()
                self._renew_at_ms = t_ms + RENEW_MS
                return self._take("open")
            case GateClose():
                self._opening.end()
                return self._take("closed")
        return []

    def tick(self, t_ms: float) -> Answers:
        if self._opening.free and self._renew_at_ms is not None and t_ms >= self._renew_at_ms:
            self._renew_at_ms = t_ms + RENEW_MS
            return self._take("open")
        return self._expire(t_ms)

    def overdue(self, t_ms: float) -> bool:
        """A timed opening is past its end, and nobody has ticked since."""
        return self._opening.until_ms is not None and t_ms >= self._opening.until_ms

    def outlast(self, t_ms: float) -> None:
        """An opening that is past its end goes on for a moment: somebody is in the gate. Nothing is sent."""
        self._opening.prolong(OUTLAST_MS, t_ms)
        self._plan()

    # ------------------------------------------------------------ inside

    def _open(self, pulse_ms: int, t_ms: float) -> Answers:
        """Open, unless the relay was told so already: an opening that is prolonged sends nothing new."""
        self._opening.prolong(pulse_ms, t_ms)
        self._plan()
        told = self._on == (self._energised == "open")
        return self._take("open") if self._opening.open_at(t_ms) and not told else []

    def _expire(self, t_ms: float) -> Answers:
        if self._opening.until_ms is None or t_ms < self._opening.until_ms:
            return []
        self._opening.end()
        return self._take("closed")

    def _take(self, position: Position) -> Answers:
        self._on = position == self._energised
        out: Answers = [*self.switch(self._on), RelayState(self._channel, self._on, assumed=True)]
        self._plan()
        return out

    def _plan(self) -> None:
        self.wake_at_ms = self._renew_at_ms if self._opening.free else self._opening.until_ms


class RelayFar(Far):
    """The far end of a relay: which coils are energised, and how the gate that hangs on one of them stands."""

    def __init__(self, energised: Energised = "open", channel: int = 1) -> None:
        super().__init__()
        self._gate_energised = energised
        self._gate_channel = channel
        self._on: dict[int, bool] = {}

    def energised(self, channel: int = 1, t_ms: float | None = None) -> bool:
        """Is this channel's coil energised? `t_ms` matters only for boards that time a pulse themselves."""
        return self._on.get(channel, False)

    def is_open(self, t_ms: float | None = None, way: str = "both") -> bool:
        """Does the gate stand open? One relay opens both ways."""
        return self.energised(self._gate_channel, t_ms) == (self._gate_energised == "open")

    def lose_power(self, t_ms: float) -> None:
        """Every coil falls off, as when the supply is cut."""
        for channel in [channel for channel, on in self._on.items() if on]:
            self._set(channel, False, t_ms)

    def _set(self, channel: int, on: bool, t_ms: float) -> None:
        self._on[channel] = on
        self.history.append((t_ms, (channel, on)))
