"""A place that comes from another door opens for whoever is still at the gate, once, and for nobody who has gone."""

from __future__ import annotations

from firmware.core.events import RowArrived
from firmware.core.occupancy import Row
from firmware.core.records import Decision
from tests.core.stage import Stage


def full_hall() -> Stage:
    stage = Stage(limit=1)
    assert stage.scan(stage.booking(1)) == "admit"
    stage.wait(1).cross()
    assert stage.scan(stage.booking(2)) == "wait"
    return stage


def right(count: int = 1) -> RowArrived:
    return RowArrived(row=Row(inc="exit-9", dev="exit", seq=count, A=0, C=0, G=0, X=count, T={"door-1": count}))


def answers(stage: Stage) -> list[str]:
    return [record.answer for record in stage.records if isinstance(record, Decision)]


def test_the_gate_opens_by_itself_when_a_right_comes_soon() -> None:
    stage = full_hall()
    stage.do(right(), after=1.9)
    assert answers(stage) == ["admit", "wait", "admit"] and stage.lane.state == "granted" and stage.free == 0
    stage.wait(20)
    assert stage.free == 1 and answers(stage).count("admit") == 2


def test_it_stays_shut_when_the_person_may_have_gone() -> None:
    stage = full_hall()
    stage.do(right(), after=2.1)
    assert answers(stage) == ["admit", "wait"] and stage.free == 1 and stage.lane.visit is None


def test_a_party_waits_for_all_its_places() -> None:
    stage = Stage(limit=1)
    assert stage.scan(stage.booking(1, party=3)) == "wait"
    stage.do(right(1), after=0.1)
    assert answers(stage) == ["wait"]
    stage.do(right(2), after=0.1)
    assert answers(stage) == ["wait", "admit"] and stage.free == 0


def test_the_next_person_takes_the_place_of_the_one_before() -> None:
    stage = full_hall()
    assert stage.scan(stage.booking(3)) == "wait"
    stage.do(right(), after=0.5)
    assert stage.lane.grant is not None and stage.lane.grant.pass_id == stage.booking(3).pass_id


def test_a_hold_meanwhile_is_kept() -> None:
    stage = full_hall()
    stage.controller.state.recount_needed = True
    for count in (1, 2, 3):
        stage.do(right(count), after=0.1)
    assert answers(stage) == ["admit", "wait", "wait"] and stage.lane.visit is None
