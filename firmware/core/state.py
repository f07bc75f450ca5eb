"""Everything a controller remembers, as plain values: it can be written into the journal and read back, bit for bit.

Bounded on purpose: every table below has a limit (`core/bounds.py` trims), because a device runs for years.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from firmware.core.air_state import AirKept, Contact
from firmware.core.alarms import Standing
from firmware.core.assisted import Path
from firmware.core.facts import Booking, Card, HealthTest, OtherHealth
from firmware.core.incident_state import HeldThere, IncidentState, Passed, SpacingDay
from firmware.core.lane import State
from firmware.core.resource import HALL, Resource, of_zone
from firmware.core.round_state import RoundsKept
from firmware.core.supply_state import SupplyState

LaneDirection = Literal["in", "out", "both", "elevator"]


class CarSetup(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The car of a lift, inside, and what its plate says."""

    width_mm: int
    depth_mm: int
    rated_persons: int


class LaneSetup(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the site file says of one lane, as far as judgement needs it. Journalled at every start."""

    name: str
    direction: LaneDirection
    classes: tuple[str, ...] = ("visitor",)
    escape_way: bool = False
    passage_sensor: bool = False
    """A counter or a gate board confirms passages; without one they are assumed."""
    beams: bool = False
    """A counter sees who steps into the passage."""
    gate_confirms: bool = False
    """The gate is a board that sees each body through by itself: it is never told to stay open for one more."""
    fails_open: bool = False
    thermometer: bool = False
    range_sensor: bool = False
    button: bool = False
    askers: tuple[str, ...] = ("scanner",)
    """Of an exit: the devices by which somebody says that they want to leave."""
    zone: str = ""
    """Where the lane leads, in the words of staff badges and of the roster (3.1.4b); empty: everywhere."""
    comes_from: str = ""
    """Empty: the street. `hall`, or a zone of it: both sides are inside, and who passes was let into the hall before."""
    interlock: str = ""
    """Lanes of one device with the same word here: only one of them is open inwards at a time."""
    behind_sensor: bool = False
    """A range sensor looks at the space behind the gate."""
    route_light: bool = False
    buzzer: bool = False
    hatch: bool = False
    """The gate is a hatch or a locker door that nobody can go through: goods are handed over here (3.2.4)."""
    wide: bool = False
    """A wheelchair and its pusher fit through."""
    terminal: bool = False
    """A digital sentinel or face terminal stands here."""
    air: bool = False
    """A sensor measures the air of where the lane leads."""
    car: CarSetup | None = None
    """Of a lift; None: no lift, or nobody said how large it is."""

    @property
    def entry(self) -> bool:
        return self.direction in ("in", "both", "elevator")

    @property
    def exit(self) -> bool:
        return self.direction in ("out", "both")

    @property
    def lets_out(self) -> bool:
        """Whether a body that comes out here has walked the right way; out of a lift's car people always step."""
        return self.exit or self.direction == "elevator"

    @property
    def takes(self) -> tuple[str, ...]:
        """Names of the limits that whoever comes in here needs a place of, the narrower ones last."""
        hall = () if self.comes_from else (HALL,)
        return (*hall, of_zone(self.zone)) if self.zone else hall

    @property
    def leaves(self) -> str:
        """Name of the limit that has a place more once somebody has gone through; empty: none."""
        return of_zone(self.comes_from) if self.comes_from not in ("", HALL) else ""


class Reading(msgspec.Struct, frozen=True, omit_defaults=True):
    """A value with the moment it was taken: an old reading is no reading."""

    value: float
    at_ms: int
    ambient: float | None = None
    distance_mm: int | None = None


class Sentinel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a digital sentinel last said at a lane, and when: an old verdict is none."""

    at_ms: int
    code: Literal["green", "yellow", "red", "unknown"] = "unknown"
    pcr: Literal["negative", "positive", "none", "unknown"] = "unknown"
    sampled_age_minutes: int | None = None
    temperature_c: float | None = None
    mask: bool | None = None
    token: str = ""
    holder: str | None = None

    @property
    def bad(self) -> bool:
        """What leads to isolation (3.1.2e)."""
        return self.code in ("yellow", "red") or self.pcr == "positive"


class VenueCode(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The hub's word that the holder of this pass registered with the venue code. For seconds, at one lane."""

    pass_id: str
    at_ms: int
    code: Literal["green", "yellow", "red", "unknown"] = "unknown"
    pcr: Literal["negative", "positive", "none", "unknown"] = "unknown"
    sampled_s: int | None = None

    @property
    def bad(self) -> bool:
        """What leads to isolation (3.1.2e)."""
        return self.code in ("yellow", "red") or self.pcr == "positive"


class Attested(msgspec.Struct, frozen=True, omit_defaults=True):
    """A person's word at the gate. `no`: what was asked is not so (no mask, an elevated clinical reading, a veto)."""

    what: str
    by: str
    at_ms: int
    no: bool = False


class Visit(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What one person in front of the gate has shown so far. Codes read within `collect_seconds` are one visit."""

    since_ms: int
    until_ms: int
    booking: Booking | None = None
    health: HealthTest | OtherHealth | None = None
    """The health proof; of several the NAAT, whichever was shown first, so that who comes back is known by the same one."""
    also: tuple[HealthTest | OtherHealth, ...] = ()
    """Health proofs of other kinds, where a rulebook asks for a NAAT and an antigen test."""
    codes: tuple[str, ...] = ()
    """Hashes of the codes of this visit: the same code again is no other person."""
    card: Card | None = None
    sentinel: Sentinel | None = None
    place_for: int = 0
    """Persons for whom nothing but a place is missing; 0: something else is, or nothing was asked yet."""
    asked: str = ""
    """What the visit waits for now (`core/attest.py`); a rule's `asks_for`."""
    told: str = ""
    """Why it waits, as last put on record: a reading that changes nothing is no news."""
    attested: tuple[Attested, ...] = ()
    path: Path | None = None
    """The way of 3.1.2d, where this visit takes it."""
    veto_until_ms: int | None = None

    @property
    def healths(self) -> tuple[HealthTest | OtherHealth, ...]:
        return (self.health, *self.also) if self.health else ()

    @property
    def person(self) -> str | None:
        proof = self.booking or self.card or self.health
        return proof.person if proof else None


class Grant(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An open permit. It reserves; only a confirmed passage spends it."""

    decision: str
    way: Literal["in", "out"]
    persons: int
    until_ms: int
    pulse_ms: int
    lasts_ms: int = 10_000
    opened_ms: int
    passed: int = 0
    spent: bool = False
    """The pass is marked used."""
    person: str | None = None
    pass_id: str | None = None
    pass_expires_s: int = 0
    codes: tuple[str, ...] = ()
    reserved: bool = True
    """False: an exit, which takes no place."""
    quota_day: str = ""
    """The local day whose quota this grant counts in; empty: in none, it is no walk-in's."""
    no_passback: bool = False
    """The entry of this pass is remembered against a second one (anti-passback)."""
    cases: int = 0
    """Cases that this grant counts in the quota of its day."""
    slot: int = -1
    """The slot whose quota it counts in, as minute of the day; -1: none."""
    pass_uses: int = 1
    """How often this pass may be used on its day; 0: as often as somebody likes."""

    @property
    def left(self) -> int:
        return self.persons - self.passed


class Waiting(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Somebody was told to wait for a place and has not come through yet."""

    who: str
    persons: int = 1
    since_ms: int
    seen_ms: int
    gone: bool = False
    """Not seen at the gate for some seconds: may be in the queue, or away."""
    attested: tuple[Attested, ...] = ()
    path: Path | None = None
    sentinel: Sentinel | None = None
    """What this person went through before there was no place: our own queue undoes none of it."""


class LaneState(msgspec.Struct, kw_only=True, omit_defaults=True):
    name: str
    state: State = "idle"
    since_ms: int = 0
    visit: Visit | None = None
    grant: Grant | None = None
    blocked: bool = False
    blocked_since_ms: int = 0
    open_until_ms: int = -1_000_000
    """When the hand lets go by itself, as we last ordered it."""
    wanted_open_until_ms: int = -1_000_000
    """When it should: earlier than the above after a blocked passage prolonged it."""
    exit_waiting: bool = False
    """Somebody wants out while a body is still coming in through the same lane: they go next, before anybody is judged."""
    obstructed: bool = False
    last_code: str = ""
    scanned: dict[str, int] = {}
    """Codes of the last seconds and when they were read: the same code again is the same scan."""
    temperature: Reading | None = None
    sentinel: Sentinel | None = None
    """The last verdict of the lane's digital sentinel, whether or not somebody's visit has begun."""
    badge: str | None = None
    badge_until_ms: int = 0
    button_since_ms: int | None = None
    door_open_since_ms: int | None = None
    door_alarm: str = ""
    door_unasked: bool = False
    """The leaf opened without a grant; whether it was forced or has only rattled is not known yet."""
    queue_persons: int = 0
    queue_gap_mm: int | None = None
    approached_ms: int = -1_000_000
    """When it was last opened to somebody who came near (`core/approach.py`)."""
    behind_persons: int = 0
    behind_dense_ms: int = -1_000_000
    """The last time it was crowded there: sensors tell only news, so the crowd lasted until the news that it went."""
    last_entry_ms: int = -1_000_000
    entry_interval_ms: float = 0.0
    waiting: list[Waiting] = []
    held_because: str = ""
    held_by: str = ""
    broken: dict[str, str] = {}
    """Devices that are not ok now: key in the lane's table -> state."""
    freed: bool = False
    """GateFree stands."""
    closing: bool = False
    """It is to end as soon as the passage is clear."""
    deaf_since_ms: int | None = None
    """Since when nobody could ask to leave here."""
    deaf: bool = False
    """It stands open for that."""
    symptoms_ms: int | None = None
    """When somebody last pressed "I do not feel well" here."""
    queue_links_mm: tuple[int, ...] = ()
    """As `events.SpacingSeen.links_mm`."""
    close_since_ms: int | None = None
    """Since when the queue has been too close without a break."""
    close_told_ms: int = -100_000_000
    """When it was last asked aloud to keep its distance."""
    behind_since_ms: int | None = None
    """Since when at least `dwell_persons` have stood behind the gate."""
    crowd: str = ""
    """`dense` or `loitering`, as last reported."""
    crowd_told_ms: int = -100_000_000
    last_party: int = 1
    """Bodies of the party that came in last."""
    host: Booking | None = None
    """The last staff badge that was shown here: good for a guest until `host_until_ms`."""
    host_until_ms: int = 0
    host_inside: bool = False
    """That badge's own entry was granted: its body has a place."""
    freed_until_ms: int | None = None
    """A responder's badge holds the lane open until then."""
    key_turned: bool = False
    """The responders' key holds the lane open until it is turned back."""
    temperatures: tuple[Reading, ...] = ()
    """The last readings, the newest last: one alone may be a hand, a cup or the sun."""
    venue: tuple[VenueCode, ...] = ()
    aboard: int = 0
    """Bodies in the car of this lift, as far as this device saw them step in and out."""
    boarded_ms: int = 0
    car_over: bool = False
    """More are aboard than may ride together."""
    button_asked: str = ""
    """What the visit waited for when the button went down: a press that comes too late is no other order."""
    round_by: str = ""
    """Who was shown last that may sign off this lane's round (3.1.5a), good until `round_until_ms`."""
    round_until_ms: int = 0
    air: AirKept | None = None
    air_told: bool = False
    """Bad air is an alarm now."""
    contacts: dict[str, Contact] = {}
    """By role: windows, fire doors and the air conditioning (3.1.5c)."""


class Used(msgspec.Struct, array_like=True):
    """A used pass: how often, the last time (wall seconds), and when it may be forgotten."""

    times: int
    at_s: int
    forget_s: int
    uses: int = 1
    """How often it may be used on its day, as far as this door knows; 0: as often as somebody likes."""


class PeerUse(msgspec.Struct, array_like=True):
    """A pass used at another door: how often there, and the last time (wall seconds)."""

    times: int
    at_s: int


class Counted(msgspec.Struct, array_like=True, frozen=True):
    """People without a booked slot that one device let in on a local day; `slot` is a minute of that day, -1: none."""

    day: str
    persons: int = 0
    cases: int = 0
    slot: int = -1
    slot_persons: int = 0


class DoorTold(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What another door of the hall counted last. `seen_ms` is our elapsed time."""

    seq: int = 0
    day: str = ""
    counted: Counted = Counted("")
    seen_ms: int = -10_000_000
    inc: str = ""
    """Of another board in the same place: its numbers begin anew."""


class UpdateOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The hub wants this device to run `version`; `sha256` (hex) is that of the bundle at `url`. `id`: the order's."""

    id: str
    url: str
    sha256: str
    version: str


class HallState(Resource, kw_only=True, omit_defaults=True):
    """One device's whole memory. It is itself what the device remembers of the hall's limit; `zones` are the others."""

    device: str = ""
    version: str = ""
    boot: str = ""
    hall: str = ""
    seq: int = 0
    lanes: dict[str, LaneState] = {}
    setups: tuple[LaneSetup, ...] = ()
    rulebook_text: bytes = b""
    rulebook_serial: int = 0
    used: dict[str, Used] = {}
    arrived: dict[str, int] = {}
    """Pass or certificate -> wall second of its first scan today: freezes slot and PCR age for some minutes."""
    quota_day: str = ""
    quota_used: int = 0
    journal_ok: bool = True
    alarms: list[Standing] = []
    """Which stand now: the alarm, and its lane or an empty text."""
    fire_lanes: list[str] = []
    """Lanes whose fire loop is open now: one loop that closes says nothing of another."""
    evacuated_by: str = ""
    latest_wall_ms: int = 0
    """The highest wall time at which the clock was trusted: an earlier one later is doubtful."""
    quarantined: bool = False
    """Somebody saw more of our counters than our journal holds: no admissions until an operator acts."""
    entered: dict[str, int] = {}
    """Badge -> elapsed time of its last entry, where anti-passback looks at it; forgiven by an exit and a recount."""
    opened_day: str = ""
    """The local day on which the first person of `[opening]` was here."""
    released: str = ""
    """Local date and time of the last scheduled release that was done."""
    draining: bool = False
    """Taken out of service: no entry, and every right goes to the others."""
    held_persons: dict[str, int] = {}
    """Who must not try again today: day pseudonym, pass or certificate -> wall second, 0 while the clock is doubtful."""
    held_elsewhere: dict[str, HeldThere] = {}
    """By the device that told it."""
    incidents: dict[str, IncidentState] = {}
    passed: dict[str, list[Passed]] = {}
    """Lane -> who went through in the last minutes."""
    spacing_days: dict[str, SpacingDay] = {}
    """By lane."""
    quota_cases: int = 0
    """Cases counted on `quota_day`."""
    quota_slot: int = -1
    quota_slot_used: int = 0
    quota_before: Counted = Counted("")
    """What a dead board had counted in this place: it counts on."""
    orders_day: str = ""
    """The local day for which quota and walk-ins were ordered by command."""
    quota_ordered: int | None = None
    walk_in_ordered: bool | None = None
    elsewhere: dict[str, dict[str, PeerUse]] = {}
    """Pass -> device -> its use there."""
    doors: dict[str, DoorTold] = {}
    """By device."""
    rulebook_before: bytes = b""
    """The rulebook that was in force before this one."""
    rulebook_next: bytes = b""
    """One that is valid only from a later day on."""
    rulebook_next_from: str = ""
    rulebook_next_until: str = ""
    """Its two dates, so that nobody has to read it at every event."""
    rulebook_ends: str = ""
    """The last day that was warned of; empty: none is near."""
    rulebook_highest: int = -1
    """The highest serial ever taken: what was given up by a fall-back does not come back by itself."""
    swept_day: str = ""
    """The local day whose visitors an attendant last said to be gone."""
    sweep_alarm: str = ""
    """The local day whose visitors are still counted inside, long after closing."""
    idle_shown: str = ""
    """What the idle signs were last told, in short."""
    takes_updates: bool = False
    """Somebody on this device installs what is ordered."""
    update_ordered: UpdateOrder | None = None
    zones: dict[str, Resource] = {}
    """By the resource's name: the zones inside the hall whose limit this device helps to keep."""
    rounds: RoundsKept = msgspec.field(default_factory=RoundsKept)
    supplies: dict[str, SupplyState] = {}
    """By item: what this device's dispensers gave out."""

    def resources(self) -> list[tuple[str, Resource]]:
        """Every limit this device helps to keep, with its name; the hall's first."""
        return [(HALL, self), *self.zones.items()]

    def resource(self, name: str) -> Resource | None:
        return self if name == HALL else self.zones.get(name)
