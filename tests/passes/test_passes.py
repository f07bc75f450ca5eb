"""What each kind of key may sign, what each claim may be, and what hostile bytes get: an answer."""

from __future__ import annotations

import json
import zlib

import cbor2
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core import base45, booking_pass, trust_list
from firmware.core.facts import AnyFact, Booking, HealthTest, Unproved
from firmware.core.passes import TEXT_BYTES_MAX, verify
from firmware.core.trust_list import TrustList
from firmware.core.validity import validity
from firmware.simulation.issuer import Issuer

HALL_KEY = b"k" * 32
OFFICE = Issuer.new(hall_key=HALL_KEY)
TRUST = trust_list.parse(OFFICE.trust_jwks())
PASS = OFFICE.booking(1_000, 9_000, slot=(2_000, 3_000), party=2, document="y1", subject=OFFICE.subject())
TEST = OFFICE.test_certificate(1_000_000, reported_s=1_002_000)


def judged(code: str | bytes, believed: TrustList = TRUST) -> AnyFact:
    text = code.encode() if isinstance(code, str) else code
    fact = verify(text, believed, HALL_KEY, "2022-06-10")
    # A fact that is built holds what its types promise: read it back through the checking decoder.
    assert msgspec.json.decode(msgspec.json.encode(fact), type=AnyFact) == fact
    return fact


def because(code: str | bytes, believed: TrustList = TRUST) -> str:
    fact = judged(code, believed)
    assert isinstance(fact, Unproved), fact
    return fact.because


def hp1(cose: bytes) -> bytes:
    return b"HP1:" + base45.encode(cose)


def hc1(cose: bytes) -> bytes:
    return b"HC1:" + base45.encode(zlib.compress(cose))


# --- who may say what


def test_a_pass_and_a_certificate_of_one_person_name_the_same_subject() -> None:
    booked, tested = judged(PASS), judged(TEST)
    assert isinstance(booked, Booking) and isinstance(tested, HealthTest)
    assert booked.subject == tested.subject is not None
    assert booked.subject != getattr(judged(OFFICE.test_certificate(1_000, person=1)), "subject", None)


def test_a_test_without_a_hall_key_names_no_subject() -> None:
    fact = verify(TEST.encode(), TRUST, None, "2022-06-10")
    assert isinstance(fact, HealthTest) and fact.subject is None and fact.person and fact.certificate


def test_a_person_has_another_name_every_day() -> None:
    days = {verify(TEST.encode(), TRUST, HALL_KEY, f"2022-06-{day}").person for day in range(10, 15)}
    assert len(days) == 5


@pytest.mark.parametrize(
    ("key_kind", "person_class", "expected"),
    [
        ("booking", "visitor", "booking"),
        ("staff", "staff", "staff"),
        ("staff", "attendant", "staff"),
        ("booking", "staff", "wrong_key_kind"),
        ("booking", "responder", "wrong_key_kind"),
        ("staff", "visitor", "wrong_key_kind"),
        ("naat", "visitor", "wrong_key_kind"),
    ],
)
def test_a_key_writes_only_its_own_classes(key_kind: str, person_class: str, expected: str) -> None:
    fact = judged(OFFICE.booking(1, 2, person_class=person_class, key_kind=key_kind))
    assert (fact.key_kind if isinstance(fact, Booking) else getattr(fact, "because", "")) == expected


@pytest.mark.parametrize(
    ("key_kind", "kind"), [("antigen", "naat"), ("naat", "antigen"), ("booking", "naat"), ("recovery", "naat")]
)
def test_a_laboratory_signs_only_its_own_kind_of_test(key_kind: str, kind: str) -> None:
    assert because(OFFICE.test_certificate(1_000, kind=kind, key_kind=key_kind)) == "wrong_key_kind"
    assert isinstance(judged(OFFICE.test_certificate(1_000, kind=kind)), HealthTest)


def test_two_keys_of_one_name_are_both_tried() -> None:
    other = Issuer.new()
    twins = [issuer.jwk("booking") | {"kid": OFFICE.kid("booking")} for issuer in (other, OFFICE)]
    assert isinstance(judged(PASS, trust_list.parse(json.dumps({"keys": twins}).encode())), Booking)
    assert because(PASS, trust_list.parse(json.dumps({"keys": twins[:1]}).encode())) == "bad_signature"
    assert because(PASS, TrustList()) == "unknown_issuer"


