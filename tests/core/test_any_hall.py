"""Any hall, any rulebook, anything that can happen: what holds all the same.

`test_any_order` looks closely at one hall. Here nothing is known beforehand, so less is asked, and of everything: no event
is too much for the controller, nobody is held in or let in unasked, it asks to be woken for what is to come and for nothing
else, and its journal gives the same answers again.
"""

from __future__ import annotations

import zoneinfo
from typing import Any, get_args

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core import alarms, events
from firmware.core.actions import GateClose, GateOpen
from firmware.core.controller import Controller
from firmware.core.moment import Moment
from firmware.core.occupancy import Rights
from firmware.core.records import Alarm, AnyRecord, Decision
from firmware.core.state import HallState
from firmware.core.turn import Outcome
from tests.core.any_hall import OUR_INC, AnyHall

STEPS, HALLS = 150, 16
SAME_SCAN_MS = 3_000
SNAPSHOT_BYTES_MAX = 400_000
Answer = tuple[list[Any], list[AnyRecord]]


def controller() -> Controller:
    return Controller(HallState(rights=Rights(inc=OUR_INC)), zoneinfo.ZoneInfo)


def answer(outcome: Outcome) -> Answer:
    return outcome.actions, msgspec.json.decode(msgspec.json.encode(outcome.records), type=list[AnyRecord])


class Played:
    """A hall with its controller; every event goes through the journal's own encoding."""

    def __init__(self, seed: int) -> None:
        self.hall, self.controller = AnyHall(seed), controller()
        self.journal: list[tuple[bytes, Moment]] = []
        self.answers: list[Answer] = []
        self.standing: set[tuple[str, str]] = set()
        self.scanned: dict[tuple[str, str], int] = {}
        self.wake_ms: int | None = None

    def play(self, steps: int) -> None:
        self.do(self.hall.started())
        if self.hall.maybe(0.95):
            self.do(events.RulebookLoaded(text=self.hall.rulebook(), kid="k"))
        for _ in range(steps):
            self.wait(self.hall.pass_time())
            self.hall.incidents = list(self.controller.state.incidents)
            self.do(self.hall.event())
        assert len(self.controller.snapshot()) < SNAPSHOT_BYTES_MAX

    def wait(self, for_ms: int) -> None:
        """Woken exactly when it asked to be."""
        hall, end_ms = self.hall, self.hall.elapsed_ms + for_ms
        while self.wake_ms is not None and self.wake_ms <= end_ms:
            later_ms = max(0, self.wake_ms - hall.elapsed_ms)
            hall.elapsed_ms, hall.wall_ms = hall.elapsed_ms + later_ms, hall.wall_ms + later_ms
            self.do(events.Woken())
            assert self.wake_ms is None or self.wake_ms > hall.elapsed_ms, "it spins"
        hall.wall_ms += end_ms - hall.elapsed_ms
        hall.elapsed_ms = end_ms

    def do(self, event: events.AnyEvent) -> None:
        if self.hall.maybe(0.05):
            self.controller = Controller.restore(self.controller.snapshot(), zoneinfo.ZoneInfo)
        kept, moment = msgspec.json.encode(event), self.hall.moment
        event = msgspec.json.decode(kept, type=events.AnyEvent)
        outcome = self.controller.handle(event, moment)
        self.wake_ms = outcome.wake_at_ms
        self.journal.append((kept, moment))
        self.answers.append(answer(outcome))
        self._gates(event, outcome)
        self._alarms(outcome)
        if self.controller.state.evacuated_by:
            assert {lane.state for lane in self.controller.state.lanes.values()} <= {"evacuated"}
        else:
            self._way_out(event)

    def _gates(self, event: events.AnyEvent, outcome: Outcome) -> None:
        state = self.controller.state
        lifts = {setup.name for setup in state.setups if setup.direction == "elevator"}
        admitted = {one.lane for one in outcome.records if isinstance(one, Decision) and one.answer == "admit"}
        for action in outcome.actions:
            lane = state.lanes[action.lane]
            if isinstance(action, GateClose) and lane.name not in lifts:  # a lift's own doors see who stands in them
                assert not (lane.blocked or lane.freed or state.evacuated_by), event
            if isinstance(action, GateOpen) and action.prolongs:
                assert lane.blocked, event
            elif isinstance(action, GateOpen) and action.way == "in":
                party = lane.grant is not None and lane.grant.persons > 1
                assert lane.name in admitted or party or isinstance(event, events.Crossed), event
                assert not state.evacuated_by and lane.state != "held", event

    def _alarms(self, outcome: Outcome) -> None:
        for one in outcome.records:
            if isinstance(one, Alarm) and one.alarm not in alarms.ONCE:
                (self.standing.add if one.active else self.standing.discard)((one.alarm, one.lane or ""))
        assert sorted(self.standing) == sorted(self.controller.state.alarms)

    def _way_out(self, event: events.AnyEvent) -> None:
        """An exit opens to a code or a button, whatever else there is. The same code again has opened it just now."""
        pressed = isinstance(event, events.ContactChanged) and event.role == "button" and event.closed
        if not (pressed or isinstance(event, events.CodeRead)):
            return
        assert isinstance(event, events.CodeRead | events.ContactChanged)
        lane = self.controller.state.lanes[event.lane]
        if isinstance(event, events.CodeRead):
            before = self.scanned.setdefault((event.lane, event.fact.sha256), self.hall.elapsed_ms)
            if 0 < self.hall.elapsed_ms - before < SAME_SCAN_MS:
                return
            self.scanned[event.lane, event.fact.sha256] = self.hall.elapsed_ms
        direction = next(setup.direction for setup in self.controller.state.setups if setup.name == event.lane)
        leaves = lane.grant is not None and lane.grant.way == "out"
        if direction == "out":
            assert lane.freed or leaves or lane.exit_waiting, event
        elif direction == "both" and pressed:
            somebody = lane.grant or lane.visit or lane.badge or lane.blocked
            assert lane.freed or lane.exit_waiting or somebody, event


@given(seed=st.integers(0, 2**32))
@settings(max_examples=HALLS, deadline=None)
def test_whatever_the_hall_and_whatever_happens(seed: int) -> None:
    played = Played(seed)
    played.play(STEPS)
    fresh = controller()
    again = [answer(fresh.handle(msgspec.json.decode(kept, type=events.AnyEvent), at)) for kept, at in played.journal]
    assert again == played.answers, "the same journal gives the same answers, snapshots or not"


def test_everything_that_can_happen_happens() -> None:
    """A new event has to be made here as well."""
    made = set()
    for seed in range(40):
        hall = AnyHall(seed)
        made |= {type(hall.event()) for _ in range(STEPS)}
    assert made == set(get_args(events.AnyEvent))
