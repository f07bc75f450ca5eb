"""The hall's seal: who can write a row can mint a right, so every notice carries an HMAC with the hall's key.

The same sealed bytes travel over the broker and over the side link; a receiver cannot tell which way they came.
"""

from __future__ import annotations

import hmac

_MAC = b',"mac":"'


def sealed(key: bytes, payload: bytes, kind: str = "row") -> bytes:
    """The notice's JSON object with one more field: its HMAC-SHA-256 with the hall key, as a notice of this `kind`."""
    return payload[:-1] + _MAC + _seal(key, payload, kind) + b'"}'


def unsealed(key: bytes, payload: bytes, kind: str = "row") -> bytes:
    """The JSON without its seal; ValueError when the seal is not the hall's, or a notice of another kind bears it."""
    at = payload.rfind(_MAC)
    content = payload[:at] + b"}"
    if at < 0 or not hmac.compare_digest(payload, sealed(key, content, kind)):
        raise ValueError("not the hall's seal")
    return content


def _seal(key: bytes, payload: bytes, kind: str) -> bytes:
    return hmac.new(key, b"hallgate-%b-v1|" % kind.encode() + payload, "sha256").hexdigest().encode()
