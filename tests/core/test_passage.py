"""Permit = passage: what a grant takes, what spends it, and what is given back."""

from __future__ import annotations

import pytest

from firmware.core.actions import GateOpen
from firmware.core.events import CounterSaturated, Crossed, DeviceHealth, PassageBlocked, RulebookLoaded, TurnedAway
from firmware.core.records import Alarm, Decision
from firmware.core.state import LaneSetup
from tests.core.stage import Stage, rulebook


def test_a_grant_reserves_and_only_a_passage_spends() -> None:
    stage = Stage(limit=5)
    assert stage.scan(stage.booking(1)) == "admit"
    assert (stage.free, stage.lane.state, stage.gate) == (4, "granted", ["open"])
    assert stage.controller.state.used == {}
    stage.wait(1).cross()
    assert (stage.free, stage.lane.state) == (4, "passed")
    assert list(stage.controller.state.used) == [f"{1:016x}"]
    assert [(p.direction, p.expected, p.assumed) for p in stage.passages] == [("in", True, False)]
    assert stage.passages[0].decision == stage.decision.id


def test_time_out_gives_the_place_back_and_keeps_the_pass() -> None:
    stage = Stage(limit=1)
    assert stage.scan(stage.booking(1)) == "admit"
    stage.wait(9.9)
    assert stage.free == 0
    stage.wait(0.2)
    assert (stage.free, stage.lane.state, stage.controller.state.used) == (1, "timed_out", {})
    assert stage.scan(stage.booking(1)) == "admit"


def test_a_turn_back_gives_back_soon_and_a_second_try_is_welcome() -> None:
    stage = Stage(limit=1)
    stage.scan(stage.booking(1))
    stage.do(PassageBlocked(lane="A", blocked=True), after=0.2)
    stage.do(TurnedAway(lane="A", side="outside"), after=0.2)
    stage.do(PassageBlocked(lane="A", blocked=False))
    stage.wait(0.5).cross()
    assert [passage.expected for passage in stage.passages] == [True]
    stage.do(Crossed(lane="A", direction="out"), after=1)
    stage.scan(stage.booking(2))
    stage.do(TurnedAway(lane="A", side="outside"), after=0.2)
    stage.wait(2)
    assert (stage.free, stage.lane.state, stage.alarms) == (1, "timed_out", ["wrong_way"])


def test_who_steps_back_out_of_the_beam_may_step_forward_again() -> None:
    stage = Stage(limit=1)
    stage.scan(stage.booking(1))
    stage.do(TurnedAway(lane="A", side="outside"), after=0.1)
    assert stage.gate == ["open"]
    stage.wait(0.5).cross()
    assert [passage.expected for passage in stage.passages] == [True]


def test_who_leaves_past_an_open_permit_takes_nothing_of_it() -> None:
    stage = Stage(direction="both", limit=5)
    stage.scan(stage.booking(1))
    stage.do(Crossed(lane="A", direction="out"))
    assert stage.free == 5 and stage.lane.grant is not None
    stage.cross()
    assert [(passage.direction, passage.expected) for passage in stage.passages] == [("out", True), ("in", True)]
    assert stage.free == 5 and stage.alarms == []


@pytest.mark.parametrize("after_s", [0.1, 0.68])
def test_the_relay_is_closed_before_the_place_is_given_back(after_s: float) -> None:
    """P4 of the protocol. A gate board's own time-out comes while the pulse still runs."""
    stage = Stage(limit=1)
    stage.scan(stage.booking(1))
    stage.do(TurnedAway(lane="A", side="outside", by="gate"), after=after_s)
    assert (stage.gate, stage.free) == (["open", "close"], 0)
    assert stage.wake is not None and stage.wake > stage.now * 1000, "it sleeps until then"
    stage.wait(0.1)
    assert stage.free == 1


def test_without_a_sensor_the_passage_is_assumed_when_the_pulse_ends() -> None:
    stage = Stage(sensor=False)
    stage.scan(stage.booking(1))
    stage.wait(0.6)
    assert stage.passages == []
    stage.wait(0.2)
    assert [(p.assumed, p.expected) for p in stage.passages] == [(True, True)]
    assert stage.scan(stage.booking(1)) == "nothing", "the same code within three seconds is the same scan"
    assert stage.wait(3).scan(stage.booking(1)) == "refuse"


def test_an_assumed_entry_paces_the_next() -> None:
    stage = Stage(sensor=False, interval=5_000)
    assert stage.scan(stage.booking(1)) == "admit"
    assert stage.wait(4).scan(stage.booking(2)) == "wait" and stage.because == "too_soon"
    assert stage.wait(3).scan(stage.booking(2)) == "admit"


