"""3.1.2e: the isolation chain. What happens to a lane, and who is told by when, once a person is to be led away.

    isolate ------> opened          the lane is held for ENTRY, so are the lanes upstream; route light, buzzer; the sign
                      |             asks to wait for the staff and says nothing else
                      +-----------> duty_leader_told, at once and first
      acknowledge --> acknowledged  by order or by badge and button; the buzzer ends. Late: escalated, again and again
      acknowledge --> office_reported   a second time, `office`: only after the duty leader. Late: overdue
      sign_off -----> signed_off    by order or by badge and a long press: the lane is back. Late: overdue
                      closed        when all of it is done

Nothing opens the lane by itself. Nothing here ever touches an exit, shuts a gate on a body or stands against a fire: a
held lane lets everybody out, and an evacuation goes over it. Every step is an event of kind `incident`, with its time
since the opening, by whom, and what is late.
"""

from __future__ import annotations

import msgspec

from firmware.core import held, passage, visits
from firmware.core.actions import Buzz, RouteLight, SignShow
from firmware.core.incident_state import IncidentState, Passed
from firmware.core.lane import OPEN
from firmware.core.records import Around, Decision, Incident, Passage
from firmware.core.state import HallState, LaneState
from firmware.core.turn import Turn
from firmware.rulebook.tables import Isolation
from firmware.rules.verdict import Verdict

HELD = "isolation"
"""`held_because` of the lane itself; `UPSTREAM` of the lanes that are held with it."""
UPSTREAM = "isolation_upstream"
INCIDENTS = 50
PASSED = 200
"""Passages remembered at one lane."""
AROUND = 40
"""Of these in the record."""
LIGHT_MS = 90_000
RENEW_MS = 60_000
"""Light and buzzer let go by themselves; they are ordered again this long after the last order."""
PRESS_AGAIN_MS = 5_000
"""A second press within this time is the first one's."""
ESCALATIONS = 12
"""An incident nobody cares for must not fill the card."""
DEFAULT = Isolation()


def rules(turn: Turn) -> Isolation:
    return turn.rulebook.isolation if turn.rulebook else DEFAULT


def of_lane(state: HallState, lane: str) -> IncidentState | None:
    """The incident that holds this lane now."""
    mine = (each for each in state.incidents.values() if each.lane == lane and each.holds and not each.signed_by)
    return next(mine, None)


# -------------------------------------------------------------- it begins


def begin(turn: Turn, lane: LaneState, verdict: Verdict, decision: Decision) -> None:
    """Somebody is to be led away from this lane."""
    keys, elsewhere = held.keys_of(lane.visit), held.held_at(turn, lane.visit)
    held.hold(turn, keys)
    if elsewhere:
        turn.alarm("held_person", lane.name, detail=f"is held at {elsewhere} today")
    one = IncidentState(
        id=f"i-{decision.id}",
        lane=lane.name,
        since_ms=turn.now,
        because=verdict.because,
        person=decision.person,
        decision=decision.id,
        keys=keys,
        holds=verdict.clause != "3.1.2a" or rules(turn).hold_for_missing,
        escalate_ms=turn.now + rules(turn).acknowledge_seconds * 1000,
        seen_ms=turn.now,
    )
    one.upstream = _upstream(turn, one) if one.holds else ()
    _make_room(turn)
    turn.state.incidents[one.id] = one
    visits.end(lane)
    lane.symptoms_ms = None
    turn.signal(lane, "said_no")
    _hold_lanes(turn, one)
    _ask_to_wait(turn, lane)
    _told(turn, one, elsewhere)


def _told(turn: Turn, one: IncidentState, elsewhere: str) -> None:
    around = _around(turn, one)
    detail = f"second try, held at {elsewhere}" if elsewhere else ""
    omitted = max(0, len(around) - AROUND)
    _record(turn, one, "opened", around=around[:AROUND], around_omitted=omitted, detail=detail)
    _light(turn, one)
    _record(turn, one, "duty_leader_told", by="buzzer" if _buzzers(turn) else "event")


