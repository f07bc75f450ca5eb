"""Every fact a sensor can state.

A reading says what was seen, never what it means for a visitor: that is the rules' work. Readings are frozen and
check themselves when built, so that an impossible one cannot exist. Times are not part of a reading: the port stamps
the raw material when it arrives, and the stamp travels beside the reading.

Identity numbers, names and code texts live at most inside `Scan` and `IdentityCard`, and end where they are verified
(`firmware/core/passes.py`); neither is ever journalled or sent.
"""

from __future__ import annotations

from typing import Literal, NoReturn

import msgspec

Direction = Literal["in", "out"]


def _snake(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name).lstrip("_")


class Reading(msgspec.Struct, frozen=True, tag_field="kind", tag=lambda name: _snake(name)):
    """The common root; `kind` on the wire is the class name in snake case."""


class Secret:
    """A text that names a person: it has no spelling, no encoder takes it, only whoever verifies it asks for it.

    A print, an f-string or a traceback shows `Secret`; JSON and MessagePack refuse it with TypeError.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for a keyed hash and for nothing else."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not stored")


class Scan(Reading, frozen=True):
    """A code was read. `text` is what it holds, undecoded; `read_by` names the engine when there is a choice."""

    text: bytes
    symbology: str = ""
    read_by: str = ""


class IdentityCard(Reading, frozen=True):
    """A card lay on the reader and its number is sound. Name, address and photograph ended in the driver.

    `number` (upper case) and `born` (YYYYMMDD) go as far as the verifier, which makes a keyed hash and an age of them.
    `resident`: the number's region is one of the driver's settings, so that no region has to travel either.
    """

    number: Secret
    born: Secret
    document: Literal["resident", "hmt_permit", "foreigner"] = "resident"
    resident: bool = False


class TerminalVerdict(Reading, frozen=True):
    """What a digital sentinel or face terminal found out about somebody, by its own look-up. No name and no picture.

    `shown` is what was held in front of it (a code's text, a number), only for a keyed hash by the verifier.
    `sampled_age_hours`: how old the sample of the PCR test was at that moment, 0 to 8760; None where it does not say.
    """

    code: Literal["green", "yellow", "red", "unknown"] = "unknown"
    pcr: Literal["negative", "positive", "none", "unknown"] = "unknown"
    sampled_age_hours: float | None = None
    temperature_c: float | None = None
    mask: bool | None = None
    shown_by: Literal["qr", "id", "ic", "face", "stranger", "unknown"] = "unknown"
    shown: Secret | None = None


class Temperature(Reading, frozen=True):
    """One thermometer value in degrees Celsius. `ambient_c` is the sensor's own surroundings.

    `distance_mm`: to what was measured, from a thermometer that knows it.
    """

    object_c: float
    ambient_c: float | None = None
    distance_mm: int | None = None


class Air(Reading, frozen=True):
    """The air of a room. `co2_ppm`: parts per million, outdoors about 420. Degrees Celsius; `humidity_percent` is relative."""

    co2_ppm: int
    temperature_c: float | None = None
    humidity_percent: float | None = None


class Crossing(Reading, frozen=True):
    """One body went through the door line. `assumed` marks a count that was not seen step by step."""

    direction: Direction
    transit_ms: float = 0.0
    assumed: bool = False


class TurnedBack(Reading, frozen=True):
    """Somebody entered the door line from one side and left by the same side."""

    side: Literal["outside", "inside"]


class Occupied(Reading, frozen=True):
    """The passage itself is blocked by a body (True) or clear (False). A gate never closes while it is blocked."""

    blocked: bool


class Saturated(Reading, frozen=True):
    """People were abreast or too close for this sensor: counts around this moment are a lower bound."""

    because: str


class Position(msgspec.Struct, frozen=True):
    """One person in the sensor's or the door's frame, metres."""

    id: int
    x_m: float
    y_m: float


class Positions(Reading, frozen=True):
    """Everybody the sensor sees now; empty when it sees nobody."""

    persons: tuple[Position, ...]


class Gap(Reading, frozen=True):
    """Smallest distance between two people seen now, millimetres."""

    gap_mm: int


class Contact(Reading, frozen=True):
    """A switch: fire loop, door leaf, attendant's button. `closed` is the electrical loop, not the meaning."""

    closed: bool


class GatePassed(Reading, frozen=True):
    """A gate board confirms that one person has passed."""

    direction: Direction


class GateTimedOut(Reading, frozen=True):
    """A gate board reports that nobody passed in time, or that its arm was pushed the wrong way."""

    direction: Direction


class RelayState(Reading, frozen=True):
    """What a relay board says of its own coil. `assumed` when the board never answers and the order is all we know."""

    channel: int
    on: bool
    assumed: bool = False


class Ready(Reading, frozen=True):
    """The device answered and holds the wanted settings. `model` as far as it says."""

    model: str = ""


class Refused(Reading, frozen=True):
    """The device answered an order with an error, or does not hold the settings we asked for."""

    because: str


class Garbled(Reading, frozen=True):
    """`dropped_bytes` bytes made no sense. Counted and reported, never guessed at."""

    dropped_bytes: int
    because: str = ""


class Silent(Reading, frozen=True):
    """The device has not answered its heartbeat for `for_ms` milliseconds."""

    for_ms: float


AnyReading = (
    Scan
    | IdentityCard
    | TerminalVerdict
    | Temperature
    | Air
    | Crossing
    | TurnedBack
    | Occupied
    | Saturated
    | Positions
    | Gap
    | Contact
    | GatePassed
    | GateTimedOut
    | RelayState
    | Ready
    | Refused
    | Garbled
    | Silent
)
