"""Everything a device believes: one JWK set (RFC 7517), read once, never changed.

Names are not unique: the kid of an EU health certificate is eight bytes of a hash, so a look-up answers with every key
of that name and the signature decides. One spoilt entry costs that entry, and is named for whoever keeps the file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import msgspec

from firmware.core import jwk
from firmware.core.jwk import BadKey, Key

KEYS_MAX = 10_000
KEYS_PER_KID_MAX = 8
Name = TypeVar("Name")
_ONLY_BY_FILE = frozenset({"rulebook", "command"})


@dataclass(frozen=True)
class TrustList:
    """Keys in file order, and one sentence for each entry that was not taken."""

    keys: tuple[Key, ...] = ()
    complaints: tuple[str, ...] = ()

    def by_name(self, kid: str, kind: str | None = None) -> tuple[Key, ...]:
        """Keys whose kid is written so (JWS headers, a rulebook's .sig); with `kind`, only those that may sign it."""
        keys = self._names.get(kid, ())
        return keys if kind is None else tuple(key for key in keys if kind in key.kinds)

    def by_bytes(self, kid: bytes) -> tuple[Key, ...]:
        """Keys whose kid, read as base64url, is these bytes (COSE headers)."""
        return self._bytes.get(kid, ())

    def pushable(self) -> TrustList:
        """What of this list is believed when the hub pushes it; what is believed only by file becomes a complaint."""
        allowed = [replace(key, kinds=key.kinds - _ONLY_BY_FILE, commands=frozenset()) for key in self.keys]
        left_out = ((key, ", ".join(sorted(key.kinds & _ONLY_BY_FILE))) for key in self.keys)
        told = [f"key {key.kid[:88]!r} is believed for {kinds} by file alone" for key, kinds in left_out if kinds]
        return TrustList(tuple(key for key in allowed if key.kinds), (*self.complaints, *told))

    def with_pushed(self, pushed: TrustList) -> TrustList:
        """This list, from a file, plus what the hub pushed and may push."""
        believed = pushed.pushable()
        return TrustList(self.keys + believed.keys, self.complaints + believed.complaints)

    @cached_property
    def _names(self) -> dict[str, tuple[Key, ...]]:
        return _index((key.kid, key) for key in self.keys)

    @cached_property
    def _bytes(self) -> dict[bytes, tuple[Key, ...]]:
        return _index((raw, key) for key in self.keys if (raw := _raw_kid(key.kid)))


def _index(pairs: Iterable[tuple[Name, Key]]) -> dict[Name, tuple[Key, ...]]:
    index: dict[Name, tuple[Key, ...]] = {}
    for name, key in pairs:
        index[name] = (*index.get(name, ()), key)[:KEYS_PER_KID_MAX]
    return index


def _raw_kid(kid: str) -> bytes:
    try:
        return jwk.unpack(kid)
    except BadKey:
        return b""


def parse(text: bytes) -> TrustList:
    """Return the trust list in `text`. Never raises: what cannot be used becomes a complaint, the rest works."""
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return TrustList(complaints=("the trust list is not JSON",))
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        return TrustList(complaints=('the trust list is no JWK set: {"keys": [...]}',))
    keys: list[Key] = []
    complaints = (
        [] if len(entries) <= KEYS_MAX else [f"the trust list has more than {KEYS_MAX} keys: the rest is ignored"]
    )
    for place, entry in enumerate(entries[:KEYS_MAX], 1):
        try:
            keys.append(jwk.read(entry))
        except BadKey as bad:
            complaints.append(f"key {place}{_named(entry)} {bad}")
        else:
            complaints += [f"key {place}{_named(entry)} has an unknown kind: {kind[:40]!r}" for kind in _strange(entry)]
    return TrustList(tuple(keys), tuple(complaints))


def _strange(entry: dict[str, list[str]]) -> list[str]:
    return [kind for kind in entry["kinds"] if kind not in jwk.KINDS]


def _named(entry: object) -> str:
    kid = entry.get("kid") if isinstance(entry, dict) else None
    return f" ({kid[:88]!r})" if isinstance(kid, str) else ""
