"""The tables of a rulebook: every number with its type, its bounds and the clause it serves.

Percentages are whole numbers, times of day are minutes since midnight, and every other number has its unit in its name.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from functools import lru_cache
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Share = Annotated[int, Meta(ge=0, le=100)]
Persons = Annotated[int, Meta(ge=0, le=100_000)]
Minutes = Annotated[int, Meta(ge=0, le=24 * 60)]
Age = Annotated[int, Meta(ge=0, le=150)]
Id = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,64}\Z", description="id of a-z, 0-9 and -")]
ClassName = Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,32}\Z", description="class name of a-z, 0-9, _ and -")]
ServiceName = Annotated[str, Meta(min_length=1, max_length=64)]
Reason = Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,40}\Z", description="reason of a-z, 0-9 and _")]
Phrase = Annotated[str, Meta(max_length=200)]
_SPAN = r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]-(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)\Z"
Span = Annotated[str, Meta(pattern=_SPAN, description="span HH:MM-HH:MM")]
"""`HH:MM-HH:MM`; the end is outside, `24:00` is the end of the day."""

TimeOfDay = Annotated[str, Meta(pattern=r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]\Z", description="time of day HH:MM")]
LaneName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,32}\Z", description="lane name of A-Z, a-z, 0-9 and -")]

Proof = Literal["pcr", "antigen"]
Source = Literal["certificate", "sentinel", "venue-code"]
Doubt = Literal["refuse", "staff", "admit"]
ToWhom = Literal["refuse", "staff", "isolate"]

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Root of every table: frozen, and an unknown key is an error at start-up, when a person can still mend it."""


class Phase(Table, frozen=True, kw_only=True):
    """`[[phase]]`, clauses 2.1 to 2.3: what holds from a date on, until a later phase begins."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    """Stands in the records; the clause a refusal names comes from the phase's own numbers."""
    begins: dt.date = msgspec.field(name="from")
    """Its first day, local to `time_zone`; it begins at midnight."""
    share_percent: Share
    """Day quota for walk-ins and new grants, as a share of the former daily volume. No valid booking is bound by it."""
    limit_percent: Share = 100
    """Of `limit_persons`: people inside at once while this phase lasts, rounded down."""
    classes: tuple[ClassName, ...]
    """Classes of people that are received; each needs a table `[class.NAME]`."""
    walk_in: bool | None = None
    """Whether people without a booking are received in this phase (2.3); absent: as the rulebook says."""
    commissioning: bool = False
    """The hall is set up and tested (2.1): what an attendant lets through is recorded as a drill."""


class Week(Table, frozen=True, kw_only=True):
    """`[hours]` and `[hours.service.NAME]`: opening hours by weekday; a day that is not here is closed."""

    monday: tuple[Span, ...] = ()
    """Openings of a Monday, none of them over midnight."""
    tuesday: tuple[Span, ...] = ()
    """Openings of a Tuesday, none of them over midnight."""
    wednesday: tuple[Span, ...] = ()
    """Openings of a Wednesday, none of them over midnight."""
    thursday: tuple[Span, ...] = ()
    """Openings of a Thursday, none of them over midnight."""
    friday: tuple[Span, ...] = ()
    """Openings of a Friday, none of them over midnight."""
    saturday: tuple[Span, ...] = ()
    """Openings of a Saturday, none of them over midnight."""
    sunday: tuple[Span, ...] = ()
    """Openings of a Sunday, none of them over midnight."""

    def spans(self, weekday: int) -> tuple[tuple[int, int], ...]:
        """(first minute, minute after the last) of each opening; Monday is 0."""
        return openings(getattr(self, WEEKDAYS[weekday]))


class HoursException(Table, frozen=True, kw_only=True):
    """`[[hours.exception]]`: a date unlike its weekday: a holiday, a Saturday that is worked. No `open`: closed."""

    date: dt.date
    """Exceptions stand in the order of their dates."""
    open: tuple[Span, ...] = ()
    """Openings of that day; none: closed."""
    services: tuple[ServiceName, ...] = ()
    """Only for these services; (): for the hall and all of them. Of two of one date the one that names the service counts."""


ANY_SERVICE = ""
"""Not the hours of the hall or of one service: whenever anybody at all is received."""


