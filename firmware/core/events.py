"""Everything that can happen to a controller. One event and its moment go in; actions, records and a wake-up come out.

Events are what is journalled: they hold facts, never a code's text, a name or a number. Replay feeds the same events to
the same controller and must get the same actions. A new event is a new class here and a row in the controller's table.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from firmware.core.facts import AnyFact
from firmware.core.occupancy import Notice, Row
from firmware.core.resource import HALL
from firmware.core.state import Counted, LaneSetup
from sensors.readings import Direction

ContactRole = Literal[
    "fire_loop", "door", "button", "release_key", "symptoms", "duress", "window", "fire_door", "air_conditioning",
    "dispenser",
]  # fmt: skip


class Event(msgspec.Struct, frozen=True, tag_field="event", omit_defaults=True, kw_only=True):
    """The common root."""


class Started(Event, frozen=True, tag="started", omit_defaults=True, kw_only=True):
    """The process began. `boot` is the kernel's boot id: the same one again is no power loss."""

    boot: str
    version: str
    device: str
    hall: str
    inc: str
    """The journal's incarnation. Another one than before: a new journal, and zero rights unless this is the bank."""
    bank: bool = False
    lanes: tuple[LaneSetup, ...] = ()
    takes_updates: bool = False
    """Somebody on this device installs what the hub orders."""
    zones: tuple[str, ...] = ()
    """The zones inside the hall whose limit this device helps to keep, by the words of the site file."""


class RulebookLoaded(Event, frozen=True, tag="rulebook", omit_defaults=True, kw_only=True):
    """A rulebook whose signature was checked is to be used from now on. `text` is the TOML's exact bytes."""

    text: bytes
    kid: str
    came_by: Literal["file", "hub", "fallback"] = "file"


class RulebookRefused(Event, frozen=True, tag="rulebook_refused", omit_defaults=True, kw_only=True):
    """A rulebook was offered and not taken."""

    because: str
    serial: int | None = None


class DocumentSeen(Event, frozen=True, tag="document", omit_defaults=True, kw_only=True):
    """A signed document of the hub was taken or refused: the roster, the revocations, the pushed trust list.

    What it says is not in here: it shows in the facts of the codes that are read from now on.
    """

    what: Literal["roster", "revocations", "trust"]
    taken: bool
    because: str
    """What was taken and which lines were not, or why it was refused."""


class CodeRead(Event, frozen=True, tag="code", omit_defaults=True, kw_only=True):
    """A scanner read a code and this is what it proved."""

    lane: str
    fact: AnyFact
    read_by: str = ""


class TemperatureRead(Event, frozen=True, tag="temperature", omit_defaults=True, kw_only=True):
    lane: str
    object_c: float
    ambient_c: float | None = None
    distance_mm: int | None = None


class AirRead(Event, frozen=True, tag="air", omit_defaults=True, kw_only=True):
    """What the air is like where this lane leads: parts per million, degrees Celsius, relative humidity."""

    lane: str
    co2_ppm: int
    temperature_c: float | None = None
    humidity_percent: float | None = None


class TerminalSaid(Event, frozen=True, tag="terminal", omit_defaults=True, kw_only=True):
    """A digital sentinel or face terminal gave its verdict on whoever stands at this lane. Its code stays opaque.

    It holds no name, no number and no picture; `token` is a keyed hash of what was shown, only to know it again.
    """

    lane: str
    code: Literal["green", "yellow", "red", "unknown"] = "unknown"
    pcr: Literal["negative", "positive", "none", "unknown"] = "unknown"
    sampled_age_minutes: int | None = None
    """Age of the sample when the terminal asked; None where it does not say."""
    temperature_c: float | None = None
    mask: bool | None = None
    token: str = ""
    holder: str | None = None
    """As `facts.Card.holder`, where the terminal read an identity card."""


class Crossed(Event, frozen=True, tag="crossed", omit_defaults=True, kw_only=True):
    """A counter or a gate board saw one body pass the door line."""

    lane: str
    direction: Direction
    transit_ms: int = 0
    by: Literal["counter", "gate"] = "counter"


class TurnedAway(Event, frozen=True, tag="turned_back", omit_defaults=True, kw_only=True):
    """Somebody entered the door line and went back the way they came, or the gate board's time ran out."""

    lane: str
    side: Literal["outside", "inside"] = "outside"
    by: Literal["counter", "gate"] = "counter"


class PassageBlocked(Event, frozen=True, tag="blocked", omit_defaults=True, kw_only=True):
    lane: str
    blocked: bool


