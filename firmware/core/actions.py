"""What a controller can want done: orders to hands. Every order carries its own end.

An order names a lane; `wiring` knows which devices hang there. Nothing here is an instruction to a wire: the drivers in
`firmware/outputs` turn an order into bytes or levels and let go by themselves when its time is over.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Way = Literal["in", "out", "both"]
Colour = Literal["green", "red", "yellow", "off"]


class Action(msgspec.Struct, frozen=True, tag_field="order", omit_defaults=True, kw_only=True):
    """The common root."""

    lane: str


class GateOpen(Action, frozen=True, tag="gate_open", omit_defaults=True, kw_only=True):
    """Open for `pulse_ms`, then let go. Sent again before the end it prolongs the opening (a blocked passage)."""

    way: Way
    pulse_ms: int
    persons: int = 1
    prolongs: bool = False
    """A body is in the passage of a gate that is open already: no new permit, and never withheld."""


class GateFree(Action, frozen=True, tag="gate_free", omit_defaults=True, kw_only=True):
    """Stay open both ways until `GateClose`: fire, evacuation, a named hold-open. Has no end on purpose."""

    way: Way = "both"


class GateClose(Action, frozen=True, tag="gate_close", omit_defaults=True, kw_only=True):
    """Let go now: back to the position the gate has without an order."""


class SignShow(Action, frozen=True, tag="sign", omit_defaults=True, kw_only=True):
    """Show two lines, Chinese first, for `show_ms`; then the driver goes back to its idle text."""

    zh: str
    en: str
    show_ms: int = 5_000
    then_zh: str = ""
    then_en: str = ""
    """What takes its place for the second half of the time; empty: nothing does."""


class SignIdle(Action, frozen=True, tag="sign_idle", omit_defaults=True, kw_only=True):
    """What a sign shows by turns while it has nothing else to say, until it is told otherwise: (Chinese, English)."""

    pages: tuple[tuple[str, str], ...]
    page_ms: int = 8_000


class LampShow(Action, frozen=True, tag="lamp", omit_defaults=True, kw_only=True):
    colour: Colour
    show_ms: int = 3_000


class VoiceSay(Action, frozen=True, tag="voice", omit_defaults=True, kw_only=True):
    """Say one phrase. `phrase` is its key (a clip player finds its clip by it), the texts are for a speech module."""

    phrase: str
    zh: str
    en: str = ""
    volume_percent: int = 70


class RouteLight(Action, frozen=True, tag="route_light", omit_defaults=True, kw_only=True):
    """Light the way to the observation point for `show_ms`; 0: dark now. Says nothing of why (3.1.2e)."""

    show_ms: int


class Buzz(Action, frozen=True, tag="buzz", omit_defaults=True, kw_only=True):
    """Call the duty leader, whoever else is out of reach, for `show_ms`; 0: silent now."""

    show_ms: int


AnyAction = GateOpen | GateFree | GateClose | SignShow | SignIdle | LampShow | VoiceSay | RouteLight | Buzz
