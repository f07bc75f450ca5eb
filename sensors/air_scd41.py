"""SCD41 (and SCD40): carbon dioxide, temperature and humidity of a room's air, on the I2C bus.

Wiring: VDD 3.3 V (200 mA when it measures), GND, SCL and SDA to the Pi's (GPIO 3 and 2, whose pull-ups are on the
    board). Address 62h, which cannot be changed: one to a bus.
On the wire: commands of two bytes; every word behind them, either way, is followed by its CRC-8 (poly 31h, init FFh).
    `3F86` = stop, then 500 ms of silence; `2416 0000 81` = automatic self-calibration off; `2427` = altitude;
    `241D` = temperature offset; `21B1` = measure every 5 s; `E4B8` = is there a new value (low 11 bits not all zero);
    `EC05`, 1 ms later nine bytes = CO2 in ppm, temperature -45 + 175 w / 65535, relative humidity 100 w / 65535.
    While it measures it takes no settings: it is stopped first, at every start.
Self-calibration takes the lowest value of a week for outdoor air. A hall that never empties never has such an hour: the
    sensor would learn bad air as good, so it is switched off. Without it, it is told at each maintenance that it stands in
    fresh air, after three minutes there and stopped: `362F` with the ppm, 400 ms later one word, FFFF = not done.
Source: devices.md 10, device-vectors.json (`scd4x`); waits, ranges and the examples of the SCD4x data sheet 1.4.
Tested on: the simulator only, through a socket in the place of the bus.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from sensors.driver import Driver, Example, I2cSettings, Later, Raw, Reply, Send, ToDevice, Transfer
from sensors.framing import crc8
from sensors.readings import Air, AnyReading, Garbled, Ready, Refused, Silent

STOP = Transfer(bytes.fromhex("3f86"))
START = Transfer(bytes.fromhex("21b1"))
IS_READY = Transfer(bytes.fromhex("e4b8"), read=3, wait_ms=1.0)
MEASURED = Transfer(bytes.fromhex("ec05"), read=9, wait_ms=1.0)
SELF_CALIBRATION, OFFSET, ALTITUDE = bytes.fromhex("2416"), bytes.fromhex("241d"), bytes.fromhex("2427")
RECALIBRATE, NOT_DONE = bytes.fromhex("362f"), 0xFFFF
NEW_VALUE = 0x07FF
STOPS_MS, MEASURES_MS = 500.0, 5_000.0
OUTDOORS_MS = 180_000.0
SETTLE_MS = 5.0
"""After a setting, which takes the sensor 1 ms."""
LOOK_MS = 1_000.0
"""Between two looks whether there is a new value."""
LATE_MS = 20_000.0
"""No new value for so long: it lost its power in between and measures no more."""
ANSWER_MS = 1_000.0
MISSES = 3
AGAIN_MS = 10_000.0
"""A silent sensor is set up again so much later."""
PPM_MAX = 40_000
MODEL = "SCD4x"


class Settings(I2cSettings, frozen=True, kw_only=True):
    address: Annotated[int, Meta(ge=0x08, le=0x77)] = 0x62
    every_seconds: Annotated[int, Meta(ge=10, le=3_600)] = 60
    """The air of a hall changes over minutes, and each reading is an entry of the journal."""
    altitude_m: Annotated[int, Meta(ge=0, le=3_000)] = 0
    """Of the hall above the sea: thin air holds less CO2 at the same ppm."""
    temperature_offset_c: Annotated[float, Meta(ge=0, le=20)] = 4.0
    """How much warmer than the room the sensor runs in its case; taken off the temperature, without effect on the CO2."""
    self_calibration: bool = False
    """True only where the room empties and is aired every week."""


class Decoder:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._set_up = [
            (STOP, STOPS_MS),
            (_setting(SELF_CALIBRATION, int(settings.self_calibration)), SETTLE_MS),
            (_setting(OFFSET, round(settings.temperature_offset_c * 65_535 / 175)), SETTLE_MS),
            (_setting(ALTITUDE, settings.altitude_m), SETTLE_MS),
            (START, MEASURES_MS),
        ]
        """(question, pause after its answer) in this order; then `IS_READY` and `MEASURED` in turn."""
        self._fresh: Transfer | None = None
        """That it stands in fresh air; asked behind `STOP`, once."""
        self._next = 0
        """Which of them comes next; behind the last: the sensor measures."""
        self._question = STOP
        self._asked = False
        self._misses = 0
        self._heard_ms: float | None = None
        self._fresh_ms = 0.0
        """When a value was last there, or the measuring began."""
        self._well = False
        self._doubted = False
        """It took every setting before, and then measured nothing: only a value makes it ready again."""
        self.wake_at_ms: float | None = 0.0

    def feed(self, raw: Raw, t_ms: float) -> list[AnyReading | Send]:
        if not isinstance(raw, Reply) or not self._asked or raw.to != self._question:
            return []
        self._asked, self._misses, self._heard_ms = False, 0, t_ms
        if raw.to == self._fresh:
            return self._recalibrated(raw.data, t_ms)
        if self._next < len(self._set_up):
            self.wake_at_ms = t_ms + self._set_up[self._next][1]
            self._next, self._fresh_ms, self._question = self._next + 1, t_ms, IS_READY
            return self._ready() if self._next == len(self._set_up) and not self._doubted else []
        words = _words(raw.data, self._question.read // 3)
        if words is None:
            self.wake_at_ms, self._question = t_ms + LOOK_MS, IS_READY
            return [Garbled(len(raw.data), "a word with a wrong check")]
        return self._value(words, t_ms) if self._question == MEASURED else self._looked(words[0], t_ms)

    def tick(self, t_ms: float) -> list[AnyReading | Send]:
        """Ask what comes next, and notice that nobody answers."""
        if self.wake_at_ms is not None and t_ms < self.wake_at_ms:
            return []
        if self._heard_ms is None:
            self._heard_ms = t_ms
        self._misses += self._asked
        if self._misses >= MISSES:
            self._fresh = None
            return [Silent(t_ms - self._heard_ms), *self._again(t_ms + AGAIN_MS)]
        if self._next < len(self._set_up):
            self._question = self._fresh if self._fresh and self._next == 1 else self._set_up[self._next][0]
        return self._ask(self._question, t_ms)

    def replugged(self, t_ms: float) -> list[AnyReading | Send]:
        """Another sensor may hang there now; it knows none of our settings."""
        self._heard_ms = t_ms
        return self._again(t_ms)

    def fresh_air(self, ppm: int, t_ms: float) -> list[AnyReading | Send]:
        """It measures outdoors since three minutes at least. Whether it took that: a Refused says no."""
        self._fresh = Transfer(RECALIBRATE + _checked(ppm), read=3, wait_ms=400.0)
        return self._again(t_ms)

    def _ask(self, question: Transfer, t_ms: float) -> list[AnyReading | Send]:
        self._question, self._asked = question, True
        self.wake_at_ms = t_ms + ANSWER_MS
        return [Send(question)]

    def _again(self, at_ms: float) -> list[AnyReading | Send]:
        self._next, self._misses, self._asked, self._well, self.wake_at_ms = 0, 0, False, False, at_ms
        return []

    # ---- what came

    def _recalibrated(self, data: bytes, t_ms: float) -> list[AnyReading | Send]:
        self._fresh, self.wake_at_ms = None, t_ms + SETTLE_MS
        words = _words(data, 1)
        return (
            []
            if words and words[0] != NOT_DONE
            else [Refused("it could not be set to fresh air: let it measure there first")]
        )

    def _looked(self, status: int, t_ms: float) -> list[AnyReading | Send]:
        if status & NEW_VALUE:
            return self._ask(MEASURED, t_ms)
        if t_ms - self._fresh_ms > LATE_MS + self._settings.every_seconds * 1_000:
            self._doubted = True
            return [Refused(f"no value for {(t_ms - self._fresh_ms) / 1_000:.0f} s"), *self._again(t_ms)]
        self.wake_at_ms = t_ms + LOOK_MS
        return []

    def _value(self, words: list[int], t_ms: float) -> list[AnyReading | Send]:
        self._fresh_ms, self._question = t_ms, IS_READY
        self.wake_at_ms = t_ms + self._settings.every_seconds * 1_000
        if not 0 < words[0] <= PPM_MAX:
            return [Garbled(9, f"{words[0]} ppm is outside 1 to {PPM_MAX} ppm")]
        self._doubted = False
        temperature_c = round(-45 + 175 * words[1] / 65_535, 2)
        return [*self._ready(), Air(words[0], temperature_c, round(100 * words[2] / 65_535, 2))]

    def _ready(self) -> list[AnyReading | Send]:
        news: list[AnyReading | Send] = [] if self._well else [Ready(MODEL)]
        self._well = True
        return news


def _checked(word: int) -> bytes:
    raw = word.to_bytes(2, "big")
    return raw + bytes([crc8(raw, poly=0x31, init=0xFF)])


def _setting(command: bytes, word: int) -> Transfer:
    return Transfer(command + _checked(word))


def _words(data: bytes, count: int) -> list[int] | None:
    """The words of an answer; None when it is not so many, or one has a wrong check."""
    if len(data) != 3 * count or any(crc8(data[at : at + 3], poly=0x31, init=0xFF) for at in range(0, len(data), 3)):
        return None
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 3)]


class Simulator:
    """The sensor: a value every five seconds while it measures, settings only while it does not."""

    def __init__(self, settings: Settings) -> None:
        self._air = Air(420, 25.0, 50.0)
        self._measures, self._began_ms = False, 0.0
        self._deaf_until_ms = 0.0
        self._fresh_ms = 0.0
        """When the next value is there."""
        self._measured_ms, self._off_ppm = 0.0, 0
        """How long it measured before it was stopped, and how far it was moved then."""
        self.set: dict[bytes, int] = {SELF_CALIBRATION: 1}
        """What it was told, by the command; as delivered it calibrates itself."""

    def show(self, reading: AnyReading, t_ms: float) -> list[Later]:
        if isinstance(reading, Air):
            self._air = reading
        return []

    def hear(self, raw: ToDevice, t_ms: float) -> list[Later]:
        if not isinstance(raw, Transfer) or t_ms < self._deaf_until_ms:
            return []
        answer = self._answer(raw, t_ms)
        return [] if answer is None else [Later(Reply(raw, answer), raw.wait_ms)]

    def _answer(self, raw: Transfer, t_ms: float) -> bytes | None:
        """None: it does not acknowledge this now."""
        if raw == STOP:
            self._measured_ms = t_ms - self._began_ms if self._measures else self._measured_ms
            self._measures, self._deaf_until_ms = False, t_ms + STOPS_MS
        elif raw == IS_READY:
            return _checked(0x8006 if self._has_value(t_ms) else 0x8000)
        elif raw == MEASURED:
            return self._measured(t_ms)
        elif self._measures:
            return None
        elif raw == START:
            self._measures, self._began_ms, self._fresh_ms = True, t_ms, t_ms + MEASURES_MS
        elif raw.write[:2] == RECALIBRATE:
            return self._recalibrated(raw)
        elif (word := _words(raw.write[2:], 1)) is not None:
            self.set = {**self.set, raw.write[:2]: word[0]} if len(self.set) < 16 else self.set
        else:
            return None
        return b""

    def _recalibrated(self, raw: Transfer) -> bytes | None:
        words = _words(raw.write[2:], 1)
        if words is None:
            return None
        if self._measured_ms < OUTDOORS_MS:
            return _checked(NOT_DONE)
        self._off_ppm = words[0] - self._air.co2_ppm
        return _checked((0x8000 + self._off_ppm) & 0xFFFF)

    def _has_value(self, t_ms: float) -> bool:
        return self._measures and t_ms >= self._fresh_ms

    def _measured(self, t_ms: float) -> bytes | None:
        if not self._has_value(t_ms):
            return None
        self._fresh_ms = t_ms + MEASURES_MS
        air = self._air
        temperature_c = 25.0 if air.temperature_c is None else air.temperature_c
        humidity = 50.0 if air.humidity_percent is None else air.humidity_percent
        scaled = (air.co2_ppm + self._off_ppm, (temperature_c + 45) * 65_535 / 175, humidity * 65_535 / 100)
        return b"".join(_checked(max(0, min(0xFFFF, round(word)))) for word in scaled)


def _told(command: str) -> Reply:
    return Reply(Transfer(bytes.fromhex(command)))


def _conversation(settings: tuple[str, str, str], answer: str) -> tuple[Reply | Later, ...]:
    """The sensor's part from the start on: acknowledgements of what it is told, then what it reads."""
    return (
        _told("3f86"),
        *(Later(_told(command), 520.0) for command in settings),
        Later(_told("21b1"), 520.0),
        Later(Reply(Transfer(bytes.fromhex("e4b8"), 3, 1.0), bytes.fromhex("800604")), 5_020.0),
        Later(Reply(Transfer(bytes.fromhex("ec05"), 9, 1.0), bytes.fromhex(answer)), 20.0),
    )


