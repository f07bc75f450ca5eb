"""3.1.3c: no gathering. While the space behind the gate is dense, entry pauses. Off where the rulebook has no number."""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict


def judge(case: Case) -> Verdict | None:
    most = case.rulebook.flow.density_persons_max
    if not most:
        return None
    crowded = case.lane.behind_persons > most and "range" not in case.lane.broken
    held_ms = case.rulebook.flow.hold_seconds * 1000
    if not crowded and case.moment.elapsed_ms - case.lane.behind_dense_ms > held_ms:
        return None
    return Verdict("3.1.3c", "wait", "dense", phrase="density")
