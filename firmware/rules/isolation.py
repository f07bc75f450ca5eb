"""3.1.2e: no second try at another door. Who was led away today is led away wherever the same proof is shown again."""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict


def judge(case: Case) -> Verdict | None:
    return Verdict("3.1.2e", "isolate", "held_before", phrase="isolate") if case.held_at else None
