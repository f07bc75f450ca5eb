"""The signature beside a rulebook: whose it must be, and what is said when it is not."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core import trust_list
from firmware.core.trust_list import TrustList
from firmware.rulebook.signature import RulebookSignatureError, check
from firmware.simulation.issuer import Issuer

OFFICE = Issuer.new()
TRUST = trust_list.parse(OFFICE.trust_jwks())
TEXT = b"v = 1\nserial = 7\n"
SIG = OFFICE.sign_rulebook(TEXT)


def because(text: bytes, sig: bytes, believed: TrustList = TRUST) -> str:
    with pytest.raises(RulebookSignatureError) as caught:
        check(text, sig, believed)
    return caught.value.because


def test_a_good_signature_names_its_key() -> None:
    assert check(TEXT, SIG, TRUST) == OFFICE.kid("rulebook")
    assert check(TEXT, SIG + b"\r\n", TRUST) == OFFICE.kid("rulebook")


def test_each_kind_of_wrong_has_its_sentence() -> None:
    assert "was changed" in because(TEXT + b"#", SIG)
    assert "was changed" in because(TEXT, Issuer.new().sign_rulebook(TEXT).split()[0] + b" " + SIG.split()[1])
    assert "has no key" in because(TEXT, SIG, TrustList())
    assert "has no key" in because(TEXT, Issuer.new().sign_rulebook(TEXT))
    demoted = trust_list.parse(json.dumps({"keys": [OFFICE.jwk("rulebook") | {"kinds": ["roster"]}]}).encode())
    assert "may not sign" in because(TEXT, SIG, demoted)
    for sig in (
        b"",
        b"\xff" * 90,
        SIG.split()[0],
        SIG.split()[1],
        SIG + b" more",
        b"QUJD " + SIG.split()[1],
        b"x" * 3_000_000,
    ):
        assert "not base64" in because(TEXT, sig)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=150) | st.just(SIG), st.integers(0, 200), st.integers(1, 255))
def test_no_spoilt_signature_is_good(sig: bytes, place: int, change: int) -> None:
    spoilt = bytearray(sig or b"x")
    spoilt[place % len(spoilt)] ^= change
    try:
        kid = check(TEXT, bytes(spoilt), TRUST)
    except RulebookSignatureError:
        return
    # Another spelling (white space, the four idle bits of base64) is all that may still be the same 64 bytes.
    assert kid == OFFICE.kid("rulebook")
    assert base64.b64decode(bytes(spoilt).split()[0]) == base64.b64decode(SIG.split()[0])
