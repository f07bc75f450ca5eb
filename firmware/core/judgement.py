"""From what was shown at a gate to an answer: builds the case, asks the rules, words the reply.

The rules know the plan; this file knows where their facts are. It opens nothing and remembers nothing: `decide` only
looks, and `decision` puts the answer on record and on the sign.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from firmware import rules
from firmware.core import access, air, evidence, guide, held, hosts, other_doors, places, quotas, rounds, unasked
from firmware.core.facts import Booking, Card, HealthTest, OtherHealth, Unproved
from firmware.core.records import Clause, Decision
from firmware.core.resource import of_zone
from firmware.core.state import LaneSetup, LaneState, Visit
from firmware.core.turn import Turn
from firmware.rulebook.book import Rulebook
from firmware.rules import temperature
from firmware.rules.verdict import Case, Verdict

ADMITTED = Verdict("3.1.1b", "admit", "in_order", phrase="admit")


def person_class_of(booking: Booking | None) -> str:
    """The class by the pass alone: without one somebody is a visitor."""
    return booking.person_class if booking is not None else "visitor"


def class_of(booking: Booking | None, card: Card | None, book: Rulebook, admitted: Collection[str]) -> str:
    """The class comes from proof, never from a claim: from a signed pass, else from what an identity card proves.

    A card tells an elder or a resident from any visitor; it never makes another of who was booked as an agent, a guest
    or a courier. `admitted`: the classes that this lane and this phase know; without one that fits: a visitor.
    """
    own = person_class_of(booking)
    if card is None or own != "visitor":
        return own
    by_card = ((name, rules) for name, rules in book.classes.items() if rules.by_card and name in admitted)
    return next((name for name, rules in by_card if rules.fits(card.age_years, card.resident)), own)


def class_shown(turn: Turn, lane: str, booking: Booking | None, card: Card | None, book: Rulebook) -> str:
    """The class of whoever stands at this lane today."""
    if card is None:
        return person_class_of(booking)
    phase = book.phase_on(turn.local.date())
    known = [name for name in turn.setup(lane).classes if phase is None or name in phase.classes]
    return class_of(booking, card, book, known)


def identity_of(booking: Booking | None, health: HealthTest | OtherHealth | None) -> str:
    """The key under which uses and arrivals are remembered: the pass, else the certificate's own keyed hash."""
    if booking is not None:
        return booking.pass_id
    return f"c-{health.certificate}" if isinstance(health, HealthTest) and health.certificate else ""


def case_of(turn: Turn, lane: LaneState, rulebook: Rulebook, unproved: Unproved | None, final: bool) -> Case:
    visit = lane.visit if unproved is None else None
    booking, health = (visit.booking, visit.health) if visit else (None, None)
    local, counted_on = turn.local, quotas.today(turn)
    setup, identity = turn.setup(lane.name), identity_of(booking, health)
    phase, card = rulebook.phase_on(local.date()), visit.card if visit else None
    person_class = class_shown(turn, lane.name, booking, card, rulebook)
    phase_rules = rulebook.rules_in(phase, person_class)
    if not turn.moment.trusted:  # the phase is unknown then; what the class has to bring is not
        phase_rules = rulebook.classes.get(person_class)
    case = Case(
        moment=turn.moment,
        zone=turn.zone,
        rulebook=rulebook,
        phase=phase,
        setup=setup,
        lane=lane,
        person_class=person_class,
        rules=phase_rules,
        booking=booking,
        health=health,
        healths=_healths(visit, booking),
        interlocked=access.interlocked(turn, lane.name),
        entered_ms=turn.state.entered.get(identity),
        opened_today=turn.state.opened_day == turn.day,
        unwell=access.unwell(turn, lane),
        card=card,
        sentinel=visit.sentinel if visit else None,
        held_at=held.held_at(turn, visit),
        unproved=unproved,
        final=final,
        free=places.free(turn.state, setup),
        used=other_doors.used(turn.state, identity),
        arrived_s=_arrival(turn, identity, phase_rules.arrival_freeze_minutes if phase_rules else 0),
        held_entry=held_entry(turn, setup),
        journal_ok=turn.state.journal_ok,
        ahead=ahead_of(lane, identity),
        local=local,
        walk_in=quotas.walk_in(turn.state, rulebook, counted_on.date()),
        remains=quotas.remains(turn, rulebook, counted_on),
        in_use=other_doors.open_grant(turn.state, identity) is not None,
        host=hosts.at(turn, lane, phase_rules),
        late_round=rounds.holding(turn, lane.name),
        air=air.behind(turn.state, setup.zone) if rulebook.air.hold_ppm else "",
    )
    if unproved is None:
        case.measured = temperature.measured_of(case)
    return case


