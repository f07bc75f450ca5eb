"""3.1.2a, 3.1.3a: a gate that cannot be driven, or a passage that cannot be seen, is no gate to admit somebody through."""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict


def judge(case: Case) -> Verdict | None:
    if "gate" in case.lane.broken:
        return Verdict("3.1.3a", "staff", "gate_fault", phrase="gate_fault")
    if "counter" in case.lane.broken:
        return case.doubt("3.1.1b", "sensor_missing", "counter_missing")
    return None
