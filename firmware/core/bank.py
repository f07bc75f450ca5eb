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

import datetime as dt

from firmware.core import air, occupancy
from firmware.core.estimate import inside
from firmware.core.occupancy import Notice
from firmware.core.resource import HALL, Fence, PeerSeen, Recount, Resource, zone_of
from firmware.core.state import HallState
from firmware.core.turn import Turn
from firmware.rulebook.book import Rulebook

FENCES = 64


def follow(turn: Turn) -> None:
    """Set the limits of the day, lower while the air is bad (3.1.5c).

    Under a doubtful clock the last known day's stay, except at the very first start.
    """
    _tell_whom_it_waits_for(turn)
    if turn.rulebook is None or not turn.state.rights.bank:
        return
    day = turn.day if turn.moment.trusted else "doubtful"
    for name, own in turn.state.resources():
        if own.listens_until_ms is not None and turn.now >= own.listens_until_ms:
            own.listens_until_ms = None
        _follow(turn, turn.rulebook, name, own, day)


def _tell_whom_it_waits_for(turn: Turn) -> None:
    """A bank in a dead one's place obeys no rulebook and no recount before that one is fenced, and nothing else shows it."""
    because = next(filter(None, (_waits_for(own) for _, own in turn.state.resources())), "")
    if bool(because) != (("bank_waits", "") in turn.state.alarms):
        turn.alarm("bank_waits", active=bool(because), detail=because)


def _waits_for(own: Resource) -> str:
    """Why no limit is made or changed here; empty: it is, or that is not this device's to do. Asked with every event."""
    works = own.rights.M > 0 and not any(peer.bank for peer in own.peers.values())
    if not own.rights.bank or own.listens_until_ms is not None or works or acts(own):
        return ""
    banks = sorted(inc for inc, peer in live(own).items() if peer.bank)
    return f"{banks[0]} is the bank by its last row" if banks else f"{min(strangers(own))} was never heard"


