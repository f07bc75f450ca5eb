"""Rows and notices of the others: what a door takes from them, and what it does not."""

from __future__ import annotations

import pytest
from msgspec import structs

from firmware.core import estimate, events, limit
from firmware.core.limit import PEERS
from firmware.core.records import Alarm
from tests.core.hall import Hall, Member


def hall() -> tuple[Hall, Member, Member, Member]:
    """Two entries and an exit, and six places; the north entry is the bank."""
    north, south = Member("north", bank=True, limit=6), Member("south", limit=6)
    out = Member("out", direction="out")
    return Hall(north, south, out), north, south, out


def quarantines(door: Member) -> int:
    return len([each for each in door.records if isinstance(each, Alarm) and each.alarm == "quarantine"])


# -------------------------------------------------------------- rows


@pytest.mark.parametrize("how", ["twin", "own row", "receipt", "rival bank"])
def test_a_door_whose_journal_cannot_be_the_whole_truth_lets_nobody_in_and_gives_nothing(how: str) -> None:
    whole, north, south, _ = hall()
    own, other = north.row, south.row
    told = {
        "twin": events.RowArrived(row=own, twin=True),
        "own row": events.RowArrived(row=structs.replace(own, X=own.X + 1)),
        "receipt": events.RowArrived(row=structs.replace(other, V={"north": 7})),
        "rival bank": events.RowArrived(row=structs.replace(other, bank=True, M=5)),
    }
    north.do(told[how]).do(told[how])
    assert quarantines(north) == 1 and north.row.state == "quarantine"
    held = north.free
    assert held > 0 and north.admit(1) == "wait" and south.scan(south.booking(2, party=6)) == "wait"
    whole.talk()
    assert north.free == held


def test_a_row_of_ones_own_that_comes_back_counts_nobody_twice() -> None:
    _, north, *_ = hall()
    north.admit(1)
    north.do(events.RowArrived(row=north.row))
    assert estimate.inside(north.state) == 1 and "north" not in north.state.peers


def test_the_count_of_the_hall_is_what_every_door_counted() -> None:
    whole, north, south, out = hall()
    south.admit(1)
    south.scan(south.booking(2))
    south.wait(12)  # turned back
    south.do(events.Crossed(lane="A", direction="in"))
    whole.talk()
    assert estimate.inside(north.state) == whole.inside == 2
    out.leave()
    whole.talk()
    assert estimate.inside(north.state) == whole.inside == 1


def test_no_more_doors_than_there_is_memory_for() -> None:
    _, north, south, _ = hall()

    def heard(*numbers: int) -> int:
        for number in numbers:
            north.do(events.RowArrived(row=structs.replace(south.row, inc=f"d-{number}", V={})))
        return len(north.state.peers)

    assert heard(*range(PEERS + 3)) == PEERS
    assert "d-62" not in north.state.peers  # south and out are two
    assert north.order("fence", inc="d-0") == "" and heard(*range(PEERS)) == PEERS + 1
    told = [each for each in north.records if isinstance(each, Alarm) and each.alarm == "too_many_devices"]
    assert [(each.active, each.detail[:11]) for each in told] == [
        (True, "d-62 is not"),
        (False, ""),
        (True, "d-63 is not"),
    ]
    assert "d-62" in north.state.peers and "d-0" in north.state.peers  # whom d-0 let in may be inside still


def test_two_devices_of_one_name_are_told_by_the_bank_that_hears_both() -> None:
    """Each has a journal of its own, so that no right is in doubt; but the broker knows one client of a name."""
    _, north, south, _ = hall()
    first, second = south.row, structs.replace(south.row, inc="south-9", T={}, V={})

    def told() -> list[tuple[bool, str]]:
        said = [each for each in north.records if isinstance(each, Alarm) and each.alarm == "two_of_one_name"]
        return [(each.active, each.detail) for each in said]

    for row, after in ((first, 9), (first, 9), (second, 30), (second, 9)):
        north.do(events.RowArrived(row=row), after=after)
    north.do(events.RowArrived(row=first, copy=True), after=1)
    assert told() == [], "a board was replaced, and what the first one said is kept"
    for row in (first, second, first, second):
        north.do(events.RowArrived(row=row), after=5)
        south.do(events.RowArrived(row=second), after=5)
    assert told() == [(True, "south: south, south-9")]
    assert "two_of_one_name" not in south.alarms, "one voice is enough"
    north.do(events.RowArrived(row=second), after=50)
    assert len(told()) == 1
    north.do(events.RowArrived(row=second), after=11)
    assert told()[1:] == [(False, "")] and north.state.alarms == []


def test_a_door_that_has_nothing_new_to_say_is_there_all_the_same() -> None:
    whole, north, south, _ = hall()
    assert south.scan(south.booking(1, party=6)) == "wait"
    row = south.row
    north.do(events.RowArrived(row=row), after=20)
    assert north.state.peers["south"].seen_ms == int(north.now * 1000)


def test_whose_row_was_only_handed_on_is_given_nothing() -> None:
    north, south = Member("north", bank=True, limit=6), Member("south", limit=6)
    assert south.scan(south.booking(1)) == "wait"
    north.do(events.RowArrived(row=south.row, copy=True))
    assert north.free == 6
    north.do(events.RowArrived(row=south.row))
    assert north.free < 6
    seen_ms = north.state.peers["south"].seen_ms
    north.do(events.RowArrived(row=south.row, copy=True), after=5)
    assert north.state.peers["south"].seen_ms == seen_ms


def test_whoever_came_in_by_an_exit_is_missed_at_no_entry() -> None:
    """The exit is in debt then, and nobody comes in on places that are taken."""
    whole, north, south, out = hall()
    out.do(events.Crossed(lane="A", direction="in"))
    whole.talk()
    assert (out.free, north.free + south.free) == (0, 5)


def test_a_door_is_drained_when_its_gifts_have_arrived_and_takes_back_what_it_allowed() -> None:
    whole, north, south, _ = hall()
    assert south.scan(south.booking(1)) == "admit"
    assert south.order("drain") == "" and south.lane.grant is None
    south.scan(south.booking(2))
    assert (south.row.free, south.row.want, south.row.asks, south.row.state) == (0, 0, 0, "draining")
    whole.talk()
    assert (south.row.state, north.free) == ("drained", 6)


# -------------------------------------------------------------- notices


def test_a_new_limit_opens_no_door_that_waits_for_a_count() -> None:
    whole, north, south, _ = hall()
    south.admit(1)
    south.start("boot-2")
    north.order("limit", n=7)
    whole.talk()
    assert south.state.recount_needed and south.row.state == "hold"


def test_a_new_limit_takes_no_permit_back() -> None:
    whole, north, south, _ = hall()
    assert south.scan(south.booking(1)) == "admit"
    north.order("limit", n=7)
    whole.talk()
    assert south.lane.state == "granted"


def test_a_banks_own_notice_that_comes_back_is_no_other_banks() -> None:
    _, north, *_ = hall()
    assert north.state.notice is not None
    north.do(events.NoticeArrived(notice=north.state.notice))
    assert not north.state.quarantined


def test_who_is_written_off_knows_it() -> None:
    whole, north, south, _ = hall()
    north.order("fence", inc="south", evidence=0)
    whole.talk()
    assert [limit.written_off(door.state) for door in (north, south)] == [False, True]
