"""A code at a scanner is answered once, and nothing of it is left for the next."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.core import bounds, limit
from firmware.core.actions import GateOpen
from firmware.core.events import ClockChecked, SpacingSeen
from firmware.core.records import Decision
from firmware.core.state import LaneSetup
from tests.core.evidence import attendant
from tests.core.stage import Stage


def answers(stage: Stage) -> list[str]:
    return [record.answer for record in stage.records if isinstance(record, Decision)]


def test_codes_are_forgotten_after_the_seconds_of_one_scan() -> None:
    stage = Stage()
    for number in range(20):
        assert stage.scan(stage.booking(number, hall="elsewhere")) == "refuse"
        stage.wait(3)
    assert len(stage.lane.scanned) <= 1, "a lane that remembered them all would grow for ever"


def test_two_codes_held_to_the_scanner_in_turn_are_two_scans() -> None:
    stage = Stage()
    codes = [stage.booking(number, hall="elsewhere") for number in (1, 2)]
    stage.wait(60)
    for _ in range(4):
        for code in codes:
            stage.scan(code)
            stage.wait(0.3)
    assert answers(stage) == ["refuse", "refuse"]


@pytest.mark.parametrize(
    ("rules", "because", "state"),
    [
        ({"proof": '"pcr"'}, "pcr_asked", "identified"),
        ({"visitor": "temperature_max_c = 37.3"}, "temperature_asked", "screening"),
    ],
)
def test_a_lane_says_whether_a_code_or_a_reading_is_waited_for(rules: dict[str, Any], because: str, state: str) -> None:
    stage = Stage(thermometer=True, **rules)
    assert stage.scan(stage.booking(1)) == "wait" and stage.because == because
    assert stage.lane.state == state


def test_who_is_told_to_wait_is_told_once() -> None:
    stage = Stage(interval=3_000).wait(10)
    assert stage.scan(stage.booking(1)) == "admit"
    stage.cross()
    assert stage.scan(stage.booking(2)) == "wait" and stage.because == "too_soon"
    stage.wait(60)
    assert answers(stage) == ["admit", "wait"] and stage.lane.visit is None


@pytest.mark.parametrize(("sensor", "pulse_ms"), [(True, 700), (False, 2_100)])
def test_where_nothing_sees_them_pass_a_party_has_an_opening_for_each(sensor: bool, pulse_ms: int) -> None:
    stage = Stage(sensor=sensor)
    assert stage.scan(stage.booking(1, party=3)) == "admit"
    assert [order.pulse_ms for order in stage.actions if isinstance(order, GateOpen)] == [pulse_ms]


def test_who_was_attested_and_has_to_keep_their_distance_is_not_attested_again() -> None:
    lane = LaneSetup(
        name="A", direction="in", classes=("visitor",), passage_sensor=True, range_sensor=True, button=True
    )
    stage = Stage(lanes=(lane,), visitor='mask = "attest"')
    stage.scan(stage.booking(1))
    stage.do(SpacingSeen(lane="A", persons=2, gap_mm=500))
    attendant(stage)
    assert stage.because == "too_close"
    stage.do(SpacingSeen(lane="A", persons=1, gap_mm=None))
    assert stage.scan(stage.booking(1)) == "admit"


# -------------------------------------------------------------- who was told that the hall is full


def full() -> Stage:
    return Stage(limit=0, more="forget_seconds = 60")


def asks(stage: Stage) -> tuple[int, int]:
    """(places this door would like, people it told to wait)."""
    return limit.own_row(stage.controller.state).want - limit.RESERVE, len(stage.lane.waiting)


def test_who_shows_the_code_again_while_the_hall_is_full_waits_once() -> None:
    stage = full()
    for _ in range(3):
        assert stage.scan(stage.booking(1, party=2)) == "wait"
        stage.wait(10)
    assert asks(stage) == (2, 1)


def test_who_has_not_come_back_waits_no_more() -> None:
    stage = full()
    assert stage.scan(stage.booking(1)) == "wait"
    assert asks(stage.do(ClockChecked(), after=59)) == (1, 1)
    assert asks(stage.do(ClockChecked(), after=1)) == (0, 0)


def test_who_came_in_waits_no_more() -> None:
    stage = full()
    assert stage.scan(stage.booking(1)) == "wait"
    stage.wait(5).controller.state.rights.M += 1
    assert stage.scan(stage.booking(1)) == "admit"
    assert asks(stage) == (0, 0)


def test_a_line_longer_than_any_hall_has_takes_no_more_memory() -> None:
    stage = full()
    for number in range(bounds.WAITING + 2):
        assert stage.scan(stage.booking(number)) == "wait"
    assert asks(stage) == (bounds.WAITING, bounds.WAITING)


# -------------------------------------------------------------- what stays of a pass, whose badge it is


def test_the_use_of_a_pass_is_kept_until_the_pass_ends() -> None:
    stage = Stage()
    week = stage.booking(1, expires_s=int(stage.wall_0) + 7 * 86_400)
    assert stage.scan(week) == "admit"
    stage.cross()
    assert stage.controller.state.used[week.pass_id].forget_s == week.expires_s


@pytest.mark.parametrize(
    ("direction", "button", "attendants"),
    [("in", True, True), ("in", False, True), ("elevator", True, True), ("elevator", False, False)],
)
def test_a_badge_is_the_attendants_but_at_a_lift_without_a_button(
    direction: Any, button: bool, attendants: bool
) -> None:
    """There its holder wants to ride, and is told which lift is theirs (3.1.5d)."""
    stage = Stage(lanes=(LaneSetup(name="A", direction=direction, classes=("visitor",), button=button),))
    answer = stage.scan(stage.badge())
    assert (answer, bool(stage.lane.badge)) == (("nothing", True) if attendants else ("refuse", False))
