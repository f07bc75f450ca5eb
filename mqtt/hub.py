"""A hub: listens to every device of a hall (or of all halls), keeps the picture, asks for what it lacks.

Each message is acknowledged after it is in the picture. A device's events are taken once (`gaps.py`) and holes are
asked for with `history`, so a hub that was away, or a broker that died with acknowledged messages, loses nothing that
a journal still holds.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from mqtt.address import Address
from mqtt.connection import Clock, Connection, Outgoing, Plan
from mqtt.messages import HistoryRequest, Incoming
from mqtt.orders import Orders
from mqtt.topics import Place, Topics, answers_to, heard_by_hub, is_answer, place, rights_place
from mqtt.view import Change, HallView

TEND_MS = 500.0
HALLS_MAX = 64
ORDERS_MAX = 2_000
Listener = Callable[[HallView, list[Change]], None]


class Hub:
    """`listener` is told what changed, in the connection's thread and under `lock`."""

    def __init__(
        self,
        address: Address,
        clock: Clock,
        *,
        hall: str | None = None,
        client_id: str,
        session_expiry_s: int = 60,
        listener: Listener = lambda view, changes: None,
        link_changed: Callable[[bool, str], None] = lambda connected, problem: None,
        orders: Orders | None = None,
    ) -> None:
        self.lock = threading.Lock()
        self.halls: dict[str, HallView] = {hall: HallView(hall)} if hall is not None else {}
        self._listener, self._link_changed, self._given = listener, link_changed, orders
        self._answers = answers_to(hall or "+", client_id)
        self._orders: deque[Outgoing] = deque(maxlen=ORDERS_MAX)
        self._tend_ms = 0.0
        self._now_ms = 0.0
        self.asked = 0
        """History requests sent."""
        plan = Plan(
            client_id=client_id,
            session_expiry_s=session_expiry_s,
            receive_maximum=100,
            subscriptions=(*heard_by_hub(hall), *([self._answers] if orders else [])),
        )
        self.connection = Connection(address, plan, self, clock)

    def start(self) -> None:
        self.connection.start()

    def stop(self, timeout_s: float) -> bool:
        return self.connection.stop(timeout_s)

    def publish(self, messages: list[Outgoing]) -> None:
        """Send orders, from any thread. What waits while there is no connection dies by its own expiry."""
        self._orders.extend(messages)
        self.connection.wake()

    # ------------------------------------------------------------ the connection's thread

    def up(self, now_ms: float) -> list[Outgoing]:
        with self.lock:
            for view in self.halls.values():
                view.listens(now_ms)
        self._link_changed(True, "")
        return []

    def down(self, because: str, now_ms: float) -> None:
        self._link_changed(False, because)

    def heard(self, message: Incoming) -> None:
        if self._given is not None and is_answer(message.topic):
            self._given.answered(message)
            return
        rights = rights_place(message.topic)
        where = rights or place(message.topic)
        if where is None:
            return
        with self.lock:
            if where.hall not in self.halls and len(self.halls) >= HALLS_MAX:
                return
            view = self.halls.setdefault(where.hall, HallView(where.hall))
            if isinstance(where, Place):
                changes = view.heard(where.device, where.last, message.payload, self._now_ms)
            else:
                changes = view.heard_rights(where.resource, where.inc, message.payload, self._now_ms)
            if changes:
                self._listener(view, changes)

    def more(self, now_ms: float, room: int) -> tuple[list[Outgoing], float | None]:
        self._now_ms = now_ms
        orders = [self._orders.popleft() for _ in range(min(room, len(self._orders)))]
        if orders or now_ms < self._tend_ms or room <= 0:
            return orders, max(1.0, self._tend_ms - now_ms)
        self._tend_ms = now_ms + TEND_MS
        with self.lock:
            for view in self.halls.values():
                if changes := view.tick(now_ms):
                    self._listener(view, changes)
            requests = [one for hall in self.halls.values() for one in _requests(hall, now_ms)]
        self.asked += len(requests)
        return requests[:room], TEND_MS

    def delivered(self, token: Any, reason: int, now_ms: float) -> None:
        if self._given is not None and token is not None:
            self._given.delivered(token, reason)

    def farewell(self) -> list[Outgoing]:
        return []


def history_request(hall: str, device: str, ranges: Sequence[tuple[int, int]]) -> Outgoing:
    """Ask a device for these events again, both ends included."""
    payload = HistoryRequest(v=1, ranges=tuple(ranges)).encoded()
    return Outgoing(topic=Topics(hall, device).history, payload=payload, schema="hallgate/v1/history", expiry_s=30)


def _requests(view: HallView, now_ms: float) -> list[Outgoing]:
    """One history request per device that is there and owes us something."""
    requests = []
    for name, device in view.devices.items():
        ranges = device.gaps.wanted(now_ms) if device.online and device.gaps.missing else []
        if ranges:
            requests.append(history_request(view.name, name, ranges))
    return requests
