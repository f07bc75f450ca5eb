"""What was found wrong once: each is one story."""

from __future__ import annotations

import pytest

from firmware.core import events
from firmware.core.actions import GateClose, GateOpen
from firmware.core.occupancy import Row
from firmware.core.records import CommandDone
from firmware.core.state import LaneSetup
from tests.core.stage import Stage, rulebook


def command(stage: Stage, name: str, lane: str | None = None, **body: int) -> str:
    stage.do(events.CommandArrived(id=f"{name}-{stage.now}", name=name, issuer="hub", lane=lane, body=dict(body)))
    done = [record for record in stage.records if isinstance(record, CommandDone)][-1]
    return done.because or done.result


def row(inc: str = "door-2", **fields: object) -> events.RowArrived:
    base: dict[str, object] = {"inc": inc, "dev": inc, "seq": 1, "A": 0, "C": 0, "G": 0, "X": 0}
    return events.RowArrived(row=Row(**{**base, **fields}))  # type: ignore[arg-type]


# ---------------------------------------------------------------- nobody is shut in


@pytest.mark.parametrize("direction", ["in", "out", "both"])
def test_no_pulse_of_before_closes_an_evacuated_lane(direction: str) -> None:
    stage = Stage(direction=direction)
    stage.scan(stage.booking(1))
    stage.do(events.PassageBlocked(lane="A", blocked=True), after=0.3)
    stage.wait(1).contact("fire_loop", False)
    stage.forget()
    stage.do(events.PassageBlocked(lane="A", blocked=False), after=0.1)
    stage.press()
    stage.do(events.TurnedAway(lane="A", side="inside", by="gate"))
    stage.wait(30)
    assert stage.gate == []


def test_one_loop_that_closes_says_nothing_of_another() -> None:
    stage = Stage(lanes=tuple(LaneSetup(name=name, direction="in", button=True) for name in "AB"))
    stage.contact("fire_loop", False, "A").contact("fire_loop", True, "B")
    stage.scan(stage.badge())
    stage.press(3)
    assert stage.lane.state == "evacuated"


@pytest.mark.parametrize("direction", ["in", "out", "both"])
@pytest.mark.parametrize("classes", [("visitor",), ("staff",)])
def test_a_badge_read_at_an_evacuated_lane_gives_the_reset_its_name(direction: str, classes: tuple[str, ...]) -> None:
    stage = Stage(lanes=(LaneSetup(name="A", direction=direction, classes=classes, button=True),))  # type: ignore[arg-type]
    stage.contact("fire_loop", False).contact("fire_loop", True)
    stage.forget()
    stage.scan(stage.badge())
    stage.press(3)
    assert (stage.lane.state, stage.gate) == ("idle", ["close"])


def test_what_stood_open_closes_only_behind_the_last_body() -> None:
    stage = Stage()
    stage.contact("release_key", True)
    stage.do(events.PassageBlocked(lane="A", blocked=True))
    stage.contact("release_key", False).wait(20)
    assert stage.gate == ["free"]
    stage.do(events.PassageBlocked(lane="A", blocked=False))
    assert stage.gate == ["free", "close"]


def test_an_exit_asked_for_is_not_forgotten_when_the_entry_is_held() -> None:
    stage = Stage(direction="both")
    stage.scan(stage.booking(1))
    stage.do(events.PassageBlocked(lane="A", blocked=True))
    stage.press()
    stage.do(events.PassageBlocked(lane="A", blocked=False), after=0.2)
    assert stage.lane.grant is not None and stage.lane.grant.way == "out"
    opened = [action.way for action in stage.actions if isinstance(action, GateOpen) and not action.prolongs]
    assert opened == ["in", "out"] and stage.signs.count("请慢走") == 1, "one who wants out is let out once"


def test_who_waits_to_leave_is_let_out_when_a_silent_counter_leaves_the_passage_to_be_assumed() -> None:
    stage = Stage(direction="both")
    stage.scan(stage.booking(1))
    stage.do(events.PassageBlocked(lane="A", blocked=True))
    stage.press(0.1)
    stage.do(events.DeviceHealth(lane="A", device="counter", state="silent"))
    assert stage.lane.exit_waiting
    stage.wait(0.7)
    assert [passage.assumed for passage in stage.passages] == [True]
    assert any(isinstance(action, GateOpen) and action.way == "out" for action in stage.actions)


