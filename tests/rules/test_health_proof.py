"""3.1.2a and e: PCR negative within the hours, and what a positive result shows in public."""

from __future__ import annotations

from typing import Any

import pytest

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