def _ask_to_wait(turn: Turn, lane: LaneState) -> None:
    """The neutral words stay until the staff are there; why is nobody's business in public."""
    said = turn.words("isolate")
    show_ms = rules(turn).show_seconds * 1000
    turn.actions.append(SignShow(lane=lane.name, zh=said.sign_zh, en=said.sign_en, show_ms=show_ms))


def _upstream(turn: Turn, one: IncidentState) -> tuple[str, ...]:
    """Entries that the rulebook holds with it. An exit and an escape way are never among them."""
    wanted = rules(turn).hold_upstream
    return tuple(
        setup.name
        for setup in turn.state.setups
        if setup.name in wanted and setup.name != one.lane and setup.entry and not setup.escape_way
    )


def _make_room(turn: Turn) -> None:
    """Too many: what holds no lane any more goes first; a lane that is held is never let go like this."""
    incidents = turn.state.incidents
    if len(incidents) >= INCIDENTS:
        done = (each for each in incidents.values() if each.signed_by or not each.holds)
        oldest = next(done, None) or next(iter(incidents.values()))
        _record(turn, oldest, "superseded", state="closed")
        del incidents[oldest.id]


# -------------------------------------------------------------- the lanes


def _hold_lanes(turn: Turn, one: IncidentState) -> None:
    if one.holds and not one.signed_by and one.lane in turn.state.lanes:
        _keep(turn, turn.state.lanes[one.lane], HELD, one.id)
    for name in one.upstream:
        lane = turn.state.lanes.get(name)
        if lane is None or lane.state in ("held", "evacuated") or _keep(turn, lane, UPSTREAM, one.id):
            one.upstream = tuple(each for each in one.upstream if each != name)
        if lane is not None and lane.held_by == one.id:
            one.kept = (*one.kept, name)


def _keep(turn: Turn, lane: LaneState, because: str, by: str) -> bool:
    """Hold this entry as soon as nobody is on the way through it; what was granted and not begun is given back."""
    if lane.state == "evacuated" or (lane.state == "held" and lane.held_by == by):
        return lane.state == "held"
    if lane.state in OPEN or lane.grant is not None:
        if lane.blocked or lane.grant is None or lane.grant.way == "out" or lane.grant.passed:
            return False  # a body is on its way: the end of its grant is awaited
        turn.close(lane)
        passage.return_unused(turn, lane, lane.grant)
    lane.visit, lane.held_because, lane.held_by = None, because, by
    turn.signal(lane, "hold")
    if because == UPSTREAM:
        turn.tell(lane, "held", "red")
    return True


def _let_go(turn: Turn, one: IncidentState) -> None:
    for name in (one.lane, *one.kept):
        lane = turn.state.lanes.get(name)
        if lane is not None and lane.state == "held" and lane.held_by == one.id:
            lane.held_because = lane.held_by = ""
            turn.signal(lane, "release")
            turn.tell(lane, "idle", "off")
    one.kept = one.upstream = ()


# -------------------------------------------------------------- light and buzzer


def _buzzers(turn: Turn) -> list[str]:
    return [setup.name for setup in turn.state.setups if setup.buzzer]


def _light(turn: Turn, one: IncidentState, show_ms: int = LIGHT_MS) -> None:
    """Light the way until the lane is signed off, call until somebody acknowledges."""
    one.lit_ms = turn.now
    setup = next((setup for setup in turn.state.setups if setup.name == one.lane), None)
    if setup is not None and setup.route_light:
        turn.actions.append(RouteLight(lane=one.lane, show_ms=0 if one.signed_by else show_ms))
    if not one.acknowledged_by:
        turn.actions += [Buzz(lane=name, show_ms=show_ms) for name in _buzzers(turn)]


def _hush(turn: Turn) -> None:
    if all(each.acknowledged_by for each in turn.state.incidents.values()):
        turn.actions += [Buzz(lane=name, show_ms=0) for name in _buzzers(turn)]


# -------------------------------------------------------------- people act


