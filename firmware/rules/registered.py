"""What a sentinel's verdict and a venue code say of this person now: shared by the rules of 3.1.2, judges nothing.

A verdict that timed out, or that was given on another person's card, says nothing. What leads to isolation is heard
from any source, and so is the code where a green one is asked for; for a PCR only the class' `sources` count. Sentinel OR
venue code: either is enough, never both.
"""

from __future__ import annotations

import msgspec

from firmware.core.facts import HealthTest, OtherHealth
from firmware.core.state import Sentinel, VenueCode
from firmware.rulebook.tables import Source
from firmware.rules.verdict import Case


class Registered(msgspec.Struct, frozen=True):
    """`sample_s`: age of the sample at the instant of entry, None where nobody told it; below 0: in the future."""

    source: Source
    code: str
    pcr: str
    sample_s: int | None
    by_wall_clock: bool
    """The age was counted with the calendar, and is worth what the clock is worth."""


def registered(case: Case) -> list[Registered]:
    """At most one of a source, the sentinel first."""
    said, granted = sentinel(case), venue_code(case)
    heard = []
    if said is not None:
        heard.append(Registered("sentinel", said.code, said.pcr, _age_of(case, said), by_wall_clock=False))
    if granted is not None:
        age = None if granted.sampled_s is None else arrived_s(case, granted.sampled_s) - granted.sampled_s
        heard.append(Registered("venue-code", granted.code, granted.pcr, age, by_wall_clock=True))
    return heard


def sentinel(case: Case) -> Sentinel | None:
    """The verdict that is this person's and has not timed out."""
    said = case.sentinel
    if said is None or _elapsed_ms(case, said.at_ms) > case.rulebook.sentinel.verdict_seconds * 1000:
        return None
    if said.bad:
        return said
    return said if _counts(case, "sentinel") and theirs(case, said) else None


def venue_code(case: Case) -> VenueCode | None:
    """The hub's grant for this very pass, while it lasts."""
    if case.booking is None or not case.lane.venue:
        return None
    granted = next((each for each in case.lane.venue if each.pass_id == case.booking.pass_id), None)
    if granted is None or _elapsed_ms(case, granted.at_ms) > case.rulebook.venue_code.grant_seconds * 1000:
        return None
    return granted if granted.bad or _counts(case, "venue-code") else None


def shown(case: Case) -> tuple[HealthTest | OtherHealth, ...]:
    """What was shown at the gate: without what the signed roster knows of a staff member."""
    known = case.booking.tests if case.booking else ()
    return tuple(each for each in case.healths if each not in known)


def arrived_s(case: Case, not_before_s: int = 0) -> int:
    """The wall second ages are counted to: the arrival while it is frozen, else now."""
    return max(case.arrived_s, not_before_s) if case.arrived_s is not None else case.now_s


def _counts(case: Case, source: Source) -> bool:
    """For a PCR by the class' `sources`; a green code is known from wherever it is told."""
    return case.rules is not None and (source in case.rules.sources or case.rules.code == "green")


def theirs(case: Case, said: Sentinel) -> bool:
    """Not given on another person's card. On the way of 3.1.2d the sentinel has to read the card, not paper."""
    known = {holder for holder in (_card(case), case.booking and case.booking.holder) if holder}
    if said.holder is not None:
        return not known or said.holder in known
    path = case.lane.visit.path if case.lane.visit else None
    by_card = path is not None and path.step == "health" and case.rulebook.assisted.health_by == "card"
    return not (by_card and _card(case))


def _card(case: Case) -> str | None:
    return case.card.holder if case.card else None


def _frozen_ms(case: Case) -> int:
    """How long ago this person arrived, while that is frozen."""
    if case.arrived_s is None or not case.moment.trusted:
        return 0
    return max(0, case.now_s - case.arrived_s) * 1000


def _elapsed_ms(case: Case, since_ms: int) -> int:
    return max(0, case.moment.elapsed_ms - since_ms - _frozen_ms(case))


def _age_of(case: Case, said: Sentinel) -> int | None:
    if said.sampled_age_minutes is None:
        return None
    return said.sampled_age_minutes * 60 + _elapsed_ms(case, said.at_ms) // 1000
