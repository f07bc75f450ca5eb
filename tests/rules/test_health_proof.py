"""3.1.2a and e: PCR negative within the hours, and what a positive result shows in public."""

from __future__ import annotations

import itertools
import zoneinfo
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from firmware.core.controller import Controller
from firmware.core.facts import AnyFact, OtherHealth
from firmware.core.state import Visit
from tests.core.stage import MORNING, Stage
from tests.rules.asking import DOUBTS, asked, doubt

H72 = 72 * 3600


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"sampled_s": -H72}, ("admit", "in_order")),
        ({"sampled_s": -H72 - 1}, ("staff", "pcr_too_old")),
        ({"sampled_s": 300}, ("admit", "in_order")),
        ({"sampled_s": 301}, ("staff", "from_the_future")),
        ({"issued_s": 301}, ("staff", "from_the_future")),
        ({"expires_s": 0}, ("admit", "in_order")),
        ({"expires_s": -1}, ("staff", "certificate_expired")),
        ({"kind": "antigen"}, ("staff", "not_pcr")),
        ({"result": "positive"}, ("isolate", "positive")),
        ({"result": "positive", "sampled_s": -9 * H72}, ("isolate", "positive")),
    ],
)
def test_one_test(change: dict[str, Any], expected: tuple[str, str]) -> None:
    stage = Stage(proof='"pcr"')
    now = int(stage.wall_0)
    fields = {key: now + value if isinstance(value, int) else value for key, value in change.items()}
    assert asked(stage, stage.booking(1), stage.test(1, **fields)) == expected


@pytest.mark.parametrize(("counts", "expected"), [("report", "admit"), ("sample", "staff")])
def test_from_sampling_or_from_report(counts: str, expected: str) -> None:
    stage = Stage(proof='"pcr"', visitor=f'pcr_counts_from = "{counts}"')
    old = stage.test(1, hours_old=80, reported_s=int(stage.wall_0) - H72)
    assert asked(stage, stage.booking(1), old)[0] == expected


def test_a_report_of_after_the_first_scan_is_not_from_the_future() -> None:
    stage = Stage(proof='"pcr"', visitor='pcr_counts_from = "report"')
    assert stage.scan(stage.booking(1)) == "wait"
    stage.wait(900)
    fresh = stage.test(1, reported_s=int(stage.wall_0) + 880)
    assert asked(stage, stage.booking(1), fresh) == ("admit", "in_order")


def test_a_positive_result_is_never_shown_in_public() -> None:
    stage = Stage(proof='"pcr"')
    asked(stage, stage.booking(1), stage.test(1, result="positive"))
    public = stage.signs[-1] + stage.decision.sign_en
    assert stage.signs[-1] == "请稍候 工作人员来引导"
    assert not any(word in public for word in ("阳", "隔离", "核酸", "positive", "isolat"))


def test_each_proof_leads_where_its_own_line_says() -> None:
    stage = Stage(proof='"antigen"', visitor='on_fail = { pcr = "staff", antigen = "refuse" }')
    assert asked(stage, stage.booking(1), stage.test(1)) == ("refuse", "not_antigen")
    assert stage.decision.phrase == "antigen"


@pytest.mark.parametrize("answer", DOUBTS)
def test_a_doubtful_clock(answer: str) -> None:
    stage = Stage(proof='"pcr"', trusted=False, **doubt("clock", answer))
    stage.controller.state.rights.M = 5
    assert asked(stage, stage.booking(1), stage.test(1, hours_old=900))[0] == answer


def test_even_in_the_wrong_year_a_positive_test_is_one_and_a_missing_one_is_missing() -> None:
    stage = Stage(proof='"pcr"', trusted=False, wall=MORNING.replace(year=1999), **doubt("clock", "admit"))
    stage.controller.state.rights.M = 5
    assert stage.scan(stage.booking(1)) == "wait"
    assert asked(stage, stage.test(1, result="positive")) == ("isolate", "positive")


# ---------------------------------------------------------------- a PCR and an antigen test


BOTH: dict[str, Any] = {"proof": '"pcr", "antigen"', "visitor": 'antigen_days = 1\non_fail = { antigen = "refuse" }'}


def shown(stage: Stage, what: str, number: int = 1, **change: Any) -> AnyFact:
    if what == "booking":
        return stage.booking(number)
    if what == "vaccination":
        now = int(stage.wall_0)
        return OtherHealth(sha256=what, kind="vaccination", issuer="XX", issued_s=now, expires_s=now + 9)
    kind = "naat" if what == "pcr" else "antigen"
    return stage.test(number, kind=kind, sha256=f"{kind}-{number}", certificate=f"{kind}-{number}", **change)


@pytest.mark.parametrize("order", list(itertools.permutations(("booking", "pcr", "antigen"))))
def test_two_proofs_in_any_order_are_one_visit(order: tuple[str, ...]) -> None:
    stage = Stage(**BOTH)
    answers = []
    for what in order:
        answers += [stage.scan(shown(stage, what)), stage.wait(4).scan(shown(stage, order[0]))]
    assert answers[-2] == "admit"
    assert set(answers[:-2]) == {"wait"}
    assert stage.lane.grant is not None and set(stage.lane.grant.codes) == {"code-1", "naat-1", "antigen-1"}


@pytest.mark.parametrize(
    ("there", "expected"), [("pcr", ("refuse", "antigen_missing")), ("antigen", ("staff", "pcr_missing"))]
)
def test_what_is_missing_when_the_time_is_over_leads_where_its_own_line_says(
    there: str, expected: tuple[str, str]
) -> None:
    stage = Stage(**BOTH)
    assert asked(stage, stage.booking(1), shown(stage, there))[0] == "wait"
    assert stage.wait(19).decision.answer == "wait"
    stage.wait(2)
    assert (stage.decision.answer, stage.because) == expected


