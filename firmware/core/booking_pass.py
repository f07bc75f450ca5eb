"""The claims of a booking pass or a staff badge (`HP1:`, contract section 5): a CWT (RFC 8392) with private labels.

Absent slot times stay None: the slot is then not-before to expiry. Times are not judged here.
"""

from __future__ import annotations

from firmware.core import cbor, claims, cose, pseudonym
from firmware.core.facts import Booking
from firmware.core.jwk import Key
from firmware.core.refusal import Refusal

ISS, EXP, NBF, CTI = 1, 4, 5, 7
HALL, CLASS, PARTY, HOLDER, SERVICE = -70001, -70002, -70003, -70004, -70005
CASES, ZONE, HELPER, SUBJECT, SLOT_START, SLOT_END = -70006, -70007, -70008, -70009, -70010, -70011

KINDS = frozenset({"booking", "staff"})
STAFF_CLASSES = frozenset({"staff", "attendant", "responder"})
"""Classes that only a key of kind `staff` may write, and the only ones it may write."""
PARTY_MAX, CASES_MAX = 20, 1_000


def read(payload: bytes, signers: list[Key], hall_key: bytes | None, day: str, sha256: str) -> Booking:
    """Return what the signed claims say. Refusal: a claim of a wrong type or range, a class the key may not write."""
    token = cbor.mapping(cbor.decode(payload))
    person_class = claims.word(token, CLASS)
    staff = person_class in STAFF_CLASSES
    key = cose.allowed(signers, "staff" if staff else "booking")
    pass_id = claims.octets(token, CTI, 8).hex()
    holder = claims.octets_or_none(token, HOLDER, 8)
    said = claims.text(token, ISS) if ISS in token else key.kid
    fact = Booking(
        sha256=sha256,
        person=pseudonym.of_the_day(hall_key, day, holder or pass_id),
        pass_id=pass_id,
        issuer=key.issuer or said,
        key_kind="staff" if staff else "booking",
        hall=claims.word(token, HALL),
        person_class=person_class,
        not_before_s=claims.seconds(token, NBF),
        expires_s=claims.seconds(token, EXP),
        slot_start_s=claims.seconds_or_none(token, SLOT_START),
        slot_end_s=claims.seconds_or_none(token, SLOT_END),
        party=claims.count(token, PARTY, PARTY_MAX),
        holder=holder,
        subject=claims.octets_or_none(token, SUBJECT, 8),
        service=claims.label_or_none(token, SERVICE),
        cases=claims.count(token, CASES, CASES_MAX),
        zone=claims.label_or_none(token, ZONE),
        helper=claims.flag(token, HELPER),
    )
    _check_order(fact)
    return fact


def _check_order(fact: Booking) -> None:
    start = fact.not_before_s if fact.slot_start_s is None else fact.slot_start_s
    end = fact.expires_s if fact.slot_end_s is None else fact.slot_end_s
    if fact.not_before_s >= fact.expires_s or start >= end:
        raise Refusal("malformed")
