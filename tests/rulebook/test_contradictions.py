"""What a rulebook says against itself, at the very number where it begins to: each contradiction beside what is none."""

from __future__ import annotations

import pytest

from firmware.rulebook.air_tables import OUTDOORS_PPM
from firmware.rulebook.book import parse
from firmware.rulebook.contradictions import PRESS_APART_MS, complaints
from firmware.typed_toml import Mistakes
from tests.rulebook.test_book import PLAN

BOOKING, NEXT = 'booking = "required"', "[slot]"
PPM = OUTDOORS_PPM + 100  # relief_ppm


def said(*changes: tuple[str, str]) -> list[str]:
    """`error key` of what makes it unusable; else what it is odd by."""
    text = PLAN
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    try:
        return [f"{one.severity} {one.key}" for one in complaints(parse(text.encode()))]
    except Mistakes as wrong:
        return [f"error {one.key}" for one in wrong.all]


def visitor(*lines: str) -> tuple[str, str]:
    return BOOKING, "\n".join((BOOKING, *lines))


def more(*lines: str) -> tuple[str, str]:
    return NEXT, "\n".join((*lines, NEXT))


@pytest.mark.parametrize(
    ("change", "odd"),
    [
        (visitor("age_from = 60", "age_under = 61"), []),
        (visitor("age_from = 60", "age_under = 60"), ["error class.visitor.age_under"]),
        (visitor('host = "required"', 'host_classes = ["staff"]'), []),
        (visitor('host = "required"', "host_classes = []"), ["error class.visitor.host_classes"]),
        (visitor('host = "required"', 'host_classes = ["courier"]'), ["error class.visitor.host_classes"]),
        (
            (BOOKING, 'booking = "optional"\nhost = "required"\nhost_classes = ["staff"]'),
            ["error class.visitor.host"],
        ),
        (("temperature_max_c = 37.3", "temperature_max_c = 36.0"), []),
        (("temperature_max_c = 37.3", "temperature_max_c = 40.0"), []),
        (("temperature_max_c = 37.3", "temperature_max_c = 35.9"), ["warning class.visitor.temperature_max_c"]),
        (("temperature_max_c = 37.3", "temperature_max_c = 40.1"), ["warning class.visitor.temperature_max_c"]),
        (("antigen_days = 2", "antigen_days = 0"), ["shut class.staff.antigen_days"]),
        (
            ('booking = "none"', 'booking = "none"\nsources = ["sentinel"]'),
            [],
        ),
        (
            (
                'proof = ["pcr"]\ntemperature_max_c = 37.3\nsources = ["certificate", ',
                'proof = ["antigen"]\nantigen_days = 1\nsources = [',
            ),
            ["error class.visitor.sources"],
        ),
        (more("[quota]", "share = { a = 60, b = 40 }"), []),
        (more("[quota]", "share = { a = 60, b = 41 }"), ["error quota.share"]),
        (more("[responders]", 'classes = ["visitor"]'), ["error responders.classes"]),
        (more("[responders]", 'classes = ["staff"]'), ["warning responders.classes"]),
        (more("[responders]", 'classes = ["responder"]'), []),
        (more("[mask]", 'exempt_classes = ["elder"]'), ["warning mask.exempt_classes"]),
        (more("[thermometer]", "distance_min_mm = 100", "distance_max_mm = 101"), []),
        (
            more("[thermometer]", "distance_min_mm = 100", "distance_max_mm = 100"),
            ["error thermometer.distance_max_mm"],
        ),
    ],
)
def test_of_people(change: tuple[str, str], odd: list[str]) -> None:
    assert said(change) == odd


