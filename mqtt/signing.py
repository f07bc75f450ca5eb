"""The hub's side of an order: build the envelope, sign it. The device's side is `commands.py`."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mqtt.jws import pack
from mqtt.messages import Envelope, Scalar


def sign(payload: bytes, key: Ed25519PrivateKey, kid: str) -> bytes:
    """Compact JWS (EdDSA) over `payload`."""
    message = pack(msgspec.json.encode({"alg": "EdDSA", "kid": kid})) + b"." + pack(payload)
    return message + b"." + pack(key.sign(message))


def envelope(
    name: str,
    hall: str,
    device: str,
    body: Mapping[str, Scalar] | None = None,
    *,
    id: str,
    issuer: str,
    counter: int,
    now_s: float,
    valid_s: float = 10.0,
) -> Envelope:
    """An order that dies by itself after `valid_s` seconds. `counter` must be higher than this issuer's last one."""
    return Envelope(
        v=1,
        id=id,
        issued_at=now_s,
        expires_at=now_s + valid_s,
        counter=counter,
        issuer=issuer,
        hall=hall,
        device=device,
        name=name,
        body=dict(body or {}),
    )


def sign_command(order: Envelope, key: Ed25519PrivateKey, kid: str) -> bytes:
    return sign(order.encoded(), key, kid)
