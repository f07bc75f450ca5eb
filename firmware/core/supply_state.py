"""What a device remembers of the supplies its dispensers give out (3.1.6). Plain values, part of its `HallState`."""

from __future__ import annotations

import msgspec


class SupplyState(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One kind at one dispenser, in the units of the rulebook."""

    left: int
    used: int = 0
    """Since the journal began: it only grows, so that a ledger can be kept by subtracting."""
    told: int = 0
    """`used`, as last put on record."""
    low: bool = False
    report_ms: int | None = None
    """Elapsed time at which the uses since then are due on record."""