@pytest.mark.parametrize(
    ("changes", "odd"),
    [
        ([('"13:30-17:00"', '"13:30-13:30"')], ["error hours.monday[1]"]),
        ([more("[[hold]]", 'span = "12:00-12:01"')], []),
        ([more("[[hold]]", 'span = "12:00-12:00"')], ["error hold[0].span"]),
        ([more("[[hold]]", 'span = "00:00-24:00"')], ["shut hold"]),
        ([more("[[hold]]", 'span = "00:01-24:00"')], []),
        ([more("[[hold]]", 'span = "00:00-24:00"', 'lanes = ["A"]')], []),
        ([more("[[hold]]", 'span = "00:00-24:00"', "dates = [2022-06-03]")], []),
        ([more("[[hold]]", 'span = "00:00-24:00"', 'weekdays = ["monday", "wednesday"]')], []),
        ([more("[[hold]]", 'span = "00:00-24:00"', 'weekdays = ["monday", "wednesday", "saturday"]')], ["shut hold"]),
        (
            [
                ("[hours]", "[hours]\nlast_entry_minutes = 209"),
                ("[hours.service", "[hours.service"),
                ('wednesday = ["00:00-24:00"]\n', ""),
            ],
            [],
        ),
        (
            [("[hours]", "[hours]\nlast_entry_minutes = 210"), ('wednesday = ["00:00-24:00"]\n', "")],
            ["shut hours.last_entry_minutes"],
        ),
        ([("from = 2022-06-01", "from = 2028-01-01")], ["warning phase[1].from"]),
        ([("from = 2022-06-01", "from = 2027-12-31")], []),
        ([("valid_until = 2027-12-31", "valid_until = 2022-05-22")], ["warning phase[1].from"]),
        (
            [
                ('"preparation"\nfrom = 2022-05-22', '"preparation"\nfrom = 2028-01-01'),
                ("from = 2022-06-01", "from = 2029-01-01"),
            ],
            ["warning phase[0].from", "warning phase[1].from", "shut phase[0].from"],
        ),
        ([("limit_persons = 205", "limit_persons = 0")], ["shut limit_persons"]),
        (
            [
                ("limit_percent = 50", "limit_percent = 0"),
                ("share_percent = 60", "share_percent = 60\nlimit_percent = 0"),
            ],
            ["shut phase"],
        ),
        ([("limit_percent = 50", "limit_percent = 0")], []),
        ([visitor("enters = false"), ('booking = "none"', 'booking = "none"\nenters = false')], ["shut class"]),
        ([visitor("enters = false")], []),
        ([more("[[hours.exception]]", "date = 2022-05-21")], ["warning hours.exception[0].date"]),
        (
            [more("[[hours.exception]]", "date = 2022-06-03", 'open = ["12:00-12:00"]')],
            ["error hours.exception[0].open[0]"],
        ),
        (
            [more("[[hours.exception]]", "date = 2022-06-04", "[[hours.exception]]", "date = 2022-06-03")],
            ["error hours.exception[1].date"],
        ),
        ([more("[opening]", 'first_person = ["courier"]')], ["warning opening.first_person"]),
        ([more("[opening]", 'first_person = ["courier", "staff"]')], []),
    ],
)
def test_of_days_and_hours(changes: list[tuple[str, str]], odd: list[str]) -> None:
    assert said(*changes) == odd


ASKS_NOTHING = (('booking = "required"\nproof = ["pcr"]', 'booking = "optional"\nproof = []'),)


@pytest.mark.parametrize(
    ("hall", "phase", "shut"),
    [("false", "", False), ("true", "", True), ("false", "true", True), ("true", "false", False)],
)
def test_walk_ins_who_are_asked_for_nothing_are_let_in_by_the_phases_own_word(
    hall: str, phase: str, shut: bool
) -> None:
    own = ("share_percent = 60", f"share_percent = 60\nwalk_in = {phase}" if phase else "share_percent = 60")
    found = said(*ASKS_NOTHING, ("walk_in = false", f"walk_in = {hall}"), own)
    assert ("shut class.visitor" in found) is shut and "warning class.visitor" in found


@pytest.mark.parametrize(
    ("lines", "odd"),
    [
        (("[isolation]", "acknowledge_seconds = 120", "report_minutes = 2"), []),
        (("[isolation]", "acknowledge_seconds = 121", "report_minutes = 2"), ["warning isolation.report_minutes"]),
        (("[isolation]", "report_minutes = 60", "sign_off_minutes = 60"), []),
        (("[isolation]", "report_minutes = 61", "sign_off_minutes = 60"), ["warning isolation.sign_off_minutes"]),
        (("[anti_passback]", "minutes = 5", 'classes = ["agent"]'), ["warning anti_passback.classes"]),
        (
            ("[opening]", 'first_person = ["staff", "agent"]', "[anti_passback]", "minutes = 5", 'classes = ["agent"]'),
            ["warning anti_passback.classes"],
        ),
        (("[anti_passback]", "minutes = 5", 'classes = ["staff"]'), []),
        (("[anti_passback]", "minutes = 0", 'classes = ["agent"]'), []),
        (("[air]", f"hold_ppm = {PPM}"), ["shut air.hold_ppm"]),
        (("[air]", f"hold_ppm = {PPM + 1}"), []),
        (("[air]", f"alarm_ppm = {PPM}"), ["warning air.alarm_ppm"]),
        (("[air]", f"alarm_ppm = {PPM + 1}"), []),
        (("[[air.step]]", f"co2_ppm = {PPM}", "limit_percent = 50"), ["error air.step[0].co2_ppm"]),
        (("[[air.step]]", f"co2_ppm = {PPM + 1}", "limit_percent = 50"), []),
        (
            (
                "[[air.step]]",
                "co2_ppm = 900",
                "limit_percent = 50",
                "[[air.step]]",
                "co2_ppm = 901",
                "limit_percent = 49",
            ),
            [],
        ),
        (
            (
                "[[air.step]]",
                "co2_ppm = 900",
                "limit_percent = 50",
                "[[air.step]]",
                "co2_ppm = 900",
                "limit_percent = 49",
            ),
            ["error air.step[1].co2_ppm"],
        ),
        (
            (
                "[[air.step]]",
                "co2_ppm = 900",
                "limit_percent = 50",
                "[[air.step]]",
                "co2_ppm = 901",
                "limit_percent = 50",
            ),
            ["error air.step[1].limit_percent"],
        ),
    ],
)
def test_of_isolation_badges_and_air(lines: tuple[str, ...], odd: list[str]) -> None:
    assert said(more(*lines)) == odd