def test_an_assumed_exit_does_not_pace_who_comes_in() -> None:
    stage = Stage(direction="both", sensor=False, interval=5_000)
    stage.press()
    stage.wait(2)
    assert stage.scan(stage.booking(1)) == "admit"


def test_a_body_without_a_grant_is_counted_and_alarmed() -> None:
    stage = Stage(limit=5)
    stage.cross()
    assert (stage.free, stage.alarms, stage.passages[0].expected) == (4, ["tailgate"], False)


def test_two_people_on_one_grant() -> None:
    stage = Stage(limit=5)
    stage.scan(stage.booking(1))
    stage.cross().cross()
    assert [passage.expected for passage in stage.passages] == [True, False]
    assert (stage.free, stage.alarms) == (3, ["tailgate"])


def test_a_tailgater_in_a_full_hall_makes_a_debt_that_is_paid_first() -> None:
    stage = Stage(limit=1)
    stage.scan(stage.booking(1))
    stage.cross().cross()
    assert stage.free == -1
    stage.do(Crossed(lane="A", direction="out"), after=5)
    assert stage.wait(5).scan(stage.booking(2)) == "wait"


def test_wrong_way_is_counted_out_and_alarmed() -> None:
    stage = Stage(limit=5)
    stage.scan(stage.booking(1))
    stage.cross()
    stage.do(Crossed(lane="A", direction="out"), after=2)
    assert (stage.free, stage.alarms, stage.passages[-1].expected) == (5, ["wrong_way"], False)
    assert stage.signs[-1] == "这里是入口 请走出口"


def test_a_party_takes_all_its_places_or_none() -> None:
    stage = Stage(limit=3)
    assert stage.scan(stage.booking(1, party=4)) == "wait"
    assert stage.free == 3
    assert stage.wait(4).scan(stage.booking(2, party=3)) == "admit"
    assert stage.free == 0
    stage.cross()
    assert (stage.lane.state, stage.gate.count("open") >= 2) == ("granted", True)
    stage.cross().cross()
    assert (stage.lane.state, stage.alarms) == ("passed", [])


def test_a_party_uses_its_pass_once() -> None:
    stage = Stage(visitor="re_entries = 1")
    for expected in ("admit", "admit", "refuse"):
        assert stage.scan(stage.booking(1, party=2)) == expected
        if expected == "admit":
            stage.cross().cross().do(Crossed(lane="A", direction="out"))
            stage.do(Crossed(lane="A", direction="out")).wait(6)


def test_who_is_let_in_by_hand_and_showed_nothing_uses_no_pass() -> None:
    stage = Stage()
    stage.scan(stage.badge())
    stage.press()
    stage.cross()
    assert [passage.expected for passage in stage.passages] == [True] and stage.controller.state.used == {}


def test_the_wait_that_is_shown_follows_the_pace_of_the_last_entries_not_of_a_break() -> None:
    stage = Stage(limit=4)
    for number, pause_s in ((1, 180), (2, 60), (3, 1_800), (4, 5)):
        assert stage.scan(stage.booking(number)) == "admit"
        stage.cross().wait(pause_s)
    for number in (5, 6):
        assert stage.scan(stage.booking(number)) == "wait"
    assert stage.signs[-1] == "前面1人 约5分钟"


def test_what_is_left_of_a_party_is_given_back() -> None:
    stage = Stage(limit=3)
    stage.scan(stage.booking(1, party=3))
    stage.cross()
    stage.wait(11)
    assert stage.free == 2


def test_a_gate_never_closes_on_a_blocked_passage() -> None:
    stage = Stage()
    stage.scan(stage.booking(1))
    stage.do(PassageBlocked(lane="A", blocked=True), after=0.5)
    for _ in range(300):
        stage.wait(0.1)
        assert stage.lane.open_until_ms > stage.now * 1000, "the opening is prolonged before the hand lets go"
    assert "close" not in stage.gate
    assert "obstructed" in stage.alarms
    stage.do(Crossed(lane="A", direction="in"))
    stage.do(PassageBlocked(lane="A", blocked=False))
    assert stage.gate[-1] == "close"
    assert obstructed(stage) == [True, False]
    stage.do(PassageBlocked(lane="A", blocked=True), after=1).wait(20)
    assert obstructed(stage) == [True, False, True], "the next body is another alarm"


def obstructed(stage: Stage) -> list[bool]:
    return [record.active for record in stage.records if isinstance(record, Alarm) and record.alarm == "obstructed"]


