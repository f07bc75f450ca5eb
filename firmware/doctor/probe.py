"""One device on its real port: what it says while time passes, and what kind of silence or noise that is."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec

from firmware.clock import Clock
from firmware.doctor.report import Result
from firmware.doctor.steps import Judge
from firmware.errors import HallgateError
from firmware.listening.live import Listener
from firmware.plugs import Plugs, speaker
from firmware.site.tables import DeviceSpec, Lane
from sensors.driver import HAND_KINDS, Raw
from sensors.readings import AnyReading, Garbled, Refused, RelayState, Silent

SPEEDS = (9_600, 115_200, 57_600, 38_400, 19_200, 256_000, 4_800)
"""Tried when a device that must speak says nothing, or nonsense."""
SPEED_S = 2.0
SILENCE = {
    "serial": "nothing answers: look at its power, its cable, TX and RX exchanged",
    "i2c": "nothing answers at its address: look at its power, SDA and SCL exchanged, its address",
    "pins": "nothing was seen at its pins: look at its power, its wires, the BCM numbers",
    "http": "nothing came from it: look at its power, its network, the address it sends to",
    "camera": "no code was read: look at its ribbon, the light, the distance, dirt on the lens",
}
"""By the kind of port: what to look at when nothing that makes sense was heard."""


class Probe:
    """An open device. Raises Failure or Mistake with the reason when its port cannot be opened."""

    def __init__(self, plugs: Plugs, lane: Lane, spec: DeviceSpec, clock: Clock) -> None:
        self._clock = clock
        self.speaker: Any = speaker(lane, spec)
        self._port, self._port_kind = plugs.open(lane, spec), spec.driver.port
        self.bytes = self.garbled = 0
        self.last: AnyReading | None = None
        """What it said last that makes sense."""
        self.refused = ""
        self.silent = False
        try:
            self._listener = Listener(self._port, self.speaker, clock, answers=True)
            if hasattr(self.speaker, "order"):
                self._send(self.speaker.start(clock.elapsed_ms()))
        except HallgateError:
            self._port.close()
            raise

    def wait(self, seconds: float, judge: Judge) -> str | None:
        """Let time pass until `judge` answers; its answer, None when the time is over."""
        until_ms = self._clock.elapsed_ms() + seconds * 1000
        while self._clock.elapsed_ms() < until_ms:
            answers = [judge(reading) for reading in self._heard() if self._noted(reading)]
            if (answer := next((each for each in answers if each is not None), None)) is not None:
                return answer
        return None

    def order(self, order: Any) -> None:
        self._send(self.speaker.order(order, self._clock.elapsed_ms()))

    def close(self) -> None:
        """A hand goes to where it stands without software."""
        if hasattr(self.speaker, "order"):
            self._send(self.speaker.stop(self._clock.elapsed_ms()))
            self._port.tend(self._clock.elapsed_ms())
        self._port.close()

    # ------------------------------------------------------------ what kind of silence

    @property
    def speaks(self) -> bool:
        return self.last is not None

    def judged(self) -> tuple[Result, str]:
        """For a device of which nothing was heard that makes sense."""
        if self.refused:
            return "refused", self.refused
        if self.garbled or self.bytes:
            return "nonsense", f"{self.bytes} bytes came that make no sense: wrong speed (baud), or another device"
        return "nothing_answers", SILENCE[self._port_kind]

    # ------------------------------------------------------------ inside

    def _heard(self) -> list[AnyReading]:
        said = [what for _, what in self._listener.hear(self._count)]
        return [what for what in said if isinstance(what, AnyReading)]

    def _count(self, _: float, raw: Raw) -> None:
        self.bytes += len(raw) if isinstance(raw, bytes) else 0

    def _noted(self, reading: AnyReading) -> bool:
        """Keep what it says of itself; True for a reading that a step may look at."""
        if isinstance(reading, Garbled):
            self.garbled += reading.dropped_bytes
        elif isinstance(reading, Refused):
            self.refused = reading.because
        elif isinstance(reading, Silent):
            self.silent = True
        elif not (isinstance(reading, RelayState) and reading.assumed):
            self.last, self.refused = reading, ""
            return True
        return False

    def _send(self, said: list[Any]) -> None:
        for each in self._listener.send(said, self._clock.elapsed_ms()):
            self._noted(each)


def must_speak(spec: DeviceSpec) -> bool:
    """It says something by itself or when it is asked, with nobody there."""
    return spec.driver.polled or spec.driver.port == "pins" and bool(spec.driver.pins) or spec.role == "thermometer"


def has_speeds(spec: DeviceSpec) -> bool:
    """Whether another speed than the site file's is worth a try."""
    return (
        spec.driver.port == "serial"
        and getattr(spec.settings, "baud", None) is not None
        and spec.driver.name.partition("_")[0] not in HAND_KINDS
    )


def other_speed(plugs: Plugs, lane: Lane, spec: DeviceSpec, clock: Clock, judge: Judge) -> int | None:
    """The speed at which a device that has speeds speaks; None: at none of the usual ones but the site file's."""
    ours = getattr(spec.settings, "baud", None)
    return next((baud for baud in SPEEDS if baud != ours and _speaks_at(baud, plugs, lane, spec, clock, judge)), None)


def _speaks_at(baud: int, plugs: Plugs, lane: Lane, spec: DeviceSpec, clock: Clock, judge: Judge) -> bool:
    settings = msgspec.structs.replace(spec.settings, baud=baud)
    try:
        probe = Probe(plugs, lane, dataclasses.replace(spec, settings=settings), clock)
    except HallgateError:
        return False
    try:
        return probe.wait(SPEED_S, judge) is not None
    finally:
        probe.close()


def anything(reading: AnyReading) -> str | None:
    """A judge: whatever makes sense."""
    return ""
