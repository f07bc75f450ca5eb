"""3.1.5a, 3.1.5b: rounds that are due by the rulebook, done by a named person, and told of when nobody does them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core import events, rounds
from firmware.core.actions import Buzz
from firmware.core.controller import Controller
from firmware.core.facts import Booking
from firmware.core.records import Round
from firmware.core.turn import Turn
from firmware.errors import Mistake
from firmware.rulebook.book import parse
from tests.people.hall import AT_FIVE, SHIPPED, Door, at, text

ALL = SHIPPED[SHIPPED.index("[rounds]") : SHIPPED.index("# (3.1.5b) goods")]
HANDLES = 'name = "handles"\nlane = "A"\nevery_minutes = 120\nwho = ["cleaner", "staff"]\n'


def only(*points: str, rules: str = "") -> tuple[str, str]:
    """The shipped rulebook with these points and no others."""
    return ALL, f"[rounds]\n{rules}\n" + "".join(f"[[rounds.point]]\n{point}\n" for point in points)


def door_at(when: str, *points: str, rules: str = "", **more: Any) -> Door:
    return Door(AT_FIVE, only(*(points or (HANDLES,)), rules=rules), wall=at(when), **more)


def told(door: Door, point: str = "handles") -> list[str]:
    return [each.state for each in door.records if isinstance(each, Round) and each.point == point]


def last(door: Door) -> Round:
    return [each for each in door.records if isinstance(each, Round)][-1]


def due(door: Door) -> dict[str, tuple[str, str]]:
    """Point -> (stage, when it is due), as the status tells it."""
    controller = door.controller
    turn = Turn(controller.state, door.moment, controller.zone, controller.rulebook)
    return {one.point.name: (one.stage, rounds.due_at(turn, one.due_ms)[11:16]) for one in rounds.overview(turn)}


def cleaner(door: Door, **changes: Any) -> Booking:
    return door.guest(77, "cleaner", **changes)


def test_the_shipped_rulebook_has_the_plans_rounds() -> None:
    door = Door(wall=at("2022-06-10 08:00"))
    by_name = {point.name: point for point in parse(text()).rounds.point}
    assert {"public-area", "door-handles", "lift-lobbies", "toilets", "hall-devices"} <= {
        name for name, point in by_name.items() if point.every_minutes == 120
    }
    assert by_name["offices"].every_minutes == 1440
    assert due(door)["toilets"] == ("done", "11:00")
    assert due(door)["offices"] == ("done", "20:00")


@pytest.mark.parametrize(
    ("begins", "waits_h", "told_so_far"),
    [
        ("2022-06-01 08:00", 2.9, ["due"]),
        ("2022-06-01 08:00", 3.2, ["due"]),
        ("2022-06-01 08:00", 3.3, ["due", "amber"]),
        ("2022-06-01 08:00", 3.6, ["due", "amber", "red"]),
        ("2022-06-03 08:00", 16, []),
        ("2022-06-04 08:00", 16, []),
        ("2022-06-01 16:00", 0.9, ["due"]),
        ("2022-06-01 17:10", 6.8, []),
    ],
)
def test_a_round_is_due_within_the_opening_hours_of_its_day(
    begins: str, waits_h: float, told_so_far: list[str]
) -> None:
    """A holiday and a Saturday have none. Once a day it is due, if only at closing; after closing nothing is asked."""
    door = door_at(begins)
    door.wait(waits_h * 3600)
    assert told(door) == told_so_far


def test_nobody_does_it_all_day_and_the_next_day_begins_anew() -> None:
    door = door_at("2022-06-01 08:30")
    door.wait(15.4 * 3600)
    assert told(door)[:3] == ["due", "amber", "red"]
    assert set(told(door)[3:]) == {"red"} and len(told(door)) == 2 + rounds.ESCALATIONS
    assert [each.active for each in door.alarmed("round_overdue")] == [True] * rounds.ESCALATIONS
    door.wait(0.2 * 3600)
    assert told(door)[-1] == "missed"
    assert door.alarmed("round_overdue")[-1].active is False
    assert due(door)["handles"] == ("done", "11:00")


def test_a_round_is_asked_for_as_long_as_any_service_is_open() -> None:
    door = Door(only('name = "offices"\nevery_minutes = 1440\n'), wall=at("2022-06-01 17:10"))
    assert due(door)["offices"] == ("done", "20:00")


def test_a_round_once_a_day_is_due_at_its_end_and_done_before_it_counts() -> None:
    door = door_at("2022-06-01 08:30", 'name = "offices"\nevery_minutes = 1440\n')
    assert due(door)["offices"] == ("done", "17:00")
    door.wait(3600)
    assert door.order("sign_off", point="offices") == ""
    door.wait(12 * 3600)
    assert told(door, "offices") == ["done"]


def test_its_own_hours_and_a_closed_day() -> None:
    door = door_at("2022-06-04 05:00", HANDLES + 'within = ["06:00-07:30", "20:00-24:00"]\n')
    assert due(door)["handles"] == ("done", "08:00")
    door.wait(3.6 * 3600)
    assert told(door) == ["due", "amber", "red"]


# ---------------------------------------------------------------- who signs


def test_a_cleaner_signs_by_pass_and_any_press_and_goes_in_by_the_same_scan() -> None:
    door = door_at("2022-06-01 11:05")
    door.wait(2 * 3600)
    assert door.comes(cleaner(door), 77) == "admit"
    door.press(0.3)
    signed = last(door)
    assert (signed.state, signed.by, signed.lane) == ("done", f"{77:016x}", "A")
    assert signed.late_s == 0
    assert not door.alarmed("button_without_badge")
    door.cross()
    assert door.state.rights.net_inside == 1


@pytest.mark.parametrize("seconds", [0.3, 2.5, 8.5])
def test_a_badge_that_opens_the_lane_signs_by_a_long_press_only(seconds: float) -> None:
    door = door_at("2022-06-01 11:00")
    door.scan(door.badge())
    door.press(seconds)
    assert told(door) == (["done"] if seconds > 8 else [])
    assert (door.lane.grant is not None) == (seconds < 1), "a short press lets one body in"
    assert (door.lane.state == "held") == (seconds == 2.5), "a longer one holds"


@pytest.mark.parametrize(
    ("direction", "seconds", "signs"), [("out", 0.3, False), ("both", 0.3, False), ("out", 8.5, True)]
)
def test_who_leaves_by_pass_and_button_has_signed_nothing(direction: str, seconds: float, signs: bool) -> None:
    """At a way out the button is everybody's: a press that opens is no signature, whosever pass was shown before."""
    door = door_at("2022-06-01 11:05", setup={"direction": direction})
    door.scan(cleaner(door))
    door.press(seconds)
    assert told(door) == (["done"] if signs else [])
    assert door.decision.answer == "admit"


