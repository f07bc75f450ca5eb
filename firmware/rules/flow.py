"""3.1.3c: no gathering, no loitering.

While the space behind the gate is crowded, or the same crowd stands there too long, entry pauses. Off where the
rulebook has no number, and at a lane that has nothing to see it with.
"""

from __future__ import annotations

from firmware.core import queue
from firmware.rules.verdict import Case, Verdict

CLAUSE = "3.1.3c"


def judge(case: Case) -> Verdict | None:
    flow, now_ms = case.rulebook.flow, case.moment.elapsed_ms
    if not flow.density_persons_max and not flow.dwell_seconds:
        return None
    if "behind" in case.lane.broken:
        return case.doubt(CLAUSE, "sensor_missing", "density_not_measured")
    if queue.dense(case.lane, flow, now_ms):
        return Verdict(CLAUSE, "wait", "dense", phrase="density")
    if queue.loitering(case.lane, flow, now_ms):
        return Verdict(CLAUSE, "wait", "loitering", phrase="density")
    return None