def test_whoever_waits_to_leave_goes_before_the_next_who_comes() -> None:
    """No rule says so: while somebody waits to leave a gate is open, and nobody is judged in front of an open gate."""
    stage = Stage(direction="both")
    stage.scan(stage.booking(1))
    stage.do(events.PassageBlocked(lane="A", blocked=True))
    stage.press(0.1)
    assert stage.lane.exit_waiting and stage.scan(stage.booking(2)) == "wait" and stage.because == "take_turn"
    stage.cross()
    assert stage.lane.grant is not None and stage.lane.grant.way == "out"
    assert stage.scan(stage.booking(2)) == "wait" and stage.because == "take_turn"


def test_a_stuck_beam_keeps_nobody_in() -> None:
    stage = Stage(direction="both")
    stage.scan(stage.booking(1))
    stage.do(events.PassageBlocked(lane="A", blocked=True))
    stage.press().wait(20)
    assert any(isinstance(action, GateOpen) and action.way == "out" for action in stage.actions)


def test_the_sign_of_an_evacuation_stays() -> None:
    stage = Stage()
    stage.contact("fire_loop", False)
    command(stage, "identify")
    assert stage.signs == ["紧急疏散 由此离开"]


# ---------------------------------------------------------------- the limit


def test_a_recount_is_not_undone_at_midnight_nor_by_a_new_limit() -> None:
    stage = Stage(limit=5)
    assert command(stage, "recount", inside=3) == "done"
    assert stage.free == 2
    stage.wait(86_400).do(events.Woken())
    assert stage.free == 2
    command(stage, "limit", n=6)
    assert stage.free == 3
    stage.do(events.RulebookLoaded(text=rulebook(serial=8, limit=10), kid="k"))
    assert stage.free == 7


def test_who_holds_a_permit_is_not_counted_twice_nor_forgotten_by_a_recount() -> None:
    stage = Stage(limit=2)
    stage.scan(stage.booking(1))
    assert command(stage, "recount", inside=0) == "done"
    stage.cross()
    assert stage.free == 1


def test_a_silent_counter_gives_no_place_back_for_a_body_it_did_not_see() -> None:
    stage = Stage(limit=2, more='[on_doubt]\nsensor_missing = "admit"')
    stage.do(events.DeviceHealth(lane="A", device="counter", state="silent"))
    assert stage.scan(stage.booking(1)) == "admit"
    stage.wait(20)
    assert (stage.free, [passage.assumed for passage in stage.passages]) == (1, [True])


@pytest.mark.parametrize("beams", [True, False])
def test_a_relay_that_is_unplugged_counts_nobody_twice_where_beams_count(beams: bool) -> None:
    """A gate board that is gone sees nobody through: there it has to be assumed."""
    stage = Stage(limit=5, lanes=(LaneSetup(name="A", direction="in", passage_sensor=True, beams=beams),))
    stage.scan(stage.booking(1))
    stage.do(events.DeviceHealth(lane="A", device="gate", state="unplugged")).wait(2)
    if beams:
        assert not stage.passages
        stage.cross()
    assert [(passage.assumed, passage.expected) for passage in stage.passages] == [(not beams, True)]
    assert (stage.free, "tailgate" in stage.alarms) == (4, False)


def test_who_did_not_come_in_before_the_relay_was_unplugged_takes_no_place() -> None:
    stage = Stage(limit=5, lanes=(LaneSetup(name="A", direction="in", passage_sensor=True, beams=True),))
    stage.scan(stage.booking(1))
    stage.do(events.DeviceHealth(lane="A", device="gate", state="unplugged")).wait(20)
    assert (stage.free, stage.passages) == (5, [])


def test_the_responders_leave_no_doubt_where_beams_counted_them_and_the_relay_is_gone() -> None:
    setup = LaneSetup(name="A", direction="in", passage_sensor=True, beams=True)
    stage = Stage(limit=5, lanes=(setup,))
    stage.contact("release_key", True)
    stage.do(events.DeviceHealth(lane="A", device="gate", state="unplugged"))
    stage.contact("release_key", False)
    assert "recount_needed" not in stage.alarms


def test_a_second_bank_stops_the_first() -> None:
    stage = Stage(limit=5)
    stage.do(row(M=200, bank=True))
    assert stage.alarms == ["quarantine"]
    assert stage.scan(stage.booking(1)) == "wait"


