"""Route light and buzzer: on by order, in their rhythm, and off by themselves whatever becomes of whoever ordered it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core.actions import Buzz, LampShow, RouteLight
from firmware.outputs import buzzer_pin, light_pin
from firmware.outputs.signal_pin import SHOW_MAX_MS
from sensors.driver import Edge
from tests.outputs.bench import CLOSE, FREE, Bench, opening

ON, OFF = Edge("signal", 1), Edge("signal", 0)


def light(show_ms: int) -> RouteLight:
    return RouteLight(lane="A", show_ms=show_ms)


def buzz(show_ms: int) -> Buzz:
    return Buzz(lane="A", show_ms=show_ms)


def test_the_light_is_steady_is_renewed_and_ends_by_itself() -> None:
    bench = Bench("light_pin")
    bench.start()
    assert bench.take_sent() == [OFF]
    bench.order(light(5_000))
    bench.run(4_000)
    bench.order(light(5_000))
    bench.run(4_999)
    assert bench.take_sent() == [ON] and bench.far.on
    bench.run(2)
    assert bench.take_sent() == [OFF] and bench.near.wake_at_ms is None


def test_the_buzzer_has_a_rhythm_and_zero_silences_it_at_once() -> None:
    bench = Bench("buzzer_pin")
    bench.order(buzz(60_000))
    bench.run(4_100)
    edges = [(t_ms - bench.log[0][0], raw) for t_ms, raw in bench.log]
    assert [raw for _, raw in edges] == [ON, OFF, ON, OFF, ON] and edges[1][0] == 500 and edges[2][0] == 2_000
    bench.order(buzz(60_000))
    bench.run(399)
    assert bench.log[-1][1] == ON, "the rhythm goes on"
    bench.run(1)
    assert bench.log[-1][1] == OFF
    bench.run(1_600)
    bench.order(buzz(0))
    assert bench.take_sent()[-2:] == [ON, OFF] and bench.near.wake_at_ms is None
    bench.run(60_000)
    assert bench.take_sent() == []


@pytest.mark.parametrize("name", ["light_pin", "buzzer_pin"])
def test_orders_for_others_and_the_end_of_the_process(name: str) -> None:
    bench = Bench(name)
    other = buzz(1_000) if name == "light_pin" else light(1_000)
    for order in (opening(), FREE, CLOSE, LampShow(lane="A", colour="green"), other):
        bench.order(order)
    assert bench.take_sent() == []
    bench.order(light(9_000) if name == "light_pin" else buzz(9_000))
    bench.stop()
    bench.stop()
    assert bench.take_sent() == [ON, OFF]


def test_a_cable_that_was_pulled_comes_back_with_what_is_left() -> None:
    bench = Bench("light_pin")
    bench.order(light(5_000))
    bench.take_sent()
    bench.run(1_000)
    bench.replug()
    assert bench.take_sent() == [ON]
    bench.now_ms += 10_000
    bench.replug()
    assert bench.take_sent() == [OFF]


def test_active_low_is_on_at_0() -> None:
    bench = Bench("buzzer_pin", buzzer_pin.Settings(active_high=False))
    bench.order(buzz(1_000))
    assert bench.take_sent() == [OFF] and bench.far.on


orders = st.tuples(st.just("order"), st.integers(-10, 2 * SHOW_MAX_MS) | st.integers(0, 3_000))
waits = st.tuples(st.just("run"), st.integers(0, 4_000))
others = st.tuples(st.sampled_from(["replug", "stall"]), st.integers(0, 4_000))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([0, 300]), st.lists(st.one_of(orders, waits, others), max_size=25))
def test_no_order_no_signal_and_no_signal_without_an_end(off_ms: int, day: list[tuple[str, int]]) -> None:
    bench, until_ms = Bench("light_pin", light_pin.Settings(off_ms=off_ms)), 0.0
    bench.start()
    for what, value in day:
        if what == "order":
            until_ms = bench.now_ms + min(value, SHOW_MAX_MS) if value > 0 else 0.0
            bench.order(light(value))
        elif what == "run":
            bench.run(value)
            assert not bench.far.on or bench.now_ms < until_ms
        else:
            bench.now_ms += value if what == "stall" else 0
            bench.replug()
    bench.run(2 * SHOW_MAX_MS)
    wake: Any = bench.near.wake_at_ms
    assert not bench.far.on and wake is None
