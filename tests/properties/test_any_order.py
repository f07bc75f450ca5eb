"""No order of events admits somebody a rule refuses.

The judge here is not the rules: it is a second reading of the plan, in a few lines, of the same people and the same
moment. Whatever came before — codes mixed between people, orders, restarts, a doubtful clock, a full disk — every `admit`
that no attendant gave must be one this judge allows as well.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core import events
from firmware.core.facts import Booking, HealthTest, Unproved
from firmware.core.records import Decision
from firmware.core.state import LaneSetup
from tests.core.stage import Stage

LANES = (
    LaneSetup(name="A", direction="in", classes=("visitor",), passage_sensor=True, button=True, thermometer=True),
    LaneSetup(name="B", direction="in", classes=("visitor", "staff"), button=True, passage_sensor=True),
    LaneSetup(name="X", direction="out", passage_sensor=True, button=True),
)
BOOK: dict[str, Any] = {
    "proof": '"pcr"',
    "limit": 3,
    "visitor": "pcr_validity_hours = 48\nre_entries = 1\narrival_freeze_minutes = 0",
    "more": '[[hold]]\nspan = "10:20-10:30"\n',
}
START_MINUTE = 10 * 60
COLLECT_S = 20

BOOKINGS = {
    1: {},
    2: {"slot": (-1, -0.1)},
    3: {"slot": (0.5, 1)},
    4: {"hall": "another"},
    5: {"person_class": "agent"},
    6: {"revoked": True},
    7: {"party": 2},
}
TESTS: dict[int, dict[str, Any]] = {
    1: {"hours_old": 5},
    2: {"hours_old": 47.9},
    3: {"hours_old": 60},
    4: {"hours_old": 5, "result": "positive"},
    5: {"hours_old": 5, "kind": "antigen"},
    6: {"hours_old": -3},
    7: {"hours_old": 20},
}

WITHDRAWN = 8
"""Number of a badge that was reported lost."""

entries = st.sampled_from("AB")
happenings = st.one_of(
    st.tuples(st.just("comes"), st.sampled_from([1, 1, 2, 6, 7, 7]), entries),
    st.tuples(st.just("comes"), st.sampled_from([1, 7]), entries),
    st.tuples(st.just("booking"), st.sampled_from(sorted(BOOKINGS)), entries),
    st.tuples(st.just("booking"), st.sampled_from(sorted(BOOKINGS)), entries),
    st.tuples(st.just("test"), st.sampled_from(sorted(TESTS)), entries),
    st.tuples(st.just("test"), st.sampled_from(sorted(TESTS)), entries),
    st.tuples(st.just("badge"), st.sampled_from([9, WITHDRAWN]), entries),
    st.tuples(st.just("forged"), st.just(0), entries),
    st.tuples(st.sampled_from(["in", "out", "back"]), st.just(0), st.sampled_from("ABX")),
    st.tuples(st.just("wait"), st.sampled_from([1, 4, 15, 25, 400, 1200]), st.just("A")),
    st.tuples(st.sampled_from(["hold", "release", "recount", "evacuate"]), st.just(0), entries),
    st.tuples(st.sampled_from(["restart", "power", "doubt", "trust"]), st.just(0), st.just("A")),
    st.tuples(st.sampled_from(["disk full", "disk"]), st.just(0), st.just("A")),
    st.tuples(st.just("gate"), st.booleans(), entries),
)


class Judged(Stage):
    """Remembers what was shown where, and looks at every answer."""

    def __init__(self) -> None:
        self.shown: dict[str, list[tuple[float, Any]]] = {"A": [], "B": [], "X": []}
        self.times_in: dict[str, int] = {}
        self.admissions: dict[str, str] = {}
        self.disk, self.broken = True, set[str]()
        super().__init__(lanes=LANES, **BOOK)

    def _handle(self, event: Any) -> None:
        if isinstance(event, events.CodeRead):
            self.shown[event.lane].append((self.now, event.fact))
        before = len(self.records)
        free, held = self.free, self.controller.state.recount_needed
        granted = self._granted()
        super()._handle(event)
        if isinstance(event, events.Woken):  # whoever waits for a place has the one of a grant that ran out at once
            free += sum(size for decision, size in granted.items() if decision not in self._granted())
        for record in self.records[before:]:
            if isinstance(record, Decision) and record.answer == "admit" and record.lane != "X":
                self._look(record, free, held)
            elif type(record).__name__ == "Passage" and record.direction == "in":  # type: ignore[union-attr]
                used = self.admissions.get(record.decision or "")  # type: ignore[union-attr]
                if used:
                    self.times_in[used] = self.times_in.get(used, 0) + 1

    def _granted(self) -> dict[str, int]:
        """The rights that open grants reserve and nobody has used yet, by decision."""
        grants = [lane.grant for lane in self.controller.state.lanes.values() if lane.grant and lane.grant.reserved]
        return {grant.decision: grant.left for grant in grants}

    def _look(self, record: Decision, free: int, held: bool) -> None:
        lane = record.lane or ""
        assert free >= 1 and not held
        if record.clauses[-1].because == "attendant_confirmed":
            assert self._badge(lane), "the button had its power from a badge that counts"
            return
        assert lane not in self.broken
        assert self.trusted and self.disk, "a doubtful clock and a full disk lead to the staff, by this rulebook"
        booking = self._booking(lane, record.pass_id)
        assert self._slot_is_open(booking) and booking.hall == "baoshan" and not booking.revoked
        assert booking.person_class in next(each.classes for each in LANES if each.name == lane)
        assert free >= booking.party
        assert not START_MINUTE + 20 <= self._minute < START_MINUTE + 30, "the break of the day"
        if booking.key_kind == "booking":
            assert self.times_in.get(booking.pass_id, 0) // booking.party <= 1, "once, and one re-entry"
            assert any(self._good(test) for test in self._lately(lane, HealthTest)), "a PCR that counts was shown"
            self.admissions[record.id] = booking.pass_id

    def _badge(self, lane: str) -> bool:
        shown = [fact for at, fact in self.shown[lane] if self.now - at <= 20 and isinstance(fact, Booking)]
        return any(fact.key_kind == "staff" and not fact.revoked for fact in shown)

    @property
    def _minute(self) -> float:
        return START_MINUTE + self.now / 60

    def _lately(self, lane: str, kind: type) -> list[Any]:
        return [fact for at, fact in self.shown[lane] if self.now - at <= COLLECT_S * 2 + 10 and isinstance(fact, kind)]

    def _booking(self, lane: str, pass_id: str | None) -> Booking:
        found = [fact for fact in self._lately(lane, Booking) if fact.pass_id == pass_id]
        assert found, "somebody was let in on a booking that nobody showed here"
        return found[-1]

    def _slot_is_open(self, booking: Booking) -> bool:
        if booking.key_kind == "staff" or booking.slot_start_s is None or booking.slot_end_s is None:
            return booking.not_before_s <= self.moment.wall_ms / 1000 < booking.expires_s
        return booking.slot_start_s - 600 <= self.moment.wall_ms / 1000 <= booking.slot_end_s + 900

    def _good(self, test: HealthTest) -> bool:
        age_s = self.moment.wall_ms / 1000 - test.sampled_s
        return test.kind == "naat" and test.result == "negative" and -300 <= age_s <= 48 * 3600


def play(stage: Judged, what: str, value: Any, lane: str) -> None:
    """One happening. Facts are made as at the start: a certificate does not grow younger."""
    hours = stage.now / 3600
    if what == "comes":
        play(stage, "booking", value, lane)
        play(stage, "test", value, lane)
    elif what == "booking":
        fields = {**BOOKINGS[value]}
        first, last = fields.pop("slot", (-1, 1))  # type: ignore[misc]
        stage.scan(stage.booking(value, slot=(first - hours, last - hours), **fields), lane)
    elif what == "test":
        fields = {**TESTS[value]}
        stage.scan(stage.test(value, hours_old=fields.pop("hours_old") + hours, **fields), lane)
    elif what == "badge":
        stage.scan(stage.badge(900 + value, revoked=value == WITHDRAWN), lane)
        stage.press(lane=lane)
    elif what == "forged":
        stage.scan(Unproved(sha256="forged", because="bad_signature", looks_like="booking"), lane)
    elif what in ("in", "out"):
        stage.cross(what, lane)
    elif what == "back":
        stage.do(events.TurnedAway(lane=lane))
    elif what == "wait":
        stage.wait(value)
    else:
        order(stage, what, value, lane)


def order(stage: Judged, what: str, value: Any, lane: str) -> None:
    if what in ("hold", "release", "evacuate"):
        stage.do(events.CommandArrived(id="o", name=what, issuer="hub", lane=lane))
    elif what == "recount":
        stage.do(events.CommandArrived(id="o", name="recount", issuer="hub", body={"inside": 1}))
    elif what in ("restart", "power"):
        stage.broken.clear()
        stage.start("boot-1" if what == "restart" else f"boot-{len(stage.journal)}")
    elif what in ("doubt", "trust"):
        stage.trusted = what == "trust"
    elif what in ("disk full", "disk"):
        stage.disk = what == "disk"
        stage.do(events.JournalState(writable=stage.disk))
    else:
        (stage.broken.discard if value else stage.broken.add)(lane)
        stage.do(events.DeviceHealth(lane=lane, device="gate", state="ok" if value else "unplugged"))


@settings(max_examples=300, deadline=None)
@given(st.lists(happenings, max_size=40))
def test_no_order_of_events_admits_somebody_a_rule_refuses(happened: list[tuple[str, Any, str]]) -> None:
    stage = Judged()
    for each in happened:
        stage.wait(1)
        play(stage, *each)
    stage.wait(60)


def test_the_judge_sees_admissions_and_can_say_no() -> None:
    stage = Judged()
    for each in (("booking", 1, "A"), ("test", 1, "A"), ("in", 0, "A"), ("booking", 7, "B"), ("test", 7, "B")):
        stage.wait(5)
        play(stage, *each)
    assert len(stage.admissions) == 2 and stage.times_in == {f"{1:016x}": 1}
    assert not stage._slot_is_open(stage.booking(2, slot=(-2, -1)))
    assert not stage._good(stage.test(3, hours_old=49)) and stage._good(stage.test(1, hours_old=1))
