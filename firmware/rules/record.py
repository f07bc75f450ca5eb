"""4.2: no decision without a record. When the journal cannot be written the rulebook says what a gate may still do."""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict


def judge(case: Case) -> Verdict | None:
    return None if case.journal_ok else case.doubt("4.2", "journal_full", "journal_full")
