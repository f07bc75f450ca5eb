"""One limit that several devices keep together, and what this device remembers of it: the hall's, or a zone's in it.

Every resource is a protocol of its own (`core/occupancy.py`): its own rights, rows, bank's word, recounts and fences.
One bank serves them all.
"""

from __future__ import annotations

import msgspec

from firmware.core.occupancy import Notice, Rights

HALL, ZONE = "hall", "zone-"
"""The resource that is the whole hall, and what the name of a zone's begins with."""


def of_zone(zone: str) -> str:
    """The resource of a zone, as topics call it: `zone-b1`."""
    return f"{ZONE}{zone}"


def zone_of(name: str) -> str:
    """The zone that a resource is called after; empty for the hall."""
    return name.removeprefix(ZONE) if name.startswith(ZONE) else ""


class PeerSeen(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What the last row of a peer said, as far as rebalancing and the picture of the hall need it."""

    dev: str
    seq: int
    net: int
    free: int
    want: int
    entry: bool
    asks: int = 0
    bank: bool = False
    seen_ms: int = 0
    acknowledged: int = 0
    """V of the peer for us: how many of our gifts arrived."""
    made: int = 0
    """M - B of a peer that is or was the bank; with it its K and F."""
    recounted: int = 0
    written_off: int = 0
    given: dict[str, int] = {}
    received: dict[str, int] = {}
    notice: int = 0
    held: bool = False
    state: str = "joined"

    @property
    def age(self) -> tuple[int, int]:
        """As `occupancy.age` of the row it was made from."""
        return self.seq, sum(self.given.values()) + sum(self.received.values()) + self.notice


class Fence(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The bank's: a device that was locked out by hand, and what is to be returned once everybody ignores it."""

    inc: str
    persons: int
    """Rights to return, by the operator's evidence; 0: none, or what a recount will find."""
    serial: int
    """The notice that everybody has to know first."""
    command: str = ""


class Recount(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The bank's: people were counted, and rights may be missing. They are made only when every row is younger."""

    counted: int
    """People inside, and the open permits of the bank's own lanes."""
    serial: int
    command: str = ""


class Resource(msgspec.Struct, kw_only=True, omit_defaults=True):
    rights: Rights
    limit_day: str = ""
    """The local day the limit was last set for: phases change it at midnight."""
    limit_air_percent: int = 100
    """The share of it that the air allowed then (3.1.5c)."""
    limit_ordered: int | None = None
    """A limit set by command; stands until the next rulebook."""
    recount_needed: bool = False
    """Nobody knows for sure how many are inside: entry is held until somebody has counted."""
    recounted: int = 0
    """K of the protocol: what recounts found beyond the counters."""
    written_off: int = 0
    """F of the protocol: rights returned for fenced devices, or found missing by a recount."""
    peers: dict[str, PeerSeen] = {}
    too_many_peers: bool = False
    """A device speaks that there is no room for, and the alarm was given."""
    notice: Notice | None = None
    """The bank's last word; this device's own where it is the bank."""
    fences: list[Fence] = []
    recount: Recount | None = None
    undercounted_since_ms: int | None = None
    """The bank's: since when more people were counted out than in, and by how many at least."""
    undercounted: int = 0
    listens_until_ms: int | None = None
    """Elapsed time until which a bank that was told of this limit while the hall runs only hears: rights may exist already."""
