"""What a certificate beside a key (`x5c`) says about it: the extended key usage of EU health certificates.

Only the usage is read, never the dates or a chain: who is believed is what the trust list itself says. A certificate
that is not strict DER (Finland's, some of the test corpus) says nothing, and the set's own `kinds` stand.
"""

from __future__ import annotations

import base64
import warnings
from collections.abc import Mapping

from cryptography import x509

from firmware.core import jwk

# Two arcs are in use: the guideline's, and the one with a zero in it that many countries wrote.
_ARCS = ("1.3.6.1.4.1.1847.2021.1.", "1.3.6.1.4.1.0.1847.2021.1.")
_USAGES = {"1": frozenset({"naat", "antigen"}), "2": frozenset({"vaccination"}), "3": frozenset({"recovery"})}
_USAGE_OF = {arc + last: kinds for arc in _ARCS for last, kinds in _USAGES.items()}


def health_kinds(certificate: str, material: Mapping[str, str]) -> frozenset[str]:
    """Return the health kinds its usage allows, all when it names none; BadKey when it belongs to another key."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed = x509.load_der_x509_certificate(base64.b64decode(certificate, validate=True))
            public = parsed.public_key()
            extensions = parsed.extensions
    except Exception:  # not strict DER in one of many ways, and none of them is a reason to lose the key
        return jwk.HEALTH_KINDS
    if not isinstance(public, jwk.PublicKey) or jwk.material_of(public) != material:
        raise jwk.BadKey("has a certificate (x5c) for another key")
    return _allowed(extensions)


def _allowed(extensions: x509.Extensions) -> frozenset[str]:
    try:
        usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return jwk.HEALTH_KINDS
    named = [_USAGE_OF[oid.dotted_string] for oid in usage if oid.dotted_string in _USAGE_OF]
    return frozenset().union(*named) if named else jwk.HEALTH_KINDS
