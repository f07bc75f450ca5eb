"""3.1.2b: health proof and booking belong to the same person, where the rulebook asks (`same_person = true`).

Matched by keyed hashes only: the card's or the sentinel's number with the pass' holder, a certificate's name and birth
date with the pass' or the card's subject. Where nothing can be matched the identity card is asked for, then the staff.
Two health tests of two different people are never one visit, whatever the rulebook asks.
"""

from __future__ import annotations

from collections.abc import Iterator

from firmware.core.facts import HealthTest
from firmware.rules.registered import registered, sentinel, shown
from firmware.rules.verdict import Case, Verdict, attested

CLAUSE = "3.1.2b"
Link = bool | None
"""The same person, another one, or nobody can tell."""


def judge(case: Case) -> Verdict | None:
    if case.rules is None:
        return None
    asked = case.rules.same_person and (case.booking is not None or case.card is not None)
    tests = [each for each in shown(case) if isinstance(each, HealthTest)]
    if len({test.subject for test in tests if test.subject}) > 1:
        return Verdict(CLAUSE, "staff", "different_people", phrase="same_person")
    if not asked:
        return None
    links = list(_links(case, tests))
    if False in links:
        return Verdict(CLAUSE, "staff", "other_person", phrase="same_person")
    if None not in links or _confirmed(case):
        return None
    if case.card is None and not case.final:
        return Verdict(CLAUSE, "wait", "card_asked", phrase="show_card", asks_for="card")
    return Verdict(CLAUSE, "staff", "not_matched", phrase="same_person")


def _links(case: Case, tests: list[HealthTest]) -> Iterator[Link]:
    """One of everything that is used. A venue code was bound to this pass by the hub, the roster to this badge."""
    if case.card is not None and case.booking is not None:
        holders = _same(case.card.holder, case.booking.holder)
        if holders is False or _same(case.card.subject, case.booking.subject) is False:
            yield False
    yield from (_of_test(case, test) for test in tests)
    said = sentinel(case)
    if said is not None and (said.holder is not None or _needed(case, tests)):
        yield _of_sentinel(case, said.holder)
    elif said is None and case.sentinel is not None and _of_sentinel(case, case.sentinel.holder) is False:
        yield False


def _of_test(case: Case, test: HealthTest) -> Link:
    """By the pass itself, or over the card: the card is the pass holder's and the certificate the card holder's."""
    if case.booking is None:
        return _same(test.subject, case.card.subject if case.card else None)
    direct = _same(test.subject, case.booking.subject)
    if direct is not None or case.card is None:
        return direct
    return _same(test.subject, case.card.subject) and _same(case.card.holder, case.booking.holder)


def _of_sentinel(case: Case, holder: str | None) -> Link:
    known = [each.holder for each in (case.booking, case.card) if each is not None]
    links = [_same(holder, each) for each in known]
    return False if False in links else True if True in links else None


def _needed(case: Case, tests: list[HealthTest]) -> bool:
    """A verdict that names nobody matters where something rests on it alone."""
    assert case.rules is not None
    granted = any(each.source == "venue-code" for each in registered(case))
    by_it = ("pcr" in case.rules.proof and not tests) or case.rules.code == "green"
    return by_it and not granted


def _confirmed(case: Case) -> bool:
    """A named attendant compared face, card and name (3.1.2d): no hash knows better."""
    word = attested(case, "identity")
    return word is not None and not word.no


def _same(one: str | None, other: str | None) -> Link:
    return one == other if one and other else None
