"""What this device can say of the hall: people inside, places left. An estimate as good as the last rows of its peers."""

from __future__ import annotations

from firmware.core.state import HallState


def inside(state: HallState) -> int:
    """Net of all bodies counted, here and in the last rows of the peers."""
    return state.rights.net_inside + state.recounted + sum(peer.net + peer.recounted for peer in state.peers.values())


def limit(state: HallState, by_rulebook: int | None) -> int | None:
    """The limit the bank works towards, by its last notice; by the rulebook where no bank has spoken yet."""
    return state.notice.limit if state.notice is not None else by_rulebook
