"""The tripod board: one opening per person, each confirmed; what waits is dropped rather than opened blindly."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.outputs import gate_board_fe as fe
from sensors.driver import find
from sensors.readings import Garbled, GatePassed, GateTimedOut, Silent
from tests.outputs.bench import CLOSE, FREE, Bench, opening

A, B = "fe 80 01 00 00 00 ab", "fe 80 02 00 00 00 ab"


def bench(on_failure: str = "closed", **settings: Any) -> Bench:
    return Bench("gate_board_fe", fe.Settings(**settings), on_failure)


def pushed(line: Bench, direction: Any, passed: bool = True) -> None:
    line.show(GatePassed(direction) if passed else GateTimedOut(direction))
    line.run(10)


def test_it_is_a_passage_sensor_too() -> None:
    assert set(find("gate_board_fe").gives) == {GatePassed, GateTimedOut}


@pytest.mark.parametrize(
    ("side_in", "way", "frames"),
    [("A", "in", [A]), ("A", "out", [B]), ("B", "in", [B]), ("B", "out", [A]), ("A", "both", [A, B])],
)
def test_the_right_side_opens(side_in: str, way: str, frames: list[str]) -> None:
    line = bench(side_in=side_in)
    line.order(opening(way=way))
    assert line.take_sent() == frames
    assert line.far.is_open(way=way)


@pytest.mark.parametrize("side_in", ["A", "B"])
@pytest.mark.parametrize("direction", ["in", "out"])
def test_passages_and_time_outs_come_back_with_their_direction(side_in: str, direction: Any) -> None:
    line = bench(side_in=side_in)
    pushed(line, direction)
    pushed(line, direction, passed=False)
    assert line.readings == [GatePassed(direction), GateTimedOut(direction)]
    assert line.take_sent() == []


def test_a_party_is_let_in_one_by_one() -> None:
    line = bench()
    line.order(opening(persons=3))
    line.run(1_000)
    assert line.take_sent() == [A]
    pushed(line, "in")
    assert line.take_sent() == [A]
    pushed(line, "in", passed=False)
    assert line.take_sent() == [A]
    pushed(line, "in")
    line.run(100_000)
    assert line.take_sent() == []
    assert [type(reading) for reading in line.readings] == [GatePassed, GateTimedOut, GatePassed]


def test_the_controller_may_open_again_after_each_passage_without_opening_twice() -> None:
    line = bench()
    line.order(opening(persons=2))
    pushed(line, "in")
    line.order(opening(persons=1))
    assert line.take_sent() == [A, A]
    pushed(line, "in")
    assert line.take_sent() == []


def test_a_leaving_person_never_waits_for_an_entering_one() -> None:
    line = bench()
    line.order(opening(persons=3))
    line.order(opening(way="out"))
    assert line.take_sent() == [A, B]
    pushed(line, "out")
    assert line.take_sent() == []


def test_who_asks_to_leave_again_is_let_out_though_the_board_told_nothing_of_the_first_time() -> None:
    line = bench(answer_ms=15_000)
    for _ in range(4):
        line.order(opening(way="out"))
        line.run(4_000)
    assert line.take_sent() == [B] * 4


def test_a_silent_board_gets_nothing_more_of_the_party() -> None:
    line = bench(answer_ms=5_000)
    line.order(opening(persons=3))
    line.run(60_000)
    assert line.take_sent() == [A]
    assert line.readings == [Silent(5_000.0)]
    pushed(line, "in")  # far too late: a passage, and no opening of it
    assert line.readings[-1] == GatePassed("in")
    assert line.take_sent() == []


def test_a_party_is_no_crowd() -> None:
    line = bench()
    line.order(opening(persons=1_000))
    for _ in range(100):
        pushed(line, "in")
    assert line.take_sent() == [A] * 50


def test_close_drops_what_waits() -> None:
    line = bench()
    line.order(opening(persons=3))
    line.order(CLOSE)
    pushed(line, "in")
    line.run(60_000)
    assert line.take_sent() == [A]
    assert line.readings == [GatePassed("in")]


def test_free_opens_both_sides_again_until_close() -> None:
    line = bench(renew_ms=2_000)
    line.order(opening(persons=2))
    line.order(FREE)
    assert line.take_sent() == [A, A, B]
    pushed(line, "out")
    assert line.take_sent() == [B]
    line.run(4_000)
    assert line.take_sent() == [A, B] * 2
    line.order(CLOSE)
    line.run(60_000)
    pushed(line, "in")
    assert line.take_sent() == []


def test_a_gate_that_stands_free_is_opened_again_though_nobody_pushes() -> None:
    line = bench(renew_ms=2_000)
    line.order(opening())
    line.order(FREE)
    line.run(4_000)
    assert line.take_sent() == [A, *[A, B] * 3]
    line.run(60_000)
    assert line.readings == [], "and no answer is missed"


def test_opening_a_free_gate_changes_nothing() -> None:
    line = bench()
    line.order(FREE)
    line.take_sent()
    line.order(opening(persons=5))
    assert line.take_sent() == []
    line.order(CLOSE)
    pushed(line, "in")
    assert line.take_sent() == []


@pytest.mark.parametrize(("on_failure", "at_stop"), [("closed", []), ("open", [A, B])])
def test_start_stop_and_replug(on_failure: str, at_stop: list[str]) -> None:
    line = bench(on_failure)
    line.start()
    line.replug()
    line.run(60_000)
    assert line.take_sent() == []
    line.order(opening(persons=3))
    line.replug()
    pushed(line, "in")
    assert line.take_sent() == [A]  # nothing of the party after the cable went
    line.order(FREE)
    line.take_sent()
    line.replug()
    assert line.take_sent() == [A, B]
    line.stop()
    line.run(60_000)
    assert line.take_sent() == at_stop


@pytest.mark.parametrize(
    "bad", ["fe 81 03 00 00 00 ab", "fe 81 01 00 00 00 ac", "fe 82 01 00 00 00 ab", "ff 81 01 00 00 00 ab", "fe"]
)
def test_a_frame_of_another_shape_is_counted(bad: str) -> None:
    line = bench()
    line.feed(bytes.fromhex(bad))
    pushed(line, "in")
    assert {type(reading) for reading in line.readings[:-1]} == {Garbled}
    assert line.readings[-1] == GatePassed("in") and line.garbled_bytes() == len(bytes.fromhex(bad))


@pytest.mark.parametrize("order", [opening(0), opening(-1), opening(persons=0), opening(persons=-2)])
def test_an_order_for_nobody_opens_nothing(order: Any) -> None:
    line = bench()
    line.order(order)
    assert line.take_sent() == []
