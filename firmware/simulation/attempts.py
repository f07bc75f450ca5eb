"""What a rehearsal keeps of one person at a door: what was shown, the answers then and now, and who passed."""

from __future__ import annotations

from dataclasses import dataclass, field

from firmware.core.facts import AnyFact, Booking, Card
from firmware.core.records import Decision


def asks(decision: Decision | None) -> bool:
    """It only asks for another proof or a reading."""
    return decision is not None and decision.answer == "wait" and reason(decision)[1].endswith(("_asked", "_missing"))


def reason(decision: Decision) -> tuple[str, str]:
    """(clause, because) of the verdict that decided."""
    return next(((e.clause, e.because) for e in decision.clauses if e.verdict == decision.answer), ("", ""))


def instead(one: AnyFact, other: AnyFact) -> bool:
    """The same kind of code, and another one: somebody else's."""
    return type(one) is type(other) and one.sha256 != other.sha256


@dataclass
class Body:
    """One body: whether it came in then (`recorded`) and by the new rules (`now`). `came_s` is wall time."""

    attempt: Attempt | None = None
    recorded: bool = False
    now: bool = False
    inside: bool = False
    """By the new rules, at this moment."""
    came_s: int = 0
    stayed_s: int | None = None


@dataclass
class Attempt:
    """What one person showed at one lane until they had an answer, then and now."""

    lane: str
    at: str
    at_s: int
    elapsed_ms: int
    facts: list[AnyFact]
    recorded: Decision | None = None
    now: Decision | None = None
    first_recorded: Decision | None = None
    first_now: Decision | None = None
    """The first answer that was no question for more; `now` may come from a later try."""
    tries: int = 0
    came_before: bool = False
    """Inside already by the new rules when the old ones let them in."""
    bodies: list[Body] = field(default_factory=list)

    @property
    def key(self) -> str:
        """Who it is, as far as the codes tell."""
        bookings = (fact.booking if isinstance(fact, Card) else fact for fact in self.facts)
        passes = [fact.pass_id for fact in bookings if isinstance(fact, Booking)]
        return passes[0] if passes else self.facts[0].sha256 if self.facts else f"attendant {self.at}"

    @property
    def admitted_then(self) -> bool:
        return self.recorded is not None and self.recorded.answer == "admit"

    @property
    def unknown(self) -> bool:
        """A question was left open: nobody asked it then."""
        return self.first_now is None

    @property
    def changed(self) -> bool:
        if self.came_before or self.first_recorded is None:
            return False
        return self.first_now is None or self.first_now.answer != self.first_recorded.answer


@dataclass
class Wait:
    since_s: int
    until_s: int | None = None
