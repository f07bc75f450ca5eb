"""What a code proved: privacy-clean facts, the only thing that is left of a code after verification.

No name, no document number, no code text is in here. `subject` is a keyed hash (HMAC-SHA-256 with the hall key, first
8 bytes, hex); `person`, and `holder` and `subject` once `firmware/trust/verification.py` lets them out, are pseudonyms that
change every day.
Times are whole seconds since 1970.
"""

from __future__ import annotations

from typing import Literal

import msgspec

TestKind = Literal["naat", "antigen"]
TestResult = Literal["negative", "positive"]


class Fact(msgspec.Struct, frozen=True, tag_field="proof", omit_defaults=True, kw_only=True):
    """The common root. `sha256` is the first 16 hex digits of the code text's hash: the same code again is the same scan.

    Of a card, and of a text that proves nothing, the hash is keyed and changes every day: numbers can be guessed.
    """

    sha256: str = ""
    person: str | None = None


class Booking(Fact, frozen=True, tag="booking", omit_defaults=True, kw_only=True):
    """A booking pass or a staff badge whose signature is good, or a line of the signed roster of the day.

    Dates are not judged here: they need the moment. What the roster and the revocations know of a pass is put into its
    fact at verification, so that replay needs neither.
    """

    pass_id: str
    issuer: str
    key_kind: Literal["booking", "staff"]
    hall: str
    person_class: str
    not_before_s: int
    expires_s: int
    slot_start_s: int | None = None
    slot_end_s: int | None = None
    party: int = 1
    holder: str | None = None
    subject: str | None = None
    service: str | None = None
    cases: int = 1
    zone: str | None = None
    helper: bool = False
    source: Literal["pass", "roster"] = "pass"
    """`roster`: an identity card or a short number stood for a line of the signed roster."""
    revoked: bool = False
    """The signed revocations name this pass or its holder."""
    tests: tuple[HealthTest, ...] = ()
    """What the signed roster says of a staff member's tests (3.1.4a)."""
    zones: tuple[str, ...] = ()
    """Where a staff member works (3.1.4b); empty: everywhere."""
    bands: tuple[str, ...] = ()
    """When, as `HH:MM-HH:MM` of the local day (staggered hours, 3.1.4b); empty: at any time."""


class HealthTest(Fact, frozen=True, tag="test", omit_defaults=True, kw_only=True):
    """A health certificate with one test. `reported_s` is None where the certificate has no report time."""

    kind: TestKind
    result: TestResult
    issuer: str
    sampled_s: int
    issued_s: int
    expires_s: int
    reported_s: int | None = None
    subject: str | None = None
    certificate: str = ""
    """Keyed hash of the certificate's identifier."""


class Card(Fact, frozen=True, tag="card", omit_defaults=True, kw_only=True):
    """A resident identity card lay on a reader. Number, name, address and photograph ended in the driver.

    `booking` is the line of the day's roster that the card stands for, if there is one.
    """

    holder: str | None = None
    """The pass' holder of the same document, for matching on this day. None where the site has no hall key."""
    subject: str | None = None
    """The same over name and birth date as a health certificate writes them, where the card has them in Latin letters."""
    age_years: int | None = None
    """On the day of the reading, by the number's birth date; None where the wall clock was doubtful."""
    resident: bool = False
    """The number's region is one of the site's: of the city's household as far as a card can tell (3.1.2d)."""
    booking: Booking | None = None


class OtherHealth(Fact, frozen=True, tag="other_health", omit_defaults=True, kw_only=True):
    """A genuine health certificate that is no test (vaccination, recovery): genuine, and no answer to a PCR rule."""

    kind: Literal["vaccination", "recovery", "other"]
    issuer: str
    issued_s: int
    expires_s: int


class Unproved(Fact, frozen=True, tag="unproved", omit_defaults=True, kw_only=True):
    """The code proves nothing. `because` is one word of a closed list; `looks_like` is what it claimed to be."""

    because: Literal[
        "not_read",
        "unknown_format",
        "malformed",
        "unknown_issuer",
        "wrong_key_kind",
        "bad_signature",
        "too_long",
        "not_in_roster",
    ]
    looks_like: Literal["", "booking", "health"] = ""


CodeFact = Booking | HealthTest | OtherHealth | Unproved
"""What the text of a code can prove."""
AnyFact = CodeFact | Card
