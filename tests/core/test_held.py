"""No second try at another door: pseudonyms and hashes for the day, bounded, told to the others, forgotten at midnight."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core import events, held
from firmware.core.facts import Card
from firmware.core.occupancy import Rights
from firmware.core.records import Alarm, Incident
from firmware.core.state import HallState, LaneSetup
from firmware.core.turn import Turn
from tests.core.isolating import LANES, admit, hall, isolate, order, steps
from tests.core.stage import MORNING, ZONE, Stage


def turn_of(stage: Stage) -> Turn:
    return Turn(stage.controller.state, stage.moment, ZONE, stage.controller.rulebook)


def hear(stage: Stage, device: str, *keys: str, day: str = "2022-06-01") -> Stage:
    held.heard(turn_of(stage), device, day, keys)
    return stage


# -------------------------------------------------------------- at this device


def test_the_same_person_is_isolated_at_the_next_lane_with_an_alarm_there() -> None:
    stage = hall()
    isolate(stage)
    stage.wait(5)
    assert stage.scan(stage.booking(1), "B") == "isolate" and stage.because == "held_before"
    alarm = next(record for record in stage.records if isinstance(record, Alarm) and record.alarm == "held_person")
    assert (alarm.lane, alarm.detail) == ("B", "is held at door today")
    assert [step.lane for step in steps(stage) if step.step == "opened"] == ["A", "B"]
    assert stage.controller.state.lanes["B"].state == "held"


def test_another_booking_with_the_same_certificate_and_another_certificate_with_the_same_booking() -> None:
    stage = hall()
    isolate(stage)
    stage.wait(5)
    other = stage.test(1, person="somebody-else", sha256="x")
    assert stage.scan(other, "B") == "isolate"
    stage = hall()
    isolate(stage)
    stage.wait(5)
    assert stage.scan(stage.booking(1, person="p9", sha256="y"), "B") == "isolate"


def test_a_card_counts_and_a_stranger_does_not() -> None:
    stage = hall()
    stage.scan(stage.booking(1))
    stage.scan(Card(sha256="k", person="person-of-the-card"))
    assert stage.scan(stage.test(1, result="positive")) == "isolate"
    stage.wait(5)
    assert stage.scan(Card(sha256="z", person="stranger"), "B") != "isolate"
    stage.wait(25)
    assert stage.scan(Card(sha256="k2", person="person-of-the-card"), "B") == "isolate"


def test_whom_only_a_sentinel_knows_is_known_again_by_what_it_was_shown() -> None:
    stage, answers = hall(), []
    for number, (lane, pcr, token) in enumerate(
        [("A", "positive", "t1"), ("B", "negative", "t2"), ("C", "negative", "t1")]
    ):
        stage.do(events.TerminalSaid(lane=lane, pcr=pcr, token=token, sampled_age_minutes=60), after=5)  # type: ignore[arg-type]
        answers.append(stage.scan(stage.booking(number), lane))
    assert answers == ["wait", "admit", "isolate"]


def test_after_the_sign_off_the_person_is_still_held_for_the_day_unless_it_was_a_mistake() -> None:
    for cleared, answer in ((False, "isolate"), (True, "wait")):
        stage = hall()
        which = isolate(stage)
        order(stage, "acknowledge", incident=which)
        order(stage, "sign_off", lane="A", cleared=cleared)
        told = [step.detail for step in steps(stage) if step.step == "signed_off"]
        assert told == ["cleared" if cleared else ""]
        stage.wait(10)
        assert stage.scan(stage.booking(1)) == answer
        assert bool(held.held_notice(stage.controller.state)) is not cleared


def test_nobody_asks_a_held_person_who_leaves() -> None:
    stage = hall()
    isolate(stage)
    stage.wait(5)
    stage.forget()
    assert stage.scan(stage.booking(1), "X") == "admit" and stage.gate == ["open"] and steps(stage) == []


def test_midnight_forgets_and_a_doubtful_clock_does_not() -> None:
    stage = hall()
    isolate(stage)
    keys = set(held.held_notice(stage.controller.state))
    assert keys == {"person-1", "p-0000000000000001", "c-cert-1"}
    stage.trusted = False
    stage.wait(15 * 3600)
    stage.do(events.Woken())
    assert set(held.held_notice(stage.controller.state)) == keys
    stage.trusted = True
    stage.do(events.Woken())
    assert held.held_notice(stage.controller.state) == ()


def test_held_while_the_clock_was_doubtful_is_held_for_the_day_on_which_it_is_known_again() -> None:
    stage = hall(trusted=False, wall=dt.datetime(1970, 1, 2, tzinfo=ZONE))
    stage.scan(stage.test(1, result="positive"))
    assert steps(stage) and set(stage.controller.state.held_persons.values()) == {0}
    stage.wall_0, stage.trusted = MORNING.timestamp(), True
    stage.do(events.ClockChecked())
    assert set(stage.controller.state.held_persons.values()) == {int(MORNING.timestamp() + stage.now)}
    stage.do(events.Woken(), after=15 * 3600)
    assert stage.controller.state.held_persons == {}


def test_only_hashes_are_kept_and_not_too_many() -> None:
    stage = hall()
    turn = turn_of(stage)
    for number in range(held.HELD + 300):
        held.hold(turn, (f"person-{number}",))
    assert len(stage.controller.state.held_persons) == held.HELD
    assert (
        "person-0" not in stage.controller.state.held_persons
        and f"person-{held.HELD}" in stage.controller.state.held_persons
    )


# -------------------------------------------------------------- from and to the other doors


def test_who_is_held_at_another_door_is_isolated_here() -> None:
    stage = hear(hall(), "north", "person-1")
    assert stage.scan(stage.booking(1)) == "isolate" and "held_person" in stage.alarms
    opened = next(record for record in stage.records if isinstance(record, Incident))
    assert opened.detail == "second try, held at north" and stage.lane.state == "held"
    assert "person-1" in held.held_notice(stage.controller.state), "this door tells it on"


def test_what_a_door_tells_next_replaces_what_it_told() -> None:
    stage = hear(hear(hall(), "north", "person-1"), "north", "person-2")
    assert admit(stage, 1) == "admit"


def test_yesterday_and_the_own_word_do_not_count() -> None:
    stage = hear(hear(hall(), "north", "person-1", day="2022-05-31"), "door", "person-1")
    assert admit(stage, 1) == "admit"


def tells(stage: Stage, seq: int, *keys: str, day: str = "2022-06-01") -> Stage:
    stage.do(events.PeerUsed(device="north", seq=seq, day=day, held=keys))
    return stage


@pytest.mark.parametrize("day", ["2022-05-31", "2022-06-01"])
def test_an_old_notice_takes_nobody_off(day: str) -> None:
    stage = tells(tells(hall(), 9, "person-1"), 4, day=day)
    assert stage.scan(stage.booking(1)) == "isolate"


def test_a_door_whose_clock_ran_ahead_is_heard_again_once_it_is_set_right() -> None:
    stage = tells(tells(hall(), 5, "person-2", day="2022-07-01"), 9, "person-1")
    assert stage.scan(stage.booking(1)) == "isolate"
    stage = tells(tells(hall(), 5, "person-1", day="2022-07-01"), 9)
    assert admit(stage, 1) == "admit"


def test_the_device_that_was_put_in_its_place_is_heard_on_the_same_day() -> None:
    """It has a new journal, so its events begin at 1."""
    stage = tells(tells(hall(), 900, "person-2"), 3, "person-1")
    assert stage.scan(stage.booking(1)) == "isolate"


def test_while_the_clock_is_doubtful_whoever_was_held_last_is_held() -> None:
    stage = hear(hall(trusted=False), "north", "person-1", day="2022-05-31")
    assert stage.scan(stage.booking(1)) == "isolate"


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.text(max_size=80), st.text(max_size=20), st.lists(st.text(max_size=100), max_size=20)), max_size=90
    )
)
def test_whatever_a_door_tells_is_bounded(told: list[tuple[str, str, list[str]]]) -> None:
    stage = Stage(lanes=(LaneSetup(name="A", direction="in"),))
    for device, day, keys in told:
        held.heard(turn_of(stage), device, day, keys * 300)
    known = stage.controller.state.held_elsewhere
    assert len(known) <= held.DOORS and all(len(there.keys) <= held.HELD for there in known.values())
    assert all(0 < len(key) <= held.KEY_MAX for there in known.values() for key in there.keys)
    stage.scan(stage.booking(1))


def test_no_state_no_question() -> None:
    state = HallState(rights=Rights(inc="x"))
    stage = hall()
    assert held.held_at(Turn(state, stage.moment, ZONE, None), None) == "" and held.keys_of(None) == ()
    assert len(LANES) == 5
