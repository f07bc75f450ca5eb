"""More people left than came in: as many came in uncounted, and each of them would leave a place too many behind.

An exit makes a right of everybody it counts (`docs/limit.md`), so whoever came in by a goods door, or was counted out
twice, raises the limit. Nobody is fewer than no one inside: what the rows say beyond that is burned by the bank, which is
always safe, and told, because how many more came in uncounted and are still inside only a recount can say.
"""

from __future__ import annotations

from firmware.core import bank, limit, occupancy
from firmware.core.estimate import inside
from firmware.core.resource import PeerSeen, Resource, zone_of
from firmware.core.turn import Turn

SETTLES_MS = limit.REACHABLE_MS
"""The row that says who left may come before the one that says who came in; nobody comes and goes within this time."""


def tend(turn: Turn) -> None:
    if turn.state.rights.bank:
        for name, own in turn.state.resources():
            _tend(turn, name, own)


def _tend(turn: Turn, name: str, own: Resource) -> None:
    missing = _missing(own)
    if missing <= 0 or not _tells(turn, name, own):
        own.undercounted_since_ms = None
        return
    if own.undercounted_since_ms is None:
        own.undercounted_since_ms, own.undercounted = turn.now, missing
    own.undercounted = min(own.undercounted, missing)
    if _settled(turn.now, own.undercounted_since_ms, bank.live(own)):
        _correct(turn, name, own)


def _missing(own: Resource) -> int:
    """How many came in uncounted at least: by the people, and by the places there are beyond the limit.

    By people alone it would be too many where the last row of a door that is no more was not its last word.
    """
    too_few = -inside(own)
    return min(too_few, bank.rights_alive(own) - bank.limit_aimed_at(own)) if too_few > 0 else 0


def _tells(turn: Turn, name: str, own: Resource) -> bool:
    """Whether the difference means anything: people are counted in, everybody can be heard, and no recount is due anyway."""
    peers = bank.live(own).values()
    held = own.recount_needed or turn.state.evacuated_by or (own.notice is not None and own.notice.hold)
    if held or not bank.acts(own) or not all(turn.now - peer.seen_ms <= limit.REACHABLE_MS for peer in peers):
        return False
    return limit.has_entry(turn.state, name) or any(peer.entry for peer in peers)


def _settled(now_ms: int, since_ms: int, peers: dict[str, PeerSeen]) -> bool:
    spoke_anew = all(peer.seen_ms > since_ms for peer in peers.values())
    return not peers or (spoke_anew and now_ms - since_ms >= SETTLES_MS)


def _correct(turn: Turn, name: str, own: Resource) -> None:
    """As a recount of which only the least is known: it burns, and makes nothing."""
    persons, own.undercounted_since_ms = own.undercounted, None
    occupancy.mint(own.rights, -persons)
    own.recounted += persons
    where = f" of zone {zone_of(name)}" if zone_of(name) else ""
    turn.alarm("undercount", detail=f"{persons} more counted out{where} than in: that many places taken back")
