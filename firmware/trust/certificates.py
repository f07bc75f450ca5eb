"""Certificates of one hall: its authority, requests of devices, signatures, revocations. Bytes in, bytes out.

One authority per hall, so another hall's certificate is nobody's here. P-256 everywhere. The subject's CN is the name at
the broker (the device's name and MQTT client id), its O the hall. Times are handed in.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterable

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from firmware.errors import Mistake

AUTHORITY_DAYS = 3_650
EARLIER = dt.timedelta(hours=1)
"""Valid from an hour ago: the device that gets it may be a little slow."""
REQUEST_BYTES_MAX = 16_384

Key = ec.EllipticCurvePrivateKey
Time = dt.datetime


def new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def load_key(pem: bytes, file: str) -> Key:
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError):
        raise Mistake("is no private key in PEM", file=file) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Mistake("is no P-256 key", file=file)
    return key


def load_certificate(pem: bytes, file: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise Mistake("is no certificate in PEM", file=file) from None


def name_of(subject: x509.Name) -> tuple[str, str]:
    """(CN, O) of a subject; empty words where it has none."""
    words = [subject.get_attributes_for_oid(oid) for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)]
    return str(words[0][0].value) if words[0] else "", str(words[1][0].value) if words[1] else ""


def fingerprint(key: object) -> str:
    """SHA-256 over the public key, as people compare it: eight groups of four hex digits (128 bits)."""
    public: ec.EllipticCurvePublicKey = key.public_key() if hasattr(key, "public_key") else key  # type: ignore[assignment]
    digest = hashes.Hash(hashes.SHA256())
    digest.update(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    digits = digest.finalize().hex()
    return "-".join(digits[at : at + 4] for at in range(0, 32, 4))


def authority(hall: str, key: Key, now: Time) -> x509.Certificate:
    subject = _subject(f"hallgate {hall}", hall)
    usage = _usage(key_cert_sign=True, crl_sign=True)
    made = _dated(subject, subject, key.public_key(), now, AUTHORITY_DAYS)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    made = made.add_extension(usage, critical=True)
    made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return made.sign(key, hashes.SHA256())


def request(name: str, hall: str, key: Key) -> bytes:
    made = x509.CertificateSigningRequestBuilder().subject_name(_subject(name, hall))
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def load_request(pem: bytes, file: str) -> x509.CertificateSigningRequest:
    """A request whose signature holds, with a P-256 key; Mistake for any other bytes."""
    try:
        asked = x509.load_pem_x509_csr(pem[:REQUEST_BYTES_MAX])
        good = asked.is_signature_valid and isinstance(asked.public_key(), ec.EllipticCurvePublicKey)
        name_of(asked.subject)
    except (ValueError, TypeError, InvalidSignature, x509.UnsupportedGeneralNameType):
        raise Mistake("is no certificate request in PEM", file=file) from None
    except Exception as unsupported:  # cryptography has errors of its own for algorithms it does not know
        raise Mistake(f"is no request we can read: {type(unsupported).__name__}", file=file) from None
    if not good:
        raise Mistake("is not signed by the key it asks for, or its key is not P-256", file=file)
    return asked


def sign(
    asked: x509.CertificateSigningRequest,
    ca: x509.Certificate,
    key: Key,
    now: Time,
    days: int,
    hosts: Iterable[str] = (),
) -> x509.Certificate:
    """With `hosts` a broker's certificate (server and client), else a client's. Names come from nowhere but subject."""
    hosts = tuple(hosts)
    usage = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if hosts else [])]
    made = _dated(asked.subject, ca.subject, asked.public_key(), now, days, until=ca.not_valid_after_utc)
    made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    made = made.add_extension(_usage(digital_signature=True), critical=True)
    made = made.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
    made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(asked.public_key()), critical=False)
    made = made.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key()),  # type: ignore[arg-type]
        critical=False,
    )
    if hosts:
        made = made.add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
    return made.sign(key, hashes.SHA256())


def revocations(ca: x509.Certificate, key: Key, serials: Iterable[tuple[int, Time]], now: Time) -> bytes:
    """The revocation list.

    It is pushed, not fetched, so it lasts as long as the authority: one that ran out would lock every device out.
    """
    made = x509.CertificateRevocationListBuilder().issuer_name(ca.subject)
    made = made.last_update(now - EARLIER).next_update(ca.not_valid_after_utc)
    for serial, at in serials:
        gone = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at).build()
        made = made.add_revoked_certificate(gone)
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def matches(certificate: x509.Certificate, key: Key) -> bool:
    return certificate.public_key() == key.public_key()


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def _subject(name: str, hall: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, name), x509.NameAttribute(NameOID.ORGANIZATION_NAME, hall)]
    )


def _dated(
    subject: x509.Name, issuer: x509.Name, key: object, now: Time, days: int, until: Time | None = None
) -> x509.CertificateBuilder:
    end = now + dt.timedelta(days=days)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)  # type: ignore[arg-type]
    made = made.serial_number(x509.random_serial_number())
    return made.not_valid_before(now - EARLIER).not_valid_after(min(end, until) if until else end)


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
