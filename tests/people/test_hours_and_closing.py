"""3.2.6 and after closing: hours by weekday, date and service, the last entry, the sweep, and exits free all night."""

from __future__ import annotations

import datetime as dt
import zoneinfo

import pytest

from firmware.core import events
from firmware.core.estimate import inside
from firmware.core.records import CommandDone
from tests.core.stage import Stage, rulebook
from tests.people.hall import AT_FIVE, Door, at

LAST = ("last_entry_minutes = 0", "last_entry_minutes = 30")


@pytest.mark.parametrize(
    ("when", "service", "because"),
    [
        ("2022-06-01 16:59:59", None, "in_order"),
        ("2022-06-01 17:00:00", None, "closed"),
        ("2022-06-01 19:59:59", "permits", "in_order"),
        ("2022-06-01 20:00:00", "permits", "closed"),
        ("2022-06-03 10:00:00", None, "closed"),
        ("2022-06-03 10:00:00", "permits", "closed"),
        ("2022-06-04 10:00:00", None, "closed"),
    ],
)
def test_hours_by_weekday_date_and_service(when: str, service: str | None, because: str) -> None:
    door = Door(wall=at(when))
    door.comes(door.guest(1, service=service))
    assert because in door.reasons


@pytest.mark.parametrize(
    ("when", "service", "because"),
    [
        ("2022-06-04 10:00", None, "in_order"),
        ("2022-06-04 12:00", None, "closed"),
        ("2022-06-06 10:00", "permits", "closed"),
        ("2022-06-06 10:00", None, "in_order"),
    ],
)
def test_a_saturday_that_is_worked_and_a_service_that_is_closed(when: str, service: str | None, because: str) -> None:
    dates = ("date = 2022-06-03", 'date = 2022-06-03\n[[hours.exception]]\ndate = 2022-06-04\nopen = ["09:00-12:00"]\n'
             '[[hours.exception]]\ndate = 2022-06-06\nservices = ["permits"]')  # fmt: skip
    door = Door(dates, wall=at(when))
    door.comes(door.guest(1, service=service))
    assert because in door.reasons


def test_closed_for_days_names_the_day() -> None:
    door = Door(wall=at("2022-06-02 18:00"))
    door.scan(door.guest(1))
    assert door.signs[-1] == "已闭馆 6月6日开放"
    door = Door(wall=at("2022-06-01 18:00"))
    door.scan(door.guest(1))
    assert door.signs[-1] == "已闭馆 明天9:00开放"
    door = Door(wall=at("2022-06-01 00:00"))
    door.scan(door.guest(1))
    assert door.signs[-1] == "未到开放时间 9:00开放"


def test_the_last_entry_before_a_midday_break_is_not_the_days_last() -> None:
    lunch = ('wednesday = ["09:00-17:00"]', 'wednesday = ["09:00-11:30", "13:00-17:00"]')
    signs = {"11:10": "停止入场 13:00再开放", "11:30": "未到开放时间 13:00开放", "16:30": "今日已停止入场 请改约"}
    for when, sign in signs.items():
        door = Door(LAST, lunch, wall=at(f"2022-06-01 {when}"))
        assert door.comes(door.guest(1)) == "refuse"
        assert door.signs[-1] == sign


WEEK = "".join(f'{day} = ["09:00-17:00"]\n' for day in ("monday", "tuesday", "wednesday", "thursday", "friday"))


@pytest.mark.parametrize(
    ("when", "because", "sign"),
    [
        ("2022-06-01 16:45", "last_entry", "今日已停止入场 请改约"),
        ("2022-06-01 17:00", "closed", "未到开放时间"),
        ("2022-06-02 10:00", "closed", "未到开放时间"),
    ],
)
def test_a_hall_that_opens_no_more_names_no_day(when: str, because: str, sign: str) -> None:
    last_day = ("date = 2022-06-03", 'date = 2022-06-01\nopen = ["09:00-17:00"]')
    door = Door(LAST, (f"[hours]\n{WEEK}", "[hours]\n"), last_day, wall=at(when))
    assert door.scan(door.guest(1)) == "refuse"
    assert (door.because, door.signs[-1]) == (because, sign)


def test_a_pass_for_no_service_keeps_the_hours_of_the_hall() -> None:
    door = Door(wall=at("2022-06-01 17:30"))
    assert door.scan(door.guest(1, service="")) == "refuse" and door.because == "closed"


def test_nobody_is_too_late_by_a_doubtful_clock() -> None:
    doubt = ('[on_doubt]\nclock = "staff"', '[on_doubt]\nclock = "admit"')
    for when in ("2022-06-01 03:00", "2022-06-01 16:45"):
        door = Door(LAST, doubt, wall=at(when), trusted=False)
        assert door.comes(door.guest(1)) == "admit"


@pytest.mark.parametrize(
    ("when", "service", "because"),
    [
        ("2022-06-01 16:29:59", None, "in_order"),
        ("2022-06-01 16:30:00", None, "last_entry"),
        ("2022-06-01 17:00:00", None, "closed"),
        ("2022-06-01 16:30:00", "permits", "in_order"),
        ("2022-06-01 19:30:00", "permits", "last_entry"),
    ],
)
def test_nobody_comes_in_just_before_closing(when: str, service: str | None, because: str) -> None:
    door = Door(LAST, wall=at(when))
    door.comes(door.guest(1, service=service))
    assert because in door.reasons


def test_a_class_may_have_its_own_last_entry_and_others_none() -> None:
    own = ("[class.assisted]  ", "[class.assisted]\nlast_entry_minutes = 60 ")
    for person_class, when, answer in (
        ("assisted", "2022-06-01 16:00", "refuse"),
        ("visitor", "2022-06-01 16:00", "admit"),
        ("cleaner", "2022-06-01 16:45", "admit"),
    ):
        door = Door(LAST, ("[class.assisted]               ", own[1]), wall=at(when))
        assert door.comes(door.guest(1, person_class)) == answer