def test_a_beam_that_says_again_that_it_is_broken_is_the_same_body() -> None:
    stage = Stage()
    stage.scan(stage.booking(1))
    for _ in range(4):
        stage.do(PassageBlocked(lane="A", blocked=True)).wait(5)
    assert stage.alarms == ["obstructed"]


def test_a_beam_broken_at_a_shut_gate_opens_nothing() -> None:
    stage = Stage()
    stage.do(PassageBlocked(lane="A", blocked=True)).wait(20)
    assert stage.gate == [] and stage.alarms == ["obstructed"]


def test_behind_who_stepped_back_the_gate_shuts_when_it_would_have_without_them() -> None:
    """The opening was prolonged for the body in the passage, not for the next one."""
    stage = Stage()
    stage.scan(stage.booking(1))
    stage.do(PassageBlocked(lane="A", blocked=True), after=0.5)
    stage.do(PassageBlocked(lane="A", blocked=False), after=0.1)
    assert "close" not in stage.gate
    stage.wait(0.15)
    assert stage.gate[-1] == "close"


def test_another_code_while_a_grant_is_open_waits_and_is_not_queued() -> None:
    stage = Stage()
    stage.scan(stage.booking(1))
    assert stage.scan(stage.booking(2)) == "wait"
    assert stage.because == "take_turn"
    stage.cross()
    assert stage.lane.grant is None, "nobody is admitted without showing the code again"
    assert stage.scan(stage.booking(2)) == "admit"


def test_the_same_code_again_is_the_same_scan() -> None:
    stage = Stage()
    stage.scan(stage.booking(1))
    assert stage.scan(stage.booking(1)) == "nothing"
    stage.wait(5)
    assert stage.scan(stage.booking(1)) == "nothing", "its own grant is still open"


def test_exits_never_ask_and_give_the_place_back() -> None:
    stage = Stage(direction="out", bank=True)
    assert stage.scan(stage.booking(1, hall="elsewhere")) == "admit"
    stage.cross("out")
    assert (stage.free, stage.passages[0].expected) == (6, True)
    assert stage.passages[0].decision == stage.decision.id
    stage.forget()
    stage.wait(5).press()
    assert stage.gate[0] == "open"


def test_who_presses_again_while_the_exit_is_open_is_on_record_once() -> None:
    stage = Stage(direction="out")
    stage.press(0.1).press(0.1)
    opened = [action.pulse_ms for action in stage.actions if isinstance(action, GateOpen)]
    assert opened == [700] * 2 and len([record for record in stage.records if isinstance(record, Decision)]) == 1
    stage.wait(2).press(0.1)
    assert stage.gate == ["open"] * 3 and len([r for r in stage.records if isinstance(r, Decision)]) == 1


def test_an_assumed_exit_gives_nothing_back() -> None:
    stage = Stage(direction="out", sensor=False)
    stage.press()
    stage.wait(2)
    assert (stage.free, [passage.assumed for passage in stage.passages]) == (5, [True])


def test_an_entry_by_the_exit_is_counted() -> None:
    stage = Stage(direction="out")
    stage.cross("in")
    assert (stage.free, stage.alarms) == (4, ["tailgate", "wrong_way"])
    assert stage.signs == ["此处不能进入 请走入口"]


def test_a_two_way_lane_lets_out_first() -> None:
    stage = Stage(direction="both")
    stage.scan(stage.booking(1))
    stage.press()
    assert stage.lane.grant is not None and stage.lane.grant.way == "out"
    assert stage.free == 5, "the entry's place was given back"
    assert stage.scan(stage.booking(1)) == "wait"
    stage.cross("out")
    assert stage.wait(1).scan(stage.booking(1)) == "admit"


def test_who_is_in_the_passage_finishes_before_the_exit_opens() -> None:
    stage = Stage(direction="both")
    stage.scan(stage.booking(1))
    stage.do(PassageBlocked(lane="A", blocked=True))
    stage.press()
    stage.do(Crossed(lane="A", direction="in"))
    assert stage.lane.grant is not None and stage.lane.grant.way == "out"
    assert [passage.expected for passage in stage.passages] == [True]
    stage.cross("out").wait(1)
    assert stage.scan(stage.booking(2)) == "admit", "nobody waits to leave any more"


