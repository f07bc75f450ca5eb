"""2.1 to 2.3: preparation, limited, full; dated steps without a network, and the way back by rulebook or order."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.core import events, rulebook_end
from firmware.core.controller import Controller
from firmware.core.turn import Turn
from tests.people.hall import CLASSES, Door, at, text


@pytest.mark.parametrize("person_class", CLASSES)
@pytest.mark.parametrize(
    ("when", "open_to"), [("2022-05-31 10:00", ("courier", "cleaner", "inspector")), ("2022-06-01 10:00", CLASSES)]
)
def test_who_is_received_in_preparation(person_class: str, when: str, open_to: tuple[str, ...]) -> None:
    door = Door(wall=at(when))
    door.comes(door.guest(1, person_class))
    if person_class in open_to:
        assert "class_not_in_phase" not in door.reasons
    else:
        assert door.answered == ("refuse", "2.1", "class_not_in_phase")
        assert door.signs[-1] == "暂未开放 可网上办理"


@pytest.mark.parametrize(("when", "clause"), [("2022-05-30", "2.1"), ("2022-06-02", "2.2"), ("2022-06-10", "2.3")])
def test_a_phase_keeps_its_clause_however_a_hall_calls_it(when: str, clause: str) -> None:
    names = [
        (f'name = "{name}"', f'name = "{new}"') for name, new in (("preparation", "a"), ("limited", "b"), ("full", "c"))
    ]
    door = Door(*names, ('"inspector", "escorted",', '"inspector",'), wall=at(f"{when} 10:00"))
    assert door.comes(door.guest(1, "escorted")) == "refuse"
    assert door.answered == ("refuse", clause, "class_not_in_phase")


@pytest.mark.parametrize(
    "change", [("share_percent = 0\n", "share_percent = 20\n"), ("commissioning = true", "commissioning = false")]
)
def test_a_phase_of_drills_or_without_any_visits_is_preparation(change: tuple[str, str]) -> None:
    door = Door(change, wall=at("2022-05-30 10:00"))
    assert door.comes(door.guest(1)) == "refuse"
    assert door.answered == ("refuse", "2.1", "class_not_in_phase")


@pytest.mark.parametrize(
    ("when", "because"), [("2022-05-30 10:00", "gate_drill"), ("2022-06-01 10:00", "attendant_confirmed")]
)
def test_in_commissioning_a_gate_is_drilled_and_recorded_as_that(when: str, because: str) -> None:
    door = Door(wall=at(when))
    door.scan(door.badge(900, person_class="attendant"))
    door.press()
    assert (door.decision.answer, door.reasons) == ("admit", [because])
    assert door.decision.clauses[0].clause == ("2.1" if because == "gate_drill" else "3.1.2d")


def test_a_phase_begins_by_the_clock_alone() -> None:
    door = Door(wall=at("2022-05-31 23:59"))
    door.scan(door.guest(1))
    assert door.because == "class_not_in_phase"
    door.wait(10 * 3600)
    assert door.comes(door.guest(2), 2) == "admit"


def test_a_limit_follows_its_phase_at_midnight() -> None:
    door = Door(("share_percent = 60\n", "share_percent = 60\nlimit_percent = 50\n"), wall=at("2022-06-09 23:59"))
    assert door.free == 100
    door.wait(120).do(events.Woken())
    assert door.free == 200


# -------------------------------------------------------------- the next rulebook


def later(**changes: str) -> bytes:
    """One that is valid from 10 June: 50 persons."""
    return text(
        ("valid_from = 2022-05-22", "valid_from = 2022-06-10"), ("limit_persons = 200", "limit_persons = 50"), serial=9
    )


def test_a_rulebook_of_a_later_day_waits_and_begins_by_itself() -> None:
    door = Door(wall=at("2022-06-09 23:00"))
    assert door.load(later()) == "taken in force from 2022-06-10"
    assert (door.free, door.state.rulebook_serial) == (200, 8)
    door.forget()
    door.wait(3600 - 1)
    assert door.state.rulebook_serial == 8
    door.wait(2)
    assert (door.free, door.state.rulebook_serial) == (50, 9), "the door wakes at midnight, nobody has to come"
    assert [each.because for each in door.records if each.__class__.__name__ == "RulebookTaken"] == [
        "its first day has begun"
    ]


def test_what_waits_survives_a_restart_and_the_loss_of_the_clock() -> None:
    door = Door(wall=at("2022-06-09 23:00"))
    door.load(later())
    door.controller = Controller.restore(door.controller.snapshot(), door.controller.zones)
    door.start("boot-2")
    door.trusted = False
    door.wait(7200).do(events.Woken())
    assert door.state.rulebook_serial == 8, "a doubtful clock begins nothing"
    door.trusted = True
    door.do(events.ClockChecked())
    assert door.state.rulebook_serial == 9


def test_the_same_waiting_rulebook_again_is_no_news_and_an_older_one_is_refused() -> None:
    door = Door(wall=at("2022-06-09 23:00"))
    door.load(later())
    assert door.load(later()) == ""
    assert door.load(text(("limit_persons = 200", "limit_persons = 20"), serial=9)) == "refused serial 9 is not above 9"


def test_a_newer_one_for_today_takes_the_place_of_what_waits() -> None:
    door = Door(wall=at("2022-06-09 23:00"))
    door.load(later())
    assert door.load(text(("limit_persons = 200", "limit_persons = 20"), serial=10)) == "taken"
    door.wait(7200)
    assert (door.free, door.state.rulebook_serial, door.state.rulebook_next) == (20, 10, b"")


def test_a_device_without_any_takes_a_later_one_at_once() -> None:
    door = Door(wall=at("2022-06-09 23:00"))
    door.state.rulebook_text = b""
    door.controller.rulebook = None
    assert door.load(later()) == "taken"


# -------------------------------------------------------------- the one before


def test_the_rulebook_before_comes_back_by_order() -> None:
    door = Door()
    good, bad = text(), text(("limit_persons = 200", "limit_persons = 3"), serial=9)
    assert door.load(bad) == "taken"
    assert door.free == 3
    assert door.order("rulebook_fallback") == ""
    assert (door.free, door.state.rulebook_serial, door.state.rulebook_text) == (200, 8, good)
    assert door.comes(door.guest(1)) == "admit"
    assert door.decision.rulebook == 8
    door.wait(12)
    assert door.load(bad) == "refused serial 9 is not above 9", "what was given up does not come back by itself"
    assert door.load(text(serial=10)) == "taken"


def test_the_order_again_goes_forward_again() -> None:
    door = Door()
    door.load(text(("limit_persons = 200", "limit_persons = 3"), serial=9))
    door.order("rulebook_fallback")
    assert door.order("rulebook_fallback") == ""
    assert (door.free, door.state.rulebook_serial) == (3, 9)


def test_a_fall_back_survives_a_restart() -> None:
    door = Door()
    bad = text(("limit_persons = 200", "limit_persons = 3"), serial=9)
    door.load(bad)
    door.order("rulebook_fallback")
    door.controller = Controller.restore(door.controller.snapshot(), door.controller.zones)
    door.start("boot-1")
    door.load(bad)
    assert door.controller.rulebook is not None and door.controller.rulebook.serial == 8


def test_nothing_to_fall_back_to_and_nothing_out_of_date() -> None:
    door = Door()
    door.state.rulebook_before = b""
    assert door.order("rulebook_fallback") == "no_other_rulebook"
    door.state.rulebook_before = text(("valid_until = 2022-12-31", "valid_until = 2022-05-25"))
    assert door.order("rulebook_fallback") == "other_rulebook_out_of_date"
    door.state.rulebook_before = b"v = 1"
    assert door.order("rulebook_fallback") == "other_rulebook_unusable"
    assert door.state.rulebook_serial == 8


def test_orders_of_the_day_end_with_the_rulebook_they_were_given_against() -> None:
    door = Door()
    door.order("limit", n=7)
    door.order("quota", n=0)
    door.order("walk_in", open=True)
    door.load(text(serial=9))
    assert (door.free, door.state.orders_day) == (200, "")


def test_the_same_journal_gives_the_same_answers() -> None:
    door = Door(wall=at("2022-06-09 23:00"))
    door.load(later())
    door.wait(7200)
    door.order("rulebook_fallback")
    door.order("walk_in", open=True)
    door.wait(10 * 3600)
    door.enters(door.guest(1))
    from firmware.core.occupancy import Rights
    from firmware.core.state import HallState

    again = Controller(HallState(rights=Rights(inc="door-1")), door.controller.zones)
    records = [record for event, moment in door.journal for record in again.handle(event, moment).records]
    assert records[-len(door.records) :] == door.records
    assert again.snapshot() == door.controller.snapshot()


@pytest.mark.parametrize(
    ("when", "changes", "because"),
    [
        ("2022-06-01 10:00", {}, "not_wide"),
        ("2022-06-01 10:00", {"hall": "elsewhere"}, "wrong_hall"),
        ("2022-06-01 21:00", {}, "closed"),
        ("2022-05-25 10:00", {}, "class_not_in_phase"),
    ],
)
def test_nobody_is_sent_to_another_lane_for_the_next_no(when: str, changes: dict[str, Any], because: str) -> None:
    wide = ("[class.disabled]                # (3.1.2d)", "[class.disabled]\nwide = true # (3.1.2d)")
    door = Door(wide, wall=at(when))
    assert door.scan(door.guest(1, "disabled", **changes)) == "refuse"
    assert door.answered[2] == because
    staff = Door(wide, serves=("staff",), wall=at(when))
    assert staff.scan(staff.guest(1, "disabled", **changes)) == "refuse"
    assert staff.answered[2] == because


# -------------------------------------------------------------- the last day


def ends(door: Door) -> list[tuple[bool, str]]:
    return [(each.active, each.detail) for each in door.alarmed("rulebook_ends")]


TOLD = (True, "its last day is 2022-12-31, and no next one waits")


def test_a_rulebook_that_runs_out_is_an_alarm_two_weeks_before_once_and_by_itself() -> None:
    door = Door(wall=at("2022-12-17 23:59"))
    assert not ends(door)
    turn = Turn(door.state, door.moment, door.controller.zone, door.controller.rulebook)
    assert rulebook_end.due(turn) == [turn.now + 60_000], "whatever else wakes at midnight"
    door.wait(61)
    assert ends(door) == [TOLD]
    door.wait(7 * 86_400)
    assert ends(door) == [TOLD]


def test_the_shortest_notice_is_the_last_day_itself() -> None:
    door = Door(("[on_doubt]", "[alarms]\nrulebook_ends_days = 1\n[on_doubt]"), wall=at("2022-12-30 23:59"))
    assert not ends(door)
    door.wait(61)
    assert ends(door) == [TOLD]


def test_the_alarm_is_over_when_the_next_one_is_there() -> None:
    door = Door(wall=at("2022-12-17 23:59"))
    door.wait(61)
    later = text(
        ("valid_from = 2022-05-22", "valid_from = 2023-01-02"),
        ("valid_until = 2022-12-31", "valid_until = 2023-12-31"),
        serial=9,
    )
    assert door.load(later) == "taken in force from 2023-01-02"
    assert ends(door) == [TOLD], "a day without any lies between"
    gapless = later.replace(b"valid_from = 2023-01-02", b"valid_from = 2023-01-01").replace(
        b"serial = 9", b"serial = 10"
    )
    assert door.load(gapless) == "taken in force from 2023-01-01"
    assert ends(door) == [TOLD, (False, "")]


def test_a_rulebook_may_want_no_such_alarm_and_a_doubtful_clock_knows_no_day() -> None:
    for changes, trusted in ([("[on_doubt]", "[alarms]\nrulebook_ends_days = 0\n[on_doubt]")], True), ([], False):
        door = Door(*changes, wall=at("2022-12-17 23:59"), trusted=trusted)
        door.wait(16 * 86_400)
        assert not ends(door)


def test_one_that_is_over_does_not_take_the_place_of_one_that_holds() -> None:
    door = Door(wall=at("2022-12-30 10:00"))
    over = text(("valid_until = 2022-12-31", "valid_until = 2022-12-29"), serial=9)
    assert door.load(over) == "refused its last day was 2022-12-29"
    assert door.load(over.replace(b"2022-12-29", b"2022-12-30")) == "taken"


@pytest.mark.parametrize("last", ["0001-01-01", "9999-12-31"])
def test_any_last_day_can_be_reckoned_with(last: str) -> None:
    """A device without any rulebook takes the first it is given."""
    door = Door()
    door.controller.rulebook = None
    days = [
        ("valid_until = 2022-12-31", f"valid_until = {last}"),
        ("valid_from = 2022-05-22", "valid_from = 0001-01-01"),
    ]
    assert door.load(text(*days, serial=9)) == "taken"
    assert door.state.rulebook_ends == (last if last == "0001-01-01" else "")
