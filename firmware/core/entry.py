"""A code at a scanner: collected into a visit, judged, answered. A yes reserves a place and opens the gate.

Another person's code while a grant is open is told to wait at once and never queued. The same code within three seconds
is the same scan, unless the answer was to wait: then it may be shown again at once.
"""

from __future__ import annotations

from firmware.core import (
    access,
    arrivals,
    attest,
    bounds,
    guide,
    hosts,
    incident,
    judgement,
    passage,
    places,
    quotas,
    responders,
    rounds,
    sentinel,
    unasked,
    visits,
)
from firmware.core.events import CodeRead
from firmware.core.facts import AnyFact, Booking, Card, HealthTest, OtherHealth, Unproved
from firmware.core.lane import OPEN, READY
from firmware.core.records import Decision
from firmware.core.state import Grant, LaneState, Visit, Waiting
from firmware.core.turn import Turn
from firmware.rulebook.book import Rulebook
from firmware.rulebook.tables import ClassRules, Flow
from firmware.rules import quota
from firmware.rules.verdict import Case, Verdict

SAME_SCAN_MS = 3_000
QUEUED_FOR = ("hall_full", "dense", "loitering")
"""Who waits for one of these stands in a queue."""
PLACE_WAIT_MS = 2_000
"""How long somebody who was told that the hall is full is surely still at the gate."""
FORGET_SECONDS = Flow().forget_seconds
AnyHealth = HealthTest | OtherHealth
KINDS = ("naat", "antigen", "other")
"""Kinds of health proofs a visit collects one each of; the first of them stands for the person."""
TESTS = 60
"""Health proofs beside the first one that a visit keeps, the latest ones: as many as a rulebook can ask days for."""
CODES = 8
"""Hashes of one visit's codes that are remembered."""


def code_read(turn: Turn, event: CodeRead) -> None:
    """Nobody who leaves is asked; then come the badges, then the reasons not to judge now, then judgement."""
    lane, fact = turn.state.lanes[event.lane], event.fact
    if _same_scan(turn, lane, fact):
        return
    _remember_scan(turn, lane, fact)
    if responders.opens(turn, lane, fact):
        return
    rounds.shown(turn, lane, fact)
    host_came = hosts.shown(turn, lane, fact)
    if lane.state == "evacuated":
        if _is_badge(turn, lane, fact):  # for the reset; the sign goes on saying leave
            _take_badge(turn, lane, fact)
    elif turn.setup(lane.name).direction == "out":
        access.left(turn, fact)
        passage.open_exit(turn, lane, "scan")
    elif host_came:
        _judge(turn, lane)
    elif _is_badge(turn, lane, fact):
        _take_badge(turn, lane, fact)
        turn.tell(lane, "badge", "yellow")
    elif turn.rulebook is None:
        unasked.answer(turn, lane, "staff", "4.2", "no_rulebook")
    elif lane.state in OPEN or lane.grant is not None:
        _wait_unjudged(turn, lane, fact, "3.1.3b", "take_turn")
    elif lane.state == "held":
        _wait_unjudged(turn, lane, fact, "3.1.3c", "held")
    elif isinstance(fact, Unproved):
        _judge(turn, lane, fact)
    else:
        _collect(turn, lane, fact)
        _judge(turn, lane)


def place_came(turn: Turn, lane: LaneState) -> None:
    """Who was told that the hall is full and still stands at the gate need not show the code again."""
    visit = lane.visit
    if visit is None or not visit.place_for or lane.state not in READY or lane.grant is not None:
        return
    if turn.rulebook is None or visit.place_for > places.free(turn.state, turn.setup(lane.name)):
        return
    visit.place_for, visit.asked = 0, ""  # what is asked for now has all its time, whatever was asked before
    verdict = _judge(turn, lane)
    if lane.visit is visit and not verdict.asks_for:  # another reason to wait by now: asked once, then as ever
        visits.end(lane)