@pytest.mark.parametrize(
    "changes",
    [
        {"person_class": "visitor"},
        {"hall": "elsewhere"},
        {"revoked": True},
        {"expires_s": 1},
        {"not_before_s": 2**40},
    ],
)
def test_who_may_not_sign_does_not(changes: dict[str, Any]) -> None:
    door = door_at("2022-06-01 11:05")
    door.comes(door.guest(77, **{"person_class": "cleaner", **changes}), 77)
    door.press(0.3)
    assert told(door) == []


def test_a_pass_is_good_for_one_press_and_some_seconds() -> None:
    door = door_at("2022-06-01 11:05")
    door.comes(cleaner(door), 77)
    door.wait(15)
    door.press(0.3)
    assert told(door) == []
    door.scan(cleaner(door))
    door.press(0.3)
    door.press(0.3)
    assert told(door) == ["done"]


def test_in_an_evacuation_and_at_an_isolation_the_attendants_press_means_what_it_meant() -> None:
    door = door_at("2022-06-01 11:05")
    door.order("evacuate")
    door.scan(door.badge())
    door.press(8.5)
    assert told(door) == []
    assert door.lane.state != "evacuated", "the press was the reset"


def test_an_order_signs_a_point_of_this_device_and_no_other() -> None:
    door = door_at("2022-06-01 11:05", HANDLES, 'name = "far"\ndevice = "another"\nevery_minutes = 60\n')
    assert door.order("sign_off", point="far") == "no_such_point"
    assert door.order("sign_off", point="handles") == ""
    assert (last(door).state, last(door).by) == ("done", "hub")
    assert set(due(door)) == {"handles"}


def test_points_without_a_lane_are_the_banks() -> None:
    points = ('name = "toilets"\nevery_minutes = 60\n', 'name = "here"\ndevice = "door"\nevery_minutes = 60\n')
    assert set(due(door_at("2022-06-01 10:00", *points))) == {"toilets", "here"}
    assert set(due(door_at("2022-06-01 10:00", *points, bank=False))) == {"here"}


# ---------------------------------------------------------------- late