def test_a_debt_is_paid_before_anybody_is_let_in() -> None:
    """O12: the limit was lowered under the people inside; what we hold belongs to the bank."""
    stage = Stage(bank=False)
    stage.do(row(M=5, T={"door-1": 3}, bank=True, free=2))
    assert stage.free == 3
    stage.do(row(seq=2, M=5, B=4, T={"door-1": 3}, V={}, bank=True, free=-2))
    assert stage.free == 1
    stage.do(row(seq=2, M=5, B=4, T={"door-1": 3}, V={}, bank=True, free=-2))
    assert stage.free == 1, "the same row again asks for nothing more"


def test_a_party_that_waits_is_wanted_whole() -> None:
    stage = Stage(bank=False)
    stage.scan(stage.booking(1, party=6))
    assert stage.lane.waiting[0].persons == 6


def test_after_a_boot_a_peer_is_not_taken_for_reachable() -> None:
    stage = Stage(limit=50)
    stage.do(row(want=5), after=100)
    assert stage.controller.state.rights.T == {"door-2": 5}
    stage.now = 0.0
    stage.start("boot-2")
    stage.do(events.Woken())
    assert stage.controller.state.rights.T == {"door-2": 5}


# ---------------------------------------------------------------- the wait for a recount


def lost_power(bank: bool) -> Stage:
    stage = Stage(bank=bank)
    stage.do(row(M=0, T={"door-1": 3}))
    stage.scan(stage.booking(1))
    stage.cross()
    stage.start("boot-2")
    stage.forget()
    return stage


@pytest.mark.parametrize("bank", [False, True])
def test_a_named_attendant_ends_the_wait_for_a_recount_and_no_right_is_made(bank: bool) -> None:
    stage = lost_power(bank)
    before = stage.free
    assert stage.scan(stage.booking(2)) == "wait"
    stage.scan(stage.badge())
    stage.press()
    assert stage.gate == [], "a short press opens nothing while nobody knows who is inside"
    stage.scan(stage.badge(901))
    stage.press(3)
    assert (stage.free, stage.controller.state.recount_needed) == (before, False)
    done = [record for record in stage.records if isinstance(record, CommandDone)]
    assert [(each.name, each.result, each.issuer) for each in done] == [
        ("open_once", "refused", f"{900:016x}"),
        ("release", "done", f"{901:016x}"),
    ]
    assert stage.wait(4).scan(stage.booking(2)) == "admit"


def test_the_hub_ends_it_by_a_release_and_a_recount_is_for_the_bank() -> None:
    stage = lost_power(bank=False)
    assert command(stage, "recount", inside=0) == "not_the_bank"
    assert command(stage, "release", "A") == "done"
    assert command(stage, "release", "A") == "not_held"


def test_staff_can_lift_it_at_their_own_door() -> None:
    stage = Stage(lanes=(LaneSetup(name="A", direction="in", classes=("staff",), passage_sensor=True, button=True),))
    stage.cross()
    stage.start("boot-2")
    stage.scan(stage.badge())
    stage.press(3)
    assert not stage.controller.state.recount_needed


# ---------------------------------------------------------------- a full disk


def test_a_gate_is_held_open_over_a_body_even_when_nothing_can_be_recorded() -> None:
    stage = Stage()
    stage.scan(stage.booking(1))
    stage.do(events.PassageBlocked(lane="A", blocked=True), after=0.5)
    prolonged = [action for action in stage.actions if isinstance(action, GateOpen)][-1]
    assert prolonged.prolongs


def test_a_short_pulse_is_not_renewed_fifty_times_a_second_under_a_body() -> None:
    """Each renewal is an entry of the journal and a frame on the relay's wire."""
    stage = Stage(more="[class.visitor.gate]\npulse_ms = 100")
    stage.scan(stage.booking(1))
    stage.do(events.PassageBlocked(lane="A", blocked=True), after=0.05)
    stage.wait(60)
    assert 100 < len(stage.gate) < 120 and set(stage.gate) == {"open"}
    stage.do(events.PassageBlocked(lane="A", blocked=False), after=0.05)
    assert stage.gate[-1] == "close"


def test_what_is_withheld_is_closed_before_its_place_is_given_back() -> None:
    stage = Stage(limit=3)
    stage.scan(stage.booking(1, party=2))
    stage.cross()
    stage.forget()
    stage.do(events.JournalState(writable=False, withheld=("A",)))
    assert (isinstance(stage.actions[0], GateClose), stage.free) == (True, 2)
    assert stage.lane.grant is None


