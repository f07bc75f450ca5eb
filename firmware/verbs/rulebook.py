"""Sign a hall's rulebook, or see who signed it.

`sign` writes RULEBOOK.sig beside the file: a signature over its exact bytes, and the key's kid. With --jws it also writes
the message that a hub publishes, retained, as hallgate/v1/HALL/rulebook. What no door could use, or `check`
would refuse, is told. Sign again after any change, and raise `serial`: devices take only a higher one.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from firmware import clock, typed_toml
from firmware.core import jwk, trust_list
from firmware.errors import Failure, Mistake
from firmware.files import read, write
from firmware.language import spoken, told
from firmware.rulebook import signature
from firmware.site.examination import Examination, examine_rulebook
from firmware.trust import rulebook_file
from mqtt import signing

EXAMPLE = "hallgate rulebook sign --key rulebook-key.pem rulebook.toml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(dest="what", required=True, metavar="sign|verify")
    sign = what.add_parser("sign", help="write RULEBOOK.sig")
    sign.add_argument("--key", type=Path, required=True, help="private key made by `key new --kind rulebook`")
    sign.add_argument(
        "--kid", help="name of the key in the trust list (default: its RFC 7638 thumbprint, as `key new`)"
    )
    sign.add_argument("--jws", type=Path, metavar="FILE", help="write what the hub publishes, too")
    verify = what.add_parser("verify", help="check RULEBOOK.sig against a trust list")
    verify.add_argument("--trust", type=Path, help="JWK set (default: trust.jwks beside the rulebook)")
    for verb in (sign, verify):
        verb.add_argument("rulebook", type=Path, metavar="RULEBOOK")


def run(arguments: argparse.Namespace) -> int:
    text = read(arguments.rulebook, typed_toml.SIZE_MAX)
    return _sign(arguments, text) if arguments.what == "sign" else _verify(arguments, text)


def _sign(arguments: argparse.Namespace, text: bytes) -> int:
    typed_toml.document(text, str(arguments.rulebook))
    key = _private_key(arguments.key)
    kid = arguments.kid or jwk.kid_of(key.public_key())
    if not kid.isascii() or not kid.isprintable() or " " in kid:
        raise Mistake("write it in base64url: letters, digits, - and _", key="--kid")
    written = {_signature_of(arguments.rulebook): signature.sign(text, key, kid)}
    if arguments.jws is not None:
        written[arguments.jws] = signing.sign(text, key, kid)
    for target, content in written.items():
        try:
            write(target, content)
        except OSError as error:
            raise Failure(f"{target}: {error.strerror}") from None
        print(spoken(f"{target}: signed by {kid}"))
    for mistake in found_in(text, kid, str(arguments.rulebook)):
        print(f"hallgate rulebook: {spoken('warning: ')}{told(mistake)}", file=sys.stderr)
    return 0


def found_in(text: bytes, kid: str, file: str) -> list[Mistake]:
    """Here stands who can mend it. It is signed all the same: doors may know more than the software of this desk."""
    found = Examination()
    examine_rulebook(found, lambda: rulebook_file.opened(text, kid, file), file, clock.from_environment())
    return found.wrong + found.odd


def _verify(arguments: argparse.Namespace, text: bytes) -> int:
    believed = trust_list.parse(read(arguments.trust or arguments.rulebook.parent / "trust.jwks"))
    try:
        kid = signature.check(text, read(_signature_of(arguments.rulebook)), believed)
    except signature.RulebookSignatureError as error:
        raise Mistake("; ".join((error.because, *believed.complaints)), file=str(arguments.rulebook)) from None
    print(spoken(f"{arguments.rulebook}: signed by {kid}, which the trust list believes"))
    return 0


def _signature_of(rulebook: Path) -> Path:
    return rulebook.with_name(rulebook.name + ".sig")


def _private_key(path: Path) -> Ed25519PrivateKey:
    pem = read(path)
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        raise Mistake("is no private key in PKCS 8 PEM without a password", file=str(path)) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise Mistake("is no Ed25519 key; make one with `hallgate key new --kind rulebook`", file=str(path))
    return key
