"""The tables of a rulebook that say what counts as evidence of health and identity (3.1.2a to d, local temperature rule).

Without any of them a rulebook means what it meant before they existed: no window, one reading, no exemption, nobody
assisted.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from firmware.rulebook.tables import ClassName, Table

Seconds = Annotated[int, Meta(ge=1, le=600)]
Years = Annotated[int, Meta(ge=0, le=150)]
Celsius = Annotated[float, Meta(ge=-40, le=85)]
Distance = Annotated[int, Meta(ge=0, le=5_000)]


class SentinelRules(Table, frozen=True, kw_only=True):
    """`[sentinel]`: whose a digital sentinel's verdict is, and how long it is one."""

    before_seconds: Seconds = 3
    """A verdict this long before the first scan of a visit belongs to whoever scans; an older one to nobody."""
    verdict_seconds: Seconds = 60
    """An older verdict is none. Counted to the arrival while that is frozen: our own queue makes nobody late."""
    age_required: bool = True
    """A verdict that does not say how old the sample is proves no age. False: the terminal's own window is believed."""


class VenueCodeRules(Table, frozen=True, kw_only=True):
    """`[venue_code]`: the hub's word for a visitor whose own phone checked in."""

    grant_seconds: Seconds = 60
    """How long the hub's word holds for this pass at this lane."""


class MaskRules(Table, frozen=True, kw_only=True):
    """`[mask]`, clause 3.1.2c: how a mask is attested, and who needs none."""

    attest_seconds: Seconds = 30
    """How long a visit waits for the attendant's button or for the terminal to see a mask."""
    veto_seconds: Annotated[int, Meta(ge=1, le=30)] = 2
    """`mask = "veto"`: the gate opens this long after everything else is in order, unless an attendant presses."""
    exempt_classes: tuple[ClassName, ...] = ()
    """Classes that need none."""
    exempt_under_years: Years = 0
    """By the identity card; 0: nobody is exempt for being young."""


class Thermometer(Table, frozen=True, kw_only=True):
    """`[thermometer]`, a local rule: when a reading is evidence. Outside of it the thermometer refuses to judge."""

    ambient_min_c: Celsius | None = None
    """Absent: the surroundings are not looked at."""
    ambient_max_c: Celsius | None = None
    """The surroundings it is good for; a reading that does not tell its own is then none. Absent: not looked at."""
    distance_min_mm: Distance | None = None
    """How near a forehead may be."""
    distance_max_mm: Distance | None = None
    """How far it may be; a reading that does not tell its distance is then none."""
    series: Annotated[int, Meta(ge=1, le=20)] = 1
    """So many readings have to agree ..."""
    spread_c: Annotated[float, Meta(ge=0.05, le=5)] = 0.3
    """... within so many degrees ..."""
    within_ms: Annotated[int, Meta(ge=100, le=30_000)] = 3_000
    """... taken within this time."""
    fresh_ms: Annotated[int, Meta(ge=500, le=60_000)] = 10_000
    """An older reading is somebody else's."""
    wait_seconds: Seconds = 10
    """How long a visit waits for a reading once everything else is there."""
    plausible_min_c: Celsius | None = None
    """What is colder is no forehead: nothing is judged by it. Absent: not looked at."""
    clinical_seconds: Seconds = 120
    """How long an elevated reading waits for an attendant's clinical one."""
    terminal: bool = True
    """A digital sentinel measures at its own distance: its value counts where the lane has no other thermometer."""


class Assisted(Table, frozen=True, kw_only=True):
    """`[assisted]`, clause 3.1.2d: who cannot show a code shows an identity card and the offline code on paper."""

    classes: tuple[ClassName, ...] = ()
    """Classes that may take this way; (): nobody."""
    minor_under_years: Years = 18
    """By the identity card; the plan says 18."""
    elder_from_years: Years = 60
    """By the identity card; the plan says 60."""
    disabled: Literal["attest", "no"] = "attest"
    """A registered disabled person of the city's household: no card says so, the attendant attests it."""
    confirm_seconds: Seconds = 90
    """How long each step may take."""
    paper_code_days: Annotated[int, Meta(ge=1, le=3650)] = 180
    """Age of the offline code on paper; the attendant reads its date and attests it."""
    health_by: Literal["card", "any"] = "card"
    """`card`: only a sentinel's verdict on this very card counts; `any`: whatever the sentinel was shown."""
