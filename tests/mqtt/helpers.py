"""A list instead of a journal, the link of a device that has one, and an ear on the broker."""

from __future__ import annotations

import itertools
import json
import os
import threading
from pathlib import Path
from typing import Any

from firmware.clock import Clock
from mqtt.address import Address
from mqtt.connection import Connection, Outgoing, Plan, Speaker
from mqtt.device_link import Link
from mqtt.messages import Incoming
from mqtt.outbox import Outbox


def replace(file: Path, content: bytes) -> None:
    beside = file.with_suffix(".new")
    beside.write_bytes(content)
    os.replace(beside, file)


class Events:
    """An event source in memory; `synced` is how far the pretended disk is."""

    def __init__(self, first: int = 1) -> None:
        self.first_seq = first
        self.all: list[bytes] = []
        self.lost: set[int] = set()
        self.base = first

    def add(self, n: int = 1, **more: Any) -> None:
        for _ in range(n):
            seq = self.base + len(self.all)
            self.all.append(json.dumps({"v": 1, "id": f"e-{seq}", "seq": seq, "kind": "health", **more}).encode())

    def lose(self, n: int) -> None:
        """Numbers that were given and never came to the disk, and the first event behind them."""
        self.lost.update(range(self.durable_seq() + 1, self.durable_seq() + 1 + n))
        self.add(n + 1)

    def durable_seq(self) -> int:
        return self.base + len(self.all) - 1

    def read(self, seq_from: int, max_n: int) -> list[tuple[int, bytes]]:
        held = (seq for seq in range(max(seq_from, self.first_seq), self.durable_seq() + 1) if seq not in self.lost)
        return [(seq, self.all[seq - self.base]) for seq in itertools.islice(held, max_n)]


class Ear(Speaker):
    """A client that remembers what it heard, over the product's own connection. `say` publishes."""

    def __init__(self, url: str, *topics: str, client_id: str = "ear", session_expiry_s: int = 0) -> None:
        self.heard_all: list[Incoming] = []
        self.reasons: list[int] = []
        self._lock = threading.Lock()
        self._out: list[Outgoing] = []
        self.connection = Connection(
            Address.parse(url),
            Plan(client_id=client_id, session_expiry_s=session_expiry_s, receive_maximum=100, subscriptions=topics),
            self,
            Clock(),
        )
        self.connection.start()

    def say(self, topic: str, payload: bytes, **more: Any) -> None:
        with self._lock:
            self._out.append(Outgoing(topic=topic, payload=payload, **more))
        self.connection.wake()

    def on(self, last: str) -> list[Incoming]:
        return [message for message in list(self.heard_all) if message.topic.endswith(last)]

    def seqs(self) -> list[int]:
        return [json.loads(message.payload)["seq"] for message in self.on("/event")]

    def close(self) -> None:
        assert self.connection.stop(10.0)

    def heard(self, message: Incoming) -> None:
        self.heard_all.append(message)

    def delivered(self, token: Any, reason: int, now_ms: float) -> None:
        self.reasons.append(reason)

    def more(self, now_ms: float, room: int) -> tuple[list[Outgoing], float | None]:
        with self._lock:
            out, self._out = self._out[:room], self._out[room:]
        return out, None


class Device:
    """The link of one device, with a list for a journal."""

    def __init__(self, url: str, folder: Path, source: Events | None = None) -> None:
        self.source = source or Events()
        self.posted: list[Incoming] = []
        self.outbox = Outbox(self.source, folder / "cursor.json", replace)
        self.link = Link(Address.parse(url), "gate-1", "baoshan", self.outbox, self.posted.append, Clock())
        self.link.start()

    def add(self, n: int) -> None:
        self.source.add(n)
        self.link.wake()
