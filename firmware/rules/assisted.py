"""3.1.2d: minors, elders and disabled people who cannot show a code: card, named attendant, paper code, health verdict.

The steps are a table (`core/assisted.py`); here they are what is still asked for. Who has a proof of their own needs no
assistance: the way is an offer, and it never replaces the health verdict at its end.
"""

from __future__ import annotations

from firmware.core.assisted import Path
from firmware.core.facts import HealthTest
from firmware.rules.registered import sentinel, shown, venue_code
from firmware.rules.verdict import Case, Verdict

CLAUSE = "3.1.2d"
PHRASES = {"identity": "assisted", "paper_code": "assisted_paper"}


def judge(case: Case) -> Verdict | None:
    path = case.lane.visit.path if case.lane.visit is not None else None
    if path is None or (path.step not in ("cancelled", "lapsed") and _own_proof(case)):
        return None
    if path.step in ("cancelled", "lapsed"):
        return Verdict(CLAUSE, "staff", f"assisted_{path.step}", phrase="staff")
    if path.step in PHRASES:
        return _asked(case, path)
    return Verdict(CLAUSE, "admit", "identity_confirmed", phrase="admit") if path.step == "health" else None


def _asked(case: Case, path: Path) -> Verdict:
    days = {"days": case.rulebook.assisted.paper_code_days}
    return Verdict(CLAUSE, "wait", f"{path.step}_asked", phrase=PHRASES[path.step], asks_for=path.step, values=days)


def _own_proof(case: Case) -> bool:
    """A certificate, a venue code, or a code of their own at the sentinel (one that was not shown on the card)."""
    if venue_code(case) is not None or any(isinstance(each, HealthTest) for each in shown(case)):
        return True
    said = sentinel(case)
    return said is not None and said.holder is None and case.rulebook.assisted.health_by == "card"
