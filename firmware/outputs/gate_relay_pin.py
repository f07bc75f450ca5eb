"""A relay on a pin of the Raspberry Pi, that opens a gate for as long as it is on.

Wiring: pin -> transistor or opto-isolated relay module -> the gate's "open" input. Many modules are active low
    (`active_high = false`): give those a pull-up, so that the pin's floating moments at boot do not fire the relay.
    After power-on every pin is an input: GPIO 0-8 are pulled up, 9-27 down. So an active-high relay goes on 9-27, an
    active-low one on 0-8 or gets a 10 kOhm pull-up to 3.3 V. The relay's coil has its own 5 V supply, never a pin.

    what happens                  the relay              energised = "open"       energised = "closed"
    ----------------------------  ---------------------  -----------------------  ------------------------
    the Pi loses power            off                    the gate closes          the gate opens
    the Pi or the program hangs   stays as it is         stays as it is (!)       stays as it is (!)
    the watchdog restarts it      off during the boot    closes                   opens until in service
    SIGTERM, an update            goes to `on_failure`   goes to `on_failure`     opens
    SIGKILL, a crash              on or off, by kernel   count on nothing         count on nothing
    the wire to the relay breaks  off                    closes                   opens

    `on_failure = "closed"` is kept by energised = "open" (gate on COM-NO). `on_failure = "open"` is kept without any
    software only by energised = "closed": a magnetic lock on COM-NO, or a gate that opens on a contact on COM-NC.
    Against (!): a timer relay (one-shot, "interval") between relay and gate, set a little longer than the longest
    pulse; it ends a forgotten opening, and also a hold-open, so the fire loop must act behind it.
    Fire, without software: a lock held by current has the fire panel's normally-closed contact in series with its
    supply; a gate that opens on a contact has the panel's contact in parallel with this relay, or better on the
    gate's own emergency input. The Pi only watches a second contact of the loop (`contact_switch`).
On the wire: one level. Nothing comes back, so the state is assumed and labelled so.
Source: gpiozero OutputDevice; Raspberry Pi boot behaviour (all pins are inputs until a program drives them).
Tested on: the simulator only.
"""

from __future__ import annotations

from firmware.core.actions import GateClose, GateOpen
from firmware.outputs.hand import Answers, Position
from firmware.outputs.relay import Energised, RelayFar, RelayHand
from sensors import driver
from sensors.driver import Driver, Edge, Example, Later, Send
from sensors.readings import RelayState

PIN = "relay"


class Settings(driver.Settings, frozen=True, kw_only=True):
    active_high: bool = True
    """The pin's level that switches the relay on; false for modules that pull in on 0 V."""
    energised: Energised = "open"
    """The position the gate takes while the relay is on."""


class Encoder(RelayHand):
    """`on_failure`: the lane's word in the site file. Raises Mistake when `energised` contradicts it."""

    def __init__(self, settings: Settings, on_failure: Position = "closed") -> None:
        super().__init__(settings.energised, on_failure)
        self._active = int(settings.active_high)

    def switch(self, on: bool) -> Answers:
        return [Send(Edge(PIN, self._active if on else 1 - self._active))]


class Simulator(RelayFar):
    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.energised)
        self._active = int(settings.active_high)

    def hear(self, raw: bytes | Edge, t_ms: float) -> list[Later]:
        if isinstance(raw, Edge) and raw.pin == PIN:
            self._set(1, raw.level == self._active, t_ms)
        return []


DRIVER = Driver(
    name="gate_relay_pin",
    port="pins",
    settings=Settings,
    decoder=Encoder,
    simulator=Simulator,
    examples=(
        Example(
            "open: the pin goes high",
            (Edge(PIN, 1),),
            (RelayState(1, True, assumed=True),),
            "active high by wiring",
            order=GateOpen(lane="A", way="in", pulse_ms=700),
        ),
        Example(
            "let go: the pin goes low",
            (Edge(PIN, 0),),
            (RelayState(1, False, assumed=True),),
            "active high by wiring",
            order=GateClose(lane="A"),
        ),
    ),
    outputs=(PIN,),
)
