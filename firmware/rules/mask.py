"""3.1.2c: only with a mask may one enter, as a condition. Attested by the attendant, seen by a terminal, or vetoed.

Asked last: nobody is looked at by an attendant who could not come in anyway. Who needs none is the rulebook's data.
"""

from __future__ import annotations

from firmware.rules.registered import theirs
from firmware.rules.verdict import Case, Verdict, attested

CLAUSE = "3.1.2c"


def judge(case: Case) -> Verdict | None:
    if case.rules is None or case.rules.mask == "none" or _exempt(case):
        return None
    word = attested(case, "mask") or attested(case, "veto")
    if word is not None:
        return _no(case, "no_mask") if word.no else None
    return _vetoed(case) if case.rules.mask == "veto" else _seen(case)


def _seen(case: Case) -> Verdict | None:
    """The attendant's word counts where a terminal looks, too: terminals take a scarf for a mask, and a mask for none."""
    assert case.rules is not None
    said = case.sentinel
    if case.rules.mask == "terminal" and said is not None and said.mask and theirs(case, said):
        return None
    if case.final:
        return _no(case, "mask_not_attested")
    return Verdict(CLAUSE, "wait", "mask_asked", phrase="mask", asks_for="mask")


def _vetoed(case: Case) -> Verdict | None:
    """The gate opens a few seconds later than it could; until then a press stops it."""
    visit = case.lane.visit
    until_ms = visit.veto_until_ms if visit is not None else None
    if until_ms is not None and case.moment.elapsed_ms >= until_ms:
        return None
    return Verdict(CLAUSE, "wait", "mask_veto", phrase="mask", asks_for="veto")


def _no(case: Case, because: str) -> Verdict:
    assert case.rules is not None
    return Verdict(CLAUSE, case.rules.on_fail.mask, because, phrase="mask")


def _exempt(case: Case) -> bool:
    rules = case.rulebook.mask
    if case.person_class in rules.exempt_classes:
        return True
    age = case.card.age_years if case.card is not None else None
    return age is not None and age < rules.exempt_under_years
