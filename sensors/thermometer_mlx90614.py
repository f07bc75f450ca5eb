"""MLX90614: an infrared thermometer on the I2C bus, spoken to in SMBus words.

Wiring: VDD 3.3 V (the 3 V variant), VSS, SCL and SDA to the Pi's (GPIO 3 and 2, whose pull-ups are on the board). At most
    100 kHz. Address 5Ah as delivered; 250 ms after power it measures by itself.
On the wire: SMBus read word, register 07 = object, 06 = its own surroundings: low byte, high byte, PEC (CRC-8 over the
    addresses as well, which the kernel checks). Kelvin in steps of 0.02; bit 15 says that the chip is in error.
    Both are asked one after the other; it has a new value about ten times a second.
What it is worth: class +-0.5 degrees at best and the bare BAA lens sees far more than a forehead. An elevated reading
    is a reason to ask the staff, never a diagnosis.
Source: devices.md 8 and device-vectors.json (`mlx90614`); ranges from the MLX90614 data sheet.
Tested on: the simulator, and the kernel's own i2c-stub through a real /dev/i2c.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from sensors.driver import Driver, Example, I2cSettings, Later, Raw, ReadWord, Reply, Send, ToDevice
from sensors.infrared import nonsense
from sensors.readings import AnyReading, Garbled, Ready, Silent, Temperature

AMBIENT, OBJECT = ReadWord(0x06), ReadWord(0x07)
ERROR_FLAG = 0x8000
WORD_BYTES = 2
ANSWER_MS = 500.0
"""A question without an answer is asked again after this."""
MODEL = "MLX90614"


class Settings(I2cSettings, frozen=True, kw_only=True):
    address: Annotated[int, Meta(ge=0x08, le=0x77)] = 0x5A
    every_ms: Annotated[int, Meta(ge=50, le=10_000)] = 100
    silent_ms: Annotated[int, Meta(ge=1_000, le=600_000)] = 3_000
    """No answer for this long is reported."""


class Decoder:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._asked: ReadWord | None = None
        self._ambient_c = 0.0
        self._heard_ms: float | None = None
        self._silent_from_ms = 0.0
        """Since when the silence that is reported next has lasted."""
        self._well = False
        self.wake_at_ms: float | None = 0.0

    def feed(self, raw: Raw, t_ms: float) -> list[AnyReading | Send]:
        if not isinstance(raw, Reply) or raw.to != self._asked:
            return []
        asked, self._asked = self._asked, None
        self._heard_ms = self._silent_from_ms = t_ms
        self.wake_at_ms = t_ms + self._settings.every_ms
        news: list[AnyReading | Send] = [] if self._well else [Ready(MODEL)]
        self._well = True
        word = int.from_bytes(raw.data, "little")
        if len(raw.data) != WORD_BYTES or word & ERROR_FLAG:
            because = "the chip says that it is in error" if len(raw.data) == WORD_BYTES else "no word"
            return [*news, Garbled(len(raw.data), because)]
        value_c = round(word * 0.02 - 273.15, 2)
        if asked == AMBIENT:
            self._ambient_c = value_c
            return [*news, *self._ask(OBJECT, t_ms)]
        return [*news, self._understood(value_c)]

    def tick(self, t_ms: float) -> list[AnyReading | Send]:
        """Ask, ask again what was not answered, and say when nobody answers for long."""
        if self.wake_at_ms is not None and t_ms < self.wake_at_ms:
            return []
        if self._heard_ms is None:
            self._heard_ms = self._silent_from_ms = t_ms
        silent: list[AnyReading | Send] = []
        if t_ms - self._silent_from_ms >= self._settings.silent_ms:
            silent, self._well, self._silent_from_ms = [Silent(t_ms - self._heard_ms)], False, t_ms
        return [*silent, *self._ask(AMBIENT, t_ms)]

    def _ask(self, word: ReadWord, t_ms: float) -> list[AnyReading | Send]:
        self._asked, self.wake_at_ms = word, t_ms + ANSWER_MS
        return [Send(word)]

    def _understood(self, object_c: float) -> AnyReading:
        because = nonsense(object_c, self._ambient_c)
        return Garbled(WORD_BYTES, because) if because else Temperature(object_c, self._ambient_c)


class Simulator:
    """The chip: two registers, always there to be read."""

    def __init__(self, settings: Settings) -> None:
        self._words = {AMBIENT: _word(25.0), OBJECT: _word(25.0)}

    def show(self, reading: AnyReading, t_ms: float) -> list[Later]:
        if isinstance(reading, Temperature):
            ambient_c = 25.0 if reading.ambient_c is None else reading.ambient_c
            self._words = {AMBIENT: _word(ambient_c), OBJECT: _word(reading.object_c)}
        return []

    def hear(self, raw: ToDevice, t_ms: float) -> list[Later]:
        return [Later(Reply(raw, self._words[raw]))] if isinstance(raw, ReadWord) and raw in self._words else []


def _word(value_c: float) -> bytes:
    return max(0, min(0x7FFF, round((value_c + 273.15) / 0.02))).to_bytes(WORD_BYTES, "little")


DRIVER = Driver(
    name="thermometer_mlx90614",
    port="i2c",
    settings=Settings,
    decoder=Decoder,
    simulator=Simulator,
    examples=(
        Example(
            "28.01 degrees in a room of 28.75",
            (Reply(ReadWord(0x06), bytes.fromhex("f73a")), Reply(ReadWord(0x07), bytes.fromhex("d23a"))),
            (Temperature(28.01, 28.75),),
            "devices.md 8: 3AF7 = 28.75; device-vectors.json mlx90614 read_0x07_0x3AD2",
        ),
        Example(
            "a frosty porch",
            (Reply(ReadWord(0x06), bytes.fromhex("6034")), Reply(ReadWord(0x07), bytes.fromhex("6d34"))),
            (Temperature(-4.73, -4.99),),
            "by hand from the rule of devices.md 8: 346D = 13421, 268.42 K; 3460 = 13408, 268.16 K",
        ),
        Example(
            "a chip in error",
            (Reply(ReadWord(0x06), bytes.fromhex("f73a")), Reply(ReadWord(0x07), bytes.fromhex("ffff"))),
            (Garbled(2, "the chip says that it is in error"),),
            "devices.md 8: bit 15 is the error flag",
        ),
        Example(
            "colder than any object it can see",
            (Reply(ReadWord(0x06), bytes.fromhex("f73a")), Reply(ReadWord(0x07), bytes.fromhex("0000"))),
            (Garbled(2, "-273.15 and 28.75 degrees are outside what the sensor can measure"),),
            "by hand from the rule of devices.md 8: 0000 = 0 K, a line that hangs low",
        ),
    ),
    polled=True,
    gives=(Temperature,),
)
