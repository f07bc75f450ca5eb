"""2.2, 3.1.1b, 3.2.3: quotas of day, slot and cases. They bind walk-ins and new grants, never a valid booking."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.core import quotas
from firmware.core.records import Remains
from tests.people.hall import at
from tests.people.test_doors import Named
from tests.people.walk_ins import OPTIONAL, door, roster, walks_in


@pytest.mark.parametrize("places", [0, 1, 3])
def test_the_days_quota_binds_walk_ins_and_never_a_booking(places: int) -> None:
    at_door = door(places)
    for number in range(places):
        assert walks_in(at_door, 50 + number) == "admit"
    assert walks_in(at_door, 99) == "refuse"
    assert at_door.answered == ("refuse", "2.2", "quota")
    assert at_door.signs[-1] == "今日名额已满 请预约"
    assert at_door.uses(1) == "admit"


@pytest.mark.parametrize("order", ["walk-in first", "roster first"])
def test_a_roster_line_without_a_slot_is_a_new_grant(order: str) -> None:
    at_door = door(1)
    if order == "walk-in first":
        assert walks_in(at_door, 50) == "admit"
        assert at_door.comes(roster(at_door, 1)) == "refuse"
    else:
        assert at_door.enters(roster(at_door, 1)) == "admit"
        assert walks_in(at_door, 50) == "refuse"
    assert "quota" in at_door.reasons


def test_a_roster_line_with_a_slot_is_a_booking_and_so_is_a_pass_without_one() -> None:
    at_door = door(0)
    assert at_door.enters(at_door.guest(2, slot_start_s=None, slot_end_s=None), 2) == "admit"
    assert at_door.enters(at_door.guest(1, source="roster")) == "admit"


def test_a_partys_bodies_count_and_none_of_it_comes_in_where_it_does_not_fit() -> None:
    at_door = door(3)
    assert at_door.comes(roster(at_door, 1, party=3, helper=True), 1) == "refuse"
    assert at_door.enters(roster(at_door, 2, party=2, helper=True), 2, bodies=3) == "admit"
    assert at_door.state.quota_used == 3


def test_a_slots_quota_begins_anew_with_the_next_slot() -> None:
    at_door = door(10, slot=1)
    assert walks_in(at_door, 50) == "admit"
    assert walks_in(at_door, 51) == "refuse"
    assert at_door.answered == ("refuse", "3.1.1b", "slot_quota")
    at_door.wait(29 * 60)
    assert walks_in(at_door, 52) == "refuse"
    at_door.wait(60)
    assert walks_in(at_door, 53) == "admit"
    assert at_door.state.quota_used == 2


def test_cases_are_counted_beside_bodies() -> None:
    at_door = door(10, 0, 5, ("slot_required = true\n", ""))
    assert at_door.enters(roster(at_door, 1, person_class="agent", cases=4), 1) == "admit"
    assert at_door.comes(roster(at_door, 2, person_class="agent", cases=2), 2) == "refuse"
    assert at_door.answered == ("refuse", "3.2.3", "case_quota")
    assert at_door.uses(3, person_class="agent", cases=9) == "admit", "a booking with a slot is never refused for it"


def test_a_booking_that_nobody_used_gives_back_nothing_of_the_quota() -> None:
    at_door = door(1, slot=1)
    assert walks_in(at_door, 50) == "admit"
    assert at_door.comes(at_door.guest(1)) == "admit"
    at_door.wait(30)
    assert (at_door.state.quota_used, walks_in(at_door, 51)) == (1, "refuse")


def test_a_class_that_has_to_book_is_asked_for_the_booking_whatever_is_left_for_others() -> None:
    at_door = door(0)
    assert at_door.scan(at_door.card(70)) == "wait"
    assert at_door.answered == ("wait", "3.1.1a", "booking_missing")


def test_who_needs_no_booking_takes_nothing_of_the_quota() -> None:
    at_door = door(0, 0, 0, ('[class.cleaner]                 # (3.1.5a) property cleaners come and go\nbooking = "required"',
                             '[class.cleaner]\nbooking = "none"'))  # fmt: skip
    assert at_door.enters(roster(at_door, 1, person_class="cleaner")) == "admit"
    assert at_door.state.quota_used == 0


def test_a_permit_of_the_slot_before_gives_nothing_back_of_this_one() -> None:
    at_door = door(10, slot=1)
    at_door.wait(30 * 60 - 5)
    assert at_door.scan(at_door.test(50)) == "admit"
    grant, state = at_door.lane.grant, at_door.state
    assert grant is not None
    state.quota_slot, state.quota_slot_used = grant.slot + 30, 1
    quotas.give_back(state, grant)
    assert (state.quota_used, state.quota_slot_used) == (0, 1)


def test_a_permit_of_yesterday_gives_nothing_back_today() -> None:
    at_door = door(3)
    at_door.scan(at_door.test(50))
    grant, state = at_door.lane.grant, at_door.state
    assert grant is not None and (grant.quota_day, state.quota_used) == ("2022-06-01", 1)
    state.quota_day = "2022-06-02"
    quotas.give_back(state, grant)
    assert state.quota_used == 1


def test_who_walks_on_inside_the_hall_was_counted_at_its_door() -> None:
    at_door = door(0, setup={"comes_from": "hall"})
    assert at_door.enters(roster(at_door, 1)) == "admit"
    assert at_door.state.quota_used == 0


def test_a_class_may_be_left_out_of_the_quotas() -> None:
    out = ("[class.assisted]  ", "[class.assisted]\ncounts_quota = false ")
    for changes, answer, used in (((), "refuse", 0), ((out,), "admit", 0)):
        at_door = door(0, 0, 0, *changes)
        assert at_door.enters(roster(at_door, 1, person_class="assisted")) == answer
        assert at_door.state.quota_used == used


def test_what_nobody_used_is_given_back() -> None:
    at_door = door(3, slot=3, cases=9)
    for number in range(5):
        assert at_door.comes(roster(at_door, number + 1, party=2, cases=3), number + 1) == "admit"
        at_door.wait(15)
    state = at_door.state
    assert (state.quota_used, state.quota_slot_used, state.quota_cases) == (0, 0, 0)
    at_door.comes(roster(at_door, 9, party=2, cases=3), 9)
    at_door.cross().wait(15)
    assert (state.quota_used, state.quota_slot_used, state.quota_cases) == (1, 1, 3)
    at_door.comes(roster(at_door, 10, cases=2), 10)
    at_door.wait(15)
    assert (state.quota_used, state.quota_slot_used, state.quota_cases) == (1, 1, 3), "what others took stays taken"


def test_who_comes_back_takes_a_place_and_no_quota() -> None:
    at_door = door(1, 0, 0, ("pcr_validity_hours = 72\n\n[class.elder]", "re_entries = 1\n\n[class.elder]"))
    line = roster(at_door, 1)
    assert at_door.enters(line) == "admit"
    assert at_door.enters(line) == "admit"
    assert (at_door.state.quota_used, at_door.free) == (1, 198)
    assert at_door.enters(line) == "refuse"


def test_the_next_day_begins_at_nothing() -> None:
    at_door = door(1)
    assert walks_in(at_door, 50) == "admit"
    at_door.wait(86_400)
    assert at_door.state.quota_used == 1
    assert walks_in(at_door, 51) == "admit"


@pytest.mark.parametrize(("late", "expected"), [("refuse", "refuse"), ("staff", "staff"), ("walk_in", "admit")])
def test_late_leads_where_the_rulebook_says(late: str, expected: str) -> None:
    at_door = door(1, 0, 0, ('late = "refuse" ', f'late = "{late}" '))
    assert at_door.enters(at_door.guest(1, slot=(-3, -1))) == expected
    assert at_door.state.quota_used == (1 if late == "walk_in" else 0)
    if late == "walk_in":
        assert at_door.comes(at_door.guest(2, slot=(-3, -1)), 2) == "refuse"
        assert "quota" in at_door.reasons


# -------------------------------------------------------------- the walk-in switch, orders of the day


@pytest.mark.parametrize(
    ("book", "phase", "order", "expected"),
    [
        ("false", None, None, "wait"),
        ("true", None, None, "admit"),
        ("true", "false", None, "wait"),
        ("false", "true", None, "admit"),
        ("true", None, False, "wait"),
        ("false", None, True, "admit"),
        ("true", "true", False, "wait"),
    ],
)
def test_walk_ins_by_rulebook_by_phase_and_by_order(
    book: str, phase: str | None, order: bool | None, expected: str
) -> None:
    changes = [("walk_in = false", f"walk_in = {book}"), OPTIONAL]
    if phase:
        changes.append(("share_percent = 60\n", f"share_percent = 60\nwalk_in = {phase}\n"))
    at_door = Named("north", *changes)
    if order is not None:
        assert at_door.order("walk_in", open=order) == ""
    assert at_door.scan(at_door.test(50)) == expected
    if expected == "wait":  # a booking may still come: two codes in either order are one visit
        assert at_door.because == "booking_missing"
        at_door.wait(25)
        assert (at_door.answered[0], at_door.because) == ("refuse", "not_booked")


def test_back_down_within_the_day_by_order() -> None:
    at_door = door(10)
    assert walks_in(at_door, 50) == "admit"
    assert at_door.order("quota", n=1) == ""
    assert walks_in(at_door, 51) == "refuse"
    assert at_door.order("quota", n=2) == ""
    assert walks_in(at_door, 52) == "admit"
    at_door.wait(86_400)
    assert [walks_in(at_door, number) for number in (53, 54, 55)] == ["admit"] * 3, "an order is for its day"


def test_walk_ins_that_were_ordered_for_a_day_are_over_with_it() -> None:
    at_door = Named("north", OPTIONAL)
    assert at_door.order("walk_in", open=True) == "" and walks_in(at_door, 50) == "admit"
    at_door.wait(86_400)
    assert at_door.scan(at_door.test(51)) == "wait" and at_door.because == "booking_missing"


@pytest.mark.parametrize(
    ("name", "body", "because"),
    [
        ("quota", {}, "quota_out_of_range"),
        ("quota", {"n": True}, "quota_out_of_range"),
        ("quota", {"n": -1}, "quota_out_of_range"),
        ("quota", {"n": "1"}, "quota_out_of_range"),
        ("walk_in", {}, "open_must_be_true_or_false"),
        ("walk_in", {"open": 1}, "open_must_be_true_or_false"),
    ],
)
def test_an_order_that_is_none_is_refused(name: str, body: dict[str, Any], because: str) -> None:
    assert door().order(name, **body) == because


def test_who_is_late_is_told_so_and_not_that_the_day_is_full() -> None:
    at_door = door(0, 0, 0, ('late = "refuse" ', 'late = "staff" '))
    at_door.comes(at_door.guest(1, slot_start_s=int(at_door.wall_0) - 7_200, slot_end_s=int(at_door.wall_0) - 3_600))
    assert at_door.answered == ("staff", "3.1.1a", "late")


def test_who_cannot_be_judged_for_the_hour_is_not_told_that_the_day_is_full() -> None:
    at_door = door(1)
    assert walks_in(at_door, 50) == "admit"
    at_door.trusted = False
    assert walks_in(at_door, 51) == "staff"


def test_an_order_for_the_day_needs_a_day() -> None:
    at_door = door()
    at_door.trusted = False
    assert at_door.order("quota", n=1) == "clock_doubtful"


# -------------------------------------------------------------- what remains is told


def test_what_remains_is_on_every_decision() -> None:
    at_door = door(10, slot=4, cases=7)
    walks_in(at_door, 50)
    walks_in(at_door, 51)
    assert at_door.decision.remains == Remains(places=199, day=9, slot=3, cases=6)
    at_door.wait(86_400 - 3600 * 20)
    plain = Named("north")
    plain.enters(plain.guest(1))
    assert plain.decision.remains == Remains(places=200, day=900)
    plain.state.rights.G += 10_000  # the limit was lowered below who is inside
    plain.comes(plain.guest(2), 2)
    assert plain.decision.remains == Remains(places=0, day=900)


def test_with_a_doubtful_clock_the_last_known_day_is_counted_on() -> None:
    """A clock of 1970 must not begin the day's count anew, whatever the rulebook says to a doubt."""
    at_door = door(3, 0, 0, ('clock = "staff"', 'clock = "admit"'), wall=at("2022-06-01 10:00"))
    assert walks_in(at_door, 50) == "admit"
    real, at_door.wall_0, at_door.trusted = at_door.wall_0, 1000.0, False
    test = at_door.test(51, sampled_s=int(real), issued_s=int(real), expires_s=int(real) + 864_000)
    assert at_door.scan(test) == "admit"
    at_door.cross().wait(4)
    at_door.wall_0, at_door.trusted = real, True
    assert (at_door.state.quota_day, at_door.state.quota_used) == ("2022-06-01", 2)
    assert [walks_in(at_door, 52), walks_in(at_door, 53)] == ["admit", "refuse"]