def visit_over(turn: Turn, lane: LaneState) -> None:
    """The time to show more is over: what is missing now is missing, and the person is told the next step."""
    if lane.visit is not None and lane.visit.place_for:
        visits.end(lane)
    ready = lane.state in READY and lane.grant is None
    if lane.visit is not None and turn.rulebook is not None and ready:
        attest.time_over(turn, lane.visit)
        _judge(turn, lane, final=True)
    if lane.state in ("identified", "screening"):
        turn.signal(lane, "time_over")
    lane.visit = None


# -------------------------------------------------------------- the same code, badges


def _same_scan(turn: Turn, lane: LaneState, fact: AnyFact) -> bool:
    grant = lane.grant
    if grant is not None and lane.state in OPEN and fact.sha256 in grant.codes:
        return True
    return turn.now - lane.scanned.get(fact.sha256, -SAME_SCAN_MS) < SAME_SCAN_MS


def _remember_scan(turn: Turn, lane: LaneState, fact: AnyFact) -> None:
    lane.scanned = {code: seen for code, seen in lane.scanned.items() if turn.now - seen < SAME_SCAN_MS}
    lane.scanned[fact.sha256] = turn.now
    lane.last_code = fact.sha256


def _is_badge(turn: Turn, lane: LaneState, fact: AnyFact) -> bool:
    """A staff badge at a lane that is not for its class is the attendant's: it gives the button its power for a while.

    At a lane for the staff as well it is, while somebody stands there whom an attendant has to attest something of. At a
    lift without a button its holder wants to ride, and is told which lift is theirs (3.1.5d).
    """
    if not isinstance(fact, Booking) or fact.key_kind != "staff" or fact.hall != turn.state.hall or fact.revoked:
        return False
    setup = turn.setup(lane.name)
    if setup.direction == "elevator" and not setup.button:
        return False
    own_door = fact.person_class in setup.classes
    doubtful = any(own.recount_needed for _, own in turn.state.resources())
    asked = doubtful or attest.question(lane.visit)
    if own_door and lane.state in READY and turn.rulebook is not None and not asked:
        return False
    return not turn.moment.trusted or fact.not_before_s <= turn.wall_s < fact.expires_s


def _take_badge(turn: Turn, lane: LaneState, fact: AnyFact) -> None:
    lane.badge, lane.badge_until_ms = _badge_of(fact), turn.now + turn.attendant.badge_seconds * 1000
    access.first_person(turn, fact.person_class if isinstance(fact, Booking) else "")


def _badge_of(fact: AnyFact) -> str:
    return (fact.pass_id if isinstance(fact, Booking) else "") or fact.sha256


# -------------------------------------------------------------- the visit


def _collect(turn: Turn, lane: LaneState, fact: Booking | Card | AnyHealth) -> None:
    assert turn.rulebook is not None
    visit = lane.visit
    if visit is None or visit.place_for or turn.now > visit.until_ms or not _fits(turn.rulebook, visit, fact):
        until = turn.now + turn.rulebook.collect_seconds * 1000
        visit = lane.visit = Visit(since_ms=turn.now, until_ms=until)
        visits.begin(turn, lane)
        visit.sentinel = sentinel.claim(turn, lane)
    if isinstance(fact, Booking):
        visit.booking = fact
    elif isinstance(fact, Card):
        visit.card = fact
        visit.booking = visit.booking or fact.booking
    else:
        kept = [each for each in visit.healths if each.sha256 != fact.sha256]
        visit.health, *others = sorted([*kept, fact], key=_kind_order) if kept else [fact]
        visit.also = tuple(others[-TESTS:])
    if fact.sha256 not in visit.codes:
        visit.codes = (*visit.codes, fact.sha256)[-CODES:]
    attest.begin_path(turn, lane, visit)
    attest.recall(lane, visit)


def _fits(book: Rulebook, visit: Visit, fact: Booking | Card | AnyHealth) -> bool:
    """A second proof of the same kind that is not the same one is another person's: a new visit.

    So is any second health proof where no class has to bring two.
    """
    if fact.sha256 in visit.codes:
        return True
    if isinstance(fact, Booking):
        return visit.booking is None
    if isinstance(fact, Card):
        return visit.card is None
    if visit.health is None:
        return True
    same_kind = [each for each in visit.healths if _kind_order(each) == _kind_order(fact)]
    if not same_kind:
        return any({"pcr", "antigen"} <= set(rules.proof) for rules in book.classes.values())
    return isinstance(fact, HealthTest) and _one_of_several(book, fact, same_kind)


