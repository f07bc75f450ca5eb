"""The claims of an EU digital COVID certificate (`HC1:`): HCERT, a CWT whose claim -260 holds `{1: certificate}`.

Source: eHealth Network, guidelines on technical specifications vol. 1 and 3, and the DCC schema 1.3.0. Checked is what
the schema requires and needs no value sets: countries and device numbers are not compared with lists.
Names and birth dates are hashed here and go no further.
"""

from __future__ import annotations

import datetime as dt
import re
import zlib
from collections.abc import Mapping
from typing import Literal, NamedTuple

from firmware.core import cbor, claims, cose, pseudonym
from firmware.core.claims import Claims
from firmware.core.facts import HealthTest, OtherHealth, TestKind, TestResult
from firmware.core.jwk import HEALTH_KINDS, Key
from firmware.core.refusal import Refusal

ISS, EXP, IAT, HCERT = 1, 4, 6, -260
INFLATED_BYTES_MAX = 65_536
COVID_19 = "840539006"
TEST_KINDS: Mapping[str, TestKind] = {"LP6464-4": "naat", "LP217198-3": "antigen"}
TEST_RESULTS: Mapping[str, TestResult] = {"260415000": "negative", "260373001": "positive"}
OTHER_KINDS: Mapping[str, Literal["vaccination", "recovery"]] = {"v": "vaccination", "r": "recovery"}
KINDS = HEALTH_KINDS

_REQUIRED_TEXTS = {
    "t": ("tg", "tt", "tr", "sc", "co", "is", "ci"),
    "v": ("tg", "vp", "mp", "ma", "dt", "co", "is", "ci"),
    "r": ("tg", "fr", "df", "du", "co", "is", "ci"),
}
_DATES = {"t": (), "v": ("dt",), "r": ("fr", "df", "du")}
_VERSION = re.compile(r"\d{1,3}\.\d{1,3}\.\d{1,3}", re.ASCII)
_BIRTH = re.compile(r"((19|20)\d\d(-\d\d){0,2}(T00:00:00)?)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NAME_LENGTH_MAX = 100


def inflate(raw: bytes) -> bytes:
    """Return what the zlib stream holds, at most 64 KiB of it. Refusal for a broken, cut or larger one."""
    stream = zlib.decompressobj()
    try:
        plain = stream.decompress(raw, INFLATED_BYTES_MAX)
    except zlib.error:
        raise Refusal("malformed") from None
    if not stream.eof or stream.unused_data:
        raise Refusal("malformed" if len(plain) < INFLATED_BYTES_MAX else "too_long")
    return plain


def read(payload: bytes, signers: list[Key], hall_key: bytes | None, day: str, sha256: str) -> HealthTest | OtherHealth:
    """Return what the signed certificate says. Refusal when it breaks the schema or its key may not sign such a one."""
    token = cbor.mapping(cbor.decode(payload))
    certificate = cbor.mapping(cbor.mapping(token.get(HCERT)).get(1))
    group, entry = _only_entry(certificate)
    _check_schema(certificate, group, entry)
    identifier = claims.text(entry, "ci")
    names = _names(certificate)
    subject = pseudonym.of_subject(hall_key, *names)
    # Whoever is held must not try again with another report: the same name and birth date is the same person today.
    known_by = subject if subject and all(names) and len(names[2]) >= len("1990-12-31") else identifier
    common = _Common(sha256, pseudonym.of_the_day(hall_key, day, known_by), token, entry)
    if group in OTHER_KINDS:
        return _other(common, OTHER_KINDS[group], signers)
    return _test(common, signers, subject, pseudonym.of_certificate(hall_key, identifier))


class _Common(NamedTuple):
    sha256: str
    person: str
    token: Claims
    entry: Claims

    def issuer(self, key: Key) -> str:
        """The trust list's name for the key, else what the token says, else the country of the entry."""
        said = claims.text(self.token, ISS) if ISS in self.token else claims.text(self.entry, "co")
        return key.issuer or said


def _test(common: _Common, signers: list[Key], subject: str | None, certificate: str) -> HealthTest:
    entry = common.entry
    kind, result = TEST_KINDS.get(claims.text(entry, "tt")), TEST_RESULTS.get(claims.text(entry, "tr"))
    if kind is None or result is None:
        raise Refusal("malformed")
    return HealthTest(
        sha256=common.sha256,
        person=common.person,
        kind=kind,
        result=result,
        issuer=common.issuer(cose.allowed(signers, kind)),
        sampled_s=_instant(entry.get("sc")),
        reported_s=None if entry.get("dr") is None else _instant(entry["dr"]),
        issued_s=claims.seconds(common.token, IAT),
        expires_s=claims.seconds(common.token, EXP),
        subject=subject,
        certificate=certificate,
    )


def _other(common: _Common, kind: Literal["vaccination", "recovery"], signers: list[Key]) -> OtherHealth:
    return OtherHealth(
        sha256=common.sha256,
        person=common.person,
        kind=kind,
        issuer=common.issuer(cose.allowed(signers, kind)),
        issued_s=claims.seconds(common.token, IAT),
        expires_s=claims.seconds(common.token, EXP),
    )


def _only_entry(certificate: Claims) -> tuple[str, Claims]:
    """One certificate states one event: exactly one group, with exactly one entry."""
    groups = [(name, certificate[name]) for name in ("t", "v", "r") if certificate.get(name)]
    match groups:
        case [(name, [entry])]:
            return name, cbor.mapping(entry)
    raise Refusal("malformed")


def _check_schema(certificate: Claims, group: str, entry: Claims) -> None:
    texts = [claims.text(entry, member) for member in _REQUIRED_TEXTS[group]]
    if texts[0] != COVID_19 or not _VERSION.fullmatch(claims.text(certificate, "ver")):
        raise Refusal("malformed")
    if not all(_DATE.match(claims.text(entry, member)) for member in _DATES[group]):
        raise Refusal("malformed")
    if group == "v" and not all(member in entry and claims.count(entry, member, 99) for member in ("dn", "sd")):
        raise Refusal("malformed")
    _names(certificate)


def _names(certificate: Claims) -> tuple[str, str, str]:
    """Surname and forename as a passport's machine line writes them, and the birth date (may be partial or empty)."""
    name = cbor.mapping(certificate.get("nam"))
    surname, forename, birth = name.get("fnt"), name.get("gnt") or "", certificate.get("dob")
    if not (isinstance(surname, str) and isinstance(forename, str) and isinstance(birth, str)):
        raise Refusal("malformed")
    if not surname or max(len(surname), len(forename)) > _NAME_LENGTH_MAX or not _BIRTH.fullmatch(birth):
        raise Refusal("malformed")
    return surname, forename, birth


def _instant(value: object) -> int:
    """Seconds since 1970 of an ISO 8601 time with an offset; a time without one could be any of 26 hours."""
    try:
        moment = dt.datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Refusal("malformed")
    seconds = int(moment.timestamp())
    if not 0 <= seconds <= claims.SECONDS_MAX:
        raise Refusal("malformed")
    return seconds
