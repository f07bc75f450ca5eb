"""What the other doors of the hall tell: passes they saw used, people they hold, what they counted in a quota.

Offline doors refuse what they know; when they meet again a pass that was used at both is reported by both. A notice is
complete for its day and its numbers only rise, so loss, repetition and reordering change nothing for long.
"""

from __future__ import annotations

import datetime as dt
import re

import msgspec

from firmware.core import bounds, held, quotas
from firmware.core.events import PeerUsed
from firmware.core.state import Counted, DoorTold, Grant, HallState, PeerUse, Used
from firmware.core.turn import Turn

DEVICES = 64
TELLS = 5_000
"""Passes in one notice: three times the hall's busiest day."""
TIMES_MAX, SECONDS_MAX = 1_000_000, 2**35
"""What is more was never counted, and no calendar has it."""
PASS_ID = re.compile(r"[0-9a-f]{16}\Z")


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """This door's own day: the fields of `events.PeerUsed`."""

    device: str
    seq: int
    inc: str
    day: str
    used: tuple[tuple[str, int, int], ...]
    held: tuple[str, ...]
    counted: Counted


def arrived(turn: Turn, event: PeerUsed) -> None:
    state = turn.state
    known = state.doors.get(event.device)
    if event.device == state.device:
        _take_over(turn, event)
        return
    if known is None and len(state.doors) >= DEVICES:
        return
    for pass_id, times, at_s in event.used[:TELLS]:
        if times > 0 and PASS_ID.match(pass_id):
            _merge(turn, event.device, pass_id, times, at_s)
    bounds.trim_elsewhere(state)
    notice = known or DoorTold()
    notice.seen_ms = turn.now
    newest = known is None or event.seq >= known.seq or event.day > known.day
    if newest or event.inc != notice.inc and event.day >= notice.day:
        notice.seq, notice.day, notice.counted, notice.inc = event.seq, event.day, event.counted, event.inc
    held.heard(turn, event.device, event.day, event.held, newest=newest)
    state.doors[event.device] = notice


def from_before(state: HallState, event: PeerUsed) -> PeerUsed | None:
    """Of a list in this door's own name what its journal never knew: a dead device's, whose place this one took.

    None: nothing, as in every echo. Uses only rise; who was held may be let go, so that an older word of it is none. Only
    looks; any thread may ask.
    """
    never = Used(0, 0, 0)
    used = tuple(use for use in event.used if use[1] > state.used.get(use[0], never).times)
    dead = event.inc != state.rights.inc if event.inc else event.seq > state.seq
    told = event.held if dead and not state.held_persons else ()
    counted = event.counted if dead and quotas.exceeds(event.counted, state.quota_before) else Counted("")
    news = used or told or counted.day
    return msgspec.structs.replace(event, used=used, held=told, counted=counted) if news else None


def _take_over(turn: Turn, event: PeerUsed) -> None:
    """A pass that was used here, and a person who was held here, stay so when another board hangs in this door's place.

    How often such a pass may be used this journal never heard: no use elsewhere is called one too many for it.
    """
    state, news = turn.state, from_before(turn.state, event)
    if news is None:
        return
    for pass_id, times, at_s in news.used[:TELLS]:
        if PASS_ID.match(pass_id):
            times, at_s = min(times, TIMES_MAX), max(0, min(at_s, SECONDS_MAX))
            state.used[pass_id] = Used(times, at_s, at_s + bounds.FREEZE_MAX_S, TIMES_MAX)
    state.used = dict(sorted(state.used.items(), key=lambda use: use[1].at_s))
    quotas.take_over(state, news.counted)
    if not turn.moment.trusted or news.day == str(turn.moment.local(turn.zone).date()):
        held.hold(turn, (key for key in news.held[: held.HELD] if 0 < len(key) <= held.KEY_MAX))


def _merge(turn: Turn, device: str, pass_id: str, times: int, at_s: int) -> None:
    """Take note of more uses at that door; more in all than the pass allows is a double use, reported once."""
    state, times, at_s = turn.state, min(times, TIMES_MAX), max(0, min(at_s, SECONDS_MAX))
    uses = state.elsewhere.setdefault(pass_id, {})
    before = uses.get(device)
    if before is not None and before.times >= times:
        return
    uses[device] = PeerUse(times, at_s)
    own = _own(turn, pass_id)
    if own is not None and own.uses and own.times + sum(use.times for use in uses.values()) > own.uses:
        detail = f"pass {pass_id} at {state.device} {_clock(turn, own.at_s)} and {device} {_clock(turn, at_s)}"
        turn.alarm("double_use", detail=detail)


def _own(turn: Turn, pass_id: str) -> Used | None:
    """Uses at this door, and the one that an open grant is about to become."""
    own = turn.state.used.get(pass_id)
    grant = open_grant(turn.state, pass_id)
    if grant is None or grant.spent:
        return own
    return Used((own.times if own else 0) + 1, turn.known_s, 0, grant.pass_uses)


def open_grant(state: HallState, pass_id: str) -> Grant | None:
    """The grant that was opened with this pass, at whichever lane of this device."""
    if not pass_id:
        return None
    for lane in state.lanes.values():
        if lane.grant is not None and lane.grant.pass_id == pass_id:
            return lane.grant
    return None


def _clock(turn: Turn, wall_s: int) -> str:
    return f"{dt.datetime.fromtimestamp(wall_s, turn.zone):%Y-%m-%d %H:%M:%S}"


def used(state: HallState, pass_id: str) -> Used | None:
    """How often a pass was used, here and at the doors that told of it; None: never as far as this door knows."""
    own, others = state.used.get(pass_id), state.elsewhere.get(pass_id)
    if not others:
        return own
    times, at_s = sum(use.times for use in others.values()), max(use.at_s for use in others.values())
    if own is None:
        return Used(times, at_s, at_s)
    return Used(own.times + times, max(own.at_s, at_s), own.forget_s, own.uses)


def own_day(state: HallState, now_s: int, zone: dt.tzinfo, at_most: int = TELLS) -> Day:
    """What this door tells the others of the local day of `now_s`, of the uses only the latest `at_most`.

    Costs as much as it tells uses: they stand in the order of their last time.
    """
    local = dt.datetime.fromtimestamp(now_s, zone)
    midnight_s = int(local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp())
    told = list[tuple[str, int, int]]()
    for pass_id in reversed(state.used):
        each = state.used[pass_id]
        if each.at_s < midnight_s or len(told) >= at_most:
            break
        if each.uses and PASS_ID.match(pass_id):
            told.append((pass_id, each.times, each.at_s))
    day = str(local.date())
    return Day(
        device=state.device,
        seq=state.seq,
        inc=state.rights.inc,
        day=day,
        used=tuple(told),
        held=held.held_notice(state),
        counted=quotas.own_of(state, day),
    )
