"""What is said over MQTT, as types: JSON, UTF-8, `v` first, unknown fields ignored by readers, units in names.

Events are `firmware/core/records.py`; everything else is here. `msgspec.json.schema` of these types is the reference
that hubs get, so a field's comment says what a stranger needs to know.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

Scalar = str | int | float | bool | None
CommandResult = Literal["done", "refused", "failed"]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """Root of everything sent."""

    def encoded(self) -> bytes:
        return msgspec.json.encode(self)


# ---------------------------------------------------------------- device -> hub: status


class SensorStatus(Message, frozen=True, omit_defaults=False, kw_only=True):
    """One device on a lane's cable. `device`: its key in the site file (`scanner`, `gate`)."""

    device: str
    driver: str = ""
    state: str = "ok"
    """ok, silent, garbled, unplugged, refused."""
    age_ms: int | None = None
    """Since its last reading or its last good answer."""
    quality: str = "good"
    because: str = ""


class LaneStatus(Message, frozen=True, omit_defaults=False, kw_only=True):
    name: str
    direction: str = "in"
    state: str = "idle"
    """The lane's state of the core's table: idle, screening, granted, passing, refused, held, evacuated ..."""
    sensors: tuple[SensorStatus, ...] = ()
    waiting: int | None = None
    """People seen in front of the gate."""
    expected_wait_s: int | None = None
    gap_mm: int | None = None
    because: str = ""
    too_close_s: int | None = None
    """How long people stood too close here today; null where nobody measures it."""
    too_close_times: int | None = None
    behind_persons: int | None = None
    """People seen behind the gate."""
    crowd: str = ""
    """dense or loitering, while entry pauses for it."""
    incident: str = ""
    """The incident that holds this lane."""
    co2_ppm: int | None = None
    """Last measured where the lane leads (3.1.5c); null: nobody measures it, or its sensor is broken."""
    air_holds: bool = False
    """Entry pauses because of it."""
    ventilation: tuple[str, ...] = ()
    """What is wrong now: window_shut, conditioning_on, fire_door_open."""
    fire_loop_open: bool | None = None
    """An open loop is fire, a cut wire too; null: no loop hangs on this lane."""


class JournalStatus(Message, frozen=True, omit_defaults=False, kw_only=True):
    dropped: int = 0
    writable: bool = True
    first_seq: int | None = None
    durable_seq: int | None = None
    because: str = ""
    """Why it cannot be written; while it is `writable`: why there will be no room behind what is left of it."""


class ClockStatus(Message, frozen=True, omit_defaults=False, kw_only=True):
    trusted: bool = True
    source: str = "system"


class SideLinkStatus(Message, frozen=True, omit_defaults=False, kw_only=True):
    """The path between the doors without a broker."""

    peers: dict[str, int] = {}
    """Device name: milliseconds since it was last heard."""
    named: int = 0
    """Other doors that the site file names."""
    refused: dict[str, int] = {}
    """Datagrams that could not be believed or taken, by reason: forged, replayed, garbled, too_many, reflected ..."""
    unsent: int = 0
    """Datagrams the network did not take: expected while a cable is pulled."""
    because: str = ""
    """Why it does not listen, or nothing leaves it; empty while it works."""


class RemainsStatus(Message, frozen=True, omit_defaults=False, kw_only=True):
    """What is left, as this device knows it.

    `places` of the whole hall by the limit, and the quotas for people without a booked slot. null: there is no such
    quota, or nobody can know.
    """

    places: int | None = None
    day: int | None = None
    slot: int | None = None
    cases: int | None = None
    walk_in: bool | None = None


class DoctorStatus(Message, frozen=True, omit_defaults=False, kw_only=True):
    """The last walk of a technician through this door (`hallgate doctor`)."""

    at: str
    """RFC 3339; by the device's clock, which nobody may have trusted then."""
    result: str
    """works, incomplete (somebody has to watch the rest), fault."""
    faults: tuple[str, ...] = ()
    """Lane, device and what was wrong: `A scanner nothing_answers`."""


class RoundStatus(Message, frozen=True, omit_defaults=False, kw_only=True):
    """A round that somebody has to walk (3.1.5a, 3.1.5b), as the device that tracks it knows."""

    point: str
    """As the order `sign_off` names it."""
    due_at: str = ""
    """RFC 3339; empty: nothing more today, or the clock cannot be trusted."""
    state: str = "due"
    """done (nothing to do yet), due, amber (late), red (much too late)."""
    name_zh: str = ""
    name_en: str = ""
    lane: str | None = None
    """Where badge and button sign it off; null: only the order does."""
    done_at: str = ""
    """RFC 3339; empty: nobody has signed it yet, or nobody can know when."""


class SupplyStatus(Message, frozen=True, omit_defaults=False, kw_only=True):
    """What one dispenser of this device gives out (3.1.6), in the units of the rulebook."""

    item: str
    """As the order `refill` names it."""
    left: int
    used: int = 0
    """Since the journal of this device began."""
    low: bool = False
    name_zh: str = ""
    name_en: str = ""
    lane: str = ""


class AlarmStatus(Message, frozen=True, omit_defaults=False, kw_only=True):
    """An alarm that lasts, and stands now. What happened once (somebody tailgated) is an event only."""

    alarm: str
    lane: str | None = None


class IncidentStatus(Message, frozen=True, omit_defaults=False, kw_only=True):
    """An isolation that is not closed (3.1.2e), without the person."""

    incident: str
    """As the orders `acknowledge` and `sign_off` name it."""
    lane: str
    state: str
    """opened, escalated, acknowledged."""
    because: str = ""
    opened_at: str = ""
    """RFC 3339; empty: nobody can know when."""
    overdue: tuple[str, ...] = ()
    lane_held: bool = False


