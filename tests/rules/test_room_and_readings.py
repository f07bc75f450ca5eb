"""Quota, limit, spacing, temperature, equipment, record: what binds, what waits, what a doubt leads to."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.core import events
from tests.core.stage import Stage
from tests.rules.asking import DOUBTS, asked, doubt

HOT = "temperature_max_c = 37.3"


def test_the_quota_is_share_times_base_and_binds_walk_ins_only() -> None:
    stage = Stage(limit=50, walk_in="true", booking="optional", proof='"pcr"')
    for number in range(6):
        assert asked(stage, stage.test(number)) == ("admit", "in_order")
        stage.cross().wait(4)
    assert asked(stage, stage.test(7)) == ("wait", "booking_missing")
    stage.wait(21)
    assert (stage.decision.answer, stage.because) == ("refuse", "quota")
    assert asked(stage, stage.booking(8), stage.test(8)) == ("admit", "in_order")


def test_a_party_needs_all_its_places() -> None:
    stage = Stage(limit=2)
    assert asked(stage, stage.booking(1, party=3)) == ("wait", "hall_full")
    assert asked(stage, stage.booking(2, party=2, helper=True)) == ("wait", "hall_full")
    assert asked(stage, stage.booking(3, helper=True)) == ("admit", "in_order")


@pytest.mark.parametrize(("gap", "expected"), [(1999, "wait"), (2000, "admit"), (None, "admit")])
def test_two_metres(gap: int | None, expected: str) -> None:
    stage = Stage(ranged=True)
    stage.do(events.SpacingSeen(lane="A", persons=2, gap_mm=gap))
    assert stage.scan(stage.booking(1)) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(2.9, "wait"), (3.0, "admit")])
def test_the_interval_where_nobody_measures(seconds: float, expected: str) -> None:
    stage = Stage(interval=3000)
    stage.scan(stage.booking(1))
    stage.cross().wait(seconds)
    assert stage.scan(stage.booking(2)) == expected


@pytest.mark.parametrize(
    ("degrees", "age", "expected"),
    [(37.3, 1, "admit"), (37.4, 1, "staff"), (36.5, 3, "admit"), (36.5, 3.1, "wait")],
)
def test_temperature(degrees: float, age: float, expected: str) -> None:
    stage = Stage(thermometer=True, visitor=HOT)
    stage.do(events.TemperatureRead(lane="A", object_c=degrees)).wait(age)
    assert stage.scan(stage.booking(1)) == expected


@pytest.mark.parametrize("answer", DOUBTS)
def test_no_thermometer_and_no_reading(answer: str) -> None:
    stage = Stage(visitor=HOT, **doubt("sensor_missing", answer))
    assert stage.scan(stage.booking(1)) == answer
    stage = Stage(thermometer=True, visitor=HOT, **doubt("sensor_missing", answer))
    assert stage.scan(stage.booking(1)) == "wait"
    stage.wait(25)
    assert stage.decision.answer == answer and (answer == "admit" or stage.because == "no_reading")


@pytest.mark.parametrize("answer", DOUBTS)
def test_what_a_broken_thermometer_said_before_is_nothing(answer: str) -> None:
    stage = Stage(thermometer=True, visitor=HOT, **doubt("sensor_missing", answer))
    stage.do(events.TemperatureRead(lane="A", object_c=36.5))
    stage.do(events.DeviceHealth(lane="A", device="thermometer", state="silent"))
    assert stage.scan(stage.booking(1)) == answer


@pytest.mark.parametrize(("leads_to", "asked_for"), [("staff", "clinical"), ("refuse", "")])
def test_a_person_reads_again_only_where_the_elevated_are_the_staffs(leads_to: str, asked_for: str) -> None:
    stage = Stage(thermometer=True, visitor=f'{HOT}\non_fail = {{ temperature = "{leads_to}" }}')
    stage.do(events.TemperatureRead(lane="A", object_c=37.4))
    assert stage.scan(stage.booking(1)) == leads_to
    assert (stage.lane.visit.asked if stage.lane.visit else "") == asked_for
    assert stage.wait(600).lane.visit is None and stage.decision.answer == leads_to


@pytest.mark.parametrize("answer", DOUBTS)
def test_a_full_journal(answer: str) -> None:
    stage = Stage(**doubt("journal_full", answer))
    stage.do(events.JournalState(writable=False))
    assert stage.scan(stage.booking(1)) == answer


def test_a_gate_that_cannot_be_driven_admits_nobody() -> None:
    stage = Stage()
    stage.do(events.DeviceHealth(lane="A", device="gate", state="silent"))
    assert asked(stage, stage.booking(1)) == ("staff", "gate_fault")


@pytest.mark.parametrize(
    "stricter",
    [
        {"proof": '"pcr"'},
        {"limit": 0},
        {"interval": 600_000},
        {"visitor": HOT},
        {"visitor": "arrival_freeze_minutes = 0"},
    ],
)
def test_another_requirement_never_admits_more(stricter: dict[str, Any]) -> None:
    """The same people under a stricter book: whoever is admitted there is admitted here."""

    def admitted(**book: Any) -> set[int]:
        stage = Stage(**{"limit": 3, **book})
        through: set[int] = set()
        for number in range(6):
            change: dict[str, Any] = {"hall": "elsewhere"} if number == 2 else {}
            if stage.scan(stage.booking(number, **change)) == "admit":
                through.add(number)
                stage.cross()
            stage.wait(4)
        return through

    assert admitted(**stricter) <= admitted()
