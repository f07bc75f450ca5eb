"""A Modbus board whose process or plug comes and goes: what is said at a start, an end and a re-plug, by whichever lane."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.outputs import gate_relay_modbus as modbus
from sensors.driver import Send
from sensors.readings import Silent
from tests.outputs.bench import CLOSE, Bench, opening
from tests.outputs.modbus_bench import OFF, ON, bench


@pytest.mark.parametrize(("on_failure", "at_start", "at_stop"), [("closed", [OFF], [OFF]), ("open", [], [ON])])
def test_start_and_stop(on_failure: str, at_start: list[str], at_stop: list[str]) -> None:
    line = bench(on_failure)
    line.start()
    line.run(60_000)
    assert line.take_sent() == at_start
    line.stop()
    assert line.take_sent() == at_stop


def test_stop_does_not_wait_for_the_line() -> None:
    line = bench()
    line.order(opening(5_000))
    line.stop()
    assert line.take_sent()[-1] == OFF


def test_a_way_out_that_a_standstill_opened_is_not_shut_by_a_close_nobody_had_answered() -> None:
    line = bench("open")
    line.far.deaf = True
    line.order(CLOSE)
    line.run(100)
    line.far.deaf = False
    line.stop()
    line.run(60_000)
    assert line.far.is_open()
    line.order(CLOSE)
    line.run(1_000)
    assert not line.far.is_open()


@pytest.mark.parametrize(
    "before",
    [
        pytest.param([opening(5_000), CLOSE], id="a close waits behind an opening"),
        pytest.param([CLOSE], id="a close is on its way"),
    ],
)
def test_what_was_ordered_before_the_end_of_the_process_is_not_sent_after_it(before: list[Any]) -> None:
    line = bench("open")
    line.far.mute = True
    for order in before:
        line.order(order)
    line.stop()
    line.take_sent()
    line.run(10_000)
    assert set(line.take_sent()) == {ON}


def unheard(for_ms: int) -> Bench:
    """An opening of five seconds was ordered so long ago, of a board that does not hear."""
    line = bench()
    line.far.deaf = True
    line.order(opening(5_000))
    line.run(for_ms)
    line.take_sent()
    return line


def test_a_replug_begins_with_a_free_line() -> None:
    line = unheard(50)
    line.replug()
    assert line.take_sent() == ["01 05 02 00 00 32 4d a7"]


def test_a_replug_brings_an_opening_that_was_not_answered_though_a_question_was() -> None:
    line = bench(asks_state=True)
    line.run(1)
    line.order(opening(5_000))
    line.run(8)
    line.far.deaf = True
    line.run(1_000)
    line.far.deaf = False
    line.replug()
    assert line.far.is_open()


def test_a_replug_leaves_an_answered_opening_to_the_board() -> None:
    line = bench()
    line.order(opening(5_000))
    line.run(1_000)
    line.take_sent()
    line.replug()
    assert line.take_sent() == []


def test_a_replug_brings_an_opening_that_never_arrived_for_its_rest_only() -> None:
    line = unheard(3_000)
    line.far.deaf = False
    line.replug()
    assert [raw[:12] for raw in line.take_sent()] == ["01 05 02 00 "]
    assert int.from_bytes(line.log[-1][1][4:6]) == 20
    line.run(2_000)
    line.replug()
    assert line.take_sent() == [OFF]


def test_two_lanes_on_one_board_that_spoke_at_once_are_both_obeyed() -> None:
    lanes = [modbus.Encoder(modbus.Settings(channel=channel)) for channel in (1, 2)]
    far = modbus.Simulator(modbus.Settings())
    glued = lanes[0].order(opening(5_000), 0.0), lanes[1].order(opening(5_000), 0.0)
    assert all(isinstance(sent[0], Send) for sent in glued)  # the board understood neither
    answers: list[tuple[float, bytes]] = []
    for t_ms in range(1, 1_000):
        for at_ms, raw in [answer for answer in answers if answer[0] <= t_ms]:
            answers.remove((at_ms, raw))
            for lane in lanes:
                assert not [part for part in lane.feed(raw, t_ms) if isinstance(part, Silent)]
        for lane in lanes:
            if lane.wake_at_ms is not None and lane.wake_at_ms <= t_ms:
                for part in lane.tick(t_ms):
                    assert not isinstance(part, Silent)
                    answers += [(t_ms + 22, later.raw) for later in far.hear(part.raw, t_ms)]
    assert far.energised(1, 1_000) and far.energised(2, 1_000)
    assert len(far.history) == 4  # one flash each: on, and off again


def test_an_order_that_is_on_its_way_is_not_sent_again() -> None:
    line = bench()
    line.replug()
    line.start()
    line.run(1_000)
    assert line.take_sent() == [OFF]
