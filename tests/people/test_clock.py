"""An untrusted clock: every time rule has its answer, nothing is decided on 1970, and an hour back gives nothing twice."""

from __future__ import annotations

import zoneinfo
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core import bounds, events
from firmware.core.controller import Controller
from firmware.core.occupancy import Rights
from firmware.core.state import HallState
from tests.people.hall import Door, at
from tests.people.walk_ins import COLLECT_S, OPTIONAL, WALK_IN
from tests.rules.asking import DOUBTS

LOST = 1_000.0
"""The wall clock of a controller without a battery: some minutes of 1970."""


def doubtful(door: Door, wall: float = LOST) -> Door:
    door.wall_0, door.trusted = wall - door.now, False
    return door


def shown(door: Door) -> dict[str, Any]:
    """What a visitor brings while the device knows the time."""
    now = int(door.wall_0 + door.now)
    return {
        "good": door.guest(1),
        "early": door.guest(1, slot_start_s=now + 7200, slot_end_s=now + 9000),
        "late": door.guest(1, slot_start_s=now - 9000, slot_end_s=now - 7200),
        "expired": door.guest(1, expires_s=now - 1),
        "no slot": door.guest(1, slot_start_s=None, slot_end_s=None),
    }


@pytest.mark.parametrize("answer", DOUBTS)
@pytest.mark.parametrize("which", ["good", "early", "late", "expired", "no slot"])
@pytest.mark.parametrize("when", ["2022-06-01 10:00", "2022-06-01 23:00", "2022-06-04 10:00", "2022-05-25 10:00"])
def test_slots_phases_and_hours_all_answer_a_doubt_as_the_rulebook_says(answer: str, which: str, when: str) -> None:
    door = Door(('clock = "staff"', f'clock = "{answer}"'), wall=at(when))
    fact, test = shown(door)[which], door.test(1)
    doubtful(door)
    said = door.scan(fact)
    if said == "wait":
        said = door.scan(test)
    assert said == answer
    assert {"early", "late", "expired", "closed", "class_not_in_phase"}.isdisjoint(door.reasons), "judged on 1970"


@pytest.mark.parametrize("answer", DOUBTS)
def test_a_walk_ins_quota_answers_a_doubt_too(answer: str) -> None:
    door = Door(WALK_IN, OPTIONAL, ('clock = "staff"', f'clock = "{answer}"'))
    test = door.test(1)
    assert doubtful(door).scan(test) == answer


@pytest.mark.parametrize("what", ["revoked", "hall", "used", "party"])
def test_what_needs_no_clock_is_judged_without_one(what: str) -> None:
    door = Door(('clock = "staff"', 'clock = "admit"'))
    changes: dict[str, Any] = {
        "revoked": {"revoked": True}, "hall": {"hall": "elsewhere"}, "party": {"person_class": "agent", "party": 2},
    }.get(what, {})  # fmt: skip
    fact, test = door.guest(1, **changes), door.test(1)
    if what == "used":
        assert door.enters(fact) == "admit"
    doubtful(door)
    assert door.scan(fact) == ("staff" if what == "party" else "refuse"), door.scan(test)


# -------------------------------------------------------------- stepped back by an hour


def test_a_clock_that_steps_back_is_doubtful_whoever_calls_it_good() -> None:
    door = Door()
    door.scan(door.guest(1))
    door.wait(30)
    door.wall_0 -= 3600
    assert door.trusted
    assert door.scan(door.guest(2)) == "staff"
    assert "clock_doubtful" in door.reasons
    assert not door.decision.at_trusted
    door.wait(3600)
    assert door.comes(door.guest(3), 3) == "admit", "when it has caught up it is good again"


def test_how_far_a_clock_went_is_remembered_only_within_a_rulebooks_days() -> None:
    """Before there is a rulebook nobody can tell a battery clock's wrong year from the right one."""
    door = Door()
    right = door.controller.state.latest_wall_ms
    door.wall_0 += 100 * 365 * 86_400
    door.do(events.Woken())
    new = Controller(HallState(rights=Rights(inc="door-2")), zoneinfo.ZoneInfo)
    new.handle(events.Woken(), door.moment)
    assert (door.controller.state.latest_wall_ms, new.state.latest_wall_ms) == (right, 0)
    door.wall_0 -= 100 * 365 * 86_400
    assert door.comes(door.guest(1)) == "admit"