def test_the_trust_lists_name_for_an_issuer_wins_over_what_a_pass_says() -> None:
    named = OFFICE.jwk("booking") | {"iss": "the real office"}
    assert (
        getattr(judged(PASS, trust_list.parse(json.dumps({"keys": [named]}).encode())), "issuer", "")
        == "the real office"
    )


# --- what a claim may be


@pytest.mark.parametrize("label", [4, 5, 7, -70001, -70002])
def test_a_required_claim_must_be_there(label: int) -> None:
    token = {4: 9_000, 5: 1_000, 7: b"12345678", -70001: "baoshan", -70002: "visitor"}
    assert isinstance(judged(hp1(OFFICE.sign(cbor2.dumps(token), "booking"))), Booking)
    del token[label]
    assert because(hp1(OFFICE.sign(cbor2.dumps(token), "booking"))) == "malformed"


@pytest.mark.parametrize(
    ("label", "value"),
    [
        (4, True), (4, -1), (4, float("nan")), (4, float("inf")), (4, 1e300), (4, 2**64), (4, 2**900), (4, "9000"),
        (4, None),
        (4, cbor2.CBORTag(1, 9_000)), (4, cbor2.CBORTag(4, [10**6, 10**6])), (4, cbor2.CBORTag(5, [2**62, 3])),
        (4, 1_000),
        (5, False), (5, [1_000]), (7, "12345678"), (7, b"1234567"), (7, b"123456789"), (7, 1),
        (-70001, ""), (-70001, "a b"), (-70001, b"baoshan"), (-70001, "x" * 33), (-70002, 5), (-70002, "visitor\n"),
        (-70002, {}),
        (-70003, 0), (-70003, -2), (-70003, 21), (-70003, True), (-70003, 2.0), (-70003, "2"), (-70003, 2**70),
        (-70004, "abc"), (-70004, b""), (-70004, b"1" * 32), (-70005, ""), (-70005, "a\nb"), (-70005, "x" * 81),
        (-70005, True),
        (-70006, 0), (-70006, 1_001), (-70007, [1]), (-70008, 1), (-70008, "yes"), (-70009, b"1"), (-70010, 3_000),
        (-70011, True),
        (-70011, 1_999), (1, 7), (1, ""),
    ],
)  # fmt: skip
def test_a_claim_of_the_wrong_type_or_range_is_malformed(label: int, value: object) -> None:
    assert because(OFFICE.booking(1_000, 9_000, slot=(2_000, 3_000), extra={label: value})) == "malformed"


def test_broken_seconds_and_numbered_zones_are_taken() -> None:
    fact = judged(OFFICE.booking(1_000, 9_000, extra={4: 9_000.9, -70007: 3, -70008: True, -70003: 20, 99: "new"}))
    assert isinstance(fact, Booking)
    assert (fact.expires_s, fact.zone, fact.helper, fact.party) == (9_000, "3", True, 20)


def _certificate(**changes: object) -> bytes:
    entry = {"tg": "840539006", "tt": "LP6464-4", "tr": "260415000", "sc": "2022-06-09T10:00:00+08:00", "co": "ZZ"}
    entry |= {"is": "x", "ci": "URN:1", **{k: v for k, v in changes.items() if len(k) == 2}}
    whole = {"ver": "1.3.0", "nam": {"fnt": "A"}, "dob": "1990", "t": [entry]}
    whole |= {k: v for k, v in changes.items() if len(k) != 2 and k != "token"}
    token = {1: "ZZ", 4: 9_000, 6: 1_000, -260: {1: whole}} | dict(changes.get("token", {}))  # type: ignore[call-overload]
    return hc1(OFFICE.sign(cbor2.dumps(token), "naat"))


def test_the_smallest_certificate_is_taken() -> None:
    fact = judged(_certificate())
    assert isinstance(fact, HealthTest) and fact.sampled_s == 1654740000 and fact.reported_s is None


