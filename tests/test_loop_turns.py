"""The loop's sleep and its end: who wakes it, what lets it sleep again, and that it does not end with a body in a gate."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from firmware.cables import Cable, Line
from firmware.clock import Clock
from firmware.core.events import ClockChecked, CodeRead, DeviceHealth
from firmware.loop import CALLS_A_TURN, Loop
from tests.core.stage import Stage
from tests.held_up import WAYS, with_a_disk


@pytest.fixture
def loop() -> Loop:
    nobody: Any = SimpleNamespace(prepare_step=lambda: False, waiting=False)
    return Loop(Clock(), nobody, nobody)


def rings(loop: Loop) -> bool:
    """Whether the next turn would begin at once, whatever is due."""
    return bool(loop._selector.select(0))


def test_a_ring_begins_one_turn_and_calls_that_wait_begin_another(loop: Loop) -> None:
    """Else it never slept again, and took one of four cores for ever."""
    loop.turn(wait=False)
    assert not rings(loop)
    for _ in range(CALLS_A_TURN + 1):
        loop.call(lambda: None)
    assert rings(loop)
    loop.turn(wait=False)
    assert rings(loop) and loop.calls_waiting == 1
    loop.turn(wait=False)
    assert not rings(loop) and loop.calls_waiting == 0


def test_a_timer_that_wanted_nothing_more_is_called_when_it_is_hastened(loop: Loop) -> None:
    """As who stands by is, once the loop goes on."""
    called = list[float]()
    timer = called.append
    loop.every(timer)
    for _ in range(3):
        loop.turn(wait=False)
    assert len(called) == 1
    loop.hasten(timer, 0.0)
    loop.turn(wait=False)
    assert len(called) == 2


@pytest.mark.parametrize("how", ["stop", "call"])
def test_whoever_wants_something_does_not_wait_for_what_is_due(loop: Loop, how: str) -> None:
    loop.clock.seconds_until = lambda t_ms: 3_600.0  # type: ignore[method-assign]
    asleep = threading.Event()
    loop.every(lambda t_ms: asleep.set())
    running = threading.Thread(target=lambda: loop.turn() or loop.turn(), daemon=True)
    loop.ring()  # one turn, then it sleeps for an hour
    running.start()
    assert asleep.wait(30)
    {"stop": loop.stop, "call": lambda: loop.call(list)}[how]()
    running.join(30)
    assert not running.is_alive()


def test_what_is_done_behind_all_that_was_read_waits_also_for_what_was_told_last() -> None:
    stage = Stage(lanes=WAYS)
    held_up, _, _ = with_a_disk(stage)
    late, done = [CodeRead(lane="A", fact=stage.booking(1))], list[int]()
    held_up.loop.after.append(lambda _: [held_up.loop.post(late.pop()) for _ in range(len(late))])  # type: ignore[arg-type, return-value]
    held_up.loop.when_judged(lambda: done.append(stage.controller.state.seq))
    before = stage.controller.state.seq
    held_up.judge([(ClockChecked(), 0.0)])
    assert done == [] and held_up.loop.queue == 1
    held_up.loop.turn(wait=False)
    assert len(done) == 1 and done[0] > before


def test_a_device_that_was_never_there_is_missed_like_one_that_goes() -> None:
    held_up, _, _ = with_a_disk(Stage(lanes=WAYS))
    port: Any = SimpleNamespace(fileno=lambda: -1, because="No such file or directory")
    held_up.loop.add(Cable(port, [Line("A", "scanner", "scanner_text_line", SimpleNamespace())]))
    told = [event for event, _ in held_up.loop._inbox if isinstance(event, DeviceHealth)]
    assert [(one.device, one.state, one.because) for one in told] == [
        ("scanner", "unplugged", "No such file or directory")
    ]


@pytest.mark.parametrize(("leaves_after", "turns"), [(0, 0), (3, 3), (99, 10)])
def test_the_end_waits_for_a_body_in_a_gate_and_not_for_ever(leaves_after: int, turns: int) -> None:
    """Each turn takes a tenth of a second here, and it waits for one at most."""
    stage, seen = Stage(lanes=WAYS), list[float]()
    held_up, _, _ = with_a_disk(stage)
    loop, lane = held_up.loop, stage.controller.state.lanes["A"]
    lane.open_until_ms = 1_000_000

    def turn(wait: bool = True) -> None:
        seen.append(held_up.late_ms)
        held_up.late_ms += 100
        lane.blocked = len(seen) < leaves_after

    loop.turn = turn  # type: ignore[method-assign]
    lane.blocked = leaves_after > 0
    loop.let_through(1_000)
    assert len(seen) == turns
