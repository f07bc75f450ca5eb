"""Reading one claim of a signed token: the right type, the right range, or a refusal. A bool is never a number here."""

from __future__ import annotations

import re
from collections.abc import Mapping

from firmware.core.refusal import Refusal

SECONDS_MAX = 253_402_300_799
"""The end of the year 9999."""
TEXT_LENGTH_MAX = 80
_WORD = re.compile(r"[A-Za-z0-9_-]{1,32}")

Claims = Mapping[object, object]


def seconds(claims: Claims, label: object) -> int:
    """A NumericDate (RFC 8392): whole or broken seconds since 1970, up to the year 9999. Cut down to the second."""
    value = claims.get(label)
    if type(value) not in (int, float) or not 0 <= value <= SECONDS_MAX:  # type: ignore[operator]
        raise Refusal("malformed")
    return int(value)  # type: ignore[call-overload, no-any-return]


def seconds_or_none(claims: Claims, label: object) -> int | None:
    return seconds(claims, label) if label in claims else None


def word(claims: Claims, label: object) -> str:
    """A name as site files and rulebooks write it: 1 to 32 letters, digits, `_`, `-`."""
    value = claims.get(label)
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise Refusal("malformed")
    return value


def text(claims: Claims, label: object) -> str:
    """1 to 80 printable characters."""
    value = claims.get(label)
    if not isinstance(value, str) or not 0 < len(value) <= TEXT_LENGTH_MAX or not value.isprintable():
        raise Refusal("malformed")
    return value


def label_or_none(claims: Claims, label: object) -> str | None:
    """A name or a small number that names something (a zone, a service); None when absent."""
    value = claims.get(label)
    if type(value) is int and 0 <= value < 10_000:
        return str(value)
    return text(claims, label) if label in claims else None


def count(claims: Claims, label: object, most: int) -> int:
    """1 to `most`; 1 when absent."""
    value = claims.get(label, 1)
    if type(value) is not int or not 1 <= value <= most:
        raise Refusal("malformed")
    return value


def flag(claims: Claims, label: object) -> bool:
    """True or false; false when absent."""
    value = claims.get(label, False)
    if not isinstance(value, bool):
        raise Refusal("malformed")
    return value


def octets(claims: Claims, label: object, length: int) -> bytes:
    value = claims.get(label)
    if not isinstance(value, bytes) or len(value) != length:
        raise Refusal("malformed")
    return value


def octets_or_none(claims: Claims, label: object, length: int) -> str | None:
    """Bytes of exactly `length` as hex; None when absent."""
    return octets(claims, label, length).hex() if label in claims else None
