"""A recorded day without a disk: a stage whose entries are kept, and people who scan, wait their turn, pass and leave."""

from __future__ import annotations

import zoneinfo
from typing import Any

from firmware.core import events
from firmware.core.controller import Controller
from firmware.core.facts import AnyFact
from firmware.core.occupancy import Rights
from firmware.core.state import HallState, LaneSetup
from firmware.journal_entry import Entry
from firmware.simulation.rehearsal import Rehearsal
from tests.core.stage import Stage, rulebook

LANES = (
    LaneSetup(name="A", direction="in", passage_sensor=True, button=True),
    LaneSetup(name="X", direction="out", passage_sensor=True, button=True),
)


class Recorded(Stage):
    def __init__(self, inc: str = "door-1", **book: Any) -> None:
        self.entries: list[Entry] = []
        self.inc = inc
        super().__init__(lanes=book.pop("lanes", LANES), **book)

    def start(self, boot: str = "boot-1") -> None:
        if boot == "boot-1" and not self.entries:
            self.controller = Controller(HallState(rights=Rights(inc=self.inc)), zoneinfo.ZoneInfo)
        self.do(
            events.Started(
                boot=boot, version="t", device="door", hall="baoshan", inc=self.inc, bank=self.bank, lanes=self.lanes
            )
        )

    def _handle(self, event: Any) -> None:
        moment = self.moment
        outcome = self.controller.handle(event, moment)
        self.entries.append(Entry(moment, event, outcome.records))
        self.actions += outcome.actions
        self.records += outcome.records
        self.wake = outcome.wake_at_ms

    def comes(self, *facts: AnyFact, after: float = 30) -> str:
        """Scan; who is admitted passes."""
        self.wait(after)
        answer = [self.scan(fact) for fact in facts][-1]
        if answer == "admit":
            self.wait(1)
            self.cross()
        return answer

    def goes(self, after: float = 30) -> None:
        self.wait(after)
        self.cross("out", "X")

    def under(self, text: bytes | None = None, shift_s: int = 0, **book: Any) -> Rehearsal:
        """These entries under another rulebook."""
        done = Rehearsal(self.inc, text or rulebook(**{"serial": 8, **book}), shift_s)
        for entry in self.entries:
            done.entry(entry)
        return done
