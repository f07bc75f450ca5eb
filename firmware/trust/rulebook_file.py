"""A rulebook and its trust list from the card: signature first, then every word of it.

`firmware/rulebook` knows no files; here they are read, and its errors get their file's name.
"""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from pathlib import Path

from firmware import files, typed_toml
from firmware.core import trust_list
from firmware.core.trust_list import TrustList
from firmware.errors import Mistake
from firmware.rulebook import book, signature
from firmware.rulebook.book import Rulebook

TRUST_BYTES_MAX = 64_000_000
"""Ten thousand certificates with their chains; what is longer is cut off and then is no JSON."""


@dataclass(frozen=True)
class SignedRulebook:
    """`text` is the exact bytes that were signed, `kid` the key that signed them."""

    text: bytes
    kid: str
    book: Rulebook
    zone: zoneinfo.ZoneInfo


def read(path: Path, trusted: TrustList) -> SignedRulebook:
    """The rulebook in `path`, signed in `path`.sig. Mistake, with the line where there is one, for what is wrong."""
    text = _bytes(path)
    if len(text) > typed_toml.SIZE_MAX:  # one byte more was read: what is cut off bears no good signature
        raise typed_toml.too_large(str(path))
    sig = _bytes(path.with_name(path.name + ".sig"), f"sign it: hallgate rulebook sign --key FILE {path}")
    try:
        kid = signature.check(text, sig, trusted)
    except signature.RulebookSignatureError as wrong:
        raise Mistake(wrong.because, file=f"{path}.sig") from None
    return opened(text, kid, str(path))


def opened(text: bytes, kid: str, file: str = "rulebook") -> SignedRulebook:
    """The rulebook in bytes whose signature was checked, with its time zone."""
    rules = book.parse(text, file)
    try:
        return SignedRulebook(text, kid, rules, zone(rules.time_zone))
    except Mistake as wrong:
        raise typed_toml.document(text, file).mistake(("time_zone",), wrong.what) from None


def zone(name: str) -> zoneinfo.ZoneInfo:
    """The time zone of that name. Mistake, with the nearest name, when there is none."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = typed_toml.nearest(name, zoneinfo.available_timezones())
        raise Mistake(f"there is no time zone {name}{near}", key="time_zone") from None


def read_trust(path: Path | None) -> TrustList:
    """The trust list in `path`, none for None; `complaints` say what was left out. Mistake when it cannot be read."""
    return TrustList() if path is None else trust_list.parse(_bytes(path, size_max=TRUST_BYTES_MAX))


def read_usable_trust(path: Path) -> TrustList:
    """The trust list in `path`. Mistake also when no key of it can be used."""
    trusted = read_trust(path)
    if not trusted.keys:
        raise Mistake(trusted.complaints[0] if trusted.complaints else "holds no key", file=str(path))
    return trusted


def _bytes(path: Path, hint: str = "", size_max: int = typed_toml.SIZE_MAX) -> bytes:
    try:
        with files.opened(path) as file:
            return file.read(size_max + 1)
    except OSError as wrong:
        raise Mistake(f"cannot be read: {wrong.strerror}" + (f"; {hint}" if hint else ""), file=str(path)) from None
