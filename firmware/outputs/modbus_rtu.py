"""Modbus RTU as far as a relay board needs it: frames, the checksum, and the silence between frames. Pure."""

from __future__ import annotations

from sensors.framing import crc16_modbus

EXCEPTIONS = {
    1: "no such function",
    2: "no such address",
    3: "no such value",
    4: "the board failed",
    5: "accepted, takes long",
    6: "the board is busy",
}
"""Exception codes of the Modbus application protocol 1.1b3, chapter 7."""

BITS_PER_CHARACTER = 11
FAST_SILENCE_MS = 1.75
"""Above 19200 baud the silence no longer shrinks ("Modbus over Serial Line" 1.02, 2.5.1.1)."""


def framed(address: int, function: int, place: int, value: int) -> bytes:
    """A request (or its echo) with two 16-bit fields, complete with checksum."""
    return checked(bytes((address, function)) + place.to_bytes(2) + value.to_bytes(2))


def checked(body: bytes) -> bytes:
    return body + crc16_modbus(body).to_bytes(2, "little")


def good(frame: bytes) -> bool:
    return crc16_modbus(frame) == 0


def reply_length(head: bytes) -> int:
    """How long a reply that begins so will be; 0: cannot be told yet; -1: no reply we know."""
    if len(head) < 2:
        return 0
    function = head[1]
    if function == 0x05:
        return 8
    if function in (0x81, 0x85):
        return 5
    if function != 0x01:
        return -1
    if len(head) < 3:
        return 0
    return 5 + head[2] if 1 <= head[2] <= 4 else -1


def measure_reply(buffer: bytearray, start: int) -> int:
    """For `Cutter`: find replies to functions 01 and 05, and refusals."""
    length = reply_length(bytes(buffer[start : start + 3]))
    if length <= 0:
        return length
    if len(buffer) - start < length:
        return 0
    return length if good(bytes(buffer[start : start + length])) else -1


class Pace:
    """Keeps 3.5 characters of silence between whatever was last on the line and our next frame."""

    def __init__(self, baud: int) -> None:
        self._character_ms = 1_000 * BITS_PER_CHARACTER / baud
        self._silence_ms = FAST_SILENCE_MS if baud > 19_200 else 3.5 * self._character_ms
        self.free_at_ms = 0.0

    def free(self, t_ms: float) -> bool:
        return t_ms >= self.free_at_ms

    def used(self, t_ms: float) -> None:
        """Something was on the line until now."""
        self.free_at_ms = max(self.free_at_ms, t_ms + self._silence_ms)

    def sends(self, frame: bytes, t_ms: float) -> float:
        """A frame goes out now; returns when its last bit has left."""
        sent_ms = t_ms + len(frame) * self._character_ms
        self.used(sent_ms)
        return sent_ms
