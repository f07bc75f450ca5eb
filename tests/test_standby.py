"""Who watches the loop from beside: when it acts, on what, and how it hands back. On a frozen disk: tests/device."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from firmware import standby
from firmware.cables import Cable, Line
from firmware.standby import LOOKS
from sensors import counter_beam_pair
from sensors.driver import Send
from tests.core.stage import Stage
from tests.held_up import WAYS, with_a_disk


def lost() -> dict[str, int]:
    raise OSError("the chip is gone")


@pytest.mark.parametrize(
    ("port", "occupied"),
    [
        (SimpleNamespace(levels=lambda: {"outside": 0, "inside": 0}), False),
        (SimpleNamespace(levels=lambda: {"outside": 0, "inside": 1}), True),
        (SimpleNamespace(levels=lost), True),
        (SimpleNamespace(), True),
    ],
)
def test_a_counter_that_cannot_be_asked_counts_as_somebody(port: Any, occupied: bool) -> None:
    """While the loop stands still: no gate shuts on a body, and no error keeps the ways out shut."""
    assert standby._broken(counter_beam_pair.Decoder(counter_beam_pair.Settings()), port) is occupied


class Encoder:
    """Of a gate: what it is told to be without software, and whether its opening is past its end."""

    def __init__(self, past: bool = False) -> None:
        self.past = past

    def stop(self, t_ms: float) -> list[Any]:
        return [Send(b"rest")]

    def overdue(self, t_ms: float) -> bool:
        return self.past


def standing_by(loop: Any) -> tuple[standby.Standby, dict[str, list[bytes]]]:
    """A way out B, and gates A, C, D: C is not past its end, in D's beams stands somebody."""
    by, written = standby.Standby(loop, ()), dict[str, list[bytes]]()
    for name, past in (("A", True), ("B", True), ("C", False), ("D", True)):
        written[name] = []
        port: Any = SimpleNamespace(write=written[name].append, fileno=lambda: -1)
        hand = (Encoder(), Cable(port, []), Line(name, "gate", "x", Encoder(past)))
        (by._ways_out if name == "B" else by._relays).append(hand)
    beams = Cable(SimpleNamespace(levels=lambda: {"outside": 0, "inside": 1}), [])  # type: ignore[arg-type]
    counter = counter_beam_pair.Decoder(counter_beam_pair.Settings())
    by._counters = [(beams, Line(name, "counter", "x", counter)) for name in ("B", "D")]
    return by, written


def test_who_stands_by_acts_when_one_turn_does_not_end_and_again_as_long_as_it_does_not() -> None:
    loop = with_a_disk(Stage(lanes=WAYS))[0].loop
    by, written = standing_by(loop)
    rested: list[int] = []
    for look in range(1, 3 * LOOKS):
        loop.beat = 2 * look + 1  # busy, and every turn ends
        by.look()
    for _ in range(3 * LOOKS):
        loop.beat = 100  # nothing to do for long
        by.look()
    assert not any(written.values()) and loop.queue == 0
    loop.beat = 101
    for _ in range(1 + 2 * LOOKS):
        by.look()
        rested.append(len(written["B"]))
    assert rested == [0] * LOOKS + [1] * LOOKS + [2]
    assert written == {"A": [b"rest"] * 2, "B": [b"rest"] * 2, "C": [], "D": []}, "and no gate shuts on a body"
    assert (loop.queue, loop.calls_waiting) == (1, 1), "it is told of once"
    told: Any = loop._posted[0][0]
    assert (told.what, told.active, told.detail) == ("standstill", True, "the ways out were opened")


def test_a_process_that_was_frozen_as_a_whole_has_stood_still_for_nobody() -> None:
    loop = with_a_disk(Stage(lanes=WAYS))[0].loop
    by, written = standing_by(loop)
    loop.beat = 7
    for _ in range(LOOKS):
        by.look()
    loop.beat = 9
    by.look()
    assert not any(written.values())


def test_when_the_loop_goes_on_a_way_out_is_told_how_to_stand_as_soon_as_nobody_is_in_it() -> None:
    stage = Stage(lanes=WAYS)
    held_up, _, _ = with_a_disk(stage)
    by = standby.Standby(held_up.loop, ())
    told: list[str] = []
    held_up.loop.tell_again = lambda cable, line: told.append(line.lane)  # type: ignore[method-assign]
    cable = Cable(SimpleNamespace(fileno=lambda: -1), [])  # type: ignore[arg-type]
    by._ways_out = [(Encoder(), cable, Line("X", "gate", "x", Encoder()))]
    assert by._hand_back(0.0) is None and told == []
    way_out = stage.controller.state.lanes["X"]
    way_out.blocked = True
    by._when_it_goes_on()
    again_ms = by._hand_back(1_000.0)
    assert again_ms is not None and again_ms > 1_000.0 and told == []
    way_out.blocked = False
    assert by._hand_back(again_ms) is None and told == ["X"] and held_up.loop.queue == 1
    assert by._hand_back(again_ms + 1) is None and (told, held_up.loop.queue) == (["X"], 1)
