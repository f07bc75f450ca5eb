"""2.1, 2.2, 2.3, 3.2.6: the dated phases and the opening hours, at their edges."""

from __future__ import annotations

import pytest

from tests.core.stage import Stage
from tests.rules.asking import asked, at


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2022-05-31 23:59:59", ("refuse", "class_not_in_phase")),
        ("2022-06-01 00:00:00", ("refuse", "closed")),
        ("2022-06-01 08:59:59", ("refuse", "closed")),
        ("2022-06-01 09:00:00", ("admit", "in_order")),
        ("2022-06-01 16:59:59", ("admit", "in_order")),
        ("2022-06-01 17:00:00", ("refuse", "closed")),
        ("2022-06-04 10:00:00", ("refuse", "closed")),
        ("2022-05-23 10:00:00", ("refuse", "class_not_in_phase")),
        ("2022-05-21 10:00:00", ("staff", "rulebook_out_of_date")),
        ("2023-01-02 10:00:00", ("staff", "rulebook_out_of_date")),
    ],
)
def test_when_visitors_are_received(when: str, expected: tuple[str, str]) -> None:
    stage = Stage(wall=at(when))
    stage.controller.state.rights.M = 5
    answer, because = asked(stage, stage.booking(1))
    reasons = [clause.because for clause in stage.decision.clauses]
    assert answer == ("refuse" if because == "closed" else expected[0])
    assert expected[1] in reasons


def test_midnight_is_the_end_of_the_day() -> None:
    late = '[hours.service.night]\nwednesday = ["20:00-24:00"]'
    for when, expected in (("2022-06-01 23:59:59", "admit"), ("2022-06-02 00:00:00", "refuse")):
        stage = Stage(wall=at(when), more=late)
        assert stage.scan(stage.booking(1, service="night")) == expected


def test_nobody_is_sent_to_another_lane_for_a_no_that_holds_at_every_one() -> None:
    stage = Stage()
    assert asked(stage, stage.booking(1, person_class="staff", hall="elsewhere")) == ("refuse", "wrong_hall")
    assert "other_lane" in [clause.because for clause in stage.decision.clauses]


def test_staff_are_not_bound_by_the_hours_of_visitors_but_by_their_lane() -> None:
    stage = Stage(wall=at("2022-06-01 06:00:00"))
    assert asked(stage, stage.booking(1, person_class="staff")) == ("refuse", "other_lane")
