"""3.1.3c: no gathering. While the space behind the gate is dense, entry pauses. Off where the rulebook has no number."""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict


def judge(case: Case) -> Verdict | None:
    most = case.rulebook.flow.density_persons_max
    if not most or case.lane.behind_persons <= most:
        return None
    held_ms = case.rulebook.flow.hold_seconds * 1000
    if case.moment.elapsed_ms - case.lane.behind_seen_ms > held_ms:
        return None
    return Verdict("3.1.3c", "wait", "dense", phrase="density")
