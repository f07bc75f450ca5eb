"""One public key and what it may sign, to and from a JSON Web Key (RFC 7517, 7518, 8037; thumbprint RFC 7638).

Extra members of ours: `kinds` (what the key may sign), `commands` (which orders a command key may give) and `iss` (a
name for the issuer). A certificate in `x5c` whose extended key usage names health certificates narrows `kinds`.

Numbers are checked when a key is read; the key object is built at its first use and kept (building costs as much as a
verification).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

HEALTH_KINDS = frozenset({"naat", "antigen", "vaccination", "recovery"})
KINDS = HEALTH_KINDS | {"rulebook", "booking", "staff", "command", "revocation", "roster", "device"}
COMMANDS = (
    *("open_once", "hold", "release", "evacuate", "confirm_identity", "venue_code", "acknowledge", "sign_off"),
    *("limit", "recount", "fence", "drain", "rulebook_fallback", "restart", "identify"),
    *("walk_in", "quota", "sweep", "refill", "update"),
)

_ES256 = ec.ECDSA(Prehashed(hashes.SHA256()))
"""Hashed by hashlib, which every scan has used already; the library's own hash would be looked up anew each time."""
_PS256 = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
_CURVES: dict[str, tuple[ec.EllipticCurve, int]] = {"P-256": (ec.SECP256R1(), 32), "P-384": (ec.SECP384R1(), 48)}
# Modulus p and constant b of y^2 = x^3 - 3x + b (NIST SP 800-186), so that a wrong point is told at start-up.
_EQUATIONS = {
    "P-256": (
        2**256 - 2**224 + 2**192 + 2**96 - 1,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    ),
    "P-384": (
        2**384 - 2**128 - 2**96 + 2**32 - 1,
        0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
    ),
}
_CURVE_NAMES = {"secp256r1": "P-256", "secp384r1": "P-384"}
_THUMBPRINT_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n"), "OKP": ("crv", "kty", "x")}
# A verifier's time grows with these two; 65537 is the largest exponent anybody uses.
_RSA_BITS = range(2048, 4097)
_RSA_EXPONENTS = range(3, 65538, 2)
KID_BYTES_MAX = 64


class BadKey(ValueError):
    """This entry cannot be used as a key. One sentence, for the person who keeps the trust list."""


