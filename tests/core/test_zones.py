"""Zones of the hall with limits of their own: a place of the new one is taken before that of the old one is free."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from firmware.core import events, limit, places
from firmware.core.facts import AnyFact, Card
from firmware.core.resource import Resource
from firmware.core.state import LaneSetup
from tests.core.hall import Hall, Member

STREET = LaneSetup(name="A", direction="in", passage_sensor=True, button=True)
TO_B1 = LaneSetup(name="B", direction="both", zone="b1", comes_from="hall", passage_sensor=True, button=True)
TO_B2 = LaneSetup(name="C", direction="in", zone="b2", comes_from="b1", passage_sensor=True)
OUT_OF_B2 = LaneSetup(name="X", direction="out", zone="b2", passage_sensor=True)
LANES = (STREET, TO_B1, TO_B2, OUT_OF_B2)
LIMITS = "[zone.b1]\nlimit_persons = 2\n[zone.b2]\nlimit_persons = 1\n"


def door(name: str = "north", **options: Any) -> Member:
    own: dict[str, Any] = {"bank": True, "lanes": LANES, "zones": ("b1", "b2"), "more": LIMITS, "limit": 5}
    return Member(name, **{**own, **options})


def zone(member: Member, name: str) -> Resource:
    return member.state.zones[f"zone-{name}"]


def through(member: Member, number: int, lane: str) -> str:
    answer = member.scan(member.booking(number), lane)
    if answer == "admit":
        member.cross(lane=lane)
    member.wait(6)
    return answer


def test_each_zone_has_its_own_limit_inside_the_halls() -> None:
    north = door()
    assert [through(north, number, "A") for number in range(3)] == ["admit"] * 3
    assert (north.free, zone(north, "b1").rights.free) == (2, 2)
    assert [through(north, number, "B") for number in range(3)] == ["admit", "admit", "wait"]
    assert north.because == "hall_full"
    assert (north.free, zone(north, "b1").rights.free) == (2, 0)


def test_a_limited_zone_that_this_device_does_not_count_lets_in_nobody_and_everybody_out() -> None:
    """A rulebook that was pushed later may limit a zone which the site file only named."""
    north = door(zones=("b2",))
    assert through(north, 1, "B") == "wait" and north.because == "zone_not_counted"
    assert north.decision.phrase == "held"
    assert north.order("open_once", lane="B") == "held"
    assert through(north, 2, "A") == "admit"
    north.contact("button", True, "B")
    assert north.decision.answer == "admit" and north.decision.clauses[0].because == "exit_by_button"
    unlimited = door(zones=("b2",), more="[zone.b2]\nlimit_persons = 1\n")
    assert through(unlimited, 1, "B") == "admit", "a zone without a number is only a word"


def test_a_change_of_zone_takes_the_new_place_first_and_frees_the_old_one_when_seen() -> None:
    north = door()
    through(north, 1, "B")
    assert north.scan(north.booking(1), "C") == "admit"
    assert (zone(north, "b1").rights.free, zone(north, "b2").rights.free) == (1, 0)
    north.cross(lane="C")
    assert (zone(north, "b1").rights.free, zone(north, "b2").rights.free) == (2, 0)
    assert through(north, 2, "C") == "wait"


def test_who_turns_back_between_two_zones_is_still_in_the_first() -> None:
    north = door()
    through(north, 1, "B")
    assert north.scan(north.booking(1), "C") == "admit"
    north.wait(30)
    assert (zone(north, "b1").rights.free, zone(north, "b2").rights.free) == (1, 1)


def test_a_passage_nobody_saw_frees_nothing_behind_it() -> None:
    blind = LaneSetup(name="C", direction="in", zone="b2", comes_from="b1")
    north = door(lanes=(STREET, TO_B1, blind))
    through(north, 1, "B")
    assert north.scan(north.booking(1), "C") == "admit"
    north.wait(30)
    assert (zone(north, "b1").rights.free, zone(north, "b2").rights.free) == (1, 0)


def test_walking_back_is_never_asked_and_always_counted() -> None:
    north = door(more="[zone.b1]\nlimit_persons = 1\n[zone.b2]\nlimit_persons = 1\n")
    through(north, 1, "B")
    through(north, 1, "C")
    through(north, 2, "B")
    north.cross("out", lane="C")
    assert zone(north, "b1").rights.free == -1 and zone(north, "b2").rights.free == 1
    north.cross("out", lane="B")
    assert zone(north, "b1").rights.free == 0


def test_an_exit_out_of_a_zone_frees_a_place_of_both() -> None:
    north = door()
    through(north, 1, "A")
    through(north, 1, "B")
    through(north, 1, "C")
    assert (north.free, zone(north, "b2").rights.free) == (4, 0)
    north.cross("out", lane="X")
    assert (north.free, zone(north, "b2").rights.free) == (5, 1)


def test_a_door_of_the_street_into_a_zone_takes_a_place_of_both_or_none() -> None:
    lane = LaneSetup(name="A", direction="in", zone="b2", passage_sensor=True)
    north = door(lanes=(lane,))
    assert [through(north, number, "A") for number in range(2)] == ["admit", "wait"]
    assert (north.free, zone(north, "b2").rights.free) == (4, 0)


def test_an_attendant_at_such_a_door_takes_a_place_of_both_or_none() -> None:
    lane = LaneSetup(name="A", direction="in", zone="b2", passage_sensor=True)
    north = door(lanes=(lane,))
    through(north, 1, "A")
    assert north.order("open_once", lane="A") == "hall_full"
    assert (north.free, zone(north, "b2").rights.free) == (4, 0)


def test_who_walks_on_into_the_next_zone_unasked_is_no_more_in_the_one_before() -> None:
    north = door()
    through(north, 1, "B")
    north.cross(lane="C")
    assert (zone(north, "b1").rights.free, zone(north, "b2").rights.free) == (2, 0)


def test_inside_the_hall_a_booking_is_not_used_up_and_not_late() -> None:
    north = door()
    assert through(north, 1, "A") == "admit"
    assert through(north, 1, "A") == "refuse"
    slot_over = north.booking(1, slot=(-3, -2))
    assert north.scan(slot_over, "B") == "admit"
    north.cross(lane="B")
    assert north.passages[-1].within and not north.passages[0].within
    assert "1".zfill(16) in north.state.used and north.state.used["1".zfill(16)].times == 1


def test_inside_the_hall_nobody_is_asked_again_for_the_proof_and_the_hour() -> None:
    north = door(proof='"pcr"')
    assert north.scan(north.booking(1, slot=(-1, 12)), "A") == "wait" and north.because == "pcr_asked"
    assert north.scan(north.booking(2, slot=(-1, 12)), "B") == "admit"
    north.cross(lane="B")
    north.wait(7.5 * 3600)
    assert north.scan(north.booking(3, slot=(-1, 12)), "A") == "refuse" and north.because == "closed"
    assert north.scan(north.booking(4, slot=(-1, 12)), "B") == "admit"


def test_inside_the_hall_a_pass_of_another_day_opens_nothing() -> None:
    north = door()
    assert through(north, 1, "A") == "admit"
    assert north.scan(north.booking(2, slot=(-49, -47)), "B") == "refuse" and north.because == "expired"
    north.wait(6)
    assert north.scan(north.booking(3, slot=(47, 49)), "B") == "wait" and north.because == "early"
    north.wait(6)
    assert north.scan(north.booking(1), "B") == "admit"


def test_inside_the_hall_a_doubtful_clock_knows_no_other_day() -> None:
    north = door(more=LIMITS + '[on_doubt]\nclock = "admit"\n', trusted=False)
    north.state.zones["zone-b1"].rights.M = north.state.rights.M = 2
    assert north.scan(north.booking(2, slot=(-49, -47)), "B") == "admit"


def test_a_hold_of_the_hall_holds_its_zones_and_a_zones_hold_only_itself() -> None:
    north = door()
    assert north.order("hold", resource="zone-b1") == ""
    assert through(north, 1, "B") == "wait" and through(north, 1, "A") == "admit"
    assert north.order("release", resource="zone-b1") == ""
    assert north.order("hold") == ""
    assert through(north, 2, "A") == through(north, 1, "B") == "wait"
    assert north.order("release") == ""
    assert through(north, 1, "B") == "admit"


def test_orders_name_their_limit() -> None:
    north = door()
    assert north.order("limit", n=1, resource="zone-b1") == ""
    assert (zone(north, "b1").rights.free, north.free) == (1, 5)
    through(north, 1, "A")
    through(north, 1, "B")
    assert north.order("recount", inside=0, resource="zone-b1") == ""
    assert (zone(north, "b1").rights.free, north.free) == (1, 4)
    assert north.order("limit", n=1, resource="zone-b9") == "not_the_bank"
    assert north.order("fence", inc="x", resource="zone-b1") == "no_such_device"


def test_the_phase_lowers_zones_like_the_hall() -> None:
    north = door()
    book = north.controller.rulebook
    assert book is not None
    assert (
        book.limit_on(book.phase[0].begins, "b1") == 2 and book.limit_on(book.valid_from.replace(year=2000), "b1") == 0
    )
    assert book.least_limit("b1") == 2


def test_two_doors_share_a_zone_and_its_rights_travel_by_themselves() -> None:
    north, south = door(), door("south", bank=False)
    hall = Hall(north, south)
    assert hall.free_of("zone-b1") == 2
    assert south.scan(south.booking(1), "B") == "wait"
    hall.talk()
    south.cross(lane="B")
    assert south.wait(6).lane.state == "idle"
    assert [through(north, number, "B") for number in (2, 3)] == ["admit", "wait"]
    hall.talk()
    assert hall.inside_of("zone-b1") == 2 and hall.free_of("zone-b1") == 0 and hall.free == 5
    south.cross("out", lane="B")
    hall.talk()
    assert north.scan(north.booking(3), "B") == "wait"
    hall.talk()
    assert north.state.lanes["B"].state == "granted"
    assert hall.inside_of("zone-b1") == 2 and hall.inside == 0


def test_a_row_of_one_limit_says_nothing_of_another() -> None:
    north, south = door(), door("south", bank=False)
    Hall(north, south)
    before = north.state.rights.free
    stolen = limit.own_row(south.state, "zone-b1")
    north.do(events.RowArrived(row=stolen, resource="zone-unknown"))
    assert north.state.rights.free == before and not north.state.quarantined


def test_a_power_loss_holds_the_zones_that_may_have_had_people_in_them() -> None:
    north = door()
    through(north, 1, "A")
    through(north, 1, "B")
    north.start(boot="boot-2")
    assert through(north, 2, "A") == through(north, 2, "B") == "wait" and north.because == "recount"
    assert not zone(north, "b2").recount_needed
    assert north.order("recount", inside=1) == ""
    assert through(north, 2, "A") == "admit" and through(north, 2, "B") == "wait"
    assert north.order("recount", inside=1, resource="zone-b1") == ""
    assert through(north, 2, "B") == "admit"


def test_a_zone_that_is_named_no_more_keeps_what_it_held() -> None:
    north = door()
    through(north, 1, "B")
    north.zones = ("b2",)
    north.start()
    assert zone(north, "b1").rights.free == 1
    north.zones = ("b1", "b2")
    north.start()
    assert through(north, 2, "B") == "admit" and through(north, 3, "B") == "wait"


STEPS = st.lists(
    st.tuples(st.sampled_from("ABC"), st.integers(1, 8), st.sampled_from(["pass", "turn back", "out", "leave"])),
    max_size=30,
)


@given(steps=STEPS)
@settings(max_examples=60)
def test_in_no_order_of_steps_is_a_limit_passed_or_a_place_lost(steps: list[tuple[str, int, str]]) -> None:
    north = door()
    for lane, number, deed in steps:
        if deed in ("out", "leave"):
            north.cross("out", lane=lane if deed == "out" else "X")
        elif north.scan(north.booking(number), lane) == "admit":
            after = [own.rights.free for own in places.taken(north.state, north.state.setups["ABCX".index(lane)])]
            assert min(after) >= 0
            if deed == "pass":
                north.cross(lane=lane)
        north.wait(12)
    for name, most in (("hall", 5), ("zone-b1", 2), ("zone-b2", 1)):
        own = north.state.resource(name)
        assert own is not None and own.rights.free + own.rights.net_inside + own.recounted == most
        assert own.rights.free <= most, "who leaves uncounted makes no place"


@pytest.mark.parametrize("lane", ["B", "C"])
def test_an_attendant_opens_a_lane_inside_the_hall_only_while_there_is_a_place(lane: str) -> None:
    north = door(more="[zone.b1]\nlimit_persons = 0\n[zone.b2]\nlimit_persons = 0\n")
    assert north.order("open_once", lane=lane) == "hall_full"


def test_a_bank_that_learns_of_a_zone_makes_its_rights_only_once() -> None:
    """The bank moves to a device that never had to do with the zone: it hears who made the rights before it makes any."""
    north, south = door(), door("south", bank=False, zones=())
    hall = Hall(north, south)
    through(north, 1, "B")
    north.bank = False
    north.start()
    south.bank, south.zones = True, ("b1", "b2")
    south.start()
    assert zone(south, "b1").rights.M == 0 and south.order("limit", n=9, resource="zone-b1") == "not_the_bank"
    hall.talk()
    south.wait(13)
    south.scan(south.booking(9), "A")
    hall.talk()
    assert south.order("limit", n=2, resource="zone-b1") == ""
    assert hall.free_of("zone-b1") + hall.inside_of("zone-b1") == 2
    assert south.order("limit", n=4, resource="zone-b1") == ""
    assert hall.free_of("zone-b1") + hall.inside_of("zone-b1") == 4


def test_a_new_zone_of_a_bank_that_is_alone_opens_after_it_has_listened() -> None:
    north = door(zones=())
    north.zones = ("b1", "b2")
    north.start()
    assert through(north, 1, "B") == "wait"
    north.wait(13)
    assert through(north, 1, "B") == "admit"


def test_a_hall_that_cannot_keep_a_record_lets_nobody_into_a_zone() -> None:
    north = door()
    north.do(events.JournalState(writable=False, because="disk full"))
    assert through(north, 1, "B") == "refuse" and north.because == "journal_full"


def test_a_gate_that_does_not_answer_lets_nobody_into_a_zone() -> None:
    north = door()
    north.do(events.DeviceHealth(lane="B", device="gate", state="silent"))
    assert through(north, 1, "B") == "staff" and north.because == "gate_fault"


def test_a_zone_is_for_the_classes_of_its_lane_and_of_today() -> None:
    north = door()
    assert through(north, 1, "B") == "admit"
    assert north.scan(north.booking(2, person_class="staff"), "B") == "refuse" and north.because == "other_lane"
    assert north.scan(north.booking(3, person_class="agent"), "B") == "refuse" and north.because == "class_not_in_phase"


def test_a_party_too_large_at_the_street_is_too_large_inside() -> None:
    north = door(visitor="bodies_max = 2")
    assert north.scan(north.booking(1, party=3), "B") == "staff" and north.because == "party_too_large"


def test_whoever_was_led_away_is_led_away_at_a_zone_as_well() -> None:
    north = door(proof='"pcr"')
    north.scan(north.booking(1), "A")
    assert north.scan(north.test(1, result="positive"), "A") == "isolate"
    assert north.scan(north.booking(1), "B") == "isolate" and north.because == "held_before"


def test_a_zone_is_closed_to_staff_whose_badge_names_other_zones() -> None:
    to_b1 = structs.replace(TO_B1, classes=("visitor", "staff"))
    north = door(lanes=(STREET, to_b1))
    assert north.scan(north.badge(901, zones=("b2",)), "B") == "refuse" and north.because == "other_zone"
    assert north.scan(north.badge(902, zones=("b1",)), "B") == "admit"


def test_a_break_holds_a_zone_as_well() -> None:
    north = door(more=f'{LIMITS}[[hold]]\nspan = "10:00-10:30"\n')
    assert through(north, 1, "B") == "wait" and north.because == "held"
    north.wait(31 * 60)
    assert through(north, 1, "B") == "admit"


def test_an_overdue_round_that_holds_its_lane_holds_a_zones_lane() -> None:
    point = '[[rounds.point]]\nname = "handles"\nlane = "B"\nevery_minutes = 30\nwho = ["staff"]\nhold = true\n'
    north = door(more=LIMITS + point)
    north.wait(3 * 3600)
    assert through(north, 1, "B") == "wait" and north.because == "round_overdue"


def test_who_says_that_they_are_unwell_is_led_by_staff_inside_as_well() -> None:
    north = door()
    north.contact("symptoms", True, "B")
    assert north.scan(north.booking(1), "B") == "staff" and north.because == "symptoms"


def a_booking(north: Member) -> list[AnyFact]:
    return [north.booking(1, holder="h")]


def a_report_of_somebody(north: Member) -> list[AnyFact]:
    return [north.test(1), *a_booking(north)]


def an_elders_card(north: Member) -> list[AnyFact]:
    return [Card(sha256="card", holder="h", age_years=72), *a_booking(north)]


def a_pass_that_let_in_before(north: Member) -> list[AnyFact]:
    assert through(north, 1, "A") == "admit"
    north.state.used.clear()  # else it is used up, which another rule says
    return a_booking(north)


ASKED_AT_THE_STREET: list[tuple[str, dict[str, str], Callable[[Member], list[AnyFact]]]] = [
    (
        "passback",
        {"more": '[anti_passback]\nclasses = ["visitor"]\nminutes = 60\nmode = "timed"'},
        a_pass_that_let_in_before,
    ),
    ("identity_asked", {"proof": '"pcr"', "more": '[assisted]\nclasses = ["visitor"]'}, an_elders_card),
    ("code_asked", {"visitor": 'code = "green"'}, a_booking),
    ("card_asked", {"proof": '"pcr"', "visitor": "same_person = true"}, a_report_of_somebody),
    ("thermometer_missing", {"visitor": "temperature_max_c = 37.3"}, a_booking),
    ("mask_asked", {"visitor": 'mask = "attest"'}, a_booking),
    ("first_person", {"more": '[opening]\nfirst_person = ["staff"]'}, a_booking),
]


@pytest.mark.parametrize(("asked", "book", "shows"), ASKED_AT_THE_STREET, ids=[row[0] for row in ASKED_AT_THE_STREET])
def test_inside_the_hall_this_is_not_asked_again(
    asked: str, book: dict[str, str], shows: Callable[[Member], list[AnyFact]]
) -> None:
    north = door(**{**book, "more": LIMITS + book.get("more", "")})
    shown = shows(north)
    for fact in shown:
        north.scan(fact, "A")
    north.wait(2)
    assert asked in {clause.because for record in north.records for clause in getattr(record, "clauses", ())}
    north.wait(60)
    assert "admit" in [north.scan(fact, "B") for fact in shown]


def test_inside_the_hall_nobody_is_asked_again_for_a_host() -> None:
    north = door(visitor='host = "required"\nhost_classes = ["staff"]')
    assert north.scan(north.booking(1), "A") == "wait" and north.because == "host_asked"
    assert north.scan(north.booking(2), "B") == "admit"
