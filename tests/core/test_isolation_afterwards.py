"""3.1.2e: who was near before an incident, and what a restart must not forget of it."""

from __future__ import annotations

import pytest

from firmware.core import events, incident
from firmware.core.actions import Buzz, RouteLight
from firmware.core.records import Decision
from tests.core.isolating import LANES, admit, badge_press, hall, isolate, names, of, order, rebuilt, state_of, steps
from tests.core.stage import Stage

# -------------------------------------------------------------- who was there before


def test_the_record_lists_who_passed_in_the_minutes_before() -> None:
    stage = hall("around_minutes = 10")
    assert admit(stage, 7) == "admit"
    stage.cross().wait(11 * 60)
    for number in (2, 3):
        assert admit(stage, number) == "admit"
        stage.cross().wait(60)
    stage.do(events.Crossed(lane="A", direction="in")).wait(30)
    assert admit(stage, 5, "B") == "admit"
    stage.cross(lane="B")
    isolate(stage, 4)
    around = steps(stage)[0].around
    assert [(each.person, each.decision is not None) for each in around] == [
        (None, False), ("person-3", True), ("person-2", True),
    ]  # fmt: skip
    assert 30 <= around[0].before_s < around[1].before_s < around[2].before_s <= 600
    ids = {record.id for record in stage.records if isinstance(record, Decision)}
    assert {each.decision for each in around} - {None} <= ids
    assert all(step.around == () for step in steps(stage)[1:])


def test_the_list_is_bounded_and_says_so() -> None:
    stage = hall("around_minutes = 600")
    for _ in range(incident.PASSED + 50):
        stage.do(events.Crossed(lane="A", direction="in"), after=1)
    isolate(stage)
    first = steps(stage)[0]
    assert len(first.around) == incident.AROUND
    assert first.around_omitted == incident.PASSED - incident.AROUND
    assert len(stage.controller.state.passed["A"]) == incident.PASSED


def test_no_minutes_no_list() -> None:
    stage = hall("around_minutes = 0")
    admit(stage, 2)
    stage.cross().wait(5)
    isolate(stage)
    assert steps(stage)[0].around == () and stage.controller.state.passed["A"] == []


# -------------------------------------------------------------- restarts


def test_a_restart_of_the_process_changes_no_deadline() -> None:
    stage = hall("acknowledge_seconds = 60")
    which = isolate(stage)
    stage.wait(30)
    rebuilt(stage)
    stage.forget()
    stage.start("boot-1")
    assert stage.lane.state == "held" and of(stage, RouteLight) and of(stage, Buzz) and "restarted" not in names(stage)
    stage.wait(29.9)
    assert "escalated" not in names(stage)
    stage.wait(0.2)
    assert steps(stage)[-1].elapsed_s == 60.0 and steps(stage)[-1].incident == which


@pytest.mark.parametrize(("trusted", "elapsed_s"), [(True, 630.0), (False, 30.0)])
def test_a_power_loss_counts_the_time_the_power_was_off_where_it_is_known(trusted: bool, elapsed_s: float) -> None:
    stage = hall("acknowledge_seconds = 60\naround_minutes = 30")
    admit(stage, 2)
    stage.cross().wait(30)
    isolate(stage)
    stage.do(events.Woken(), after=30)  # the last that was known before the power went
    rebuilt(stage)
    stage.forget()
    stage.wall_0 += stage.now + 600
    stage.now, stage.wake, stage.trusted = 0.0, None, trusted
    stage.start("boot-2")
    restarted = next(step for step in steps(stage) if step.step == "restarted")
    assert restarted.elapsed_s == elapsed_s and stage.lane.state == "held"
    assert ("escalated" in names(stage)) is trusted
    stage.wait(40)
    assert "escalated" in names(stage)
    body = stage.controller.state.passed["A"][0]
    assert stage.now * 1000 - body.at_ms == (30 + 30 + 600 + 40) * 1000 + 300 if trusted else body.at_ms == 0


def test_replay_of_a_whole_incident_is_exact() -> None:
    stage = hall('hold_upstream = ["B", "C"]\nacknowledge_seconds = 10')
    stage.forget()
    first = isolate(stage)
    stage.wait(20)
    order(stage, "acknowledge", incident=first)
    isolate(stage, 2, "E")
    stage.trusted = False
    badge_press(stage, lane="E")
    order(stage, "sign_off", lane="A", cleared=True)
    fresh = Stage(
        lanes=LANES, proof='"pcr"', limit=9, more='[isolation]\nhold_upstream = ["B", "C"]\nacknowledge_seconds = 10'
    )
    fresh.forget()
    for event, moment in stage.journal[2:]:
        outcome = fresh.controller.handle(event, moment)
        fresh.records += outcome.records
        fresh.actions += outcome.actions
    assert fresh.records == stage.records and fresh.actions == stage.actions
    assert fresh.controller.snapshot() == stage.controller.snapshot()


def test_too_many_incidents_never_let_a_held_lane_go() -> None:
    stage = hall(visitor='on_fail = { pcr = "isolate" }')
    isolate(stage, 1)
    for number in range(2, incident.INCIDENTS + 5):
        stage.scan(stage.booking(number), "B")
        assert stage.scan(stage.test(number, hours_old=90), "B") == "isolate"
        stage.wait(1)
    assert len(stage.controller.state.incidents) == incident.INCIDENTS and stage.lane.state == "held"
    assert names(stage).count("superseded") == 4 and order(stage, "release", lane="A") == "isolation_not_signed_off"


def test_no_clock_ends_a_hold() -> None:
    stage = hall('hold_upstream = ["B"]\n[[release]]\ntime = "10:10"')
    isolate(stage)
    stage.wait(3600)
    assert [state_of(stage, lane) for lane in "AB"] == ["held", "held"]


def test_a_hold_shuts_no_gate_on_somebody_who_stood_there_before_it_opened() -> None:
    """The passage was blocked already when the attendant let somebody in: that body is in the way of the leaf."""
    stage = hall()
    stage.do(events.PassageBlocked(lane="A", blocked=True))
    assert admit(stage, 1) == "admit"
    assert order(stage, "hold", lane="A") == "somebody_is_passing" and "close" not in stage.gate
