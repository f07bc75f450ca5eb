"""3.1.2a, 3.1.3a: a gate that cannot be driven, or a passage that cannot be seen, is no gate to admit somebody through.

Nor is a hatch for goods (3.2.4), or a narrow lane for who needs a wide one (3.1.1c).
"""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict


def judge(case: Case) -> Verdict | None:
    if case.setup.hatch and case.rules is not None and case.rules.enters:
        return Verdict("3.2.4", "refuse", "hatch", phrase="wrong_lane")
    if case.rules is not None and case.rules.wide and not case.setup.wide:
        return Verdict("3.1.1c", "refuse", "not_wide", phrase="wide_lane")
    if "gate" in case.lane.broken:
        return Verdict("3.1.3a", "staff", "gate_fault", phrase="gate_fault")
    if "counter" in case.lane.broken:
        return case.doubt("3.1.1b", "sensor_missing", "counter_missing")
    return None
