"""From what was shown at a gate to an answer: builds the case, asks the rules, words the reply.

The rules know the plan; this file knows where their facts are. It changes nothing.
"""

from __future__ import annotations

from typing import Any

from firmware import rules
from firmware.core import access, held
from firmware.core.facts import Booking, HealthTest, OtherHealth, Unproved
from firmware.core.records import Clause, Decision, Evidence
from firmware.core.state import LaneState, Visit
from firmware.core.turn import Turn
from firmware.rulebook.book import Rulebook
from firmware.rules.verdict import Case, Verdict

ADMITTED = Verdict("3.1.1b", "admit", "in_order", phrase="admit")


def person_class_of(booking: Booking | None) -> str:
    """The class comes from proof, never from a claim: without a booking somebody is a visitor."""
    return booking.person_class if booking is not None else "visitor"


def identity_of(booking: Booking | None, health: HealthTest | OtherHealth | None) -> str:
    """The key under which uses and arrivals are remembered: the pass, else the certificate's own keyed hash."""
    if booking is not None:
        return booking.pass_id
    return f"c-{health.certificate}" if isinstance(health, HealthTest) and health.certificate else ""


def case_of(turn: Turn, lane: LaneState, rulebook: Rulebook, unproved: Unproved | None, final: bool) -> Case:
    visit = lane.visit if unproved is None else None
    booking, health = (visit.booking, visit.health) if visit else (None, None)
    local, today = turn.local, turn.local.date()
    person_class, identity = person_class_of(booking), identity_of(booking, health)
    phase = rulebook.phase_on(today)
    phase_rules = rulebook.rules_in(phase, person_class)
    if not turn.moment.trusted:  # the phase is unknown then; what the class has to bring is not
        phase_rules = rulebook.classes.get(person_class)
    return Case(
        moment=turn.moment,
        zone=turn.zone,
        rulebook=rulebook,
        phase=phase,
        setup=turn.setup(lane.name),
        lane=lane,
        person_class=person_class,
        rules=phase_rules,
        booking=booking,
        health=health,
        healths=_healths(visit, booking),
        interlocked=access.interlocked(turn, lane.name),
        entered_ms=turn.state.entered.get(identity),
        opened_today=turn.state.opened_day == str(local.date()),
        unwell=access.unwell(turn, lane),
        card=visit.card if visit else None,
        sentinel=visit.sentinel if visit else None,
        held_at=held.held_at(turn, visit),
        unproved=unproved,
        temperature=lane.temperature,
        final=final,
        hall=rulebook.hall,
        free=turn.state.rights.free,
        used=turn.state.used.get(identity),
        arrived_s=_arrival(turn, identity, phase_rules.arrival_freeze_minutes if phase_rules else 0),
        quota_used=turn.state.quota_used if turn.state.quota_day == str(today) else 0,
        held_entry=held_entry(turn),
        journal_ok=turn.state.journal_ok,
        exit_waiting=_exit_waiting(turn, lane),
        ahead=ahead_of(lane, identity),
        local=local,
    )


def _healths(visit: Visit | None, booking: Booking | None) -> tuple[HealthTest | OtherHealth, ...]:
    """What was shown, and what the signed roster knows of a staff member's tests: what is shown counts first."""
    shown = visit.healths if visit else ()
    kinds = {each.kind for each in shown}
    return (*shown, *(each for each in (booking.tests if booking else ()) if each.kind not in kinds))


def held_entry(turn: Turn) -> str:
    if turn.state.quarantined:
        return "quarantine"
    if turn.state.draining:
        return "out_of_service"
    if turn.state.notice is not None and turn.state.notice.hold:
        return "hall_held"
    return "recount" if turn.state.recount_needed else ""


def _exit_waiting(turn: Turn, lane: LaneState) -> bool:
    """In a lane for both ways: somebody wants out while another body is still coming in."""
    if turn.setup(lane.name).direction != "both":
        return False
    return lane.exit_waiting


