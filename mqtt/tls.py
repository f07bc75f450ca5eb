"""The encrypted line to a broker: modern settings, and for each refusal one line that says what to do.

A doubtful clock. Certificates have dates, so a device whose clock woke up in 1970 cannot judge a broker: the link then
says so and tries again; the gate never waits for it, decides and counts alone, and the journal keeps every event until
the clock is set. Believing any date instead would let a stolen certificate that ran out speak for the broker for ever.
"""

from __future__ import annotations

import datetime as dt
import os
import socket
import ssl
import stat

from firmware.errors import Failure

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
ASKING_S = 2.0
"""A broker that has a reason says it at once."""

_CHECKS = {
    9: "the broker's certificate is not valid yet: is this clock right?",
    10: "the broker's certificate ran out: rotate it on the broker",
    18: "the broker's certificate is its own authority's: not this hall's",
    19: "the broker's authority is not this hall's: compare [hub.tls] ca",
    20: "the broker's certificate is of another authority: not this hall's",
    23: "the broker's certificate was revoked",
    62: "the broker's certificate is for another address than url",
    64: "the broker's certificate is for another address than url",
}
"""OpenSSL's numbers of what is wrong with the other side's certificate (x509_vfy.h)."""

_ALERTS = {
    "unknown ca": "the broker does not know our certificate's authority: is it of this hall?",
    "certificate expired": "our certificate ran out: rotate it (hallgate enrol request --rotate)",
    "certificate revoked": "our certificate was revoked: enrol this device again",
    "certificate required": "the broker wants a certificate: write cert and key in [hub.tls]",
    "handshake failure": "the broker wants a certificate, or older ciphers: write cert and key in [hub.tls]",
    "bad certificate": "the broker does not take our certificate: is it of this hall, and in date?",
    "unsupported certificate": "our certificate is not for a client: enrol this device again",
    "protocol version": "the broker speaks no TLS 1.2: update it",
}
"""What a broker says to ours (RFC 8446 section 6), by the words OpenSSL has for it."""


def context(ca: str | None, cert: str | None, key: str | None, now_s: float | None) -> ssl.SSLContext:
    """TLS 1.2 or newer, the broker's name and chain checked. Failure, with what to do, when ours cannot be used."""
    try:
        made = ssl.create_default_context(cafile=ca)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        made.set_ciphers(CIPHERS)
        if cert:
            _private(key or cert)
            if now_s is not None:
                _in_date(cert, now_s)
            made.load_cert_chain(cert, key)
    except ssl.SSLError as wrong:
        raise Failure(f"{cert or ca} and its key cannot be used: {wrong.reason or wrong}") from None
    except OSError as wrong:
        missing = [file for file in (ca, cert, key) if file and not os.path.exists(file)]
        if missing:
            raise Failure(f"there is no file {', '.join(missing)}") from None
        raise Failure(f"{', '.join(filter(None, (ca, cert, key)))} cannot be read: {wrong.strerror}") from None
    return made


def _private(file: str) -> None:
    if stat.S_IMODE(os.stat(file).st_mode) & 0o077:
        raise Failure(f"is a secret that others may read: chmod 600 {file}")


def _in_date(file: str, now_s: float) -> None:
    from cryptography import x509

    with open(file, "rb") as pem:
        content = pem.read()
    try:
        ours = x509.load_pem_x509_certificate(content)
    except ValueError:
        raise Failure(f"{file} is no certificate in PEM") from None
    now = dt.datetime.fromtimestamp(now_s, dt.UTC)
    if now < ours.not_valid_before_utc:
        raise Failure(f"our certificate is not valid before {ours.not_valid_before_utc:%Y-%m-%d}, "
                      f"and this clock says {now:%Y-%m-%d}: set the clock")  # fmt: skip
    if now >= ours.not_valid_after_utc:
        raise Failure(f"our certificate ran out on {ours.not_valid_after_utc:%Y-%m-%d}: "
                      f"rotate it (hallgate enrol request --rotate)")  # fmt: skip


def why_broken_off(host: str, port: int, made: ssl.SSLContext) -> str:
    """Connect once more and say nothing. Empty when the broker does not tell either; waits `ASKING_S` at most.

    A broker says in an alert why it breaks a line off. Closed while our first words lie unread, the connection is reset,
    and TCP throws the alert away.
    """
    try:
        plain = socket.create_connection((host, port), ASKING_S)
        with plain, made.wrap_socket(plain, server_hostname=host) as line:
            line.recv(1)
    except OSError as error:  # ssl.SSLError is one
        return told(error)
    return ""


def told(error: object) -> str:
    """What a TLS error means; empty for any other."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CHECKS.get(error.verify_code, f"the broker's certificate: {error.verify_message}")
    text = str(error).lower().replace("_", " ")
    if "alert" not in text and not isinstance(error, ssl.SSLError):
        return ""
    return next((meaning for words, meaning in _ALERTS.items() if words in text), "")
