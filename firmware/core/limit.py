"""Rows and notices of the hall-wide limit: what the others say, what this device says, and who gives to whom.

Everybody gives what it does not need to whoever has people waiting. Any mistake in that costs waiting time, never
safety: `core/occupancy.py` alone keeps the sums. What only the bank may do is in `core/bank.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from firmware.core import bank, occupancy, passage
from firmware.core.events import NoticeArrived, RowArrived
from firmware.core.occupancy import Row
from firmware.core.resource import HALL, PeerSeen, Resource
from firmware.core.state import HallState, Waiting
from firmware.core.turn import Turn

PEERS = 64
"""Devices beside this one that live. Those fenced are remembered besides: who passed their gates still counts."""
RESERVE = 2
"""Places an entry wants beyond those of the people it told to wait."""
NAMESAKE_MS = 60_000
"""Who was not heard for so long is there no more, where two bore one name."""
REACHABLE_MS = 15_000
"""Three heartbeats: a peer whose row is older is not given anything."""


def row_arrived(turn: Turn, event: RowArrived) -> None:
    own, row = turn.state.resource(event.resource), event.row
    if own is None or row.inc in fenced(own):
        return
    if because := _another_me(own, event):
        _quarantine(turn, because)
        return
    known = own.peers.get(row.inc)
    if row.inc == own.rights.inc or (known is None and _has_no_room(turn, own, row)):
        return
    if row.bank and row.M > 0 and own.rights.bank and own.rights.M > 0:
        _quarantine(turn, f"two banks: {row.inc} has minted rights as well")
    occupancy.merge(own.rights, row)
    if known is not None and not event.copy:
        _look_for_namesakes(turn, own, row, known.seen_ms)
    if known is None or occupancy.age(row) >= known.age:
        seen_ms = turn.now if not event.copy else known.seen_ms if known else turn.now - REACHABLE_MS - 1
        own.peers[row.inc] = _seen(own, row, seen_ms)
        bank.act(turn, event.resource)


def _has_no_room(turn: Turn, own: Resource, row: Row) -> bool:
    """Told once: whoever is not heard is given no rights, and people wait at its gates for ever."""
    full = len(bank.live(own)) >= PEERS
    if full != own.too_many_peers:
        because = f"{row.inc} is not heard: fence those of {PEERS} that are no more" if full else ""
        turn.alarm("too_many_devices", active=full, detail=because)
    own.too_many_peers = full
    return full


def _look_for_namesakes(turn: Turn, own: Resource, row: Row, before_ms: int) -> None:
    """Two devices of one name, each with a journal of its own: the broker throws out now one, now the other.

    They never hear each other; the bank hears both. One that speaks, then another, then the first again: both are there. A
    board that was replaced speaks no more.
    """
    if not own.rights.bank or ("two_of_one_name", "") in turn.state.alarms:
        return
    others = (inc for inc, peer in bank.live(own).items() if peer.dev == row.dev and peer.seen_ms > before_ms)
    other = next((inc for inc in others if inc != row.inc), "")
    if other:
        turn.alarm("two_of_one_name", detail=f"{row.dev}: {row.inc}, {other}")


def _tend_namesakes(turn: Turn) -> None:
    """Over as soon as of each name at most one was heard of late."""
    for _, own in turn.state.resources():
        heard = [peer.dev for peer in bank.live(own).values() if turn.now - peer.seen_ms <= NAMESAKE_MS]
        if len(heard) != len(set(heard)):
            return
    turn.alarm("two_of_one_name", active=False)


def _another_me(own: Resource, event: RowArrived) -> str:
    """Why this row proves that somebody else is or was this device; empty: it proves nothing of the kind."""
    if event.twin:
        return f"another device says that it is {event.row.inc}: its card or this one is a copy"
    if occupancy.contradicts(own.rights, event.row):
        return f"row of {event.row.inc} shows more than this journal holds"
    return ""


def _seen(own: Resource, row: Row, seen_ms: int) -> PeerSeen:
    return PeerSeen(
        dev=row.dev,
        seq=row.seq,
        net=row.A - row.C + row.G - row.X,
        free=row.free,
        want=row.want,
        asks=row.asks,
        entry=row.entry,
        bank=row.bank,
        seen_ms=seen_ms,
        acknowledged=row.V.get(own.rights.inc, 0),
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
    own, new = turn.state.resource(event.resource), event.notice
    old = own.notice if own is not None else None
    if own is None or (old is not None and new.serial <= old.serial):
        return
    us = own.rights.inc in new.fenced
    if own.rights.bank and old is not None and own.rights.M > 0 and not us:
        _quarantine(turn, f"two banks: notice {new.serial} is not this bank's")
        return
    own.notice = new
    if us:
        _quarantine(turn, "fenced: this device was written off; give it an empty journal")
    if new.hold:
        for setup in turn.state.setups:
            if event.resource in setup.takes:
                passage.withdraw(turn, turn.state.lanes[setup.name])
    if old is None or new.counted > old.counted:
        bank.counted_anew(turn, own, "the whole hall was recounted")


def fenced(own: Resource) -> tuple[str, ...]:
    return own.notice.fenced if own.notice else ()


def written_off(state: HallState) -> bool:
    """Whether the bank's notice of any limit says that this device is fenced: it lets nobody in until it is replaced."""
    return any(own.rights.inc in fenced(own) for _, own in state.resources())


