"""The rulebook: every number of the plan, by dated phase. Data, never code: the city's own rules changed twice.

`parse` turns the signed bytes into typed, bounded values or says what is wrong with them; the methods answer what the
rules ask. Nothing here knows the time, a file or a time zone: callers hand over a local date or time.
"""

from __future__ import annotations

import datetime as dt
import functools
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from firmware import typed_toml
from firmware.rulebook.air_tables import Air
from firmware.rulebook.contradictions import complaints
from firmware.rulebook.health_tables import Assisted, MaskRules, SentinelRules, Thermometer, VenueCodeRules
from firmware.rulebook.round_tables import Rounds
from firmware.rulebook.supply_tables import Supplies
from firmware.rulebook.tables import (
    ANY_SERVICE,
    Alarms,
    AntiPassback,
    Attendant,
    ClassGate,
    ClassName,
    ClassRules,
    Flow,
    Gate,
    Hours,
    Id,
    Isolation,
    OnDoubt,
    Opening,
    Persons,
    Phase,
    Phrase,
    Reason,
    ScheduledHold,
    ScheduledRelease,
    ServiceName,
    Slot,
    Spacing,
    Table,
)
from firmware.rulebook.visits import Contact, Elevator, Place, Quota, Responders, Responsible, Sweep, Zone