class Hours(Week, frozen=True, kw_only=True):
    """`[hours]`, clause 3.2.6: a service in demand may have its own week, which replaces the general one altogether."""

    service: dict[ServiceName, Week] = {}
    """`[hours.service.NAME]`: the week of one service, by the name in its bookings. While one of them is open, so is the hall:
    its windows and rounds are looked at, and nobody is called forgotten inside."""
    exception: tuple[HoursException, ...] = ()
    """`[[hours.exception]]`: days that are otherwise than their weekday."""
    last_entry_minutes: Minutes = 0
    """Nobody is let in for the last minutes before closing; 0: until the last one."""

    def week(self, service: str | None) -> Week:
        return self.service.get(service, self) if service else self

    def spans_on(self, day: dt.date, service: str | None) -> tuple[tuple[int, int], ...]:
        """Openings of that very day, (first minute, minute after the last), in order; None: the hall's own."""
        if service == ANY_SERVICE:
            return _joined(tuple([self.spans_on(day, each) for each in (None, *self.service)]))
        one = self._exception(day, service)
        return openings(one.open) if one is not None else self.week(service).spans(day.weekday())

    def _exception(self, day: dt.date, service: str | None) -> HoursException | None:
        """The one that names this service, else the first that is for all."""
        at = bisect_left(self.exception, day, key=lambda one: one.date) if self.exception else 0
        for_all = None
        while at < len(self.exception) and self.exception[at].date == day:
            one = self.exception[at]
            if service in one.services:
                return one
            for_all = for_all or (None if one.services else one)
            at += 1
        return for_all


class Slot(Table, frozen=True, kw_only=True):
    """`[slot]`, clause 3.1.1a: how far outside its slot a booking is still good, and places for people without one."""

    early_minutes: Minutes = 10
    """Who comes earlier is told when to come back."""
    late_minutes: Minutes = 15
    """Who comes later is late."""
    quota: Persons = 0
    """People without a booked slot, per slot; 0: no such quota, the day's alone binds them."""
    minutes: Annotated[int, Meta(ge=5, le=24 * 60)] = 30
    """Length of a slot for `quota`, counted from midnight."""
    late: Literal["refuse", "staff", "walk_in"] = "refuse"
    """Who comes after the slot and its grace: books again, is helped by the staff, or counts as a walk-in. The last only where
    walk-ins are received, whatever the class says of bookings; elsewhere they book again."""


class Gate(Table, frozen=True, kw_only=True):
    """`[gate]`: how long a gate is open for somebody."""

    grant_seconds: Annotated[int, Meta(ge=1, le=300)] = 10
    """How long a permit waits for the body; unused it is given back."""
    pulse_ms: Annotated[int, Meta(ge=50, le=30_000)] = 700
    """How long the gate is driven for one body."""


class ClassGate(Table, frozen=True, kw_only=True):
    """`[class.NAME.gate]`: what a class has otherwise than `[gate]`: a wide or slow gate for assisted visitors."""

    grant_seconds: Annotated[int, Meta(ge=1, le=300)] | None = None
    """Absent: `[gate]`'s."""
    pulse_ms: Annotated[int, Meta(ge=50, le=30_000)] | None = None
    """Absent: `[gate]`'s."""


class OnFail(Table, frozen=True, kw_only=True):
    """`[class.NAME.on_fail]`: where each failed condition leads. An elevated temperature, a local rule, never to isolation."""

    pcr: ToWhom = "staff"
    """A PCR report that is missing or too old."""
    antigen: ToWhom = "staff"
    """An antigen test that is missing, too old, or of too few days."""
    code: ToWhom = "isolate"
    """A yellow or red health code."""
    positive: ToWhom = "isolate"
    """A positive result of either kind."""
    mask: Literal["refuse", "staff"] = "refuse"
    """No mask."""
    temperature: Literal["refuse", "staff"] = "staff"
    """An elevated temperature."""
    symptoms: ToWhom = "staff"
    """Somebody pressed the button "I do not feel well" (3.1.4a)."""


