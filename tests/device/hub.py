"""The hub of a door under test: it signs orders, and hears events and answers."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from mqtt.signing import envelope, sign_command
from tests.brokers import wait_until
from tests.device.bench import OFF, ON, Bench
from tests.mqtt.helpers import Ear

ALL = "hallgate/v1/baoshan/#"
DEVICE = "hallgate/v1/baoshan/device/entry-1"
BANK = "hallgate/v1/baoshan/rights/hall/command"


def events(ear: Ear, kind: str) -> list[dict[str, Any]]:
    return [event for message in ear.on("/event") if (event := json.loads(message.payload))["kind"] == kind]


def admit(gate: Bench, times: int = 1) -> None:
    for _ in range(times):
        gate.scan(gate.booking())
        gate.relay.expect(ON)
        gate.relay.expect(OFF)


def loaded(gate: Bench) -> set[str]:
    """The libraries in the memory of the door's process, without their versions."""
    assert gate.process is not None
    rows = Path(f"/proc/{gate.process.pid}/maps").read_text().splitlines()
    return {Path(row.split(maxsplit=5)[5]).name.partition(".")[0] for row in rows if row.count("/")}


class Hub:
    """Signs orders and hears the answers."""

    def __init__(self, gate: Bench, ear: Ear) -> None:
        self.gate, self.ear, self.counter = gate, ear, int(time.time())
        self.key, self.kid = gate.issuer.edwards_keys["command"], gate.issuer.kid("command")
        wait_until(lambda: ear.on("/status"))  # an order sent before the device listens reaches nobody

    def order(
        self, name: str, body: dict[str, Any] | None = None, *, id: str = "", shift_s: float = 0.0, to: str = "entry-1"
    ) -> bytes:
        self.counter += 1
        order = envelope(
            name, "baoshan", to, body, id=id or f"o{self.counter}", issuer="operator",
            counter=self.counter, now_s=time.time() + shift_s,
        )  # fmt: skip
        return sign_command(order, self.key, self.kid)

    def send(self, name: str, message: bytes, *, retain: bool = False, topic: str = "") -> dict[str, Any]:
        before = len(self.ear.on("/answers"))
        self.ear.say(
            topic or f"{DEVICE}/command/{name}", message, response_topic="hallgate/v1/baoshan/hub/answers",
            correlation=b"c", retain=retain,
        )  # fmt: skip
        wait_until(lambda: len(self.ear.on("/answers")) > before)
        answer: dict[str, Any] = json.loads(self.ear.on("/answers")[-1].payload)
        return answer

    def tell_bank(self, name: str, **body: Any) -> str:
        """An order to the bank: why it will not, or `done`."""
        answer = self.send(name, self.order(name, body, to="bank"), topic=BANK)
        return str(answer["because"] or answer["result"])