class Rulebook(Table, frozen=True, kw_only=True, rename={"classes": "class"}):
    """One hall's rules. Build it with `parse`: that one also refuses what contradicts itself."""

    v: Literal[1]
    """Version of this format."""
    hall: Id
    """As in the site files: a rulebook of another hall is refused."""
    serial: Annotated[int, Meta(ge=0, le=2**53)]
    """A device takes only a higher one."""
    valid_from: dt.date
    """First day; until then a newer rulebook waits on the device."""
    valid_until: dt.date
    """Last day."""
    time_zone: Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_+/-]{0,63}\Z", description="time zone name")]
    """IANA name: every date and time here is local to it."""
    limit_persons: Persons
    """People inside at once, the whole hall (3.1.1b)."""
    base_visits_per_day: Annotated[int, Meta(ge=0, le=10_000_000)]
    """The former daily volume that `share_percent` refers to (2.2)."""
    walk_in: bool = False
    """People without a booking are received; a phase or the order `walk_in` may say otherwise."""
    collect_seconds: Annotated[int, Meta(ge=1, le=300)] = 20
    """Two codes read within this time, in either order, are one visit."""
    symptoms_seconds: Annotated[int, Meta(ge=1, le=600)] = 15
    """Who pressed "I do not feel well" so long before the first code is whoever shows it (3.1.4a)."""
    clock_ahead_seconds: Annotated[int, Meta(ge=0, le=3600)] = 300
    """A laboratory's clock may be ahead of ours by this much: a test of later than that proves nothing."""
    phase: tuple[Phase, ...]
    """`[[phase]]`, in the order of their dates."""
    hours: Hours
    """Opening hours; they bind visitors."""
    slot: Slot = Slot()
    """Grace and slot quota."""
    classes: dict[ClassName, ClassRules]
    """`[class.NAME]`, one for each class of people; a class that is not here is not admitted."""
    gate: Gate = Gate()
    """Times of the gate."""
    spacing: Spacing = Spacing()
    """Clause 3.1.3b."""
    on_doubt: OnDoubt = OnDoubt()
    """What a doubt leads to."""
    flow: Flow = Flow()
    """Clause 3.1.3c."""
    attendant: Attendant = Attendant()
    """Badge and button."""
    alarms: Alarms = Alarms()
    """Of doors and passages."""
    anti_passback: AntiPassback = AntiPassback()
    """One badge, one body."""
    opening: Opening = Opening()
    """The first person of the day (4.1)."""
    hold: tuple[ScheduledHold, ...] = ()
    """`[[hold]]`: breaks by date, weekday and time (3.1.5a)."""
    release: tuple[ScheduledRelease, ...] = ()
    """`[[release]]`: ends of forgotten holds."""
    isolation: Isolation = Isolation()
    """Clause 3.1.2e."""
    rounds: Rounds = Rounds()
    """Clauses 3.1.5a, 3.1.5b."""
    air: Air = Air()
    """Clause 3.1.5c."""
    supplies: Supplies = Supplies()
    """Clause 3.1.6."""
    quota: Quota = Quota()
    """Clauses 2.2, 3.1.1b, 3.2.3."""
    sweep: Sweep = Sweep()
    """After closing."""
    responders: Responders = Responders()
    """Fire, police, medical."""
    contact: Contact = Contact()
    """Clauses 3.2.1, 3.2.5, 4.3."""
    zone: dict[Id, Zone] = {}
    """Parts of the hall with a limit of their own. Which lanes lead there is the site files' affair."""
    elevator: Elevator = Elevator()
    """Clause 3.1.5d."""
    place: dict[ServiceName, Place] = {}
    """By the zone or the service of a booking."""
    responsible: Responsible = Responsible()
    """Clause 4.1."""
    sentinel: SentinelRules = SentinelRules()
    """Clause 3.1.2a."""
    venue_code: VenueCodeRules = VenueCodeRules()
    """Clause 3.1.2a."""
    mask: MaskRules = MaskRules()
    """Clause 3.1.2c."""
    thermometer: Thermometer = Thermometer()
    """A local rule."""
    assisted: Assisted = Assisted()
    """Clause 3.1.2d."""
    phrases: dict[Literal["zh", "en"], dict[Reason, Phrase]] = {}
    """`[phrases.zh]` and `[phrases.en]`: the hall's own words by reason, see below."""

    def phase_on(self, day: dt.date) -> Phase | None:
        """The last phase that has begun; None before the first."""
        for phase in reversed(self.phase):
            if phase.begins <= day:
                return phase
        return None

    def limit_on(self, day: dt.date, zone: str = "") -> int:
        """People at once in the whole hall, or in a zone of it, rounded down; 0 before the first phase."""
        phase = self.phase_on(day)
        return self._persons(zone) * phase.limit_percent // 100 if phase else 0

    def least_limit(self, zone: str = "") -> int:
        """The lowest of all phases, for who cannot know the day."""
        return min(self._persons(zone) * phase.limit_percent // 100 for phase in self.phase)

    def _persons(self, zone: str) -> int:
        """A zone without a table has no place: its doors say so at the desk (`check`)."""
        if not zone:
            return self.limit_persons
        return self.zone[zone].limit_persons if zone in self.zone else 0

    def quota_on(self, day: dt.date) -> int:
        """Walk-ins and new grants of the day, rounded down; 0 before the first phase."""
        phase = self.phase_on(day)
        return self.base_visits_per_day * phase.share_percent // 100 if phase else 0

    def rules_for(self, person_class: str, day: dt.date) -> ClassRules | None:
        """What the class has to bring; None: this class is not admitted on that day."""
        return self.rules_in(self.phase_on(day), person_class)

    def rules_in(self, phase: Phase | None, person_class: str) -> ClassRules | None:
        return self.classes.get(person_class) if phase and person_class in phase.classes else None

    def gate_for(self, person_class: str | None) -> Gate:
        """`[gate]`, with what `[class.<name>.gate]` says otherwise."""
        rules = self.classes.get(person_class) if person_class else None
        if rules is None or rules.gate == UNCHANGED:
            return self.gate
        own = {name: value for name, value in msgspec.structs.asdict(rules.gate).items() if value is not None}
        return msgspec.structs.replace(self.gate, **own)

    def walk_in_on(self, day: dt.date) -> bool:
        """Whether people without a booking are received that day."""
        phase = self.phase_on(day)
        return self.walk_in if phase is None or phase.walk_in is None else phase.walk_in

    def open_at(self, local: dt.datetime) -> bool:
        """Whether visitors are received at this local time, for any service at all."""
        return self.closing_in(local) is not None

    def closing_in(self, local: dt.datetime, service: str | None = ANY_SERVICE) -> int | None:
        """Minutes until this opening is over, at least 1; None while the hall is closed. None asks for the hall's own.

        It goes on where the next one begins as it ends, past midnight too; nobody asks further than the next day.
        """
        now = local.hour * 60 + local.minute
        over = _goes_on(self.hours.spans_on(local.date(), service), now)
        if over == 24 * 60:
            over += _goes_on(self.hours.spans_on(local.date() + dt.timedelta(days=1), service), 0)
        return over - now or None

    def open_for(self, local: dt.datetime) -> int:
        """Minutes since this opening began; 0 while the hall is closed."""
        minute = local.hour * 60 + local.minute
        return next(
            (minute - first for first, end in self.hours.spans_on(local.date(), ANY_SERVICE) if first <= minute < end),
            0,
        )

    def next_opening(self, local: dt.datetime, service: str | None = ANY_SERVICE) -> dt.datetime | None:
        """When the next opening begins after this local time, within two weeks; None: never."""
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        for days in range(15):
            day = midnight + dt.timedelta(days=days)
            spans = self.hours.spans_on(day.date(), service)
            later = [start for start in (at_minute(day, first) for first, _ in spans) if start > local]
            if later:
                return min(later)
        return None

    def last_closing(self, local: dt.datetime) -> dt.datetime | None:
        """When the hall last closed, not after this local time, within two weeks; None: it did not."""
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        for days in range(15):
            day = midnight - dt.timedelta(days=days)
            ends = [at_minute(day, end) for _, end in self.hours.spans_on(day.date(), ANY_SERVICE)]
            past = [end for end in ends if end <= local]
            if past:
                return max(past)
        return None

    def valid_on(self, day: dt.date) -> bool:
        """Both dates count: `valid_until` is the last day."""
        return self.valid_from <= day <= self.valid_until


UNCHANGED = ClassGate()


def _goes_on(spans: tuple[tuple[int, int], ...], minute: int) -> int:
    """The minute of the day until which it is open without a break from this one on; this one: it is shut."""
    for first, end in spans:
        if first <= minute < end:
            minute = end
    return minute


def at_minute(midnight: dt.datetime, minute: int) -> dt.datetime:
    """That minute of the day; 24:00 is the next day's first."""
    if minute >= 24 * 60:
        return midnight + dt.timedelta(days=1)
    return midnight.replace(hour=minute // 60, minute=minute % 60)


@functools.lru_cache(maxsize=8)
def parse(text: bytes, file: str = "rulebook.toml") -> Rulebook:
    """The rulebook in these bytes. Mistake, with line and key, for what is wrong, unknown or contradicts itself.

    The last few are remembered: a start, a check and a rehearsal read the same bytes several times, and the same bytes
    mean the same for ever.
    """
    source = typed_toml.document(text, file)
    book = typed_toml.typed(source, Rulebook)
    errors = [(complaint.path, complaint.what) for complaint in complaints(book) if complaint.severity == "error"]
    if errors:
        raise source.mistakes(errors)
    return book