class ClassRules(Table, frozen=True, kw_only=True):
    """`[class.NAME]`: what one class of people has to bring."""

    booking: Literal["required", "optional", "none"]
    """`optional`: also without one, where walk-ins are received; `none`: the badge or the card is enough."""
    proof: tuple[Proof, ...]
    """All of these are asked for; () asks for none."""
    pcr_validity_hours: Annotated[int, Meta(ge=0, le=24 * 60)] = 72
    """Age of the sample, or of the report, at the instant of entry."""
    antigen_days: Annotated[int, Meta(ge=0, le=60)] = 0
    """Negative antigen tests of so many different days, none older than so many days (3.1.4a)."""
    pcr_counts_from: Literal["sample", "report"] = "sample"
    """What the age of a test counts from; a certificate without a report time counts from its sample."""
    code: Literal["none", "green"] = "none"
    """`green`: a green health code has to be known, from a sentinel, a venue code or an attendant. `none`: nobody is asked
    for one; a yellow or red one that a sentinel or a venue code tells leads where `on_fail.code` says all the same."""
    mask: Literal["none", "attest", "terminal", "veto"] = "none"
    """`attest`: an attendant says so; `terminal`: a terminal sees it; `veto`: unless an attendant says no."""
    temperature_max_c: Annotated[float, Meta(ge=30, le=45)] | None = None
    """Warmer than this is elevated, this itself is in order (where 37.3 is fever already: 37.2). Absent: none is asked for."""
    sources: tuple[Source, ...] = ("certificate", "sentinel", "venue-code")
    """Where a PCR result may come from: any one of these is enough."""
    re_entries: Annotated[int, Meta(ge=0, le=1000)] = 0
    """How often a used pass may come back on its day: that takes a place, no quota."""
    arrival_freeze_minutes: Minutes = 20
    """The first scan holds slot and age of the proof for so long: our own queue makes nobody late."""
    same_person: bool = False
    """Health proof and booking have to be the same person's, by keyed hashes or by the identity card (3.1.2b)."""
    on_fail: OnFail = OnFail()
    """`[class.NAME.on_fail]`: where each failed condition leads."""
    gate: ClassGate = ClassGate()
    """`[class.NAME.gate]`: a wider or slower gate than `[gate]`."""
    enters: bool = True
    """False: served at its lane and never let in (couriers, 3.2.4)."""
    host: Literal["none", "required"] = "none"
    """`required`: only together with a host's badge, shown within `collect_seconds` before or after (3.2.2)."""
    host_classes: tuple[ClassName, ...] = ("staff",)
    """Whose badge makes a host."""
    host_enters: bool = True
    """The host comes in with the guest and takes a place; false: the host waits inside."""
    wide: bool = False
    """Only through a lane that the site file calls wide (3.1.1c: a helper, a wheelchair and its pusher)."""
    bodies_max: Annotated[int, Meta(ge=1, le=21)] = 21
    """Party and helper together; an agent is one body with many cases (3.2.3)."""
    cases_max: Annotated[int, Meta(ge=1, le=1000)] = 1000
    """Cases on one pass (3.2.3)."""
    comes_and_goes: bool = False
    """A pass of this class is not used up by a passage (cleaners, inspectors), and takes one number of a quota a day.
    A staff badge never is."""
    counts_quota: bool = True
    """Without a booked slot somebody of this class counts in the quotas of day, slot and cases."""
    slot_required: bool = False
    """A pass without a slot of its own is not enough (3.2.3: agents come by batch and time)."""
    early_minutes: Minutes | None = None
    """Grace of this class; absent: `[slot]`'s."""
    late_minutes: Minutes | None = None
    """Grace of this class; absent: `[slot]`'s."""
    keeps_hours: bool | None = None
    """Bound by the opening hours; absent: yes, for everybody but the class `staff`."""
    last_entry_minutes: Minutes | None = None
    """Absent: `[hours]`'s."""
    resident: bool | None = None
    """This key and the next two make it the class of whoever shows an identity card that fits, and no other class."""
    age_from: Age | None = None
    """Years, this one included."""
    age_under: Age | None = None
    """Years, this one not."""

    @property
    def by_card(self) -> bool:
        """An identity card alone can prove this class."""
        return self.resident is not None or self.age_from is not None or self.age_under is not None

    def fits(self, age_years: int | None, resident: bool) -> bool:
        """Whether a card proves this class. What the card does not tell proves nothing."""
        if self.resident is not None and self.resident != resident:
            return False
        if self.age_from is None and self.age_under is None:
            return self.by_card
        return age_years is not None and (self.age_from or 0) <= age_years < (self.age_under or 1000)