class UpdateStatus(Message, frozen=True, omit_defaults=False, kw_only=True):
    """How far this device is with the last update that was ordered or begun at it."""

    version: str
    state: str
    """ordered, fetching, waiting (for a quiet moment), installing, restarting, trial (it runs, and has to stay well);
    then for good: kept, returned (to the version before), failed."""
    because: str = ""
    """Why it waits, failed or went back."""
    was: str = ""
    """The version that ran when it began."""


class Status(Message, frozen=True, omit_defaults=False, kw_only=True):
    """`device/<device>/status`, retained: how the device is, not what happened (that is an event)."""

    v: int
    device: str
    hall: str
    version: str = ""
    at: str = ""
    """RFC 3339 with milliseconds and offset."""
    at_trusted: bool = True
    boot: str = ""
    uptime_s: int = 0
    rulebook: int | None = None
    """Serial of the rulebook in force."""
    phase: str = ""
    limit_persons: int | None = None
    """Of the whole hall, as this device knows it."""
    inside: int | None = None
    """People inside the whole hall as this device knows it; on a device that is not the bank: what it counted."""
    inside_at_most: int | None = None
    """Upper end of the interval: with everybody whom doors that were not heard for 15 s may have let in since."""
    free_rights: int | None = None
    bank: bool = False
    evacuated: bool = False
    seq: int | None = None
    """Highest event number on disk: a hub that has fewer asks `history`."""
    first_seq: int | None = None
    """Lowest event number the journal still holds."""
    outbox_depth: int = 0
    """Events on disk that nobody has received."""
    outbox_lost: int = 0
    """Events the journal dropped before anybody received them."""
    queue: int = 0
    """Events waiting in the device's own inbox."""
    dropped: int = 0
    """Messages and readings dropped because a bounded queue was full."""
    memory_kb: int | None = None
    temperature_c: float | None = None
    """Of the board's processor."""
    undervoltage: bool | None = None
    """The board's supply was too weak; null: it cannot tell."""
    journal: JournalStatus = JournalStatus()
    clock: ClockStatus = ClockStatus()
    lanes: tuple[LaneStatus, ...] = ()
    side_link: SideLinkStatus | None = None
    """None: the site file has none."""
    notices_refused: dict[str, int] = {}
    """Notices of other doors that bore no good seal or made no sense, by kind, whichever way they came.

    `older`: rows and lists that were known better. A few are overtaken on their way, many are replayed.
    """
    remains: RemainsStatus = RemainsStatus()
    rulebook_before: bool = False
    """Another rulebook is kept that `rulebook_fallback` would bring back."""
    rulebook_next: str = ""
    """First day of a rulebook that waits on this device; empty: none does."""
    doctor: DoctorStatus | None = None
    """None: nobody ever walked through this door with it."""
    rounds: tuple[RoundStatus, ...] = ()
    """Rounds this device tracks; empty: none."""
    supplies: tuple[SupplyStatus, ...] = ()
    alarms: tuple[AlarmStatus, ...] | None = None
    """Whoever missed an alarm's begin or end has it from here; null: the firmware is too old to say."""
    incidents: tuple[IncidentStatus, ...] | None = None
    """The open ones, as `alarms`."""
    update: UpdateStatus | None = None
    """None: none was ever ordered, or this device takes none."""


# ---------------------------------------------------------------- hub -> device


Seq = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class HistoryRequest(Message, frozen=True, omit_defaults=True, kw_only=True):
    """`device/<device>/history`: publish these events again; both ends are included."""

    v: int
    ranges: Annotated[tuple[tuple[Seq, Seq], ...], msgspec.Meta(max_length=64)]


class Envelope(Message, frozen=True, omit_defaults=True, kw_only=True):
    """Payload of a command's JWS. Times in seconds since 1970; `counter` rises per issuer."""

    v: int
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    issued_at: float
    expires_at: float
    counter: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    issuer: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    hall: str
    device: str
    name: str
    body: dict[str, Any] = {}


class JwsHeader(msgspec.Struct, frozen=True):
    alg: str
    kid: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    crit: Any = None
    b64: Any = None


class CommandAnswer(Message, frozen=True, omit_defaults=False, kw_only=True):
    """Sent to the request's response topic with its correlation data."""

    v: int = 1
    id: str
    result: CommandResult
    because: str = ""


# ---------------------------------------------------------------- device -> hub: passes


class PassesList(Message, frozen=True, omit_defaults=True, kw_only=True):
    """`passes/<device>`, retained: today's used pass ids (hex) and held persons (day pseudonyms).

    `times` and `at` stand beside `used`: how often there, and the last time in seconds since 1970. `seq` rises for the
    life of the device's journal, which `inc` names. `walk_ins`, `cases` and `slot_walk_ins` are what this door has counted
    in the hall's quotas, boards it had before included; `slot` is the minute of the day at which that slot began.

    `used/<device>` has the same form and of the uses the latest 16: said with every passage once the list is so long that
    it is only said every few seconds.
    """

    v: int
    device: str
    day: str
    used: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    times: tuple[int, ...] = ()
    at: tuple[int, ...] = ()
    seq: int = 0
    walk_ins: int = 0
    cases: int = 0
    slot: int = -1
    slot_walk_ins: int = 0
    inc: str = ""


# ---------------------------------------------------------------- inside the house


class Incoming(msgspec.Struct, frozen=True):
    """A message from the hub on its way to the main loop. Nothing in it has been believed yet."""

    topic: str
    payload: bytes
    retained: bool = False
    response_topic: str | None = None
    correlation: bytes | None = None
    content_schema: str | None = None


class Reply(msgspec.Struct, frozen=True):
    """An answer on its way back: hand it to `Link.respond`."""

    topic: str
    correlation: bytes | None
    payload: bytes
