"""What a code proves. The text of a code ends here: a fact without names leaves, or an `Unproved` with one word.

Two languages are understood, both base45 in a QR code: `HP1:` booking passes and staff badges, `HC1:` EU health
certificates. Signature and structure are judged; dates need the moment and are judged by `validity` and the rules.
Any bytes of any length get an answer in bounded time and never an exception.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from firmware.core import base45, booking_pass, cose, health
from firmware.core.facts import CodeFact, Unproved
from firmware.core.jwk import Key
from firmware.core.refusal import Refusal
from firmware.core.trust_list import TrustList

TEXT_BYTES_MAX = 8_192
"""Nearly twice the 4,296 characters of the largest QR code."""
_AIM_PREFIX = re.compile(rb"\s*(?:\][A-Za-z][0-9A-Za-z])?\s*")
# Not the space: base45 may end with one.
_LINE_END = b"\r\n\t\v\f\0"


@dataclass(frozen=True, slots=True)
class _Language:
    """One prefix: how its bytes are unpacked, which keys may speak it, and who reads the signed claims."""

    looks_like: Literal["booking", "health"]
    unpack: Callable[[bytes], bytes]
    kinds: frozenset[str]
    read: Callable[[bytes, list[Key], bytes | None, str, str], CodeFact]


_LANGUAGES = {
    b"HP1:": _Language("booking", bytes, booking_pass.KINDS, booking_pass.read),
    b"HC1:": _Language("health", health.inflate, health.KINDS, health.read),
}


def verify(text: bytes, trust: TrustList, hall_key: bytes | None, day: str) -> CodeFact:
    """Return what `text` proves. `day` (the hall's calendar day, any spelling) only separates the daily pseudonyms.

    Spaces and an AIM identifier (`]Q1`) in front and line ends behind are forgiven.
    """
    code = text[: TEXT_BYTES_MAX + 1].rstrip(_LINE_END)
    if code[:4] not in _LANGUAGES:
        code = code[_AIM_PREFIX.match(code).end() :]  # type: ignore[union-attr]  # the pattern matches anything
    sha256 = hashlib.sha256(code).hexdigest()[:16]
    if len(text) > TEXT_BYTES_MAX:
        return Unproved(sha256=sha256, because="too_long")
    if not code:
        return Unproved(sha256=sha256, because="not_read")
    language = _LANGUAGES.get(code[:4])
    if language is None:
        return Unproved(sha256=sha256, because="unknown_format")
    try:
        envelope = cose.parse(language.unpack(base45.decode(code[4:])))
        signers = cose.signers(envelope, trust, language.kinds)
        return language.read(envelope.payload, signers, hall_key, day, sha256)
    except base45.NotBase45:
        return Unproved(sha256=sha256, because="malformed", looks_like=language.looks_like)
    except Refusal as refusal:
        return Unproved(sha256=sha256, because=refusal.because, looks_like=language.looks_like)