def _arrival(turn: Turn, identity: str, freeze_minutes: int) -> int | None:
    arrived = turn.state.arrived.get(identity)
    return arrived if arrived is not None and 0 <= turn.wall_s - arrived <= freeze_minutes * 60 else None


def ahead_of(lane: LaneState, who: str) -> int:
    """People told to wait before `who` and not yet through."""
    names = [waiting.who for waiting in lane.waiting]
    return names.index(who) if who in names else len(names)


def expected_wait_seconds(rulebook: Rulebook | None, lane: LaneState, ahead: int | None = None) -> int:
    """From the pace of entries seen at this lane; before any was seen, the rulebook's estimate per person."""
    assumed = rulebook.flow.wait_estimate_seconds * 1000.0 if rulebook else 60_000.0
    people = len(lane.waiting) if ahead is None else ahead + 1
    return round(people * (lane.entry_interval_ms or assumed) / 1000)


def decide(
    turn: Turn, lane: LaneState, unproved: Unproved | None = None, *, final: bool = False
) -> tuple[Verdict, Case]:
    """The deciding verdict, and the case with everything the rules saw. Nothing is changed yet."""
    assert turn.rulebook is not None
    case = case_of(turn, lane, turn.rulebook, unproved, final)
    verdicts = rules.judge(case)
    deciding = rules.answer(verdicts) or ADMITTED
    turn.verdicts = verdicts or [ADMITTED]
    return deciding, case


def decision(turn: Turn, lane: LaneState, verdict: Verdict, case: Case) -> Decision:
    """Put the answer on record. Its `id` is what the grant and the passage refer to."""
    phrase, values = _phrase(turn, lane, verdict, case)
    said = turn.words(phrase, **values)
    proof = case.booking or case.card or case.health
    record = Decision(
        **turn.header(lane.name),
        person=proof.person if proof else None,
        person_class=case.person_class if proof else None,
        answer=verdict.verdict,
        clauses=tuple(Clause(each.clause, each.verdict, each.because) for each in turn.verdicts),
        phrase=phrase,
        sign=said.sign_zh,
        sign_en=said.sign_en,
        trusted=_evidence(turn, lane),
        rulebook=case.rulebook.serial,
        pass_id=case.booking.pass_id if case.booking else None,
    )
    turn.records.append(record)
    turn.show(lane, phrase, said, COLOURS[verdict.verdict])
    return record


COLOURS = {"admit": "green", "wait": "yellow", "staff": "yellow", "refuse": "red", "isolate": "yellow"}
"""Isolation looks like any call for staff: health reasons are never shown in public."""


def _phrase(turn: Turn, lane: LaneState, verdict: Verdict, case: Case) -> tuple[str, dict[str, Any]]:
    phrase = verdict.phrase or verdict.because
    if verdict.verdict == "admit" and case.booking is not None:
        return _welcome(case.booking)
    if verdict.because == "hall_full" and case.ahead:
        minutes = max(1, round(expected_wait_seconds(turn.rulebook, lane, case.ahead) / 60))
        return "queue_ahead", {"n": case.ahead, "m": minutes}
    return phrase, verdict.values


def _welcome(booking: Booking) -> tuple[str, dict[str, Any]]:
    """Where to go: `zone` of a pass is `floor-window` (3-12), or a floor alone."""
    if booking.person_class == "staff":
        return "admit_staff", {}
    if not booking.zone:
        return "admit", {}
    floor, _, window = booking.zone.partition("-")
    if floor == "1":
        return "admit_ground", {"floor": floor, "window": window}
    return "admit", {"floor": floor, **({"window": window} if window else {})}


def _evidence(turn: Turn, lane: LaneState) -> tuple[Evidence, ...]:
    clock = Evidence("clock", 0, "good" if turn.moment.trusted else "doubtful")
    if lane.temperature is None:
        return (clock,)
    return (clock, Evidence("temperature", max(0, turn.now - lane.temperature.at_ms)))
