"""3.1.1a, 3.1.2a: a code has to prove something. What it is not is told apart: unreadable, forged, unknown issuer."""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict

PHRASES = {
    "unknown_format": "not_read",
    "not_read": "not_read",
    "malformed": "not_read",
    "too_long": "not_read",
    "unknown_issuer": "invalid_code",
    "wrong_key_kind": "invalid_code",
    "bad_signature": "invalid_code",
    "not_in_roster": "not_booked",
}


def judge(case: Case) -> Verdict | None:
    if case.unproved is None:
        return None
    because, health = case.unproved.because, case.unproved.looks_like == "health"
    phrase = PHRASES[because]
    if phrase == "invalid_code" and health:  # a sentinel or the venue code proves the same
        phrase = "not_verified"
    return Verdict("3.1.2a" if health else "3.1.1a", "refuse", because, phrase=phrase)
