"""The trust list: what it takes, what it names, and the vectors of the RFCs."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core import base45, jwk, trust_list
from firmware.simulation.issuer import Issuer

# RFC 8037 appendix A: an Ed25519 key, its thumbprint, and the signature over the JWS signing input.
RFC8037_X = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
RFC8037_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
RFC8037_SIGNED = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
RFC8037_SIGNATURE = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
# RFC 7515 appendix A.3: ES256.
RFC7515_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
RFC7515_SIGNED = (
    b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9l"
    b"eGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
)
RFC7515_SIGNATURE = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"


def parse(*entries: object) -> trust_list.TrustList:
    return trust_list.parse(json.dumps({"keys": entries}).encode())


def edwards(**more: object) -> dict[str, object]:
    return {"kid": "a1", "kty": "OKP", "crv": "Ed25519", "x": RFC8037_X, "kinds": ["rulebook"], **more}


def curve(**more: object) -> dict[str, object]:
    return {"kid": "b1", **RFC7515_KEY, "kinds": ["booking"], **more}


def test_the_vectors_of_the_rfcs_verify() -> None:
    keys = parse(edwards(), curve()).keys
    assert keys[0].signed("EdDSA", jwk.unpack(RFC8037_SIGNATURE), RFC8037_SIGNED)
    assert not keys[0].signed("EdDSA", jwk.unpack(RFC8037_SIGNATURE), RFC8037_SIGNED + b".")
    assert keys[1].signed("ES256", jwk.unpack(RFC7515_SIGNATURE), RFC7515_SIGNED)
    assert not keys[1].signed("ES256", jwk.unpack(RFC7515_SIGNATURE)[::-1], RFC7515_SIGNED)
    assert not keys[1].signed("EdDSA", jwk.unpack(RFC7515_SIGNATURE), RFC7515_SIGNED)


def test_the_thumbprint_of_rfc_8037() -> None:
    public = Ed25519PublicKey.from_public_bytes(jwk.unpack(RFC8037_X))
    assert jwk.pack(jwk.thumbprint(public)) == jwk.kid_of(public) == RFC8037_THUMBPRINT


def test_base45_vectors_of_rfc_9285() -> None:
    for plain, coded in (
        (b"AB", b"BB8"),
        (b"Hello!!", b"%69 VD92EX0"),
        (b"base-45", b"UJCLQE7W581"),
        (b"ietf!", b"QED8WEX0"),
    ):
        assert base45.encode(plain) == coded and base45.decode(coded) == plain
    for wrong in (b"GGW", b"::", b"A", b"AAAA", b"ab0", b"B,8"):
        with pytest.raises(base45.NotBase45):
            base45.decode(wrong)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_base45_there_and_back(raw: bytes) -> None:
    assert base45.decode(base45.encode(raw)) == raw


def test_a_kid_is_found_as_text_and_as_bytes_however_it_is_padded() -> None:
    keys = parse(curve(kid="2Rk3X8HntrI="), curve(kid="2Rk3X8HntrI"), curve(kid="+/+/"), edwards(kid="hub key."))
    assert len(keys.by_bytes(bytes.fromhex("d919375fc1e7b6b2"))) == 2
    assert len(keys.by_bytes(b"\xfb\xff\xbf")) == 1
    assert [key.kid for key in keys.by_name("hub key.")] == ["hub key."]
    assert keys.by_name("hub key.", "rulebook") and not keys.by_name("hub key.", "command")
    assert keys.by_bytes(b"") == keys.by_name("") == ()


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        (7, "is not a JSON object"),
        (edwards(kid=5), "has no kid"),
        (edwards(kid="k" * 200), "has no kid"),
        (edwards(d="secret"), "holds a private or a shared key: only public keys belong here"),
        (edwards(kty="oct"), "has a kty other than EC, RSA, OKP"),
        (edwards(x="AAAA"), "is no Ed25519 key of 32 bytes"),
        (edwards(crv="X25519"), "is no Ed25519 key of 32 bytes"),
        (edwards(x="*" * 43), "has a member that is not base64url"),
        (edwards(kinds="rulebook"), "kinds is not a list of words"),
        (edwards(kinds=[]), "has no kind that is known here"),
        (edwards(kinds=["rulebok"]), "has no kind that is known here"),
        (edwards(kinds=["command"], commands=[1]), "commands is not a list of words"),
        (curve(crv="P-521"), "has a curve other than P-256, P-384"),
        (curve(y="AAAA"), "has coordinates that are not 32 bytes long"),
        (curve(y=RFC7515_KEY["x"]), "has a point that is not on its curve"),
        (
            {"kid": "r", "kty": "RSA", "n": "AQAB", "e": "AQAB", "kinds": ["naat"]},
            "is not an RSA key of 2048 to 4096 bits",
        ),
        (
            {"kid": "r", "kty": "RSA", "n": "_" * 342, "e": "AAAAAQABAQAB", "kinds": ["naat"]},
            "has an RSA exponent that is even or above",
        ),
    ],
)
def test_a_spoilt_key_is_named_and_the_rest_works(entry: object, complaint: str) -> None:
    keys = parse(entry, edwards(kid="good"))
    assert [key.kid for key in keys.keys] == ["good"]
    assert len(keys.complaints) == 1 and complaint in keys.complaints[0] and keys.complaints[0].startswith("key 1")
    assert "secret" not in keys.complaints[0]


def test_an_unknown_kind_beside_a_known_one_is_named() -> None:
    keys = parse(edwards(kinds=["rulebook", "rulebok"]))
    assert keys.keys[0].kinds == {"rulebook"} and "'rulebok'" in keys.complaints[0]


def test_commands_belong_to_command_keys() -> None:
    keys = parse(edwards(kinds=["command"], commands=["hold", "release"]), edwards(commands=["hold"]))
    assert [key.commands for key in keys.keys] == [{"hold", "release"}, frozenset()]


def test_what_the_hub_pushes_never_becomes_a_rulebook_or_a_command_key() -> None:
    pushed = parse(curve(kinds=["booking", "command"], commands=["hold"]), edwards(kid="evil"))
    both = parse(edwards()).with_pushed(pushed)
    assert [(key.kid, key.kinds, key.commands) for key in both.keys] == [
        ("a1", {"rulebook"}, frozenset()),
        ("b1", {"booking"}, frozenset()),
    ]


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b'{"keys": 5}', b"[" * 100_000, b"\xff\xfe", b'{"keys": [' + b"[" * 90_000]
)
def test_no_jwk_set_is_one_complaint(text: bytes) -> None:
    nothing = trust_list.parse(text)
    assert nothing.keys == () and len(nothing.complaints) == 1


def test_an_rsa_key_verifies_ps256() -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    private = rsa.generate_private_key(65537, 2048)
    key = parse(jwk.write(private.public_key(), ["naat"])).keys[0]
    made = private.sign(b"x", padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    assert (
        key.signed("PS256", made, b"x") and not key.signed("PS256", made, b"y") and not key.signed("ES256", made, b"x")
    )


def test_no_key_material_is_in_a_repr() -> None:
    assert RFC8037_X not in repr(parse(edwards()))
    office = Issuer.new(hall_key=b"hall-secret-hall-secret-hall-secr")
    assert "secret" not in repr(office) and "PrivateKey" not in repr(office)


MEMBERS = ("kid", "kty", "crv", "x", "y", "n", "e", "kinds", "x5c", "iss", "commands")
VALUES = st.none() | st.text(max_size=60) | st.lists(st.text(max_size=9), max_size=2) | st.integers()


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(MEMBERS), VALUES, max_size=4))
def test_any_entry_becomes_a_key_or_a_complaint(changes: dict[str, object]) -> None:
    keys = parse(curve() | changes, edwards() | changes)
    assert len(keys.keys) + len(keys.complaints) >= 2
    assert not any(key.signed("ES256", b"\1" * 64, b"x") for key in keys.keys)