def test_of_two_that_are_missing_the_first_of_the_rulebook_is_told() -> None:
    for first, second in (("pcr", "antigen"), ("antigen", "pcr")):
        stage = Stage(proof=f'"{first}", "{second}"', visitor="antigen_days = 1")
        stage.scan(stage.booking(1))
        stage.wait(21)
        assert stage.because == f"{first}_missing"


def test_one_good_test_does_not_excuse_the_other() -> None:
    stage = Stage(**BOTH)
    old = shown(stage, "antigen", hours_old=25)
    assert asked(stage, stage.booking(1), shown(stage, "pcr"), old) == ("refuse", "antigen_too_old")
    assert asked(stage.wait(4), stage.booking(2), shown(stage, "pcr", 2, hours_old=80)) == ("staff", "pcr_too_old")


@pytest.mark.parametrize(
    ("hours_old", "at_once", "in_the_end"),
    [
        ((10,), ("wait", "antigen_day_asked"), ("refuse", "antigen_day_missing")),
        ((1, 10), ("wait", "antigen_day_asked"), ("refuse", "antigen_day_missing")),
        ((1, 11), ("admit", "in_order"), ("admit", "in_order")),
        ((1, 10, 11), ("admit", "in_order"), ("admit", "in_order")),
        ((1, 2, 3, 4, 49, 11), ("admit", "in_order"), ("admit", "in_order")),
    ],
)
def test_antigen_tests_are_of_as_many_days_as_the_rulebook_says(
    hours_old: tuple[int, ...], at_once: tuple[str, str], in_the_end: tuple[str, str]
) -> None:
    """It is ten in the morning: eleven hours ago was yesterday. One too many does not help and is in nobody's way."""
    stage = shows_antigen_tests(2, hours_old)
    assert (stage.decision.answer, stage.because) == at_once
    stage.wait(21)
    assert (stage.decision.answer, stage.because) == in_the_end


def test_a_week_of_antigen_tests_is_one_visit() -> None:
    assert shows_antigen_tests(7, range(9, 169, 24)).decision.answer == "admit"
    assert shows_antigen_tests(7, range(9, 145, 24)).because == "antigen_day_asked"


def test_of_more_tests_than_anybody_needs_the_latest_are_kept() -> None:
    stage = shows_antigen_tests(2, [*(1 + number / 1000 for number in range(70)), 11])
    assert stage.decision.answer == "admit"
    assert stage.lane.visit is None or len(stage.lane.visit.healths) <= 61


def shows_antigen_tests(days: int, hours_old: Iterable[float]) -> Stage:
    stage = Stage(proof='"antigen"', visitor=f'antigen_days = {days}\non_fail = {{ antigen = "refuse" }}')
    stage.scan(stage.booking(1))
    for hours in hours_old:
        name = f"antigen-{hours}"
        asked(stage, stage.test(1, kind="antigen", subject="s", hours_old=hours, sha256=name, certificate=name))
    return stage


@pytest.mark.parametrize("first", ["pcr", "antigen"])
def test_a_positive_result_of_either_kind_isolates_at_once(first: str) -> None:
    stage = Stage(**BOTH)
    assert asked(stage, shown(stage, first, result="positive")) == ("isolate", "positive")
    other = "antigen" if first == "pcr" else "pcr"
    stage = Stage(**BOTH)
    assert asked(stage, shown(stage, other), shown(stage, first, result="positive")) == ("isolate", "positive")


@pytest.mark.parametrize("kind", ["pcr", "antigen"])
def test_another_persons_proof_of_the_same_kind_starts_a_new_visit(kind: str) -> None:
    stage = Stage(**BOTH)
    asked(stage, stage.booking(1), shown(stage, "pcr"), shown(stage, kind, 2))
    visit = stage.lane.visit
    if kind == "pcr":
        assert visit is not None and (visit.booking, len(visit.healths)) == (None, 1)
    else:
        assert stage.decision.answer == "admit"
        stage = Stage(**BOTH)
        asked(stage, shown(stage, kind), shown(stage, kind, 2))
        assert stage.lane.visit is not None and stage.lane.visit.codes == ("antigen-2",)


def test_a_vaccination_is_neither() -> None:
    stage = Stage(**BOTH)
    assert asked(stage, stage.booking(1), shown(stage, "pcr"), shown(stage, "vaccination")) == ("refuse", "no_test")


def test_where_one_is_asked_for_a_test_of_the_other_kind_is_another_persons() -> None:
    stage = Stage(proof='"pcr"')
    assert asked(stage, shown(stage, "pcr"), shown(stage, "antigen", 2))[0] == "staff"
    assert stage.scan(stage.wait(4).booking(3)) == "wait"


def test_a_half_shown_visit_survives_the_journal() -> None:
    stage = Stage(**BOTH)
    asked(stage, shown(stage, "antigen"), shown(stage, "pcr"))
    kept = Controller.restore(stage.controller.snapshot(), zoneinfo.ZoneInfo)
    assert kept.state == stage.controller.state
    stage.controller = kept
    assert stage.scan(stage.booking(1)) == "admit"
    older = b'{"since_ms":0,"until_ms":9,"health":' + msgspec.json.encode(shown(stage, "pcr")) + b"}"
    assert msgspec.json.decode(older, type=Visit).healths == (shown(stage, "pcr"),)
