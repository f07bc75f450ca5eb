"""What this device can say of the hall: people inside, places left. An estimate as good as the last rows of its peers."""

from __future__ import annotations

from firmware.core.resource import PeerSeen, Resource


def inside(own: Resource) -> int:
    """Net of all bodies counted, here and in the last rows of the peers."""
    return own.rights.net_inside + own.recounted + sum(peer.net + peer.recounted for peer in own.peers.values())


def inside_at_most(own: Resource, now_ms: int, reachable_ms: int) -> int:
    """`inside`, and everybody whom peers that are silent for longer than `reachable_ms` may have let in unseen.

    Such a peer has the rights of its last row, and those that were on their way to it. Who is fenced admits nobody.
    """
    fenced = own.notice.fenced if own.notice is not None else ()
    silent = {
        inc: peer for inc, peer in own.peers.items() if now_ms - peer.seen_ms > reachable_ms and inc not in fenced
    }
    return inside(own) + sum(max(0, peer.free) + _coming(own, inc, peer) for inc, peer in silent.items())


def _coming(own: Resource, inc: str, peer: PeerSeen) -> int:
    """Rights given to this peer that its last row had not seen yet."""
    ours = own.rights.T.get(inc, 0) - peer.acknowledged
    others = (each.given.get(inc, 0) - peer.received.get(giver, 0) for giver, each in own.peers.items() if giver != inc)
    return max(0, ours) + sum(max(0, each) for each in others)


def limit(own: Resource, by_rulebook: int | None) -> int | None:
    """The limit the bank works towards, by its last notice; by the rulebook where no bank has spoken yet."""
    return own.notice.limit if own.notice is not None else by_rulebook
