"""Doors on a table: exchanges without sockets, and a wire between them that does what networks do."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

from firmware.peers.side_exchange import Address, Exchange, Message

KEY = bytes(range(32))
Datagram = tuple[Address, Address, bytes]
"""(from, to, bytes)."""


def draws(start: int) -> Callable[[int], bytes]:
    """Random bytes that are the same in every run; nobody else draws these."""
    numbers = itertools.count(start * 1_000_000)
    return lambda size: next(numbers).to_bytes(size, "big")


def address(name: str) -> Address:
    return (name, 7946)


class Wire:
    """Carries what the doors say, in order; `spoil` turns one datagram into those that arrive."""

    def __init__(self, *names: str, hall: str = "baoshan", key: bytes = KEY) -> None:
        self.now_ms = 0.0
        self.doors: dict[Address, Exchange] = {}
        self.got: list[tuple[str, Message]] = []
        self.captured: list[Datagram] = []
        self.spoil: Callable[[Datagram], Iterable[Datagram]] = lambda datagram: [datagram]
        self.cut: set[str] = set()
        self._starts = itertools.count(1)
        self._hall, self._key, self._names = hall, key, names
        for name in names:
            self.start(name)

    def start(self, name: str, *, hall: str = "", key: bytes = b"") -> Exchange:
        """A door that begins anew, with nothing in its memory."""
        seeds = [address(other) for other in self._names if other != name]
        door = Exchange(key or self._key, hall or self._hall, name, seeds, draws(next(self._starts)))
        self.doors[address(name)] = door
        return door

    def door(self, name: str) -> Exchange:
        return self.doors[address(name)]

    def say(self, name: str, key: str, payload: bytes) -> None:
        assert self.door(name).publish(key, payload, self.now_ms)
        self.carry()

    def hand_on(self, name: str, key: str, payload: bytes) -> None:
        assert self.door(name).carry(key, payload)

    def carry(self) -> None:
        for _ in range(200):
            going = [
                (source, to, datagram)
                for source, door in self.doors.items()
                for datagram, to in _emptied(door)
            ]  # fmt: skip
            if not going:
                return
            self.captured += going
            for datagram in going:
                for arriving in self.spoil(datagram):
                    self.deliver(arriving)
        raise AssertionError("the doors never stop talking")

    def deliver(self, datagram: Datagram) -> None:
        source, to, raw = datagram
        if to not in self.doors or self.cut & {source[0], to[0]}:
            return
        message = self.doors[to].heard(raw, source, self.now_ms)
        if message is not None:
            self.got.append((to[0], message))

    def wait(self, for_ms: float, step_ms: float = 5.0) -> None:
        end = self.now_ms + for_ms
        while self.now_ms < end:
            self.now_ms += step_ms
            for door in self.doors.values():
                door.tend(self.now_ms)
            self.carry()

    def heard_by(self, name: str, key: str = "") -> list[bytes]:
        return [message.payload for to, message in self.got if to == name and key in ("", message.key)]


def _emptied(door: Exchange) -> list[tuple[bytes, Address]]:
    out = list(door.outbox)
    door.outbox.clear()
    return out
