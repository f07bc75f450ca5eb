"""The limit in force, the bank's own work, and rights on their way between devices.

The bank mints and burns by the phase of the day; everybody gives what it does not need to whoever has people waiting.
Any mistake in who gives to whom costs waiting time, never safety: `core/occupancy.py` alone keeps the sums.
"""

from __future__ import annotations

from firmware.core import occupancy
from firmware.core.events import RowArrived
from firmware.core.picture import inside
from firmware.core.state import HallState, PeerSeen
from firmware.core.turn import Turn

PEERS = 64
REACHABLE_MS = 15_000
"""Three heartbeats: a peer whose row is older is not given anything."""


def keep(turn: Turn) -> None:
    """Let the bank follow the phase of the day. A doubtful clock changes nothing, except at the very first start."""
    state, book = turn.state, turn.rulebook
    if book is None or not state.rights.bank:
        return
    if state.rights.M == 0 and _other_bank(state):
        return
    day = str(turn.local.date()) if turn.moment.trusted else "doubtful"
    if day == state.limit_day or (day == "doubtful" and state.rights.M > 0):
        return
    state.limit_day = day
    if state.limit_ordered is None:
        occupancy.set_limit(state.rights, _limit_of(turn, day), state.recounted)


def _limit_of(turn: Turn, day: str) -> int:
    assert turn.rulebook is not None
    if day == "doubtful":
        return min(turn.rulebook.limit_persons * phase.limit_percent // 100 for phase in turn.rulebook.phase)
    return turn.rulebook.limit_on(turn.local.date())


def _other_bank(state: HallState) -> bool:
    return any(peer.minted for peer in state.peers.values())


def recount(turn: Turn, counted: int) -> str:
    """People were counted by hand: burn what is too many at once. Minting needs every device's cut (hall-wide recount).

    Who holds an open permit has not come in yet and was not counted: that place is on the books already.
    """
    state = turn.state
    permits = sum(lane.grant.left for lane in state.lanes.values() if lane.grant is not None and lane.grant.reserved)
    difference = counted + permits - inside(state)
    if difference < 0 and state.peers:
        return "peers_have_not_cut"
    if difference > 0:
        state.rights.B += difference
    else:
        state.rights.M -= difference
    state.recounted += difference
    state.recount_needed = False
    turn.alarm("recount_needed", active=False, detail=f"{counted} inside")
    return ""


def row_arrived(turn: Turn, event: RowArrived) -> None:
    state, row = turn.state, event.row
    if occupancy.contradicts(state.rights, row):
        if not state.quarantined:
            state.quarantined = True
            turn.alarm("quarantine", detail=f"row of {row.inc} shows more than this journal holds")
        return
    known = state.peers.get(row.inc)
    if row.inc == state.rights.inc or (known is None and len(state.peers) >= PEERS):
        return
    if row.M > 0 and state.rights.bank and state.rights.M > 0 and not state.quarantined:
        state.quarantined = True
        turn.alarm("quarantine", detail=f"two banks: {row.inc} has minted rights as well")
    occupancy.merge(state.rights, row)
    if known is None or row.seq >= known.seq:
        state.peers[row.inc] = PeerSeen(
            dev=row.dev,
            seq=row.seq,
            net=row.A - row.C + row.G - row.X,
            free=row.free,
            want=row.want,
            entry=row.entry,
            bank=row.bank,
            minted=row.M > 0,
            seen_ms=turn.now,
            acknowledged=row.V.get(state.rights.inc, 0),
        )


def share(turn: Turn) -> None:
    """Hand over what others need more: debts first, then exits everything at once, entries what they can spare."""
    state = turn.state
    if state.quarantined or not state.peers:
        return
    reachable = {inc: peer for inc, peer in state.peers.items() if turn.now - peer.seen_ms <= REACHABLE_MS}
    for inc in sorted(reachable, key=lambda inc: (not reachable[inc].bank, _balance(state, inc), inc)):
        occupancy.give(state.rights, inc, -_balance(state, inc))
    takers = [inc for inc, peer in reachable.items() if peer.entry]
    if not takers:
        return
    needy = max(takers, key=lambda inc: (_need(state, inc), inc))
    if not _has_entry(state):
        occupancy.give(state.rights, needy, state.rights.free)
    else:
        occupancy.give(state.rights, needy, min(_need(state, needy), state.rights.free - want_of(state)))


def _balance(state: HallState, inc: str) -> int:
    """What a peer has as far as we know: its last word, and our gifts it had not seen then. Negative: a debt."""
    peer = state.peers[inc]
    return peer.free + state.rights.T.get(inc, 0) - peer.acknowledged


def _need(state: HallState, inc: str) -> int:
    return state.peers[inc].want - _balance(state, inc)


def _has_entry(state: HallState) -> bool:
    return any(setup.entry for setup in state.setups)


def want_of(state: HallState) -> int:
    """Places this device could use now: the people it told to wait, and a small reserve."""
    waiting = sum(each.persons for lane in state.lanes.values() for each in lane.waiting)
    return waiting + RESERVE if _has_entry(state) else 0


RESERVE = 2
