"""What is asked of each device of a lane, as data: what the technician does, and what must be seen then. Pure.

Sensors: a list of steps; each names the deed, and a judge that answers None (go on waiting), "" (as it should be) or
why it is wrong. Hands: the orders that are given, and the question for whoever watches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from firmware.core.actions import (
    AnyAction,
    Buzz,
    GateOpen,
    LampShow,
    RouteLight,
    SignShow,
    VoiceSay,
)
from firmware.site.tables import DeviceSpec, Lane
from sensors.readings import (
    Air,
    AnyReading,
    Contact,
    Crossing,
    Gap,
    IdentityCard,
    Positions,
    Ready,
    Scan,
    Temperature,
    TerminalVerdict,
)

Judge = Callable[[AnyReading], str | None]
SKIN_C = (20.0, 45.0)
"""The back of a hand, in any hall and season. Anything else is a thermometer that looks elsewhere."""
AIR_PPM = (350, 5_000)
"""From the cleanest air of a city to a hall that nobody could stand."""
LOOK_MS = 1_500
"""How long each colour, light and tone is shown."""


@dataclass(frozen=True)
class Step:
    """`deed`: what the technician is to do; empty: nothing, the device says it by itself."""

    deed: str
    judge: Judge


@dataclass(frozen=True)
class Showing:
    """`moves`: somebody could be hurt, so it is asked first whether it may be done."""

    orders: tuple[AnyAction, ...]
    question: str
    moves: bool = False


# ---------------------------------------------------------------- sensors


def steps(lane: Lane, spec: DeviceSpec) -> tuple[Step, ...]:
    """The steps of a sensor in their order."""
    if spec.driver.name.startswith("contact_"):
        return _contact(spec)
    if spec.role == "counter":
        return _walks(lane)
    deed, judge = SENSORS[spec.role]
    return (Step(deed, judge),)


def _scan(reading: AnyReading) -> str | None:
    if not isinstance(reading, Scan):
        return None
    try:
        whole = reading.text.decode("utf-8").isprintable()
    except UnicodeDecodeError:
        whole = False
    return "" if whole else "what it sends is no text: set its speed (baud) as in the site file"


def _card(reading: AnyReading) -> str | None:
    return "" if isinstance(reading, IdentityCard) else None


def _skin(reading: AnyReading) -> str | None:
    if not isinstance(reading, Temperature):
        return None
    low, high = SKIN_C
    return "" if low < reading.object_c < high else f"it reads {reading.object_c:.1f} °C: point it at the person"


def _breathed(reading: AnyReading) -> str | None:
    """It measures seldom, and nothing while it warms up: that it answers is enough."""
    if isinstance(reading, Ready):
        return ""
    if not isinstance(reading, Air):
        return None
    low, high = AIR_PPM
    return "" if low <= reading.co2_ppm <= high else f"it reads {reading.co2_ppm} ppm CO2: set its zero in fresh air"


def _somebody(reading: AnyReading) -> str | None:
    seen = isinstance(reading, Gap | Crossing) or (isinstance(reading, Positions) and bool(reading.persons))
    return "" if seen else None


def _verdict(reading: AnyReading) -> str | None:
    return "" if isinstance(reading, TerminalVerdict) else None


SENSORS: dict[str, tuple[str, Judge]] = {
    "scanner": ("hold any code before the scanner", _scan),
    "identity": ("lay an identity card on the reader", _card),
    "thermometer": ("hold the back of your hand before the thermometer", _skin),
    "range": ("stand about 1.5 m before the sensor", _somebody),
    "behind": ("stand behind the gate, before the sensor", _somebody),
    "air": ("", _breathed),
    "terminal": ("show a code to the terminal", _verdict),
}


def _walks(lane: Lane) -> tuple[Step, ...]:
    deeds = {"in": "walk through the passage, into the hall", "out": "walk through the passage, out of the hall"}
    ways = ("out",) if lane.direction == "out" else ("in", "out") if lane.direction == "both" else ("in",)
    return tuple(Step(deeds[way], _walked(way)) for way in ways)


def _walked(way: str) -> Judge:
    def judge(reading: AnyReading) -> str | None:
        if not isinstance(reading, Crossing):
            return None
        return "" if reading.direction == way else "it saw the other direction: exchange the pins outside and inside"

    return judge


CONTACTS = {
    "fire_loop": ("press the fire test", "set the fire test back"),
    "door": ("open the door leaf", "close the door leaf"),
    "button": ("press the attendant's button and hold it", "let the button go"),
    "release_key": ("turn the release key", "turn the release key back"),
    "symptoms": ("press the button for who does not feel well", "let the button go"),
    "duress": ("press the hidden button", "let the button go"),
    "dispenser": ("use the dispenser and keep it pressed", "let the dispenser go"),
    "window": ("open the window, or shut it when it is open", "put the window back as it was"),
    "fire_door": ("open the fire door", "shut the fire door"),
    "air_conditioning": ("switch the air conditioning on, or off when it runs", "switch the air conditioning back"),
}


def _contact(spec: DeviceSpec) -> tuple[Step, ...]:
    """At rest as the site file says, then the other way, then at rest again."""
    rest = getattr(spec.settings, "normally", "closed") == "closed"
    there, back = CONTACTS[spec.role]
    return Step("", _rests(spec.role, rest)), Step(there, _stands(not rest)), Step(back, _stands(rest))


def _rests(role: str, rest: bool) -> Judge:
    def judge(reading: AnyReading) -> str | None:
        if not isinstance(reading, Contact):
            return None
        if reading.closed == rest:
            return ""
        if role == "fire_loop":
            return "the fire loop is open: there is an alarm, or a wire is broken"
        return 'it does not stand as `normally` says: look at the wire, or write the other word ("open", "closed")'

    return judge


def _stands(closed: bool) -> Judge:
    return lambda reading: "" if isinstance(reading, Contact) and reading.closed == closed else None


# ---------------------------------------------------------------- hands


def showing(lane: Lane, spec: DeviceSpec) -> Showing:
    """What a hand is told to do, and what whoever watches is asked."""
    name = lane.name
    if spec.role == "lamp":
        colours = ("green", "red", "yellow") if "yellow" in spec.pins else ("green", "red")
        shown = tuple(LampShow(lane=name, colour=colour, show_ms=LOOK_MS) for colour in colours)  # type: ignore[arg-type]
        what = f"did the lamp show {', '.join(colours)}?"
        return Showing(shown, what)
    return HANDS[spec.role](name, "out" if lane.direction == "out" else "in")


HANDS: dict[str, Callable[[str, str], Showing]] = {
    "gate": lambda lane, way: Showing(
        (GateOpen(lane=lane, way=way, pulse_ms=LOOK_MS),),  # type: ignore[arg-type]
        "did the gate open, and close again?",
        moves=True,
    ),
    "sign": lambda lane, _: Showing(
        (SignShow(lane=lane, zh="自检 请核对", en="Self check", show_ms=5_000),), "does the sign show 自检?"
    ),
    "voice": lambda lane, _: Showing(
        (VoiceSay(lane=lane, phrase="admit", zh="自检，请通行。", en="Self check."),), "did you hear the voice?"
    ),
    "route_light": lambda lane, _: Showing((RouteLight(lane=lane, show_ms=LOOK_MS),), "did the route light shine?"),
    "buzzer": lambda lane, _: Showing((Buzz(lane=lane, show_ms=LOOK_MS),), "did the buzzer sound?"),
}
