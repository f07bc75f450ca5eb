"""Any order of events while people are led away: nobody is held in, no gate closes on a body, fire beats everything."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from firmware.core import events, incident
from firmware.core.actions import GateClose, GateOpen, SignShow
from firmware.core.controller import Controller
from firmware.core.state import HallState, LaneSetup
from firmware.rulebook.words import WORDS
from tests.core.stage import ZONE, Stage

LANES = (
    LaneSetup(name="A", direction="in", passage_sensor=True, button=True, route_light=True, buzzer=True),
    LaneSetup(name="B", direction="both", passage_sensor=True, button=True, buzzer=True),
    LaneSetup(name="E", direction="both", passage_sensor=True, button=True, escape_way=True, fails_open=True),
    LaneSetup(name="X", direction="out", passage_sensor=True, button=True),
)
RULES = """[isolation]
hold_upstream = ["A", "B", "E", "X"]
acknowledge_seconds = 20
escalate_seconds = 20
report_minutes = 1
sign_off_minutes = 2
"""
lanes, entries, exits = st.sampled_from("ABEX"), st.sampled_from("ABE"), st.sampled_from("BEX")


class Watched(Stage):
    """Looks at every turn."""

    def _handle(self, event: Any) -> None:
        outcome = self.controller.handle(event, self.moment)
        self.journal.append((event, self.moment))
        self.actions += outcome.actions
        self.records += outcome.records
        self.wake = outcome.wake_at_ms
        for action in outcome.actions:
            lane = self.state.lanes[action.lane]
            if isinstance(action, GateClose):
                assert not lane.blocked, f"closed on a body by {event}"
                assert lane.state != "evacuated", f"closed against a fire by {event}"
            if isinstance(action, GateOpen) and action.way == "in" and not action.prolongs:
                assert lane.state != "held", f"let somebody in at a held lane by {event}"
            if isinstance(action, SignShow) and lane.state == "evacuated" and self.state.evacuated_by:
                assert action.zh == WORDS["evacuate"].sign_zh, f"a sign stopped saying leave by {event}"
        if self.state.evacuated_by:
            assert all(lane.state == "evacuated" and lane.freed for lane in self.state.lanes.values())

    @property
    def state(self) -> HallState:
        return self.controller.state


class AnyIncident(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.stage = Watched(lanes=LANES, proof='"pcr"', limit=20, more=RULES)
        self.number, self.boot = 0, 1

    # ------------------------------------------------------------ people

    @rule(lane=entries, result=st.sampled_from(["positive", "positive", "negative"]))
    def somebody_comes(self, lane: str, result: str) -> None:
        self.number += 1
        self.stage.scan(self.stage.booking(self.number), lane)
        self.stage.scan(self.stage.test(self.number, result=result), lane)

    @rule(lane=st.sampled_from("AB"), other=st.just("E"), inside=st.booleans())
    def somebody_is_on_the_way_in_while_another_is_led_away(self, lane: str, other: str, inside: bool) -> None:
        self._calm()
        self.number += 2
        self.stage.scan(self.stage.booking(self.number), lane)
        self.stage.scan(self.stage.test(self.number), lane)
        if inside:
            self.stage.do(events.PassageBlocked(lane=lane, blocked=True))
        self.stage.scan(self.stage.booking(self.number - 1), other)
        self.stage.scan(self.stage.test(self.number - 1, result="positive"), other)

    def _calm(self) -> None:
        """No fire, no recount, nobody in a passage, every incident closed."""
        for lane in "ABEX":
            self.stage.contact("fire_loop", True, lane)
            self.stage.do(events.PassageBlocked(lane=lane, blocked=False))
        for which in list(self.stage.state.incidents):
            self._order("acknowledge", incident=which)
            self._order("sign_off", incident=which)
        self.badge_and_button("A", 3.0)
        self._order("recount", inside=0)
        for lane in "ABE":
            self._order("release", lane=lane)
        self.stage.wait(12)

    @rule(lane=lanes, back=st.integers(0, 5))
    def somebody_tries_again(self, lane: str, back: int) -> None:
        self.stage.wait(3.1)
        self.stage.scan(self.stage.booking(max(1, self.number - back)), lane)

    @rule(lane=lanes, direction=st.sampled_from(["in", "out"]))
    def crosses(self, lane: str, direction: Any) -> None:
        self.stage.do(events.Crossed(lane=lane, direction=direction))

    @rule(lane=lanes, blocked=st.booleans())
    def stands_in_the_passage(self, lane: str, blocked: bool) -> None:
        self.stage.do(events.PassageBlocked(lane=lane, blocked=blocked))

    @rule(lane=exits)
    def asks_to_leave(self, lane: str) -> None:
        """The way out is never refused: it opens now, or it is open, or a body is on its way through it."""
        self.stage.wait(11)
        before = len(self.stage.actions)
        self.stage.press(lane=lane)
        state = self.stage.state.lanes[lane]
        opened = [each for each in self.stage.actions[before:] if isinstance(each, GateOpen) and each.lane == lane]
        going = state.grant is not None and state.grant.way == "out"
        assert opened or going or state.freed or (state.exit_waiting and state.blocked)

    # ------------------------------------------------------------ those in charge

    @rule(office=st.booleans(), known=st.booleans())
    def acknowledged(self, office: bool, known: bool) -> None:
        which = next(iter(self.stage.state.incidents), "") if known else "i-nothing"
        self._order("acknowledge", incident=which, office=office)

    @rule(lane=lanes, name=st.sampled_from(["sign_off", "release", "hold", "open_once"]), cleared=st.booleans())
    def ordered(self, lane: str, name: str, cleared: bool) -> None:
        before = self.stage.state.lanes[lane]
        isolated = incident.of_lane(self.stage.state, lane)
        held = before.state == "held" and before.held_because == incident.HELD
        self._order(name, lane=lane, cleared=cleared)
        if held and isolated is not None and not isolated.signed_by:
            assert self.stage.state.lanes[lane].state == "held"

    def _order(self, name: str, **body: Any) -> None:
        self.number += 1
        lane = body.get("lane")
        self.stage.do(events.CommandArrived(id=f"o{self.number}", name=name, issuer="hub", lane=lane, body=body))

    @rule(lane=lanes, seconds=st.sampled_from([0.2, 3.0]))
    def badge_and_button(self, lane: str, seconds: float) -> None:
        self.stage.wait(3.1)
        self.stage.scan(self.stage.badge(), lane)
        self.stage.press(seconds, lane)

    # ------------------------------------------------------------ the world

    @rule(lane=lanes, closed=st.booleans())
    def fire(self, lane: str, closed: bool) -> None:
        self.stage.contact("fire_loop", closed, lane)
        if not closed:
            self.stage.actions.clear()
            assert all(each.freed and each.state == "evacuated" for each in self.stage.state.lanes.values())

    @rule(lane=lanes, turned=st.booleans())
    def responders(self, lane: str, turned: bool) -> None:
        self.stage.contact("release_key", turned, lane)
        if turned and not self.stage.state.lanes[lane].closing:
            assert self.stage.state.lanes[lane].freed

    @rule(seconds=st.sampled_from([0.5, 5.0, 30.0, 150.0]))
    def time_passes(self, seconds: float) -> None:
        self.stage.wait(seconds)

    @rule(trusted=st.booleans())
    def clock(self, trusted: bool) -> None:
        self.stage.trusted = trusted
        self.stage.do(events.ClockChecked())

    @rule(power_loss=st.booleans())
    def restarts(self, power_loss: bool) -> None:
        self.boot += power_loss
        snapshot = self.stage.controller.snapshot()
        self.stage.controller = Controller.restore(snapshot, lambda _name: ZONE)
        assert self.stage.controller.snapshot() == snapshot
        held = {name for name, lane in self.stage.state.lanes.items() if lane.state == "held"}
        self.stage.start(f"boot-{self.boot}")
        assert held <= {name for name, lane in self.stage.state.lanes.items() if lane.state == "held"}

    # ------------------------------------------------------------ what always holds

    @invariant()
    def no_exit_is_ever_held_by_an_incident(self) -> None:
        state = self.stage.state
        for name, lane in state.lanes.items():
            upstream = lane.state == "held" and lane.held_because == incident.UPSTREAM
            assert not (upstream and name in "EX"), "never an exit, never an escape way"
            assert name != "X" or incident.of_lane(state, name) is None
        assert len(state.incidents) <= incident.INCIDENTS

    @invariant()
    def a_lane_with_an_incident_lets_nobody_in(self) -> None:
        for lane in self.stage.state.lanes.values():
            if incident.of_lane(self.stage.state, lane.name) is not None and lane.grant is not None:
                assert lane.grant.way == "out", "the incident began while no grant was open"


TestAnyIncident = AnyIncident.TestCase
TestAnyIncident.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
