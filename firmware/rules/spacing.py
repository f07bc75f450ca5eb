"""3.1.3b: the two-metre line. Paces the ENTRY, by measured spacing or by an interval; exits are never paced.

The party is the unit: a family, or a visitor and a helper, is not two metres apart. The range sensor tells only news:
what it said last holds until it says something else or falls silent.
"""

from __future__ import annotations

from firmware.core import queue
from firmware.rules.verdict import Case, Verdict

CLAUSE = "3.1.3b"


def judge(case: Case) -> Verdict | None:
    if not case.setup.range_sensor:
        return _interval(case)
    if "range" in case.lane.broken:
        return case.doubt(CLAUSE, "sensor_missing", "spacing_not_measured") or _interval(case)
    who = case.booking.pass_id if case.booking else ""
    if not queue.too_close(case.lane, case.rulebook, case.moment.elapsed_ms, case.persons, who):
        return None
    if _patience_over(case):
        return Verdict(CLAUSE, "admit", "too_close", phrase="admit")
    return Verdict(CLAUSE, "wait", "too_close", phrase="spacing")


def _interval(case: Case) -> Verdict | None:
    if case.moment.elapsed_ms - case.lane.last_entry_ms < case.rulebook.spacing.release_interval_ms:
        return Verdict(CLAUSE, "wait", "too_soon", phrase="spacing")
    return None


def _patience_over(case: Case) -> bool:
    patience_ms, since = case.rulebook.spacing.patience_seconds * 1000, case.lane.close_since_ms
    return bool(patience_ms) and since is not None and case.moment.elapsed_ms - since >= patience_ms
