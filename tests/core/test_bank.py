"""The bank: limit up and down, dead and drained devices, a bank that moves. Rights from nowhere: none, ever."""

from __future__ import annotations

import pytest
from msgspec import structs

from firmware.core import bank, estimate, events
from firmware.core.occupancy import Notice, age
from firmware.core.records import Alarm
from tests.core.hall import Hall, Member, at_most, fill, hall, told


def test_the_upper_end_of_the_count_holds_whatever_a_silent_door_does() -> None:
    whole, north, south, _ = hall(limit=9)
    fill(north, 2)
    whole.talk()
    assert south.row.free > 0
    assert at_most(north) == estimate.inside(north.state) == 2, "everybody was just heard"
    whole.cut = {"south"}
    north.wait(16)
    whole.talk()
    seen = at_most(north)
    assert estimate.inside(north.state) == 2 and seen == 2 + south.row.free
    assert fill(south, 9, 100) == seen - 2
    assert estimate.inside(north.state) == 2 and whole.inside <= seen == at_most(north)
    whole.cut = set()
    whole.talk()
    assert at_most(north) == estimate.inside(north.state) == whole.inside


# -------------------------------------------------------------- limit up and down


def test_everybody_spends_from_one_limit() -> None:
    whole, north, south, _ = hall()
    assert (north.row.M, whole.free) == (6, 6)
    came = 0
    for number in range(10):
        came += fill((north, south)[number % 2], 1, 100 + number)
        whole.talk()
    assert came == 6 and whole.inside == 6 and whole.free == 0


def test_a_lowered_limit_is_a_debt_that_exits_pay() -> None:
    whole, north, south, out = hall()
    fill(north, 2)
    whole.talk()
    fill(south, 2, 50)
    assert north.order("limit", n=3) == ""
    whole.talk()
    assert whole.free == -1 and south.scan(south.booking(90)) == "wait"
    south.wait(3)  # that person has gone
    out.leave(1)
    whole.talk()
    assert whole.free == 0
    out.leave(1)
    whole.talk()
    assert whole.free == 1 and whole.inside == 2
    assert north.order("limit", n=5) == "" and whole.free == 3


def test_only_the_bank_takes_such_orders() -> None:
    _, _, south, _ = hall()
    assert {
        south.order(name, n=5, inside=0, inc="out") for name in ("limit", "recount", "hold", "release", "fence")
    } == {"not_the_bank"}
    assert south.order("fence", inc="north", evidence=5) == "not_the_bank", "nor does who would be left without a bank"


# -------------------------------------------------------------- dead, drained, moved


def test_a_dead_devices_rights_come_back_once_everybody_ignores_it() -> None:
    whole, north, south, out = hall()
    whole.talk()
    held = south.row.free
    assert held > 0
    whole.cut = {"south", "out"}  # south is dead, out is away
    assert north.order("fence", inc="south", evidence=held) == ""
    whole.talk()
    assert north.row.M == 6, "the exit may still hear the dead one's rows"
    whole.cut = {"south"}
    whole.talk()
    assert 6 + held == north.row.M and [r.detail for r in told(north, "fenced")] == [f"south: {held} rights returned"]
    north.order("limit", n=6)
    assert 6 + held == north.row.M - north.row.B, "the limit counts what was written off"
    assert north.order("limit", n=7) == "" and north.state.notice is not None
    assert north.state.notice.fenced == ("south",), "another word of the bank fences nobody else"
    north.order("limit", n=6)
    whole.cut = set()
    whole.talk()
    assert south.state.quarantined and south.row.state == "fenced" and fill(south, 3) == 0
    assert out.state.peers["south"].seq <= south.row.seq
    assert fill(north, 9) == 6


def test_a_bank_that_is_left_alone_waits_for_nobody() -> None:
    north, south = Member("north", bank=True, limit=6), Member("south", limit=6)
    whole = Hall(north, south)
    held = south.row.free
    assert held > 0 and north.order("fence", inc="south", evidence=held) == ""
    assert north.free == 6 and whole.free == 6 + held


def test_late_rows_of_a_fenced_device_change_nothing() -> None:
    whole, north, south, _ = hall()
    whole.talk()
    before = south.row
    north.order("fence", inc="south", evidence=0)
    whole.talk()
    held = north.row.free
    gift = before.__class__(
        **{**{name: getattr(before, name) for name in before.__struct_fields__}, "T": {"north": 99}}
    )
    north.do(events.RowArrived(row=gift))
    assert north.row.free == held


