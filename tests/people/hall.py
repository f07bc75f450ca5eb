"""A door of the hall under the rulebook that ships with the product: every class of people, in its own lane or not."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from firmware.core import events
from firmware.core.facts import Booking, Card
from firmware.core.records import Alarm, CommandDone, RulebookTaken
from firmware.core.state import HallState, LaneSetup
from tests.core.stage import MORNING, ZONE, Stage

SHIPPED = (Path(__file__).parents[2] / "deploy/sites/rulebook.toml").read_text()
CLASSES = (
    "visitor", "resident", "elder", "minor", "disabled", "assisted", "agent", "guest", "escorted", "courier", "cleaner",
    "inspector",
)  # fmt: skip

AT_FIVE = ('wednesday = ["09:00-20:00"]', 'wednesday = ["09:00-17:00"]')
"""A change after which no service is open any longer than the hall."""


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZONE)


def text(*changes: tuple[str, str], serial: int = 8) -> bytes:
    """The shipped rulebook with these lines changed; a change that finds nothing is a mistake of the test."""
    book = SHIPPED.replace("serial = 1 ", f"serial = {serial} ").replace(
        "release_interval_ms = 3000", "release_interval_ms = 0"
    )
    for old, new in changes:
        assert old in book, old
        book = book.replace(old, new)
    return book.encode()


class Door(Stage):
    """`lane(...)` names what the lane is for; the wall clock stands at ten in the morning of 1 June 2022."""

    def __init__(
        self,
        *changes: tuple[str, str],
        serves: tuple[str, ...] = CLASSES,
        setup: dict[str, Any] | None = None,
        wall: dt.datetime = MORNING,
        **more: Any,
    ) -> None:
        fields: dict[str, Any] = {"direction": "in", "passage_sensor": True, "button": True, **(setup or {})}
        lane = LaneSetup(name="A", classes=serves, **fields)
        super().__init__(lanes=(lane, LaneSetup(name="X", direction="out", passage_sensor=True)), wall=wall, **more)
        self.do(events.RulebookLoaded(text=text(*changes), kid="k"))
        self.forget()

    @property
    def state(self) -> HallState:
        return self.controller.state

    def guest(self, number: int = 1, person_class: str = "visitor", **changes: Any) -> Booking:
        return self.booking(number, person_class=person_class, **changes)

    def badge(self, number: int = 900, **changes: Any) -> Booking:
        return self.booking(number, **{"key_kind": "staff", "person_class": "staff", **changes})

    def comes(self, fact: Booking | Card, number: int = 1, lane: str = "A") -> str:
        """Show the proof of the visit and a good PCR report; the last answer."""
        first = self.scan(fact, lane)
        return self.scan(self.test(number), lane) if first == "wait" and "pcr_asked" in self.reasons else first

    def enters(self, fact: Booking | Card, number: int = 1, bodies: int = 1) -> str:
        """The same, and they go through; afterwards the lane is ready for the next ones."""
        answer = self.comes(fact, number)
        if answer == "admit":
            for _ in range(bodies):
                self.cross()
        self.wait(12)
        return answer

    def card(self, age: int | None = 40, resident: bool = False, number: int = 1) -> Card:
        return Card(
            sha256=f"card-{number}",
            person=f"person-{number}",
            holder=f"{number:016x}",
            age_years=age,
            resident=resident,
        )

    def order(self, name: str, **body: Any) -> str:
        before = len(self.records)
        self.do(
            events.CommandArrived(id=f"o-{before}", name=name, issuer="hub", lane=body.pop("lane", None), body=body)
        )
        return next(each.because for each in self.records[before:] if isinstance(each, CommandDone))

    def load(self, book: bytes) -> str:
        """Offer a rulebook; what the record says of it."""
        before = len(self.records)
        self.do(events.RulebookLoaded(text=book, kid="k"))
        told = [each for each in self.records[before:] if isinstance(each, RulebookTaken)]
        return f"{told[-1].result} {told[-1].because}".strip() if told else ""

    def load_again(self) -> None:
        """As after a start: what is told only when it changes is told once more."""
        self.state.idle_shown = ""
        self.do(events.ClockChecked())

    @property
    def reasons(self) -> list[str]:
        return [clause.because for clause in self.decision.clauses]

    @property
    def answered(self) -> tuple[str, str, str]:
        """(answer, the clause that decided, why)."""
        worst = next(clause for clause in self.decision.clauses if clause.verdict == self.decision.answer)
        return self.decision.answer, worst.clause, worst.because

    def alarmed(self, name: str) -> list[Alarm]:
        return [each for each in self.records if isinstance(each, Alarm) and each.alarm == name]