class Spacing(Table, frozen=True, kw_only=True):
    """`[spacing]`, clause 3.1.3b: the two-metre line."""

    minimum_mm: Annotated[int, Meta(ge=0, le=20_000)] = 2000
    """The two-metre line, where a range sensor measures."""
    release_interval_ms: Annotated[int, Meta(ge=0, le=600_000)] = 3000
    """Pace of the entry where no range sensor measures the distance."""
    patience_seconds: Annotated[int, Meta(ge=0, le=3600)] = 0
    """A queue that stays too close this long holds the gate no more, it is only told and reported; 0: it always does.
    A sensor cannot know who belongs together before they have shown their booking."""
    close_seconds: Annotated[int, Meta(ge=1, le=3600)] = 10
    """A queue too close for this long is asked aloud to keep its distance."""
    voice_cooldown_seconds: Annotated[int, Meta(ge=5, le=24 * 3600)] = 60
    """Between two such sentences, and between two reports of the same lane: the order of the hall is a quiet one."""
    volume_percent: Share = 70
    """The loudest any voice of an entry speaks, an evacuation apart."""
    quiet: tuple[Span, ...] = ()
    """Spans of the local day in which nobody is asked aloud; the sign still does."""


class OnDoubt(Table, frozen=True, kw_only=True):
    """`[on_doubt]`: what each kind of doubt leads to."""

    clock: Doubt = "staff"
    """The wall clock cannot be trusted, and a rule needs it."""
    journal_full: Doubt = "refuse"
    """What is decided cannot be recorded (4.2)."""
    sensor_missing: Doubt = "staff"
    """A sensor that a rule needs is silent or broken. `admit` forgives what it would have measured, never a proof it brings."""


class Flow(Table, frozen=True, kw_only=True):
    """`[flow]`, clause 3.1.3c, our own addition: entry pauses while more than `density_persons_max` stand behind the gate."""

    density_persons_max: Persons = 0
    """0: density is not looked at."""
    hold_seconds: Annotated[int, Meta(ge=1, le=600)] = 15
    """Entry stays held this long after the last crowded sight."""
    wait_estimate_seconds: Annotated[int, Meta(ge=1, le=3600)] = 60
    """Expected wait per person ahead before anybody was seen leaving today."""
    forget_seconds: Annotated[int, Meta(ge=10, le=3600)] = 180
    """Who was told to wait and has not shown up again for this long has gone."""
    dwell_seconds: Annotated[int, Meta(ge=0, le=24 * 3600)] = 0
    """Entry pauses while at least `dwell_persons` have stood behind the gate for this long without a break; 0: off."""
    dwell_persons: Annotated[int, Meta(ge=1, le=1000)] = 3
    """How many make a crowd that lingers."""


class Isolation(Table, frozen=True, kw_only=True):
    """`[isolation]`, clause 3.1.2e: led away at once, the duty leader first, then the sub-district office.

    Times count from the opening.
    """

    acknowledge_seconds: Annotated[int, Meta(ge=5, le=3600)] = 120
    """The duty leader acknowledges by then, else the incident escalates."""
    escalate_seconds: Annotated[int, Meta(ge=5, le=3600)] = 300
    """Between two escalations of an incident that nobody acknowledges."""
    report_minutes: Annotated[int, Meta(ge=1, le=24 * 60)] = 30
    """The sub-district office is told by then."""
    sign_off_minutes: Annotated[int, Meta(ge=1, le=24 * 60)] = 60
    """The lane is signed off by then; nothing opens it by itself."""
    around_minutes: Annotated[int, Meta(ge=0, le=24 * 60)] = 10
    """Who passed the lane in these minutes before is listed; 0: nobody is."""
    hold_upstream: tuple[LaneName, ...] = ()
    """Other entries of the same device that are held too. An exit or an escape way never is."""
    hold_for_missing: bool = False
    """Where `on_fail` sends a missing or old proof to isolation as well, the lane is held for it too."""
    show_seconds: Annotated[int, Meta(ge=5, le=600)] = 60
    """How long the sign asks to wait for the staff."""


