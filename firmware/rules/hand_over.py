"""3.2.4: express pick-up and delivery. Who never enters is served at the lane: asked last, when nothing else is wrong."""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict


def judge(case: Case) -> Verdict | None:
    if case.rules is None or case.rules.enters:
        return None
    return Verdict("3.2.4", "staff", "hand_over")
