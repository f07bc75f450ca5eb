"""What one passage costs on the line to the hub: whole MQTT packets, counted between a real device and a real broker."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections import defaultdict
from pathlib import Path

from mqtt import packets
from tests.benchmarks.figures import Figure, median, number
from tests.benchmarks.gate import Gate
from tests.brokers import Broker, wait_until
from tests.mqtt.helpers import Ear

PASSAGES = 60
PAUSE_S = 0.25
"""A row of rights is said once for what changes within 20 ms: each passage here has its own."""


class Meter:
    """A broker's address whose every connection goes on to `port`; `sizes`: bytes of each packet a device published."""

    def __init__(self, port: int) -> None:
        self.sizes: defaultdict[str, list[int]] = defaultdict(list)
        self._to, self._server = port, socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                for one, other, counted in ((near, far, True), (far, near, False)):
                    threading.Thread(target=self._carry, args=(one, other, counted), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket, counted: bool) -> None:
        stream = packets.Stream()
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
                for kind, flags, body in stream.feed(data) if counted else ():
                    if kind == packets.PUBLISH:
                        self._published(flags, body)
            other.shutdown(socket.SHUT_RDWR)

    def _published(self, flags: int, body: bytes) -> None:
        topic, _, payload = packets.published(flags, body)
        words = topic.split("/")
        kind = json.loads(payload)["kind"] if words[-1] == "event" else "row" if "row" in words else words[-1]
        length_bytes = 1 if len(body) < 128 else 2 if len(body) < 16_384 else 3
        self.sizes[kind].append(1 + length_bytes + len(body))

    def close(self) -> None:
        self._server.close()


def wire(folder: Path) -> list[Figure]:
    folder.mkdir(parents=True)
    broker = Broker(folder).start()
    meter, ear = Meter(broker.port), Ear(broker.url, "#")
    gate = Gate(folder / "gate", hub=f"mqtt://127.0.0.1:{meter.port}")
    try:
        gate.start()
        gate.quiet()
        for booking in gate.bookings(PASSAGES):
            gate.admit(booking)
            time.sleep(PAUSE_S)
        wait_until(lambda: len(meter.sizes["passage"]) == PASSAGES)
        each = {kind: median(meter.sizes[kind]) for kind in ("decision", "passage", "row")}
        parts = ", ".join(f"{kind} {number(size)}" for kind, size in each.items())
        status = (
            f"status {number(median(meter.sizes['status']))} B, {len(meter.sizes['status'])} in {PASSAGES} passages"
        )
        return [
            Figure("decision + passage + row on the wire", sum(each.values()), "bytes", 2_000, floor=parts),
            Figure("  beside them", sum(map(sum, meter.sizes.values())) / PASSAGES, "bytes a passage", floor=status),
        ]
    finally:
        gate.close()
        ear.close()
        meter.close()
        broker.stop()
