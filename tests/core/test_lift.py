"""The lifts: divided by class, filled only as far as people keep their distance, and no way out in a fire (3.1.5d)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.core import car, events
from firmware.core.actions import GateClose, GateFree, GateOpen, SignIdle, VoiceSay
from firmware.core.records import Alarm
from firmware.core.state import CarSetup, LaneSetup
from firmware.rulebook.book import parse
from tests.core.stage import Stage, rulebook
from tests.people.hall import Door

SIZE = CarSetup(width_mm=1600, depth_mm=1400, rated_persons=13)
LIFT = LaneSetup(name="L", direction="elevator", comes_from="hall", passage_sensor=True, car=SIZE)
GARAGE = LaneSetup(name="L", direction="elevator", passage_sensor=True, car=SIZE)
STAFF = LaneSetup(name="M", direction="elevator", comes_from="hall", classes=("staff",), passage_sensor=True, car=SIZE)
STREET = LaneSetup(name="A", direction="in", passage_sensor=True, button=True)
OVER = "电梯人多 请后上者退出"
FOUR = "[elevator]\nspacing_mm = 800\n"


def stage(lift: LaneSetup = LIFT, more: str = FOUR, **book: Any) -> Stage:
    return Stage(lanes=(STREET, lift, STAFF), more=more, limit=20, **book)


def ride(hall: Stage, number: int, **changes: Any) -> str:
    answer = hall.scan(hall.booking(number, **changes), "L")
    if answer == "admit":
        hall.cross(lane="L")
    hall.wait(6)
    return answer


@pytest.mark.parametrize(
    ("width_mm", "depth_mm", "spacing_mm", "persons"),
    [
        (1600, 1400, 800, 4),  # two by two
        (1600, 1400, 1000, 3),  # a triangle: 1100 x 900 holds one of 1000 a side
        (1400, 1300, 1000, 2),  # one in each of two corners
        (1600, 500, 500, 3),  # a narrow one: all in a row
        (2400, 2400, 1000, 6),  # three rows of 2, the middle one shifted
        (2600, 2400, 1000, 8),  # three rows of 3, 2, 3
        (500, 500, 1000, 1),
        (300, 300, 1000, 1),
    ],
)
def test_how_many_ride_together(width_mm: int, depth_mm: int, spacing_mm: int, persons: int) -> None:
    size = CarSetup(width_mm=width_mm, depth_mm=depth_mm, rated_persons=99)
    assert car.apart(size, spacing_mm) == persons
    assert car.apart(CarSetup(width_mm=depth_mm, depth_mm=width_mm, rated_persons=99), spacing_mm) == persons


@given(st.integers(500, 10_000), st.integers(500, 10_000), st.integers(1, 200), st.integers(0, 5_000))
def test_never_more_than_the_plate_says_and_never_none(width: int, depth: int, rated: int, spacing: int) -> None:
    book = parse(rulebook(more=f"[elevator]\nspacing_mm = {spacing}\n"))
    lift = LaneSetup(name="L", direction="elevator", car=CarSetup(width_mm=width, depth_mm=depth, rated_persons=rated))
    most = car.capacity(lift, book)
    assert most is not None and 1 <= most <= rated
    nearer = parse(rulebook(more=f"[elevator]\nspacing_mm = {spacing // 2}\n"))
    assert (car.capacity(lift, nearer) or 0) >= most


def test_the_plate_counts_where_no_distance_is_kept() -> None:
    assert car.capacity(LIFT, parse(rulebook(more="[elevator]\nspacing_mm = 0\n"))) == 13


def test_visitors_and_staff_have_lifts_of_their_own() -> None:
    hall = stage()
    assert hall.scan(hall.booking(1), "M") == "refuse"
    assert hall.because == "other_lift" and hall.decision.clauses[0].clause == "3.1.5d"
    assert hall.signs[-1] == "请改乘另一部电梯"
    assert hall.scan(hall.badge(900), "M") == "admit"
    assert ride(hall, 2) == "admit"


def test_a_full_car_is_waited_for_and_a_slot_is_free_when_somebody_steps_out() -> None:
    hall = stage()
    assert [ride(hall, number) for number in range(1, 6)] == ["admit"] * 4 + ["wait"]
    assert hall.because == "car_full"
    hall.cross("out", lane="L")
    assert "wrong_way" not in hall.alarms
    assert ride(hall, 5) == "admit" and ride(hall, 6) == "wait"


def test_who_has_nothing_to_show_or_no_place_in_the_hall_does_not_wait_for_a_car() -> None:
    hall = stage(GARAGE, proof='"pcr"')
    hall.controller.state.lanes["L"].aboard, hall.controller.state.lanes["L"].boarded_ms = 4, int(hall.now * 1000)
    assert hall.scan(hall.booking(1), "L") == "wait" and hall.because == "pcr_asked"
    assert hall.scan(hall.test(1), "L") == "wait" and hall.because == "car_full"
    full = Stage(lanes=(STREET, GARAGE), more=FOUR, limit=4)
    for number in range(4):
        assert ride(full, number) == "admit"
    assert full.scan(full.booking(5), "L") == "wait" and full.because == "hall_full"


@pytest.mark.parametrize(
    ("person_class", "lift"), [("staff", "内部电梯"), ("cleaner", "内部电梯"), ("guest", "观光电梯")]
)
def test_who_works_here_is_sent_to_the_internal_lift(person_class: str, lift: str) -> None:
    hall = Door(serves=("visitor",), setup={"direction": "elevator", "comes_from": "hall", "button": False})
    badge = hall.guest(1, person_class, key_kind="booking" if person_class == "guest" else "staff")
    assert hall.scan(badge) == "refuse" and hall.because == "other_lift"
    assert lift in [order.zh for order in hall.actions if isinstance(order, VoiceSay)][-1]


def test_after_its_trip_the_car_is_empty() -> None:
    hall = stage(more="[elevator]\ntrip_seconds = 60\n")
    assert [ride(hall, number) for number in range(1, 6)] == ["admit"] * 4 + ["wait"]
    hall.wait(54)
    assert ride(hall, 5) == "admit"


def test_without_a_trip_only_who_was_seen_stepping_out_is_out() -> None:
    hall = stage(more="[elevator]\ntrip_seconds = 0\n")
    assert [ride(hall, number) for number in range(1, 6)] == ["admit"] * 4 + ["wait"]
    hall.wait(3_600)
    assert ride(hall, 5) == "wait"


def test_a_party_takes_its_slots_together_and_one_too_large_is_helped() -> None:
    hall = stage()
    assert hall.scan(hall.booking(1, party=3), "L") == "admit"
    hall.cross(lane="L").cross(lane="L").cross(lane="L").wait(6)
    assert hall.scan(hall.booking(2, party=2), "L") == "wait"
    assert hall.scan(hall.booking(3, party=5), "L") == "staff" and hall.because == "party_over_car"
    assert hall.scan(hall.booking(4, party=4), "L") == "wait" and hall.because == "car_full", "the next car is theirs"


def test_too_many_are_asked_to_step_out_and_the_lift_is_called_for_nobody() -> None:
    hall = stage()
    for _ in range(5):
        hall.cross(lane="L")
    assert "car_over" in hall.alarms and OVER in hall.signs
    assert any(isinstance(action, GateClose) and action.lane == "L" for action in hall.actions)
    assert hall.scan(hall.booking(1), "L") == "wait" and hall.because == "car_over"
    hall.forget()
    hall.cross("out", lane="L")
    assert [(record.alarm, record.active) for record in hall.records if isinstance(record, Alarm)] == [
        ("car_over", False)
    ]
    assert hall.signs == [], "nobody has to step out any more"


def test_a_rulebook_that_makes_the_car_smaller_takes_back_a_call_for_one_too_many() -> None:
    hall = stage()
    assert [ride(hall, number) for number in (1, 2, 3)] == ["admit"] * 3
    assert hall.scan(hall.booking(4), "L") == "admit"
    hall.do(events.RulebookLoaded(text=rulebook(serial=8, limit=20, more="[elevator]\nspacing_mm = 1300\n"), kid="k"))
    assert "car_over" in hall.alarms and OVER in hall.signs
    assert hall.controller.state.lanes["L"].grant is None
    assert [type(action) for action in hall.actions if action.lane == "L" and isinstance(action, GateOpen | GateClose)][
        -1
    ] is GateClose


def test_who_boards_a_lift_inside_the_hall_takes_no_second_place_of_it() -> None:
    hall = stage()
    assert ride(hall, 1) == "admit" and hall.free == 20
    hall.cross("out", lane="L")
    assert hall.free == 20


def test_who_boards_from_the_street_takes_a_slot_and_a_place_or_neither() -> None:
    hall = stage(GARAGE)
    hall.do(events.CommandArrived(id="o", name="limit", issuer="hub", body={"n": 1}))
    assert ride(hall, 1) == "admit" and hall.free == 0
    assert ride(hall, 2) == "wait" and hall.because == "hall_full" and hall.controller.state.lanes["L"].aboard == 1
    hall.cross("out", lane="L")
    assert hall.free == 1 and hall.controller.state.lanes["L"].aboard == 0


def test_a_permit_nobody_used_gives_slot_and_place_back() -> None:
    hall = stage(GARAGE)
    assert hall.scan(hall.booking(1, party=4), "L") == "admit" and hall.free == 16
    hall.wait(30)
    assert hall.free == 20 and hall.controller.state.lanes["L"].aboard == 0
    assert hall.scan(hall.booking(1, party=4), "L") == "admit"


def test_without_a_counter_whoever_was_let_in_rides() -> None:
    hall = stage(LaneSetup(name="L", direction="elevator", comes_from="hall", car=SIZE))
    assert hall.scan(hall.booking(1, party=4), "L") == "admit"
    hall.wait(6)
    assert hall.scan(hall.booking(2), "L") == "wait" and hall.because == "car_full"


def test_in_a_fire_the_calls_drop_and_nobody_is_sent_to_the_lift() -> None:
    hall = stage()
    assert hall.scan(hall.booking(1), "L") == "admit"
    hall.forget()
    hall.contact("fire_loop", False)
    at_lift = [
        type(action) for action in hall.actions if action.lane == "L" and isinstance(action, GateClose | GateFree)
    ]
    assert at_lift == [GateClose] and "禁乘电梯 请走疏散楼梯" in hall.signs and "紧急疏散 由此离开" in hall.signs
    hall.forget()
    assert hall.scan(hall.booking(2), "L") == "nothing"
    hall.cross("out", lane="L").wait(60)
    assert not [action for action in hall.actions if action.lane == "L" and isinstance(action, GateOpen | GateFree)]
    hall.start()
    assert not [action for action in hall.actions if action.lane == "L" and isinstance(action, GateOpen | GateFree)]


def test_the_fire_brigade_s_key_calls_it_all_the_same() -> None:
    hall = stage()
    hall.contact("fire_loop", False)
    hall.forget()
    hall.contact("release_key", True, lane="L")
    assert [type(action) for action in hall.actions if action.lane == "L"][0] is GateFree


def test_a_restart_forgets_nobody_who_rides() -> None:
    hall = stage()
    for number in range(1, 5):
        ride(hall, number)
    hall.start()
    assert ride(hall, 5) == "wait"
    hall.wait(120)
    assert ride(hall, 5) == "admit"


def test_a_lift_of_unknown_size_counts_nobody() -> None:
    hall = stage(LaneSetup(name="L", direction="elevator", comes_from="hall", passage_sensor=True))
    assert [ride(hall, number) for number in range(1, 8)] == ["admit"] * 7


def test_in_an_evacuation_a_lift_sends_nobody_its_way_however_long_it_lasts() -> None:
    stage = Stage(lanes=(LaneSetup(name="A", direction="in"), LaneSetup(name="L", direction="elevator")))
    stage.contact("fire_loop", False)
    idle = {action.lane: action.pages[0][1] for action in stage.actions if isinstance(action, SignIdle)}
    assert idle == {"A": "EMERGENCY: leave this way", "L": "No lift! Leave by the stairs"}
