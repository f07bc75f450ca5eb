"""3.1.5c: no more people while the air of the hall is used up. Entry pauses from `[air] hold_ppm` on; exits run, and help.

Off where the rulebook has no number, and at a device that does not measure the air.
"""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict

CLAUSE = "3.1.5c"


def judge(case: Case) -> Verdict | None:
    if case.air == "unknown":
        return case.doubt(CLAUSE, "sensor_missing", "air_not_measured")
    return Verdict(CLAUSE, "wait", "air_bad", phrase="airing") if case.air == "bad" else None