@pytest.mark.parametrize(
    "changes",
    [
        {"tg": "6142004"}, {"tt": "LP0-0"}, {"tr": "419984006"}, {"tr": 260415000}, {"sc": "2022-06-09T10:00:00"},
        {"sc": "soon"},
        {"sc": 1654740000}, {"sc": "0001-01-01T00:00:00+23:00"}, {"sc": "9999-12-31T23:59:59-23:00"}, {"dr": "2022"},
        {"dr": 5},
        {"ci": ""}, {"ci": None}, {"co": 1}, {"is": b"x"}, {"ver": "1"}, {"ver": 1.3}, {"nam": {}},
        {"nam": {"fnt": 1}},
        {"nam": {"fnt": "A", "gnt": 5}}, {"nam": []}, {"dob": None}, {"dob": "1990-1"}, {"dob": "23.4.1990"},
        {"t": []}, {"t": {}},
        {"t": [{}, {}]}, {"t": [7]}, {"t": "x"}, {"v": [{"tg": "840539006"}]}, {"token": {4: None}},
        {"token": {6: "x"}},
        {"token": {-260: 1}}, {"token": {-260: {}}}, {"token": {-260: {1: []}}}, {"token": {1: 5}},
        {"token": {4: float("nan")}},
    ],
)  # fmt: skip
def test_a_certificate_that_breaks_the_schema_is_malformed(changes: dict[str, object]) -> None:
    assert because(_certificate(**changes)) == "malformed"


@pytest.mark.parametrize(("at_s", "expected"), [(999, "not_yet_valid"), (1_000, ""), (9_000.9, ""), (9_001, "expired")])
def test_a_certificate_is_good_up_to_and_including_its_expiry(at_s: float, expected: str) -> None:
    assert validity(judged(_certificate()), at_s) == expected


# --- hostile bytes


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (b"", "not_read"), (b"\r\n", "not_read"), (b"]Q1", "not_read"), (b"HP1", "unknown_format"),
        (b"HP1:", "malformed"),
        (b"HC1:", "malformed"), (b"HP2:" + PASS[4:].encode(), "unknown_format"),
        (b"hp1:" + PASS[4:].encode(), "unknown_format"),
        (b"HP1:" + b"\xff" * 50, "malformed"), (b"https://example.org/?q=1", "unknown_format"),
        (b"\0" * 50 + b"x", "unknown_format"),
        (b"HP1:" + b"A" * 4_000_000, "too_long"), (b"\n" * 8_000_000, "too_long"),
        (b"HC1:" + b" " * TEXT_BYTES_MAX, "too_long"),
    ],
)  # fmt: skip
def test_strange_text_gets_one_word(code: bytes, expected: str) -> None:
    assert because(code) == expected


NESTED = b"\x81" * 3_000 + b"\0"


@pytest.mark.parametrize(
    "raw",
    [
        b"", NESTED, b"\xd2" * 3_000 + b"\0", b"\xbf" * 2_000, b"\x9b" + b"\xff" * 8, b"\x5b\x7f" + b"\xff" * 7,
        b"\xff", b"\xf7",
        b"\xc1\xfb\x7f\xf0" + b"\0" * 6, b"\xc4\x82\x1b" + b"\x7f" * 8 + b"\1",
        b"\xc5\x82\x1b" + b"\x7f" * 8 + b"\1", b"\xd8\x1d\0",
        b"\xd8\x1c\x81\xd8\x1d\0", b"\xd8\x23\x78\x40" + b"(" * 64, b"\xd8\x1e\x82\1\0", cbor2.dumps([b"", {}, b"",
        b""]),
        cbor2.dumps([b"\xa0", {1: -7}, b"", b""]), cbor2.dumps([b"\xa0", {1: -7, 4: "kid"}, b"", b""]),
        cbor2.dumps([b"", [], b"", b""]),
        cbor2.dumps([NESTED, {}, b"", b""]), cbor2.dumps(["", {}, b"", b""]),
        cbor2.dumps([b"", {1: -7, 2: [4], 4: b"k"}, b"", b""]),
        cbor2.dumps([b"", {1: True, 4: b"k"}, b"", b""]), cbor2.dumps([b"", {1: -257, 4: b"k"}, b"", b""]),
        base45.decode(PASS[4:].encode()) + b"\0", cbor2.dumps(cbor2.CBORTag(98, [b"", {1: -7, 4: b"k"}, b"", b""])),
    ],
)  # fmt: skip
def test_strange_envelopes_are_malformed(raw: bytes) -> None:
    assert because(hp1(raw)) == because(hc1(raw)) == "malformed"


