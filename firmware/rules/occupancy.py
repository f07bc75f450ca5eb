"""3.1.1b: the hall's real-time limit. A grant takes as many rights as the party has bodies, all at once or none."""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict


def judge(case: Case) -> Verdict | None:
    if not case.persons:
        return None  # served at the lane, takes no place
    if case.held_entry:
        return Verdict("3.1.1b", "wait", case.held_entry, phrase="recount")
    if case.free < case.persons:
        return Verdict("3.1.1b", "wait", "hall_full", values={"n": case.ahead})
    return None
