"""Doors that people come to without a slot, and how they do."""

from __future__ import annotations

from typing import Any

from firmware.core.facts import Booking
from tests.people.test_doors import Named

WALK_IN = ("walk_in = false", "walk_in = true")
OPTIONAL = ('[class.visitor]                 # (3.1.2a) PCR within 72 h; sentinel or venue code, never both demanded\n'
            'booking = "required"', '[class.visitor]\nbooking = "optional"')  # fmt: skip
COLLECT_S = 20
BASE = "base_visits_per_day = 1500 "


def door(
    day: int = 10, slot: int = 0, cases: int = 0, *more: tuple[str, str], name: str = "north", **fields: Any
) -> Named:
    """A door for walk-ins; the limited phase's 60 % of the base are `day`."""
    return Named(
        name,
        WALK_IN,
        OPTIONAL,
        (BASE, f"base_visits_per_day = {-(-day * 100 // 60)} "),
        ("\nquota = 0 ", f"\nquota = {slot} "),
        ("cases_per_day = 0 ", f"cases_per_day = {cases} "),
        *more,
        **fields,
    )


def roster(at_door: Named, number: int, **changes: Any) -> Booking:
    """A line of the day's roster without a slot: a new grant."""
    fields = {"source": "roster", "slot_start_s": None, "slot_end_s": None, "issuer": "roster", **changes}
    return at_door.guest(number, **fields)


def walks_in(at_door: Named, number: int) -> str:
    """With a test alone. A booking could help on a full day: the no is said when the time to show one is over."""
    answer = at_door.scan(at_door.test(number))
    if answer == "admit":
        at_door.cross()
    at_door.wait(4 if answer != "wait" else COLLECT_S + 1)
    return answer if answer != "wait" else at_door.answered[0]