def test_the_late_word_of_who_stepped_back_takes_the_passage_from_nobody_who_is_in_it() -> None:
    """A counter is sure of a turn-back a second after it; by then the same person may be on the way again."""
    stage = Stage(direction="both")
    stage.scan(stage.booking(1))
    stage.do(PassageBlocked(lane="A", blocked=True)).do(PassageBlocked(lane="A", blocked=False), after=0.2)
    stage.do(PassageBlocked(lane="A", blocked=True), after=0.2).do(TurnedAway(lane="A", side="outside"), after=0.2)
    stage.press(0.1).do(Crossed(lane="A", direction="in"), after=0.1)
    assert [passage.expected for passage in stage.passages] == [True] and stage.alarms == []
    assert stage.lane.grant is not None and stage.lane.grant.way == "out"


def test_at_a_lane_that_stands_open_nobody_has_to_ask_to_leave() -> None:
    stage = Stage(direction="both")
    stage.contact("release_key", True)
    stage.forget()
    stage.press()
    assert stage.actions == [] and stage.records == [] and stage.lane.grant is None


def test_who_presses_again_has_as_long_again_to_leave() -> None:
    stage = Stage(direction="both")
    stage.press(0.1).wait(9)
    stage.press(0.1).wait(5)
    assert stage.scan(stage.booking(1)) == "wait" and stage.because == "take_turn"
    stage.wait(6)
    assert stage.scan(stage.booking(1)) == "admit"


def test_how_long_an_exit_stays_somebodys_is_the_rulebooks() -> None:
    stage = Stage(direction="both")
    text = rulebook(serial=8).replace(b"grant_seconds = 10", b"grant_seconds = 20")
    stage.do(RulebookLoaded(text=text, kid="k"))
    stage.press(0.1).wait(15)
    assert stage.scan(stage.booking(1)) == "wait" and stage.because == "take_turn"


def test_who_waited_to_leave_and_left_through_a_lane_that_was_opened_waits_no_more() -> None:
    stage = Stage(direction="both")
    stage.scan(stage.booking(1))
    stage.do(PassageBlocked(lane="A", blocked=True))
    stage.press()
    stage.contact("release_key", True)
    stage.do(Crossed(lane="A", direction="in"))
    stage.do(PassageBlocked(lane="A", blocked=False))
    stage.do(Crossed(lane="A", direction="out"))
    stage.contact("release_key", False).wait(5)
    assert stage.gate[-1] == "close"
    assert stage.scan(stage.booking(2)) == "admit"


def test_who_waits_behind_something_that_stands_in_the_passage_is_let_out_once() -> None:
    stage = Stage(direction="both")
    stage.scan(stage.booking(1))
    stage.do(PassageBlocked(lane="A", blocked=True))
    stage.press()
    stage.wait(stage.controller.rulebook.alarms.held_open_seconds + 1)  # type: ignore[union-attr]
    told = [record.clauses[0].because for record in stage.records if isinstance(record, Decision)]
    assert (stage.alarms, told) == (["obstructed"], ["in_order", "exit_by_turn"])


def test_who_asks_while_the_exit_is_open_is_not_shut_out_of_it() -> None:
    """The second person presses just before the pulse of the first ends; a tripod opens once for each of them."""
    stage = Stage(direction="out")
    stage.press()
    stage.wait(0.2).press()
    assert (stage.gate, stage.lane.open_until_ms) == (["open", "open"], 500 + 700)


def test_a_counter_that_cannot_tell_says_so() -> None:
    stage = Stage()
    stage.do(CounterSaturated(lane="A", because="abreast"))
    assert stage.alarms == ["saturated"]


def test_two_lanes_share_one_limit() -> None:
    lanes = tuple(LaneSetup(name=name, direction="in", passage_sensor=True) for name in "AB")
    stage = Stage(limit=1, lanes=lanes)
    assert stage.scan(stage.booking(1), "A") == "admit"
    assert stage.scan(stage.booking(2), "B") == "wait"


@pytest.mark.parametrize("askers", [(), ("scanner",)])
def test_an_exit_that_nobody_can_ask_opens_to_who_steps_into_it(askers: tuple[str, ...]) -> None:
    """It has a counter alone, or its scanner is gone; while the scanner works the beams ask for nothing."""
    stage = Stage(lanes=(LaneSetup(name="A", direction="out", passage_sensor=True, askers=askers),))
    if askers:
        stage.do(PassageBlocked(lane="A", blocked=True)).do(PassageBlocked(lane="A", blocked=False))
        assert stage.gate == []
        stage.do(DeviceHealth(lane="A", device="scanner", state="unplugged"))
    stage.do(PassageBlocked(lane="A", blocked=True))
    assert (stage.gate, stage.because) == (["open"], "exit_by_approach")
    stage.cross("out")
    assert [passage.direction for passage in stage.passages] == ["out"]
