"""The loop's timers, with a real clock and no device."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from firmware.clock import Clock
from firmware.loop import Loop


def turned_until(loop: Loop, t_ms: float) -> None:
    while loop.clock.elapsed_ms() < t_ms:
        loop.turn(wait=False)


def test_a_timer_is_called_when_it_asked_to_be_and_sooner_when_it_is_hastened() -> None:
    nobody: Any = SimpleNamespace(prepare_step=lambda: False, waiting=False)
    loop, called = Loop(Clock(), nobody, nobody), list[float]()

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
