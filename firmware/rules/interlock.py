"""Two lanes of one device of which only one may be open at a time (a lock, 3.1.3a). Asked of entries, never of exits."""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict


def judge(case: Case) -> Verdict | None:
    return Verdict("3.1.3a", "wait", "interlock", phrase="take_turn") if case.interlocked else None