DELIVERED = ("2416000081", "241d05da29", "2427000081")

DRIVER = Driver(
    name="air_scd41",
    port="i2c",
    settings=Settings,
    decoder=Decoder,
    simulator=Simulator,
    examples=(
        Example(
            "500 ppm, 25 degrees, 37 %",
            _conversation(DELIVERED, "01f4336667a25eb93c"),
            (Air(500, 25.0, 37.0),),
            "SCD4x data sheet, example of read_measurement; 2416000081 its complement, device-vectors.json scd4x for the check",
            settings=Settings(every_seconds=10),
        ),
        Example(
            "a hall at 1950 m, an offset of 5.4 degrees",
            _conversation(("24160001b0", "241d07e648", "2427079e09"), "01f4336667a25eb93c"),
            (Air(500, 25.0, 37.0),),
            "SCD4x data sheet, examples of set_sensor_altitude, set_temperature_offset and self-calibration",
            settings=Settings(every_seconds=10, altitude_m=1_950, temperature_offset_c=5.4, self_calibration=True),
        ),
        Example(
            "a sensor that has measured nothing",
            _conversation(DELIVERED, "0000816667a25eb93c"),
            (Garbled(9, "0 ppm is outside 1 to 40000 ppm"),),
            "the data sheet's example with its word 0000 81 for the CO2",
        ),
    ),
    checksum=True,
    polled=True,
    fresh_air_minutes=5,
    gives=(Air,),
)
