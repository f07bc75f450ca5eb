"""Any order of people, doors, orders and clocks: what must hold after every step, and the journal that says it again."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from firmware.core import events
from firmware.core.controller import Controller
from firmware.core.occupancy import Rights
from firmware.core.records import Alarm, Decision, Passage
from firmware.core.state import HallState
from tests.people.hall import CLASSES
from tests.people.test_hosts_and_parties import host
from tests.people.walk_ins import door

PASSES = st.integers(1, 6)
QUOTA = 4


class AnyPeople(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.door = door(
            QUOTA, 2, 6, ("limit_persons = 200", "limit_persons = 8"), ('clock = "staff"', 'clock = "admit"')
        )
        self.told: set[str] = set()
        self.seen = 0
        self.came: list[str] = []
        self.passes: dict[str, Decision] = {}

    # ------------------------------------------------------------ people

    @rule(
        number=PASSES,
        person_class=st.sampled_from(CLASSES),
        party=st.integers(1, 3),
        helper=st.booleans(),
        slot=st.booleans(),
    )
    def shows_a_pass(self, number: int, person_class: str, party: int, helper: bool, slot: bool) -> None:
        own: dict[str, Any] = {} if slot else {"slot_start_s": None, "slot_end_s": None}
        self.door.scan(self.door.guest(number, person_class, party=party, helper=helper, source="roster", **own))

    @rule(number=PASSES)
    def shows_a_report(self, number: int) -> None:
        self.door.scan(self.door.test(number))

    @rule(number=PASSES, age=st.integers(10, 70), resident=st.booleans())
    def lays_down_a_card(self, number: int, age: int, resident: bool) -> None:
        self.door.scan(self.door.card(age, resident, number))

    @rule(antigen=st.booleans())
    def a_host_shows_a_badge(self, antigen: bool) -> None:
        self.door.scan(host(self.door, antigen=antigen))

    @rule(lane=st.sampled_from("AX"))
    def a_responder_comes(self, lane: str) -> None:
        self.door.scan(self.door.badge(950, person_class="responder"), lane)

    @rule(bodies=st.integers(1, 3))
    def bodies_come_in(self, bodies: int) -> None:
        for _ in range(bodies):
            self.door.cross()

    @rule()
    def a_body_leaves(self) -> None:
        self.door.cross("out", "X")

    # ------------------------------------------------------------ the hall

    @rule(number=PASSES, device=st.sampled_from(["south", "west"]), times=st.integers(1, 2))
    def another_door_tells(self, number: int, device: str, times: int) -> None:
        pass_id = f"{number:016x}"
        self.told.add(pass_id)
        self.door.do(
            events.PeerUsed(device=device, seq=1, day="2022-06-01", used=((pass_id, times, int(self.door.wall_0)),))
        )

    @rule(name=st.sampled_from(["hold", "release", "open_once", "sweep", "rulebook_fallback"]))
    def order(self, name: str) -> None:
        self.door.order(name, lane="A")
        if name == "rulebook_fallback":
            self.door.order(name)  # and forward again: this walk is about people

    @rule(opened=st.booleans())
    def walk_ins(self, opened: bool) -> None:
        self.door.order("walk_in", open=opened)

    @rule(seconds=st.sampled_from([0.5, 3, 11, 25, 130]))
    def time_passes(self, seconds: float) -> None:
        self.door.wait(seconds)

    @rule(step=st.sampled_from(["back", "lost", "found"]))
    def the_clock_plays(self, step: str) -> None:
        if step == "back":
            self.door.wall_0 -= 3600
        else:
            self.door.trusted = step == "found"

    @rule()
    def carried_over_by_a_snapshot(self) -> None:
        self.door.controller = Controller.restore(self.door.controller.snapshot(), self.door.controller.zones)

    # ------------------------------------------------------------ what must hold

    @invariant()
    def every_body_has_its_place(self) -> None:
        state = self.door.state
        assert state.rights.free == 8 - state.rights.net_inside - state.recounted + state.written_off
        assert 0 <= state.quota_used <= QUOTA + 2 * 3, "a walk-in more than the quota only by an attendant's hand"
        assert state.quota_used <= QUOTA

    @invariant()
    def nobody_is_let_in_against_the_book(self) -> None:
        for record in self.door.records[self.seen :]:
            if isinstance(record, Decision) and record.answer == "admit":
                self.passes[record.id] = record
                self._may(record)
            elif isinstance(record, Passage) and record.decision in self.passes:
                self.came.append(self.passes[record.decision].pass_id or "")
        self.seen = len(self.door.records)

    def _may(self, record: Decision) -> None:
        judged = [clause.because for clause in record.clauses] == ["in_order"]
        assert record.person_class != "courier" or not judged
        if judged and record.person_class not in ("cleaner", "inspector") and record.pass_id:
            assert record.pass_id not in self.told, "known from another door"
            assert record.pass_id not in self.came, "used here"
        if judged and record.person_class in ("guest", "escorted"):
            grant = self.door.lane.grant
            assert grant is None or grant.decision != record.id or grant.persons >= 2, "without a host"

    def teardown(self) -> None:
        self.door.trusted = True
        again = Controller(HallState(rights=Rights(inc=self.door.inc)), self.door.controller.zones)
        records = [record for event, moment in self.door.journal for record in again.handle(event, moment).records]
        assert records[-len(self.door.records) :] == self.door.records if self.door.records else True
        assert all(isinstance(each, Alarm) for each in self.door.alarmed("double_use"))


TestAnyPeople = AnyPeople.TestCase
TestAnyPeople.settings = settings(
    max_examples=80, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
