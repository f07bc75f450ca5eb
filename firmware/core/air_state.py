"""What is remembered of a lane's air and of the leaves and machines that belong to it (3.1.5c). Plain values."""

from __future__ import annotations

import msgspec


class AirKept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last reading, and what followed from it by the rulebook of that moment."""

    co2_ppm: int
    at_ms: int
    alarm: bool = False
    holds: bool = False
    """Entry pauses."""
    limit_percent: int = 100
    """Of the limit of the day."""


class Contact(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A window, a fire door or the air conditioning: its electrical loop, since when, and whether it is an alarm now."""

    closed: bool
    since_ms: int
    told: bool = False
