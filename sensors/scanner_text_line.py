"""Any scanner that sends the code's text and a line end: the ordinary USB or RS-232 QR scanner in its serial mode.

Wiring: USB in "virtual serial port" (CDC) mode, or TTL/RS-232 to a UART; 9600 8N1 unless the scanner is set otherwise.
    A scanner in keyboard mode does not work here: show it the maker's "USB serial" or "USB COM" set-up code first.
On the wire: the code's bytes as they are, then CR, LF or both. Nothing frames or checks the text, so a bit that was
    spoilt on the cable is found only by the code's own signature. A code whose text itself holds line ends needs
    `terminator = "crlf"` on both sides. With `aim_id = true` the scanner puts `]Q1` (QR) in front of each code.
Source: devices.md 1 and 2 (tail and AIM id), ISO/IEC 15424 for the AIM letters.
Tested on: the simulator only.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from sensors.driver import Driver, Edge, Example, Later, Raw, Send, SerialSettings
from sensors.lines import UNPLUGGED, LineCutter, Terminator, line_of, scan_of
from sensors.readings import AnyReading, Garbled, Scan


class Settings(SerialSettings, frozen=True, kw_only=True):
    terminator: Terminator = "any"
    aim_id: bool = False
    """The scanner puts an AIM identifier in front of the text; it is cut off and names the symbology."""
    max_chars: Annotated[int, Meta(ge=16, le=65_536)] = 4096
    """The longest code in bytes; a health certificate has up to about 1,500."""
    idle_ms: Annotated[int, Meta(ge=200, le=60_000)] = 5_000
    """An unfinished line is given up after this much silence."""


class Decoder:
    def __init__(self, settings: Settings) -> None:
        self._aim_id = settings.aim_id
        self._lines = LineCutter(settings.terminator, settings.max_chars, settings.idle_ms)
        self.wake_at_ms: float | None = None

    def feed(self, raw: Raw, t_ms: float) -> list[AnyReading | Send]:
        found = self._lines.feed(raw, t_ms) if isinstance(raw, bytes) else []
        self.wake_at_ms = self._lines.wake_at_ms
        return [part if isinstance(part, Garbled) else scan_of(part, self._aim_id) for part in found]

    def tick(self, t_ms: float) -> list[AnyReading | Send]:
        given_up = self._lines.tick(t_ms)
        self.wake_at_ms = self._lines.wake_at_ms
        return [*given_up]

    def replugged(self, t_ms: float) -> list[AnyReading | Send]:
        given_up = self._lines.give_up(UNPLUGGED)
        self.wake_at_ms = self._lines.wake_at_ms
        return [*given_up]


class Simulator:
    """A scanner that sees what it is shown. It takes no orders."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tail = {"any": b"\r", "cr": b"\r", "lf": b"\n", "crlf": b"\r\n"}[settings.terminator]

    def show(self, reading: AnyReading, t_ms: float) -> list[Later]:
        if not isinstance(reading, Scan):
            return []
        return [Later(line_of(reading, self._settings.aim_id) + self._tail)]

    def hear(self, raw: bytes | Edge, t_ms: float) -> list[Later]:
        return []


DRIVER = Driver(
    name="scanner_text_line",
    port="serial",
    settings=Settings,
    decoder=Decoder,
    simulator=Simulator,
    examples=(
        Example("a code and CR", (b"\x31\x32\x33\x34\x35\x0d",), (Scan(b"12345"),), "devices.md 1: default tail CR"),
        Example("CR LF is one line end", (b"\x41\x42\x43\x0d\x0a",), (Scan(b"ABC"),), "devices.md 1: tail CRLF"),
        Example(
            "bytes that are no text", (b"\xff\xfe\x80\x0d",), (Scan(b"\xff\xfe\x80"),), "platform.md: ends other gates"
        ),
        Example(
            "an AIM identifier",
            (b"\x5d\x51\x31\x48\x50\x31\x3a\x0d",),
            (Scan(b"HP1:", symbology="qr"),),
            "devices.md 1: `]Q1` precedes QR data",
            settings=Settings(aim_id=True),
        ),
    ),
    text=True,
    gives=(Scan,),
)
