"""One errand at a broker: connect, see who is there, say something, hear the answers, go. For `hallgate command`.

A hub stays and keeps a picture; who only gives an order must not ask every device for its history first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import partial
from types import TracebackType
from typing import Any, Self

from firmware.clock import Clock
from firmware.errors import Failure
from mqtt.address import Address
from mqtt.connection import Connection, Outgoing, Plan, Speaker
from mqtt.messages import Incoming
from mqtt.topics import Topics, place

CONNECT_S = 8.0
QUIET_S = 0.3
"""What the broker keeps for us comes at once after the subscription; so long without any is all of it."""


class Errand(Speaker):
    """`hear` and `delivered` are called in the connection's thread. Use as a context: leaving it says goodbye."""

    def __init__(
        self,
        address: Address,
        clock: Clock,
        hall: str,
        client_id: str,
        *,
        also: Iterable[str] = (),
        hear: Callable[[Incoming], None] = lambda message: None,
        delivered: Callable[[Any, int], None] = lambda token, reason: None,
    ) -> None:
        self.present: dict[str, bool] = {}
        """Devices the broker knows, and whether they are connected now."""
        self._hear, self._told, self._news = hear, delivered, threading.Condition()
        self._out: list[Outgoing] = []
        self._known = 0
        everyone = Topics(hall, "hub").hall_root + "device/+/availability"
        self._address, self._clock = address, clock
        plan = Plan(client_id=client_id, session_expiry_s=0, receive_maximum=100, subscriptions=(everyone, *also))
        self._connection = Connection(address, plan, self, clock)

    def __enter__(self) -> Self:
        """Connected, and everybody's availability heard. Failure without a broker, or where our own files are no good."""
        self._address.tls(self._clock.wall_ms() / 1000)  # told at once, not after trying again and again
        self._connection.start()
        if not self.wait(lambda: self._connection.connected, CONNECT_S):
            self._connection.stop(0.5)
            raise Failure(f"no answer from the broker: {self._connection.problem}")
        known = -1
        while known < self._known:
            known = self._known
            self.wait(partial(self._knows_more_than, known), QUIET_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.stop(1.0)

    def _knows_more_than(self, known: int) -> bool:
        return self._known > known

    def publish(self, messages: list[Outgoing]) -> None:
        """Send, from any thread."""
        with self._news:
            self._out += messages
        self._connection.wake()

    def wait(self, until: Callable[[], object], timeout_s: float) -> bool:
        """Until `until` is true, looked at whenever something was heard; False when that took too long."""
        with self._news:
            return bool(self._news.wait_for(until, timeout_s))

    # ------------------------------------------------------------ the connection's thread

    def up(self, now_ms: float) -> list[Outgoing]:
        with self._news:
            self._news.notify_all()
        return []

    def heard(self, message: Incoming) -> None:
        where = place(message.topic)
        with self._news:
            if where is not None and where.last == "availability":
                self._known += 1
                self.present[where.device] = message.payload == b"online"
            self._hear(message)
            self._news.notify_all()

    def delivered(self, token: Any, reason: int, now_ms: float) -> None:
        if token is not None:
            self._told(token, reason)

    def more(self, now_ms: float, room: int) -> tuple[list[Outgoing], float | None]:
        with self._news:
            out, self._out = self._out[:room], self._out[room:]
        return out, None