def test_a_small_text_that_inflates_to_gigabytes_is_cut_off() -> None:
    bomb = zlib.compress(b"\0" * 5_000_000, 9)
    assert len(bomb) < 5_100 and because(b"HC1:" + base45.encode(bomb)) == "too_long"


@pytest.mark.parametrize(
    "payload", [b"", NESTED, b"\xa0", b"\xf6", cbor2.dumps([1]), cbor2.dumps({-260: cbor2.CBORTag(29, 0)})]
)
def test_signed_nonsense_is_still_nonsense(payload: bytes) -> None:
    assert because(hp1(OFFICE.sign(payload, "booking"))) == "malformed"
    assert because(hc1(OFFICE.sign(payload, "naat"))) == "malformed"


@pytest.mark.parametrize("name", ["HP1", "HC1"])
@pytest.mark.parametrize("cut", [0, 1, 32, 63, 65, 96])
def test_a_signature_of_another_length_is_bad(name: str, cut: int) -> None:
    tag = cbor2.loads(OFFICE.sign(b"\xa0", "booking" if name == "HP1" else "naat"))
    whole = cbor2.dumps([*tag.value[:3], (tag.value[3] * 2)[:cut]])
    assert because(hp1(whole) if name == "HP1" else hc1(whole)) == "bad_signature"


CODES = st.sampled_from([PASS, TEST])


def _same_but_for_the_text(mutant: bytes, original: str) -> bool:
    """A changed text may verify only when it says the very same thing (an unsigned header, another CBOR spelling)."""
    fact = judged(mutant)
    return isinstance(fact, Unproved) or msgspec.structs.replace(fact, sha256="") == msgspec.structs.replace(
        judged(original), sha256=""
    )


@settings(max_examples=200, deadline=None)
@given(
    CODES, st.lists(st.tuples(st.integers(0, 900), st.integers(0, 255)), min_size=1, max_size=4), st.integers(0, 900)
)
def test_no_mutation_of_the_text_says_anything_new(code: str, pokes: list[tuple[int, int]], cut: int) -> None:
    text = bytearray(code.encode())
    for place, value in pokes:
        text[place % len(text)] = value
    assert _same_but_for_the_text(bytes(text), code)
    assert _same_but_for_the_text(bytes(text)[:cut], code)


@settings(max_examples=200, deadline=None)
@given(CODES, st.integers(0, 2_000), st.integers(0, 7))
def test_no_flipped_bit_of_the_envelope_says_anything_new(code: str, place: int, bit: int) -> None:
    raw = base45.decode(code[4:].encode())
    plain = bytearray(raw if code is PASS else zlib.decompress(raw))
    plain[place % len(plain)] ^= 1 << bit
    assert _same_but_for_the_text(hp1(plain) if code is PASS else hc1(bytes(plain)), code)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=40)
    | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=6,
)
LABELS = st.sampled_from([1, 4, 5, 6, 7, *range(booking_pass.SLOT_END, booking_pass.HALL + 1)])


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(LABELS, ANYTHING, max_size=4))
def test_any_signed_claims_give_a_sound_fact_or_one_word(extra: dict[int, object]) -> None:
    assert isinstance(judged(OFFICE.booking(1_000, 9_000, extra=extra)), Booking | Unproved)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["tg", "tt", "tr", "sc", "dr", "co", "is", "ci", "ver", "nam", "dob", "t", "v", "r"]), ANYTHING
    )
)
def test_any_signed_certificate_gives_a_sound_fact_or_one_word(changes: dict[str, object]) -> None:
    fields = {key: value for key, value in changes.items() if len(key) > 1}
    assert isinstance(judged(_certificate(**fields)), HealthTest | Unproved)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([b"", b"HP1:", b"HC1:"]),
    st.binary(max_size=400) | st.text(alphabet=base45.ALPHABET.decode()).map(str.encode),
)
def test_any_bytes_get_an_answer(prefix: bytes, body: bytes) -> None:
    assert isinstance(judged(prefix + body), Unproved)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_any_cbor_gets_an_answer(raw: bytes) -> None:
    assert isinstance(judged(hp1(raw)), Unproved) and isinstance(judged(hc1(raw)), Unproved)
    assert isinstance(judged(hp1(OFFICE.sign(raw, "booking"))), Unproved)
