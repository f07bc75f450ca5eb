"""The tables about visits: how many may come without a slot, who opens a lane without rules, where people are sent.

Each has a default that keeps a rulebook without it meaning what it meant.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from firmware.rulebook.tables import ClassName, Id, LaneName, Minutes, Persons, Share, Table

Text = Annotated[str, Meta(max_length=60)]
Short = Annotated[str, Meta(max_length=12)]
Phone = Annotated[str, Meta(pattern=r"^[0-9-]{0,12}\Z", description="phone number of at most 12 digits and -")]


class Quota(Table, frozen=True, kw_only=True):
    """`[quota]`, clauses 2.2, 3.1.1b: for people without a booked slot.

    The day's is a phase's share of `base_visits_per_day`, a slot's is `[slot] quota`. It belongs to the whole hall:
    while its doors hear each other they count together; a door that has not heard another one that is named here keeps
    to its own share of it.
    """

    cases_per_day: Persons = 0
    """0: no such quota."""
    share: dict[Id, Share] = {}
    """Device -> percent of every quota that is its own while doors are apart; a device that is not here: all of it."""
    apart_seconds: Annotated[int, Meta(ge=10, le=3600)] = 120
    """A door that was not heard for so long is apart."""


class Sweep(Table, frozen=True, kw_only=True):
    """`[sweep]`: after closing an attendant walks through the hall and says that it is empty: the count is zero again."""

    remind_minutes: Minutes = 0
    """An alarm when people are still counted inside so long after closing; 0: none."""
    press_ms: Annotated[int, Meta(ge=2_500, le=20_000)] = 5_000
    """Badge and a press of this length, while the hall is closed, say that it is empty."""


class Responders(Table, frozen=True, kw_only=True):
    """`[responders]`: fire brigade, police, medical: a badge opens the lane both ways without any rule; bodies are counted."""

    classes: tuple[ClassName, ...] = ("responder",)
    """Classes of badges that open like this; the staff's key signs them."""
    open_seconds: Annotated[int, Meta(ge=5, le=3600)] = 120
    """How long the lane stands open; the badge shown again prolongs it."""


class Zone(Table, frozen=True, kw_only=True):
    """3.1.3c: part of the hall with a limit of its own. A phase's `limit_percent` lowers it like the hall's."""

    limit_persons: Persons
    """People at once in the zone."""


class Elevator(Table, frozen=True, kw_only=True):
    """3.1.5d: how many may ride together. The size of each car stands in the site file, `[lane.car]`."""

    spacing_mm: Annotated[int, Meta(ge=0, le=5_000)] = 800
    """Between the middles of two persons in the car; 0: as many as the car's plate says."""
    trip_seconds: Annotated[int, Meta(ge=0, le=3_600)] = 90
    """After the last one who boarded the car has made its trip and is empty; 0: only who was seen stepping out is out."""


class Place(Table, frozen=True, kw_only=True):
    """`[place.NAME]`, clauses 3.1.3a, 3.2.1, 3.2.5: where a service is done, by a booking's zone or service. Empty: not told."""

    name_zh: Text = ""
    """Of the service, on the idle sign."""
    name_en: Text = ""
    """The same in English."""
    floor: Short = ""
    """Told on admission and on the idle sign."""
    window: Short = ""
    """Told on admission and on the idle sign."""
    lift_zh: Text = ""
    """Which lift leads there; absent: `[contact]`'s."""
    lift_en: Text = ""
    """The same in English."""
    online_zh: Text = ""
    """Where this service is done without coming; absent: `[contact]`'s."""
    online_en: Text = ""
    """The same in English."""
    phone: Phone = ""
    """Of the department; absent: `[contact]`'s."""
    responsible: Text = ""
    """The department whose windows these are, on every decision about a booking for it (4.1)."""


class Responsible(Table, frozen=True, kw_only=True):
    """`[responsible]`, clause 4.1: centre, department and staff each answer for their part. Stands on each event."""

    unit: Text = ""
    """Who answers for the doors where nothing else is said; empty: nobody is named."""
    lane: dict[LaneName, Text] = {}
    """Who answers for this lane: the property company at the entrance, the department at its own door."""

    def of(self, lane: str | None) -> str | None:
        return self.lane.get(lane or "") or self.unit or None


class Contact(Table, frozen=True, kw_only=True):
    """`[contact]`, clauses 3.2.1, 3.2.5, 4.3: what the idle sign shows, and what is added to a refusal."""

    phone: Phone = ""
    """Told to whoever is sent away (3.2.5)."""
    online_zh: Text = ""
    """The way that needs no visit (3.2.1)."""
    online_en: Text = ""
    """The same in English."""
    booking_zh: Text = ""
    """How to book."""
    booking_en: Text = ""
    """The same in English."""
    lift_zh: Text = "观光电梯"
    """Which lift visitors take (3.1.5d)."""
    lift_en: Text = "the sightseeing lift"
    """The same in English."""
    page_seconds: Annotated[int, Meta(ge=2, le=600)] = 8
    """How long each page of the idle sign stands."""
