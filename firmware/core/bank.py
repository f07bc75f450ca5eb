"""The bank: the only device that mints and burns. It follows the phase of the day, recounts, and writes off the dead.

Which device it is stands in the site files alone. Moving it: set `bank = false` on the old one and restart it, then
`bank = true` on the new one. The new bank waits until no row says `bank` any more, and goes on from what the old one
made, for M and B of all who ever were the bank are summed. A dead bank is fenced first, and only after its row was heard:
from the broker, from its card, or from a door that still has it. Whose row nobody shows may have made the whole limit.

A recount is safe because rights are MADE only from rows that are younger than the counting: everybody was held by a
notice before people were counted, nobody came in since, and every row carries the serial of a later notice. Burning is
always safe and waits for nobody.
"""

from __future__ import annotations

from firmware.core import occupancy
from firmware.core.occupancy import Notice
from firmware.core.picture import inside
from firmware.core.state import Fence, HallState, PeerSeen, Recount
from firmware.core.turn import Turn

FENCES = 64


def follow(turn: Turn) -> None:
    """Set the limit of the day. A doubtful clock changes nothing, except at the very first start."""
    state, book = turn.state, turn.rulebook
    if book is None or not acts(state):
        return
    day = str(turn.local.date()) if turn.moment.trusted else "doubtful"
    told = state.notice is not None
    if told and (day == state.limit_day or (day == "doubtful" and state.rights.M > 0)):
        return
    state.limit_day = day
    if state.limit_ordered is None:
        set_limit(state, _limit_of(turn, day))


