"""The attendant's badge and button: what open, hold, release, confirm and reset orders do, with no network.

A badge gives the button its power for some seconds. A short press confirms who stands there and lets one body in,
counted. A long press holds the entry, releases a held one, or resets an evacuation. At an exit the button needs nobody:
it opens; where it may let nobody in it still lets out. Named, recorded and counted, whoever pressed it.
"""

from __future__ import annotations

from firmware.core import (
    access,
    attest,
    closing,
    emergency,
    entry,
    incident,
    judgement,
    passage,
    places,
    responders,
    rounds,
    unasked,
    visits,
)
from firmware.core.state import LaneState
from firmware.core.turn import Turn

PRESS_MAX_MS = 30_000
"""A press longer than this is no press that a rulebook can ask for: something leans on the button."""


def button(turn: Turn, lane: LaneState, pressed: bool) -> None:
    if pressed:
        lane.button_since_ms, lane.button_asked = turn.now, attest.question(lane.visit)
        if attest.veto(turn, lane, (lane.badge or "") if _named(turn, lane) else ""):
            lane.button_since_ms = None
        elif turn.setup(lane.name).exit and not _named(turn, lane):
            passage.open_exit(turn, lane, "button")
    elif lane.button_since_ms is not None:
        held_ms = turn.now - lane.button_since_ms
        lane.button_since_ms = None
        _act(turn, lane, held_ms)


def release_key(turn: Turn, lane: LaneState, turned: bool) -> None:
    """The responders' key: the lane opens both ways without rules while it is turned. Bodies are counted as they pass."""
    news, lane.key_turned = turned != lane.key_turned, turned
    if turned:
        lane.freed_until_ms = None  # the key holds it now, not a badge's time
        if lane.closing or not lane.freed:
            turn.free(lane)
        if news:
            turn.alarm("responder", lane.name)
    elif news:
        responders.let_go(turn, lane)


def _named(turn: Turn, lane: LaneState, held_ms: int = 0) -> bool:
    """A long press may end behind the badge's time, and was begun within it."""
    began_ms = turn.now - (held_ms if held_ms <= PRESS_MAX_MS else 0)
    return lane.badge is not None and began_ms <= lane.badge_until_ms


def _act(turn: Turn, lane: LaneState, held_ms: int) -> None:
    long = held_ms >= turn.attendant.long_press_ms
    named = _named(turn, lane, held_ms)
    if _signs_round(turn, lane, held_ms, named=named):
        return
    if not named:
        if turn.setup(lane.name).direction == "in":
            turn.alarm("button_without_badge", lane.name)
        return
    who = lane.badge or ""
    swept = lane.state != "evacuated" and closing.sweep_pressed(turn, held_ms)
    told = incident.pressed(turn, lane, who, long=long)
    if not told and attest.press(turn, lane, who, long=long):
        lane.badge_until_ms = turn.now + turn.attendant.badge_seconds * 1000
        return
    name, because = told or (("sweep", closing.sweep(turn, who)) if swept else _meant(turn, lane, who, long=long))
    lane.badge_until_ms = turn.now + turn.attendant.badge_seconds * 1000
    turn.command_done(lane.name, f"local-{turn.state.seq + 1}", name, who, because)


def _signs_round(turn: Turn, lane: LaneState, held_ms: int, *, named: bool) -> bool:
    """3.1.5a. An attendant's press at a lane that an isolation holds, or in an evacuation, is about that first."""
    if lane.state == "evacuated" or (named and incident.of_lane(turn.state, lane.name) is not None):
        return False
    signed = rounds.pressed(turn, lane, held_ms, named=named)
    if signed is None:
        return False
    who, because = signed
    turn.command_done(lane.name, f"local-{turn.state.seq + 1}", "sign_off", who, because)
    return True


def _meant(turn: Turn, lane: LaneState, who: str, *, long: bool) -> tuple[str, str]:
    if long:
        return _order(turn, lane, who)
    because = open_once(turn, lane)
    comes_in = lane.grant is not None and lane.grant.way == "in"
    if because and turn.setup(lane.name).exit and not comes_in:
        passage.open_exit(turn, lane, "button")  # nobody may come in: whoever pressed may want out, badge or not
    return "open_once", because


def _order(turn: Turn, lane: LaneState, who: str) -> tuple[str, str]:
    if lane.state == "evacuated":
        return "reset", emergency.reset(turn, who)
    if lane.state == "held" or any(own.recount_needed for _, own in turn.state.resources()):
        return "release", release(turn, lane, who)
    return "hold", hold(turn, lane, "attendant", who)


