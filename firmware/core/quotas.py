"""How much of the quotas is left, and what a grant takes of them (2.2, 3.1.1b, 3.2.3).

A quota belongs to the hall. While its doors hear each other they count together. A door that has not heard one of those
with a share of its own keeps to its own share as well, so that doors that are apart let in no more than the quota and
what they did not know of each other when they parted.
"""

from __future__ import annotations

import datetime as dt

from firmware.core.records import Remains
from firmware.core.state import Counted, Grant, HallState
from firmware.core.turn import Turn
from firmware.rulebook.book import Rulebook


def today(turn: Turn) -> dt.datetime:
    """The local time to count by: a doubtful clock counts on the last day that was known, never on one of 1970."""
    if turn.moment.trusted or not turn.state.latest_wall_ms:
        return turn.local
    return dt.datetime.fromtimestamp(turn.state.latest_wall_ms / 1000, turn.zone)


def walk_in(state: HallState, book: Rulebook, day: dt.date) -> bool:
    ordered = state.walk_in_ordered if state.orders_day == str(day) else None
    return book.walk_in_on(day) if ordered is None else ordered


def remains(turn: Turn, book: Rulebook, local: dt.datetime) -> Remains:
    """What is left just now, never below nothing."""
    state, day = turn.state, str(local.date())
    slot = slot_of(book, local)
    own, all_doors = _counted(state, day, slot)
    share = _own_share(turn, book)
    whole = state.quota_ordered if state.orders_day == day else None
    whole = book.quota_on(local.date()) if whole is None else whole
    of_slot, cases = book.slot.quota, book.quota.cases_per_day
    return Remains(
        places=max(0, state.rights.free),
        day=_left(whole, all_doors.persons, own.persons, share),
        slot=_left(of_slot, all_doors.slot_persons, own.slot_persons, share) if of_slot else None,
        cases=_left(cases, all_doors.cases, own.cases, share) if cases else None,
    )


def slot_of(book: Rulebook, local: dt.datetime) -> int:
    """First minute of the slot that is running."""
    minute = local.hour * 60 + local.minute
    return minute - minute % book.slot.minutes


def _left(whole: int, all_doors: int, own: int, share_percent: int | None) -> int:
    left = whole - all_doors
    if share_percent is not None:
        left = min(left, whole * share_percent // 100 - own)
    return max(0, left)


def _counted(state: HallState, day: str, slot: int) -> tuple[Counted, Counted]:
    """(this door's, all doors') of that day and slot."""
    own = _on(own_of(state, day), day, slot)
    if not state.doors:
        return own, own
    others = [_on(notice.counted, day, slot) for notice in state.doors.values()]
    return own, Counted(
        day,
        own.persons + sum(each.persons for each in others),
        own.cases + sum(each.cases for each in others),
        slot,
        own.slot_persons + sum(each.slot_persons for each in others),
    )


def own_of(state: HallState, day: str) -> Counted:
    """What was counted in this door's place on that day: by this board, and by those that hung there before."""
    ours = Counted(day)
    if state.quota_day == day:
        ours = Counted(day, state.quota_used, state.quota_cases, state.quota_slot, state.quota_slot_used)
    before = state.quota_before
    if before.day != day:  # asked at every decision, and hardly ever does another board hang there
        return ours
    slot = max(ours.slot, before.slot)
    in_slot = sum(each.slot_persons for each in (ours, before) if each.slot == slot)
    return Counted(day, ours.persons + before.persons, ours.cases + before.cases, slot, in_slot)


def take_over(state: HallState, counted: Counted) -> None:
    """A dead board's count goes on in this one; told again, or by an older word of it, it changes nothing."""
    before = state.quota_before
    if counted.day > before.day:
        state.quota_before = counted
    elif counted.day == before.day:
        slot = max(counted.slot, before.slot)
        in_slot = max(each.slot_persons for each in (counted, before) if each.slot == slot)
        persons, cases = max(counted.persons, before.persons), max(counted.cases, before.cases)
        state.quota_before = Counted(counted.day, persons, cases, slot, in_slot)


def exceeds(counted: Counted, known: Counted) -> bool:
    """There is more in it of that day, or a later day."""
    if counted.day != known.day:
        return counted.day > known.day
    if counted.persons > known.persons or counted.cases > known.cases or counted.slot > known.slot:
        return True
    return counted.slot == known.slot and counted.slot_persons > known.slot_persons


def _on(counted: Counted, day: str, slot: int) -> Counted:
    if counted.day != day:
        return Counted(day)
    return counted if counted.slot == slot else Counted(day, counted.persons, counted.cases)


def _own_share(turn: Turn, book: Rulebook) -> int | None:
    """The percent this door keeps to, None while every door with a share was heard."""
    shares, state = book.quota.share, turn.state
    if state.device not in shares:
        return None
    oldest = turn.now - book.quota.apart_seconds * 1000
    others = (device for device in shares if device != state.device)
    apart = any(device not in state.doors or state.doors[device].seen_ms < oldest for device in others)
    return shares[state.device] if apart else None


def take(turn: Turn, book: Rulebook, grant: Grant, persons: int, cases: int) -> None:
    """This grant counts; what nobody uses of it is given back with its place."""
    state, local = turn.state, today(turn)
    grant.quota_day, grant.slot, grant.cases = str(local.date()), slot_of(book, local), cases
    if state.quota_day != grant.quota_day:
        state.quota_day, state.quota_used, state.quota_cases, state.quota_slot = grant.quota_day, 0, 0, -1
    if state.quota_slot != grant.slot:
        state.quota_slot, state.quota_slot_used = grant.slot, 0
    state.quota_used += persons
    state.quota_cases += cases
    state.quota_slot_used += persons


def give_back(state: HallState, grant: Grant) -> None:
    """Who did not come in is not counted. A day that is over has no count any more; an empty one never had."""
    if not grant.quota_day or state.quota_day != grant.quota_day:
        return
    state.quota_used = max(0, state.quota_used - grant.left)
    if not grant.passed:
        state.quota_cases = max(0, state.quota_cases - grant.cases)
    if state.quota_slot == grant.slot:
        state.quota_slot_used = max(0, state.quota_slot_used - grant.left)