def _one_of_several(book: Rulebook, fact: HealthTest, shown: list[AnyHealth]) -> bool:
    """An antigen test of the same person, where a class has to bring several (3.1.4a).

    One that does not help, of the same day or too old, is in nobody's way.
    """
    several = any("antigen" in rules.proof and rules.antigen_days > 1 for rules in book.classes.values())
    same = (isinstance(each, HealthTest) and each.subject == fact.subject for each in shown)
    return several and fact.kind == "antigen" and fact.subject is not None and all(same)


def _kind_order(fact: AnyHealth) -> int:
    return KINDS.index(fact.kind if isinstance(fact, HealthTest) else "other")


# -------------------------------------------------------------- the answer


def _judge(turn: Turn, lane: LaneState, unproved: Unproved | None = None, *, final: bool = False) -> Verdict:
    verdict, case = judgement.decide(turn, lane, unproved, final=final)
    answer(turn, lane, verdict, case)
    return verdict


def judge_again(turn: Turn, lane: LaneState) -> None:
    """A reading, a verdict or a word came for whoever waits. What changes nothing is not said a second time."""
    if turn.rulebook is None or lane.visit is None or lane.state not in READY or lane.grant is not None:
        return
    verdict, case = judgement.decide(turn, lane)
    if verdict.asks_for and (verdict.asks_for, verdict.because) == (lane.visit.asked, lane.visit.told):
        return
    answer(turn, lane, verdict, case)


def answer(turn: Turn, lane: LaneState, verdict: Verdict, case: Case) -> None:
    """Put the answer on record, say it, and do what it means."""
    record = judgement.decision(turn, lane, verdict, case)
    if verdict.verdict == "wait":
        visits.may_show_again(lane)
    arrivals.came(turn, case, verdict)
    if verdict.verdict == "admit":
        _admit(turn, lane, case, record)
    elif verdict.verdict == "wait" or verdict.asks_for:
        _wait(turn, lane, case, verdict)
    elif verdict.verdict == "isolate":
        incident.begin(turn, lane, verdict, record)
    elif verdict.because == "hand_over":
        _hand_over(turn, lane, case)
    elif case.unproved is None or _sent_away(lane, verdict):
        visits.end(lane)
        lane.symptoms_ms = None
        turn.signal(lane, "said_no")


def _sent_away(lane: LaneState, verdict: Verdict) -> bool:
    """Whoever showed a proof and then no good booking: their proof must not go with the next one's booking (3.1.2b).

    Where the booking is there, a code that proves nothing may be anybody's, and ends nobody's visit.
    """
    return lane.visit is None or (lane.visit.booking is None and verdict.phrase not in guide.TRY_AGAIN)


def _wait(turn: Turn, lane: LaneState, case: Case, verdict: Verdict) -> None:
    if verdict.asks_for:
        turn.signal(lane, "reading_missing" if verdict.asks_for == "temperature" else "proof_missing")
        if lane.visit is not None:
            attest.ask(turn, lane.visit, verdict)
        return
    if verdict.because in QUEUED_FOR:
        _queue_up(turn, lane, judgement.identity_of(case.booking, case.health), case.persons)
    if verdict.because == "hall_full":
        lane.visit = _without_a_place(turn, lane.visit, case)
    elif lane.visit is None or not lane.visit.attested or verdict.because in QUEUED_FOR:
        visits.end(lane)  # else: a few seconds for the line in front, and nothing is attested twice
    turn.signal(lane, "said_no")


def _without_a_place(turn: Turn, visit: Visit | None, case: Case) -> Visit | None:
    """A place may be on its way from another door: the answer comes by itself while the person is surely still here."""
    if visit is not None:
        visit.place_for, visit.until_ms = case.persons, turn.now + PLACE_WAIT_MS
    return visit


def forget_waiting(turn: Turn, lane: LaneState) -> None:
    if lane.waiting:
        seconds = turn.rulebook.flow.forget_seconds if turn.rulebook else FORGET_SECONDS
        lane.waiting = [each for each in lane.waiting if turn.now - each.seen_ms < seconds * 1000]
        for each in lane.waiting:
            each.gone = turn.now - each.seen_ms >= PLACE_WAIT_MS


