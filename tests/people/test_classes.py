"""Every class of people at a door: what its table says, and that nobody becomes one by a claim."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.core.actions import GateFree, GateOpen
from firmware.core.events import CodeRead
from firmware.core.records import Decision
from firmware.rulebook.book import parse
from tests.people.hall import CLASSES, Door, at, text

HOSTED = ("guest", "escorted")
TESTED = [name for name in CLASSES if name not in (*HOSTED, "courier")]


@pytest.mark.parametrize("person_class", TESTED)
def test_a_pass_proves_its_class_and_the_class_says_what_to_bring(person_class: str) -> None:
    door = Door()
    assert door.scan(door.guest(1, person_class)) == "wait"
    assert door.answered == ("wait", "3.1.2a", "pcr_asked")
    assert door.scan(door.test(1)) == "admit"
    assert door.decision.person_class == person_class


@pytest.mark.parametrize("person_class", CLASSES)
def test_a_class_without_a_table_is_admitted_nowhere(person_class: str) -> None:
    cut = text().decode()
    section = cut[cut.index(f"[class.{person_class}]") :]
    end = section.index("\n[", section.index("\n") if f"[class.{person_class}.gate]" not in section else
                        section.index(f"[class.{person_class}.gate]"))  # fmt: skip
    door = Door((section[:end], ""))
    assert door.comes(door.guest(1, person_class)) == "refuse"
    assert "class_not_in_phase" in door.reasons


@pytest.mark.parametrize(
    ("age", "resident", "expected"),
    [
        (59, False, "visitor"),
        (60, False, "elder"),
        (60, True, "elder"),
        (18, False, "visitor"),
        (17, False, "minor"),
        (40, True, "resident"),
        (None, False, "visitor"),
        (None, True, "resident"),
    ],
)
def test_an_identity_card_proves_age_and_household(age: int | None, resident: bool, expected: str) -> None:
    door = Door()
    door.scan(door.guest(1))
    door.scan(door.card(age, resident))
    door.scan(door.test(1))
    assert (door.decision.answer, door.decision.person_class) == ("admit", expected)


@pytest.mark.parametrize("person_class", ["agent", "courier", "guest"])
def test_a_card_makes_no_other_of_who_was_booked_as_somebody(person_class: str) -> None:
    door = Door()
    door.scan(door.card(70))
    door.scan(door.guest(1, person_class))
    assert door.decision.person_class == person_class


def test_a_card_proves_only_a_class_that_the_lane_and_the_phase_know() -> None:
    narrow = Door(serves=("visitor",))
    assert narrow.scan(narrow.card(70)) == "wait"
    assert narrow.comes(narrow.guest(1)) == "admit"
    assert narrow.decision.person_class == "visitor"
    early = Door(('"visitor", "resident", "elder", "minor"', '"visitor", "resident", "minor"'))
    early.scan(early.card(70))
    assert early.comes(early.guest(1)) == "admit"
    assert early.decision.person_class == "visitor"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("admit", "3.1.1b", "in_order")),
        ({"party": 2}, ("staff", "3.1.1c", "party_too_large")),
        ({"helper": True}, ("staff", "3.1.1c", "party_too_large")),
        ({"cases": 50}, ("admit", "3.1.1b", "in_order")),
        ({"cases": 51}, ("staff", "3.2.3", "too_many_cases")),
        ({"slot_start_s": None, "slot_end_s": None}, ("refuse", "3.2.3", "no_slot")),
    ],
)
def test_an_agent_is_one_body_with_many_cases_in_a_slot_of_his_own(changes: dict[str, Any], expected: Any) -> None:
    door = Door()
    door.comes(door.guest(1, "agent", **changes))
    assert door.answered == expected


def test_an_agents_many_cases_take_one_place() -> None:
    door = Door()
    free = door.free
    assert door.enters(door.guest(1, "agent", cases=40)) == "admit"
    assert door.free == free - 1


@pytest.mark.parametrize("person_class", ["cleaner", "inspector"])
def test_who_comes_and_goes_is_not_used_up(person_class: str) -> None:
    door = Door(wall=at("2022-06-01 06:00"))  # before the hall opens to visitors
    for _ in range(3):
        assert door.enters(door.guest(1, person_class)) == "admit"
    assert door.enters(door.guest(2)) == "refuse"


def test_who_comes_and_goes_still_leaves_when_the_pass_is_over() -> None:
    door = Door()
    now = int(door.wall_0)
    assert door.enters(door.guest(1, "cleaner", expires_s=now + 100)) == "admit"
    door.wait(200)
    assert door.scan(door.guest(1, "cleaner", expires_s=now + 100)) == "refuse"
    assert "expired" in door.reasons


# -------------------------------------------------------------- couriers: served, never let in


def test_a_courier_is_served_at_the_lane_and_never_let_in() -> None:
    door = Door()
    free = door.free
    assert door.scan(door.guest(1, "courier")) == "staff"
    assert door.answered == ("staff", "3.2.4", "hand_over")
    assert door.signs[-1] == "请在此交接 不必进厅"
    door.wait(30)
    assert (door.gate, door.free, door.lane.grant) == ([], free, None)
    door.cross()
    assert door.alarms == ["tailgate"]


def test_a_courier_is_served_while_nobody_may_come_in() -> None:
    """Who takes no place waits for none: neither for a count nor for somebody to leave."""
    for state in ({"recount_needed": True}, {"draining": True}):
        door = Door()
        for name, value in state.items():
            setattr(door.state, name, value)
        assert door.scan(door.guest(1, "courier")) == "staff" and door.answered == ("staff", "3.2.4", "hand_over")
    full = Door()
    full.state.rights.G += 10_000
    assert full.scan(full.guest(1, "courier")) == "staff"


def test_a_hatch_opens_for_a_courier_and_takes_no_place() -> None:
    door = Door(serves=("courier",), setup={"hatch": True})
    free = door.free
    assert door.scan(door.guest(1, "courier")) == "staff"
    opened = [order for order in door.actions if isinstance(order, GateOpen)]
    assert [(order.way, order.pulse_ms) for order in opened] == [("out", 700)]
    assert (door.lane.state, door.free) == ("passed", free)
    assert door.contact("door", False).wait(5).contact("door", True).alarms == []
    door.wait(60)
    assert door.gate == ["open"], "what was handed over once is not handed over again when the visit's time is over"


def test_nobody_who_enters_is_let_in_through_a_hatch() -> None:
    door = Door(serves=("courier", "visitor"), setup={"hatch": True})
    assert door.comes(door.guest(1)) == "refuse"
    assert (door.because, door.gate) == ("hatch", [])
    assert door.order("open_once", lane="A") == "hatch"


def test_a_courier_who_has_to_bring_a_proof_brings_it_first() -> None:
    asked = 'never let in\nbooking = "required"\nproof = []'
    door = Door((asked, asked.replace("[]", '["pcr"]')))
    assert door.scan(door.guest(1, "courier")) == "wait"
    assert door.scan(door.test(1)) == "staff"
    assert door.because == "hand_over"


@pytest.mark.parametrize("full", [False, True])
def test_a_full_hall_does_not_keep_a_courier_waiting(full: bool) -> None:
    door = Door(("limit_persons = 200", f"limit_persons = {0 if full else 200}"))
    assert door.scan(door.guest(1, "courier")) == "staff"
    assert door.because == "hand_over"


@pytest.mark.parametrize(
    ("changes", "because"), [({"hall": "elsewhere"}, "wrong_hall"), ({"revoked": True}, "revoked")]
)
def test_what_is_wrong_with_a_couriers_pass_comes_first(changes: dict[str, Any], because: str) -> None:
    door = Door(serves=("courier",), setup={"hatch": True})
    assert door.scan(door.guest(1, "courier", **changes)) == "refuse"
    assert (door.because, door.gate) == (because, [])


def test_a_pass_handed_over_once_is_used_where_the_class_does_not_come_and_go() -> None:
    door = Door(("enters = false\ncomes_and_goes = true", "enters = false"))
    assert door.scan(door.guest(1, "courier")) == "staff"
    door.wait(4)
    assert door.scan(door.guest(1, "courier")) == "refuse"
    assert door.because == "used"


# -------------------------------------------------------------- responders: no rules, both ways, counted


@pytest.mark.parametrize("lane", ["A", "X"])
@pytest.mark.parametrize("state", ["open", "held", "full", "night", "recount", "no_clock"])
def test_a_responders_badge_opens_both_ways_whatever_the_hall_is_like(lane: str, state: str) -> None:
    door = Door(
        ("limit_persons = 200", f"limit_persons = {1 if state == 'full' else 200}"),
        wall=at("2022-06-01 23:00" if state == "night" else "2022-06-01 10:00"),
        trusted=state != "no_clock",
    )
    if state == "held":
        door.order("hold", lane=lane)
    door.state.recount_needed = state == "recount"
    door.forget()
    badge = door.badge(900, person_class="responder")
    door.do(CodeRead(lane=lane, fact=badge))
    assert [order.way for order in door.actions if isinstance(order, GateFree)] == ["both"]
    assert [alarm.detail for alarm in door.alarmed("responder")] == [f"badge {badge.pass_id}"]
    assert not [each for each in door.records if isinstance(each, Decision)], "nobody judges them"
    assert not door.state.lanes[lane].badge, "nor are they an attendant"
    free = door.free
    for _ in range(3):
        door.cross("in", lane)
    assert door.free == free - 3
    assert not {"tailgate", "wrong_way", "forced"} & set(door.alarms)
    door.wait(130)
    assert door.gate[-1] == "close" and not door.state.lanes[lane].freed
    assert not door.alarmed("recount_needed"), "every body was counted"


@pytest.mark.parametrize(
    "changes",
    [
        {"key_kind": "booking"},
        {"revoked": True},
        {"hall": "elsewhere"},
        {"person_class": "visitor"},
        {"expires_s": 1},
    ],
)
def test_nothing_else_opens_a_lane_like_that(changes: dict[str, Any]) -> None:
    door = Door()
    door.scan(door.badge(900, **{"person_class": "responder", **changes}))
    assert "free" not in door.gate and not door.alarmed("responder")


def test_a_responder_needs_no_rulebook() -> None:
    door = Door()
    door.controller.rulebook = None
    door.scan(door.badge(900, person_class="responder"))
    assert door.gate == ["free"]


def test_shown_again_it_stays_open_and_a_key_outlasts_the_badge() -> None:
    door = Door()
    badge = door.badge(900, person_class="responder")
    door.scan(badge)
    door.wait(100).scan(badge)
    assert door.wait(100).lane.freed
    door.contact("release_key", True).wait(500)
    assert door.lane.freed, "the key is still turned"
    door.contact("release_key", False)
    assert not door.lane.freed


def test_a_badge_never_ends_an_evacuation_by_its_time() -> None:
    door = Door()
    door.scan(door.badge(900, person_class="responder"))
    door.contact("fire_loop", False).wait(500)
    assert door.lane.freed and door.lane.state == "evacuated"


def test_where_nothing_counts_entry_waits_for_a_recount_afterwards() -> None:
    door = Door(setup={"passage_sensor": False})
    door.scan(door.badge(900, person_class="responder"))
    door.wait(200)
    assert door.state.recount_needed and door.alarmed("recount_needed")
    assert door.comes(door.guest(1)) == "wait"
    assert door.because == "recount"


def test_the_rulebook_names_every_class_of_the_plan() -> None:
    book = parse(text())
    assert set(CLASSES) | {"staff"} == set(book.classes)
    assert all(name in book.phase[-1].classes for name in book.classes)


def test_a_card_makes_nobody_of_a_class_that_the_phase_does_not_know() -> None:
    door = Door(('"visitor", "resident", "elder", "minor"', '"visitor", "resident", "minor"'))
    door.scan(door.card(age=70))
    assert door.decision.person_class == "visitor" and "class_not_in_phase" not in door.reasons
