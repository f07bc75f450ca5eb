"""Permit = passage: a grant reserves, and only a body that went through spends it.

What is not used is given back: after a turn-back, and when the grant's time is over. Bodies without a grant are counted
all the same, whoever they are: an uncounted entry that leaves by a counted exit would raise the limit. A gate never
closes on a body: while the passage is blocked the opening is prolonged, order by order.
"""

from __future__ import annotations

from firmware.core import bounds, car, incident, places, quotas, unasked
from firmware.core.estimate import inside
from firmware.core.events import CounterSaturated, Crossed, PassageBlocked, TurnedAway
from firmware.core.lane import OPEN
from firmware.core.records import Passage
from firmware.core.state import Grant, LaneState
from firmware.core.turn import Turn
from sensors.readings import Direction

TURN_BACK_MS = 1_500
"""Who stepped back may step forward again this long; then the place is given back."""
RENEW_AHEAD_MS = 150
"""A blocked gate's opening is prolonged this long before the hand would let go."""
PROLONG_LATE_MS = 500
"""A busy machine may come this late to prolong it; after that the gate was shut and stays shut."""
CLOSING_MS = 50
"""Between closing the relay and giving its place back (P4 of the protocol)."""
EXIT_GRANT_MS, EXIT_PULSE_MS = 10_000, 3_000
"""Of an exit where there is no rulebook."""
PACE = 0.2
"""Weight of the newest interval in the pace shown as expected wait."""


def crossed(turn: Turn, event: Crossed) -> None:
    lane = turn.state.lanes[event.lane]
    if event.direction == "out":
        _went_out(turn, lane)
    elif lane.grant is not None and lane.grant.way == "in" and lane.state in OPEN:
        _came_in(turn, lane, lane.grant)
    else:
        _came_in_unasked(turn, lane)


def turned_away(turn: Turn, event: TurnedAway) -> None:
    lane = turn.state.lanes[event.lane]
    grant = lane.grant
    if grant is None or (event.side == "outside") != (grant.way == "in"):
        return
    wait_ms = 0 if event.by == "gate" else TURN_BACK_MS
    grant.until_ms = min(grant.until_ms, turn.now + wait_ms)


def blocked(turn: Turn, event: PassageBlocked) -> None:
    lane = turn.state.lanes[event.lane]
    if event.blocked and not lane.blocked:
        lane.blocked_since_ms = turn.now
    lane.blocked = event.blocked
    if event.blocked:
        turn.signal(lane, "body_in")
        if turn.now < lane.open_until_ms:
            if _renews(turn, lane):
                turn.prolong(lane)
        elif _has_to_be_seen(turn, lane):
            open_exit(turn, lane, "approach")
    else:
        turn.signal(lane, "body_back")
        _cleared(turn, lane)


def _has_to_be_seen(turn: Turn, lane: LaneState) -> bool:
    """At an exit where nothing that somebody could ask by works, or is there: who steps into the passage wants to leave."""
    setup = turn.setup(lane.name)
    return setup.direction == "out" and all(role in lane.broken for role in setup.askers)


def saturated(turn: Turn, event: CounterSaturated) -> None:
    turn.alarm("saturated", event.lane, detail=event.because)


# -------------------------------------------------------------- a body went through


def _came_in(turn: Turn, lane: LaneState, grant: Grant) -> None:
    grant.passed += 1
    places.came_in(turn.state, turn.setup(lane.name))
    car.boarded(turn, lane)
    _spend(turn, grant)
    _pace(turn, lane)
    _record(turn, lane, "in", grant.decision, expected=True)
    if grant.left <= 0:
        lane.last_party = grant.persons
        _done(turn, lane)
    else:
        grant.until_ms = turn.now + grant.lasts_ms
        turn.open(lane, "in", grant.pulse_ms)


def _came_in_unasked(turn: Turn, lane: LaneState) -> None:
    places.came_in_unasked(turn.state, turn.setup(lane.name))
    car.boarded(turn, lane)
    _record(turn, lane, "in", None, expected=False)
    if lane.freed or lane.state == "evacuated":
        return
    turn.alarm("tailgate", lane.name)
    if not turn.setup(lane.name).entry:
        turn.alarm("wrong_way", lane.name)
    turn.tell(lane, "tailgate" if turn.setup(lane.name).entry else "wrong_way", "red")


