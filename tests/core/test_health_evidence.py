"""Whose a verdict is, who attested what, and when a thermometer may be believed (3.1.2a to d)."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.core import events
from firmware.core.facts import Card
from firmware.core.records import CommandDone
from firmware.core.state import LaneSetup
from tests.core.stage import Stage

HOLDER, OTHER = "a" * 16, "b" * 16


def door(visitor: str = "", more: str = "", **setup: Any) -> Stage:
    lane = LaneSetup(
        name="A", direction="in", classes=("visitor", "elder"), passage_sensor=True, thermometer=setup.get("thermometer", False),
        button=True, terminal=True,
    )  # fmt: skip
    book = {"visitor": visitor, "more": more, **{key: value for key, value in setup.items() if key != "thermometer"}}
    return Stage(lanes=(lane,), **book)


def terminal(stage: Stage, **said: Any) -> None:
    stage.do(events.TerminalSaid(lane="A", **{"code": "green", "pcr": "negative", "sampled_age_minutes": 600, **said}))


def attendant(stage: Stage, seconds: float = 0.2) -> None:
    stage.scan(stage.badge(901))
    stage.press(seconds)


def asked(stage: Stage, *facts: Any) -> tuple[str, str]:
    answer = [stage.scan(fact) for fact in facts][-1]
    return answer, stage.because


# -------------------------------------------------------------- sentinel


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_sentinels_verdict_stands_for_a_certificate_in_either_order(order: str) -> None:
    stage = door(proof='"pcr"').wait(60)
    if order == "before":
        terminal(stage)
        assert stage.scan(stage.booking()) == "admit"
    else:
        assert stage.scan(stage.booking()) == "wait"
        terminal(stage)
        assert stage.decision.answer == "admit"
    assert {one.reading for one in stage.decision.trusted} >= {"clock", "sentinel"}


def test_a_verdict_is_taken_once_and_never_by_the_next_person() -> None:
    stage = door(proof='"pcr"')
    terminal(stage)
    assert stage.scan(stage.booking(1)) == "admit"
    stage.cross()
    stage.wait(1)
    assert asked(stage, stage.booking(2)) == ("wait", "pcr_asked")


def test_our_own_queue_makes_no_verdict_old() -> None:
    """The hall is full when they arrive, and what is good for five seconds was good then."""
    stage = door(proof='"pcr"', limit=0, more="[sentinel]\nverdict_seconds = 5").wait(60)
    terminal(stage)
    assert asked(stage, stage.booking(1)) == ("wait", "hall_full")
    stage.wait(6).controller.state.rights.M += 1
    stage.scan(stage.booking(1))
    assert (stage.decision.answer, stage.because) == ("admit", "in_order")


def test_an_old_verdict_is_none() -> None:
    stage = door(proof='"pcr"')
    terminal(stage)
    stage.wait(4)
    assert asked(stage, stage.booking(1)) == ("wait", "pcr_asked")


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ({"sampled_age_minutes": 73 * 60}, "staff"),
        ({"sampled_age_minutes": 72 * 60}, "admit"),
        ({"sampled_age_minutes": None}, "staff"),
        ({"pcr": "none"}, "staff"),
        ({"pcr": "unknown"}, "wait"),
        ({"pcr": "positive"}, "isolate"),
    ],
)
def test_what_a_sentinel_says_of_the_sample_is_judged_by_the_rulebook(said: dict[str, Any], answer: str) -> None:
    stage = door(proof='"pcr"')
    stage.scan(stage.booking(1))
    terminal(stage, **said)
    if stage.decision.answer == "wait":  # a certificate might still come
        assert answer in ("wait", "staff")
        if answer == "staff":
            stage.wait(21)
    assert stage.decision.answer == answer


def test_a_class_that_may_only_bring_a_certificate_is_not_let_in_by_a_sentinel() -> None:
    stage = door('sources = ["certificate"]', proof='"pcr"')
    terminal(stage)
    assert stage.scan(stage.booking(1)) == "wait"


TOO_OLD = 73 * 60


@pytest.mark.parametrize(
    ("sources", "at_once"),
    [('"sentinel"', ("staff", "pcr_too_old")), ('"certificate", "sentinel"', ("wait", "pcr_asked"))],
)
def test_where_a_certificate_may_be_brought_a_sentinels_no_is_not_the_last_word(
    sources: str, at_once: tuple[str, str]
) -> None:
    stage = door(f"sources = [{sources}]", proof='"pcr"')
    terminal(stage, sampled_age_minutes=TOO_OLD)
    assert asked(stage, stage.booking(1)) == at_once
    stage.wait(21)
    assert (stage.decision.answer, stage.because) == ("staff", "pcr_too_old")
    stage = door(f"sources = [{sources}]", proof='"pcr"')
    terminal(stage, sampled_age_minutes=TOO_OLD)
    assert (asked(stage, stage.booking(1), stage.test(1))[0] == "admit") == (at_once[0] == "wait")


def test_a_sample_goes_on_growing_old_after_the_sentinel_has_spoken() -> None:
    for waits, expected in ((0, ("admit", "in_order")), (2, ("staff", "pcr_too_old"))):
        stage = door('sources = ["sentinel"]', proof='"pcr"')
        terminal(stage, sampled_age_minutes=72 * 60)
        assert asked(stage.wait(waits), stage.booking(1)) == expected


def test_a_sample_that_was_too_old_on_arrival_does_not_grow_younger_by_waiting() -> None:
    stage = door(proof='"pcr"')
    terminal(stage, sampled_age_minutes=72 * 60)
    assert asked(stage.wait(2), stage.booking(1)) == ("wait", "pcr_asked")
    stage.wait(5).scan(stage.booking(1))
    assert stage.gate == [] and stage.because == "pcr_asked"


def test_a_sentinels_pcr_is_no_antigen_test() -> None:
    stage = door("antigen_days = 1", proof='"pcr", "antigen"')
    terminal(stage)
    assert asked(stage, stage.booking(1)) == ("wait", "antigen_asked")
    assert asked(stage, stage.test(1, kind="antigen")) == ("admit", "in_order")


@pytest.mark.parametrize(
    ("sources", "state", "expected", "phrase"),
    [
        ('"sentinel"', "ok", ("wait", "pcr_asked"), "not_verified"),
        ('"sentinel"', "silent", ("staff", "terminal_missing"), "staff"),
        ('"certificate", "sentinel"', "silent", ("wait", "pcr_asked"), "other_proof"),
    ],
)
def test_who_can_only_be_verified_by_a_terminal_that_is_broken_is_the_staffs(
    sources: str, state: str, expected: tuple[str, str], phrase: str
) -> None:
    stage = door(f"sources = [{sources}]", proof='"pcr"')
    stage.do(events.DeviceHealth(lane="A", device="terminal", state=state))  # type: ignore[arg-type]
    assert asked(stage, stage.booking(1)) == expected and stage.decision.phrase == phrase


def test_the_roster_is_the_staffs_own_file_and_counts_where_no_certificate_may_be_brought() -> None:
    stage = door('sources = ["sentinel"]', proof='"pcr"')
    assert asked(stage, stage.booking(1), stage.test(1)) == ("wait", "pcr_asked")
    stage = door('sources = ["sentinel"]', proof='"pcr"')
    assert asked(stage, stage.booking(1, tests=(stage.test(1),))) == ("admit", "in_order")


def test_who_may_have_a_newer_test_than_the_roster_knows_is_asked_for_it() -> None:
    stage = door(proof='"pcr"')
    assert asked(stage, stage.booking(1, tests=(stage.test(1, hours_old=73),))) == ("wait", "pcr_asked")
    stage.wait(21)
    assert (stage.decision.answer, stage.because) == ("staff", "pcr_too_old")


def test_a_code_that_nobody_knows_is_asked_for_and_then_the_staffs_who_may_look_at_it() -> None:
    stage = door('code = "green"')
    assert asked(stage, stage.booking(1)) == ("wait", "code_asked") and stage.decision.phrase == "not_verified"
    stage.wait(21)
    assert (stage.decision.answer, stage.because) == ("staff", "code_unknown")
    looked_at = door('code = "green"')
    looked_at.scan(looked_at.booking(1))
    attendant(looked_at)
    assert (looked_at.decision.answer, looked_at.because) == ("admit", "in_order")


def test_yellow_is_led_away_whatever_else_is_green_and_nothing_shows_it() -> None:
    stage = door('code = "green"', proof='"pcr"')
    stage.scan(stage.booking(1))
    terminal(stage, code="yellow")
    assert stage.decision.answer == "isolate" and ("3.1.2e", "code_not_green") in [
        (clause.clause, clause.because) for clause in stage.decision.clauses
    ]
    assert not any("码" in sign or "核酸" in sign for sign in stage.signs[-2:])


# -------------------------------------------------------------- venue code


def venue(stage: Stage, **body: Any) -> str:
    before = len(stage.records)
    body = {"pass_id": stage.booking(1).pass_id, "code": "green", "pcr": "negative", **body}
    body.setdefault("sampled_at", stage.wall_0 + stage.now - 3600)
    stage.do(events.CommandArrived(id="v", name="venue_code", issuer="hub", lane="A", body=body))
    return next(record.because for record in stage.records[before:] if isinstance(record, CommandDone))


def test_the_hubs_venue_code_is_bound_to_one_pass_for_seconds() -> None:
    stage = door(proof='"pcr"')
    assert venue(stage) == ""
    assert stage.scan(stage.booking(2)) == "wait", "it was for another pass"
    stage.wait(25)
    assert stage.scan(stage.booking(1)) == "admit"
    late = door(proof='"pcr"')
    venue(late)
    late.wait(61)
    assert late.scan(late.booking(1)) == "wait"


def test_a_venue_code_says_nothing_of_somebody_who_has_shown_no_pass() -> None:
    stage = door(proof='"pcr"')
    venue(stage)
    assert asked(stage, stage.test(1)) == ("wait", "booking_missing")


@pytest.mark.parametrize(("ahead_s", "expected"), [(300, ("admit", "in_order")), (301, ("staff", "from_the_future"))])
def test_a_laboratorys_clock_may_be_ahead_by_five_minutes(ahead_s: int, expected: tuple[str, str]) -> None:
    stage = door('sources = ["venue-code"]', proof='"pcr"')
    venue(stage, sampled_at=int(stage.wall_0) + ahead_s)
    assert asked(stage, stage.booking(1)) == expected


@pytest.mark.parametrize(
    ("body", "because"),
    [
        ({"pass_id": "x"}, "pass_id_malformed"),
        ({"code": "blue"}, "verdict_malformed"),
        ({"sampled_at": -1}, "sampled_at_malformed"),
        ({"sampled_at": True}, "sampled_at_malformed"),
    ],
)
def test_a_venue_code_that_makes_no_sense_is_refused_aloud(body: dict[str, Any], because: str) -> None:
    assert venue(door(), **body) == because


# -------------------------------------------------------------- the same person


def card(holder: str | None, **more: Any) -> Card:
    return Card(sha256=f"card-{holder}", person="p", holder=holder, **more)


def test_a_card_ties_pass_and_sentinel_together_or_apart() -> None:
    ours = door("same_person = true", proof='"pcr"')
    ours.scan(ours.booking(1, holder=HOLDER))
    terminal(ours, holder=HOLDER)
    assert ours.decision.answer == "admit"
    theirs = door("same_person = true", proof='"pcr"')
    theirs.scan(theirs.booking(1, holder=HOLDER))
    terminal(theirs, holder=OTHER)
    assert theirs.decision.answer != "admit"


def test_where_nothing_matches_the_card_is_asked_for_and_then_the_staff() -> None:
    stage = door("same_person = true", proof='"pcr"')
    assert asked(stage, stage.booking(1, holder=HOLDER), stage.test(1, subject=None)) == ("wait", "card_asked")
    assert asked(stage, card(OTHER)) == ("staff", "other_person")


@pytest.mark.parametrize("shown", [None, card(None), card(HOLDER)])
def test_who_cannot_be_matched_is_the_staffs_and_a_card_is_asked_for_once(shown: Card | None) -> None:
    stage = door("same_person = true", proof='"pcr"')
    assert asked(stage, stage.booking(1, holder=HOLDER), stage.test(1, subject=None)) == ("wait", "card_asked")
    stage.scan(shown) if shown else stage.wait(21)
    assert (stage.decision.answer, stage.because) == ("staff", "not_matched")


def test_a_card_that_fits_the_certificate_still_has_to_fit_the_pass() -> None:
    stage = door("same_person = true", proof='"pcr"')
    stage.scan(stage.booking(1))
    stage.scan(stage.test(1, subject=HOLDER))
    assert asked(stage, card(HOLDER, subject=HOLDER)) == ("staff", "not_matched"), "the pass names nobody"
    stage = door("same_person = true", proof='"pcr"')
    stage.scan(stage.booking(1, holder=HOLDER))
    assert asked(stage, stage.test(1, subject=HOLDER), card(HOLDER, subject=HOLDER)) == ("admit", "in_order")


@pytest.mark.parametrize(
    ("code", "certificate", "granted", "expected"),
    [
        ("none", False, False, ("wait", "card_asked")),
        ("none", True, False, ("admit", "in_order")),
        ("green", True, False, ("wait", "card_asked")),
        ("none", False, True, ("admit", "in_order")),
        ("green", False, True, ("admit", "in_order")),
    ],
)
def test_a_verdict_that_names_nobody_needs_a_card_where_something_rests_on_it_alone(
    code: str, certificate: bool, granted: bool, expected: tuple[str, str]
) -> None:
    stage = door(f'same_person = true\ncode = "{code}"', proof='"pcr"')
    terminal(stage, holder=None)
    if granted:
        venue(stage)
    facts = [stage.booking(1, subject=HOLDER), *([stage.test(1, subject=HOLDER)] if certificate else [])]
    assert asked(stage, *facts) == expected


def test_a_verdict_on_which_nothing_rests_needs_no_card() -> None:
    stage = door("same_person = true")
    terminal(stage, holder=None)
    assert asked(stage, stage.booking(1, holder=HOLDER)) == ("admit", "in_order")


@pytest.mark.parametrize(
    ("sources", "holder", "expected"),
    [
        ('"certificate", "sentinel"', OTHER, ("staff", "other_person")),
        ('"certificate"', OTHER, ("staff", "other_person")),
        ('"certificate"', HOLDER, ("admit", "in_order")),
    ],
)
def test_another_persons_verdict_speaks_against_a_certificate_even_where_it_is_no_proof(
    sources: str, holder: str, expected: tuple[str, str]
) -> None:
    stage = door(f"same_person = true\nsources = [{sources}]", proof='"pcr"')
    terminal(stage, holder=holder)
    booking = stage.booking(1, holder=HOLDER, subject=HOLDER)
    assert asked(stage, stage.test(1, subject=HOLDER), booking) == expected


def test_a_card_ties_a_certificate_to_its_bearer_where_nobody_books() -> None:
    for subject, expected in ((HOLDER, ("admit", "in_order")), (OTHER, ("staff", "other_person"))):
        stage = door("same_person = true", proof='"pcr"', booking="optional", walk_in="true")
        assert asked(stage, card(HOLDER, subject=HOLDER), stage.test(1, subject=subject)) == expected


def test_another_persons_card_beside_ones_own_pass_is_the_staffs() -> None:
    stage = door("same_person = true", proof='"pcr"')
    assert asked(stage, card(None, subject=OTHER), stage.booking(1, subject=HOLDER))[0] == "staff"
    assert "other_person" in [clause.because for clause in stage.decision.clauses]


def test_a_verdict_that_names_somebody_has_to_be_theirs_also_where_a_certificate_would_do() -> None:
    stage = door("same_person = true", proof='"pcr"')
    terminal(stage, holder=HOLDER)
    assert asked(stage, stage.booking(1, subject=HOLDER), stage.test(1, subject=HOLDER)) == ("wait", "card_asked")
    assert asked(stage, card(HOLDER, subject=HOLDER)) == ("admit", "in_order")


def test_a_matching_subject_is_enough_and_another_one_is_not() -> None:
    stage = door("same_person = true", proof='"pcr"')
    assert asked(stage, stage.booking(1, subject=HOLDER), stage.test(1, subject=OTHER)) == ("staff", "other_person")
    stage.wait(5)
    assert stage.scan(stage.booking(2, subject=HOLDER)) == "wait"
    assert stage.scan(stage.test(2, subject=HOLDER)) == "admit"


def test_tests_of_two_people_are_never_one_visit() -> None:
    stage = door("antigen_days = 1", proof='"pcr", "antigen"')
    stage.scan(stage.booking(1))
    stage.scan(stage.test(1, subject=HOLDER))
    assert asked(stage, stage.test(2, kind="antigen", subject=OTHER)) == ("staff", "different_people")


# -------------------------------------------------------------- masks


def test_a_veto_within_its_seconds_stops_the_gate_and_silence_opens_it() -> None:
    stage = door('mask = "veto"')
    assert asked(stage, stage.booking(1)) == ("wait", "mask_veto")
    stage.wait(1)
    terminal(stage)
    assert stage.gate == [], "what else is heard of them does not shorten it"
    stage.wait(2)
    assert stage.gate == ["open"]
    stopped = door('mask = "veto"')
    stopped.scan(stopped.booking(1))
    stopped.press(0.1)
    assert stopped.decision.answer == "refuse" and stopped.gate == []
    stopped.wait(5)
    assert stopped.gate == []


def test_a_terminal_sees_the_mask_and_the_rulebook_knows_who_needs_none() -> None:
    stage = door('mask = "terminal"')
    terminal(stage, mask=True)
    assert stage.scan(stage.booking(1)) == "admit"
    bare = door('mask = "terminal"')
    terminal(bare, mask=False)
    assert asked(bare, bare.booking(1)) == ("wait", "mask_asked")
    nobody_looked = door('mask = "terminal"')
    assert asked(nobody_looked, nobody_looked.booking(1)) == ("wait", "mask_asked")
    another = door('mask = "terminal"')
    terminal(another, mask=True, holder=OTHER)
    assert asked(another, another.booking(1, holder=HOLDER)) == ("wait", "mask_asked"), "it saw somebody else"
    attested = door('mask = "attest"')
    terminal(attested, mask=True)
    assert asked(attested, attested.booking(1)) == ("wait", "mask_asked"), "the rulebook wants a person's word"
    exempt = door('mask = "terminal"', '[mask]\nexempt_classes = ["visitor"]')
    assert exempt.scan(exempt.booking(1)) == "admit"


@pytest.mark.parametrize(("age_years", "expected"), [(5, "admit"), (6, "wait"), (40, "wait"), (None, "wait")])
def test_only_small_children_need_no_mask(age_years: int | None, expected: str) -> None:
    stage = door('mask = "attest"', "[mask]\nexempt_under_years = 6")
    assert asked(stage, stage.booking(1, holder=HOLDER), card(HOLDER, age_years=age_years))[0] == expected


def test_a_mask_is_attested_by_name() -> None:
    stage = door('mask = "attest"')
    stage.scan(stage.booking(1))
    stage.press()
    assert stage.gate == [] and "button_without_badge" in stage.alarms
    attendant(stage)
    assert stage.gate == ["open"]
    done = [record for record in stage.records if isinstance(record, CommandDone)]
    assert (done[-1].name, done[-1].issuer) == ("attest_mask", stage.badge(901).pass_id)


# -------------------------------------------------------------- the thermometer is evidence

WINDOW = "[thermometer]\nambient_min_c = 16\nambient_max_c = 35\nseries = 3\nspread_c = 0.3\nplausible_min_c = 34"


def measured(stage: Stage, *values: float, ambient: float = 22.0) -> None:
    for value in values:
        stage.do(events.TemperatureRead(lane="A", object_c=value, ambient_c=ambient), 0.3)


def test_only_a_stable_series_inside_the_window_is_judged() -> None:
    stage = door("temperature_max_c = 37.3", WINDOW, thermometer=True)
    stage.scan(stage.booking(1))
    measured(stage, 36.5, 30.0, 36.6)
    assert stage.gate == [], "a cup or a hand is no forehead"
    measured(stage, 36.5, 36.6, 36.5)
    assert stage.gate == ["open"]


def test_outside_its_surroundings_it_refuses_to_judge_and_the_staff_does() -> None:
    stage = door("temperature_max_c = 37.3", WINDOW, thermometer=True)
    stage.scan(stage.booking(1))
    measured(stage, 36.5, 36.5, 36.5, ambient=5.0)
    assert (stage.decision.answer, stage.because) == ("staff", "ambient_outside") and stage.gate == []
    assert [one.quality for one in stage.decision.trusted if one.reading == "temperature"] == ["doubtful"]


def test_an_elevated_reading_asks_for_a_clinical_one_and_isolates_nobody() -> None:
    stage = door("temperature_max_c = 37.3", thermometer=True)
    stage.scan(stage.booking(1))
    measured(stage, 38.4)
    assert stage.decision.answer == "staff" and stage.lane.state != "held"
    measured(stage, 36.5)
    assert stage.gate == [], "only a person's reading ends it, no second look at a cold wall"
    attendant(stage)
    assert stage.gate == ["open"]
    other = door("temperature_max_c = 37.3", thermometer=True)
    other.scan(other.booking(1))
    measured(other, 38.4)
    attendant(other, 2.5)
    assert other.gate == [] and (other.decision.answer, other.because) == ("staff", "clinical_elevated")
    assert other.lane.visit is None, "and they are not asked for another one"


# -------------------------------------------------------------- temperature by the terminal

FEVER_AT = "temperature_max_c = 37.3"
BY_TERMINAL = "[thermometer]\nterminal = true"


@pytest.mark.parametrize(
    ("celsius", "answer", "because"), [(36.6, "admit", ""), (37.3, "admit", ""), (37.4, "staff", "elevated")]
)
def test_a_terminals_temperature_counts_where_the_rulebook_lets_it(celsius: float, answer: str, because: str) -> None:
    stage = door(FEVER_AT, BY_TERMINAL).wait(60)
    terminal(stage, temperature_c=celsius)
    assert stage.scan(stage.booking(1)) == answer
    assert not because or stage.because == because


def test_a_terminals_temperature_counts_for_nothing_where_the_rulebook_does_not_let_it() -> None:
    stage = door(FEVER_AT, "[thermometer]\nterminal = false")
    terminal(stage, temperature_c=36.6)
    assert stage.scan(stage.booking(1)) != "admit" and stage.because == "thermometer_missing"


def test_who_was_not_measured_yet_is_asked_to_go_to_the_terminal() -> None:
    stage = door(FEVER_AT, BY_TERMINAL)
    assert asked(stage, stage.booking(1)) == ("wait", "temperature_asked")
    terminal(stage)
    assert stage.because == "temperature_asked", "a verdict without a reading is none of a temperature"
    terminal(stage, temperature_c=36.6)
    assert stage.decision.answer == "admit"


def test_a_terminal_that_is_broken_sends_nobody_to_it() -> None:
    stage = door(FEVER_AT, BY_TERMINAL)
    stage.do(events.DeviceHealth(lane="A", device="terminal", state="silent"))
    assert asked(stage, stage.booking(1)) == ("staff", "thermometer_missing")


def test_a_terminals_temperature_on_another_persons_card_is_not_theirs() -> None:
    stage = door(FEVER_AT, BY_TERMINAL)
    terminal(stage, temperature_c=36.6, holder=OTHER)
    assert asked(stage, stage.booking(1, holder=HOLDER)) == ("wait", "temperature_asked")


def test_a_terminals_temperature_grows_old_while_somebody_is_waited_for() -> None:
    stage = door(
        FEVER_AT + '\nmask = "attest"', f"{BY_TERMINAL}\n[sentinel]\nverdict_seconds = 5\n[mask]\nattest_seconds = 60"
    )
    terminal(stage, temperature_c=36.6)
    assert asked(stage, stage.booking(1)) == ("wait", "mask_asked")
    stage.wait(6)
    attendant(stage)
    assert stage.decision.answer == "wait" and stage.because == "temperature_asked"


# -------------------------------------------------------------- the assisted way

ELDERS = '[assisted]\nclasses = ["visitor"]\nconfirm_seconds = 30'


def assisted() -> Stage:
    stage = door(more=ELDERS, proof='"pcr"')
    assert stage.scan(stage.booking(1, holder=HOLDER)) == "wait"
    assert asked(stage, card(HOLDER, age_years=72)) == ("wait", "identity_asked")
    return stage


def test_card_attendant_paper_code_and_health_verdict_let_in() -> None:
    stage = assisted()
    attendant(stage)
    assert stage.because == "paper_code_asked"
    attendant(stage)
    assert stage.gate == [] and stage.decision.phrase == "assisted_health"
    terminal(stage, holder=HOLDER)
    assert stage.decision.answer == "admit"
    assert "identity_confirmed" in [clause.because for clause in stage.decision.clauses]
    said = [(record.name, record.issuer) for record in stage.records if isinstance(record, CommandDone)]
    badge = stage.badge(901).pass_id
    assert said == [("confirm_identity", badge), ("attest_paper_code", badge)]


def test_after_the_paper_code_the_sentinel_has_to_read_the_card() -> None:
    stage = assisted()
    attendant(stage)
    attendant(stage)
    terminal(stage, holder=None)
    assert stage.gate == [] and stage.decision.phrase == "assisted_health"


def test_who_has_a_proof_of_their_own_needs_no_assistance() -> None:
    stage = assisted()
    assert asked(stage, stage.test(1)) == ("admit", "in_order")
    stage = assisted()
    terminal(stage, holder=None)
    assert stage.decision.answer == "admit", "the code on their own telephone"
    stage = assisted()
    terminal(stage, holder=HOLDER)
    assert (stage.decision.answer, stage.because) == ("wait", "identity_asked"), (
        "shown on the card: nobody confirmed it"
    )
    stage = assisted()
    venue(stage)
    stage.wait(1).scan(stage.booking(1, holder=HOLDER))
    assert stage.decision.answer == "admit"


def test_each_step_has_its_time_and_can_be_cancelled() -> None:
    late = assisted()
    late.wait(31)
    assert late.decision.answer == "staff" and late.gate == []
    stopped = assisted()
    attendant(stopped, 2.5)
    assert stopped.decision.answer == "staff" and stopped.because == "assisted_cancelled"


def test_the_hub_confirms_in_the_name_of_an_attendant_only() -> None:
    stage = assisted()

    def order(**body: Any) -> str:
        before = len(stage.records)
        stage.do(events.CommandArrived(id="c", name="confirm_identity", issuer="hub", lane="A", body=body))
        return [record.because for record in stage.records[before:] if isinstance(record, CommandDone)][-1]

    assert order() == "attendant_not_named"
    assert order(attendant="w-17") == "" and stage.because == "paper_code_asked"


def test_somebody_elses_verdict_does_not_end_the_assisted_way() -> None:
    stage = assisted()
    attendant(stage)
    attendant(stage)
    terminal(stage, holder=OTHER)
    assert stage.gate == []