def _queue_up(turn: Turn, lane: LaneState, who: str, persons: int) -> None:
    forget_waiting(turn, lane)
    known = next((each for each in lane.waiting if each.who == who), None)
    if known is not None:
        known.seen_ms, known.gone = turn.now, False
    elif len(lane.waiting) < bounds.WAITING:
        known = Waiting(who=who, persons=persons, since_ms=turn.now, seen_ms=turn.now)
        lane.waiting.append(known)
    if known is not None and lane.visit is not None:
        attest.keep(known, lane.visit)


def _hand_over(turn: Turn, lane: LaneState, case: Case) -> None:
    """Served here and never let in (3.2.4): no place, no grant inwards. Where the lane's gate is a hatch it opens.

    The pass is used by it: nobody will be seen passing.
    """
    assert turn.rulebook is not None
    if turn.setup(lane.name).hatch:
        turn.open(lane, "out", turn.rulebook.gate_for(case.person_class).pulse_ms)
    if case.booking is not None:
        uses = uses_of(case.booking, case.rules)
        bounds.mark_used(turn.state, case.booking.pass_id, turn.known_s, case.booking.expires_s, uses)
    lane.visit = lane.symptoms_ms = None
    rounds.handed_over(turn, lane)
    turn.signal(lane, "served")


def _admit(turn: Turn, lane: LaneState, case: Case, record: Decision) -> None:
    assert turn.rulebook is not None
    reserved = places.reserve(turn.state, case.setup, case.persons)
    assert reserved, "the occupancy rule said there is room"
    identity = judgement.identity_of(case.booking, case.health)
    lane.waiting = [each for each in lane.waiting if each.who != identity]
    expires = case.booking.expires_s if case.booking else turn.known_s + 86_400
    # A pass is used by coming into the hall, not by walking about in it.
    uses = "" if case.setup.comes_from else identity
    grant = grant_entry(
        turn, lane, record.id, case.persons,
        person_class=case.person_class, person=record.person, pass_id=uses, pass_expires_s=expires,
    )  # fmt: skip
    grant.pass_uses = uses_of(case.booking, case.rules)
    if quota.counts(case):
        quotas.take(turn, turn.rulebook, grant, case.persons, case.cases)
    hosts.admitted(lane, case.booking, case.host is not None)
    access.admitted(turn, lane, case, grant)
    visits.end(lane)


def uses_of(booking: Booking | None, rules: ClassRules | None) -> int:
    """How often this pass may be used on its day; 0: as often as somebody likes."""
    if booking is not None and booking.key_kind == "staff":
        return 0
    if rules is None:
        return 1
    return 0 if rules.comes_and_goes else 1 + rules.re_entries


def grant_entry(
    turn: Turn, lane: LaneState, decision: str, persons: int, *, person_class: str | None, person: str | None,
    pass_id: str, pass_expires_s: int,
) -> Grant:  # fmt: skip
    """Open for `persons` whose places are reserved already."""
    assert turn.rulebook is not None
    gate = turn.rulebook.gate_for(person_class)
    pulse_ms = gate.pulse_ms * (1 if passage.sees(turn, lane) else persons)
    codes = lane.visit.codes if lane.visit else ()
    grant = lane.grant = Grant(
        decision=decision,
        way="in",
        persons=persons,
        until_ms=turn.now + gate.grant_seconds * 1000,
        pulse_ms=pulse_ms,
        lasts_ms=gate.grant_seconds * 1000,
        opened_ms=turn.now,
        person=person,
        pass_id=pass_id,
        pass_expires_s=pass_expires_s,
        codes=codes,
    )
    turn.signal(lane, "said_yes")
    turn.open(lane, "in", pulse_ms)
    return grant


def _wait_unjudged(turn: Turn, lane: LaneState, fact: AnyFact, clause: str, because: str) -> None:
    """The lane is busy or held: nobody is judged now."""
    unasked.answer(turn, lane, "wait", clause, because, person=fact.person)
    arrivals.came_unjudged(turn, lane, fact)
