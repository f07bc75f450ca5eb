"""Any order of events: what must hold after every single one of them.

The model is a tally of bodies kept by hand. It knows nothing of grants and rules, only who went through which door.
"""

from __future__ import annotations

import zoneinfo
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from firmware.core import air, alarms, bank, events
from firmware.core.actions import GateClose, GateOpen
from firmware.core.controller import Controller
from firmware.core.occupancy import Rights
from firmware.core.records import Alarm, Decision, Passage
from firmware.core.state import HallState, LaneSetup
from tests.core.stage import Stage, rulebook

LANES = tuple(
    LaneSetup(name=name, direction=direction, passage_sensor=True, button=True, air=name == "A")  # type: ignore[arg-type]
    for name, direction in (("A", "in"), ("B", "both"), ("X", "out"))
)
AIR = """[air]
alarm_ppm = 1000
hold_ppm = 1500
relief_ppm = 100
[[air.step]]
co2_ppm = 1200
limit_percent = 50
"""
GOOD, ELSEWHERE, EXPIRED = range(8), range(10, 14), range(20, 24)
lanes = st.sampled_from("ABX")
entries = st.sampled_from("AB")


class Watched(Stage):
    """A stage that looks at every turn, the ones the controller asked for too."""

    def __init__(self, **book: Any) -> None:
        self.tally = self.leaked = self.seq = 0
        self.limit = book.get("limit", 5)
        self.full = False
        self.passes: dict[str, str | None] = {}
        self.came: list[str] = []
        self.log: list[tuple[Any, ...]] = []
        super().__init__(lanes=LANES, more=AIR, **book)

    @property
    def state(self) -> HallState:
        return self.controller.state

    def permits(self) -> dict[str, int]:
        return {n: each.grant.left for n, each in self.state.lanes.items() if each.grant and each.grant.way == "in"}

    def _handle(self, event: Any) -> None:
        before = (self.permits(), bool(self.state.evacuated_by))
        outcome = self.controller.handle(event, self.moment)
        self.journal.append((event, self.moment))
        self.log.append((outcome.actions, outcome.records))
        self.actions += outcome.actions
        self.records += outcome.records
        self.wake = outcome.wake_at_ms
        if isinstance(event, events.Crossed):
            self.tally += 1 if event.direction == "in" else -1
        self._count(outcome.records, before)
        if self.state.rulebook_serial:
            self._look(outcome, event, before[0])
        self._withhold(outcome.actions)

    def _withhold(self, actions: list[Any]) -> None:
        """As the loop does it when the journal cannot be written."""
        held = {a.lane for a in actions if isinstance(a, GateOpen) and a.way == "in" and not a.prolongs}
        if self.full and held:
            self._handle(events.JournalState(writable=False, withheld=tuple(sorted(held))))

    def _count(self, records: list[Any], before: tuple[dict[str, int], bool]) -> None:
        for record in records:
            self.seq += 1
            assert (record.seq, record.id) == (self.seq, f"door-1-{self.seq}")
            if isinstance(record, Decision) and record.answer == "admit":
                self.passes[record.id] = record.pass_id
            if isinstance(record, Passage) and record.direction == "in":
                self.leaked += record.assumed
                self.came += [self.passes[record.decision] or ""] if record.decision else []
        if self.state.evacuated_by and not before[1]:
            self.leaked += sum(before[0].values())

    def _look(self, outcome: Any, event: Any, permits: dict[str, int]) -> None:
        rights = self.state.rights
        pending = sum(self.permits().values())
        assert rights.net_inside == self.tally + pending + self.leaked
        aimed_at = bank.limit_aimed_at(self.state)
        assert aimed_at in (self.limit, self.limit // 2), "bad air halves the limit, and nothing else does"
        assert rights.free == aimed_at - self.state.recounted - rights.net_inside
        admitted = {r.lane for r in outcome.records if isinstance(r, Decision) and r.answer == "admit"}
        for action in outcome.actions:
            lane = self.state.lanes[action.lane]
            if isinstance(action, GateClose):
                assert not lane.blocked and not lane.freed, f"closed on a body by {event}"
            elif isinstance(action, GateOpen) and action.prolongs:
                assert lane.blocked
            elif isinstance(action, GateOpen) and action.way == "in":
                assert lane.name in admitted or lane.name in permits
                assert lane.state in ("granted", "passing", "passed")
                if lane.name in admitted:
                    self._may_enter(lane.name, pending)
        told = self._alarms()
        burns = {lane for alarm, lane in told if alarm == "fire"}
        assert burns >= set(self.state.fire_lanes) and bool(self.state.evacuated_by) >= bool(burns)
        until_reset = {("recount_needed", "")} if self.state.evacuated_by else set()
        assert {one for one in told if one[0] != "fire"} - until_reset == self._amiss() - until_reset, event
        assert len(self.state.used) <= len(GOOD) + 9
        assert all(len(lane.scanned) <= 40 and len(lane.waiting) <= 200 for lane in self.state.lanes.values())

    def _alarms(self) -> set[tuple[str, str]]:
        """What stands, as whoever only hears the alarms knows it."""
        told: set[tuple[str, str]] = set()
        for one in self.records:
            if isinstance(one, Alarm) and one.alarm not in alarms.ONCE:
                (told.add if one.active else told.discard)((one.alarm, one.lane or ""))
        assert sorted(told) == sorted(self.state.alarms), "and so the status says it, each once"
        return told - {("journal", "")}

    def _amiss(self) -> set[tuple[str, str]]:
        state = self.state
        found = {("recount_needed", "")} if state.recount_needed else set()
        for lane in state.lanes.values():
            what = {
                "obstructed": lane.obstructed,
                lane.door_alarm: bool(lane.door_alarm),
                "exit_unheard": lane.deaf,
                "air": lane.air_told,
                "responder": lane.key_turned or lane.freed_until_ms is not None,
            }
            found |= {(name, lane.name) for name, so in what.items() if so}
        return found

    def _may_enter(self, lane: str, pending: int) -> None:
        assert self.tally + pending <= bank.limit_aimed_at(self.state), "a permit for a place that is not there"
        assert not (self.state.recount_needed or self.state.quarantined)
        used = self.records[-1].pass_id if isinstance(self.records[-1], Decision) else None
        assert used is None or int(used, 16) in GOOD
        assert used is None or used not in self.came, "a pass admits once"
        assert used is None or air.behind(self.state, "") != "bad", "a pass, not an attendant, opened into bad air"

    def wait(self, seconds: float) -> Watched:
        turns = len(self.journal)
        super().wait(seconds)
        assert len(self.journal) - turns <= 12 * seconds + 20, "the controller spins"
        return self

    def replayed(self) -> list[tuple[Any, ...]]:
        fresh = Controller(HallState(rights=Rights(inc="door-1")), zoneinfo.ZoneInfo)
        outcomes = [fresh.handle(event, moment) for event, moment in self.journal]
        return [(outcome.actions, outcome.records) for outcome in outcomes]


class AnyOrder(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.stage = Watched(limit=3)
        self.ids, self.serial, self.boot = 0, 7, 1

    # ------------------------------------------------------------ people

    @rule(lane=lanes, number=st.sampled_from(GOOD), party=st.sampled_from([1, 1, 1, 2]))
    def shows_a_booking(self, lane: str, number: int, party: int) -> None:
        self.stage.scan(self.stage.booking(number, party=party), lane)

    @rule(lane=entries, number=st.sampled_from([*ELSEWHERE, *EXPIRED]))
    def shows_a_bad_booking(self, lane: str, number: int) -> None:
        change: dict[str, Any] = {"hall": "elsewhere"} if number in ELSEWHERE else {"expires_s": 1}
        assert self.stage.scan(self.stage.booking(number, **change), lane) != "admit"

    @rule(lane=entries, number=st.sampled_from(GOOD), bodies=st.integers(0, 3))
    def a_party_of_two_comes(self, lane: str, number: int, bodies: int) -> None:
        self._all_is_well_again(lane)
        self.stage.scan(self.stage.booking(number, party=2), lane)
        for _ in range(bodies):
            self.stage.do(events.Crossed(lane=lane, direction="in"))
        self.stage.wait(12)

    def _all_is_well_again(self, lane: str) -> None:
        """Else most walks would end in an evacuation that nobody lifts."""
        self.stage.full = False
        self.stage.do(events.JournalState(writable=True))
        for each in "ABX":
            self.stage.contact("fire_loop", True, each)
            self.stage.do(events.PassageBlocked(lane=each, blocked=False))
        for _ in range(3):
            if self.stage.state.lanes[lane].state in ("held", "evacuated") or self.stage.state.recount_needed:
                self.badge_and_button(lane, 3)
        self.stage.wait(12)

    @rule(lane=lanes, direction=st.sampled_from(["in", "out"]))
    def crosses(self, lane: str, direction: str) -> None:
        self.stage.do(events.Crossed(lane=lane, direction=direction))  # type: ignore[arg-type]

    @rule(lane=lanes, blocked=st.booleans())
    def stands_in_the_passage(self, lane: str, blocked: bool) -> None:
        self.stage.do(events.PassageBlocked(lane=lane, blocked=blocked))

    @rule(lane=lanes, side=st.sampled_from(["outside", "inside"]), by=st.sampled_from(["counter", "gate"]))
    def turns_back(self, lane: str, side: Any, by: Any) -> None:
        self.stage.do(events.TurnedAway(lane=lane, side=side, by=by))

    @rule(lane=st.sampled_from("BX"))
    def asks_to_leave(self, lane: str) -> None:
        self.stage.wait(11)  # no badge gives the button another meaning
        before = len(self.stage.actions)
        self.stage.press(lane=lane)
        state = self.stage.state.lanes[lane]
        opened = [a for a in self.stage.actions[before:] if isinstance(a, GateOpen) and a.lane == lane]
        going = state.grant is not None and state.grant.way == "out"
        assert opened or going or state.freed or state.exit_waiting or state.blocked

    # ------------------------------------------------------------ attendants and orders

    @rule(lane=lanes, seconds=st.sampled_from([0.2, 3]))
    def badge_and_button(self, lane: str, seconds: float) -> None:
        self.stage.wait(3.1)
        self.stage.scan(self.stage.badge(), lane)
        self.stage.press(seconds, lane)

    @rule(lane=lanes)
    def a_responders_badge(self, lane: str) -> None:
        self.stage.wait(3.1)
        self.stage.scan(self.stage.booking(950, key_kind="staff", person_class="responder"), lane)
        assert self.stage.state.lanes[lane].freed, "nobody keeps them out"

    @rule(lane=lanes, name=st.sampled_from(["open_once", "hold", "release", "identify", "confirm_identity"]))
    def order(self, lane: str, name: str) -> None:
        self._order(name, lane)

    @rule(persons=st.integers(0, 6))
    def new_limit(self, persons: int) -> None:
        self.stage.limit = persons
        self._order("limit", n=persons)

    @precondition(lambda self: self.stage.tally >= 0)
    @rule()
    def recount(self) -> None:
        """The count is right; from then on the counters and K together say the truth again."""
        self._order("recount", inside=self.stage.tally)

    @rule()
    def evacuate(self) -> None:
        self._order("evacuate")

    def _order(self, name: str, lane: str | None = None, **body: Any) -> None:
        self.ids += 1
        self.stage.do(events.CommandArrived(id=str(self.ids), name=name, issuer="hub", lane=lane, body=body))

    # ------------------------------------------------------------ the world

    @rule(lane=lanes, role=st.sampled_from(["fire_loop", "door", "release_key"]), closed=st.booleans())
    def contact(self, lane: str, role: str, closed: bool) -> None:
        self.stage.contact(role, closed, lane)

    @rule(co2_ppm=st.sampled_from([400, 950, 1_150, 1_450, 1_600]))
    def breathes(self, co2_ppm: int) -> None:
        self.stage.do(events.AirRead(lane="A", co2_ppm=co2_ppm))

    @rule(state=st.sampled_from(["silent", "ok"]))
    def air_sensor(self, state: Any) -> None:
        self.stage.do(events.DeviceHealth(lane="A", device="air", state=state))

    @rule(full=st.booleans())
    def journal(self, full: bool) -> None:
        self.stage.full = full
        self.stage.do(events.JournalState(writable=not full))

    @rule(same_boot=st.booleans())
    def restart(self, same_boot: bool) -> None:
        self.boot += not same_boot
        self.stage.start(f"boot-{self.boot}")

    @rule(limit=st.integers(1, 5))
    def new_rulebook(self, limit: int) -> None:
        self.serial += 1
        self.stage.limit = limit
        self.stage.do(events.RulebookLoaded(text=rulebook(serial=self.serial, limit=limit, more=AIR), kid="k"))

    @rule(seconds=st.sampled_from([0.05, 0.7, 1.6, 4, 11, 200]))
    def time_passes(self, seconds: float) -> None:
        self.stage.wait(seconds)

    @rule()
    def carried_over_by_a_snapshot(self) -> None:
        snapshot = self.stage.controller.snapshot()
        self.stage.controller = Controller.restore(snapshot, zoneinfo.ZoneInfo)

    def teardown(self) -> None:
        assert self.stage.replayed() == self.stage.log, "the same journal gives the same answers, snapshots or not"


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
