"""3.1.1a: in the slot and its grace, once, in this hall."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.core import events
from firmware.core.facts import Card, Unproved
from firmware.core.state import LaneSetup
from tests.core.stage import Stage, rulebook
from tests.rules.asking import DOUBTS, asked, doubt


@pytest.mark.parametrize(
    ("starts_in", "ends_in", "expected"),
    [
        (600, 4000, ("admit", "in_order")),
        (601, 4000, ("wait", "early")),
        (-4000, -900, ("admit", "in_order")),
        (-4000, -901, ("refuse", "late")),
        (0, 0, ("admit", "in_order")),
    ],
)
def test_the_slot_and_its_grace(starts_in: int, ends_in: int, expected: tuple[str, str]) -> None:
    stage = Stage()
    now = int(stage.wall_0)
    assert asked(stage, stage.booking(1, slot_start_s=now + starts_in, slot_end_s=now + ends_in)) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"expires_s": 1}, ("admit", "in_order")),
        ({"expires_s": 0}, ("refuse", "expired")),
        ({"not_before_s": 1}, ("wait", "early")),
        ({"not_before_s": 0}, ("admit", "in_order")),
    ],
)
def test_the_pass_itself_is_never_widened(change: dict[str, Any], expected: tuple[str, str]) -> None:
    stage = Stage()
    change = {key: int(stage.wall_0) + value for key, value in change.items()}
    assert asked(stage, stage.booking(1, **change)) == expected


def test_without_a_slot_the_pass_is_the_slot() -> None:
    stage = Stage()
    now = int(stage.wall_0)
    no_slot: dict[str, Any] = {"slot_start_s": None, "slot_end_s": None}
    assert asked(stage, stage.booking(1, **no_slot, not_before_s=now + 600)) == ("admit", "in_order")
    stage.cross().wait(4)
    assert asked(stage, stage.booking(2, **no_slot, not_before_s=int(stage.wall_0 + stage.now) + 601))[1] == "early"


@pytest.mark.parametrize("booking", ["required", "optional"])
def test_a_proof_may_come_before_its_booking(booking: str) -> None:
    stage = Stage(proof='"pcr"', booking=booking)
    assert asked(stage, stage.test(1)) == ("wait", "booking_missing")
    assert asked(stage, stage.booking(1)) == ("admit", "in_order")


def test_another_hall_and_no_booking() -> None:
    stage = Stage(proof='"pcr"')
    assert asked(stage, stage.booking(1, hall="elsewhere")) == ("refuse", "wrong_hall")
    assert asked(stage, stage.test(1)) == ("wait", "booking_missing")
    stage.wait(25)
    assert (stage.decision.answer, stage.because) == ("refuse", "not_booked")


@pytest.mark.parametrize("times", [0, 1, 3])
def test_re_entries(times: int) -> None:
    stage = Stage(limit=9, visitor=f"re_entries = {times}")
    for _ in range(times + 1):
        assert asked(stage, stage.booking(1)) == ("admit", "in_order")
        stage.cross().wait(4)
    assert asked(stage, stage.booking(1)) == ("refuse", "used")


@pytest.mark.parametrize(("minutes", "expected"), [(20, "admit"), (20.1, "refuse")])
def test_the_first_scan_freezes_the_arrival(minutes: float, expected: str) -> None:
    stage = Stage(limit=0)
    book = stage.booking(1, slot_end_s=int(stage.wall_0) - 900)
    assert asked(stage, book)[0] == "wait"
    stage.controller.state.rights.M += 1
    assert stage.wait(minutes * 60).scan(book) == expected


@pytest.mark.parametrize(
    ("change", "because", "froze"),
    [({}, "in_order", True), ({"slot": (1, 2)}, "early", False), ({"slot": (-3, -2)}, "late", False),
     ({"hall": "elsewhere"}, "wrong_hall", False)],
)  # fmt: skip
def test_only_who_could_come_in_now_or_soon_has_arrived(change: dict[str, Any], because: str, froze: bool) -> None:
    stage = Stage()
    assert asked(stage, stage.booking(1, **change))[1] == because
    assert bool(stage.controller.state.arrived) is froze


def test_nobody_arrives_by_a_doubtful_clock() -> None:
    stage = Stage(trusted=False, **doubt("clock", "admit"))
    stage.controller.state.rights.M = 5
    assert stage.scan(stage.booking(1)) == "admit" and not stage.controller.state.arrived


@pytest.mark.parametrize("by_card", [False, True])
@pytest.mark.parametrize(("slot", "froze"), [((-1, 1), True), ((1, 2), False), ((-3, -2), False)])
def test_at_a_held_lane_who_is_in_time_has_arrived(by_card: bool, slot: tuple[int, int], froze: bool) -> None:
    stage = Stage()
    stage.do(events.CommandArrived(id="1", name="hold", issuer="hub", lane="A"))
    booking = stage.booking(1, slot=slot)
    stage.scan(Card(sha256="card", person="p", holder="h", booking=booking) if by_card else booking)
    assert stage.lane.state == "held" and stage.lane.visit is None
    assert list(stage.controller.state.arrived) == ([booking.pass_id] if froze else [])
    assert stage.scan(stage.test(2)) == "wait"


@pytest.mark.parametrize("answer", DOUBTS)
def test_a_doubtful_clock(answer: str) -> None:
    stage = Stage(trusted=False, **doubt("clock", answer))
    stage.controller.state.rights.M = 5
    assert stage.scan(stage.booking(1, expires_s=1)) == answer


def test_what_needs_no_clock_is_judged_without_one() -> None:
    stage = Stage(trusted=False, **doubt("clock", "admit"))
    assert asked(stage, stage.booking(1, hall="elsewhere")) == ("refuse", "wrong_hall")
    assert asked(stage, stage.booking(2, person_class="staff")) == ("refuse", "other_lane")
    assert asked(stage, stage.booking(3, person_class="agent")) == ("refuse", "class_not_in_phase")


def test_a_pass_used_on_an_earlier_day_is_used_whatever_re_entries_are_left() -> None:
    stage = Stage(limit=9, visitor="re_entries = 3")
    book = stage.booking(1, slot=(-1, 48), expires_s=int(stage.wall_0) + 9 * 86_400)
    assert stage.scan(book) == "admit"
    stage.cross().wait(3600)
    assert asked(stage, book) == ("admit", "in_order")
    stage.cross().wait(86_400)
    assert asked(stage, book) == ("refuse", "used")


def test_a_doubtful_clock_takes_no_re_entry_away_by_its_date() -> None:
    stage = Stage(limit=9, visitor="re_entries = 3", **doubt("clock", "admit"))
    book = stage.booking(1, expires_s=int(stage.wall_0) + 9 * 86_400)
    assert stage.scan(book) == "admit"
    stage.cross().wait(86_400)
    stage.trusted = False
    assert asked(stage, book)[0] == "admit"


@pytest.mark.parametrize(
    ("late", "walk_in", "booking", "expected"),
    [
        ("walk_in", "true", "optional", ("admit", "in_order")),
        ("walk_in", "false", "optional", ("refuse", "late")),
        ("walk_in", "true", "none", ("refuse", "late")),
        ("refuse", "true", "optional", ("refuse", "late")),
        ("staff", "true", "optional", ("staff", "late")),
    ],
)
def test_who_is_late_comes_as_a_walk_in_only_where_walk_ins_come(
    late: str, walk_in: str, booking: str, expected: tuple[str, str]
) -> None:
    stage = Stage()
    book = rulebook(serial=8, walk_in=walk_in, booking=booking).replace(b"[slot]", f'[slot]\nlate = "{late}"'.encode())
    stage.do(events.RulebookLoaded(text=book, kid="k"))
    assert asked(stage, stage.booking(1, slot=(-2, -1))) == expected


def test_a_staff_badge_is_never_used_up() -> None:
    lane = LaneSetup(name="A", direction="both", classes=("staff",), passage_sensor=True)
    stage = Stage(lanes=(lane,))
    badge = stage.badge(expires_s=int(stage.wall_0) + 9 * 86_400, slot_start_s=None, slot_end_s=None)
    for pause in (4, 3600, 86_400, 4):
        assert asked(stage, badge) == ("admit", "in_order")
        stage.cross().wait(4).press().cross("out").wait(pause)


def test_a_booking_for_the_class_staff_is_still_a_booking() -> None:
    lane = LaneSetup(name="A", direction="in", classes=("staff",), passage_sensor=True)
    stage = Stage(lanes=(lane,))
    assert stage.scan(stage.booking(1, person_class="staff")) == "admit"
    stage.cross().wait(4)
    assert asked(stage, stage.booking(1, person_class="staff")) == ("refuse", "used")


def test_a_code_that_proves_nothing_is_on_nobodys_record_and_ends_nobodys_visit() -> None:
    stage = Stage(proof='"pcr"')
    assert stage.scan(stage.booking(1)) == "wait"
    assert asked(stage, Unproved(sha256="f", because="bad_signature", looks_like="booking")) == (
        "refuse",
        "bad_signature",
    )
    assert (stage.decision.person, stage.decision.person_class, stage.decision.pass_id) == (None, None, None)
    assert len(stage.decision.clauses) == 1 and stage.decision.phrase == "invalid_code"
    assert stage.scan(stage.test(1)) == "admit"
    assert (stage.decision.person, stage.decision.pass_id) == ("person-1", f"{1:016x}")
