"""3.1.3b: the two-metre line. Paces the ENTRY, by measured spacing or by an interval; exits are never paced.

The range sensor tells only news: what it said last holds until it says something else or falls silent.
"""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict


def judge(case: Case) -> Verdict | None:
    if case.setup.range_sensor and "range" not in case.lane.broken:
        gap = case.lane.queue_gap_mm
        close = gap is not None and gap < case.rulebook.spacing.minimum_mm
        return Verdict("3.1.3b", "wait", "too_close", phrase="spacing") if close else None
    if case.moment.elapsed_ms - case.lane.last_entry_ms < case.rulebook.spacing.release_interval_ms:
        return Verdict("3.1.3b", "wait", "too_soon", phrase="spacing")
    return None
