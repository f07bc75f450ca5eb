"""Whether a proof is in date. Only here is known where each kind begins and ends; the hall's rules come after."""

from __future__ import annotations

from typing import Literal

from firmware.core.facts import Booking, CodeFact, Unproved

Validity = Literal["", "expired", "not_yet_valid"]


def validity(fact: CodeFact, at_s: float) -> Validity:
    """Return "" when `fact` is in date at `at_s` (seconds since 1970), else what is wrong. `Unproved` has no dates.

    A pass ends AT its expiry (RFC 8392: on or after is too late); a health certificate is good up to and including that
    second, as the EU test corpus has it. Slot, sampling time and their margins are the rulebook's affair.
    """
    match fact:
        case Unproved():
            return ""
        case Booking():
            return "not_yet_valid" if at_s < fact.not_before_s else "expired" if at_s >= fact.expires_s else ""
    return "not_yet_valid" if at_s < fact.issued_s else "expired" if int(at_s) > fact.expires_s else ""