@pytest.mark.parametrize(("inc", "because"), [("north", "no_such_device"), ("west", "no_such_device")])
def test_what_is_not_there_cannot_be_fenced(inc: str, because: str) -> None:
    _, north, _, _ = hall()
    assert north.order("fence", inc=inc, evidence=1) == because
    assert north.order("fence", inc="south", evidence=-1) == "evidence_out_of_range"
    assert (north.order("fence", inc="south"), north.order("fence", inc="south")) == ("", "fenced_already")


def test_a_card_that_has_lost_its_end_is_no_evidence() -> None:
    """What it spent since is not on it: as many places would be made a second time."""
    whole, north, south, _ = hall(limit=9)
    whole.talk()
    early, held = age(south.row), south.row.free
    assert south.admit(1) == "admit"
    whole.talk()
    seq, moves = age(south.row)
    assert seq > early[0] and min(held, south.row.free) > 0

    def fenced(persons: int, seq: object, moves: object) -> str:
        return north.order("fence", inc="south", evidence=persons, seq=seq, moves=moves)

    assert [fenced(held, *early), fenced(1, seq - 1, 99), fenced(1, seq, moves - 1)] == ["evidence_is_old"] * 3
    wrong = [("4", 0), ("", 0), (False, 0), (4.0, 0), (4, True), (4, None)]
    assert [fenced(1, *card) for card in wrong] == ["evidence_out_of_range"] * len(wrong)
    assert fenced(south.row.free, seq, moves) == ""


def test_of_a_card_that_has_lost_its_end_nothing_may_be_given_back() -> None:
    whole, north, south, _ = hall(limit=9)
    whole.talk()
    assert north.order("fence", inc="south", evidence=0, seq=0, moves=0) == ""


def test_no_fence_takes_another_ones_away() -> None:
    """A list that let go of its first would count that device's rights again, which came back when it was fenced."""
    _, north, _, _ = hall()
    state = north.state
    assert state.notice is not None
    gone = tuple(f"gone-{number}" for number in range(bank.FENCES))
    state.notice = structs.replace(state.notice, fenced=gone)
    assert north.order("fence", inc="south") == "fence_list_full" and state.notice.fenced == gone
    state.notice = structs.replace(state.notice, fenced=gone[1:])
    assert north.order("fence", inc="south") == "" and state.notice.fenced == (*gone[1:], "south")


def test_a_drained_device_has_nothing_left_and_is_missed_by_nobody() -> None:
    whole, north, south, _ = hall()
    whole.talk()
    assert north.order("drain") == "is_the_bank" and south.order("drain") == ""
    whole.talk()
    assert (south.row.free, south.row.state, whole.free) == (0, "drained", 6)
    assert south.scan(south.booking(1)) == "wait" and south.because == "out_of_service"
    assert south.decision.sign == "请走其他通道"
    assert fill(north, 9) == 6
    assert south.order("drain", on="false") == "on_must_be_true_or_false" and south.row.state == "drained"
    assert south.order("drain", on=False) == "" and south.row.state == "joined"
    assert south.order("drain", on=0) == "on_must_be_true_or_false" and south.row.state == "joined"


def test_the_bank_moves_by_the_site_files_alone() -> None:
    whole, north, south, _ = hall()
    fill(north, 2)
    whole.talk()
    south.bank = True
    south.start()
    whole.talk()
    assert south.order("limit", n=9) == "not_the_bank", "the old one still says bank"
    assert not (north.state.quarantined or south.state.quarantined), "one that made nothing is no rival"
    north.bank = False
    north.start()
    whole.talk()
    assert south.order("limit", n=4) == "" and whole.free == 2
    assert (south.row.M, south.row.B) == (0, 2), "it burns from what the other one made"
    whole.talk()
    assert south.order("limit", n=8) == "" and whole.free == 6


def test_a_new_journal_in_the_banks_place_makes_nothing_until_the_old_one_is_fenced() -> None:
    """And says so: meanwhile a lower limit in a new rulebook is obeyed by nobody."""
    whole, north, south, out = hall()
    fill(north, 2)
    whole.talk()
    new = Member("north-2", limit=6)
    new.do(events.RowArrived(row=north.row))
    new.bank = True
    new.start()
    assert new.row.M == 0 and new.order("limit", n=6) == "not_the_bank"
    new.wait(60)
    assert _told(new, "bank_waits") == [(True, "north is the bank by its last row")], "said once, and it stands"
    assert new.order("fence", inc="north", evidence=0) == ""
    for row in (south.row, out.row):
        new.do(events.RowArrived(row=row))
    new.wait(1)
    assert _told(new, "bank_waits")[1:] == [(False, "")] and new.state.alarms == []


def _told(member: Member, alarm: str) -> list[tuple[bool, str]]:
    return [(one.active, one.detail) for one in member.records if isinstance(one, Alarm) and one.alarm == alarm]