def hold(turn: Turn, lane: LaneState, because: str, who: str) -> str:
    """Entry stays shut; an open grant that nobody used is given back; exits run."""
    if lane.state == "evacuated":
        return "evacuated"
    if lane.state == "passing" or (lane.blocked and lane.grant is not None):
        return "somebody_is_passing"
    if incident.of_lane(turn.state, lane.name) is not None and lane.state == "held":
        return ""  # it is held, and no other hold may take the isolation's place
    if lane.grant is not None and lane.grant.way == "in":
        turn.close(lane)
        passage.return_unused(turn, lane, lane.grant)
    visits.end(lane)
    lane.held_because, lane.held_by = because, who
    turn.signal(lane, "hold")
    turn.tell(lane, "held", "red")
    return ""


def release(turn: Turn, lane: LaneState, who: str) -> str:
    """End a hold; at a lane that is not held itself, end the wait for a recount, on the word of a named person."""
    if lane.state == "evacuated":
        return "evacuated"
    if lane.state != "held":
        return lift_recount(turn, who)
    if incident.of_lane(turn.state, lane.name) is not None:
        return "isolation_not_signed_off"
    lane.held_because = lane.held_by = ""
    turn.signal(lane, "release")
    turn.tell(lane, "idle", "off")
    return ""


def lift_recount(turn: Turn, who: str) -> str:
    """Somebody who can see the hall lets the entry run again. No counter changes: without evidence no right is made.

    A device that is not the bank can count nobody anew (only the bank mints and burns), and the bank may be away.
    """
    doubtful = [own for _, own in turn.state.resources() if own.recount_needed]
    if not doubtful:
        return "not_held"
    for own in doubtful:
        own.recount_needed = False
    turn.alarm("recount_needed", active=False, detail=f"lifted by {who}, all counters kept")
    return ""


def drill(turn: Turn) -> bool:
    """The hall is being set up and tested (2.1): what goes through a gate now is a drill, and recorded as one."""
    if turn.rulebook is None or not turn.moment.trusted:
        return False
    phase = turn.rulebook.phase_on(turn.moment.local(turn.zone).date())
    return phase is not None and phase.commissioning


def _nobody_left(turn: Turn, lane: LaneState) -> bool:
    """A lane for both ways was opened for somebody to leave, nobody came, and the gate is shut again."""
    leaving = lane.grant is not None and lane.grant.way == "out" and lane.state == "granted"
    return leaving and not lane.blocked and turn.now >= lane.open_until_ms


def open_once(turn: Turn, lane: LaneState) -> str:
    """One body in on an attendant's word; answers why not, or nothing. It counts like any other: it has to wait for a place.

    The person in front of the gate, if one showed a code just now, has used that code by it.
    """
    setup = turn.setup(lane.name)
    if lane.state == "evacuated":
        return "open_already"
    if not setup.entry:
        passage.open_exit(turn, lane, "order")
        return ""
    if because := _why_not(turn, lane):
        return because
    if not places.reserve(turn.state, setup, 1):
        return "hall_full"
    if lane.grant is not None:
        passage.give_up(turn, lane)
    _let_in(turn, lane)
    return ""


def _why_not(turn: Turn, lane: LaneState) -> str:
    """Why nobody's word opens this entry now."""
    setup = turn.setup(lane.name)
    if setup.hatch:
        return "hatch"
    if lane.grant is not None and not _nobody_left(turn, lane):
        return "grant_open"
    if turn.rulebook is None:
        return "no_rulebook"
    if "gate" in lane.broken:
        return "gate_fault"
    if lane.state == "held" or judgement.held_entry(turn, setup):
        return "held"
    return "interlock" if access.interlocked(turn, lane.name) else ""


def _let_in(turn: Turn, lane: LaneState) -> None:
    clause, because = ("2.1", "gate_drill") if drill(turn) else ("3.1.2d", "attendant_confirmed")
    confirmed = unasked.answer(turn, lane, "admit", clause, because, phrase="confirmed")
    visit, classes = lane.visit, turn.rulebook.classes if turn.rulebook else {}
    booking = visit.booking if visit else None
    person_class = booking.person_class if booking else None
    grant = entry.grant_entry(
        turn, lane, confirmed.id, 1,
        person_class=person_class,
        person=visit.person if visit else None,
        pass_id=judgement.identity_of(booking, visit.health) if visit else "",
        pass_expires_s=booking.expires_s if booking else turn.known_s + 86_400,
    )  # fmt: skip
    grant.pass_uses = entry.uses_of(booking, classes.get(person_class or ""))
    visits.end(lane)
