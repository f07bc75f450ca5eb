"""3.1.1a, 3.1.2a: a code has to prove something. What it is not is told apart: unreadable, forged, unknown issuer."""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict

PHRASES = {
    "unknown_format": "not_read",
    "not_read": "not_read",
    "malformed": "not_read",
    "too_long": "not_read",
    "unknown_issuer": "not_verified",
    "wrong_key_kind": "not_verified",
    "bad_signature": "not_verified",
    "not_in_roster": "not_booked",
}


def judge(case: Case) -> Verdict | None:
    if case.unproved is None:
        return None
    clause = "3.1.2a" if case.unproved.looks_like == "health" else "3.1.1a"
    return Verdict(clause, "refuse", case.unproved.because, phrase=PHRASES[case.unproved.because])
