"""3.1.2a, e: the colour of the health code, known from a sentinel, a venue code or an attendant.

Yellow and red lead where `on_fail.code` says (isolation), whoever says so, whatever else is green, and also where nobody
is asked for a code or the class is not received: the plan says "whoever". A green one is asked for where the rulebook
does; a code that nobody knows is then the staff's. The code itself stays with the terminal: this hears its colour only.
"""

from __future__ import annotations

from firmware.rules.registered import registered
from firmware.rules.verdict import Case, Verdict, attested

CLAUSE = "3.1.2a"


def judge(case: Case) -> Verdict | None:
    colours = {each.code for each in registered(case)}
    word = attested(case, "code")
    if colours & {"yellow", "red"} or (word is not None and word.no):
        return Verdict("3.1.2e", case.on_fail.code, "code_not_green", phrase="isolate")
    if case.rules is None or case.rules.code == "none" or "green" in colours or word is not None:
        return None
    if case.final:
        return Verdict(CLAUSE, "staff", "code_unknown", phrase="code")
    path = case.lane.visit.path if case.lane.visit else None
    phrase = "assisted_health" if path is not None and path.step == "health" else "not_verified"
    return Verdict(CLAUSE, "wait", "code_asked", phrase=phrase, asks_for="code")
