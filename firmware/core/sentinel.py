"""A digital sentinel's verdict and the hub's venue code: whose they are.

A verdict belongs to the one person of its moment: to whoever is asked for a proof when it comes, or to whoever scans
within the rulebook's seconds after it. It is taken once, is never left for the next person, and a newer one replaces it.
A venue code is bound by the hub to one pass and one lane, for seconds; that pass admits once anyway.
"""

from __future__ import annotations

import re
from typing import Any

from firmware.core import entry, judgement, passage
from firmware.core.events import CommandArrived, TerminalSaid
from firmware.core.lane import OPEN
from firmware.core.state import LaneState, Sentinel, VenueCode, Visit
from firmware.core.turn import Turn

VENUE_CODES = 32
"""Remembered at one lane; the oldest is forgotten first."""
CODES: tuple[str, ...] = ("green", "yellow", "red", "unknown")
PCRS: tuple[str, ...] = ("negative", "positive", "none", "unknown")
_PASS = re.compile(r"[0-9a-f]{16}")
SECONDS_MAX = 2**40


def said(turn: Turn, event: TerminalSaid) -> None:
    lane = turn.state.lanes[event.lane]
    if not turn.setup(lane.name).entry or turn.rulebook is None or lane.state in ("held", "evacuated"):
        return
    verdict = Sentinel(
        at_ms=turn.now,
        code=event.code,
        pcr=event.pcr,
        sampled_age_minutes=event.sampled_age_minutes,
        temperature_c=event.temperature_c,
        mask=event.mask,
        token=event.token,
        holder=event.holder,
    )
    if lane.visit is not None and lane.state in ("identified", "screening"):
        lane.visit.sentinel, lane.sentinel = verdict, None
        entry.judge_again(turn, lane)
    elif not (verdict.bad and _alone(turn, lane, verdict)):
        lane.sentinel = None if _open(lane) else verdict


def claim(turn: Turn, lane: LaneState) -> Sentinel | None:
    """Take the verdict of the moment before a visit; nobody after this one can."""
    said, lane.sentinel = lane.sentinel, None
    before_ms = turn.rulebook.sentinel.before_seconds * 1000 if turn.rulebook else 0
    return said if said is not None and turn.now - said.at_ms <= before_ms else None


def _open(lane: LaneState) -> bool:
    """Two people are at an open gate: one walks through, one stands at the sentinel, and nobody knows who is who."""
    return lane.state in OPEN or lane.grant is not None


def _alone(turn: Turn, lane: LaneState, verdict: Sentinel) -> bool:
    """Nobody scanned, and the sentinel says what leads to isolation: that needs no booking. True when it did."""
    before, lane.visit = lane.visit, Visit(since_ms=turn.now, until_ms=turn.now, sentinel=verdict)
    deciding, case = judgement.decide(turn, lane)
    if deciding.verdict != "isolate":
        lane.visit = before
        return False
    passage.withdraw(turn, lane)  # it may well be the one the gate was just opened for
    entry.answer(turn, lane, deciding, case)
    return True


# -------------------------------------------------------------- venue code


def venue_code(turn: Turn, event: CommandArrived) -> str:
    """`venue_code {lane, pass_id, code, pcr, sampled_at}`; `sampled_at` in seconds since 1970, or absent."""
    lane = turn.state.lanes[event.lane or ""]
    granted = _understood(event.body, turn.now)
    if isinstance(granted, str):
        return granted
    if not turn.setup(lane.name).entry:
        return "no_entry"
    others = [each for each in living(turn, lane) if each.pass_id != granted.pass_id]
    lane.venue = (*others, granted)[-VENUE_CODES:]
    visit = lane.visit
    if visit is not None and visit.booking is not None and visit.booking.pass_id == granted.pass_id:
        entry.judge_again(turn, lane)
    return ""


def living(turn: Turn, lane: LaneState) -> list[VenueCode]:
    seconds = turn.rulebook.venue_code.grant_seconds if turn.rulebook else 0
    return [each for each in lane.venue if turn.now - each.at_ms <= seconds * 1000]


def _understood(body: dict[str, Any], now_ms: int) -> VenueCode | str:
    pass_id, code, pcr = body.get("pass_id"), body.get("code", "unknown"), body.get("pcr", "unknown")
    sampled = body.get("sampled_at")
    if not isinstance(pass_id, str) or not _PASS.fullmatch(pass_id):
        return "pass_id_malformed"
    if code not in CODES or pcr not in PCRS:
        return "verdict_malformed"
    if sampled is not None and (type(sampled) not in (int, float) or not 0 <= sampled <= SECONDS_MAX):
        return "sampled_at_malformed"
    return VenueCode(
        pass_id=pass_id,
        at_ms=now_ms,
        code=code,
        pcr=pcr,
        sampled_s=None if sampled is None else int(sampled),
    )
