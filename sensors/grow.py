"""The "7E 00" language of Grow scanners (GM65, GM861, GM81x, Newland EM3095), and the wire it shares with the codes.

    command `7E 00 | type | len | addrH addrL | data | crcH crcL`; type 07 read zones, 08 write, 09 save, 0A heartbeat
    reply   `02 00 | status | len | data | crcH crcL` (heartbeat: `03 00`); status 00 ok, 01 bad CRC, 03 unknown
CRC-16 CCITT, init 0, over everything between prefix and CRC. Source: devices.md 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from sensors.framing import crc16_ccitt
from sensors.lines import UNPLUGGED, LineCutter
from sensors.readings import Garbled

READ, WRITE, SAVE, HEARTBEAT = 0x07, 0x08, 0x09, 0x0A
OK, BAD_CRC, UNKNOWN = 0x00, 0x01, 0x03
ANSWER_MS = 600.0
"""A reply is late after this; a dump of 98 zones takes 110 ms at 9600 baud."""
GRACE_MS = 3_000.0
"""This long after a command its late reply is still known for a reply, and is no visitor's code."""
OWED_MAX = 8


def command(kind: int, zone: int, data: bytes) -> bytes:
    """The frame of one command with a real checksum (the scanner would also take AB CD)."""
    body = bytes([kind, len(data)]) + zone.to_bytes(2, "big") + data
    return b"\x7e\x00" + body + crc16_ccitt(body).to_bytes(2, "big")


def reply(prefix: bytes, status: int, data: bytes) -> bytes:
    """The frame of one reply, for the simulated scanner."""
    body = bytes([status, len(data)]) + data
    return prefix + body + crc16_ccitt(body).to_bytes(2, "big")


@dataclass(frozen=True, slots=True)
class Step:
    """One command and what a good answer looks like. For READ, `data` is the number of zones wanted."""

    kind: int
    zone: int = 0
    data: bytes = b"\x00"

    @property
    def frame(self) -> bytes:
        return command(self.kind, self.zone, self.data)

    @property
    def prefix(self) -> bytes:
        return b"\x03\x00" if self.kind == HEARTBEAT else b"\x02\x00"

    @property
    def answer_bytes(self) -> int:
        return self.data[0] if self.kind == READ else 1


@dataclass(frozen=True, slots=True)
class Reply:
    prefix: bytes
    status: int
    data: bytes

    def answers(self, step: Step) -> bool:
        """Whether this can be the answer to `step`: errors fit any command."""
        return self.prefix == step.prefix and (self.status != OK or len(self.data) == step.answer_bytes)


class Wire:
    """Tells replies from text: a reply is looked for only while one is owed, or may still come late."""

    def __init__(self, max_chars: int, idle_ms: float) -> None:
        self._lines = LineCutter("cr", max_chars, idle_ms)
        self._held = bytearray()
        """The beginning of what may become a reply; never longer than one reply, 261 bytes."""
        self._held_since = 0.0
        self._line_start = True
        self._owed: list[tuple[float, Step]] = []

    def owe(self, step: Step, t_ms: float) -> None:
        """A command was sent: its reply may come until the grace is over."""
        self._owed = [(until_ms, old) for until_ms, old in self._owed if until_ms >= t_ms][1 - OWED_MAX :]
        self._owed.append((t_ms + GRACE_MS, step))

    def wake_at_ms(self) -> float | None:
        held = [self._held_since + ANSWER_MS] if self._held else []
        lines = [self._lines.wake_at_ms] if self._lines.wake_at_ms is not None else []
        return min(held + lines, default=None)

    def feed(self, data: bytes, t_ms: float) -> list[bytes | Garbled | Reply]:
        """Return lines, replies and what was dropped, in the order they came."""
        out = self.tick(t_ms)
        if not self._held:
            self._held_since = t_ms
        buffer = bytes(self._held) + data
        self._held.clear()
        owed = [step for until_ms, step in self._owed if until_ms >= t_ms]
        start = 0
        while start < len(buffer):
            place = _candidate(buffer, start, owed)
            out += self._text(buffer[start:place], t_ms)
            length, found = self._judge(buffer[place : place + 261], owed)
            if length == 0:
                self._held += buffer[place:]
                break
            out += self._text(buffer[place : place + length], t_ms) if found is None else [found]
            start = place + length
        return out

    def tick(self, t_ms: float) -> list[bytes | Garbled | Reply]:
        """What was held and never became a reply is dropped, or is text after all."""
        out: list[bytes | Garbled | Reply] = []
        if self._held and t_ms >= self._held_since + ANSWER_MS:
            held, self._held = bytes(self._held), bytearray()
            half_a_reply = self._line_start and len(held) >= 4
            out += [Garbled(len(held), "half a reply")] if half_a_reply else self._text(held, self._held_since)
        return [*out, *self._lines.tick(t_ms)]

    def replugged(self) -> list[Garbled]:
        """Nothing of what was on the line before goes on."""
        held = [Garbled(len(self._held), UNPLUGGED)] if self._held else []
        self._held, self._line_start = bytearray(), True
        return [*held, *self._lines.give_up(UNPLUGGED)]

    def _judge(self, head: bytes, owed: list[Step]) -> tuple[int, Reply | Garbled | None]:
        """(length, what it is): length 0 = not complete yet, None = text."""
        if not _may_be_reply(head, owed):
            return 1, None
        if len(head) < 4 or len(head) < head[3] + 6:
            return 0, None
        frame = head[: head[3] + 6]
        if crc16_ccitt(frame[2:]) == 0:
            return len(frame), Reply(frame[:2], frame[2], frame[4:-2])
        return (len(frame), Garbled(len(frame), "a reply with a wrong checksum")) if self._line_start else (1, None)

    def _text(self, text: bytes, t_ms: float) -> list[bytes | Garbled | Reply]:
        if not text:
            return []
        self._line_start = text.endswith(b"\r")
        return [*self._lines.feed(text, t_ms)]


def _candidate(buffer: bytes, start: int, owed: list[Step]) -> int:
    """Where the next thing that may be a reply begins; the buffer's end when nothing may."""
    prefixes = {step.prefix for step in owed}
    places = [place for prefix in prefixes if (place := buffer.find(prefix, start)) >= 0]
    if not places and any(buffer.endswith(prefix[:1]) for prefix in prefixes):
        return len(buffer) - 1
    return min(places, default=len(buffer))


def _may_be_reply(head: bytes, owed: list[Step]) -> bool:
    """Whether these first bytes still fit a reply that is owed."""
    fitting = [step for step in owed if step.prefix.startswith(head[:2])]
    if len(head) >= 3 and head[2] not in (OK, BAD_CRC, UNKNOWN):
        return False
    if len(head) >= 4:
        lengths = {step.answer_bytes for step in fitting} if head[2] == OK else {1}
        return bool(fitting) and head[3] in lengths
    return bool(fitting)
