"""3.2.2, 3.1.1c: a guest needs a host, a party is one unit: one grant, n places, all or none."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.core.facts import HealthTest
from firmware.core.records import Decision
from tests.people.hall import Door

HOSTED = ("guest", "escorted")


def host(door: Door, *, antigen: bool = True, **changes: Any) -> Any:
    """A staff badge with what the day's roster knows of the holder's tests."""
    now = int(door.wall_0 + door.now)
    days = (("naat", 0), ("antigen", 0), ("antigen", 1)) if antigen else (("naat", 0),)  # negative on two days (3.1.4a)
    tests = tuple(
        HealthTest(kind=kind, result="negative", issuer="roster", sampled_s=now - 36_000 - ago * 86_400,
                   issued_s=now - 36_000 - ago * 86_400, expires_s=now + 864_000)
        for kind, ago in days
    )  # type: ignore[misc]  # fmt: skip
    return door.badge(900, slot_start_s=None, slot_end_s=None, tests=changes.pop("tests", tests), **changes)


@pytest.mark.parametrize("person_class", HOSTED)
@pytest.mark.parametrize("order", ["guest first", "host first", "proof last"])
def test_a_guest_comes_in_with_a_host_shown_in_either_order(person_class: str, order: str) -> None:
    door = Door()
    free = door.free
    guest, test = door.guest(1, person_class), door.test(1)
    shown = {"guest first": (guest, test), "host first": (), "proof last": (guest,)}[order]
    for fact in shown:
        assert door.scan(fact) == "wait"
    answer = door.scan(host(door))
    for fact in {"guest first": (), "host first": (guest, test), "proof last": (test,)}[order]:
        answer = door.scan(fact)
    assert answer == "admit"
    assert door.decision.person_class == person_class
    assert door.lane.grant is not None and door.lane.grant.persons == 2, "the host comes in, too"
    door.cross().cross().wait(12)
    assert (door.free, door.alarms) == (free - 2, [])


@pytest.mark.parametrize("person_class", HOSTED)
def test_without_a_host_the_guest_is_told_to_call_one(person_class: str) -> None:
    door = Door()
    door.scan(door.guest(1, person_class))
    door.scan(door.test(1))
    assert door.answered == ("wait", "3.2.2", "host_asked")
    assert door.signs[-1] == "请接待人员刷工作证"
    door.wait(21)
    assert door.answered == ("refuse", "3.2.2", "host_missing")
    assert door.gate == []


@pytest.mark.parametrize("seconds", [19, 21])
def test_a_host_counts_within_the_collect_time(seconds: int) -> None:
    door = Door()
    door.scan(host(door))
    door.wait(seconds)
    door.scan(door.guest(1, "guest"))
    door.scan(door.test(1))
    assert door.decision.answer == ("admit" if seconds == 19 else "wait")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"antigen": False}, ("staff", "3.2.2", "host_not_in_order")),
        ({"tests": ()}, ("staff", "3.2.2", "host_not_in_order")),
        ({"revoked": True}, ("staff", "3.2.2", "host_not_in_order")),
        ({"expires_s": 1}, ("staff", "3.2.2", "host_not_in_order")),
        ({"bands": ("09:00-10:00", "10:01-17:00")}, ("staff", "3.2.2", "host_not_in_order")),
        ({"hall": "elsewhere"}, ("wait", "3.2.2", "host_asked")),
        ({"key_kind": "booking", "person_class": "visitor", "tests": ()}, ("wait", "3.2.2", "host_asked")),
        ({"person_class": "attendant"}, ("wait", "3.2.2", "host_asked")),
    ],
)
def test_a_guest_is_no_way_past_the_rules_of_the_staff(changes: dict[str, Any], expected: Any) -> None:
    door = Door()
    door.scan(host(door, **changes))
    door.scan(door.guest(1, "guest"))
    if "pcr_asked" in door.reasons and door.decision.answer == "wait":
        door.scan(door.test(1))
    assert door.answered == expected
    assert door.gate == []
    said = door.signs[-1]
    assert "核酸" not in said and "抗原" not in said, "a health reason is never told"


def test_a_host_of_a_class_that_is_not_received_today_is_none() -> None:
    hosts = ("[class.guest]                   #", '[class.guest]\nhost_classes = ["inspector"] #')
    for phase, answer in ((), "admit"), ((('  "inspector", "escorted",', '  "escorted",'),), "refuse"):
        door = Door(hosts, *phase)
        now = int(door.wall_0)
        own = HealthTest(
            kind="naat", result="negative", issuer="x", sampled_s=now - 9, issued_s=now - 9, expires_s=now + 99
        )
        door.scan(door.guest(1, "guest"))
        door.scan(door.test(1))
        assert door.scan(host(door, person_class="inspector", tests=(own,))) == answer
        assert answer == "admit" or (door.because, door.signs[-1]) == ("host_not_admitted", "请接待人员到场陪同")


def test_a_host_who_waits_inside_is_at_no_post_here() -> None:
    door = Door(("[class.guest]                   #", "[class.guest]\nhost_enters = false #"))
    door.scan(host(door, bands=("12:00-13:00",)))
    door.scan(door.guest(1, "guest"))
    assert door.scan(door.test(1)) == "admit"


def test_the_guests_own_health_rules_stay() -> None:
    door = Door()
    door.scan(host(door))
    door.scan(door.guest(1, "escorted"))
    assert door.scan(door.test(1, hours_old=73)) == "staff"
    assert "pcr_too_old" in door.reasons


def test_one_host_is_good_for_one_guests_pass() -> None:
    door = Door()
    door.scan(host(door))
    door.scan(door.guest(1, "guest"))
    assert door.scan(door.test(1)) == "admit"
    door.cross().cross().wait(4)
    assert door.comes(door.guest(2, "guest"), 2) == "wait"
    assert "host_asked" in door.reasons


def test_a_host_who_came_in_by_himself_has_a_place_already() -> None:
    door = Door(serves=("guest", "staff"))
    free = door.free
    assert door.scan(host(door)) == "admit"
    door.cross().wait(4)
    door.scan(door.guest(1, "guest"))
    assert door.scan(door.test(1)) == "admit"
    assert door.lane.grant is not None and door.lane.grant.persons == 1
    door.cross().wait(12)
    assert door.free == free - 2


def test_a_host_who_waits_inside_takes_no_place_at_the_door() -> None:
    door = Door(("[class.guest]                   #", "[class.guest]\nhost_enters = false #"))
    free = door.free
    door.scan(host(door))
    door.scan(door.guest(1, "guest"))
    assert door.scan(door.test(1)) == "admit"
    door.cross().wait(12)
    assert door.free == free - 1


@pytest.mark.parametrize("places", [1, 2])
def test_guest_and_host_come_in_both_or_neither(places: int) -> None:
    door = Door(("limit_persons = 200", f"limit_persons = {places}"))
    door.scan(host(door))
    door.scan(door.guest(1, "guest"))
    door.scan(door.test(1))
    assert door.decision.answer == ("admit" if places == 2 else "wait")


def test_a_staff_badge_at_a_visitors_lane_still_gives_the_button_its_power() -> None:
    door = Door()
    door.scan(host(door))
    door.press()
    assert door.decision.answer == "admit" and door.reasons == ["attendant_confirmed"]


# -------------------------------------------------------------- parties


@pytest.mark.parametrize(
    ("person_class", "party", "helper", "bodies"),
    [("visitor", 4, False, 4), ("assisted", 1, True, 2), ("disabled", 1, True, 2), ("elder", 2, True, 3)],
)
def test_a_party_is_one_grant_for_all_its_bodies(person_class: str, party: int, helper: bool, bodies: int) -> None:
    door = Door()
    free = door.free
    assert door.comes(door.guest(1, person_class, party=party, helper=helper)) == "admit"
    assert door.free == free - bodies, "all its places are taken before anybody moves"
    decisions = [record for record in door.records if isinstance(record, Decision)]
    for _ in range(bodies):
        door.wait(8).cross()  # each has the time of the grant
    door.wait(30)
    assert door.alarms == []
    assert (door.free, door.lane.state) == (free - bodies, "idle")
    assert len({passage.decision for passage in door.passages}) == 1 and len(door.passages) == bodies
    assert len(decisions) == 2
    door.cross()
    assert door.alarms == ["tailgate"], "one more than the party is one too many"


@pytest.mark.parametrize("places", [2, 3])
def test_all_of_a_party_or_none(places: int) -> None:
    door = Door(("limit_persons = 200", f"limit_persons = {places}"))
    assert door.comes(door.guest(1, party=3)) == ("admit" if places == 3 else "wait")
    assert door.free == (0 if places == 3 else places)


def test_a_carried_child_gives_its_place_back() -> None:
    """The counter sees one body where the pass says two: the other place is nobody's after the grant."""
    door = Door()
    free = door.free
    assert door.comes(door.guest(1, party=2)) == "admit"
    door.cross().wait(15)
    assert (door.free, door.alarms) == (free - 1, [])


@pytest.mark.parametrize("wide", [False, True])
def test_who_needs_a_wide_lane_is_sent_to_one(wide: bool) -> None:
    door = Door(("late_minutes = 30\n[", "late_minutes = 30\nwide = true\n["), setup={"wide": wide})
    assert door.comes(door.guest(1, "assisted", helper=True)) == ("admit" if wide else "refuse")
    assert wide or door.signs[-1] == "请走无障碍宽通道"
    assert door.comes(door.guest(2), 2) == ("wait" if wide else "admit")


def test_a_slow_gate_for_who_needs_it() -> None:
    door = Door()
    door.comes(door.guest(1, "assisted", helper=True))
    assert door.lane.grant is not None
    assert (door.lane.grant.pulse_ms, door.lane.grant.lasts_ms) == (3_000, 25_000)
