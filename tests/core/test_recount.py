"""Counting a hall anew: held first, answered by everybody, and no right made out of what nobody knows."""

from __future__ import annotations

import pytest
from msgspec import structs

from firmware.core import emergency, estimate, events
from tests.core.hall import fill, hall, told, turn_of


def test_the_halls_hold_takes_unused_permits_back_and_lets_everybody_out() -> None:
    whole, north, south, out = hall()
    whole.talk()
    south.scan(south.booking(1))
    assert north.order("hold") == ""
    whole.talk()
    assert south.lane.grant is None and south.row.held and whole.free == 6
    assert [door.scan(door.booking(2)) for door in (north, south)] == ["wait", "wait"] and north.because == "hall_held"
    assert north.decision.phrase == "held"
    assert out.scan(out.booking(3)) == "admit"
    assert north.order("release") == ""
    whole.talk()
    south.wait(6)
    assert south.admit(2) == "admit"


def test_missing_rights_are_made_only_when_everybody_has_answered() -> None:
    whole, north, south, out = hall()
    fill(north, 3)
    whole.talk()
    out.leave(1)  # and two more left by a door nobody counts: really nobody is inside
    whole.talk()
    assert north.order("recount", inside=0) == "hold_first"
    north.order("hold")
    whole.talk()
    whole.cut = {"south"}
    assert north.order("recount", inside=0) == ""
    whole.talk()
    assert whole.free == 4, "nothing is made while the south door has not answered"
    whole.cut = set()
    whole.talk()
    assert whole.free == 6 and {door.state.recount for door in whole.doors.values()} == {None}
    north.order("release")
    whole.talk()
    assert fill(north, 9) + fill(south, 9, 50) <= 6 and whole.free >= 0


def test_a_hold_that_was_released_proves_nothing_of_those_who_have_not_heard_so() -> None:
    whole, north, *_ = hall()
    north.order("hold")
    whole.talk()
    north.order("release")
    assert north.order("recount", inside=0) == "hold_first"


def test_a_hold_said_again_gives_up_no_recount() -> None:
    whole, north, *_ = hall()
    north.order("hold")
    whole.talk()
    whole.cut = {"south"}
    north.order("recount", inside=0)
    north.order("hold")
    assert north.state.recount is not None and "recount_given_up" not in north.alarms


def test_who_may_hold_rights_and_never_spoke_is_not_counted_out() -> None:
    whole, north, south, _ = hall()
    north.order("hold")
    whole.talk()
    north.do(events.RowArrived(row=structs.replace(south.row, seq=south.row.seq + 1, T={"west": 2})))
    assert north.order("recount", inside=0) == "not_everybody_heard"


def test_rights_on_their_way_from_door_to_door_are_not_made_again() -> None:
    whole, north, south, out = hall()
    north.order("hold")
    whole.talk()
    south.state.rights.T["out"] = south.state.rights.T.get("out", 0) + 2  # and "out" has not heard of it
    for door in (south, out):
        north.do(events.RowArrived(row=door.row))
    assert north.order("recount", inside=0) == ""
    for door in (south, out):
        door.do(events.NoticeArrived(notice=north.state.notice))  # type: ignore[arg-type]
        north.do(events.RowArrived(row=door.row))
    assert north.state.recount is None and whole.free == 6


def test_neither_a_new_limit_nor_a_new_bank_takes_back_what_a_recount_made() -> None:
    whole, north, south, out = hall()
    whole.talk()
    assert fill(north, 3) == 3 and south.free == 2
    whole.cut = {"south"}  # it is dead, and its two rights with it
    north.order("fence", inc="south", evidence=0)
    north.order("hold")
    whole.talk()
    assert north.order("recount", inside=0) == ""
    whole.talk()
    assert north.free + out.free == 6
    north.order("limit", n=8)
    assert north.free + out.free == 8
    north.order("limit", n=6)
    north.bank, out.bank = False, True
    north.start(), out.start()
    whole.talk()
    assert out.order("limit", n=7) == ""
    whole.talk()
    assert north.free + out.free == 7


