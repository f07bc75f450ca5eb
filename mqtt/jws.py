"""Compact JWS (RFC 7515) with Ed25519, and nothing else of that standard.

One algorithm, no `crit`, no detached or unencoded payload: every choice a header could make is a choice an attacker
could make. Never raises on any bytes.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Protocol

import msgspec

from mqtt.messages import JwsHeader

SIZE_MAX = 16_384
_BASE64URL = re.compile(rb"[A-Za-z0-9_-]*\Z")
_HEADER = msgspec.json.Decoder(JwsHeader)


class Key(Protocol):
    """What the trust list (`firmware/core/trust_list.py`) says of a key."""

    @property
    def commands(self) -> frozenset[str]: ...

    def signed(self, algorithm: str, signature: bytes, message: bytes) -> bool: ...


class Trust(Protocol):
    def by_name(self, kid: str, kind: str | None = None) -> tuple[Key, ...]: ...


class Verified(msgspec.Struct, frozen=True):
    kid: str
    payload: bytes
    key: object

    @property
    def commands(self) -> frozenset[str]:
        return getattr(self.key, "commands", frozenset())


def verify(token: bytes, trust: Trust, kind: str, size_max: int = SIZE_MAX) -> Verified | str:
    """The payload and who signed it, or one word why not: `too_long`, `malformed`, `unknown_key`, `bad_signature`."""
    if len(token) > size_max:
        return "too_long"
    parts = token.split(b".")
    if len(parts) != 3 or not all(_BASE64URL.match(part) for part in parts):
        return "malformed"
    try:
        header = _HEADER.decode(unpack(parts[0]))
        payload, signature = unpack(parts[1]), unpack(parts[2])
    except (msgspec.DecodeError, binascii.Error, RecursionError, UnicodeError):
        return "malformed"
    if header.alg != "EdDSA" or header.crit is not None or header.b64 is not None:
        return "malformed"
    keys = trust.by_name(header.kid, kind)
    if not keys:
        return "unknown_key"
    message = parts[0] + b"." + parts[1]
    for key in keys:
        if key.signed("EdDSA", signature, message):
            return Verified(header.kid, payload, key)
    return "bad_signature"


def unpack(part: bytes) -> bytes:
    return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def pack(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
