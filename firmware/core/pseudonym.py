"""Keyed hashes in place of people. Without the hall key nobody can go back from any of these to a name or a number.

A hall that matches no documents has no hall key: pseudonyms are then hashed with a public word, which is enough for
them because they start from random identifiers, and names are not hashed at all.
"""

from __future__ import annotations

import hashlib

_NO_HALL_KEY = b"hallgate"
_BLOCK_BYTES = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


def _hashed(key: bytes, text: str, length: int) -> str:
    return _hmac(key, text.encode("utf-8"))[:length].hex()


def _hmac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256 (RFC 2104) of a key that is no longer than a block.

    Out of hashlib: a visitor waits for it, and the module `hmac` has OpenSSL look its hash up by name each time (after a
    pause 55 us instead of 15).
    """
    block = key.ljust(_BLOCK_BYTES, b"\0")
    inner = hashlib.sha256(block.translate(_INNER) + message).digest()
    return hashlib.sha256(block.translate(_OUTER) + inner).digest()


def of_the_day(hall_key: bytes | None, day: str, identity: str) -> str:
    """12 hex digits that stand for one person or booking on one day."""
    return _hashed(hall_key or _NO_HALL_KEY, f"{day}|{identity}", 6)


def of_certificate(hall_key: bytes | None, identifier: str) -> str:
    """16 hex digits for one certificate identifier (UVCI)."""
    return _hashed(hall_key or _NO_HALL_KEY, identifier, 8)


def of_holder(hall_key: bytes | None, number: str) -> str | None:
    """16 hex digits over a document's number (upper case), as a pass or a roster names it; None without a hall key."""
    return _hashed(hall_key, number.upper(), 8) if hall_key else None


def holder_of_the_day(hall_key: bytes | None, day: str, holder: str) -> str:
    """16 hex digits that stand for one document's holder on one day, whatever showed it: pass, card or terminal."""
    return _hashed(hall_key or _NO_HALL_KEY, f"holder|{day}|{holder}", 8)


def of_card(key: bytes, day: str, number: str) -> str:
    """16 hex digits that know one card, or one code that proves nothing or was shown to a terminal, again within a day.

    `key` must be a secret: there are too few numbers to hide.
    """
    return _hashed(key, f"card|{day}|{number.upper()}", 8)


def of_subject(hall_key: bytes | None, surname: str, forename: str, birth: str) -> str | None:
    """16 hex digits over `fnt<<gnt|dob` as a health certificate has them (claim -70009); None without a hall key."""
    return _hashed(hall_key, f"{surname}<<{forename}|{birth}", 8) if hall_key else None
