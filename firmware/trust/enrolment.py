"""A device's side of its enrolment: its key, made here and never anywhere else, the request for it, what came back signed.

NAME.key        the key (0600); NAME.next.key after a rotation began, until its certificate is here
NAME.csr        the request, to be carried to the hall's authority (`authority.py`)
NAME.pem        the certificate
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from cryptography import x509

from firmware.durable import replace_file
from firmware.errors import Mistake
from firmware.files import read_secret, write_secret
from firmware.trust import certificates


def ask(folder: Path, name: str, hall: str, *, rotate: bool = False) -> str:
    """Write the request; answers the fingerprint of the key it is for. `rotate`: a new key waits beside the old one.

    Asked for again it is the same key: its fingerprint has to be read again at the device, and nowhere else.
    """
    file = folder / f"{name}{'.next' if rotate else ''}.key"
    if not file.exists():
        write_secret(file, certificates.key_pem(certificates.new_key()))
    key = certificates.load_key(read_secret(file), str(file))
    replace_file(folder / f"{name}.csr", certificates.request(name, hall, key))
    return certificates.fingerprint(key)


def take_over(folder: Path, name: str, pem: bytes, file: str, now: dt.datetime) -> x509.Certificate:
    """Put the signed certificate beside its key. After a rotation the waiting key becomes the key.

    The link reads both at every connection; one that looks between the two replacements fails and tries again. Raises
    Mistake for a certificate that is not this device's, is over, or fits no key here; `file` names it then.
    """
    made = certificates.load_certificate(pem, file)
    if certificates.name_of(made.subject)[0] != name:
        raise Mistake(f"is for {certificates.name_of(made.subject)[0]}, not for {name}", file=file)
    if made.not_valid_after_utc <= now:
        raise Mistake(f"ran out on {made.not_valid_after_utc:%Y-%m-%d}", file=file)
    fitting = [key for key in (folder / f"{name}.next.key", folder / f"{name}.key")
               if key.exists() and certificates.matches(made, certificates.load_key(read_secret(key), str(key)))]  # fmt: skip
    if not fitting:
        raise Mistake("no key here fits it: was it asked for on this device?", file=file)
    replace_file(folder / f"{name}.key", read_secret(fitting[0]), mode=0o600)
    replace_file(folder / f"{name}.pem", certificates.pem(made))
    (folder / f"{name}.next.key").unlink(missing_ok=True)
    return made