def acknowledge(turn: Turn, incident: str, who: str, *, office: bool = False) -> str:
    """The duty leader knows; with `office` the sub-district office was told. Answers why not, or nothing."""
    one = turn.state.incidents.get(incident)
    if one is None:
        return "no_such_incident"
    if not office:
        if one.acknowledged_by:
            return "acknowledged_already"
        one.acknowledged_by, one.acknowledged_ms = who, turn.now
        _in_time(one, "acknowledge")
        _record(turn, one, "acknowledged", by=who)
        _hush(turn)
        return ""
    if not one.acknowledged_by:
        return "duty_leader_first"
    if one.reported_by:
        return "reported_already"
    one.reported_by = who
    _in_time(one, "report")
    _record(turn, one, "office_reported", by=who)
    _close(turn, one)
    return ""


def sign_off(turn: Turn, one: IncidentState | None, who: str, *, cleared: bool = False) -> str:
    """The person was led away and the place is in order: the lane is back. `cleared`: it was a mistake."""
    if one is None or one.signed_by:
        return "no_such_incident"
    if not one.acknowledged_by:
        return "duty_leader_first"
    one.signed_by = who
    _in_time(one, "sign_off")
    if cleared:
        held.clear(turn.state, one.keys)
    _record(turn, one, "signed_off", by=who, detail="cleared" if cleared else "")
    _light(turn, one)
    if one.holds:
        _let_go(turn, one)
        _record(turn, one, "lane_back", by=who)
    _close(turn, one)
    return ""


def pressed(turn: Turn, lane: LaneState, who: str, *, long: bool) -> tuple[str, str] | None:
    """Badge and button at a lane that is held by an incident: (name of the act, why not); None: it is not.

    Short: the duty leader knows, and then: the office was told. Long: signed off. A second press within the seconds of
    the first is no other act.
    """
    one = of_lane(turn.state, lane.name)
    if one is None or lane.state == "evacuated":
        return None
    if long:
        return "sign_off", sign_off(turn, one, who)
    if one.acknowledged_by and turn.now - one.acknowledged_ms < PRESS_AGAIN_MS:
        return "acknowledge", "acknowledged_already"
    because = acknowledge(turn, one.id, who, office=bool(one.acknowledged_by))
    if not because:
        turn.tell(lane, "recorded", "yellow")
    return "acknowledge", because


def _close(turn: Turn, one: IncidentState) -> None:
    if one.acknowledged_by and one.reported_by and one.signed_by:
        del turn.state.incidents[one.id]
        _record(turn, one, "closed", state="closed")


# -------------------------------------------------------------- time


def tend(turn: Turn) -> None:
    """What is due by time at every open incident."""
    held.forget(turn)
    for one in turn.state.incidents.values():
        one.seen_ms, one.seen_wall_ms = turn.now, turn.moment.wall_ms if turn.moment.trusted else 0
        _hold_lanes(turn, one)
        if _lit(one) and turn.now >= one.lit_ms + RENEW_MS:
            _light(turn, one)
        _late(turn, one)


def _lit(one: IncidentState) -> bool:
    return not one.signed_by or not one.acknowledged_by


def _late(turn: Turn, one: IncidentState) -> None:
    if not one.acknowledged_by and one.escalated < ESCALATIONS and turn.now >= one.escalate_ms:
        one.escalated += 1
        one.escalate_ms = turn.now + rules(turn).escalate_seconds * 1000
        _is_late(one, "acknowledge")
        _record(turn, one, "escalated", detail=f"{one.escalated} of {ESCALATIONS}")
    for what, deadline_ms in _deadlines(turn, one):
        if what not in one.overdue and turn.now >= deadline_ms:
            _is_late(one, what)
            _record(turn, one, "overdue", detail=what)


def _deadlines(turn: Turn, one: IncidentState) -> list[tuple[str, int]]:
    """What nobody has done yet, and by when it should be."""
    book = rules(turn)
    times = [("report", one.since_ms + book.report_minutes * 60_000)] if not one.reported_by else []
    return times if one.signed_by else [*times, ("sign_off", one.since_ms + book.sign_off_minutes * 60_000)]


def due(turn: Turn) -> list[int]:
    """When `tend` has something to do next."""
    times: list[int] = []
    for one in turn.state.incidents.values():
        times += [at_ms for what, at_ms in _deadlines(turn, one) if what not in one.overdue]
        if _lit(one):
            times.append(one.lit_ms + RENEW_MS)
        if not one.acknowledged_by and one.escalated < ESCALATIONS:
            times.append(one.escalate_ms)
    return times


