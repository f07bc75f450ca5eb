"""Whose a verdict is, and what it proves (3.1.2a to c)."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.core import events
from firmware.core.facts import Card
from tests.core.evidence import HOLDER, OTHER, asked, attendant, card, door, terminal, venue

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


@pytest.mark.parametrize(
    ("waits_s", "expected"), [(4, ("admit", "in_order")), (6, ("wait", "pcr_asked")), (9, ("wait", "pcr_asked"))]
)
def test_a_verdict_is_good_for_its_seconds_while_somebody_is_waited_for(
    waits_s: int, expected: tuple[str, str]
) -> None:
    """Where no arrival is frozen."""
    stage = door(
        'mask = "attest"\narrival_freeze_minutes = 0',
        "[sentinel]\nverdict_seconds = 5\n[mask]\nattest_seconds = 60",
        proof='"pcr"',
    )
    terminal(stage)
    assert asked(stage, stage.booking(1)) == ("wait", "mask_asked")
    stage.wait(waits_s - 0.2)
    attendant(stage)
    assert (stage.decision.answer, stage.because) == expected


@pytest.mark.parametrize(("minutes", "expected"), [(72 * 60, "admit"), (72 * 60 + 1, "staff")])
def test_a_sentinels_age_needs_no_clock(minutes: int, expected: str) -> None:
    """It was counted by the terminal, and what has passed since by our own seconds."""
    doubt = '[on_doubt]\nclock = "admit"'
    stage = door('sources = ["sentinel"]', doubt, proof='"pcr"', trusted=False, limit=5)
    stage.controller.state.rights.M = 5
    terminal(stage, sampled_age_minutes=minutes)
    assert stage.scan(stage.booking(1)) == expected


def test_what_the_roster_knows_was_not_shown_as_the_wrong_thing() -> None:
    stage = door(proof='"pcr"')
    assert asked(stage, stage.booking(1, tests=(stage.test(1, kind="antigen"),))) == ("wait", "pcr_asked")
    assert stage.scan(stage.test(2)) == "admit"


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


@pytest.mark.parametrize(
    ("doubt", "expected"),
    [
        ("staff", ("staff", "terminal_missing")),
        ("refuse", ("refuse", "terminal_missing")),
        ("admit", ("staff", "terminal_missing")),
    ],
)
def test_what_becomes_of_a_broken_terminal_is_the_rulebooks_word(doubt: str, expected: tuple[str, str]) -> None:
    """At once, and no less when it breaks while somebody is still asked for the verdict that it cannot give any more.

    To admit past a sensor forgives what it would have measured, never a proof.
    """
    broken = events.DeviceHealth(lane="A", device="terminal", state="silent")
    more = f'[on_doubt]\nsensor_missing = "{doubt}"'
    stage = door('sources = ["sentinel"]', more, proof='"pcr"')
    stage.do(broken)
    assert asked(stage, stage.booking(1)) == expected
    stage = door('sources = ["sentinel"]', more, proof='"pcr"')
    assert asked(stage, stage.booking(1)) == ("wait", "pcr_asked")
    stage.do(broken)
    stage.wait(21)
    assert (stage.decision.answer, stage.because) == expected


def test_no_word_on_a_broken_terminal_excuses_what_it_had_said_before_it_broke() -> None:
    stage = door('sources = ["sentinel"]', '[on_doubt]\nsensor_missing = "admit"', proof='"pcr"')
    terminal(stage, pcr="none")
    stage.do(events.DeviceHealth(lane="A", device="terminal", state="silent"))
    assert asked(stage, stage.booking(1)) == ("staff", "pcr_missing")


def test_a_sentinel_that_does_not_know_the_pcr_may_be_asked_again() -> None:
    stage = door('sources = ["sentinel"]', proof='"pcr"')
    terminal(stage, pcr="unknown")
    assert asked(stage, stage.booking(1)) == ("wait", "pcr_asked")
    terminal(stage)
    assert stage.decision.answer == "admit"


def test_a_sample_of_an_unknown_age_counts_where_the_rulebook_does_not_ask_for_it() -> None:
    stage = door('sources = ["sentinel"]', "[sentinel]\nage_required = false", proof='"pcr"')
    terminal(stage, sampled_age_minutes=None)
    assert asked(stage, stage.booking(1)) == ("admit", "in_order")


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


def test_who_shows_a_test_that_is_too_old_as_well_is_asked_for_no_third() -> None:
    stage = door(proof='"pcr"')
    stage.scan(stage.booking(1, tests=(stage.test(1, hours_old=73),)))
    assert asked(stage, stage.test(2, hours_old=80)) == ("staff", "pcr_too_old")


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


def test_where_only_a_certificate_counts_a_venue_code_proves_nothing_and_a_red_one_leads_away() -> None:
    stage = door('sources = ["certificate"]', proof='"pcr"')
    venue(stage)
    assert asked(stage, stage.booking(1)) == ("wait", "pcr_asked")
    for word in ("code", "pcr"):
        for heard in (venue, terminal):
            other = door('sources = ["certificate"]', proof='"pcr"')
            heard(other, **{word: {"code": "red", "pcr": "positive"}[word]})
            assert other.scan(other.booking(1)) == "isolate" or other.lane.state == "held", (heard, word)


@pytest.mark.parametrize("answer", ["refuse", "staff"])
def test_the_age_of_a_venue_codes_sample_is_worth_what_the_clock_is_worth(answer: str) -> None:
    stage = door('sources = ["venue-code"]', proof='"pcr"', more=f'[on_doubt]\nclock = "{answer}"')
    stage.trusted = False
    venue(stage)
    assert stage.scan(stage.booking(1)) == answer
    doubts = [clause.clause for clause in stage.decision.clauses if clause.because == "clock_doubtful"]
    assert "3.1.2a" in doubts


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


def test_an_attendant_who_compared_face_and_card_knows_better_than_any_name() -> None:
    elders = '[assisted]\nclasses = ["visitor"]'
    stage = door("same_person = true", elders, proof='"pcr"')
    assert asked(stage, stage.booking(1, holder=HOLDER), card(HOLDER, age_years=72)) == ("wait", "identity_asked")
    attendant(stage)
    assert asked(stage, stage.test(1, subject=None)) == ("admit", "in_order")
    unconfirmed = door("same_person = true", elders, proof='"pcr"')
    asked(unconfirmed, unconfirmed.booking(1, holder=HOLDER), card(HOLDER, age_years=72))
    assert asked(unconfirmed, unconfirmed.test(1, subject=None)) == ("staff", "not_matched")


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
