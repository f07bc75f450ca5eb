"""3.1.1c, 3.2.3: a party is one unit, and its size belongs to its class: an agent is one body with many cases."""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict


def judge(case: Case) -> Verdict | None:
    if case.rules is None or case.booking is None:
        return None
    if case.booking.party + case.booking.helper > case.rules.bodies_max:
        return Verdict(
            "3.1.1c", "staff", "party_too_large", phrase="party_too_large", values={"n": case.rules.bodies_max}
        )
    if case.booking.cases > case.rules.cases_max:
        return Verdict("3.2.3", "staff", "too_many_cases", phrase="staff")
    return None