def _follow(turn: Turn, book: Rulebook, name: str, own: Resource, day: str) -> None:
    if day == "doubtful" and own.notice is not None and own.rights.M > 0:
        day = own.limit_day  # the last day that was known; none since a new rulebook
        if not day:
            return
    percent = air.limit_percent(turn.state, zone_of(name)) if book.air.step else 100
    if own.notice is not None and (day, percent) == (own.limit_day, own.limit_air_percent):
        return
    if not acts(own):
        return
    own.limit_day, own.limit_air_percent = day, percent
    if own.limit_ordered is None:
        known, zone = dt.date.fromisoformat(day) if day != "doubtful" else None, zone_of(name)
        persons = book.least_limit(zone) if known is None else book.limit_on(known, zone)
        set_limit(own, persons * percent // 100)


def acts(own: Resource) -> bool:
    """Whether this device may mint and burn now: it is the bank, and no living row says that another one is."""
    if not own.rights.bank or own.listens_until_ms is not None or any(peer.bank for peer in live(own).values()):
        return False
    return own.rights.M > 0 or not strangers(own)


def live(own: Resource) -> dict[str, PeerSeen]:
    """Every incarnation ever heard of that was not written off, whether it can be reached or not."""
    fenced = own.notice.fenced if own.notice else ()
    return {inc: peer for inc, peer in own.peers.items() if inc not in fenced}


def set_limit(own: Resource, limit_persons: int) -> None:
    peers = own.peers.values()
    corrections = own.recounted + sum(peer.recounted for peer in peers)
    corrections -= own.written_off + sum(peer.written_off for peer in peers)
    occupancy.set_limit(own.rights, limit_persons, corrections, sum(peer.made for peer in peers))
    if own.notice is None or own.notice.limit != limit_persons:
        tell(own, limit=limit_persons)


def limit_aimed_at(own: Resource) -> int:
    """The limit the bank works towards, by phase or command."""
    return own.notice.limit if own.notice else 0


def tell(
    own: Resource,
    *,
    limit: int | None = None,
    hold: bool | None = None,
    fenced: str = "",
    counted: bool = False,
) -> int:
    """Say something new to everybody; what is not given stays. Returns the notice's serial."""
    last = own.notice or Notice(serial=0, limit=0)
    heard = max((peer.notice for peer in own.peers.values()), default=0)
    serial = max(last.serial, heard) + 1  # a replaced bank begins where the doors are, or they would not listen
    begins = bool(hold) and not last.hold
    own.notice = Notice(
        serial=serial,
        limit=last.limit if limit is None else limit,
        hold=last.hold if hold is None else hold,
        fenced=(*last.fenced, fenced) if fenced else last.fenced,
        counted=serial if counted else last.counted,
        held_since=serial if begins else last.held_since,
    )
    return serial


# -------------------------------------------------------------- orders


def hold(turn: Turn, on: bool, name: str = HALL) -> str:
    """Hold or release every entry of a zone, or of the hall and all its zones.

    A release gives up a recount that still waits for rows.
    """
    own = turn.state.resource(name)
    if own is None or not acts(own):
        return "not_the_bank"
    for each in (own, *(zone for zone in turn.state.zones.values() if name == HALL and acts(zone))):
        _hold(turn, each, on)
    return ""


def _hold(turn: Turn, own: Resource, on: bool) -> None:
    tell(own, hold=on)
    if not on and own.recount is not None:
        turn.alarm("recount_given_up", detail="released before every device had answered: no right was made")
        own.recount = None


def recount(turn: Turn, counted: int, command: str, name: str = HALL) -> str:
    """People were counted by hand: rights that are too many are burned at once, missing ones made when all have answered.

    With other devices in the hall the entries must have been held before anybody counted, on every device. Nobody can be
    counted while the doors stand open: what came in until the reset would be nowhere.
    """
    own = turn.state.resource(name)
    if own is None or not acts(own):
        return "not_the_bank"
    if turn.state.evacuated_by:
        return "evacuated"
    peers = live(own)
    if peers and not _all_held(own, peers):
        return "hold_first"
    if strangers(own):
        return "not_everybody_heard"
    with_permits = counted + open_permits(turn.state, name)
    surplus = with_permits + rights_alive(own) - limit_aimed_at(own)
    if surplus > 0:
        occupancy.mint(own.rights, -surplus)
        own.written_off -= surplus
    own.recount = Recount(counted=with_permits, serial=tell(own), command=command)
    act(turn, name)
    return ""


def _all_held(own: Resource, peers: dict[str, PeerSeen]) -> bool:
    told = own.notice
    if told is None or not told.hold:
        return False
    return all(peer.held and peer.notice >= told.held_since for peer in peers.values())


def strangers(own: Resource) -> set[str]:
    """Who gave rights to the others or got some from them, and never spoke to this device: they may hold rights.

    Until each has been heard, or was fenced, no recount may make a right; nor may who replaces a bank: without a broker
    the row of a dead one is kept nowhere, and its rights would be made a second time.
    """
    known, named = live(own), {*own.rights.T, *own.rights.V}
    for peer in known.values():
        named.update(peer.given, peer.received)
    return named - known.keys() - set(own.notice.fenced if own.notice else ()) - {own.rights.inc}


def fence(
    turn: Turn, inc: str, persons: int, command: str, name: str = HALL, card: tuple[int, int] | None = None
) -> str:
    """A device was locked out by hand: its rows count no more, and `persons` rights come back once everybody knows.

    `card`: the age (as of a row) of what its card still holds, where the evidence was read from that. A row that is younger
    shows that the card has lost its end, and what was spent since.
    """
    own = turn.state.resource(name)
    if own is None or not acts_without(own, inc):
        return "not_the_bank"
    if inc == own.rights.inc or inc not in own.peers.keys() | strangers(own):
        return "no_such_device"
    if inc not in own.peers and own.rights.M == 0:
        return "never_heard"  # it may have been the bank: its rights would be made a second time
    if persons and card is not None and inc in own.peers and card < own.peers[inc].age:
        return "evidence_is_old"
    if own.notice is not None and inc in own.notice.fenced:
        return "fenced_already"
    if own.notice is not None and len(own.notice.fenced) >= FENCES:
        return "fence_list_full"  # one more would push out the first, and its rights would count again
    if len(own.fences) >= FENCES:
        return "too_many_fences"
    own.fences.append(Fence(inc=inc, persons=persons, serial=tell(own, fenced=inc), command=command))
    act(turn, name)
    return ""


def acts_without(own: Resource, inc: str) -> bool:
    """As `acts`, should `inc` be gone: a dead bank can be fenced by its successor."""
    return own.rights.bank and not any(peer.bank for name, peer in live(own).items() if name != inc)


# -------------------------------------------------------------- what waits for everybody's answer


def act(turn: Turn, name: str = HALL) -> None:
    """Finish fences and a recount that everybody has answered."""
    own = turn.state.resource(name)
    if own is None or (not own.fences and own.recount is None):
        return
    known = min((peer.notice for peer in live(own).values()), default=2**53)
    for fenced in [each for each in own.fences if each.serial <= known]:
        own.fences.remove(fenced)
        occupancy.mint(own.rights, fenced.persons)
        own.written_off += fenced.persons
        turn.alarm("fenced", detail=f"{fenced.inc}: {fenced.persons} rights returned")
    if own.recount is not None and own.recount.serial <= known and not strangers(own):
        _close(turn, own, own.recount)


def _close(turn: Turn, own: Resource, recounted: Recount) -> None:
    """Every row is younger than the counting: the rights alive now are made to fit what was counted, exactly."""
    missing = limit_aimed_at(own) - recounted.counted - rights_alive(own)
    occupancy.mint(own.rights, missing)
    own.written_off += missing
    change = recounted.counted - inside(own)
    own.recounted += change
    own.written_off += change
    own.recount = None
    if own is turn.state:
        turn.state.entered.clear()  # who is inside was seen by a person: anti-passback begins anew
    tell(own, counted=True)
    counted_anew(turn, own, f"{inside(own)} inside")


def counted_anew(turn: Turn, own: Resource, detail: str) -> None:
    if own.recount_needed:
        own.recount_needed = False
        turn.alarm("recount_needed", active=False, detail=detail)


def open_permits(state: HallState, name: str = HALL) -> int:
    """Places of people who hold a permit here and have not come in yet."""
    lanes = (state.lanes[setup.name] for setup in state.setups if name in setup.takes and setup.name in state.lanes)
    return sum(lane.grant.left for lane in lanes if lane.grant is not None and lane.grant.reserved)


def rights_alive(own: Resource) -> int:
    """Rights of this device and its living peers, by their last rows, and those on their way between them."""
    peers = live(own)
    alive = own.rights.free + sum(peer.free for peer in peers.values())
    for inc, peer in peers.items():
        alive += max(0, own.rights.T.get(inc, 0) - peer.acknowledged)
        alive += sum(max(0, gift - peers[to].received.get(inc, 0)) for to, gift in peer.given.items() if to in peers)
    return alive
