"""Base45 (RFC 9285): the bytes of a code in the 45 characters that a QR code packs best.

The alphabet holds the space, and a code may end with one: nobody may strip spaces from a scan before it gets here.
"""

from __future__ import annotations

import struct

ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_UNKNOWN = 255
_DIGITS = bytes(ALPHABET.find(byte) if byte in ALPHABET else _UNKNOWN for byte in range(256))


class NotBase45(ValueError):
    """A character outside the alphabet, a group whose value is too large, or a lone last character."""


def decode(text: bytes) -> bytes:
    """Return the bytes behind `text`. NotBase45 for anything RFC 9285 does not allow; time grows with length only."""
    digits = text.translate(_DIGITS)
    if _UNKNOWN in digits or len(digits) % 3 == 1:
        raise NotBase45
    end = len(digits) // 3 * 3
    groups = zip(digits[0:end:3], digits[1:end:3], digits[2:end:3], strict=True)
    pairs = [low + 45 * middle + 2025 * high for low, middle, high in groups]
    try:
        return struct.pack(f">{len(pairs)}H", *pairs) + _last_byte(digits[end:])
    except struct.error:
        raise NotBase45 from None


def _last_byte(rest: bytes) -> bytes:
    if not rest:
        return b""
    value = rest[0] + 45 * rest[1]
    if value > 255:
        raise NotBase45
    return bytes((value,))


def encode(raw: bytes) -> bytes:
    """Return `raw` in the alphabet: three characters for two bytes, two for a last single one."""
    groups = (raw[i : i + 2] for i in range(0, len(raw), 2))
    return b"".join(_group(int.from_bytes(group, "big"), len(group) + 1) for group in groups)


def _group(value: int, length: int) -> bytes:
    return bytes(ALPHABET[value // 45**place % 45] for place in range(length))