@pytest.mark.parametrize("counted", [1, 5])
def test_rights_that_are_too_many_go_at_once(counted: int) -> None:
    whole, north, *_ = hall()
    north.order("hold")
    whole.talk()
    whole.cut = {"south", "out"}
    assert north.order("recount", inside=counted) == "" and whole.free == 6 - counted


def test_a_new_limit_brings_back_nothing_that_was_too_much() -> None:
    whole, north, south, _ = hall()
    north.order("hold")
    whole.talk()
    whole.cut = {"south", "out"}
    assert north.order("recount", inside=5) == "" and whole.free <= 1
    whole.cut = set()
    whole.talk()
    assert whole.free == 1
    north.order("limit", n=8)
    assert whole.free == 3, "a new limit does not undo a recount"
    north.wait(24 * 3600)
    assert whole.free == 3


def test_a_release_before_everybody_answered_makes_nothing() -> None:
    whole, north, _, _ = hall()
    fill(north, 3)
    north.order("hold")
    whole.talk()
    whole.cut = {"south"}
    north.order("recount", inside=0)
    whole.talk()
    north.order("release")
    whole.cut = set()
    whole.talk()
    assert whole.free == 3 and "recount_given_up" in north.alarms


def test_people_who_leave_during_a_recount_never_make_a_right() -> None:
    whole, north, _, out = hall()
    fill(north, 4)
    north.order("hold")
    whole.talk()
    whole.cut = {"out"}
    north.order("recount", inside=4)
    out.leave(2)
    whole.cut = set()
    whole.talk()
    assert whole.free + 2 <= 6


def test_a_recount_of_the_hall_opens_doors_that_were_held_by_a_power_loss() -> None:
    whole, north, south, _ = hall()
    fill(south, 1)
    whole.talk()
    fill(south, 1)
    south.start("boot-2")
    assert south.state.recount_needed and south.scan(south.booking(7)) == "wait"
    whole.talk()
    north.order("hold")
    whole.talk()
    assert north.order("recount", inside=1) == ""
    whole.talk()
    assert not south.state.recount_needed
    assert [len(told(door, "recount_needed", active=False)) for door in (north, south)] == [0, 1]
    north.order("release")
    whole.talk()
    south.wait(6)
    assert south.admit(8) == "admit"


def test_a_hall_is_not_counted_while_a_door_stands_open() -> None:
    """Whoever walks in until its reset would be in nobody's count: the bank waits for it, the door for a new count."""
    whole, north, south, _ = hall()
    fill(south, 1)
    south.contact("fire_loop", False)
    north.order("hold")
    whole.talk()
    assert (south.row.held, north.order("recount", inside=0)) == (False, "hold_first")
    south.contact("fire_loop", True)
    assert emergency.reset(turn_of(south), "anna") == ""
    whole.talk()
    assert (south.row.held, north.order("recount", inside=3)) == (True, "")
    whole.talk()
    north.order("release")
    whole.talk()
    assert estimate.inside(north.state) == 3 and not south.state.recount_needed
    assert south.admit(10) == "admit"


def test_a_bank_that_is_evacuated_itself_counts_nobody() -> None:
    _, north, *_ = hall()
    north.contact("fire_loop", False)
    assert north.order("recount", inside=0) == "evacuated" and north.state.recount_needed
    north.contact("fire_loop", True)
    assert emergency.reset(turn_of(north), "anna") == "" and north.state.recount_needed


def test_a_count_that_ended_before_the_reset_does_not_open_the_door() -> None:
    """The bank's word of it may have been on its way when the loop of this door was cut."""
    whole, north, south, _ = hall()
    north.order("hold")
    whole.talk()
    assert north.order("recount", inside=0) == ""
    south.contact("fire_loop", False)
    whole.talk()
    south.contact("fire_loop", True)
    assert emergency.reset(turn_of(south), "anna") == "" and south.state.recount_needed
