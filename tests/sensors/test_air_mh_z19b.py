"""What the shared test cannot know of the MH-Z19B: its warm-up, how often it is asked, and what it is set to."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sensors.air_mh_z19b import BASELINE_OFF, BASELINE_ON, DRIVER, READ, Settings
from sensors.readings import Air, Garbled, Ready, Silent
from tests.sensors.cable import Cable

MINUTE_MS = 60_000.0


def module(**settings: object) -> Cable:
    line = Cable(DRIVER, Settings(**settings))  # type: ignore[arg-type]
    line.show(Air(800))
    return line


def test_baseline_correction_is_off_before_anything_is_asked() -> None:
    line = module()
    assert line.far.baseline_correction, "as delivered"
    line.run(1_000)
    assert line.sent == [BASELINE_OFF, READ] and not line.far.baseline_correction


def test_it_is_given_time_between_two_commands() -> None:
    line = module()
    line.run(99)
    assert line.sent == [BASELINE_OFF]
    line.run(1)
    assert line.sent == [BASELINE_OFF, READ]


def test_a_room_that_empties_may_keep_it() -> None:
    line = module(baseline_correction=True)
    line.run(1_000)
    assert line.sent == [BASELINE_ON, READ] and line.far.baseline_correction


@pytest.mark.parametrize("warm_up_seconds", [180, 90])
def test_nothing_is_said_while_it_warms_up_and_then_once_a_minute(warm_up_seconds: int) -> None:
    line = module(warm_up_seconds=warm_up_seconds)
    line.run(warm_up_seconds * 1_000 - 1_000)
    assert line.readings == [Ready("MH-Z19B")]
    line.run(2_000)
    assert line.content() == [Air(800)], "at the end of the warm-up, not up to a minute later"
    line.show(Air(1_200))
    line.run(10 * MINUTE_MS)
    assert line.content()[1:] == [Air(1_200)] * 10


def test_a_module_that_falls_silent_is_reported_and_warms_up_again() -> None:
    line = module(warm_up_seconds=30, every_seconds=10)
    line.run(MINUTE_MS)
    hear, line.far.hear = line.far.hear, lambda raw, t_ms: []
    line.readings.clear()
    line.run(MINUTE_MS)
    assert line.readings[0] == Silent(13_000.0), "three questions after the ten seconds"
    assert all(isinstance(each, Silent) for each in line.readings)
    line.far.hear, line.sent[:] = hear, []
    line.readings.clear()
    line.run(20_000)
    assert line.readings == [Ready("MH-Z19B")] and BASELINE_OFF in line.sent
    line.run(MINUTE_MS)
    assert line.content()[0] == Air(800)


def test_nobody_there_is_asked_three_times_and_ten_seconds_later_as_often() -> None:
    line = module()
    line.far.hear = lambda raw, t_ms: []
    line.run(16_000)
    assert line.sent == [BASELINE_OFF, READ, READ, READ] * 2 and line.readings == [Silent(3_100.0)]


def test_one_lost_answer_is_asked_for_again_and_no_silence() -> None:
    line = module(warm_up_seconds=0)
    line.run(5_000)
    hear, line.far.hear = line.far.hear, lambda raw, t_ms: []
    line.run(MINUTE_MS - 4_500)
    line.far.hear = hear
    line.run(2_000)
    assert line.content() == [Air(800)] * 2 and not any(isinstance(each, Silent) for each in line.readings)


def test_fresh_air_moves_its_zero() -> None:
    line = module(warm_up_seconds=0, every_seconds=10)
    line.show(Air(470))
    line.run(5_000)
    for said in line.near.fresh_air(420, line.now_ms):
        line.far.hear(said.raw, line.now_ms)
    line.readings.clear()
    line.run(20_000)
    assert set(line.content()) == {Air(400)}


def test_a_module_that_was_plugged_in_is_cold() -> None:
    line = module()
    line.run(4 * MINUTE_MS)
    line.near.replugged(line.now_ms)
    line.readings.clear()
    line.sent.clear()
    line.run(2 * MINUTE_MS)
    assert line.readings == [Ready("MH-Z19B")] and line.sent[:2] == [BASELINE_OFF, READ]


def test_a_cable_pulled_in_the_middle_of_an_answer_spoils_none_of_the_next_modules() -> None:
    line = module()
    line.run(MINUTE_MS - 1)
    line.feed(bytes.fromhex("ff860320"))
    line.near.replugged(line.now_ms)
    line.far.hear, line.readings[:] = lambda raw, t_ms: [], []
    line.feed(bytes.fromhex("ff8603204300000014"))
    assert line.readings == [Ready("MH-Z19B")]
    line.near.replugged(line.now_ms)
    line.run(3_099)
    assert line.readings == [Ready("MH-Z19B")], "and the next one is asked three times as well"
    line.run(1)
    assert line.readings[1:] == [Silent(3_100.0)]


@example(ppm=0, range_ppm=2_000)
@example(ppm=1, range_ppm=2_000)
@example(ppm=2_000, range_ppm=2_000)
@example(ppm=2_001, range_ppm=2_000)
@given(ppm=st.integers(0, 0xFFFF), range_ppm=st.sampled_from([2_000, 5_000, 10_000]))
def test_only_what_the_module_can_measure_is_a_value(ppm: int, range_ppm: int) -> None:
    line = module(warm_up_seconds=0, range_ppm=range_ppm)
    line.show(Air(ppm))
    line.run(5_000)
    if 0 < ppm <= range_ppm:
        assert line.content() == [Air(ppm)]
    else:
        assert not line.content() and any(isinstance(each, Garbled) for each in line.readings)


def test_its_own_echo_is_no_module() -> None:
    """Tx and Rx joined by mistake: every command comes back."""
    line = module()
    for command in (BASELINE_OFF, READ):
        line.feed(command)
    assert not any(isinstance(each, Ready | Air) for each in line.readings) and line.garbled_bytes() >= 9
