"""What single rules add that a whole day seldom shows: a class' own minutes, the first of two proofs, a sensor nobody asks."""

from __future__ import annotations

import pytest

from firmware.core import events
from firmware.core.facts import OtherHealth
from firmware.core.state import LaneSetup
from tests.core.evidence import HOLDER, attendant, card, door, terminal
from tests.core.stage import Stage, rulebook
from tests.rules.asking import asked


@pytest.mark.parametrize(
    ("own", "early_minutes", "late_minutes"), [("", 10, 15), ("early_minutes = 30\nlate_minutes = 5", 30, 5)]
)
def test_a_class_comes_as_early_and_as_late_as_its_own_table_says(
    own: str, early_minutes: int, late_minutes: int
) -> None:
    for seconds, answer in ((early_minutes * 60, "admit"), (early_minutes * 60 + 1, "wait")):
        stage = Stage(visitor=own)
        assert asked(stage, stage.booking(1, slot=(seconds / 3600, 9)))[0] == answer, seconds
    for seconds, answer in ((late_minutes * 60, "admit"), (late_minutes * 60 + 1, "refuse")):
        stage = Stage(visitor=own)
        assert asked(stage, stage.booking(1, slot=(-9, -seconds / 3600)))[0] == answer, seconds


@pytest.mark.parametrize(
    ("proof", "because"), [('"pcr", "antigen"', "pcr_asked"), ('"antigen", "pcr"', "antigen_asked")]
)
def test_of_two_proofs_that_are_missing_the_first_of_the_list_is_asked_for_first(proof: str, because: str) -> None:
    stage = Stage(proof=proof, visitor="antigen_days = 1")
    assert asked(stage, stage.booking(1)) == ("wait", because)


@pytest.mark.parametrize(("sources", "expected"), [("", ("staff", "no_test")), ('"sentinel"', ("wait", "pcr_asked"))])
def test_a_certificate_that_nobody_may_bring_is_no_wrong_answer(sources: str, expected: tuple[str, str]) -> None:
    """Where only the sentinel counts, whoever shows one is still asked to step before it."""
    stage = Stage(proof='"pcr"', visitor=f"sources = [{sources}]" if sources else "")
    now = int(stage.wall_0)
    vaccination = OtherHealth(sha256="v", kind="vaccination", issuer="XX", issued_s=now, expires_s=now + 9)
    assert asked(stage, stage.booking(1), vaccination) == expected


def test_a_sensor_behind_the_gate_is_missed_where_a_rule_asks_it() -> None:
    setup = LaneSetup(name="A", direction="in", classes=("visitor",), passage_sensor=True, behind_sensor=True)
    for dense, expected in ((0, ("admit", "in_order")), (5, ("staff", "density_not_measured"))):
        stage = Stage(lanes=(setup,), dense=dense)
        stage.do(events.DeviceHealth(lane="A", device="behind", state="unplugged"))
        assert asked(stage, stage.booking(1)) == expected


def test_nobody_is_called_confirmed_whose_right_to_be_assisted_nobody_confirmed() -> None:
    """A card that tells no age: the attendant attests a disability first (3.1.2d)."""
    stage = door(more='[assisted]\nclasses = ["visitor"]\ndisabled = "attest"', proof='"pcr"')
    asked(stage, stage.booking(1, holder=HOLDER), card(HOLDER, age_years=40))
    assert stage.lane.visit is not None and stage.lane.visit.path is not None
    assert stage.lane.visit.path.step == "eligible"
    assert "identity_confirmed" not in [clause.because for clause in stage.decision.clauses]


def test_agents_bring_as_many_cases_as_the_rulebook_lets_them() -> None:
    for cases, answer in ((3, "admit"), (4, "staff")):
        stage = Stage(visitor="cases_max = 3")
        assert asked(stage, stage.booking(1, cases=cases))[0] == answer


@pytest.mark.parametrize(("minutes", "expected"), [(4_318, "admit"), (4_319, "staff")])
def test_a_sample_grows_older_while_its_bearer_waits(minutes: int, expected: str) -> None:
    """Where no arrival is frozen. 72 hours are 4,320 minutes; ninety seconds pass until the mask is attested."""
    stage = door(
        'mask = "attest"\narrival_freeze_minutes = 0\nsources = ["sentinel"]',
        "[sentinel]\nverdict_seconds = 120\n[mask]\nattest_seconds = 120",
        proof='"pcr"',
    )
    terminal(stage, sampled_age_minutes=minutes)
    assert asked(stage, stage.booking(1)) == ("wait", "mask_asked")
    stage.wait(89.8)
    attendant(stage)
    assert stage.decision.answer == expected


def test_who_comes_back_on_the_same_proof_takes_no_quota_a_second_time() -> None:
    """Six of ten may come that day; lines of the roster without a slot count (2.2)."""
    stage = Stage(limit=50, visitor="re_entries = 1")

    def comes(number: int) -> tuple[str, str]:
        told = asked(stage, stage.booking(number, source="roster", slot_start_s=None, slot_end_s=None))
        if told[0] == "admit":
            stage.cross()
        stage.wait(4)
        return told

    assert [comes(number)[0] for number in range(6)] == ["admit"] * 6
    assert comes(7) == ("refuse", "quota")
    assert comes(3) == ("admit", "in_order")
    assert comes(3) == ("refuse", "used")


@pytest.mark.parametrize(
    ("booking", "expected"), [("optional", ("wait", "booking_missing")), ("none", ("refuse", "not_booked"))]
)
def test_where_nobody_walks_in_a_booking_is_asked_of_those_who_may_have_one(
    booking: str, expected: tuple[str, str]
) -> None:
    stage = Stage(booking=booking, proof='"pcr"')
    assert asked(stage, stage.test(1)) == expected


def test_an_old_test_that_is_shown_is_judged_and_one_of_the_roster_is_asked_beyond() -> None:
    stage = Stage(proof='"pcr"')
    known = stage.test(1, hours_old=100)
    assert asked(stage, stage.booking(1, tests=(known,))) == ("wait", "pcr_asked")
    assert asked(stage, stage.test(2, hours_old=99)) == ("staff", "pcr_too_old")


def test_a_used_pass_of_a_class_that_the_rulebook_dropped_is_refused_like_any_other() -> None:
    stage = Stage()
    assert asked(stage, stage.booking(1)) == ("admit", "in_order")
    stage.cross().wait(5)
    dropped = rulebook(serial=8).replace(b"[class.visitor]", b"[class.agent]")
    stage.do(events.RulebookLoaded(text=dropped, kid="k"))
    assert stage.scan(stage.booking(1)) == "refuse"


@pytest.mark.parametrize(("freeze", "answer"), [("", "admit"), ("arrival_freeze_minutes = 0", "staff")])
def test_our_own_queue_makes_no_certificate_too_old(freeze: str, answer: str) -> None:
    """It was 72 hours old to the second when they came, and the hall was full."""
    stage = Stage(limit=0, proof='"pcr"', visitor=freeze)
    proof = stage.test(1, hours_old=72)
    assert asked(stage, stage.booking(1), proof) == ("wait", "hall_full")
    stage.wait(60).controller.state.rights.M += 1
    assert asked(stage, stage.booking(1), proof)[0] == answer
