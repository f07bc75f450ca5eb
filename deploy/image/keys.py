"""Who signs updates. An office has a key of its own; without one a key for trying things out is made, and said so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from deploy.image import tools
from firmware.errors import Mistake
from firmware.files import read
from firmware.trust.certificates import load_certificate

DAYS = "7300"


@dataclass(frozen=True)
class Signer:
    key: Path
    certificate: Path


def given(key: Path, certificate: Path) -> Signer:
    """The office's. Mistake unless the two are what they are called and fit: asked before minutes of packing."""
    named = load_certificate(read(certificate), str(certificate))
    try:
        private = load_pem_private_key(read(key), None)
    except (ValueError, TypeError):
        raise Mistake("is no private key in PEM", file=str(key)) from None
    if private.public_key() != named.public_key():
        raise Mistake(f"is not the key of {certificate}", file=str(key))
    return Signer(key, certificate)


def development(folder: Path) -> Signer:
    """The work folder's own signer, made on first use. Its key never leaves that folder."""
    signer = Signer(folder / "update.key.pem", folder / "update.cert.pem")
    if not signer.certificate.exists():
        tools.tell(f"no --keyring given: updates of this image are signed by a key made now in {folder}")
        make(signer, "hallgate development")
    return signer


def make(signer: Signer, name: str) -> Signer:
    tools.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:3072", "-nodes", "-sha256", "-days", DAYS,
         "-subj", f"/O=hallgate/CN={name}", "-keyout", signer.key, "-out", signer.certificate]
    )  # fmt: skip
    signer.key.chmod(0o600)
    return signer
