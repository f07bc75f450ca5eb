"""3.1.3a: separate entry and exit. In a lane for both, whoever wants to leave goes first."""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict


def judge(case: Case) -> Verdict | None:
    return Verdict("3.1.3a", "wait", "exit_first", phrase="take_turn") if case.exit_waiting else None
