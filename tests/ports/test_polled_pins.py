"""Pins without edges: one round of looking tells what changed, and a pin that is gone tells nothing."""

from __future__ import annotations

from firmware.ports.polled_pins import Poller


class Pin:
    def __init__(self, level: int) -> None:
        self.state: int | None = level
        self.told: list[int] = []

    def changed(self, level: int) -> None:
        self.told.append(level)


class Broken(Pin):
    @property
    def state(self) -> int:
        if self.ill:
            raise OSError("the line is gone")
        return self.now

    @state.setter
    def state(self, level: int) -> None:
        self.now, self.ill = level, False


def test_each_change_is_told_once() -> None:
    poller, one, other = Poller(), Pin(1), Pin(0)
    poller._thread = poller  # type: ignore[assignment]  # rounds are ours here
    poller.add(one)
    poller.add(other)
    for level in (1, 0, 0, 1):
        one.state = level
        poller.look()
    assert (one.told, other.told) == ([0, 1], [])


def test_a_removed_pin_is_silent_and_a_broken_one_is_asked_again() -> None:
    poller, gone, broken = Poller(), Pin(1), Broken(1)
    poller._thread = poller  # type: ignore[assignment]
    poller.add(gone)
    poller.add(broken)
    poller.remove(gone)
    gone.state, broken.ill = 0, True
    poller.look()
    broken.state = 0
    poller.look()
    assert (gone.told, broken.told) == ([], [0])
