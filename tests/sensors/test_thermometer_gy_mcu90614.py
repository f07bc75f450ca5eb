"""What the shared test cannot know of the infrared thermometers: when the module is told to start, and what is no value."""

from __future__ import annotations

import pytest

from sensors.infrared import nonsense
from sensors.readings import Garbled, Ready, Silent, Temperature
from sensors.thermometer_gy_mcu90614 import DRIVER, Settings
from tests.sensors.cable import Cable

START = bytes.fromhex("a545ea")
FEVER, COOL = bytes.fromhex("5a5a45040e4709d02b"), bytes.fromhex("5a5a4504fe0cfdf3f7")
AWKWARD_MS = 1_100.4
"""(1100.4 + 3000) - 1100.4 is less than 3000 in floating point: a module looked at just then is silent all the same."""


def module() -> Cable:
    line = Cable(DRIVER)
    line.far.hear = lambda raw, t_ms: []
    return line


def test_it_is_told_once_to_measure_and_is_ready_with_its_first_value() -> None:
    line = module()
    for _ in range(100):
        line.run(100)
        line.feed(FEVER)
    assert line.sent == [START]
    assert line.readings == [Ready("GY-MCU90614"), *[Temperature(36.55, 25.12)] * 100]


def test_a_module_that_falls_silent_is_told_again_every_three_seconds_and_then_ready_again() -> None:
    line = module()
    line.run(AWKWARD_MS - line.now_ms)
    line.feed(FEVER)
    line.readings.clear()
    line.sent.clear()
    line.run(2_999)
    assert line.readings == [] and line.sent == []
    line.run(6_001)
    assert [type(each) for each in line.readings] == [Silent] * 3 and line.sent == [START] * 3
    assert [round(each.for_ms) for each in line.readings if isinstance(each, Silent)] == [3_000, 6_000, 9_000]
    line.readings.clear()
    line.feed(COOL)
    line.feed(COOL)
    assert line.readings == [Ready("GY-MCU90614"), *[Temperature(-5.0, -5.25)] * 2]


def test_a_module_that_was_never_heard_is_silent_since_it_was_told_first() -> None:
    line = module()
    line.run(3_000)
    assert line.readings == [Silent(3_000.0)] and line.sent == [START] * 2


def test_values_without_sense_are_no_sign_of_life() -> None:
    line = module()
    for _ in range(4):
        line.run(1_000)
        line.feed(bytes.fromhex("5a5a45040e477530f7"))
    assert {type(each) for each in line.readings} == {Garbled, Silent}


def test_half_a_frame_before_a_silence_is_counted_with_it() -> None:
    line = module()
    line.run(1_000)
    line.feed(FEVER[:5])
    line.run(2_000)
    assert line.readings == [Silent(3_000.0), Garbled(5, "half a frame")]


def test_the_simulated_module_says_its_last_value_when_it_is_told_to_start() -> None:
    line = Cable(DRIVER, Settings(silent_ms=1_000))
    line.show(Temperature(36.5, 22.0))
    line.run(3_500)
    assert line.content() == [Temperature(36.5, 22.0)] * 4, "shown, started, and asked for after each second"


@pytest.mark.parametrize(
    ("object_c", "ambient_c", "possible"),
    [
        (-70.0, 25.0, True),
        (-70.01, 25.0, False),
        (380.0, 25.0, True),
        (380.01, 25.0, False),
        (36.5, -40.0, True),
        (36.5, -40.01, False),
        (36.5, 125.0, True),
        (36.5, 125.01, False),
    ],
)
def test_the_chips_ranges_are_those_of_its_data_sheet(object_c: float, ambient_c: float, possible: bool) -> None:
    assert (nonsense(object_c, ambient_c) == "") is possible
