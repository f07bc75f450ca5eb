"""More people leave than came in: the limit stays the limit, and somebody is told that a way in is not counted."""

from __future__ import annotations

import pytest

from firmware.core import estimate
from firmware.core.undercount import SETTLES_MS
from tests.core.hall import Hall, Member, fill, hall, told

SETTLES_S = SETTLES_MS // 1000


def minute(whole: Hall, *doors: Member) -> None:
    """Everybody says how it stands every five seconds, as devices do."""
    for _ in range(SETTLES_S // 5 + 2):
        for door in doors or whole.doors.values():
            door.wait(5)
        whole.talk(2)


def test_who_came_in_uncounted_and_left_leaves_no_place_too_many_behind() -> None:
    whole, north, south, out = hall()
    assert fill(north, 1) == 1
    out.leave(3)  # two of them came in by a goods door
    whole.talk()
    assert whole.free == 8 and estimate.inside(north.state) == -2
    minute(whole)
    assert whole.free == 6 and estimate.inside(north.state) == 0
    assert [alarm.detail for alarm in told(north, "undercount")] == [
        "2 more counted out than in: that many places taken back"
    ]
    assert not told(south, "undercount") and not told(out, "undercount"), "the bank alone says so"
    assert fill(north, 9) + fill(south, 9, 50) <= 6, "the hall takes its limit and nobody beyond"
    north.order("limit", n=8)
    whole.talk()
    assert whole.free + whole.inside + north.state.recounted == 8, "a new limit does not undo it"


def test_a_row_that_comes_late_costs_no_place() -> None:
    whole, north, south, out = hall()
    whole.cut = {"south"}
    assert south.free and fill(south, 2) == 2
    out.leave(2)
    whole.talk()
    assert estimate.inside(north.state) == -2
    for _ in range(30):
        north.wait(5), out.wait(5), south.wait(5)
        whole.talk(1)
    assert not told(north, "undercount"), "the south door is silent: it may have let them in"
    whole.cut = set()
    minute(whole)
    assert whole.free == 6 and not told(north, "undercount")


def test_only_what_was_missing_all_the_time_is_taken_back() -> None:
    whole, north, south, out = hall()
    out.leave(3)
    whole.talk()
    assert fill(south, 1) == 1  # and one comes in while it is not sure yet
    minute(whole)
    assert [alarm.detail[0] for alarm in told(north, "undercount")] == ["2"]
    assert whole.free == 6 and estimate.inside(north.state) == 0


@pytest.mark.parametrize("why", ["held", "evacuated", "no entry"])
def test_it_is_no_news_where_nobody_is_counted_in_or_a_recount_is_due(why: str) -> None:
    whole, north, *_ = hall()
    if why == "no entry":
        north = Member("north", bank=True, direction="out", limit=6)
        whole = Hall(north)
    if why == "held":
        north.order("hold")
    if why == "evacuated":
        north.order("evacuate")
    before = whole.free
    north.leave(2)
    minute(whole)
    assert not told(north, "undercount") and whole.free == before + 2


def test_a_door_that_is_its_own_hall_needs_not_wait_for_anybody() -> None:
    alone = Member("alone", bank=True, direction="both", limit=4)
    assert alone.state.rights.free == 4
    alone.leave()
    assert alone.state.rights.free == 4 and len(told(alone, "undercount")) == 1
    alone.leave()
    assert alone.state.rights.free == 4 and len(told(alone, "undercount")) == 2


def test_a_door_that_let_people_in_behind_its_last_row_and_was_written_off_costs_no_place() -> None:
    whole, north, south, out = hall()
    whole.cut = {"south"}
    assert fill(south, 2) == 2  # and then it died; by its card it had so many left
    north.order("fence", inc="south", evidence=south.free)
    minute(whole, north, out)
    out.leave(2)
    minute(whole, north, out)
    assert estimate.inside(north.state) == -2, "its last row knew nobody"
    assert north.free + out.free == 6 and not told(north, "undercount")


def test_a_new_bank_that_never_heard_of_a_dead_door_takes_no_place_for_it() -> None:
    whole, north, south, out = hall()
    assert fill(south, 2) == 2
    whole.talk()
    north.state.peers.pop("south")  # as one that came later, and a broker that forgot
    whole.cut = {"south"}
    out.leave(2)
    minute(whole, north, out)
    assert not told(north, "undercount")
