"""From one hub to many browsers: server-sent events, each browser with its own bounded place.

A slow browser never slows the hub: of everything that has a newest value (a device, the hall, the alarms) only that is
kept for it, of decisions the last few. What it missed in between nobody could have read anyway.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

import msgspec

PENDING_DECISIONS = 40
CLIENTS_MAX = 64


class Subscriber:
    """One open page. Everything is guarded by the feed's condition."""

    def __init__(self, hall: str) -> None:
        self.hall = hall
        self.newest: dict[str, bytes] = {}
        self.decisions: deque[bytes] = deque(maxlen=PENDING_DECISIONS)
        self.closed = False

    def frames(self) -> bytes:
        """All that is pending, as server-sent events; empties the place."""
        frames = [_frame(key.partition(" ")[0], data) for key, data in self.newest.items()]
        frames += [_frame("decision", data) for data in self.decisions]
        self.newest.clear()
        self.decisions.clear()
        return b"".join(frames)


def _frame(event: str, data: bytes) -> bytes:
    return b"event: " + event.encode() + b"\ndata: " + data + b"\n\n"


class Feed:
    def __init__(self) -> None:
        self._news = threading.Condition()
        self._subscribers: list[Subscriber] = []
        self._closed = False

    def join(self, hall: str) -> Subscriber | None:
        """A new page; None when there are too many."""
        with self._news:
            if len(self._subscribers) >= CLIENTS_MAX or self._closed:
                return None
            subscriber = Subscriber(hall)
            self._subscribers.append(subscriber)
            return subscriber

    def leave(self, subscriber: Subscriber) -> None:
        with self._news:
            self._subscribers.remove(subscriber)

    def tell(self, hall: str | None, key: str, value: Any) -> None:
        """News for every page of `hall` (None: all pages); `key` is "hall", "device <name>", "alarms", "decision" ..."""
        with self._news:
            readers = [one for one in self._subscribers if hall is None or one.hall == hall]
            if not readers:
                return
            data = msgspec.json.encode(value)
            for reader in readers:
                if key == "decision":
                    reader.decisions.append(data)
                else:
                    reader.newest.pop(key, None)
                    reader.newest[key] = data
            self._news.notify_all()

    def wait(self, subscriber: Subscriber, timeout_s: float) -> bytes:
        """What is new for this page; empty after `timeout_s` without news."""
        with self._news:
            self._news.wait_for(lambda: subscriber.newest or subscriber.decisions or self._closed, timeout_s)
            subscriber.closed = self._closed
            return subscriber.frames()

    def close(self) -> None:
        with self._news:
            self._closed = True
            self._news.notify_all()
