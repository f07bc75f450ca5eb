"""Pins without edges: one round of looking tells what changed, and a pin that is gone tells nothing."""

from __future__ import annotations

import threading
import time

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


def test_one_thread_looks_at_all_pins_of_its_own_accord() -> None:
    before = {thread for thread in threading.enumerate() if thread.name == "pins"}
    poller, pins = Poller(), [Pin(1), Pin(0)]
    for pin in pins:
        poller.add(pin)
    threads = {thread for thread in threading.enumerate() if thread.name == "pins"} - before
    assert len(threads) == 1 and all(thread.daemon for thread in threads), "it holds up no end of the process"
    pins[0].state, pins[1].state = 0, 1
    end = time.monotonic() + 20.0
    while not all(pin.told for pin in pins):
        assert time.monotonic() < end
        time.sleep(0.001)
    assert [pin.told for pin in pins] == [[0], [1]]
    poller._stopped.set()
