"""A hub: listens to every device of a hall (or of all halls), keeps the picture, asks for what it lacks.

Each message is acknowledged after it is in the picture. A device's events are taken once (`gaps.py`) and holes are
asked for with `history`, so a hub that was away, or a broker that died with acknowledged messages, loses nothing that
a journal still holds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from mqtt.address import Address
from mqtt.link import Clock, Connection, Outgoing, Plan
from mqtt.messages import HistoryRequest, Incoming
from mqtt.topics import Topics, heard_by_hub, place
from mqtt.view import Change, HallView

TEND_MS = 500.0
HALLS_MAX = 64
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
    ) -> None:
        self.lock = threading.Lock()
        self.halls: dict[str, HallView] = {hall: HallView(hall)} if hall is not None else {}
        self._listener, self._link_changed = listener, link_changed
        self._tend_ms = 0.0
        self._now_ms = 0.0
        self.asked = 0
        """History requests sent."""
        plan = Plan(
            client_id=client_id,
            session_expiry_s=session_expiry_s,
            receive_maximum=100,
            subscriptions=heard_by_hub(hall),
        )
        self.connection = Connection(address, plan, self, clock)

    def start(self) -> None:
        self.connection.start()

    def stop(self, timeout_s: float) -> bool:
        return self.connection.stop(timeout_s)

    # ------------------------------------------------------------ the connection's thread

    def up(self, now_ms: float) -> list[Outgoing]:
        self._link_changed(True, "")
        return []

    def down(self, because: str, now_ms: float) -> None:
        self._link_changed(False, because)

    def heard(self, message: Incoming) -> None:
        where = place(message.topic)
        if where is None:
            return
        with self.lock:
            if where.hall not in self.halls and len(self.halls) >= HALLS_MAX:
                return
            view = self.halls.setdefault(where.hall, HallView(where.hall))
            changes = view.heard(where.device, where.last, message.payload, self._now_ms)
            if changes:
                self._listener(view, changes)

    def more(self, now_ms: float, room: int) -> tuple[list[Outgoing], float | None]:
        self._now_ms = now_ms
        if now_ms < self._tend_ms or room <= 0:
            return [], max(1.0, self._tend_ms - now_ms)
        self._tend_ms = now_ms + TEND_MS
        with self.lock:
            requests = [request for view in self.halls.values() for request in _requests(view, now_ms)]
        self.asked += len(requests)
        return requests[:room], TEND_MS

    def delivered(self, token: Any, reason: int, now_ms: float) -> None: ...

    def farewell(self) -> list[Outgoing]:
        return []


def _requests(view: HallView, now_ms: float) -> list[Outgoing]:
    """One history request per device that is there and owes us something."""
    requests = []
    for name, device in view.devices.items():
        ranges = device.gaps.wanted(now_ms) if device.online and device.gaps.missing else []
        if ranges:
            payload = HistoryRequest(v=1, ranges=tuple(ranges)).encoded()
            topic = Topics(view.name, name).history
            requests.append(Outgoing(topic=topic, payload=payload, schema="hallgate/v1/history", expiry_s=30))
    return requests
