"""An exit that opens to whoever comes near it."""

from __future__ import annotations

import pytest

from firmware.core.events import ContactChanged, SpacingSeen
from firmware.core.state import CarSetup, LaneSetup
from tests.core.stage import Stage


def exit_with_a_range_sensor(*, counter: bool) -> Stage:
    lane = LaneSetup(name="A", direction="out", range_sensor=True, passage_sensor=counter, askers=("range",))
    return Stage(lanes=(lane,))


def sees(stage: Stage, persons: int) -> Stage:
    return stage.do(SpacingSeen(lane="A", persons=persons))


@pytest.mark.parametrize(("counter", "a_minute"), [(True, 6), (False, 20)])
def test_who_only_stands_there_does_not_make_it_chatter(counter: bool, a_minute: int) -> None:
    """A guard; without a counter a passage is assumed with every pulse, and the relay went on and off all day."""
    stage = sees(exit_with_a_range_sensor(counter=counter), 1)
    assert stage.gate == ["open"]
    stage.forget()
    stage.wait(59.9)
    assert stage.gate.count("open") == a_minute - 1


def test_one_more_is_let_out_at_once() -> None:
    stage = sees(exit_with_a_range_sensor(counter=False), 1).wait(1)
    assert stage.gate == ["open"]
    sees(stage, 2)
    assert stage.gate == ["open", "open"]
    sees(stage.wait(1), 2)
    assert stage.gate == ["open", "open"], "the same two"
    sees(sees(stage.wait(1), 1), 0)
    sees(stage.wait(0.1), 1)
    assert stage.gate == ["open"] * 3


def test_an_exit_that_the_responders_hold_open_is_left_alone() -> None:
    """The state of before ends in its time: the controller asked to be woken again and again, at once."""
    stage = sees(exit_with_a_range_sensor(counter=False), 1).wait(0.8)
    stage.do(ContactChanged(lane="A", role="release_key", closed=True))
    stage.wait(20)
    assert (stage.lane.state, stage.gate) == ("idle", ["open", "free"])
    stage.do(ContactChanged(lane="A", role="release_key", closed=False))
    assert stage.gate == ["open", "free", "close", "open"]


def test_who_was_in_the_car_of_a_lift_that_is_none_any_more_is_forgotten() -> None:
    """Its site file was changed: a trip that nobody ends had the controller woken at once, for ever."""
    car = CarSetup(width_mm=1600, depth_mm=1400, rated_persons=10)
    stage = Stage(lanes=(LaneSetup(name="A", direction="elevator", passage_sensor=True, car=car),), limit=5)
    stage.scan(stage.booking(1))
    stage.cross()
    assert stage.lane.aboard == 1
    stage.lanes = (LaneSetup(name="A", direction="in", passage_sensor=True),)
    stage.start()
    stage.wait(200)
    assert stage.scan(stage.booking(2)) == "admit"
