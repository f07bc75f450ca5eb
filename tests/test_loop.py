"""The loop's timers, with a real clock and no device."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from firmware.clock import Clock
from firmware.loop import CALLS_A_TURN, INBOX, Loop


@pytest.fixture
def loop() -> Loop:
    nobody: Any = SimpleNamespace(prepare_step=lambda: False, waiting=False)
    return Loop(Clock(), nobody, nobody)


def turned_until(loop: Loop, t_ms: float) -> None:
    while loop.clock.elapsed_ms() < t_ms:
        loop.turn(wait=False)


def test_a_timer_is_called_when_it_asked_to_be_and_sooner_when_it_is_hastened(loop: Loop) -> None:
    called = list[float]()

    def timer(t_ms: float) -> float:
        called.append(t_ms)
        return t_ms + 3_600_000

    loop.every(timer)
    began = loop.clock.elapsed_ms()
    turned_until(loop, began + 20)
    assert len(called) == 1
    loop.hasten(timer, began + 200)
    loop.hasten(timer, began + 7_200_000)
    loop.turn(wait=False)
    turned_until(loop, began + 220)
    assert len(called) == 2 and called[1] >= began + 200


def test_who_wants_much_done_does_not_keep_the_ports_waiting(loop: Loop) -> None:
    done = list[int]()
    for number in range(3 * CALLS_A_TURN):
        loop.call(lambda number=number: done.append(number))  # type: ignore[misc]
    for turns in range(1, 4):
        loop.turn(wait=False)
        assert done == list(range(turns * CALLS_A_TURN))


def test_what_is_too_much_is_counted_and_pushes_nothing_out(loop: Loop) -> None:
    done = list[int]()
    for number in range(INBOX + 3):
        loop.call(lambda number=number: done.append(number))  # type: ignore[misc]
    while loop.calls_waiting:
        loop.turn(wait=False)
    assert (done, loop.dropped_events) == (list(range(INBOX)), 3)
