"""Several controllers that talk by rows and notices only; the test decides who hears whom, and when."""

from __future__ import annotations

from typing import Any

from firmware.core import estimate, events, limit
from firmware.core.controller import Controller
from firmware.core.limit import REACHABLE_MS
from firmware.core.occupancy import Rights, Row
from firmware.core.records import Alarm, CommandDone
from firmware.core.resource import Resource
from firmware.core.state import HallState
from firmware.core.turn import Turn
from tests.core.stage import Stage


class Member(Stage):
    """One device of a hall. `name` is also its incarnation."""

    def __init__(
        self, name: str, *, bank: bool = False, direction: str = "in", zones: tuple[str, ...] = (), **book: Any
    ) -> None:
        self.name, self.zones = name, zones
        super().__init__(bank=bank, direction=direction, **book)

    def start(self, boot: str = "boot-1") -> None:
        if not self.journal:
            self.controller = Controller(HallState(rights=Rights(inc=self.name)), self.controller.zones)
        self.do(
            events.Started(
                boot=boot, version="t", device=self.name, hall="baoshan", inc=self.name, bank=self.bank,
                lanes=self.lanes, zones=self.zones,
            )
        )  # fmt: skip

    @property
    def row(self) -> Row:
        return limit.own_row(self.controller.state)

    @property
    def state(self) -> HallState:
        return self.controller.state

    def order(self, name: str, **body: Any) -> str:
        """What the hub's order was answered; empty: done."""
        before = len(self.records)
        self.do(
            events.CommandArrived(id=f"o-{before}", name=name, issuer="hub", lane=body.pop("lane", None), body=body)
        )
        return next(record.because for record in self.records[before:] if isinstance(record, CommandDone))

    def admit(self, number: int) -> str:
        answer = self.scan(self.booking(number))
        if answer == "admit":
            self.cross()
        self.wait(6)
        return answer

    def leave(self, times: int = 1) -> None:
        for _ in range(times):
            self.do(events.Crossed(lane="A", direction="out"))


class Hall:
    """`north` is the bank; `cut` names devices that hear and say nothing."""

    def __init__(self, *doors: Member) -> None:
        self.doors = {door.name: door for door in doors}
        self.cut: set[str] = set()
        self.talk()

    def talk(self, rounds: int = 4) -> None:
        """Everybody who is connected hears everybody's newest row and the notice, a few times over."""
        for _ in range(rounds):
            for name, door in self.doors.items():
                for other_name, other in self.doors.items():
                    if name != other_name and not self.cut & {name, other_name}:
                        _hears(door, other)

    @property
    def inside(self) -> int:
        return self.inside_of("hall")

    def inside_of(self, resource: str) -> int:
        return sum(own.rights.net_inside for own in self._all(resource).values())

    @property
    def free(self) -> int:
        return self.free_of("hall")

    def free_of(self, resource: str) -> int:
        """Rights alive, with those on their way."""
        rights = {name: own.rights for name, own in self._all(resource).items()}
        flying = sum(
            own.T.get(to, 0) - rights[to].V.get(name, 0) for name, own in rights.items() for to in own.T if to in rights
        )
        return sum(own.free for own in rights.values()) + flying

    def _all(self, resource: str) -> dict[str, Resource]:
        kept = {name: door.state.resource(resource) for name, door in self.doors.items()}
        return {name: own for name, own in kept.items() if own is not None}


def _hears(door: Member, other: Member) -> None:
    for resource, own in other.state.resources():
        door.do(events.RowArrived(row=limit.own_row(other.state, resource), resource=resource))
        if other.bank and own.notice is not None:
            door.do(events.NoticeArrived(notice=own.notice, resource=resource))


def hall(limit: int = 6) -> tuple[Hall, Member, Member, Member]:
    """Two entries and an exit; the north entry is the bank."""
    north, south, out = (
        Member("north", bank=True, limit=limit),
        Member("south", limit=limit),
        Member("out", direction="out"),
    )
    return Hall(north, south, out), north, south, out


def fill(door: Member, persons: int, first: int = 1) -> int:
    return sum(door.admit(first + number) == "admit" for number in range(persons))


def at_most(door: Member) -> int:
    return estimate.inside_at_most(door.state, door.moment.elapsed_ms, REACHABLE_MS)


def told(door: Member, alarm: str, *, active: bool = True) -> list[Alarm]:
    """How often it began, or ended."""
    alarms = [each for each in door.records if isinstance(each, Alarm) and each.alarm == alarm]
    return [each for each in alarms if each.active == active]


def turn_of(door: Member) -> Turn:
    return Turn(door.state, door.moment, door.controller.zone, door.controller.rulebook)
