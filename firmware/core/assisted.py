"""3.1.2d: who cannot show a code shows an identity card and the offline code, and a named attendant confirms. A table.

Read it with a finger: a row is (where the visit is, what happened) -> where it is then. A pair that is not in the table
changes nothing. Every step has the rulebook's time; every way on is a named person's badge and button, or an order.

    eligible    the card alone does not say: the attendant may attest a disability and the city's household. Nobody is
                told so, and nothing waits for it: who has proofs of their own just shows them
    identity    the card says so (minor, elder), or it was attested: the attendant compares face and card
    paper_code  who it is was confirmed: the attendant reads the date on the offline code
    health      all was attested: the health verdict is asked for, a sentinel reads the card
    cancelled   the attendant said no
    lapsed      nobody confirmed in time
"""

from __future__ import annotations

from typing import Literal

import msgspec

from firmware.core.facts import Card
from firmware.rulebook.health_tables import Assisted

Step = Literal["eligible", "identity", "paper_code", "health", "cancelled", "lapsed"]
Signal = Literal["yes", "no", "time_over"]
Kind = Literal["minor", "elder", "disabled"]

ATTESTED: tuple[Step, ...] = ("eligible", "identity", "paper_code")
"""Where an attendant's word is waited for."""
TABLE: dict[tuple[Step, Signal], Step] = {
    ("eligible", "yes"): "identity",
    ("identity", "yes"): "paper_code",
    ("paper_code", "yes"): "health",
    ("eligible", "no"): "cancelled",
    ("identity", "no"): "cancelled",
    ("paper_code", "no"): "cancelled",
    ("identity", "time_over"): "lapsed",
    ("paper_code", "time_over"): "lapsed",
}


class Path(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far one visit has come. `by` is the attendant's badge or the order's issuer of the last step."""

    kind: Kind
    step: Step
    since_ms: int
    by: str = ""
    resident: bool = False
    """The city's household, as far as the card can tell; else the attendant attested it."""


def begin(rules: Assisted, person_class: str, card: Card, now_ms: int) -> Path | None:
    """The first step of this card's way; None where it is nobody's the rulebook means."""
    if person_class not in rules.classes:
        return None
    if card.age_years is not None and card.age_years < rules.minor_under_years:
        return Path("minor", "identity", now_ms, resident=card.resident)
    if card.age_years is not None and card.age_years >= rules.elder_from_years:
        return Path("elder", "identity", now_ms, resident=card.resident)
    return Path("disabled", "eligible", now_ms, resident=card.resident) if rules.disabled == "attest" else None


def after(path: Path, signal: Signal, now_ms: int, by: str = "") -> Path:
    """Where the visit is after `signal`; where it was when the table has no such row."""
    step = TABLE.get((path.step, signal))
    return path if step is None else msgspec.structs.replace(path, step=step, since_ms=now_ms, by=by or path.by)