def test_an_alarm_names_all_that_are_late_and_ends_with_the_last_of_them() -> None:
    door = door_at("2022-06-01 09:00", HANDLES, 'name = "toilets"\nevery_minutes = 180\n')
    door.wait(2.6 * 3600)
    assert [(each.active, each.detail) for each in door.alarmed("round_overdue")] == [(True, "handles")]
    door.wait(1 * 3600)
    assert door.alarmed("round_overdue")[-1].detail == "handles, toilets"
    door.order("sign_off", point="handles")
    assert (door.alarmed("round_overdue")[-1].active, door.alarmed("round_overdue")[-1].detail) == (True, "toilets")
    door.order("sign_off", point="toilets")
    assert door.alarmed("round_overdue")[-1].active is False


def test_the_buzzer_calls_when_it_is_much_too_late() -> None:
    door = door_at("2022-06-01 09:00", setup={"buzzer": True})
    door.wait(2.4 * 3600)
    assert not [each for each in door.actions if isinstance(each, Buzz)]
    door.wait(0.2 * 3600)
    assert [each.show_ms for each in door.actions if isinstance(each, Buzz)] == [rounds.BUZZ_MS]


def test_a_lane_that_is_held_by_it_lets_in_who_can_do_it_and_everybody_out() -> None:
    door = door_at("2022-06-01 09:00", HANDLES + "hold = true\n")
    door.wait(2.6 * 3600)
    assert door.comes(door.guest(1), 1) == "wait"
    assert door.answered == ("wait", "3.1.5a", "round_overdue")
    assert door.scan(door.guest(1), "X") == "admit"
    door.wait(20)
    assert door.comes(cleaner(door), 77) == "admit"
    door.press(0.3)
    door.cross()
    door.wait(12)
    assert door.comes(door.guest(2), 2) == "admit"


# ---------------------------------------------------------------- time and restarts


def again(door: Door, off_s: float, boot: str, *, trusted: bool = True) -> None:
    """The process ends; what the journal gives back goes on after `off_s`. Another boot begins its elapsed time anew."""
    door.controller = Controller.restore(door.controller.snapshot(), door.controller.zones)
    wall = door.wall_0 + door.now + off_s
    door.now = door.now + off_s if boot == "boot-1" else 30.0
    door.wall_0, door.trusted, door.wake = wall - door.now, trusted, None
    door.start(boot)


@pytest.mark.parametrize("boot", ["boot-1", "boot-2"])
def test_a_round_survives_a_restart_and_a_power_loss(boot: str) -> None:
    door = door_at("2022-06-01 09:00")
    door.wait(1.5 * 3600)
    door.order("sign_off", point="handles")
    again(door, 1800, boot)
    assert due(door)["handles"] == ("done", "12:30")
    door.wait(1.8 * 3600)
    assert told(door)[-1:] == ["amber"]
    again(door, 900, boot)
    door.wait(60)
    assert told(door)[-1] == "red"
    assert len(door.alarmed("round_overdue")) == 1


def test_a_doubtful_clock_counts_by_elapsed_time_at_any_hour_and_names_no_time() -> None:
    door = door_at("2022-06-01 09:00")
    door.order("sign_off", point="handles")
    again(door, 600, "boot-2", trusted=False)
    door.wall_0 = 0.0
    assert due(door)["handles"] == ("done", "")
    door.wait(2.3 * 3600)
    assert told(door)[-1] == "amber" and last(door).due_at == ""
    door.wait(0.3 * 3600)
    assert told(door)[-1] == "red"
    assert door.comes(cleaner(door), 77) in ("staff", "admit", "refuse")
    door.press(0.3)
    assert told(door)[-1] == "done"


def test_a_clock_that_is_trusted_again_knows_how_long_the_power_was_off() -> None:
    door = door_at("2022-06-01 09:00")
    door.order("sign_off", point="handles")
    signed = door.wall_0 + door.now
    again(door, 3 * 3600, "boot-2", trusted=False)
    assert due(door)["handles"][0] == "done"
    door.wait(60)
    door.trusted = True
    door.do(events.ClockChecked())
    assert due(door)["handles"] == ("red", f"{dt.datetime.fromtimestamp(signed + 7200, door.controller.zone):%H:%M}")


