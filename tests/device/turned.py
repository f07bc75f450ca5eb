"""A device in this process, whose loop is turned by hand; its hub is the test."""

from __future__ import annotations

import json
import time
from typing import Any

from firmware import site
from firmware.clock import Clock
from firmware.core.events import ContactChanged
from firmware.wiring import Device
from mqtt.messages import Incoming, Reply
from mqtt.signing import envelope, sign_command
from tests.device.bench import Bench
from tests.device.hub import BANK, DEVICE

NOWHERE = "mqtt://127.0.0.1:9"
ANSWERS = "hallgate/v1/baoshan/hub/answers"


class Turned:
    """Nobody listens where its hub would be. Its clock runs twenty times as fast as ours."""

    def __init__(self, gate: Bench) -> None:
        self.gate, self.counter = gate, int(time.time())
        self.file = gate.state / "orders.json"
        self.start()

    def start(self) -> None:
        self.device = Device(site.load(str(self.gate.site)), self.gate.state, Clock(rate=20.0))
        self.answers: list[dict[str, Any]] = []
        self.device.orders.answer = self.heard
        self.turn()

    def heard(self, reply: Reply) -> None:
        self.answers.append(json.loads(reply.payload))

    def turn(self) -> None:
        while self.device.loop.queue or self.device.loop.calls_waiting:
            self.device.loop.turn(wait=False)

    def again(self) -> None:
        self.device.close()
        self.start()

    def signed(self, name: str, id: str, to: str = "entry-1", **body: Any) -> bytes:
        self.counter += 1
        said = envelope(
            name, "baoshan", to, body, id=id, issuer="operator", counter=self.counter, now_s=time.time()
        )  # fmt: skip
        return sign_command(said, self.gate.issuer.edwards_keys["command"], self.gate.issuer.kid("command"))

    def order(self, name: str, id: str, to: str = "entry-1", **body: Any) -> Incoming:
        topic = BANK if to == "bank" else f"{DEVICE}/command/{name}"
        return Incoming(topic, self.signed(name, id, to, **body), False, ANSWERS, b"c")

    def ordered(self, name: str, id: str, **more: Any) -> Incoming:
        message = self.order(name, id, **more)
        self.device.orders.came(message)
        self.turn()
        return message

    def resets(self) -> None:
        """An attendant, badge and long press."""
        lane = self.device.controller.state.lanes["A"]
        lane.badge, lane.badge_until_ms = "anna", int(self.device.clock.elapsed_ms()) + 10_000
        for closed in (True, False):
            self.device.loop.post(ContactChanged(lane="A", role="button", closed=closed))
            self.turn()
            time.sleep(0.15)  # three seconds of the door's own

    def ids_on_disk(self) -> list[str]:
        return [key.split()[1] for key in json.loads(self.file.read_bytes())["answers"]] if self.file.exists() else []
