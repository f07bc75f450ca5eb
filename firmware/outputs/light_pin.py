"""The route light: shows the way to the observation point, and says nothing of why (3.1.2e).

Wiring: pin -> transistor, opto-isolated module or low-side switch -> lamp or light strip along the way.
On the wire: one level, in the rhythm of `on_ms` and `off_ms`. Nothing comes back.
Source: the wiring itself; the plan's clause 3.1.2e.
Tested on: the simulator only.
"""

from __future__ import annotations

from firmware.core.actions import RouteLight
from firmware.outputs.signal_pin import PIN, SignalFar, SignalHand, SignalSettings
from sensors.driver import Driver, Edge, Example


class Settings(SignalSettings, frozen=True, kw_only=True):
    """Steadily on, unless `off_ms` says otherwise."""


class Encoder(SignalHand):
    WHAT = RouteLight


class Simulator(SignalFar):
    """A light that is on or off."""


DRIVER = Driver(
    name="light_pin",
    port="pins",
    settings=Settings,
    decoder=Encoder,
    simulator=Simulator,
    examples=(
        Example("on", (Edge(PIN, 1),), (), "active high by wiring", order=RouteLight(lane="A", show_ms=5_000)),
        Example(
            "on, at a module that works on 0 V",
            (Edge(PIN, 0),),
            (),
            "active low by wiring",
            order=RouteLight(lane="A", show_ms=5_000),
            settings=Settings(active_high=False),
        ),
    ),
    outputs=(PIN,),
)