def test_a_new_rulebook_keeps_what_was_signed_and_drops_what_is_gone() -> None:
    door = door_at("2022-06-01 09:00", HANDLES, 'name = "toilets"\nevery_minutes = 60\n')
    door.order("sign_off", point="handles")
    door.wait(1.7 * 3600)
    assert door.alarmed("round_overdue")[-1].detail == "toilets"
    assert door.load(text(only(HANDLES.replace("120", "240")), serial=9)) == "taken"
    assert due(door) == {"handles": ("done", "13:00")}
    assert door.alarmed("round_overdue")[-1].active is False
    assert "missed" not in told(door, "toilets")


# ---------------------------------------------------------------- goods (3.1.5b)

GOODS = 'name = "goods"\nlane = "A"\nafter_hand_over_minutes = 30\nwho = ["staff"]\n'


def test_goods_wait_from_their_hand_over_until_they_are_signed_also_over_night() -> None:
    door = door_at("2022-06-01 16:30", GOODS)
    door.wait(600)
    assert told(door, "goods") == []
    assert door.comes(door.guest(5, "courier"), 5) == "staff"
    door.wait(900)
    assert door.comes(door.guest(6, "courier"), 6) == "staff"
    door.wait(20 * 60)
    assert due(door)["goods"] == ("due", "17:10"), "the earlier delivery's time"
    door.wait(12 * 3600)
    assert due(door)["goods"][0] == "red" and "missed" not in told(door, "goods")
    assert door.order("sign_off", point="goods") == ""
    assert due(door)["goods"] == ("done", "")


# ---------------------------------------------------------------- what is refused at the desk


@pytest.mark.parametrize(
    ("point", "rules", "because"),
    [
        ('name = "x"\n', "", "needs either every_minutes or after_hand_over_minutes"),
        (GOODS + "every_minutes = 5\n", "", "needs either every_minutes or after_hand_over_minutes"),
        ('name = "x"\nevery_minutes = 60\nhold = true\n', "", "only a lane can be held"),
        (HANDLES + 'within = ["12:00-11:00"]\n', "", "ends before it begins"),
        (HANDLES + "[[rounds.point]]\n" + HANDLES, "", "stands here twice"),
        (HANDLES + "[[rounds.point]]\n" + GOODS, "", "one press cannot sign both"),
        (HANDLES, "red_minutes = 5", "is less than grace_minutes"),
        (HANDLES, "press_ms = 5500", "nobody could tell the presses apart"),
        (HANDLES + "evry_minutes = 5\n", "", "every_minutes"),
    ],
)
def test_points_that_contradict_themselves_are_refused(point: str, rules: str, because: str) -> None:
    with pytest.raises(Mistake, match=because):
        parse(text(only(point, rules=rules)))


# ---------------------------------------------------------------- any order

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 20 * 3600)),
        st.tuples(st.just("sign"), st.sampled_from(["handles", "toilets", "nothing"])),
        st.tuples(st.just("trust"), st.booleans()),
        st.tuples(st.just("restart"), st.sampled_from(["boot-1", "boot-2"])),
        st.tuples(st.just("step_back"), st.integers(0, 7200)),
    ),
    max_size=14,
)


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_whatever_happens_the_alarm_stands_while_something_is_red_and_no_longer(steps: list[tuple[str, Any]]) -> None:
    """And a signature always ends it, the records never pile up, and the memory is the same after a restart."""
    door = door_at("2022-06-01 08:00", HANDLES, 'name = "toilets"\nevery_minutes = 45\n')
    for what, value in steps:
        _do(door, what, value)
        kept = door.state.rounds
        red = tuple(name for name, one in kept.points.items() if one.stage == "red")
        assert kept.red == red
        alarms = door.alarmed("round_overdue")
        assert (bool(alarms) and alarms[-1].active) == bool(red)
        assert not red or alarms[-1].detail == ", ".join(red)
        assert Controller.restore(door.controller.snapshot(), door.controller.zones).state == door.state
    for name in ("handles", "toilets"):
        assert door.order("sign_off", point=name) == ""
    assert not door.state.rounds.red
    most = 2 * 2 * (len(steps) + 1) * (4 + rounds.ESCALATIONS)  # two points, and a wait reaches into one more day
    assert len([each for each in door.records if isinstance(each, Round)]) <= most


def _do(door: Door, what: str, value: Any) -> None:
    if what == "wait":
        door.wait(value)
    elif what == "sign":
        door.order("sign_off", point=value)
    elif what == "restart":
        again(door, 60, value if value == "boot-1" else f"boot-{door.now}", trusted=door.trusted)
    elif what == "trust":
        door.trusted = value
        door.do(events.ClockChecked())
    else:
        door.wall_0 -= value
        door.do(events.ClockChecked())
