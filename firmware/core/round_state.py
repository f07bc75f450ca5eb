"""What a controller remembers of its rounds (3.1.5a, 3.1.5b): plain values, part of its `HallState`."""

from __future__ import annotations

from typing import Literal

import msgspec

Stage = Literal["done", "due", "amber", "red"]
"""done: nothing to do yet; due: it is time; amber: late; red: much too late."""


class RoundState(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One point. `from_ms`: elapsed time of the last round, or of the moment since which this device keeps its time."""

    from_ms: int
    from_wall_ms: int = 0
    """The same by the calendar; 0: the clock could not be trusted since."""
    done: bool = False
    """Somebody signed at `from_ms`."""
    handed_ms: int | None = None
    """Goods came then that nobody has disinfected yet."""
    handed_wall_ms: int = 0
    stage: Stage = "done"
    """As last put on record."""
    day: str = ""
    """The local day of that."""
    escalated: int = 0
    escalate_ms: int = 0


class RoundsKept(msgspec.Struct, kw_only=True, omit_defaults=True):
    """All points of this device."""

    points: dict[str, RoundState] = {}
    red: tuple[str, ...] = ()
    """Points whose alarm stands."""
    seen_ms: int = 0
    """The last turn: a new boot begins to count where it ended."""
    next_ms: int = 0
    """When something changes by time alone, elapsed; before that nothing has to be looked at."""
    looked_ms: int = -1_000_000
    seen_as: str = ""
    """Rulebook and trust for which `next_ms` holds."""
