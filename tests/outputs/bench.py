"""A hand on a bench: its encoder, its simulated device, and a day of orders in virtual time."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from firmware.core.actions import GateClose, GateFree, GateOpen
from sensors.driver import Edge, find
from tests import needs
from tests.sensors.cable import Cable


class Bench(Cable):
    """`sent` keeps what went over the cable, `log` the same with its time."""

    def __init__(self, name: str, settings: Any = None, on_failure: str = "closed") -> None:
        driver = find(name)
        super().__init__(replace(driver, decoder=partial(driver.decoder, on_failure=on_failure)), settings)
        self.log: list[tuple[float, Any]] = []

    def start(self) -> None:
        self._take(self.near.start(self.now_ms))

    def stop(self) -> None:
        self._take(self.near.stop(self.now_ms))

    def replug(self) -> None:
        self._take(self.near.replugged(self.now_ms))

    def take_sent(self) -> list[Any]:
        """What was sent since the last look; readable in a failure: bytes as hex, edges as they are."""
        sent, self.sent = self.sent, []
        return [raw.hex(" ") if isinstance(raw, bytes) else raw for raw in sent]

    def _take(self, results: list[Any]) -> None:
        before = len(self.sent)
        super()._take(results)
        self.log += [(self.now_ms, raw) for raw in self.sent[before:]]


def opening(pulse_ms: int = 700, way: str = "in", persons: int = 1) -> GateOpen:
    return GateOpen(lane="A", way=way, pulse_ms=pulse_ms, persons=persons)  # type: ignore[arg-type]


FREE, CLOSE = GateFree(lane="A"), GateClose(lane="A")
ON, OFF = Edge("relay", 1), Edge("relay", 0)


def vector(device: str, name: str) -> str:
    """A frame of the shared sheet as `aa bb`; skips, saying so, where the sheet is not at hand."""
    return bytes.fromhex(needs.vectors(device)[name]["hex"]).hex(" ")
