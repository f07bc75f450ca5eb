"""The local buzzer: calls the duty leader when nobody else can be reached (3.1.2e).

Wiring: pin -> transistor -> active buzzer (12 or 24 V), where the duty leader sits: not at the gate.
On the wire: one level, in the rhythm of `on_ms` and `off_ms`. Nothing comes back.
Source: the wiring itself; the plan's clause 3.1.2e.
Tested on: the simulator only.
"""

from __future__ import annotations

from firmware.core.actions import Buzz
from firmware.outputs.signal_pin import PIN, Pause, SignalFar, SignalHand, SignalSettings
from sensors.driver import Driver, Edge, Example


class Settings(SignalSettings, frozen=True, kw_only=True):
    off_ms: Pause = 1_500


class Encoder(SignalHand):
    WHAT = Buzz


class Simulator(SignalFar):
    """A buzzer that sounds or is silent."""


DRIVER = Driver(
    name="buzzer_pin",
    port="pins",
    settings=Settings,
    decoder=Encoder,
    simulator=Simulator,
    examples=(
        Example("on", (Edge(PIN, 1),), (), "active high by wiring", order=Buzz(lane="A", show_ms=5_000)),
        Example(
            "on, at a module that works on 0 V",
            (Edge(PIN, 0),),
            (),
            "active low by wiring",
            order=Buzz(lane="A", show_ms=5_000),
            settings=Settings(active_high=False),
        ),
    ),
    outputs=(PIN,),
)