def _quarantine(turn: Turn, because: str) -> None:
    if not turn.state.quarantined:
        turn.state.quarantined = True
        turn.alarm("quarantine", detail=because)


def own_row(state: HallState, name: str = HALL) -> Row:
    """What the others may know of this device. It leaves only after everything in it is durable (P2).

    KeyError for a limit that this device does not help to keep.
    """
    own = state if name == HALL else state.zones[name]
    hold = own.notice is not None and own.notice.hold
    return occupancy.row_of(
        own.rights,
        device=state.device,
        seq=state.seq,
        want=want_of(state, name),
        asks=sum(asking_at(state, name)),
        entry=has_entry(state, name) and not state.draining,
        state=_state_of(state, own),
        K=own.recounted,
        F=own.written_off,
        notice=own.notice.serial if own.notice else 0,
        held=hold and not state.evacuated_by and bank.open_permits(state, name) == 0,
    )


def _state_of(state: HallState, own: Resource) -> str:
    if state.quarantined:
        return "fenced" if own.rights.inc in fenced(own) else "quarantine"
    if state.draining:
        return "drained" if drained(own) else "draining"
    return "hold" if own.recount_needed or (own.notice is not None and own.notice.hold) else "joined"


def drained(own: Resource) -> bool:
    """Everything was given and every gift has arrived: the device may be taken away."""
    gifts = own.rights.T.items()
    return own.rights.free <= 0 and all(own.peers[to].acknowledged >= n for to, n in gifts if to in own.peers)


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
    if ("two_of_one_name", "") in turn.state.alarms:
        _tend_namesakes(turn)
    if turn.state.quarantined:
        return
    for name, own in turn.state.resources():
        if own.peers:
            _share(turn, name, own)


def _share(turn: Turn, name: str, own: Resource) -> None:
    reachable = {inc: peer for inc, peer in bank.live(own).items() if turn.now - peer.seen_ms <= REACHABLE_MS}
    for inc in sorted(reachable, key=lambda inc: (not reachable[inc].bank, _balance(own, inc), inc)):
        occupancy.give(own.rights, inc, -_balance(own, inc))
    takers = [inc for inc, peer in reachable.items() if peer.entry and peer.state != "quarantine"]
    for inc in sorted(takers, key=lambda inc: (-_lacking(own, inc), inc)):
        occupancy.give(own.rights, inc, min(_lacking(own, inc), _spared(turn.state, name, own, inc)))
    if not takers:
        return
    needy = max(takers, key=lambda inc: (_need(own, inc), inc))
    if turn.state.draining or not has_entry(turn.state, name):
        occupancy.give(own.rights, needy, own.rights.free)
    else:
        occupancy.give(own.rights, needy, min(_need(own, needy), own.rights.free - want_of(turn.state, name)))


def _lacking(own: Resource, inc: str) -> int:
    """Places that people who stand at that peer just now lack, as far as we know."""
    return own.peers[inc].asks - _balance(own, inc)


def _spared(state: HallState, name: str, own: Resource, inc: str) -> int:
    """What this device can do without for people who stand at another gate: all that nobody stands here for.

    Where a party stands at each of two gates and neither has places enough, the gate of the smaller name gets them all.
    """
    here = asking_at(state, name)
    stuck = bool(here) and own.rights.free < here[0] and own.rights.free >= _lacking(own, inc) and inc < own.rights.inc
    return own.rights.free - (0 if stuck else sum(here))


def _balance(own: Resource, inc: str) -> int:
    """What a peer has as far as we know: its last word, and our gifts it had not seen then. Negative: a debt."""
    peer = own.peers[inc]
    return peer.free + own.rights.T.get(inc, 0) - peer.acknowledged


def _need(own: Resource, inc: str) -> int:
    return own.peers[inc].want - _balance(own, inc)


def has_entry(state: HallState, name: str) -> bool:
    return any(setup.entry and name in setup.takes for setup in state.setups)


def want_of(state: HallState, name: str = HALL) -> int:
    """Places this device could use now: the people it told to wait, and a small reserve."""
    if state.draining or not has_entry(state, name):
        return 0
    return RESERVE + sum(each.persons for each in _waiting(state, name))


def asking_at(state: HallState, name: str = HALL) -> list[int]:
    """The parties among them that stand at the gate just now, and would be let in by a place that comes."""
    return [] if state.draining else [each.persons for each in _waiting(state, name) if not each.gone]


def _waiting(state: HallState, name: str) -> Iterator[Waiting]:
    """Who was told to wait for a place of this limit, by lane and in their order."""
    for setup in state.setups:
        if name in setup.takes and setup.name in state.lanes:
            yield from state.lanes[setup.name].waiting