class Attendant(Table, frozen=True, kw_only=True):
    """`[attendant]`, our own addition: the attendant's badge and button."""

    badge_seconds: Annotated[int, Meta(ge=1, le=300)] = 10
    """A badge that was read gives the button its power for this long."""
    long_press_ms: Annotated[int, Meta(ge=500, le=20_000)] = 2000
    """A press this long says no, holds, releases or resets."""


class AntiPassback(Table, frozen=True, kw_only=True):
    """`[anti_passback]`: a badge must not let in two people. Never a hard rule: exits ask nobody, nobody is known to have left.

    `soft` admits and raises an alarm; `timed` refuses until the minutes are over. A scan of the same badge at an exit,
    and every recount, forgive.
    """

    classes: tuple[ClassName, ...] = ("staff", "agent")
    """Whose passes are looked at."""
    mode: Literal["soft", "timed"] = "soft"
    """`soft`: told and let in; `timed`: to the staff until the minutes are over."""
    minutes: Minutes = 0
    """0: off."""


class Opening(Table, frozen=True, kw_only=True):
    """`[opening]`, the first person rule: a door admits nobody until one of these classes was there on that day."""

    first_person: tuple[ClassName, ...] = ()
    """(): no such rule."""


Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class Scheduled(Table, frozen=True, kw_only=True):
    """On which days and at which lanes something is done by itself; no days given: every day, no lanes: all of them."""

    weekdays: tuple[Weekday, ...] = ()
    """On these weekdays; none and no `dates`: every day."""
    dates: tuple[dt.date, ...] = ()
    """And on these dates."""
    lanes: tuple[LaneName, ...] = ()
    """At these lanes; none: at all of them."""

    def due_on(self, day: dt.date) -> bool:
        if not self.weekdays and not self.dates:
            return True
        return day in self.dates or WEEKDAYS[day.weekday()] in self.weekdays

    def at(self, lane: str) -> bool:
        return not self.lanes or lane in self.lanes


class ScheduledHold(Scheduled, frozen=True, kw_only=True):
    """`[[hold]]`: entry pauses during this span of the day (a disinfection break, 3.1.5a)."""

    span: Span
    """The sign says when entry goes on."""
    reason: Reason = "held"
    """The word in the record."""


class ScheduledRelease(Scheduled, frozen=True, kw_only=True):
    """`[[release]]`: a hold that somebody forgot ends at this time. An isolation's hold is never ended by a clock."""

    time: TimeOfDay


class Alarms(Table, frozen=True, kw_only=True):
    """`[alarms]`, our own addition: when a door's contact, or a rulebook that runs out, becomes an alarm."""

    held_open_seconds: Annotated[int, Meta(ge=1, le=3600)] = 15
    """A leaf, or a passage, that stays open for this long."""
    forced_ms: Annotated[int, Meta(ge=0, le=60_000)] = 500
    """A leaf that opens without a grant and is shut again within this time has only rattled."""
    rulebook_ends_days: Annotated[int, Meta(ge=0, le=366)] = 14
    """So many days before this rulebook's last one it is an alarm, where no next one waits; 0: never."""


@lru_cache(1_024)
def minutes_of(span: str) -> tuple[int, int]:
    """`09:00-17:30` as (540, 1050). Remembered: every decision asks for the hours and the breaks of its day."""
    first, end = span.split("-")
    return int(first[:2]) * 60 + int(first[3:]), int(end[:2]) * 60 + int(end[3:])


@lru_cache(1_024)
def openings(spans: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """The openings of one day, in order."""
    return tuple(sorted(map(minutes_of, spans)))


@lru_cache(1_024)
def _joined(days: tuple[tuple[tuple[int, int], ...], ...]) -> tuple[tuple[int, int], ...]:
    """The openings of all of them, those that touch made one. Remembered: every round asks for them at every event."""
    joined = list[tuple[int, int]]()
    for first, end in sorted(span for spans in days for span in spans):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((first, end))
    return tuple(joined)
