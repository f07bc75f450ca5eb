"""3.1.3b: the two-metre line. Paces the ENTRY, by measured spacing or by an interval; exits are never paced."""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict

FRESH_MS = 2_000


def judge(case: Case) -> Verdict | None:
    now = case.moment.elapsed_ms
    if case.setup.range_sensor and "range" not in case.lane.broken:
        gap, seen = case.lane.queue_gap_mm, case.lane.queue_seen_ms
        close = gap is not None and gap < case.rulebook.spacing.minimum_mm and now - seen <= FRESH_MS
        return Verdict("3.1.3b", "wait", "too_close", phrase="spacing") if close else None
    if now - case.lane.last_entry_ms < case.rulebook.spacing.release_interval_ms:
        return Verdict("3.1.3b", "wait", "too_soon", phrase="spacing")
    return None
