"""A place that comes from another door opens for whoever is still at the gate, once, and for nobody who has gone."""

from __future__ import annotations

from firmware.core.events import RowArrived, SpacingSeen
from firmware.core.occupancy import Row
from firmware.core.records import Decision
from firmware.core.state import LaneSetup
from tests.core.evidence import attendant, door
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


def test_who_has_to_be_looked_at_first_is_asked_for_when_the_place_comes() -> None:
    """The attendant's word of a mask is asked for last, and a visit that is asked for something is not over."""
    stage = door('mask = "attest"', "[mask]\nattest_seconds = 20", limit=0)
    assert stage.scan(stage.booking(1)) == "wait" and stage.because == "hall_full"
    stage.do(right(), after=1.0)
    assert stage.because == "mask_asked" and stage.gate == []
    stage.wait(15)
    attendant(stage)
    assert stage.gate == ["open"] and answers(stage) == ["wait", "wait", "admit"]


def test_nobody_objects_to_who_waited_for_a_place_and_the_gate_opens() -> None:
    stage = door('mask = "veto"', "[mask]\nveto_seconds = 3", limit=0)
    assert stage.scan(stage.booking(1)) == "wait" and stage.because == "hall_full"
    stage.do(right(), after=1.0)
    assert stage.because == "mask_veto"
    stage.wait(3)
    assert stage.gate == ["open"]


def test_whose_mask_was_asked_for_before_the_place_went_has_all_the_time_again() -> None:
    stage = door('mask = "attest"', "[mask]\nattest_seconds = 20", limit=1)
    assert stage.scan(stage.booking(1)) == "wait" and stage.because == "mask_asked"
    stage.controller.state.rights.B += 1
    assert stage.scan(stage.booking(1)) == "wait" and stage.because == "hall_full"
    stage.do(right(), after=1.0).wait(15)
    assert answers(stage) == ["wait", "wait", "wait"], "nobody is told that the mask was not seen after two seconds"
    attendant(stage)
    assert stage.gate == ["open"]


def test_a_place_that_comes_while_others_stand_too_close_is_told_of_once() -> None:
    """What was attested is kept where they wait; the code is shown again, and nobody is answered twice for one scan."""
    lane = LaneSetup(
        name="A", direction="in", classes=("visitor",), passage_sensor=True, range_sensor=True, button=True
    )
    stage = Stage(lanes=(lane,), visitor='mask = "attest"', limit=1)
    stage.scan(stage.booking(1))
    stage.controller.state.rights.B += 1
    attendant(stage)
    assert stage.because == "hall_full"
    stage.do(SpacingSeen(lane="A", persons=2, gap_mm=500))
    stage.do(right(), after=1.0)
    assert stage.because == "too_close" and answers(stage) == ["wait", "wait", "wait"]
    stage.wait(60)
    assert answers(stage) == ["wait", "wait", "wait"]
    stage.do(SpacingSeen(lane="A", persons=1, gap_mm=None))
    assert stage.scan(stage.booking(1)) == "admit", "the mask is not attested twice"
