"""3.1.4a, 3.2.3: one badge, one body. A badge that came in and was not seen leaving is told (soft) or has to wait (timed).

Exits never ask, so nobody is known to be inside for certain: there is no hard rule, and every recount forgives.
"""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict

CLAUSES = {"agent": "3.2.3"}


def judge(case: Case) -> Verdict | None:
    rules = case.rulebook.anti_passback
    if case.entered_ms is None or case.person_class not in rules.classes:
        return None
    since_ms = case.moment.elapsed_ms - case.entered_ms
    if not 0 <= since_ms < rules.minutes * 60_000:
        return None
    clause = CLAUSES.get(case.person_class, "3.1.4a")
    if rules.mode == "soft":
        return Verdict(clause, "admit", "passback", phrase="admit")
    return Verdict(clause, "staff", "passback", phrase="staff")
