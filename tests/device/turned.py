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


class Asleep(Clock):
    """Stands still, and a sleep is over at once: whatever the machine has to do besides, a door is never late."""

    def __init__(self) -> None:
        super().__init__()
        self.began_ms = self.now_ms = super().elapsed_ms()
        self.wall_0_ms = super().wall_ms()

    def elapsed_ms(self) -> float:
        return self.now_ms

    def wall_ms(self) -> int:
        return self.wall_0_ms + int(self.now_ms - self.began_ms)

    def seconds_until(self, t_ms: float) -> float:
        self.now_ms = max(self.now_ms, t_ms)
        return 0.0


class Turned:
    """Nobody listens where its hub would be. Time passes in its loop's sleep alone."""

    def __init__(self, gate: Bench) -> None:
        self.gate, self.counter = gate, int(time.time())
        self.file = gate.state / "orders.json"
        self.start()

    def start(self) -> None:
        self.device = Device(site.load(str(self.gate.site)), self.gate.state, Asleep())
        self.answers: list[dict[str, Any]] = []
        self.device.orders.answer = self.heard
        self.turn()

    def heard(self, reply: Reply) -> None:
        self.answers.append(json.loads(reply.payload))

    def turn(self) -> None:
        while self.device.loop.queue or self.device.loop.calls_waiting:
            self.device.loop.turn(wait=False)

    def passes(self, ms: float) -> None:
        """So much of the door's own time."""
        until_ms = self.device.clock.elapsed_ms() + ms
        self.device.loop.hasten(self.device.loop._prepare, until_ms)
        while self.device.clock.elapsed_ms() < until_ms:
            self.device.loop.turn()

    def again(self) -> None:
        self.device.close()
        self.start()

    def signed(self, name: str, id: str, to: str = "entry-1", **body: Any) -> bytes:
        self.counter += 1
        said = envelope(
            name, "baoshan", to, body, id=id, issuer="operator", counter=self.counter,
            now_s=self.device.clock.wall_ms() / 1000,
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
            self.passes(3_000)

    def ids_on_disk(self) -> list[str]:
        return [key.split()[1] for key in json.loads(self.file.read_bytes())["answers"]] if self.file.exists() else []
