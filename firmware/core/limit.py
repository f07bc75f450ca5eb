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
    day = str(turn.moment.local(turn.zone).date()) if turn.moment.trusted else "doubtful"
    if day == state.limit_day or (day == "doubtful" and state.rights.M > 0):
        return
    state.limit_day = day
    if state.limit_ordered is None:
        occupancy.set_limit(state.rights, _limit_of(turn, day))


def _limit_of(turn: Turn, day: str) -> int:
    assert turn.rulebook is not None
    if day == "doubtful":
        return min(turn.rulebook.limit_persons * phase.limit_percent // 100 for phase in turn.rulebook.phase)
    return turn.rulebook.limit_on(turn.moment.local(turn.zone).date())


def recount(turn: Turn, counted: int) -> str:
    """People were counted by hand: burn what is too many at once. Minting needs every device's cut (hall-wide recount)."""
    state = turn.state
    difference = counted - inside(state)
    if difference < 0 and state.peers:
        return "peers_have_not_cut"
    if difference > 0:
        state.rights.B += difference
    else:
        state.rights.M -= difference
    state.recounted += difference
    state.recount_needed = False
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
            seen_ms=turn.now,
            acknowledged=row.V.get(state.rights.inc, 0),
        )


def share(turn: Turn) -> None:
    """Hand over what others need more: exits everything at once, entries what they can spare to who waits without."""
    state = turn.state
    spare = _spare(turn)
    takers = [
        (inc, peer) for inc, peer in state.peers.items() if peer.entry and turn.now - peer.seen_ms <= REACHABLE_MS
    ]
    if spare <= 0 or not takers:
        return
    in_flight = {inc: state.rights.T.get(inc, 0) - peer.acknowledged for inc, peer in takers}
    needy = max(takers, key=lambda taker: (taker[1].want - taker[1].free - in_flight[taker[0]], taker[0]))
    need = needy[1].want - needy[1].free - in_flight[needy[0]]
    if not any(setup.entry for setup in state.setups):
        occupancy.give(state.rights, needy[0], spare)
    elif need > 0:
        occupancy.give(state.rights, needy[0], min(need, spare))


def _spare(turn: Turn) -> int:
    state = turn.state
    if state.quarantined:
        return 0
    return state.rights.free - want_of(state) if any(setup.entry for setup in state.setups) else state.rights.free


def want_of(state: HallState) -> int:
    """Places this device could use now: the people it told to wait, and a small reserve."""
    waiting = sum(len(lane.waiting) for lane in state.lanes.values())
    return waiting + RESERVE if any(setup.entry for setup in state.setups) else 0


RESERVE = 2
