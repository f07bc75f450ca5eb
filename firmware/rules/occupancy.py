"""3.1.1b: the hall's real-time limit. A grant takes as many rights as the party has bodies, all at once or none."""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict

SAID = {"recount": "recount", "out_of_service": "wrong_lane"}
"""Why entry is held -> what is said. Nobody waits for a count that is not going on, nor at a door that opens no more."""


def judge(case: Case) -> Verdict | None:
    if not case.persons:
        return None  # served at the lane, takes no place
    if case.held_entry:
        return Verdict("3.1.1b", "wait", case.held_entry, phrase=SAID.get(case.held_entry, "held"))
    if case.free < case.persons:
        return Verdict("3.1.1b", "wait", "hall_full", values={"n": case.ahead})
    return None
