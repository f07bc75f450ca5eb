"""`[supplies]`, clause 3.1.6: what dispensers give out, when it runs low, and how often its use is put on record."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from firmware.rulebook.tables import Id, LaneName, Table
from firmware.rulebook.visits import Text

Units = Annotated[int, Meta(ge=0, le=1_000_000)]


class SupplyItem(Table, frozen=True, kw_only=True):
    """`[[supplies.item]]`: hand gel, masks, antigen tests: one kind at one dispenser or issue point."""

    name: Id
    """As orders, events and the status call it."""
    name_zh: Text = ""
    """As people call it; absent: `name`."""
    name_en: Text = ""
    """The same in English."""
    lane: LaneName
    """The lane whose `dispenser` counts it; the device that has this lane keeps its ledger."""
    per_use: Annotated[int, Meta(ge=1, le=1_000)] = 1
    """Units that one use takes."""
    full_units: Annotated[int, Meta(ge=1, le=1_000_000)]
    """What is there when it is full: at the first start, and after a refill that names no number."""
    low_units: Units = 0
    """With so many left, or fewer, it is an alarm."""


class Supplies(Table, frozen=True, kw_only=True):
    """`[supplies]`. Without items nothing is counted."""

    report_minutes: Annotated[int, Meta(ge=1, le=24 * 60)] = 15
    """Uses are put on record together, so long after the first of them; what a badge was shown for, at once."""
    item: tuple[SupplyItem, ...] = ()
    """`[[supplies.item]]`, at most 40."""
