"""What this device can say of the hall: people inside, places left. An estimate as good as the last rows of its peers."""

from __future__ import annotations

from firmware.core.state import HallState


def inside(state: HallState) -> int:
    """Net of all bodies counted, here and in the last rows of the peers."""
    return state.rights.net_inside + state.recounted + sum(peer.net for peer in state.peers.values())


def limit(state: HallState, by_rulebook: int | None) -> int | None:
    """The limit really in force: what the bank has minted less what it burned (recounts aside), or by the rulebook."""
    return state.rights.M - state.rights.B + state.recounted if state.rights.bank else by_rulebook