def _went_out(turn: Turn, lane: LaneState) -> None:
    places.went_out(turn.state, turn.setup(lane.name))
    car.alighted(turn, lane)
    grant = lane.grant if lane.grant is not None and lane.grant.way == "out" else None
    allowed = turn.setup(lane.name).lets_out or lane.freed
    _record(turn, lane, "out", grant.decision if grant else None, expected=allowed)
    if grant is not None:
        _done(turn, lane)
    if not allowed:
        turn.alarm("wrong_way", lane.name)
        turn.tell(lane, "wrong_way_out", "red")


def assume_passage(turn: Turn, lane: LaneState, grant: Grant) -> None:
    """No sensor sees this lane: when the pulse ends we take it that everybody passed, and say so.

    An assumed exit gives nothing back: it would mint a right out of a guess.
    """
    for _ in range(grant.left):
        _record(turn, lane, grant.way, grant.decision, expected=True, assumed=True)
        if grant.way == "in":
            car.boarded(turn, lane)
    if grant.way == "in":
        _spend(turn, grant)
        _pace(turn, lane)
        lane.last_party = grant.persons
    _done(turn, lane)


def _record(
    turn: Turn, lane: LaneState, direction: Direction, decision: str | None, *, expected: bool, assumed: bool = False
) -> None:
    record = Passage(
        **turn.header(lane.name),
        direction=direction,
        decision=decision,
        expected=expected,
        assumed=assumed,
        inside=inside(turn.state),
        within=bool(turn.setup(lane.name).comes_from),
    )
    turn.records.append(record)
    incident.passed(turn, lane, record)


def _spend(turn: Turn, grant: Grant) -> None:
    if grant.pass_id and not grant.spent:
        grant.spent = True
        bounds.mark_used(turn.state, grant.pass_id, turn.known_s, grant.pass_expires_s, grant.pass_uses)
        if grant.no_passback:
            bounds.mark_entered(turn.state, grant.pass_id, turn.now)


def _pace(turn: Turn, lane: LaneState) -> None:
    interval = turn.now - lane.last_entry_ms
    if 0 < interval < 600_000:
        known = lane.entry_interval_ms
        lane.entry_interval_ms = interval if known == 0 else known + PACE * (interval - known)
    lane.last_entry_ms = turn.now


def _done(turn: Turn, lane: LaneState) -> None:
    turn.signal(lane, "through")
    lane.grant = None
    if lane.exit_waiting:
        open_exit(turn, lane, "turn")


# -------------------------------------------------------------- time, and what is given back


def grant_over(turn: Turn, lane: LaneState) -> None:
    """The grant's time is over: close first, give back a moment later; never while a body is in the passage."""
    assert lane.grant is not None
    if lane.blocked:
        lane.grant.until_ms = turn.now + 1_000
    elif turn.now < lane.open_until_ms + CLOSING_MS:
        if lane.open_until_ms > turn.now:
            turn.close(lane)
        lane.grant.until_ms = lane.open_until_ms + CLOSING_MS
    else:
        give_up(turn, lane)


def give_up(turn: Turn, lane: LaneState) -> None:
    """End the grant now and give back what nobody used."""
    grant = lane.grant
    assert grant is not None
    return_unused(turn, lane, grant)
    turn.signal(lane, "time_over")


def withdraw(turn: Turn, lane: LaneState) -> None:
    """Take back a permit to come in that nobody has begun to use; who is in the passage comes through."""
    grant = lane.grant
    if grant is None or grant.way == "out" or lane.blocked or grant.passed:
        return
    turn.close(lane)
    return_unused(turn, lane, grant)
    turn.signal(lane, "time_over")


def return_unused(turn: Turn, lane: LaneState, grant: Grant) -> None:
    """End the grant: the places nobody used are free again, and a walk-in's count in the day's quota with them."""
    if grant.reserved and grant.left > 0:
        places.give_back(turn.state, turn.setup(lane.name), grant.left)
        quotas.give_back(turn.state, grant)
    lane.grant = None


def _cleared(turn: Turn, lane: LaneState) -> None:
    if lane.obstructed:
        lane.obstructed = False
        turn.alarm("obstructed", lane.name, active=False)


