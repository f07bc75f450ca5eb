"""What a controller puts on record: the events the hub gets, in the words of the contract (section 4).

A record is journalled together with the event that caused it, before any gate moves, and is published from the journal
word for word. `seq` has no gaps for the life of the journal; `id` is unique for ever.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from sensors.readings import Direction

Answer = Literal["admit", "refuse", "wait", "staff", "isolate"]


class Clause(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one rule said. `verdict`: the answer it would give alone; `because`: one snake_case word."""

    clause: str
    verdict: Answer
    because: str


class Evidence(msgspec.Struct, frozen=True):
    """A reading the decision trusted, its age in milliseconds and its quality."""

    reading: str
    age_ms: int
    quality: Literal["good", "assumed", "doubtful"] = "good"


class Remains(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What this device knows to be left.

    `places` by the limit, `day`, `slot` and `cases` of the quotas for people without a booked slot. Absent: there is no
    such quota.
    """

    places: int
    day: int
    slot: int | None = None
    cases: int | None = None


class Record(msgspec.Struct, frozen=True, tag_field="kind", kw_only=True):
    """The common root; on the wire `v` stands first. `at` is RFC 3339 with milliseconds and offset."""

    v: int = 1
    id: str
    seq: int
    boot: str
    at: str
    at_trusted: bool
    lane: str | None = None
    responsible: str | None = None
    """The unit that answers for this lane or this visit, as the rulebook says (4.1)."""


class Decision(Record, frozen=True, tag="decision", kw_only=True):
    person: str | None
    person_class: str | None = msgspec.field(name="class", default=None)
    answer: Answer
    clauses: tuple[Clause, ...]
    phrase: str
    sign: str
    sign_en: str
    trusted: tuple[Evidence, ...]
    rulebook: int
    pass_id: str | None = None
    took_ms: float | None = None
    """From the scan's last byte to the hand-over to the journal; measured by the loop, no part of replay."""
    remains: Remains | None = None
    """Before this visit, at an entry that was judged by the rules (3.1.1b)."""
    online: str | None = None
    """The service this visit was booked for, where the rulebook knows a way to do it online (3.2.1)."""


class Passage(Record, frozen=True, tag="passage", kw_only=True):
    direction: Direction
    decision: str | None
    expected: bool
    assumed: bool = False
    inside: int | None = None
    within: bool = False
    """Between two parts of the hall: nobody came into it or left it."""


class Alarm(Record, frozen=True, tag="alarm", kw_only=True):
    """Something is not as it should be; `active` false: it is again. Each `alarm`, and what to do: docs/mqtt.md."""

    alarm: str
    active: bool = True
    detail: str = ""


class Around(msgspec.Struct, frozen=True, omit_defaults=True):
    """A passage before an incident, by pseudonym and decision. A body nobody asked has neither."""

    passage: str
    before_s: int
    decision: str | None = None
    person: str | None = None
    direction: Direction = "in"


class Incident(Record, frozen=True, tag="incident", kw_only=True):
    incident: str
    state: Literal["opened", "acknowledged", "escalated", "closed"]
    because: str = ""
    person: str | None = None
    step: str = ""
    """What was done now: opened, duty_leader_told, escalated, acknowledged, office_reported, overdue, signed_off,
    lane_back, closed; restarted after a power loss, superseded when there were too many."""
    by: str = ""
    """Who did it: a badge, an order's issuer, or what called (`buzzer`, `event`)."""
    elapsed_s: float = 0.0
    """Since the incident was opened."""
    overdue: tuple[str, ...] = ()
    """What is late now: acknowledge, report, sign_off."""
    decision: str = ""
    lane_held: bool = False
    upstream: tuple[str, ...] = ()
    """Other lanes that are held with it."""
    around: tuple[Around, ...] = ()
    """On opening: who passed this lane in the minutes before, the last one first."""
    around_omitted: int = 0
    detail: str = ""


class Round(Record, frozen=True, tag="round", kw_only=True):
    """A step of a round that somebody has to walk (3.1.5a), or of goods to be disinfected (3.1.5b)."""

    point: str
    """As the rulebook names it, `[[rounds.point]]`."""
    state: Literal["due", "amber", "red", "done", "missed"]
    """due; late (amber); much too late (red, also an alarm); signed off; never done on its day."""
    by: str = ""
    """Who signed: a pass, a badge or an order's issuer."""
    due_at: str = ""
    """RFC 3339; empty: it was not due, or the clock could not be trusted."""
    late_s: int = 0
    """Seconds since it was due."""
    escalated: int = 0
    """How often the alarm has been given."""


class Supply(Record, frozen=True, tag="supply", kw_only=True):
    """What a dispenser gave out, or was filled with (3.1.6). Units are the rulebook's, `[[supplies.item]]`."""

    item: str
    state: Literal["used", "issued", "low", "empty", "refilled"]
    used: int
    """Since the journal of this device began; it only grows."""
    left: int
    by: str = ""
    """Whose badge it was issued by, or who refilled it."""


class Health(Record, frozen=True, tag="health", kw_only=True):
    device: str
    state: str
    because: str = ""


class CommandDone(Record, frozen=True, tag="command", kw_only=True):
    command: str
    name: str
    issuer: str
    result: Literal["done", "refused", "failed"]
    because: str = ""


class RulebookTaken(Record, frozen=True, tag="rulebook", kw_only=True):
    serial: int | None
    result: Literal["taken", "refused"]
    because: str = ""


class DeviceStarted(Record, frozen=True, tag="start", kw_only=True):
    version: str
    power_loss: bool
    rulebook: int | None


AnyRecord = (
    Decision | Passage | Alarm | Incident | Round | Supply | Health | CommandDone | RulebookTaken | DeviceStarted
)  # fmt: skip
