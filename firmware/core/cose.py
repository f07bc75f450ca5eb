"""COSE_Sign1 (RFC 9052): the envelope of booking passes and of EU health certificates. No claim is looked at here."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from firmware.core import cbor
from firmware.core.jwk import Key
from firmware.core.refusal import Refusal
from firmware.core.trust_list import TrustList

TAG_CWT, TAG_SIGN1 = 61, 18
Kind = TypeVar("Kind")
_ALG, _CRIT, _KID = 1, 2, 4
_ALGORITHMS = {-7: "ES256", -37: "PS256"}


class Envelope(msgspec.Struct, frozen=True):
    """One signed message, taken apart and believed in nothing yet."""

    algorithm: str
    kid: bytes
    protected: bytes
    payload: bytes
    signature: bytes

    def __repr__(self) -> str:
        return "Envelope(...)"  # a name may be in it

    @property
    def signed_bytes(self) -> bytes:
        """The Sig_structure, always an array of four (84) that begins with the text `Signature1` (6A)."""
        return b"\x84\x6aSignature1" + _octets(self.protected) + _octets(b"") + _octets(self.payload)


def _octets(raw: bytes) -> bytes:
    """A CBOR byte string with the shortest head (RFC 8949, 3); no code holds one of 64 KiB."""
    size = len(raw)
    if size < 24:
        return bytes((0x40 | size,)) + raw
    return (bytes((0x58, size)) if size < 256 else b"\x59" + size.to_bytes(2, "big")) + raw


def parse(raw: bytes) -> Envelope:
    """Return the envelope in `raw`; the tags 61 (CWT) and 18 (COSE_Sign1) may be there. Refusal when it is none."""
    match cbor.untag(cbor.untag(cbor.decode(raw), TAG_CWT), TAG_SIGN1):
        case [bytes(protected), outer, bytes(payload), bytes(signature)]:
            return _with_headers(protected, cbor.mapping(outer), payload, signature)
    raise Refusal("malformed")


def _with_headers(protected: bytes, outer: Mapping[object, object], payload: bytes, signature: bytes) -> Envelope:
    inner = _inner(protected) if protected else {}
    algorithm = _ALGORITHMS.get(_header(inner, outer, _ALG, int))
    # A critical header is one that must be understood, and none is.
    if algorithm is None or _CRIT in inner or _CRIT in outer:
        raise Refusal("malformed")
    return Envelope(algorithm, _header(inner, outer, _KID, bytes), protected, payload, signature)


@functools.lru_cache(maxsize=32)
def _inner(protected: bytes) -> Mapping[object, object]:
    """The protected header. Remembered: every pass of one issuer has the same few bytes, and a visitor waits."""
    return cbor.mapping(cbor.decode(protected))


def _header(inner: Mapping[object, object], outer: Mapping[object, object], label: int, kind: type[Kind]) -> Kind:
    """The protected header wins; the other one is taken too, since a wrong algorithm or key only fails to verify."""
    value = inner[label] if label in inner else outer.get(label)
    if type(value) is not kind:
        raise Refusal("malformed")
    return value


def signers(envelope: Envelope, trust: TrustList, kinds: frozenset[str]) -> list[Key]:
    """Return the trusted keys that made the signature. Only keys for any of `kinds` are asked. Refusal if none."""
    named = trust.by_bytes(envelope.kid)
    if not named:
        raise Refusal("unknown_issuer")
    candidates = [key for key in named if key.kinds & kinds]
    if not candidates:
        raise Refusal("wrong_key_kind")
    message = envelope.signed_bytes
    found = [key for key in candidates if key.signed(envelope.algorithm, envelope.signature, message)]
    if not found:
        raise Refusal("bad_signature")
    return found


def allowed(keys: Iterable[Key], kind: str) -> Key:
    """Return the first of `keys` that may sign `kind`; Refusal when the right signature comes from the wrong key."""
    for key in keys:
        if kind in key.kinds:
            return key
    raise Refusal("wrong_key_kind")
