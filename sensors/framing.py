"""Cutting a stream into frames, and the checksums that more than one device uses. Always bounded.

A serial line gives bytes in any slicing: half a frame, three glued ones, junk in front. A `Cutter` keeps the
unfinished rest, never more than one longest frame, and counts what it threw away. What a frame looks like is one
function of the driver (`Measure`); `fixed` makes it for the common case of a header, a length and a check.

Hands (`firmware/outputs`) may use this file too: the cable is the same in both directions.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterable

Measure = Callable[[bytearray, int], int]
"""(buffer, start) -> how long the good frame at `start` is; 0: not complete yet; -n: the first n bytes are junk."""


class Cutter:
    """Cuts frames out of a stream. `pending` never holds more than `max_frame` bytes between two calls."""

    def __init__(self, measure: Measure, max_frame: int) -> None:
        self._measure = measure
        self._max_frame = max_frame
        self.pending = bytearray()

    def feed(self, data: bytes) -> tuple[list[bytes], int]:
        """Return the good frames and how many bytes belonged to none. Never raises for any bytes."""
        buffer = self.pending
        buffer += data
        frames: list[bytes] = []
        start = dropped = 0
        while start < len(buffer):
            length = self._measure(buffer, start)
            if length == 0 and len(buffer) - start >= self._max_frame:
                length = -1  # longer than any frame: the header was an accident
            if length == 0:
                break
            if length > 0:
                frames.append(bytes(buffer[start : start + length]))
            else:
                dropped -= length
            start += abs(length)
        del buffer[:start]
        return frames, dropped

    def clear(self) -> int:
        """Forget an unfinished frame (the line fell silent in the middle of it); return how many bytes that were."""
        dropped = len(self.pending)
        self.pending.clear()
        return dropped


def fixed(header: bytes, length: int, good: Callable[[bytes], bool]) -> Measure:
    """Measure frames that begin with `header` and always have `length` bytes; `good` says whether the check holds."""

    def measure(buffer: bytearray, start: int) -> int:
        junk = until(buffer, start, header)
        if junk:
            return -junk
        if len(buffer) - start < length:
            return 0
        return length if good(bytes(buffer[start : start + length])) else -1

    return measure


def until(buffer: bytearray, start: int, header: bytes) -> int:
    """How many bytes lie before the next place where `header`, or as much of it as has come, begins."""
    found = buffer.find(header, start)
    if found >= 0:
        return found - start
    for kept in range(min(len(header) - 1, len(buffer) - start), 0, -1):
        if buffer.endswith(header[:kept]):
            return len(buffer) - start - kept
    return len(buffer) - start


# ---------------------------------------------------------------- checksums


def sum8(data: Iterable[int]) -> int:
    """Low byte of the sum (GY-MCU90614, LCUS relays)."""
    return sum(data) & 0xFF


def xor8(data: Iterable[int]) -> int:
    """All bytes exclusive-or'ed (SYN6288, resident-ID readers)."""
    value = 0
    for byte in data:
        value ^= byte
    return value


def crc8(data: Iterable[int], poly: int = 0x07, init: int = 0x00) -> int:
    """CRC-8, most significant bit first, no final xor (07: Terabee, MLX90614 PEC; 4D: LD06; 31 with init FF: SCD4x)."""
    value = init
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ poly) & 0xFF if value & 0x80 else value << 1
    return value


def crc16_ccitt(data: bytes, init: int = 0x0000) -> int:
    """CRC-16, poly 1021, not reflected, no final xor (Grow scanners with init 0, OSDP with init 1D0F)."""
    return binascii.crc_hqx(data, init)


def crc16_modbus(data: Iterable[int]) -> int:
    """CRC-16 of Modbus RTU: init FFFF, poly A001 reflected. It goes on the wire low byte first."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return value
