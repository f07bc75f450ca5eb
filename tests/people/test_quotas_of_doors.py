"""2.2, 3.2.3: quotas that several doors keep together, and what a new board in a dead one's place counts on from."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core import other_doors
from firmware.core.events import PeerUsed
from firmware.core.state import Counted
from tests.people.test_doors import Named
from tests.people.walk_ins import door, roster, walks_in

# -------------------------------------------------------------- several doors


def pair(day: int, share: str = "") -> tuple[Named, Named]:
    shares = (("share = {} ", f"share = {share} "),) if share else ()
    return door(day, 0, 0, *shares, name="north"), door(day, 0, 0, *shares, name="south")


def test_doors_that_hear_each_other_count_together() -> None:
    north, south = pair(3)
    assert [walks_in(north, 50), walks_in(north, 51)] == ["admit"] * 2
    south.do(north.tells())
    assert [walks_in(south, 60), walks_in(south, 61)] == ["admit", "refuse"]


def test_an_older_word_of_a_door_gives_nothing_of_the_quota_back() -> None:
    north, south = pair(2)
    early = north.tells()
    assert [walks_in(north, 50), walks_in(north, 51)] == ["admit"] * 2
    south.do(north.tells()).do(early)
    assert walks_in(south, 60) == "refuse"


def test_a_door_that_is_apart_keeps_to_its_share() -> None:
    north, south = pair(10, "{ north = 60, south = 40 }")
    assert [walks_in(north, 50 + number) for number in range(7)].count("admit") == 6
    assert [walks_in(south, 70 + number) for number in range(7)].count("admit") == 4


def test_a_door_that_misses_one_of_the_others_keeps_to_its_share() -> None:
    shares = ("share = {} ", "share = { north = 60, south = 20, west = 20 } ")
    north, south = door(10, 0, 0, shares, name="north"), door(10, 0, 0, shares, name="south")
    north.do(south.tells())
    assert [walks_in(north, 50 + number) for number in range(7)].count("admit") == 6


def test_a_door_without_a_share_has_all_of_it() -> None:
    north, south = pair(5, "{ south = 100 }")
    assert [walks_in(north, 50 + number) for number in range(6)].count("admit") == 5
    assert [walks_in(south, 70 + number) for number in range(6)].count("admit") == 5


def test_a_door_that_hears_the_others_uses_what_they_leave() -> None:
    north, south = pair(10, "{ north = 60, south = 40 }")
    north.do(south.tells())
    admitted = 0
    for number in range(12):
        admitted += walks_in(north, 50 + number) == "admit"
        north.do(south.tells())
    assert admitted == 10


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["north", "south", "meet", "apart"]), max_size=40), st.integers(0, 9))
def test_shares_hold_the_quota_under_any_partition(steps: list[str], day: int) -> None:
    """More than the quota only by what the doors had not told each other when they parted."""
    north, south = pair(day, "{ north = 50, south = 50 }")
    quota = quota_of(north)
    admitted, untold, slack = 0, 0, 0
    for number, step in enumerate(steps):
        if step == "meet":
            north.meets(south)
            untold = 0
        elif step == "apart":
            for each in (north, south):
                each.wait(125)
        else:
            came = walks_in(north if step == "north" else south, 100 + number) == "admit"
            admitted, untold = admitted + came, untold + came
        slack = max(slack, untold)
        assert admitted <= quota + slack


def test_doors_count_cases_and_the_slot_together_too() -> None:
    north, south = (door(10, 3, 9, ("slot_required = true\n", ""), name=name) for name in ("north", "south"))
    assert north.enters(roster(north, 1, person_class="agent", cases=4), 1) == "admit"
    south.do(north.tells())
    assert south.comes(roster(south, 2, person_class="agent", cases=6), 2) == "refuse"
    assert south.answered == ("refuse", "3.2.3", "case_quota")
    assert [walks_in(south, 60 + number) for number in range(3)] == ["admit", "admit", "refuse"]
    assert south.answered == ("refuse", "3.1.1b", "slot_quota")


def test_what_another_door_counted_yesterday_is_not_of_today() -> None:
    north, south = pair(1)
    assert walks_in(north, 50) == "admit"
    south.do(north.tells())
    assert walks_in(south, 60) == "refuse"
    south.wait(86_400)
    assert walks_in(south, 61) == "admit"


def test_doors_are_apart_when_they_have_not_heard_each_other_for_so_many_seconds() -> None:
    shares = ("share = {} ", "apart_seconds = 60\nshare = { north = 60, south = 40 } ")
    left = {}
    for silent_s in (59, 61):
        north = door(10, 0, 0, shares, name="north")
        north.do(door(10, name="south").tells())
        north.wait(silent_s)
        assert north.scan(north.test(50)) == "admit"
        left[silent_s] = north.decision.remains.day
    assert left == {59: 10, 61: 6}


# -------------------------------------------------------------- another board in a door's place


def test_a_new_board_counts_on_from_the_dead_one_and_once() -> None:
    dead, new, south = door(6, name="north"), door(6, name="north", inc="north-2"), door(6, name="south")
    assert [walks_in(dead, 50 + number) for number in range(4)] == ["admit"] * 4
    last, earlier = dead.tells(), msgspec.structs.replace(dead.tells(), counted=Counted("2022-06-01", 2))
    south.do(last)
    for told in (earlier, last, last, earlier):
        new.do(told)
    assert walks_in(new, 60) == "admit" and new.tells().counted.persons == 5
    assert new.tells().seq < last.seq and other_doors.from_before(new.state, new.tells()) is None
    south.do(new.tells())
    assert [walks_in(south, 70), walks_in(south, 71)] == ["admit", "refuse"]


def test_a_dead_board_of_an_older_version_is_known_by_its_numbers() -> None:
    """Its list does not say whose journal it is."""
    dead, new = door(2, name="north"), door(2, name="north", inc="north-2")
    assert walks_in(dead, 50) == "admit"
    new.do(msgspec.structs.replace(dead.tells(), inc=""))
    assert [walks_in(new, 60), walks_in(new, 61)] == ["admit", "refuse"]
    assert other_doors.from_before(new.state, msgspec.structs.replace(new.tells(), inc="")) is None


def test_what_nobody_used_is_given_back_by_the_new_board_too() -> None:
    dead, new = door(2, name="north"), door(2, name="north", inc="north-2")
    assert walks_in(dead, 50) == "admit"
    new.do(dead.tells())
    assert new.scan(new.test(60)) == "admit"
    new.wait(60)
    assert [walks_in(new, 61), walks_in(new, 62)] == ["admit", "refuse"]


def dead_board(counted: Counted, used: tuple[tuple[str, int, int], ...] = (), day: str = "2022-06-01") -> PeerUsed:
    """What is kept of the door that hung in north's place before."""
    return PeerUsed(device="north", seq=5, inc="north-1", day=day, used=used, held=(), counted=counted)


