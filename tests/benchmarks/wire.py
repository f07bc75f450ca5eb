"""What one passage costs on the line to the hub: whole MQTT packets, counted between a real device and a real broker."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from pathlib import Path

from mqtt import packets
from tests.benchmarks.figures import Figure, median, number
from tests.benchmarks.gate import Gate
from tests.brokers import Broker, Cable, wait_until
from tests.mqtt.helpers import Ear

PASSAGES = 60
PAUSE_S = 0.25
"""A row of rights is said once for what changes within 20 ms: each passage here has its own."""


class Meter:
    """`sizes`: bytes of each packet that was published over `cable`, by what it says."""

    def __init__(self, port: int) -> None:
        self.sizes: defaultdict[str, list[int]] = defaultdict(list)
        self._stream = packets.Stream()
        self.cable = Cable(port, self._sent)

    def _sent(self, data: bytes) -> None:
        for kind, flags, body in self._stream.feed(data):
            if kind == packets.PUBLISH:
                self._published(flags, body)

    def _published(self, flags: int, body: bytes) -> None:
        topic, _, payload = packets.published(flags, body)
        words = topic.split("/")
        kind = json.loads(payload)["kind"] if words[-1] == "event" else "row" if "row" in words else words[-1]
        length_bytes = 1 if len(body) < 128 else 2 if len(body) < 16_384 else 3
        self.sizes[kind].append(1 + length_bytes + len(body))


def wire(folder: Path) -> list[Figure]:
    folder.mkdir(parents=True)
    broker = Broker(folder).start()
    meter, ear = Meter(broker.port), Ear(broker.url, "#")
    gate = Gate(folder / "gate", hub=meter.cable.url)
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
        meter.cable.close()
        broker.stop()
