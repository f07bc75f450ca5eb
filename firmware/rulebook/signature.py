"""The signature beside a rulebook: `rulebook.toml.sig` holds base64 of 64 bytes (Ed25519), a space and the key's kid.

It is made over the file's exact bytes: a changed comment is another rulebook.
"""

from __future__ import annotations

import base64
import binascii

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware.core.trust_list import TrustList

SIGNATURE_BYTES = 64


class RulebookSignatureError(ValueError):
    """The rulebook is not to be believed. `because` says why, in one plain sentence."""

    def __init__(self, because: str) -> None:
        self.because = because
        super().__init__(because)


def sign(text: bytes, key: Ed25519PrivateKey, kid: str) -> bytes:
    """Return the content of the .sig file for a rulebook's exact bytes."""
    return base64.b64encode(key.sign(text)) + b" " + kid.encode("ascii")


def check(text: bytes, sig: bytes, trust: TrustList) -> str:
    """Return the kid of the trusted key that signed `text`. RulebookSignatureError when there is none."""
    raw, kid = _parts(sig)
    named = trust.by_name(kid)
    if not named:
        raise RulebookSignatureError(f"the trust list has no key {kid!r}")
    keys = [key for key in named if "rulebook" in key.kinds]
    if not keys:
        raise RulebookSignatureError(f"the key {kid!r} may not sign rulebooks")
    if not any(key.signed("EdDSA", raw, text) for key in keys):
        raise RulebookSignatureError("the signature does not fit: the rulebook was changed after it was signed")
    return kid


def _parts(sig: bytes) -> tuple[bytes, str]:
    try:
        first, kid = sig[:1_024].decode("ascii").split()
        raw = base64.b64decode(first, validate=True)
    except (ValueError, binascii.Error):
        raw, kid = b"", ""
    if len(raw) != SIGNATURE_BYTES:
        raise RulebookSignatureError("the signature file is not base64 of 64 bytes, a space and a key's kid")
    return raw, kid