def point(name: str, *lines: str) -> tuple[str, ...]:
    return ("[[rounds.point]]", f'name = "{name}"', 'who = ["staff"]', *lines)


HOURLY = "every_minutes = 60"


@pytest.mark.parametrize(
    ("lines", "odd"),
    [
        (("[rounds]", "grace_minutes = 15", "red_minutes = 15"), []),
        (("[rounds]", "grace_minutes = 15", "red_minutes = 14"), ["error rounds.red_minutes"]),
        (("[attendant]", f"long_press_ms = {8_000 - PRESS_APART_MS}", *point("a", HOURLY)), []),
        (("[attendant]", f"long_press_ms = {8_001 - PRESS_APART_MS}", *point("a", HOURLY)), ["error rounds.press_ms"]),
        (("[attendant]", "long_press_ms = 9000"), []),
        (point("a", HOURLY) + point("b", HOURLY), []),
        (point("a", HOURLY) + point("a", HOURLY), ["error rounds.point[0].name", "error rounds.point[1].name"]),
        (point("a", HOURLY, 'lane = "A"') + point("b", HOURLY, 'lane = "B"'), []),
        (point("a", HOURLY, 'lane = "A"') + point("b", HOURLY, 'lane = "A"', 'device = "other"'), []),
        (
            point("a", HOURLY, 'lane = "A"') + point("b", HOURLY, 'lane = "A"'),
            ["error rounds.point[0].lane", "error rounds.point[1].lane"],
        ),
        (point("a"), ["error rounds.point[0]"]),
        (point("a", HOURLY, 'lane = "A"', "after_hand_over_minutes = 5"), ["error rounds.point[0]"]),
        (point("a", 'lane = "A"', "after_hand_over_minutes = 5"), []),
        (point("a", "after_hand_over_minutes = 5"), ["error rounds.point[0].lane"]),
        (point("a", HOURLY, "hold = true"), ["error rounds.point[0].lane"]),
        (point("a", HOURLY, 'within = ["09:00-09:01"]'), []),
        (point("a", HOURLY, 'within = ["09:00-10:00", "11:00-11:00"]'), ["error rounds.point[0].within[1]"]),
        (("[[rounds.point]]", 'name = "a"', 'who = ["cleaner"]', HOURLY), ["warning rounds.point[0].who"]),
        (sum((point(f"p{n}", HOURLY) for n in range(40)), ()), []),
        (sum((point(f"p{n}", HOURLY) for n in range(41)), ()), ["error rounds.point"]),
    ],
)
def test_of_rounds(lines: tuple[str, ...], odd: list[str]) -> None:
    assert said(more(*lines)) == odd


def item(name: str, lane: str, low: int = 0) -> tuple[str, ...]:
    return ("[[supplies.item]]", f'name = "{name}"', f'lane = "{lane}"', "full_units = 10", f"low_units = {low}")


@pytest.mark.parametrize(
    ("lines", "odd"),
    [
        (item("gel", "A", 9), []),
        (item("gel", "A", 10), ["error supplies.item[0].low_units"]),
        (item("gel", "A") + item("masks", "B"), []),
        (item("gel", "A") + item("gel", "B"), ["error supplies.item[0].name", "error supplies.item[1].name"]),
        (item("gel", "A") + item("masks", "A"), ["error supplies.item[0].lane", "error supplies.item[1].lane"]),
        (sum((item(f"i{n}", f"L{n}") for n in range(40)), ()), []),
        (sum((item(f"i{n}", f"L{n}") for n in range(41)), ()), ["error supplies.item"]),
    ],
)
def test_of_supplies(lines: tuple[str, ...], odd: list[str]) -> None:
    assert said(more(*lines)) == odd