def _healths(visit: Visit | None, booking: Booking | None) -> tuple[HealthTest | OtherHealth, ...]:
    """What was shown, and what the signed roster knows of a staff member's tests: what is shown counts first."""
    shown = visit.healths if visit else ()
    if booking is None or not booking.tests:
        return shown
    kinds = {each.kind for each in shown}
    return (*shown, *(each for each in booking.tests if each.kind not in kinds))


def held_entry(turn: Turn, setup: LaneSetup) -> str:
    """Why nobody may come in at this lane now, whoever it is; empty: nothing holds it."""
    if turn.state.quarantined:
        return "quarantine"
    if turn.state.draining:
        return "out_of_service"
    if setup.zone and _counts_nobody(turn, setup):
        return "zone_not_counted"
    because = ""
    for own in places.taken(turn.state, setup):
        if own.notice is not None and own.notice.hold:
            return "hall_held"
        if own.recount_needed:
            because = "recount"
    return because


def _counts_nobody(turn: Turn, setup: LaneSetup) -> bool:
    """The rulebook limits the zone this lane leads to, and the site file does not say that this device keeps its limit."""
    limited = turn.rulebook is not None and setup.zone in turn.rulebook.zone
    return limited and turn.state.resource(of_zone(setup.zone)) is None


def _arrival(turn: Turn, identity: str, freeze_minutes: int) -> int | None:
    arrived = turn.state.arrived.get(identity)
    return arrived if arrived is not None and 0 <= turn.wall_s - arrived <= freeze_minutes * 60 else None


def ahead_of(lane: LaneState, who: str) -> int:
    """People told to wait before `who` and not yet through."""
    for ahead, waiting in enumerate(lane.waiting):
        if waiting.who == who:
            return ahead
    return len(lane.waiting)


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
    place = guide.place_of(case.rulebook, case.booking)
    header = turn.header(lane.name)
    if place.responsible:
        header["responsible"] = place.responsible
    record = Decision(
        **header,
        person=proof.person if proof else None,
        person_class=case.person_class if proof else None,
        answer=verdict.verdict,
        clauses=tuple([Clause(each.clause, each.verdict, each.because) for each in turn.verdicts]),
        phrase=phrase,
        sign=said.sign_zh,
        sign_en=said.sign_en,
        trusted=evidence.trusted(case),
        rulebook=case.rulebook.serial,
        pass_id=case.booking.pass_id if case.booking else None,
        remains=case.remains,
        online=case.booking.service if place.online_zh and case.booking else None,
    )
    turn.records.append(record)
    turn.show(lane, phrase, said, unasked.COLOURS[verdict.verdict], contact=values)
    return record


def _phrase(turn: Turn, lane: LaneState, verdict: Verdict, case: Case) -> tuple[str, dict[str, Any]]:
    """What is said, and its values: a yes says where to go, a no the next step (3.1.3a, 3.2.1, 3.2.5)."""
    phrase = verdict.phrase or verdict.because
    if verdict.verdict == "admit":
        return guide.welcome(case)
    if verdict.because == "hall_full" and case.ahead:
        minutes = max(1, round(expected_wait_seconds(turn.rulebook, lane, case.ahead) / 60))
        return "queue_ahead", {"n": case.ahead, "m": minutes}
    return phrase, {**guide.next_step(case, verdict), **verdict.values}
