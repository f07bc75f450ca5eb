"""GY-MCU90614: an MLX90614 infrared thermometer behind a small controller with a serial line.

Wiring: VCC 3-5 V, GND, module TX to the Pi's RX, module RX to the Pi's TX (3.3 V levels); PS pad left open.
    9600 8N1, or 115200 after the module was told so once (`A5 AF 54`) and switched off and on.
On the wire: host `A5 45 EA` = measure continuously. Module, about ten times a second:
    `5A 5A 45 04 | object x100 | ambient x100 | sum`, big endian, sum = low byte of the eight bytes before it.
    The values are taken as signed, so that a cold porch is no 650 degrees.
    A value that is no number the sensor can measure is reported as garbled, never as a temperature.
What it is worth: class +-0.5 degrees at best and the bare BAA lens sees far more than a forehead. An elevated reading
    is a reason to ask the staff, never a diagnosis.
Source: devices.md 8 and device-vectors.json (`gy_mcu90614`); ranges from the MLX90614 data sheet.
Tested on: the simulator only.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from sensors.driver import Driver, Edge, Example, Later, Raw, Send, SerialSettings
from sensors.framing import Cutter, fixed, sum8
from sensors.infrared import nonsense
from sensors.readings import AnyReading, Garbled, Ready, Silent, Temperature

CONTINUOUS = bytes.fromhex("a545ea")
HEADER = bytes.fromhex("5a5a4504")
FRAME_BYTES = 9
MODEL = "GY-MCU90614"


class Settings(SerialSettings, frozen=True, kw_only=True):
    baud: Literal[9600, 115200] = 9600
    silent_ms: Annotated[int, Meta(ge=500, le=600_000)] = 3_000
    """No frame for this long is reported, and the module is told again to measure."""


class Decoder:
    def __init__(self, settings: Settings) -> None:
        self._silent_ms = settings.silent_ms
        self._cutter = Cutter(fixed(HEADER, FRAME_BYTES, lambda frame: sum8(frame[:-1]) == frame[-1]), FRAME_BYTES)
        self._heard_ms: float | None = None
        self._well = False
        self.wake_at_ms: float | None = 0.0

    def feed(self, raw: Raw, t_ms: float) -> list[AnyReading | Send]:
        if not isinstance(raw, bytes):
            return []
        frames, dropped = self._cutter.feed(raw)
        out: list[AnyReading | Send] = [Garbled(dropped, "no frame")] if dropped else []
        for frame in frames:
            out += self._understand(frame, t_ms)
        return out

    def tick(self, t_ms: float) -> list[AnyReading | Send]:
        """Start the module, and start it again whenever it has fallen silent."""
        if self.wake_at_ms is not None and t_ms < self.wake_at_ms:
            return []
        first = self._heard_ms is None
        if self._heard_ms is None:
            self._heard_ms = t_ms
        due_ms = self._heard_ms + self._silent_ms
        if not first and t_ms < due_ms:
            self.wake_at_ms = due_ms
            return []
        self.wake_at_ms = t_ms + self._silent_ms
        start = Send(CONTINUOUS)
        if first:
            return [start]
        self._well = False
        lost = self._cutter.clear()
        return [Silent(t_ms - self._heard_ms), *([Garbled(lost, "half a frame")] if lost else []), start]

    def _understand(self, frame: bytes, t_ms: float) -> list[AnyReading | Send]:
        object_c = int.from_bytes(frame[4:6], "big", signed=True) / 100
        ambient_c = int.from_bytes(frame[6:8], "big", signed=True) / 100
        if because := nonsense(object_c, ambient_c):
            return [Garbled(FRAME_BYTES, because)]
        self._heard_ms = t_ms
        reading = Temperature(object_c, ambient_c)
        if self._well:
            return [reading]
        self._well = True
        return [Ready(MODEL), reading]


class Simulator:
    """The module: says one frame for each temperature shown, and its last one again when told to start."""

    def __init__(self, settings: Settings) -> None:
        self._last = Temperature(25.0, 25.0)

    def show(self, reading: AnyReading, t_ms: float) -> list[Later]:
        if not isinstance(reading, Temperature):
            return []
        self._last = reading
        ambient_c = 25.0 if reading.ambient_c is None else reading.ambient_c
        body = HEADER + b"".join(_word(value) for value in (reading.object_c, ambient_c))
        return [Later(body + bytes([sum8(body)]))]

    def hear(self, raw: bytes | Edge, t_ms: float) -> list[Later]:
        return self.show(self._last, t_ms) if isinstance(raw, bytes) and CONTINUOUS in raw else []


def _word(value_c: float) -> bytes:
    hundredths = max(-0x8000, min(0x7FFF, round(value_c * 100)))
    return hundredths.to_bytes(2, "big", signed=True)


DRIVER = Driver(
    name="thermometer_gy_mcu90614",
    port="serial",
    settings=Settings,
    decoder=Decoder,
    simulator=Simulator,
    examples=(
        Example(
            "36.55 degrees in a room of 25.12",
            (bytes.fromhex("5a5a45040e4709d02b"),),
            (Temperature(36.55, 25.12),),
            "device-vectors.json gy_mcu90614 data_36.55_25.12",
        ),
        Example(
            "a frosty porch, values signed",
            (bytes.fromhex("5a5a4504fe0cfdf3f7"),),
            (Temperature(-5.0, -5.25),),
            "by hand from the rule of devices.md 8: FE0C = -500, FDF3 = -525, sum 3F7",
        ),
        Example(
            "an ambient no sensor has",
            (bytes.fromhex("5a5a45040e477530f7"),),
            (Garbled(9, "36.55 and 300.0 degrees are outside what the sensor can measure"),),
            "by hand from the rule of devices.md 8: 7530 = 300.00, sum 1F7",
        ),
    ),
    checksum=True,
    gives=(Temperature,),
)
