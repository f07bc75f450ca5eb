"""Rows and notices of the hall-wide limit: what the others say, what this device says, and who gives to whom.

Everybody gives what it does not need to whoever has people waiting. Any mistake in that costs waiting time, never
safety: `core/occupancy.py` alone keeps the sums. What only the bank may do is in `core/bank.py`.
"""

from __future__ import annotations

from firmware.core import bank, occupancy, passage
from firmware.core.events import NoticeArrived, RowArrived
from firmware.core.occupancy import Row
from firmware.core.state import HallState, PeerSeen
from firmware.core.turn import Turn

PEERS = 64
REACHABLE_MS = 15_000
"""Three heartbeats: a peer whose row is older is not given anything."""


def row_arrived(turn: Turn, event: RowArrived) -> None:
    state, row = turn.state, event.row
    if row.inc in fenced(state):
        return
    if occupancy.contradicts(state.rights, row):
        _quarantine(turn, f"row of {row.inc} shows more than this journal holds")
        return
    known = state.peers.get(row.inc)
    if row.inc == state.rights.inc or (known is None and len(state.peers) >= PEERS):
        return
    if row.bank and row.M > 0 and state.rights.bank and state.rights.M > 0:
        _quarantine(turn, f"two banks: {row.inc} has minted rights as well")
    occupancy.merge(state.rights, row)
    if known is None or occupancy.age(row) >= _age_of(known):
        seen_ms = turn.now if not event.copy else known.seen_ms if known else turn.now - REACHABLE_MS - 1
        state.peers[row.inc] = _seen(turn, row, seen_ms)
        bank.act(turn)


def _age_of(known: PeerSeen) -> tuple[int, int]:
    """As `occupancy.age` of the row it was made from."""
    return known.seq, sum(known.given.values()) + sum(known.received.values()) + known.notice


def _seen(turn: Turn, row: Row, seen_ms: int) -> PeerSeen:
    return PeerSeen(
        dev=row.dev,
        seq=row.seq,
        net=row.A - row.C + row.G - row.X,
        free=row.free,
        want=row.want,
        entry=row.entry,
        bank=row.bank,
        minted=row.M > 0,
        seen_ms=seen_ms,
        acknowledged=row.V.get(turn.state.rights.inc, 0),
        made=row.M - row.B,
        recounted=row.K,
        written_off=row.F,
        given=row.T,
        received=row.V,
        notice=row.notice,
        held=row.held,
        state=row.state,
    )


def notice_arrived(turn: Turn, event: NoticeArrived) -> None:
    """The bank's word. It is on disk before a row says so, for the row's serial is what the bank waits for."""
    state, new, old = turn.state, event.notice, turn.state.notice
    if old is not None and new.serial <= old.serial:
        return
    if state.rights.bank and old is not None and state.rights.M > 0:
        _quarantine(turn, f"two banks: notice {new.serial} is not this bank's")
        return
    state.notice = new
    if state.rights.inc in new.fenced:
        _quarantine(turn, "fenced: this device was written off; give it an empty journal")
    if new.hold:
        for lane in state.lanes.values():
            passage.withdraw(turn, lane)
    if old is None or new.counted > old.counted:
        bank.counted_anew(turn, "the whole hall was recounted")


def fenced(state: HallState) -> tuple[str, ...]:
    return state.notice.fenced if state.notice else ()


def _quarantine(turn: Turn, because: str) -> None:
    if not turn.state.quarantined:
        turn.state.quarantined = True
        turn.alarm("quarantine", detail=because)


def own_row(state: HallState) -> Row:
    """What the others may know of this device. It leaves only after everything in it is durable (P2)."""
    hold = state.notice is not None and state.notice.hold
    entry = _has_entry(state)
    return occupancy.row_of(
        state.rights,
        device=state.device,
        seq=state.seq,
        want=want_of(state),
        entry=entry and not state.draining,
        state=_state_of(state),
        K=state.recounted,
        F=state.written_off,
        notice=state.notice.serial if state.notice else 0,
        held=hold and bank.open_permits(state) == 0,
    )


def _state_of(state: HallState) -> str:
    if state.quarantined:
        return "fenced" if state.rights.inc in fenced(state) else "quarantine"
    if state.draining:
        return "drained" if drained(state) else "draining"
    return "hold" if state.recount_needed or (state.notice is not None and state.notice.hold) else "joined"


def drained(state: HallState) -> bool:
    """Everything was given and every gift has arrived: the device may be taken away."""
    gifts = state.rights.T.items()
    return state.rights.free <= 0 and all(state.peers[to].acknowledged >= n for to, n in gifts if to in state.peers)


def drain(turn: Turn, on: bool) -> str:
    """Take this device out of service, or back into it: entry is held, and every right goes to the others."""
    if on and turn.state.rights.bank:
        return "is_the_bank"
    turn.state.draining = on
    for lane in turn.state.lanes.values() if on else ():
        passage.withdraw(turn, lane)
    return ""


def share(turn: Turn) -> None:
    """Hand over what others need more: debts first, then exits everything at once, entries what they can spare."""
    state = turn.state
    if state.quarantined or not state.peers:
        return
    reachable = {inc: peer for inc, peer in bank.live(state).items() if turn.now - peer.seen_ms <= REACHABLE_MS}
    for inc in sorted(reachable, key=lambda inc: (not reachable[inc].bank, _balance(state, inc), inc)):
        occupancy.give(state.rights, inc, -_balance(state, inc))
    takers = [inc for inc, peer in reachable.items() if peer.entry and peer.state != "quarantine"]
    if not takers:
        return
    needy = max(takers, key=lambda inc: (_need(state, inc), inc))
    if state.draining or not _has_entry(state):
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
    return waiting + RESERVE if _has_entry(state) and not state.draining else 0


RESERVE = 2