@pytest.mark.parametrize("seconds", [1, 2])
def test_a_step_of_ntp_is_none(seconds: int) -> None:
    door = Door()
    door.scan(door.guest(9))
    door.wall_0 -= seconds
    assert door.comes(door.guest(1)) == "admit"


@pytest.mark.parametrize("answer", DOUBTS)
def test_an_hour_back_opens_no_slot_that_is_over(answer: str) -> None:
    door = Door(('clock = "staff"', f'clock = "{answer}"'))
    late = door.guest(1, slot=(-2, -1))
    assert door.scan(late) == "refuse"
    door.wait(30)
    door.wall_0 -= 3600
    said = door.scan(late)
    assert said == "wait" if answer == "admit" else said == answer
    assert "late" not in door.reasons


@pytest.mark.parametrize("answer", DOUBTS)
def test_an_hour_back_gives_no_second_use(answer: str) -> None:
    door = Door(('clock = "staff"', f'clock = "{answer}"'))
    assert door.enters(door.guest(1)) == "admit"
    door.wall_0 -= 3600
    assert door.scan(door.guest(1)) == "refuse"
    assert "used" in door.reasons


def test_an_hour_back_over_midnight_gives_no_second_days_quota_and_no_second_use() -> None:
    nights = [
        (f'{day} = ["09:00-17:00"]\n{then}', f'{day} = ["00:00-24:00"]\n{then}')
        for day, then in (("wednesday", "thursday"), ("thursday", 'friday = ["09:00-17:00"]\nlast'))
    ]
    few = ("base_visits_per_day = 1500 ", "base_visits_per_day = 4 ")
    door = Door(
        WALK_IN, OPTIONAL, few, ('clock = "staff"', 'clock = "admit"'), *nights, wall=at("2022-06-01 23:40")
    )  # fmt: skip
    door.wait(1800)
    tests = [door.test(number) for number in range(8)]

    def walk_in(number: int) -> str:
        answer = door.scan(tests[number])
        if answer == "admit":
            door.cross()
        door.wait(4 if answer != "wait" else COLLECT_S + 1)
        return answer if answer != "wait" else door.answered[0]

    assert [walk_in(0), walk_in(1), walk_in(2)] == ["admit", "admit", "refuse"]
    door.wall_0 -= 3600
    for number in (3, 4):
        walk_in(number)
    assert door.state.quota_day == "2022-06-02"
    door.wall_0 += 3600
    assert walk_in(5) == "refuse"


def test_a_doubtful_clock_far_ahead_makes_no_use_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "USED", 20)
    door = Door(('clock = "staff"', 'clock = "admit"'))
    assert door.enters(door.guest(1)) == "admit"
    real = door.wall_0
    bookings = [(door.guest(number), door.test(number)) for number in range(2, 20)]
    doubtful(door, 4e9)
    for booking, test in bookings:
        assert door.scan(booking) == "wait" and door.scan(test) == "admit"
        door.cross().wait(12)
    door.wall_0, door.trusted = real, True
    assert door.enters(door.guest(1)) == "refuse"
    assert "used" in door.reasons


def test_arrivals_are_frozen_only_by_a_good_clock() -> None:
    door = Door()
    fact = door.guest(1)
    doubtful(door).scan(fact)
    assert door.state.arrived == {}


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(["use", "back", "forth", "lost", "found", "day"]), max_size=25),
    st.sampled_from(DOUBTS),
)
def test_no_play_with_the_clock_admits_a_pass_twice(steps: list[str], answer: str) -> None:
    door = Door(('clock = "staff"', f'clock = "{answer}"'))
    book = {"slot_start_s": None, "slot_end_s": None, "expires_s": int(door.wall_0) + 90 * 86_400}
    fact = door.guest(1, not_before_s=int(door.wall_0) - 90 * 86_400, **book)
    entries = 0
    for step in steps:
        match step:
            case "use":
                answered = door.scan(fact)
                if answered == "wait":
                    answered = door.scan(door.test(1))
                if answered == "admit":
                    door.cross()
                    entries += 1
                door.wait(25)
            case "back":
                door.wall_0 -= 3600
            case "forth":
                door.wall_0 += 3600
            case "day":
                door.wait(86_400)
            case _:
                door.trusted = step == "found"
    assert entries <= 1
