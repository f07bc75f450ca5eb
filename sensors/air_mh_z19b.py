"""MH-Z19B: carbon dioxide in the air of a room, by infrared absorption, on a serial line.

Wiring: Vin 5 V (150 mA when its lamp flashes), GND, module Tx to the Pi's RX, module Rx to the Pi's TX (3.3 V levels).
    9600 8N1. HD and the analogue outputs stay open: HD at ground for 7 s is a calibration.
On the wire: host `FF 01 86 00 00 00 00 00 79` = how much is it? Module
    `FF 86 | ppm, big endian | board temperature + 40 | .. .. .. | check`, check = FF - (sum of bytes 1 to 7) + 1.
    Host `FF 01 79 00 00 00 00 00 86` = automatic baseline correction off; some modules answer with an `FF 79` frame.
Baseline correction takes the lowest value of each day for outdoor air. A hall that never empties never has such an hour:
    the module would learn bad air as good, so it is switched off at every start. Without it the module drifts by some
    tens of ppm a year and wants to be told at each maintenance that it stands in fresh air, after 20 minutes there:
    `FF 01 87 00 00 00 00 00 78` = this is 400 ppm.
The temperature byte is the board's own, warmed by its lamp, and the data sheet leaves it out: it is not passed on.
The measuring range is a setting of the module as delivered (2000, 5000; some 10000) and is not sent to it: the editions
    of the data sheet put it into different bytes of the command.
Source: devices.md 10, device-vectors.json (`mhz19`); warm-up of 3 minutes and current from the MH-Z19B data sheet 1.0.
Tested on: the simulator only.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from sensors.driver import Driver, Example, Later, Raw, Send, SerialSettings, ToDevice
from sensors.framing import Cutter, fixed, sum8
from sensors.readings import Air, AnyReading, Garbled, Ready, Silent

READ = bytes.fromhex("ff0186000000000079")
ZERO = bytes.fromhex("ff0187000000000078")
BASELINE_ON = bytes.fromhex("ff0179a000000000e6")
BASELINE_OFF = bytes.fromhex("ff0179000000000086")
FRAME_BYTES = 9
VALUE, BASELINE = 0x86, 0x79
"""What an answer answers: its second byte."""
MODEL = "MH-Z19B"
PAUSE_MS = 100.0
"""Between two commands: the module listens to one at a time."""
ANSWER_MS = 1_000.0
MISSES = 3
AGAIN_MS = 10_000.0
"""A silent module is set up and asked again so much later."""
BOARD_C = 27


class Settings(SerialSettings, frozen=True, kw_only=True):
    baud: Literal[9600] = 9600
    every_seconds: Annotated[int, Meta(ge=10, le=3_600)] = 60
    """The air of a hall changes over minutes, and each reading is an entry of the journal."""
    warm_up_seconds: Annotated[int, Meta(ge=0, le=3_600)] = 180
    """Values are left out so long after the module's first answer: it may have been switched on just then."""
    range_ppm: Literal[2_000, 5_000, 10_000] = 5_000
    """What the module was delivered with; a value above it is no value."""
    baseline_correction: bool = False
    """True only where the room empties and is aired every day."""


