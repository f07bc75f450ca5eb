"""What is built by hand because a visitor waits for it: the same bytes as from the library that it stands in for."""

from __future__ import annotations

import hmac

import cbor2
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core import pseudonym
from firmware.core.cose import Envelope

SIZES = st.sampled_from([0, 1, 23, 24, 255, 256, 65_535])
IDENTITIES = st.text(max_size=80)


@given(SIZES, SIZES)
def test_what_is_signed_is_the_librarys_sig_structure(protected: int, payload: int) -> None:
    envelope = Envelope("ES256", b"kid", b"p" * protected, b"c" * payload, b"s")
    assert envelope.signed_bytes == cbor2.dumps(["Signature1", envelope.protected, b"", envelope.payload])


def test_an_envelope_says_nothing_of_its_contents() -> None:
    assert "ERIKA" not in repr(Envelope("ES256", b"kid", b"", b"ERIKA", b"ERIKA"))


@settings(max_examples=100)
@given(st.binary(min_size=32, max_size=32), st.text("0123456789-", max_size=10), IDENTITIES)
def test_a_pseudonym_is_an_hmac(key: bytes, day: str, identity: str) -> None:
    expected = hmac.digest(key, f"{day}|{identity}".encode(), "sha256")[:6].hex()
    assert pseudonym.of_the_day(key, day, identity) == expected
