"""The side link's port in one process: two of them on the loopback, what the loop is told, and what a flood may take."""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from collections.abc import Iterator

import pytest

from firmware.clock import Clock
from firmware.peers.side_link import BATCH, DEAF_MS, SideLink
from tests.side.wires import KEY

PATIENCE_S = 20.0
DEVICES = ("entry-1", "exit-1")


class Door:
    """One device's link, turned as the loop does it."""

    def __init__(self, name: str, listen: str, *peers: str) -> None:
        self.heard = list[tuple[str, bytes, str]]()
        self.woken = 0
        self.clock = Clock()
        self.link = SideLink(listen, peers, KEY, "baoshan", name, self.clock, lambda *said: self.heard.append(said))
        self.link.wake = self._woken
        self.due_ms = 0.0

    def _woken(self) -> None:
        self.woken, self.due_ms = self.woken + 1, 0.0

    def turn(self) -> None:
        if self.clock.elapsed_ms() >= self.due_ms:
            self.due_ms = self.link.tend(self.clock.elapsed_ms())
        if self.link.fileno() >= 0 and select.select([self.link.fileno()], [], [], 0.005)[0]:
            assert self.link.read() == []


def free_addresses() -> list[str]:
    lines = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in DEVICES]
    for line in lines:
        line.bind(("127.0.0.1", 0))
    found = [f"127.0.0.1:{line.getsockname()[1]}" for line in lines]
    for line in lines:
        line.close()
    return found


@pytest.fixture
def doors() -> Iterator[list[Door]]:
    where = free_addresses()
    made = [Door(name, listen, *set(where) - {listen}) for name, listen in zip(DEVICES, where, strict=True)]
    yield made
    for door in made:
        door.link.close()
        door.link.close()


def until(doors: list[Door], true: object) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end
        for door in doors:
            door.turn()


def test_what_one_door_says_the_other_hears_and_both_know_when(doors: list[Door]) -> None:
    entry, leave = doors
    assert entry.link.fileno() == -1 and entry.link.peers() == {} and not entry.link.heard_the_hall()
    until(doors, lambda: entry.link.peers() and leave.link.peers())
    assert not entry.link.heard_the_hall(), "it has said nothing yet"
    assert leave.link.publish("row/exit-1", b"seven")
    until(doors, lambda: entry.heard)
    assert entry.heard == [("row/exit-1", b"seven", "exit-1")] and entry.link.heard_the_hall()
    (silent_ms,) = entry.link.peers().values()
    assert 0 <= silent_ms < 1_000 * PATIENCE_S
    assert entry.woken and leave.woken, "what is said or heard may be due sooner than the loop was told"
    entry.link.write(b"no line hangs here")
    assert (entry.link.because, entry.link.dropped) == ("", 0)


def test_a_flood_takes_one_batch_a_turn_and_the_loop_is_free_meanwhile(doors: list[Door]) -> None:
    entry, _ = doors
    entry.turn()
    host, port = entry.link.name.removeprefix("side link ").split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
        for _ in range(2 * BATCH):
            flood.sendto(b"x" * 100, (host, int(port)))
        entry.link.read()
        refused = entry.link.exchange.refused
        assert refused.total() == BATCH
        assert entry.link.fileno() == -1, "deaf, so that the loop does not come back at once"
        now_ms = entry.clock.elapsed_ms()
        assert entry.link.tend(now_ms) <= now_ms + DEAF_MS
        entry.link.tend(now_ms + DEAF_MS)
        assert entry.link.fileno() >= 0
        entry.link.read()
        assert refused.total() == 2 * BATCH


def test_a_datagram_longer_than_any_of_ours_is_seen_to_be_so(doors: list[Door]) -> None:
    entry, _ = doors
    entry.turn()
    host, port = entry.link.name.removeprefix("side link ").split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"HGS1" + bytes(1_300), (host, int(port)))
    entry.link.read()
    assert entry.link.exchange.refused == {"garbled": 1}


def test_a_port_that_is_taken_is_told_and_tried_again_every_second() -> None:
    where, there = free_addresses()
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    host, port = where.split(":")
    taken.bind((host, int(port)))
    before = len(os.listdir("/proc/self/fd"))
    door = Door("entry-1", where, there)
    assert [door.link.tend(t_ms) for t_ms in (0.0, 5.0)] == [1_000.0, 1_005.0]
    assert door.link.fileno() == -1 and door.link.because.startswith(f"{where} cannot be listened on: ")
    assert len(os.listdir("/proc/self/fd")) == before
    assert door.link.publish("row/entry-1", b"x") and door.link.dropped > 0, "nobody hears it now"
    taken.close()
    door.link.tend(2_000.0)
    assert door.link.fileno() >= 0 and door.link.because == ""
    door.link.close()
    assert len(os.listdir("/proc/self/fd")) == before - 1


@pytest.mark.parametrize("listen", ["127.0.0.1:", "127.0.0.1:x", "no.such.name.invalid:7946"])
def test_an_address_that_is_none_keeps_a_door_from_nothing_else(listen: str) -> None:
    door = Door("entry-1", listen, listen)
    assert door.link.tend(0.0) == 1_000.0 and "cannot be listened on" in door.link.because
    assert door.link.exchange.seeds == frozenset()


def test_an_address_that_is_no_longer_this_machines_is_told_until_something_leaves(doors: list[Door]) -> None:
    """Its socket still stands, so nothing but the sending itself knows: a router gave the machine another address."""
    entry, leave = doors
    until(doors, lambda: entry.link.peers() and leave.link.peers())
    assert (entry.link.named, entry.link.because) == (1, "")
    there = entry.link._socket
    assert there is not None
    entry.link._socket = Readdressed()  # type: ignore[assignment]
    assert entry.link.publish("row/entry-1", b"x")
    assert entry.link.because == f"{entry.link._listen} cannot be sent from: Cannot assign requested address"
    assert entry.link.dropped > 0
    entry.link._socket = there
    assert entry.link.publish("row/entry-1", b"y") and entry.link.tend(entry.clock.elapsed_ms() + 100) > 0
    assert entry.link.because == ""


class Readdressed:
    def sendto(self, _datagram: bytes, _address: object) -> int:
        raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))


def test_its_own_address_in_the_list_is_no_other_door(doors: list[Door]) -> None:
    _, leave = doors
    own, other = (door.link._listen for door in doors)
    both = [Door(DEVICES[0], own, own, other), leave]
    doors[0].link.close()
    until(both, lambda: both[0].link.peers() and both[0].link.exchange.mirrors)
    assert both[0].link.named == 1
    both[0].link.close()
