"""What this device can say of the hall: people inside, places left. An estimate as good as the last rows of its peers."""

from __future__ import annotations

from firmware.core.resource import Resource


def inside(own: Resource) -> int:
    """Net of all bodies counted, here and in the last rows of the peers."""
    return own.rights.net_inside + own.recounted + sum(peer.net + peer.recounted for peer in own.peers.values())


def limit(own: Resource, by_rulebook: int | None) -> int | None:
    """The limit the bank works towards, by its last notice; by the rulebook where no bank has spoken yet."""
    return own.notice.limit if own.notice is not None else by_rulebook