def tend(turn: Turn, lane: LaneState) -> None:
    """What is due by time at this lane's gate."""
    grant = lane.grant
    if lane.closing and not lane.blocked:
        turn.unfree(lane)
    if _renews(turn, lane) and -RENEW_AHEAD_MS <= turn.now - lane.open_until_ms <= PROLONG_LATE_MS:
        turn.prolong(lane)
    elif not lane.blocked and lane.wanted_open_until_ms <= turn.now < lane.open_until_ms:
        turn.close(lane)
    _obstruction(turn, lane)
    if lane.exit_waiting and (lane.state != "passing" or lane.obstructed):
        open_exit(turn, lane, "turn")
    if grant is None or grant is not lane.grant:
        return
    if not sees(turn, lane) and turn.now >= grant.opened_ms + grant.pulse_ms:
        assume_passage(turn, lane, grant)
    elif turn.now >= grant.until_ms:
        grant_over(turn, lane)


def sees(turn: Turn, lane: LaneState) -> bool:
    """Whether passages are confirmed here and now.

    What counts and fell silent confirms nothing: then they are assumed, else a place would be given back for a body that
    is inside. Where beams count, a relay that is gone takes nothing from them: who is assumed would come in a second time.
    """
    setup = turn.setup(lane.name)
    return setup.passage_sensor and "counter" not in lane.broken and (setup.beams or "gate" not in lane.broken)


def _renews(turn: Turn, lane: LaneState) -> bool:
    """A body stands in a gate that shuts unless it is told again to stay open.

    A board that sees bodies through and a lift's own doors stay open by themselves.
    """
    setup = turn.setup(lane.name)
    return lane.blocked and not lane.freed and not (setup.gate_confirms or setup.direction == "elevator")


def _obstruction(turn: Turn, lane: LaneState) -> None:
    if lane.blocked and not lane.obstructed and turn.now >= _obstructed_ms(turn, lane):
        lane.obstructed = True
        turn.alarm("obstructed", lane.name)


def _obstructed_ms(turn: Turn, lane: LaneState) -> int:
    """When a body in the passage becomes an alarm."""
    return lane.blocked_since_ms + turn.alarm_limits.held_open_seconds * 1000


def due(turn: Turn, lane: LaneState) -> list[int]:
    """When `tend` has something to do next."""
    times: list[int] = []
    if _renews(turn, lane) and lane.open_until_ms > turn.now:
        times.append(max(turn.now + 20, lane.open_until_ms - RENEW_AHEAD_MS))
    if not lane.blocked and turn.now < lane.wanted_open_until_ms < lane.open_until_ms:
        times.append(lane.wanted_open_until_ms)
    if lane.blocked and not lane.obstructed:
        times.append(_obstructed_ms(turn, lane))
    if lane.grant is not None:
        times.append(lane.grant.until_ms if sees(turn, lane) else lane.grant.opened_ms + lane.grant.pulse_ms)
    return times


# -------------------------------------------------------------- the way out


def open_exit(turn: Turn, lane: LaneState, because: str) -> None:
    """Exits never ask, never pace, and wait for nothing but a body that is in the passage already."""
    grant = lane.grant
    if lane.freed:
        lane.exit_waiting = False  # it stands open both ways
    elif grant is not None and grant.way == "out":
        # perhaps somebody else: the gate must not shut before who asked just now
        grant.until_ms = turn.now + exit_grant_ms(turn)
        turn.open(lane, "out", grant.pulse_ms)
    elif grant is not None and lane.state == "passing" and not lane.obstructed:
        lane.exit_waiting = True
    else:
        lane.exit_waiting = False  # it comes now: the end of the grant before it need not bring it as well
        if grant is not None:
            give_up(turn, lane)
        _grant_exit(turn, lane, because)
        if grant is not None:
            for code in grant.codes:  # who had to step back may show the same code again at once
                lane.scanned.pop(code, None)


def exit_grant_ms(turn: Turn) -> int:
    return turn.rulebook.gate.grant_seconds * 1000 if turn.rulebook else EXIT_GRANT_MS


def _grant_exit(turn: Turn, lane: LaneState, because: str) -> None:
    pulse_ms = turn.rulebook.gate.pulse_ms if turn.rulebook else EXIT_PULSE_MS
    record = unasked.answer(turn, lane, "admit", "3.1.3a", f"exit_by_{because}", phrase="goodbye")
    lane.grant = Grant(
        decision=record.id,
        way="out",
        persons=1,
        until_ms=turn.now + exit_grant_ms(turn),
        pulse_ms=pulse_ms,
        opened_ms=turn.now,
        reserved=False,
    )
    turn.signal(lane, "said_yes")
    turn.open(lane, "out", pulse_ms)