class CounterSaturated(Event, frozen=True, tag="saturated", omit_defaults=True, kw_only=True):
    lane: str
    because: str


class SpacingSeen(Event, frozen=True, tag="spacing", omit_defaults=True, kw_only=True):
    """What the range sensor sees in front of the gate, thinned out before it gets here: sent only when it changes."""

    lane: str
    persons: int
    gap_mm: int | None = None
    zone: Literal["queue", "hall"] = "queue"
    """`queue`: in front of the gate; `hall`: the space behind it."""
    links_mm: tuple[int, ...] = ()
    """The distances that join all of them, each the shortest there is, in order: one fewer than persons (bounded).
    A party of n may have n - 1 short ones among themselves."""


class ContactChanged(Event, frozen=True, tag="contact", omit_defaults=True, kw_only=True):
    """An electrical contact opened or closed. The fire loop is normally closed: open is fire, a cut wire too."""

    lane: str
    role: ContactRole
    closed: bool


class DeviceHealth(Event, frozen=True, tag="device", omit_defaults=True, kw_only=True):
    """A device's state changed. `device` is its key in the lane's table of the site file (`scanner`, `gate`)."""

    lane: str
    device: str
    state: Literal["ok", "silent", "garbled", "unplugged", "refused"]
    because: str = ""


class CommandArrived(Event, frozen=True, tag="command", omit_defaults=True, kw_only=True):
    """An order came. `refusal` says why it must not be done; then no other field is believed (`mqtt/commands.py`).

    `kid`, `counter` and `expires_s` let the guard against replays be rebuilt from the journal.
    """

    id: str
    name: str
    issuer: str
    lane: str | None = None
    body: dict[str, str | int | float | bool | None] = {}
    refusal: str | None = None
    kid: str = ""
    counter: int = 0
    expires_s: int = 0


class JournalState(Event, frozen=True, tag="journal", omit_defaults=True, kw_only=True):
    """The journal can no longer, or can again, keep a record before the gate moves."""

    writable: bool
    because: str = ""
    withheld: tuple[str, ...] = ()
    """Lanes whose gate was not opened because the record of the decision could not be kept."""


class ClockChecked(Event, frozen=True, tag="clock", omit_defaults=True, kw_only=True):
    """Trust in the wall clock changed; the moment beside it carries the new trust."""

    because: str = ""


class BoardTold(Event, frozen=True, tag="board", omit_defaults=True, kw_only=True):
    """The board's supply fell too low, its processor became too hot or its loop stood still, or that is over."""

    what: Literal["undervoltage", "overheated", "standstill"]
    active: bool
    detail: str = ""


class RowArrived(Event, frozen=True, tag="row", omit_defaults=True, kw_only=True):
    """A peer's row of the hall-wide limit, authenticated by the link that brought it."""

    row: Row
    copy: bool = False
    """Its device did not say it now: the broker or another device had kept it."""
    twin: bool = False
    """It is under this device's own identity, and this device never said it."""
    resource: str = HALL


class NoticeArrived(Event, frozen=True, tag="notice", omit_defaults=True, kw_only=True):
    """The bank's word to the hall, authenticated by the link that brought it."""

    notice: Notice
    resource: str = HALL


class PeerUsed(Event, frozen=True, tag="peer_used", omit_defaults=True, kw_only=True):
    """What another door of the hall tells of its day, authenticated by the link that brought it (`passes/<device>`).

    `used`: (pass id, times there, wall second of the last time). Complete for the day: an old, repeated or reordered
    one changes nothing. `held` are day pseudonyms; `seq` rises for the life of that door's journal, which `inc` names.
    """

    device: str
    seq: int
    day: str
    used: tuple[tuple[str, int, int], ...] = ()
    held: tuple[str, ...] = ()
    counted: Counted = Counted("")
    inc: str = ""


class Woken(Event, frozen=True, tag="tick", omit_defaults=True, kw_only=True):
    """The wake-up the controller asked for."""


AnyEvent = (
    Started
    | RulebookLoaded
    | RulebookRefused
    | DocumentSeen
    | CodeRead
    | TemperatureRead
    | AirRead
    | TerminalSaid
    | Crossed
    | TurnedAway
    | PassageBlocked
    | CounterSaturated
    | SpacingSeen
    | ContactChanged
    | DeviceHealth
    | CommandArrived
    | JournalState
    | ClockChecked
    | BoardTold
    | RowArrived
    | NoticeArrived
    | PeerUsed
    | Woken
)
