"""Who hands out codes: keys, booking passes, staff badges and test certificates for tests, demo and training.

The people are invented and the keys are made here; nothing of this is ever in a real trust list. Needs cryptography
and cbor2 only. Times are seconds since 1970 and are handed in.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from firmware.core import base45, booking_pass, health, jwk
from firmware.rulebook import signature

_ON_CURVE_KINDS = ("booking", "staff", "naat", "antigen", "vaccination", "recovery")
_EDWARDS_KINDS = ("rulebook", "command", "revocation", "roster")
_ES256 = ec.ECDSA(hashes.SHA256())
PEOPLE = (("MUSTERFRAU", "ERIKA", "1964-08-12"), ("BEISPIEL", "MAX", "1990-02-28"), ("ROSSI", "MARIA", "2001-11-05"))

CurveKey = ec.EllipticCurvePrivateKey
EdwardsKey = ed25519.Ed25519PrivateKey


@dataclass
class Issuer:
    """One office that holds one key per kind. `new()` makes fresh keys; `hall` and `name` go into every pass."""

    hall: str
    name: str
    curve_keys: Mapping[str, CurveKey] = field(repr=False)
    edwards_keys: Mapping[str, EdwardsKey] = field(repr=False)
    hall_key: bytes | None = field(default=None, repr=False)
    issued: int = 0

    @classmethod
    def new(cls, hall: str = "baoshan", name: str = "demo-office", hall_key: bytes | None = None) -> Issuer:
        """An office with fresh keys of every kind."""
        curves = {kind: ec.generate_private_key(ec.SECP256R1()) for kind in _ON_CURVE_KINDS}
        return cls(hall, name, curves, {kind: EdwardsKey.generate() for kind in _EDWARDS_KINDS}, hall_key)

    def trust_jwks(self, kinds: Iterable[str] = (*_ON_CURVE_KINDS, *_EDWARDS_KINDS)) -> bytes:
        """The JWK set that believes these keys, each for its own kind."""
        return json.dumps({"keys": [self.jwk(kind) for kind in kinds]}, indent=1).encode()

    def jwk(self, kind: str) -> dict[str, object]:
        commands = jwk.COMMANDS if kind == "command" else ()
        return jwk.write(self._key(kind).public_key(), [kind], commands, self.name)

    def kid(self, kind: str) -> str:
        return jwk.kid_of(self._key(kind).public_key())

    def _key(self, kind: str) -> CurveKey | EdwardsKey:
        return self.curve_keys[kind] if kind in self.curve_keys else self.edwards_keys[kind]

    def sign_rulebook(self, text: bytes) -> bytes:
        """The content of `rulebook.toml.sig`."""
        return signature.sign(text, self.edwards_keys["rulebook"], self.kid("rulebook"))

    def booking(
        self,
        not_before_s: int,
        expires_s: int,
        *,
        person_class: str = "visitor",
        pass_id: bytes | None = None,
        slot: tuple[int, int] | None = None,
        party: int = 1,
        service: str | None = None,
        cases: int = 1,
        zone: str | None = None,
        helper: bool = False,
        document: str | None = None,
        subject: tuple[str, str, str] | None = None,
        key_kind: str = "booking",
        extra: Mapping[int, object] | None = None,
    ) -> str:
        """An `HP1:` text. `document` (a number) and `subject` (fnt, gnt, dob) are hashed; `extra` claims win."""
        optional = {
            booking_pass.SLOT_START: slot[0] if slot else None,
            booking_pass.SLOT_END: slot[1] if slot else None,
            booking_pass.PARTY: party if party != 1 else None,
            booking_pass.SERVICE: service,
            booking_pass.CASES: cases if cases != 1 else None,
            booking_pass.ZONE: zone,
            booking_pass.HELPER: helper or None,
            booking_pass.HOLDER: self._hashed(document.upper()) if document else None,
            booking_pass.SUBJECT: self._hashed("{}<<{}|{}".format(*subject)) if subject else None,
        }
        token: dict[int, object] = {
            booking_pass.ISS: self.name,
            booking_pass.EXP: expires_s,
            booking_pass.NBF: not_before_s,
            booking_pass.CTI: self._next_id() if pass_id is None else pass_id,
            booking_pass.HALL: self.hall,
            booking_pass.CLASS: person_class,
        }
        token |= {label: value for label, value in optional.items() if value is not None} | dict(extra or {})
        return "HP1:" + base45.encode(self.sign(cbor2.dumps(token), key_kind)).decode("ascii")

    def badge(
        self, not_before_s: int, expires_s: int, *, person_class: str = "staff", pass_id: bytes | None = None
    ) -> str:
        """A staff badge: the same pass under the key of kind `staff`."""
        return self.booking(not_before_s, expires_s, person_class=person_class, pass_id=pass_id, key_kind="staff")

    def test_certificate(
        self,
        sampled_s: int,
        *,
        kind: str = "naat",
        result: str = "negative",
        issued_s: int | None = None,
        expires_s: int | None = None,
        reported_s: int | None = None,
        person: int = 0,
        key_kind: str | None = None,
    ) -> str:
        """An `HC1:` text for one of the invented people; issued an hour after sampling, good for 30 days."""
        surname, forename, birth = PEOPLE[person % len(PEOPLE)]
        entry: dict[str, str] = {
            "tg": health.COVID_19,
            "tt": {word: code for code, word in health.TEST_KINDS.items()}[kind],  # type: ignore[index]
            "tr": {word: code for code, word in health.TEST_RESULTS.items()}[result],  # type: ignore[index]
            "sc": _iso(sampled_s),
            "tc": "Demo laboratory",
            "co": "ZZ",
            "is": self.name,
            "ci": f"URN:UVCI:01:ZZ:{self._next_id().hex().upper()}",
        }
        if reported_s is not None:
            entry["dr"] = _iso(reported_s)
        name = {"fn": surname.title(), "fnt": surname, "gn": forename.title(), "gnt": forename}
        certificate = {"ver": "1.3.0", "nam": name, "dob": birth, "t": [entry]}
        issued_s = sampled_s + 3_600 if issued_s is None else issued_s
        expires_s = issued_s + 30 * 86_400 if expires_s is None else expires_s
        token = {health.ISS: "ZZ", health.EXP: expires_s, health.IAT: issued_s, health.HCERT: {1: certificate}}
        return "HC1:" + base45.encode(zlib.compress(self.sign(cbor2.dumps(token), key_kind or kind), 9)).decode("ascii")

    @staticmethod
    def subject(person: int = 0) -> tuple[str, str, str]:
        """Surname, forename and birth date of an invented person, for a pass that must match a certificate."""
        return PEOPLE[person % len(PEOPLE)]

    def _hashed(self, text: str) -> bytes:
        if self.hall_key is None:
            raise ValueError("an office that matches documents needs a hall key")
        return hmac.digest(self.hall_key, text.encode(), "sha256")[:8]

    def _next_id(self) -> bytes:
        self.issued += 1
        return hashlib.sha256(f"{self.kid('booking')}|{self.issued}".encode()).digest()[:8]

    def sign(self, payload: bytes, kind: str) -> bytes:
        """The COSE_Sign1 around `payload`, whatever it is, by the key of `kind`: tests sign nonsense too."""
        protected = cbor2.dumps({1: -7, 4: jwk.unpack(self.kid(kind))})
        message = cbor2.dumps(["Signature1", protected, b"", payload])
        r, s = decode_dss_signature(self.curve_keys[kind].sign(message, _ES256))
        raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, raw]))


def _iso(t_s: int) -> str:
    return dt.datetime.fromtimestamp(t_s, dt.UTC).isoformat().replace("+00:00", "Z")