def _limit_of(turn: Turn, day: str) -> int:
    assert turn.rulebook is not None
    if day == "doubtful":
        return min(turn.rulebook.limit_persons * phase.limit_percent // 100 for phase in turn.rulebook.phase)
    return turn.rulebook.limit_on(turn.local.date())


def acts(state: HallState) -> bool:
    """Whether this device may mint and burn now: it is the bank, and no living row says that another one is."""
    if not state.rights.bank or any(peer.bank for peer in live(state).values()):
        return False
    return state.rights.M > 0 or not _strangers(state)


def _strangers(state: HallState) -> set[str]:
    """Incarnations that others exchanged rights with and whose rows nobody shows us: without a broker the row of a dead
    bank is kept nowhere, and whoever replaces it must not make its rights a second time."""
    fenced = state.notice.fenced if state.notice else ()
    named = {inc for peer in live(state).values() for inc in (*peer.received, *peer.given)}
    return named - state.peers.keys() - {state.rights.inc, *fenced}


def live(state: HallState) -> dict[str, PeerSeen]:
    """Every incarnation ever heard of that was not written off, whether it can be reached or not."""
    fenced = state.notice.fenced if state.notice else ()
    return {inc: peer for inc, peer in state.peers.items() if inc not in fenced}


def set_limit(state: HallState, limit_persons: int) -> None:
    peers = state.peers.values()
    corrections = state.recounted + sum(peer.recounted for peer in peers)
    corrections -= state.written_off + sum(peer.written_off for peer in peers)
    occupancy.set_limit(state.rights, limit_persons, corrections, sum(peer.made for peer in peers))
    if state.notice is None or state.notice.limit != limit_persons:
        tell(state, limit=limit_persons)


def limit_aimed_at(state: HallState) -> int:
    """The limit the bank works towards, by phase or command."""
    return state.notice.limit if state.notice else 0


def tell(
    state: HallState,
    *,
    limit: int | None = None,
    hold: bool | None = None,
    fenced: str = "",
    counted: bool = False,
) -> int:
    """Say something new to everybody; what is not given stays. Returns the notice's serial."""
    last = state.notice or Notice(serial=0, limit=0)
    heard = max((peer.notice for peer in state.peers.values()), default=0)
    serial = max(last.serial, heard) + 1  # a replaced bank begins where the doors are, or they would not listen
    begins = bool(hold) and not last.hold
    state.notice = Notice(
        serial=serial,
        limit=last.limit if limit is None else limit,
        hold=last.hold if hold is None else hold,
        fenced=(*last.fenced, fenced)[-FENCES:] if fenced else last.fenced,
        counted=serial if counted else last.counted,
        held_since=serial if begins else last.held_since,
    )
    return serial


# -------------------------------------------------------------- orders


def hold(turn: Turn, on: bool) -> str:
    """Hold or release the entries of the whole hall. A release gives up a recount that still waits for rows."""
    if not acts(turn.state):
        return "not_the_bank"
    tell(turn.state, hold=on)
    if not on and turn.state.recount is not None:
        turn.alarm("recount_given_up", detail="released before every device had answered: no right was made")
        turn.state.recount = None
    return ""


def recount(turn: Turn, counted: int, command: str) -> str:
    """People were counted by hand: rights that are too many are burned at once, missing ones made when all have answered.

    With other devices in the hall the entries must have been held before anybody counted, on every device.
    """
    state = turn.state
    if not acts(state):
        return "not_the_bank"
    peers = live(state)
    if peers and not _all_held(state, peers):
        return "hold_first"
    if strangers(state):
        return "not_everybody_heard"
    with_permits = counted + open_permits(state)
    surplus = with_permits + rights_alive(state) - limit_aimed_at(state)
    if surplus > 0:
        occupancy.mint(state.rights, -surplus)
        state.written_off -= surplus
    state.recount = Recount(counted=with_permits, serial=tell(state), command=command)
    act(turn)
    return ""


def _all_held(state: HallState, peers: dict[str, PeerSeen]) -> bool:
    told = state.notice
    if told is None or not told.hold:
        return False
    return all(peer.held and peer.notice >= told.held_since for peer in peers.values())


def strangers(state: HallState) -> set[str]:
    """Who gave rights to the others or got some from them, and never spoke to this device: they may hold rights.

    Until each has been heard, or was fenced, no recount may make a right.
    """
    known, named = live(state), {*state.rights.T, *state.rights.V}
    for peer in known.values():
        named.update(peer.given, peer.received)
    return named - known.keys() - set(state.notice.fenced if state.notice else ()) - {state.rights.inc}


def fence(turn: Turn, inc: str, persons: int, command: str) -> str:
    """A device was locked out by hand: its rows count no more, and `persons` rights come back once everybody knows."""
    state = turn.state
    if not acts_without(state, inc):
        return "not_the_bank"
    if inc == state.rights.inc or inc not in state.peers.keys() | strangers(state):
        return "no_such_device"
    if inc not in state.peers and state.rights.M == 0:
        return "never_heard"  # it may have been the bank: its rights would be made a second time
    if state.notice is not None and inc in state.notice.fenced:
        return "fenced_already"
    if len(state.fences) >= FENCES:
        return "too_many_fences"
    state.fences.append(Fence(inc=inc, persons=persons, serial=tell(state, fenced=inc), command=command))
    act(turn)
    return ""


def acts_without(state: HallState, inc: str) -> bool:
    """As `acts`, should `inc` be gone: a dead bank can be fenced by its successor."""
    return state.rights.bank and not any(peer.bank for name, peer in live(state).items() if name != inc)


# -------------------------------------------------------------- what waits for everybody's answer


def act(turn: Turn) -> None:
    """Finish fences and a recount that everybody has answered."""
    state = turn.state
    if not state.fences and state.recount is None:
        return
    known = min((peer.notice for peer in live(state).values()), default=2**53)
    for fenced in [each for each in state.fences if each.serial <= known]:
        state.fences.remove(fenced)
        occupancy.mint(state.rights, fenced.persons)
        state.written_off += fenced.persons
        turn.alarm("fenced", active=False, detail=f"{fenced.inc}: {fenced.persons} rights returned")
    if state.recount is not None and state.recount.serial <= known and not strangers(state):
        _close(turn, state.recount)


def _close(turn: Turn, recounted: Recount) -> None:
    """Every row is younger than the counting: the rights alive now are made to fit what was counted, exactly."""
    state = turn.state
    missing = limit_aimed_at(state) - recounted.counted - rights_alive(state)
    occupancy.mint(state.rights, missing)
    state.written_off += missing
    change = recounted.counted - inside(state)
    state.recounted += change
    state.written_off += change
    state.recount = None
    state.entered.clear()  # who is inside was seen by a person: anti-passback begins anew
    tell(state, counted=True)
    counted_anew(turn, f"{inside(state)} inside")


def counted_anew(turn: Turn, detail: str) -> None:
    if turn.state.recount_needed:
        turn.state.recount_needed = False
        turn.alarm("recount_needed", active=False, detail=detail)


def open_permits(state: HallState) -> int:
    """Places of people who hold a permit here and have not come in yet."""
    return sum(lane.grant.left for lane in state.lanes.values() if lane.grant is not None and lane.grant.reserved)


def rights_alive(state: HallState) -> int:
    """Rights of this device and its living peers, by their last rows, and those on their way between them."""
    peers = live(state)
    alive = state.rights.free + sum(peer.free for peer in peers.values())
    for inc, peer in peers.items():
        alive += max(0, state.rights.T.get(inc, 0) - peer.acknowledged)
        alive += max(0, peer.given.get(state.rights.inc, 0) - state.rights.V.get(inc, 0))
        alive += sum(max(0, gift - peers[to].received.get(inc, 0)) for to, gift in peer.given.items() if to in peers)
    return alive
