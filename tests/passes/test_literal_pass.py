"""A booking pass written down once, and read here also without our code: plain base45, cbor2, cryptography."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import cbor2
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from firmware.core import trust_list
from firmware.core.facts import Booking, Unproved
from firmware.core.passes import verify
from firmware.core.validity import validity

PASS = (
    "HP1:RRQT 9O60GO0WVS*2M9/HFV78CKXII2804LENICX3ER.CKPCFN06LC*011T05LCA7JJ-0X507H0QS00+0/E7360K9EUJC14E 8D3.D100A92Q"
    "3D+ED-ED04E/E7360.DF5LCA.K/E7360SJF5LCA$L/E7360QIE/E7360IWEZKEPQE6VC:.DQZCI9E/KE-ED/E7360L/EVL6/E7360$PE*62:WS+.F"
    "/1O/E7360C9FUTS2TA*59PKK27BKI1/.J4 L6UJ**U:I7ZFN1Y9W*QE2TNXK47QT0G7BU2O3NRL989EM86ULO DAJ6$89NI80FKZ$1G AEBG5YSU2"
    "P*LG-HDPFM"
)
KEY = {
    "kid": "4w-uh44RPOE",
    "kty": "EC",
    "crv": "P-256",
    "x": "2GROlOIzQNxL-B0GFCfD54p7LgXzpt6NtDPmoxojr1w",
    "y": "umvtqxml0_omL_Hwc25EzaDOlYjcO5w2nOrMsueI1-4",
    "kinds": ["booking"],
}
HALL_KEY = bytes(range(32))
NINE = 1654822800  # 2022-06-10T09:00:00+08:00
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def _base45(text: str) -> bytes:
    out = bytearray()
    for start in range(0, len(text), 3):
        group = [ALPHABET.index(letter) for letter in text[start : start + 3]]
        out += sum(digit * 45**place for place, digit in enumerate(group)).to_bytes(len(group) - 1, "big")
    return bytes(out)


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "="), "big")


def _keyed(text: str) -> bytes:
    return hmac.new(HALL_KEY, text.encode(), hashlib.sha256).digest()


def test_the_contract_read_by_hand() -> None:
    tag = cbor2.loads(_base45(PASS[4:]))
    protected, outer, payload, signature = tag.value
    assert tag.tag == 18 and dict(cbor2.loads(protected)) == {1: -7, 4: bytes.fromhex("e30fae878e113ce1")}
    public = ec.EllipticCurvePublicNumbers(_number(KEY["x"]), _number(KEY["y"]), ec.SECP256R1()).public_key()
    message = cbor2.dumps(["Signature1", protected, b"", payload])
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    public.verify(der, message, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        public.verify(der, message + b"\0", ec.ECDSA(hashes.SHA256()))
    assert dict(outer) == {} and dict(cbor2.loads(payload)) == {
        1: "rsb-office",
        4: NINE + 8 * 3600,
        5: NINE,
        7: bytes.fromhex("0102030405060708"),
        -70001: "baoshan",
        -70002: "visitor",
        -70003: 2,
        -70004: _keyed("Y0000001")[:8],
        -70005: "residence-permit",
        -70007: "3F",
        -70009: _keyed("MUSTERFRAU<<ERIKA|1964-08-12")[:8],
        -70010: NINE + 3600,
        -70011: NINE + 5400,
    }


def _verify(text: bytes = PASS.encode(), hall_key: bytes | None = HALL_KEY) -> object:
    return verify(text, trust_list.parse(json.dumps({"keys": [KEY]}).encode()), hall_key, "2022-06-10")


def test_our_reading_is_the_same() -> None:
    holder = _keyed("Y0000001")[:8].hex()
    assert _verify() == Booking(
        sha256=hashlib.sha256(PASS.encode()).hexdigest()[:16],
        person=_keyed(f"2022-06-10|{holder}")[:6].hex(),
        pass_id="0102030405060708",
        issuer="rsb-office",
        key_kind="booking",
        hall="baoshan",
        person_class="visitor",
        not_before_s=NINE,
        expires_s=NINE + 8 * 3600,
        slot_start_s=NINE + 3600,
        slot_end_s=NINE + 5400,
        party=2,
        holder=holder,
        subject=_keyed("MUSTERFRAU<<ERIKA|1964-08-12")[:8].hex(),
        service="residence-permit",
        zone="3F",
    )


@pytest.mark.parametrize("around", [b"%s\r\n", b"%s\n", b"]Q1%s\r", b"  %s\0", b"\n]Q3 %s\t"])
def test_what_scanners_put_around_a_code_changes_nothing(around: bytes) -> None:
    assert _verify(around % PASS.encode()) == _verify()


def test_without_a_hall_key_the_person_differs_and_nothing_else() -> None:
    known, unknown = _verify(), _verify(hall_key=None)
    assert isinstance(known, Booking) and isinstance(unknown, Booking) and known.person != unknown.person
    assert (known.holder, known.subject) == (unknown.holder, unknown.subject)


@pytest.mark.parametrize(
    ("at_s", "expected"), [(NINE - 1, "not_yet_valid"), (NINE, ""), (NINE + 28799, ""), (NINE + 28800, "expired")]
)
def test_a_pass_runs_from_not_before_to_just_before_its_expiry(at_s: int, expected: str) -> None:
    fact = _verify()
    assert isinstance(fact, Booking) and validity(fact, at_s) == expected


def test_every_single_wrong_character_is_refused() -> None:
    for place in range(len(PASS)):
        wrong = PASS[:place] + ("A" if PASS[place] != "A" else "B") + PASS[place + 1 :]
        assert isinstance(_verify(wrong.encode()), Unproved), place