class Decoder:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cutter = Cutter(fixed(b"\xff", FRAME_BYTES, _is_answer), FRAME_BYTES)
        self._asked = False
        self._set_up = False
        self._misses = 0
        self._heard_ms: float | None = None
        self._warm_ms: float | None = None
        """From when on values count; None: the module has not answered yet, or was silent."""
        self.wake_at_ms: float | None = 0.0

    def feed(self, raw: Raw, t_ms: float) -> list[AnyReading | Send]:
        if not isinstance(raw, bytes):
            return []
        frames, dropped = self._cutter.feed(raw)
        out: list[AnyReading | Send] = [Garbled(dropped, "no frame")] if dropped else []
        for frame in frames:
            if frame[1] == VALUE:
                out += self._answered(int.from_bytes(frame[2:4], "big"), t_ms)
        return out

    def tick(self, t_ms: float) -> list[AnyReading | Send]:
        """Set the module up, ask it, and notice that it did not answer."""
        if self.wake_at_ms is not None and t_ms < self.wake_at_ms:
            return []
        if self._heard_ms is None:
            self._heard_ms = t_ms
        out = self._unanswered(t_ms) if self._asked else []
        if self._misses >= MISSES:
            return [*out, *self._lost(t_ms, self._heard_ms)]
        return out + (self._ask(t_ms) if self._set_up else self._begin(t_ms))

    def replugged(self, t_ms: float) -> list[AnyReading | Send]:
        """Another module may hang there now, and it is cold."""
        self._cutter.clear()
        self._asked = self._set_up = False
        self._misses, self._heard_ms, self._warm_ms, self.wake_at_ms = 0, t_ms, None, t_ms
        return []

    def fresh_air(self, ppm: int, t_ms: float) -> list[AnyReading | Send]:
        """It stands outdoors since 20 minutes. The module takes any fresh air for 400 ppm; it does not answer."""
        return [Send(ZERO)]

    # ---- asking

    def _begin(self, t_ms: float) -> list[AnyReading | Send]:
        self._set_up, self.wake_at_ms = True, t_ms + PAUSE_MS
        return [Send(BASELINE_ON if self._settings.baseline_correction else BASELINE_OFF)]

    def _ask(self, t_ms: float) -> list[AnyReading | Send]:
        self._asked, self.wake_at_ms = True, t_ms + ANSWER_MS
        return [Send(READ)]

    def _unanswered(self, t_ms: float) -> list[AnyReading | Send]:
        self._asked = False
        self._misses += 1
        lost = self._cutter.clear()
        return [Garbled(lost, "half a frame")] if lost else []

    def _lost(self, t_ms: float, heard_ms: float) -> list[AnyReading | Send]:
        self._set_up, self._misses, self._warm_ms = False, 0, None
        self.wake_at_ms = t_ms + AGAIN_MS
        return [Silent(t_ms - heard_ms)]

    # ---- what came

    def _answered(self, ppm: int, t_ms: float) -> list[AnyReading | Send]:
        news: list[AnyReading | Send] = []
        if self._warm_ms is None:
            self._warm_ms = t_ms + self._settings.warm_up_seconds * 1_000
            news = [Ready(MODEL)]
        self._asked, self._misses, self._heard_ms = False, 0, t_ms
        self.wake_at_ms = t_ms + self._settings.every_seconds * 1_000
        if t_ms < self._warm_ms:
            self.wake_at_ms = min(self.wake_at_ms, self._warm_ms)
            return news
        if not 0 < ppm <= self._settings.range_ppm:
            return [*news, Garbled(FRAME_BYTES, f"{ppm} ppm is outside 1 to {self._settings.range_ppm} ppm")]
        return [*news, Air(ppm)]


def _is_answer(frame: bytes) -> bool:
    """The echo of our own commands (Tx and Rx joined by mistake) is none."""
    return frame[1] in (VALUE, BASELINE) and sum8(frame[1:]) == 0


class Simulator:
    """The module: measures what it is shown and says it when asked."""

    def __init__(self, settings: Settings) -> None:
        self._ppm = 420
        self._off_ppm = 0
        """How far its zero was moved."""
        self.baseline_correction = True
        """As every module is delivered."""
        self._cutter = Cutter(fixed(b"\xff\x01", FRAME_BYTES, lambda frame: sum8(frame[1:]) == 0), FRAME_BYTES)

    def show(self, reading: AnyReading, t_ms: float) -> list[Later]:
        if isinstance(reading, Air):
            self._ppm = max(0, min(0xFFFF, reading.co2_ppm))
        return []

    def hear(self, raw: ToDevice, t_ms: float) -> list[Later]:
        commands = self._cutter.feed(raw)[0] if isinstance(raw, bytes) else []
        for command in commands:
            if command in (BASELINE_ON, BASELINE_OFF):
                self.baseline_correction = command == BASELINE_ON
            if command == ZERO:
                self._off_ppm = 400 - self._ppm
        return [Later(_frame(max(0, self._ppm + self._off_ppm)), 20.0) for command in commands if command == READ]


def _frame(ppm: int) -> bytes:
    body = bytes([0xFF, VALUE]) + ppm.to_bytes(2, "big") + bytes([BOARD_C + 40, 0, 0, 0])
    return body + bytes([-sum8(body[1:]) & 0xFF])


AT_ONCE = Settings(every_seconds=10, warm_up_seconds=0)

DRIVER = Driver(
    name="air_mh_z19b",
    port="serial",
    settings=Settings,
    decoder=Decoder,
    simulator=Simulator,
    examples=(
        Example(
            "800 ppm, a warm module",
            (bytes.fromhex("ff8603204300000014"),),
            (Air(800),),
            "device-vectors.json mhz19 rsp_800ppm_27C",
            settings=AT_ONCE,
        ),
        Example(
            "the same in the first three minutes",
            (bytes.fromhex("ff8603204300000014"),),
            (),
            "device-vectors.json mhz19 rsp_800ppm_27C; the data sheet's warm-up",
        ),
        Example(
            "more than it can measure",
            (bytes.fromhex("ff86177043000000b0"),),
            (Garbled(9, "6000 ppm is outside 1 to 5000 ppm"),),
            "by hand from the rule of devices.md 10: 1770 = 6000, 86+17+70+43 = 150, FF-50+1 = B0",
            settings=AT_ONCE,
        ),
        Example(
            "the answer to having its baseline correction switched off",
            (bytes.fromhex("ff7901000000000086"),),
            (),
            "by hand: FF 79 01, 79+01 = 7A, FF-7A+1 = 86",
            settings=AT_ONCE,
        ),
    ),
    checksum=True,
    polled=True,
    fresh_air_minutes=20,
    gives=(Air,),
)