TOLD = Counted("2022-06-01", persons=4, cases=6, slot=600, slot_persons=2)


@pytest.mark.parametrize(
    "more",
    [{"persons": 5}, {"cases": 7}, {"slot": 630, "slot_persons": 1}, {"slot_persons": 3}, {"persons": 5, "cases": 1}],
)
def test_each_number_of_a_dead_board_only_rises_and_its_echo_is_no_news(more: dict[str, int]) -> None:
    new = door(20, name="north", inc="north-2")
    last = msgspec.structs.replace(TOLD, **more)
    for counted in (TOLD, last):
        assert other_doors.from_before(new.state, dead_board(counted)) is not None
        new.do(dead_board(counted))
        assert other_doors.from_before(new.state, dead_board(counted)) is None
    assert new.tells().counted == msgspec.structs.replace(last, cases=max(6, last.cases))
    assert other_doors.from_before(new.state, dead_board(TOLD)) is None


def test_a_pass_that_only_an_older_list_knew_takes_nothing_from_the_dead_boards_count() -> None:
    new = door(20, name="north", inc="north-2")
    new.do(dead_board(TOLD)).do(dead_board(Counted("2022-05-31", persons=9), (("00000000000000aa", 1, 1_654_000_000),)))
    assert "00000000000000aa" in new.state.used and new.tells().counted == TOLD


def test_a_dead_boards_count_of_a_later_day_begins_that_day() -> None:
    new = door(20, name="north", inc="north-2")
    tomorrow = Counted("2022-06-02", persons=1)
    new.do(dead_board(TOLD)).do(dead_board(tomorrow, day="2022-06-02"))
    new.wait(86_400)
    assert new.tells().counted.persons == 1
    assert other_doors.from_before(new.state, dead_board(TOLD)) is None, "yesterday is over, however many they were"


def test_a_slot_begins_anew_for_a_new_board_as_well() -> None:
    dead, new = door(10, slot=1, name="north"), door(10, slot=1, name="north", inc="north-2")
    assert walks_in(dead, 50) == "admit"
    new.do(dead.tells())
    assert walks_in(new, 60) == "refuse"
    new.wait(30 * 60)
    assert [walks_in(new, 61), walks_in(new, 62)] == ["admit", "refuse"]
    assert new.tells().counted == Counted("2022-06-01", persons=2, cases=2, slot=630, slot_persons=1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["north", "south", "replaced"]), max_size=30), st.integers(0, 9), st.integers(0, 6))
def test_no_board_that_is_replaced_gives_the_hall_a_place_more(steps: list[str], day: int, slot: int) -> None:
    north, south = door(day, slot, name="north"), door(day, slot, name="south")
    admitted, tried = 0, 0
    for number, step in enumerate(steps):
        if step == "replaced":
            told, north = north.tells(), door(day, slot, name="north", inc=f"north-new-{number}")
            north.do(told)
        else:
            admitted += walks_in(north if step == "north" else south, 100 + number) == "admit"
            tried += 1
        north.meets(south)
        whole = min(quota_of(north), slot or 99)
        assert admitted == min(whole, tried)


def quota_of(at_door: Named) -> int:
    assert at_door.controller.rulebook is not None
    return at_door.controller.rulebook.quota_on(dt.date(2022, 6, 1))