def _is_late(one: IncidentState, what: str) -> None:
    if what not in one.overdue:
        one.overdue = (*one.overdue, what)


def _in_time(one: IncidentState, what: str) -> None:
    one.overdue = tuple(each for each in one.overdue if each != what)


def restarted(turn: Turn, *, new_boot: bool) -> None:
    """The process began anew. After a power loss elapsed time does, too.

    Incidents go on where they stood, and later by the time the power was off where the clock was trusted before and after.
    """
    for lane, bodies in turn.state.passed.items():
        turn.state.passed[lane] = [_shifted(turn, each) for each in bodies] if new_boot else bodies
    for one in turn.state.incidents.values():
        if new_boot:
            off_ms = turn.moment.wall_ms - one.seen_wall_ms if turn.moment.trusted and one.seen_wall_ms else 0
            shift = turn.now - one.seen_ms - max(0, off_ms)
            one.since_ms, one.escalate_ms = one.since_ms + shift, one.escalate_ms + shift
            one.acknowledged_ms += shift
            _record(turn, one, "restarted", detail="power was off")
        one.seen_ms = turn.now
        if _lit(one):
            _light(turn, one)


def _shifted(turn: Turn, body: Passed) -> Passed:
    """With a doubtful clock nobody knows how long ago it was: it counts as just now."""
    ago_ms = turn.moment.wall_ms - body.wall_s * 1000 if turn.moment.trusted else 0
    return msgspec.structs.replace(body, at_ms=turn.now - max(0, ago_ms))


# -------------------------------------------------------------- who was there before


def passed(turn: Turn, lane: LaneState, record: Passage) -> None:
    """Remember a body for the minutes of `around_minutes`."""
    bodies = turn.state.passed.setdefault(lane.name, [])
    grant = lane.grant
    person = grant.person if grant is not None and grant.decision == record.decision else None
    bodies.append(Passed(turn.now, turn.wall_s, record.id, record.decision, person, record.direction))
    oldest = turn.now - rules(turn).around_minutes * 60_000
    while bodies and (len(bodies) > PASSED or bodies[0].at_ms <= oldest):
        del bodies[0]


def _around(turn: Turn, one: IncidentState) -> tuple[Around, ...]:
    oldest = one.since_ms - rules(turn).around_minutes * 60_000
    bodies = [each for each in turn.state.passed.get(one.lane, []) if each.at_ms > oldest]
    return tuple(
        Around(
            passage=each.passage,
            before_s=max(0, (one.since_ms - each.at_ms) // 1000),
            decision=each.decision,
            person=each.person,
            direction=each.direction,  # type: ignore[arg-type]
        )
        for each in reversed(bodies)
    )


# -------------------------------------------------------------- on record


def _record(
    turn: Turn, one: IncidentState, step: str, *, state: str = "", by: str = "", around: tuple[Around, ...] = (),
    around_omitted: int = 0, detail: str = "",
) -> None:  # fmt: skip
    turn.records.append(
        Incident(
            **turn.header(one.lane),
            incident=one.id,
            state=state or state_of(one),  # type: ignore[arg-type]
            because=one.because,
            person=one.person,
            step=step,
            by=by,
            elapsed_s=round((turn.now - one.since_ms) / 1000, 1),
            overdue=one.overdue,
            decision=one.decision,
            lane_held=holds_lane(turn.state, one),
            upstream=one.kept,
            around=around,
            around_omitted=around_omitted,
            detail=detail,
        )
    )


def holds_lane(state: HallState, one: IncidentState) -> bool:
    """Whether nobody comes in by its lane until it is signed off."""
    lane = state.lanes.get(one.lane)
    return lane is not None and lane.state == "held" and lane.held_by == one.id


def state_of(one: IncidentState) -> str:
    """Of one that is open: opened, escalated or acknowledged."""
    if one.acknowledged_by:
        return "acknowledged"
    return "escalated" if one.escalated else "opened"