def test_exits_run_all_night() -> None:
    door = Door(wall=at("2022-06-01 16:50"))
    assert door.enters(door.guest(1)) == "admit"
    door.wait(9 * 3600).forget()
    assert door.scan(door.guest(1), "X") == "admit"
    assert door.gate == ["open"]
    door.cross("out", "X")
    assert (inside(door.state), door.alarms) == (0, [])


# -------------------------------------------------------------- the sweep


def test_nobody_is_forgotten_inside_nor_swept_away_while_a_service_is_open() -> None:
    door = Door(wall=at("2022-06-01 17:30"))
    assert door.enters(door.guest(1, service="permits")) == "admit"
    door.wait(1800)
    assert door.order("sweep") == "hall_open" and press(door, 5.5) == "hold"
    door.wait(8900)
    assert (door.alarmed("people_inside"), inside(door.state)) == ([], 1)
    door.wait(600)
    assert [each.detail for each in door.alarmed("people_inside")] == ["1 counted inside since closing at 20:00"]


def evening(**more: object) -> Door:
    """Two people came in ten minutes before closing; one is still counted inside."""
    door = Door(AT_FIVE, wall=at("2022-06-01 16:50"), **more)  # type: ignore[arg-type]
    for number in (1, 2):
        assert door.enters(door.guest(number), number) == "admit"
    door.scan(door.guest(1), "X")
    door.cross("out", "X")
    return door


def test_people_still_inside_after_closing_are_told_of_once() -> None:
    door = evening()
    door.wait(9 * 60 + 28 * 60)
    assert not door.alarmed("people_inside")
    door.wait(3 * 60)  # nothing happens: the door wakes by itself
    (alarm,) = door.alarmed("people_inside")
    assert (alarm.active, alarm.detail) == (True, "1 counted inside since closing at 17:00")
    door.wait(6 * 3600)
    assert len(door.alarmed("people_inside")) == 1
    door.cross("out", "X")
    assert [each.active for each in door.alarmed("people_inside")] == [True, False]


def press(door: Door, seconds: float) -> str:
    door.scan(door.badge(900, person_class="attendant"))
    door.press(seconds)
    return [record.name for record in door.records if isinstance(record, CommandDone)][-1]


def test_an_attendant_says_that_the_hall_is_empty_and_the_count_is_zero() -> None:
    door = evening()
    door.wait(3600)
    assert inside(door.state) == 1
    assert press(door, 5.5) == "sweep"
    assert inside(door.state) == 0
    assert door.free == 200
    assert door.alarmed("people_inside")[-1].active is False
    assert f"{900:016x}" in door.alarmed("people_inside")[-1].detail
    door.wait(9 * 3600)
    assert len([each for each in door.alarmed("people_inside") if each.active]) == 1


@pytest.mark.parametrize(("night", "hours"), [("2022-10-02", 16), ("2022-10-03", 17)])
def test_the_reminder_comes_at_its_time_also_on_the_day_that_lacks_an_hour(night: str, hours: int) -> None:
    """Sydney's clocks went from two to three that Sunday; the hall is open from midnight to 17:00."""
    stage = Stage(
        wall=dt.datetime.fromisoformat(f"{night}T00:30").replace(tzinfo=zoneinfo.ZoneInfo("Australia/Sydney"))
    )
    book = rulebook(serial=8, more="[sweep]\nremind_minutes = 30").replace(b"Asia/Shanghai", b"Australia/Sydney")
    for line in (b'monday = ["09:00-17:00"]', b'tuesday = ["09:00-17:00"]'):
        book = book.replace(line, b'sunday = ["00:00-17:00"]' if b"tuesday" in line else b'monday = ["00:00-17:00"]')
    stage.do(events.RulebookLoaded(text=book, kid="k"))
    stage.cross()
    stage.wait(hours * 3600 - 1)
    assert "people_inside" not in stage.alarms
    stage.wait(2)
    assert "people_inside" in stage.alarms


def test_a_swept_hall_is_not_reminded_of_and_the_next_evening_is() -> None:
    door = evening()
    door.wait(20 * 60)
    assert door.order("sweep") == ""
    door.wait(3 * 3600)
    assert not [each for each in door.alarmed("people_inside") if each.active]
    door.wait(14 * 3600)
    assert door.enters(door.guest(3), 3) == "admit"
    door.wait(11 * 3600)
    assert [each.active for each in door.alarmed("people_inside")][-1] is True


def test_no_press_sweeps_an_open_hall_and_a_shorter_one_means_what_it_meant() -> None:
    door = Door(wall=at("2022-06-01 12:00"))
    assert press(door, 5.5) == "hold"
    assert door.order("sweep") == "hall_open"
    night = evening()
    night.wait(3600)
    assert press(night, 3) == "hold"
    assert inside(night.state) == 1


def test_a_sweep_needs_a_clock() -> None:
    door = evening()
    door.wait(3600)
    door.trusted = False
    assert door.order("sweep") == "clock_doubtful"
    assert press(door, 5.5) == "hold"


def test_a_door_that_is_not_the_bank_ends_its_alarm_and_keeps_its_counters() -> None:
    door = Door(AT_FIVE, wall=at("2022-06-01 16:50"), bank=False)
    door.cross()
    door.wait(3600)
    assert [each.active for each in door.alarmed("people_inside")] == [True]
    assert door.order("sweep") == ""
    assert [each.active for each in door.alarmed("people_inside")] == [True, False]
    assert inside(door.state) == 1, "only the bank makes rights"
