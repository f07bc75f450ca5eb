"""Lines of text from a scanner: cut at the terminator, bounded, patient with a slow cable but not for ever.

Used by every scanner that sends the code's text followed by a terminator. A line may stop in the middle for a second
(a USB hub, a busy scanner) and is still one line; when it stays unfinished for `idle_ms`, or the scanner is unplugged in
it, it is given up, so that its beginning is never glued to the next visitor's code. A line longer than `max_chars` is
dropped whole: its tail must not look like a code of its own. Where it ends somebody stands who showed it: an empty line
says so, and they are answered.
"""

from __future__ import annotations

from typing import Literal

from sensors.readings import Garbled, Scan

Terminator = Literal["any", "cr", "lf", "crlf"]

AIM_SYMBOLOGIES = {"A": "code39", "C": "code128", "E": "ean", "L": "pdf417", "Q": "qr", "d": "datamatrix", "z": "aztec"}
"""AIM code characters (ISO/IEC 15424) of the symbologies a visitor may show; others keep their letter."""


NOT_READ = b""
UNPLUGGED = "a line broken off when the scanner was unplugged"


class LineCutter:
    """Bytes in any slicing -> whole lines without their terminator; what is dropped comes back as Garbled."""

    def __init__(self, terminator: Terminator, max_chars: int, idle_ms: float) -> None:
        self._end = {"any": b"\n", "lf": b"\n", "cr": b"\r", "crlf": b"\r\n"}[terminator]
        self._any = terminator == "any"
        self._max_chars = max_chars
        self._idle_ms = idle_ms
        self._pending = bytearray()
        self._overlong = 0
        """Bytes of a line that has already become too long; they are only counted."""
        self._last_ms = 0.0
        self.wake_at_ms: float | None = None

    def feed(self, data: bytes, t_ms: float) -> list[bytes | Garbled]:
        """Return the lines that are complete now, empty ones left out; NOT_READ stands for one that was too long."""
        out: list[bytes | Garbled] = list(self.tick(t_ms))
        if self._any:
            data = data.replace(b"\r", b"\n")
        self._pending += data
        *lines, rest = self._pending.split(self._end)
        for line in lines:
            out += self._finish(bytes(line))
        self._pending = rest
        out += self._bound()
        self._last_ms = t_ms
        self.wake_at_ms = t_ms + self._idle_ms if self._pending or self._overlong else None
        return out

    def tick(self, t_ms: float) -> list[Garbled]:
        """Give up a line that has been unfinished for too long."""
        if self.wake_at_ms is None or t_ms < self.wake_at_ms:
            return []
        return self.give_up("a line never ended")

    def give_up(self, because: str) -> list[Garbled]:
        """Forget the line that is unfinished now."""
        self.wake_at_ms = None
        dropped = self._overlong + len(self._pending)
        self._overlong = 0
        self._pending.clear()
        return [Garbled(dropped, because)] if dropped else []

    def _finish(self, line: bytes) -> list[bytes | Garbled]:
        overlong, self._overlong = self._overlong, 0
        if overlong or len(line) > self._max_chars:
            return [Garbled(overlong + len(line), f"a line longer than {self._max_chars} bytes"), NOT_READ]
        return [line] if line else []

    def _bound(self) -> list[bytes | Garbled]:
        """Keep no more than the longest line that is allowed (and half a CR LF, which may be its end)."""
        keep = len(self._end) - 1
        if len(self._pending) <= self._max_chars + keep and not self._overlong:
            return []
        tail = self._pending[len(self._pending) - keep :] if keep else bytearray()
        self._overlong += len(self._pending) - len(tail)
        self._pending = tail
        return []


def scan_of(line: bytes, aim_id: bool) -> Scan:
    """Make a line a Scan; with `aim_id` a leading `]Q1` (flag, letter, modifier) names the symbology and is cut."""
    if not aim_id or len(line) < 3 or line[:1] != b"]" or not line[1:3].isalnum():
        return Scan(line)
    letter = chr(line[1])
    return Scan(line[3:], symbology=AIM_SYMBOLOGIES.get(letter, letter))


def line_of(scan: Scan, aim_id: bool) -> bytes:
    """The other direction, for simulators: the line a scanner sends for this code, without terminator."""
    if not aim_id:
        return scan.text
    letters = {name: letter for letter, name in AIM_SYMBOLOGIES.items()}
    letter = letters.get(scan.symbology, "Q")
    return b"]" + letter.encode() + (b"1" if letter == "Q" else b"0") + scan.text
