"""The simplest device there is, on the near ends of real ports: opens for every scan while there is room.

And for every button. It stands in for the firmware where only the world's side is tested.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firmware.clock import Clock
from firmware.core.actions import GateOpen
from firmware.ports.pin_board import PinBoard
from firmware.ports.pin_group import PinGroup
from firmware.ports.serial_line import SerialPort
from firmware.simulation.rig import Rig
from sensors.driver import Driver, Edge, Send, find
from sensors.readings import Contact, Scan


@dataclass
class Spec:
    """As `firmware.site.DeviceSpec`."""

    driver: Driver
    settings: Any
    port: str | None = None
    pins: dict[str, int] = field(default_factory=dict)


@dataclass
class LaneSpec:
    name: str
    devices: dict[str, Spec]


def spec(name: str, port: Path | None = None, pins: dict[str, int] | None = None, **settings: Any) -> Spec:
    driver = find(name)
    return Spec(driver, driver.settings(**settings), str(port) if port else None, pins or {})


class Obedient:
    def __init__(self, rig: Rig, lanes: list[LaneSpec], folder: Path, clock: Clock, room: int = 1_000) -> None:
        self.clock, self.room = clock, room
        self.scans: list[bytes] = []
        rig.connect("device", lanes, folder)
        self.board = PinBoard(rig.environment("device"))
        self.talks = [
            (lane, role, *self._near(lane, role, each)) for lane in lanes for role, each in lane.devices.items()
        ]

    def _near(self, lane: LaneSpec, role: str, each: Spec) -> tuple[Any, Any]:
        if each.port is not None:
            port: Any = SerialPort(each.port, each.settings.baud, self.clock)
        else:
            outputs = {name: each.pins[name] for name in each.driver.outputs}
            inputs = {name: each.pins[name] for name in each.driver.pins}
            port = PinGroup(self.board, f"{lane.name} {role}", self.clock, inputs, outputs)
        return port, each.driver.decoder(each.settings)

    def turn(self) -> None:
        for lane, role, port, speaker in self.talks:
            t_ms = self.clock.elapsed_ms()
            found = speaker.tick(t_ms) if speaker.wake_at_ms is not None and speaker.wake_at_ms <= t_ms else []
            for stamp, raw in port.read():
                found += speaker.feed(raw, stamp)
            for each in found:
                if isinstance(each, Send):
                    port.write(each.raw)
                else:
                    self._notice(lane, role, each)

    def _notice(self, lane: LaneSpec, role: str, reading: Any) -> None:
        if isinstance(reading, Scan):
            self.scans.append(reading.text)
            if self.room > 0:
                self.open(lane)
        elif isinstance(reading, Contact) and role == "button" and reading.closed:
            self.open(lane)

    def open(self, lane: LaneSpec) -> None:
        for each_lane, role, port, speaker in self.talks:
            if each_lane is lane and role == "gate":
                order = GateOpen(lane=lane.name, way="both", pulse_ms=700)
                for each in speaker.order(order, self.clock.elapsed_ms()):
                    if isinstance(each, Send):
                        port.write(each.raw)

    def close(self) -> None:
        for _, _, port, _ in self.talks:
            port.close()
        self.board.close()


def edge(pin: str, level: int) -> Edge:
    return Edge(pin, level)
