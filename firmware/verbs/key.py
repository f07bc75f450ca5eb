"""Make a signing key: the private part for whoever signs, the public part into a device's trust list.

The private key is PKCS 8 PEM, readable by its owner only, and is never written over. The public part is added to a JWK
set with its kid (RFC 7638 thumbprint) and what it may sign. Keep private keys off the gates: a device only verifies.
`--kind hall` makes the hall's shared secret instead: the same file at every door, and in no trust list.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from firmware.core import jwk
from firmware.durable import replace_file
from firmware.errors import Failure, Mistake
from firmware.files import FILE_BYTES_MAX, locked, new_hall_key, opened, write_secret
from firmware.language import spoken

EXAMPLE = "hallgate key new --kind rulebook rulebook-key.pem --jwks trust.jwks"

EDWARDS_KINDS = ("rulebook", "command", "revocation", "roster")
CURVE_KINDS = ("booking", "staff", "device", "naat", "antigen")
HALL = "hall"
"""No pair: 32 bytes that all doors of a hall know."""

NewKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def add_arguments(parser: argparse.ArgumentParser) -> None:
    new = parser.add_subparsers(dest="what", required=True, metavar="new").add_parser("new", help="make a new key pair")
    new.add_argument(
        "--kind", required=True, choices=(*EDWARDS_KINDS, *CURVE_KINDS, HALL), help="what the key will sign"
    )
    new.add_argument("--jwks", type=Path, help="JWK set that gets the public part (default: trust.jwks beside OUT)")
    new.add_argument("--commands", help="for a command key: the orders it may give, a,b,c (default: all of them)")
    new.add_argument("out", type=Path, metavar="OUT", help="file of the private key; must not exist yet")


def run(arguments: argparse.Namespace) -> int:
    trust = arguments.jwks or arguments.out.parent / "trust.jwks"
    commands = _commands(arguments.kind, arguments.commands)
    if arguments.kind == HALL:
        return _hall(arguments.out)
    key = ed25519.Ed25519PrivateKey.generate() if arguments.kind in EDWARDS_KINDS else _curve_key()
    entry = jwk.write(key.public_key(), [arguments.kind], commands)
    try:
        with locked(trust.parent):
            document = _read_set(trust)
            _write_private(arguments.out, key)
            document["keys"].append(entry)
            mode = trust.stat().st_mode & 0o777 if trust.exists() else 0o644
            replace_file(trust, json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n", mode=mode)
    except OSError as error:
        raise Failure(f"{error.filename or trust}: {error.strerror}") from None
    told = f"{arguments.kind} key {entry['kid']}: private part in {arguments.out}, public part added to {trust}"
    print(spoken(told))
    return 0


def _hall(out: Path) -> int:
    write_secret(out, new_hall_key())
    told = f"the hall's key in {out}: the same file at every door"
    print(spoken(told))
    return 0


def _curve_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _commands(kind: str, words: str | None) -> tuple[str, ...]:
    if kind != "command":
        if words is not None:
            raise Mistake("only a key of kind command gives orders; leave it out", key="--commands")
        return ()
    commands = jwk.COMMANDS if words is None else tuple(word.strip() for word in words.split(","))
    unknown = [word for word in commands if word not in jwk.COMMANDS]
    if unknown:
        raise Mistake(f"{unknown[0]!r} is no command; one or more of: {', '.join(jwk.COMMANDS)}", key="--commands")
    return commands


def _read_set(trust: Path) -> dict[str, list[object]]:
    try:
        with opened(trust) as file:
            document = json.loads(file.read(FILE_BYTES_MAX))
    except FileNotFoundError:
        return {"keys": []}
    except (ValueError, RecursionError) as wrong:
        raise Mistake(f"is not JSON ({wrong}); name another file with --jwks", file=str(trust)) from None
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise Mistake('is no JWK set ({"keys": [...]}); name another file with --jwks', file=str(trust))
    return document


def _write_private(out: Path, key: NewKey) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_secret(out, pem)