@dataclass(frozen=True)
class Key:
    """A key that is believed for `kinds`. `kid` as the set writes it, `issuer` the set's own name for it or ""."""

    kid: str
    kinds: frozenset[str]
    commands: frozenset[str] = frozenset()
    issuer: str = ""
    jwk: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)

    @cached_property
    def public(self) -> PublicKey | None:
        """The key object, built once; None when the library refuses the numbers."""
        try:
            return _BUILDERS[self.jwk["kty"]](self.jwk)
        except (ValueError, UnsupportedAlgorithm):
            return None

    def signed(self, algorithm: str, signature: bytes, message: bytes) -> bool:
        """Whether this key made `signature` (raw r|s for ES256) over `message`; ES256, PS256 or EdDSA."""
        check = self._check
        if check is None or check[0] != algorithm:
            return False
        try:
            check[1](signature, message)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError):
            return False
        return True

    @cached_property
    def _check(self) -> tuple[str, Callable[[bytes, bytes], None]] | None:
        """The one algorithm this key verifies, and how; chosen once, because a visitor waits for every call."""
        match self.public:
            case ec.EllipticCurvePublicKey() as public:
                # RFC 9053 leaves the curve open: Spain signs ES256 with P-384.
                return "ES256", partial(_verify_ecdsa, public, (public.curve.key_size + 7) // 8)
            case rsa.RSAPublicKey() as public:
                return "PS256", partial(_verify_pss, public)
            case ed25519.Ed25519PublicKey() as public:
                return "EdDSA", public.verify
        return None


def _verify_ecdsa(public: ec.EllipticCurvePublicKey, half: int, signature: bytes, message: bytes) -> None:
    if len(signature) != 2 * half:
        raise InvalidSignature
    r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    public.verify(encode_dss_signature(r, s), hashlib.sha256(message).digest(), _ES256)


def _verify_pss(public: rsa.RSAPublicKey, signature: bytes, message: bytes) -> None:
    public.verify(signature, message, _PS256, hashes.SHA256())


def read(entry: object) -> Key:
    """Return the key a member of a JWK set describes; BadKey, which repeats no key material, when it is unusable."""
    if not isinstance(entry, dict):
        raise BadKey("is not a JSON object")
    kid = entry.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= 2 * KID_BYTES_MAX:
        raise BadKey("has no kid")
    if "d" in entry or "k" in entry:
        raise BadKey("holds a private or a shared key: only public keys belong here")
    jwk = _material(entry)
    kinds = _words(entry, "kinds") & KINDS & _kinds_of_certificate(entry.get("x5c"), jwk)
    if not kinds:
        raise BadKey(f"has no kind that is known here; one or more of: {', '.join(sorted(KINDS))}")
    issuer = entry.get("iss", "")
    issuer = issuer[:64] if isinstance(issuer, str) and issuer.isprintable() else ""
    return Key(kid, kinds, _words(entry, "commands") if "command" in kinds else frozenset(), issuer, jwk)


def _words(entry: Mapping[str, object], member: str) -> frozenset[str]:
    words = entry.get(member, [])
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise BadKey(f"{member} is not a list of words")
    return frozenset(words)


def _material(entry: Mapping[str, object]) -> dict[str, str]:
    members = _THUMBPRINT_MEMBERS.get(str(entry.get("kty")))
    if members is None:
        raise BadKey("has a kty other than EC, RSA, OKP")
    jwk = {member: str(entry.get(member, "")) for member in members}
    _CHECKS[jwk["kty"]](jwk)
    return jwk


def _check_curve(jwk: Mapping[str, str]) -> None:
    if jwk["crv"] not in _CURVES:
        raise BadKey("has a curve other than P-256, P-384")
    size = _CURVES[jwk["crv"]][1]
    if len(unpack(jwk["x"])) != size or len(unpack(jwk["y"])) != size:
        raise BadKey(f"has coordinates that are not {size} bytes long")
    x, y, (p, b) = number(jwk["x"]), number(jwk["y"]), _EQUATIONS[jwk["crv"]]
    if max(x, y) >= p or (y * y - x**3 + 3 * x - b) % p:
        raise BadKey("has a point that is not on its curve")


def _check_rsa(jwk: Mapping[str, str]) -> None:
    if len(jwk["n"]) > 2 * _RSA_BITS.stop // 8 or number(jwk["n"]).bit_length() not in _RSA_BITS:
        raise BadKey("is not an RSA key of 2048 to 4096 bits")
    if number(jwk["e"]) not in _RSA_EXPONENTS:
        raise BadKey("has an RSA exponent that is even or above 65537")


def _check_edwards(jwk: Mapping[str, str]) -> None:
    if jwk["crv"] != "Ed25519" or len(unpack(jwk["x"])) != 32:
        raise BadKey("is no Ed25519 key of 32 bytes")


def _build_curve(jwk: Mapping[str, str]) -> PublicKey:
    return ec.EllipticCurvePublicNumbers(number(jwk["x"]), number(jwk["y"]), _CURVES[jwk["crv"]][0]).public_key()


def _build_rsa(jwk: Mapping[str, str]) -> PublicKey:
    return rsa.RSAPublicNumbers(number(jwk["e"]), number(jwk["n"])).public_key()


def _build_edwards(jwk: Mapping[str, str]) -> PublicKey:
    return ed25519.Ed25519PublicKey.from_public_bytes(unpack(jwk["x"]))


_CHECKS = {"EC": _check_curve, "RSA": _check_rsa, "OKP": _check_edwards}
_BUILDERS = {"EC": _build_curve, "RSA": _build_rsa, "OKP": _build_edwards}


def _kinds_of_certificate(chain: object, jwk: Mapping[str, str]) -> frozenset[str]:
    if not isinstance(chain, list) or not chain or not isinstance(chain[0], str):
        return KINDS
    from firmware.core import x5c  # X.509 costs 4 MB and is rarely there

    return KINDS - HEALTH_KINDS | x5c.health_kinds(chain[0], jwk)


def unpack(text: str) -> bytes:
    """Bytes of base64url, padded or not (the classic alphabet is taken too); BadKey when it is neither."""
    try:
        plain = text.rstrip("=").replace("+", "-").replace("/", "_").encode("ascii")
        return base64.b64decode(plain + b"=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadKey("has a member that is not base64url") from None


def pack(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def number(text: str) -> int:
    return int.from_bytes(unpack(text), "big")


def _pack_number(value: int, size: int = 0) -> str:
    return pack(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def material_of(public: PublicKey) -> dict[str, str]:
    """The members of a JWK that describe `public`, and nothing else; BadKey for a curve that is not used here."""
    match public:
        case ed25519.Ed25519PublicKey():
            return {"crv": "Ed25519", "kty": "OKP", "x": pack(public.public_bytes_raw())}
        case rsa.RSAPublicKey():
            parts = public.public_numbers()
            return {"e": _pack_number(parts.e), "kty": "RSA", "n": _pack_number(parts.n)}
    name = _CURVE_NAMES.get(public.curve.name)
    if name is None:
        raise BadKey("has a curve other than P-256, P-384")
    point, size = public.public_numbers(), _CURVES[name][1]
    return {"crv": name, "kty": "EC", "x": _pack_number(point.x, size), "y": _pack_number(point.y, size)}


def thumbprint(public: PublicKey) -> bytes:
    """SHA-256 thumbprint of RFC 7638: a name that follows from the key itself."""
    text = json.dumps(material_of(public), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).digest()


def kid_of(public: PublicKey) -> str:
    """The kid `hallgate key new` gives: the thumbprint; 8 bytes of it for an EC key: that kid rides in every code."""
    whole = thumbprint(public)
    return pack(whole[:8] if isinstance(public, ec.EllipticCurvePublicKey) else whole)


def write(public: PublicKey, kinds: Iterable[str], commands: Iterable[str] = (), issuer: str = "") -> dict[str, object]:
    """Return the JWK of `public` as a trust list holds it, kid included."""
    entry: dict[str, object] = {"kid": kid_of(public), **material_of(public), "kinds": sorted(kinds)}
    if commands:
        entry["commands"] = list(commands)
    if issuer:
        entry["iss"] = issuer
    return entry