def test_a_second_bank_that_speaks_stops_the_first() -> None:
    _, north, _, _ = hall()
    north.do(events.NoticeArrived(notice=Notice(serial=99, limit=500)))
    assert north.state.quarantined and north.alarms == ["quarantine"]


def test_an_old_notice_is_no_news() -> None:
    whole, north, south, _ = hall()
    old = south.state.notice
    north.order("hold")
    whole.talk()
    assert old is not None
    south.do(events.NoticeArrived(notice=old))
    assert south.state.notice is not None and south.state.notice.hold


def test_a_bank_that_nobody_heard_is_not_written_off_by_its_name() -> None:
    """Its row may be lost with it, and with the row all knowledge of what it made: a new bank would make it again."""
    whole, north, south, out = hall()
    fill(south, 2)
    whole.talk()
    assert (whole.inside, whole.free) == (2, 4)
    new = Member("north-2", limit=6)
    new.bank = True
    for row in (south.row, out.row):  # north's own row is gone with it
        new.do(events.RowArrived(row=row))
    new.start()
    assert new.order("fence", inc="north", evidence=0) == "never_heard"
    assert _told(new, "bank_waits") == [(True, "north was never heard")]
    assert new.order("limit", n=6) == "not_the_bank" and new.row.M == 0
    new.do(events.RowArrived(row=north.row))  # from its card
    assert new.order("fence", inc="north", evidence=0) == "" and new.row.M == 0


def test_a_replaced_bank_speaks_with_a_serial_that_the_doors_listen_to() -> None:
    whole, north, south, out = hall()
    for limit in (5, 4, 6):
        north.order("limit", n=limit)
        whole.talk()
        whole.cut = {"out"}  # it heard the first one only
    new = Member("north-2", limit=6)
    new.bank = True
    for row in (north.row, south.row, out.row):
        new.do(events.RowArrived(row=row))
    new.start()
    assert new.order("fence", inc="north", evidence=0) == ""
    assert south.state.notice is not None and new.state.notice is not None
    assert new.state.notice.serial > south.state.notice.serial
    south.do(events.NoticeArrived(notice=new.state.notice))
    assert south.row.notice == new.state.notice.serial


def test_an_older_row_of_the_same_number_takes_nothing_back() -> None:
    """A gift leaves no record, so the row before it and the row after it bear the same `seq`."""
    _, north, south, _ = hall()
    before = south.row
    south.state.rights.T["north"] = south.state.rights.T.get("north", 0) + 1
    after = south.row
    assert before.seq == after.seq
    for row in (after, before):
        north.do(events.RowArrived(row=row))
    assert north.state.peers["south"].given["north"] == after.T["north"]


def test_the_last_right_goes_to_whoever_stands_there_and_not_to_a_reserve() -> None:
    north, south = Member("north", bank=True, limit=1), Member("south")
    whole = Hall(north, south)
    assert (north.free, south.free) == (1, 0)
    assert south.scan(south.booking(1)) == "wait"
    whole.talk()
    assert south.lane.state == "granted" and (north.free, south.free) == (0, 0)
    south.cross()
    whole.talk()
    south.leave()
    assert north.scan(north.booking(2)) == "wait"
    whole.talk()
    assert north.lane.state == "granted" and whole.inside == 1


def test_two_parties_that_wait_for_each_others_places_do_not_wait_for_ever() -> None:
    north, south = Member("north", bank=True, limit=2), Member("south")
    whole = Hall(north, south)
    assert south.scan(south.booking(1)) == "wait"
    whole.talk()
    south.cross()
    south.leave()
    whole.cut = {"north", "south"}
    assert (north.free, south.free) == (1, 1)
    assert north.scan(north.booking(2, party=2)) == south.scan(south.booking(3, party=2)) == "wait"
    whole.cut = set()
    whole.talk()
    assert (north.lane.state, south.lane.state) == ("granted", "refused") and whole.free == 0
    north.cross().cross()
    north.leave(2)
    whole.talk()
    assert south.lane.state == "granted" and whole.inside == 2


def test_who_has_left_the_gate_keeps_no_right_from_whoever_stands_at_another() -> None:
    north, south = Member("north", bank=True, limit=1), Member("south")
    whole = Hall(north, south)
    north.admit(1)
    assert north.scan(north.booking(2)) == south.scan(south.booking(3)) == "wait"
    north.wait(5), south.wait(5)
    north.leave()
    assert north.free == 1 and north.lane.state == "idle" and north.lane.waiting
    whole.talk()
    assert north.free == 1, "nobody stands anywhere: it stays"
    assert south.scan(south.booking(4)) == "wait"
    whole.talk()
    assert south.lane.state == "granted" and whole.free == 0
