"""The EU test corpus as the tests see it. Public keys are cut out of the certificates' bytes, not read by our code."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from tests import needs

FOLDER = needs.SHARED / "data/proofs/dgc"
needs_corpus = needs.unless(needs.absent(FOLDER))

# SubjectPublicKeyInfo up to the point or modulus: works where the certificate as a whole is not strict DER.
_P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
_P384 = bytes.fromhex("3076301006072a8648ce3d020106052b8104002203620004")
_RSA_2048 = bytes.fromhex("30820122300d06092a864886f70d01010105000382010f003082010a0282010100")
_USAGE_OIDS = {
    arc + bytes((last,)): kinds
    for arc in (
        bytes.fromhex("060b2b06010401 8e37 8f6501".replace(" ", "")),
        bytes.fromhex("060c2b0601040100 8e37 8f6501".replace(" ", "")),
    )
    for last, kinds in {1: ["naat", "antigen"], 2: ["vaccination"], 3: ["recovery"]}.items()
}
ALL_KINDS = ["naat", "antigen", "vaccination", "recovery"]


@dataclass(frozen=True)
class Case:
    id: str
    text: str
    picture: Path
    at: str
    certificate: bytes
    verdict: str
    expected_false: str
    description: str

    def jwks(self, *, x5c: bool = False) -> dict[str, object]:
        """One JWK set with the case's own certificate: kinds from its key usage, or left to its x5c."""
        key = {"kid": _pack(hashlib.sha256(self.certificate).digest()[:8]), **public_jwk(self.certificate)}
        if x5c:
            return {"keys": [key | {"kinds": ALL_KINDS, "x5c": [base64.b64encode(self.certificate).decode()]}]}
        return {"keys": [key | {"kinds": usage(self.certificate)}]}


def _pack(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def public_jwk(der: bytes) -> dict[str, str]:
    for prefix, name, size in ((_P256, "P-256", 32), (_P384, "P-384", 48)):
        if prefix in der:
            point = der[der.index(prefix) + len(prefix) :][: 2 * size]
            return {"kty": "EC", "crv": name, "x": _pack(point[:size]), "y": _pack(point[size:])}
    start = der.index(_RSA_2048) + len(_RSA_2048)
    return {"kty": "RSA", "n": _pack(der[start : start + 256]), "e": "AQAB"}


def usage(der: bytes) -> list[str]:
    named = [kind for oid, kinds in _USAGE_OIDS.items() if oid in der for kind in kinds]
    return named or ALL_KINDS


def cases() -> list[Case]:
    if not FOLDER.is_dir():
        return []
    with (FOLDER / "index.csv").open(encoding="utf-8", newline="") as file:
        return [_case(row) for row in csv.DictReader(file)]


def _case(row: dict[str, str]) -> Case:
    document = json.loads((FOLDER / f"{row['id']}.json").read_text(encoding="utf-8"))
    context = document["TESTCTX"]
    return Case(
        id=row["id"],
        text=document["PREFIX"],
        picture=FOLDER / f"{row['id']}.png",
        at=context["VALIDATIONCLOCK"],
        certificate=base64.b64decode(context["CERTIFICATE"]),
        verdict=row["corpus_verdict"],
        expected_false=row["expected_false"],
        description=row["description"],
    )