@pytest.mark.parametrize("direction", ["in", "elevator"])
def test_a_permit_that_was_open_at_a_lane_the_new_site_file_has_not_counts_as_used(direction: str) -> None:
    """It ended every start of the firmware, whoever had renamed the lane."""
    stage = Stage(direction=direction, limit=3)
    assert stage.scan(stage.booking(1)) == "admit"
    stage.lanes = (LaneSetup(name="B", direction="in", passage_sensor=True),)
    stage.start()
    assert stage.free == 2 and [passage.lane for passage in stage.passages] == ["A"]
    assert stage.scan(stage.booking(1), "B") == "refuse" and stage.scan(stage.wait(4).booking(2), "B") == "admit"


# ---------------------------------------------------------------- visits


def test_a_visit_that_ends_does_not_end_the_permit_of_who_leaves() -> None:
    stage = Stage(direction="both", proof='"pcr"')
    assert stage.scan(stage.booking(1)) == "wait"
    stage.wait(18).press()
    stage.wait(3)
    assert (stage.lane.state, stage.lane.grant is not None) == ("granted", True)


def test_the_helper_counts() -> None:
    stage = Stage(limit=5)
    stage.scan(stage.booking(1, helper=True))
    assert stage.free == 3
    stage.cross().cross()
    assert (stage.alarms, stage.lane.state) == ([], "passed")


def test_a_crowd_that_stays_is_not_forgotten_and_entry_pauses_after_it() -> None:
    stage = Stage(dense=3)
    stage.do(events.SpacingSeen(lane="A", persons=9, zone="hall"))
    assert stage.wait(100).scan(stage.booking(1)) == "wait"
    stage.do(events.SpacingSeen(lane="A", persons=1, zone="hall"))
    assert stage.wait(14).scan(stage.booking(1)) == "wait"
    assert stage.wait(2).scan(stage.booking(1)) == "admit"


# ---------------------------------------------------------------- the day's quota


def walk_in(stage: Stage, number: int) -> str:
    return stage.scan(stage.test(number))


@pytest.mark.parametrize("back", ["not_used", "turned_away", "held", "withheld"])
def test_a_walk_in_who_does_not_come_in_takes_nothing_from_the_days_quota(back: str) -> None:
    stage = Stage(limit=50, walk_in="true", booking="optional", proof='"pcr"')
    for number in range(5):
        walk_in(stage, number)
        stage.cross().wait(4)
    assert walk_in(stage, 6) == "admit"
    if back == "turned_away":
        stage.do(events.TurnedAway(lane="A", side="outside", by="gate"))
    elif back == "held":
        command(stage, "hold", "A")
        command(stage, "release", "A")
    elif back == "withheld":
        stage.do(events.JournalState(writable=False, withheld=("A",)))
        stage.do(events.JournalState(writable=True))
    stage.wait(15)
    assert (stage.controller.state.quota_used, stage.free) == (5, 45)
    assert walk_in(stage, 7) == "admit"
    stage.cross().wait(4)
    assert walk_in(stage, 8) == "wait"  # a booking in the other hand would not be bound by the quota
    stage.wait(21)
    assert (stage.decision.answer, stage.because) == ("refuse", "quota")


def test_a_booking_that_is_given_back_returns_no_quota_it_never_took() -> None:
    stage = Stage(limit=50, walk_in="true", booking="optional", proof='"pcr"')
    walk_in(stage, 1)
    stage.cross().wait(4)
    stage.scan(stage.booking(2))
    assert walk_in(stage, 2) == "admit"
    stage.wait(15)
    assert stage.controller.state.quota_used == 1


def test_nobody_is_let_in_by_hand_through_a_gate_that_cannot_be_driven() -> None:
    stage = Stage()
    free = stage.free
    stage.do(events.DeviceHealth(lane="A", device="gate", state="unplugged"))
    stage.scan(stage.badge())
    stage.press()
    assert stage.gate == [] and stage.free == free
    assert [each.because for each in stage.records if isinstance(each, CommandDone)] == ["gate_fault"]


def test_a_hall_that_admits_in_doubt_of_its_clock_still_keeps_the_days_quota() -> None:
    stage = Stage(walk_in="true", booking="optional", proof='"pcr"', limit=50, more='[on_doubt]\nclock = "admit"')
    answers = []
    for number in range(9):
        stage.trusted = number < 2
        stage.scan(stage.test(number))
        stage.cross()
        stage.wait(21)  # nobody has a booking in the other hand
        answers.append(stage.decision.answer)
    assert answers == ["admit"] * 6 + ["refuse"] * 3
