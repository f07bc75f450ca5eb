"""What a controller remembers of isolations and of spacing (3.1.2e, 3.1.3b): plain values, part of its `HallState`."""

from __future__ import annotations

import msgspec


class Passed(msgspec.Struct, array_like=True):
    """A body that went through a lane, remembered for some minutes (3.1.2e)."""

    at_ms: int
    wall_s: int
    passage: str
    decision: str | None = None
    person: str | None = None
    direction: str = "in"


class IncidentState(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An isolation that is not closed yet. Times are elapsed milliseconds; a new boot shifts them."""

    id: str
    lane: str
    since_ms: int
    because: str = ""
    person: str | None = None
    decision: str = ""
    keys: tuple[str, ...] = ()
    """What is held with it: day pseudonyms, pass and certificate hashes."""
    holds: bool = True
    """The lane is kept shut for entry until it is signed off."""
    upstream: tuple[str, ...] = ()
    """Lanes to be held with it that are not yet."""
    kept: tuple[str, ...] = ()
    """Lanes that were held with it."""
    acknowledged_by: str = ""
    acknowledged_ms: int = 0
    reported_by: str = ""
    signed_by: str = ""
    escalated: int = 0
    escalate_ms: int = 0
    """When it escalates next."""
    overdue: tuple[str, ...] = ()
    lit_ms: int = 0
    """Until when the route light and the buzzer were last ordered."""
    seen_ms: int = 0
    seen_wall_ms: int = 0
    """The last turn, and its wall time where that was trusted: how long a power loss lasted."""


class HeldThere(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Who another door of the hall holds today, as it said last."""

    day: str
    keys: dict[str, int] = {}


class SpacingDay(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How one lane's queue kept its distance on one local day."""

    day: str = ""
    too_close_ms: int = 0
    times: int = 0
    longest_ms: int = 0
