"""What the shared test cannot know of the SCD41: what it is set to before it measures, and how it is found again."""

from __future__ import annotations

import pytest

from sensors.air_scd41 import ALTITUDE, DRIVER, IS_READY, MEASURED, OFFSET, SELF_CALIBRATION, START, STOP, Settings
from sensors.driver import Later, Reply, Transfer
from sensors.framing import crc8
from sensors.readings import Air, Garbled, Ready, Refused, Silent
from tests.sensors.cable import Cable

MINUTE_MS = 60_000.0
HALL = Air(800, 24.0, 41.0)


def sensor(**settings: object) -> Cable:
    line = Cable(DRIVER, Settings(**settings))  # type: ignore[arg-type]
    line.show(HALL)
    return line


def test_it_is_set_before_it_measures() -> None:
    line = sensor(altitude_m=43, temperature_offset_c=2.5)
    line.run(2_000)
    assert line.sent[0] == STOP and line.sent[4] == START
    assert line.far.set == {SELF_CALIBRATION: 0, OFFSET: round(2.5 * 65_535 / 175), ALTITUDE: 43}


def test_a_sensor_that_measures_already_is_stopped_and_set_as_well() -> None:
    """The firmware started again, the sensor did not."""
    line = sensor()
    line.run(MINUTE_MS)
    line.near = DRIVER.decoder(Settings(altitude_m=99))
    line.run(MINUTE_MS)
    assert line.far.set[ALTITUDE] == 99


def test_one_value_a_minute_and_the_newest_one() -> None:
    line = sensor()
    line.run(10_000)
    assert line.readings == [Ready("SCD4x"), HALL]
    line.show(Air(1_400, 25.0, 50.0))
    line.run(10 * MINUTE_MS)
    assert line.content()[1:] == [Air(1_400, 25.0, 50.0)] * 10
    assert len(line.sent) < 40


def test_a_sensor_that_takes_its_settings_is_ready_before_its_first_value() -> None:
    """The doctor waits four seconds for a sign of life, the first value takes longer."""
    line = sensor()
    line.run(2_000)
    assert line.readings == [Ready("SCD4x")]


def test_a_sensor_that_measures_nothing_is_not_ready_again_and_again() -> None:
    line = sensor(every_seconds=10)
    line.far._has_value = lambda t_ms: False
    line.run(10 * MINUTE_MS)
    assert line.readings[0] == Ready("SCD4x")
    assert len(line.readings) > 5 and {*line.readings[1:]} == {Refused("no value for 30 s")}, "20 s, and its own 10 s"


def test_a_sensor_that_lost_its_power_is_set_up_again() -> None:
    line = sensor(every_seconds=10)
    line.run(MINUTE_MS)
    line.far = DRIVER.simulator(Settings())
    line.show(HALL)
    line.readings.clear()
    line.run(MINUTE_MS)
    assert isinstance(line.readings[0], Refused) and line.readings[1:3] == [Ready("SCD4x"), HALL]
    assert line.far.set[SELF_CALIBRATION] == 0
    line.replug()
    line.readings.clear()
    line.run(2_000)
    assert line.readings == [Ready("SCD4x")], "a value took the doubt away"


@pytest.mark.parametrize(
    ("status", "is_new"),
    [("8000", False), ("f800", False), ("8001", True), ("8002", True), ("8400", True), ("8006", True)],
)
def test_a_new_value_is_there_when_one_of_the_low_eleven_bits_is_set(status: str, is_new: bool) -> None:
    word = bytes.fromhex(status)
    line = sensor()
    line.run(2_000)
    line.far.hear = lambda raw, t_ms: []
    while line.sent[-1] != IS_READY:
        line.run(100)
    line.feed(Reply(IS_READY, word + bytes([crc8(word, poly=0x31, init=0xFF)])))
    assert (line.sent[-1] == MEASURED) is is_new


def test_a_spoilt_value_is_counted_and_the_next_one_taken() -> None:
    line = sensor(every_seconds=10)
    hear = line.far.hear

    def spoilt(raw: object, t_ms: float) -> list[object]:
        laters = hear(raw, t_ms)
        if raw != MEASURED or not laters:
            return laters
        line.far.hear = hear
        return [type(laters[0])(Reply(MEASURED, laters[0].raw.data[:-1] + b"\x00"))]

    line.far.hear = spoilt
    line.run(20_000)
    assert line.readings[:3] == [Ready("SCD4x"), Garbled(9, "a word with a wrong check"), HALL]


def test_a_sensor_whose_every_answer_is_spoilt_is_asked_no_more_than_others() -> None:
    line = sensor()
    line.run(2_000)
    line.far.hear = lambda raw, t_ms: [Later(Reply(raw, b"\x00\x00\x00"), 1.0)]
    line.sent.clear()
    line.run(MINUTE_MS)
    assert 50 <= len(line.sent) <= 60 and line.garbled_bytes() == 3 * len(line.sent)


def test_a_sensor_that_was_plugged_in_is_set_up_again() -> None:
    line = sensor()
    line.run(MINUTE_MS)
    line.far, line.sent[:] = DRIVER.simulator(Settings()), []
    line.near.replugged(line.now_ms)
    line.readings.clear()
    line.run(2_000)
    assert line.sent[0] == STOP and line.far.set[SELF_CALIBRATION] == 0
    assert line.readings == [Ready("SCD4x")]


def test_an_answer_from_before_it_was_plugged_in_again_is_no_step_of_its_set_up() -> None:
    line = sensor()
    line.run(MINUTE_MS)
    while not line.near._asked:
        line.run(1)
    line.near.replugged(line.now_ms)
    line.sent.clear()
    line.feed(Reply(line.near._question, bytes.fromhex("800081")))
    line.run(2_000)
    assert [question.write[:2].hex() for question in line.sent[:5]] == ["3f86", "2416", "241d", "2427", "21b1"]


def test_fresh_air_is_told_to_a_sensor_that_has_measured_there() -> None:
    line = sensor(every_seconds=10)
    line.show(Air(510, 20.0, 40.0))
    line.run(4 * MINUTE_MS)
    assert line.near.fresh_air(420, line.now_ms) == []
    line.readings.clear()
    line.run(MINUTE_MS)
    assert set(line.content()) == {Air(420, 20.0, 40.0)} and not any(
        isinstance(each, Refused) for each in line.readings
    )
    assert line.far.set[SELF_CALIBRATION] == 0, "and it is set up again"


def test_a_sensor_that_was_not_long_enough_outdoors_says_so() -> None:
    line = sensor(every_seconds=10)
    line.run(MINUTE_MS)
    line.near.fresh_air(420, line.now_ms)
    line.readings.clear()
    line.run(MINUTE_MS)
    assert isinstance(line.readings[0], Refused) and set(line.content()) == {HALL}


def test_fresh_air_told_to_nobody_is_not_told_later() -> None:
    line = sensor(every_seconds=10)
    line.run(4 * MINUTE_MS)
    hear, line.far.hear = line.far.hear, lambda raw, t_ms: []
    line.near.fresh_air(420, line.now_ms)
    line.run(MINUTE_MS)
    line.far.hear, line.sent[:] = hear, []
    line.run(MINUTE_MS)
    assert line.sent and not any(question.write.startswith(b"\x36\x2f") for question in line.sent)


def test_the_silence_of_another_sensor_begins_when_it_was_plugged_in() -> None:
    line = sensor()
    line.run(MINUTE_MS)
    line.far.hear = lambda raw, t_ms: []
    line.replug()
    line.readings.clear()
    line.run(3_000)
    assert line.readings == [Silent(3_000.0)]


def test_fresh_air_in_the_data_sheets_own_words() -> None:
    """SCD4x data sheet, example of perform_forced_recalibration: 480 ppm, and an answer of -50 ppm."""
    line = sensor()
    line.far.hear = lambda raw, t_ms: [
        Later(Reply(raw, bytes.fromhex("7fce7b") if raw.read == 3 else b""), raw.wait_ms)
    ]
    line.near.fresh_air(480, line.now_ms)
    line.run(1_000)
    assert line.sent[:2] == [STOP, Transfer(bytes.fromhex("362f01e0b4"), 3, 400.0)]
    assert line.readings == [Ready("SCD4x")], "it took that"


def test_a_spoilt_answer_to_fresh_air_is_not_taken_for_done() -> None:
    line = sensor()
    line.far.hear = lambda raw, t_ms: [Later(Reply(raw, b"\x7f\xce\x00"[: raw.read]), raw.wait_ms)]
    line.near.fresh_air(480, line.now_ms)
    line.run(1_000)
    assert [type(each) for each in line.readings] == [Refused, Ready]


def test_three_questions_without_an_answer_are_silence_and_ten_seconds_later_three_more() -> None:
    line = sensor()
    line.far.hear = lambda raw, t_ms: []
    line.run(15_500)
    assert line.readings == [Silent(3_000.0)] and line.sent == [STOP] * 6
    line.run(1_000)
    assert line.readings == [Silent(3_000.0), Silent(16_000.0)], "since it was last heard, not since it was last said"


def test_the_simulated_sensor_is_as_slow_as_a_real_one() -> None:
    """500 ms deaf after a stop, settings only while it is stopped, and a value every five seconds."""
    far, off = DRIVER.simulator(Settings()), Transfer(bytes.fromhex("2416000081"))

    def hears(raw: Transfer, t_ms: float) -> bool:
        return bool(far.hear(raw, t_ms))

    assert hears(START, 0) and not hears(off, 1)
    assert [hears(MEASURED, t_ms) for t_ms in (4_999, 5_000, 5_001, 9_999, 10_000)] == [False, True, False, False, True]
    assert hears(STOP, 11_000) and not hears(off, 11_499) and hears(off, 11_500)
    assert not hears(MEASURED, 20_000) and hears(IS_READY, 20_000), "stopped, it measures nothing"


@pytest.mark.parametrize(("ppm", "is_one"), [(0, False), (1, True), (40_000, True), (40_001, False)])
def test_only_what_the_sensor_can_measure_is_a_value(ppm: int, is_one: bool) -> None:
    line = sensor()
    line.show(Air(ppm, 24.0, 41.0))
    line.run(10_000)
    assert line.content() == ([Air(ppm, 24.0, 41.0)] if is_one else [])
    assert line.garbled_bytes() == (0 if is_one else 9)


@pytest.mark.parametrize(("measured_ms", "answer"), [(179_999, "ffffac"), (180_000, "7fce7b")])
def test_the_simulated_sensor_takes_fresh_air_only_after_three_minutes_in_it(measured_ms: int, answer: str) -> None:
    """The answer is the data sheet's: 480 ppm where it read 530 are a correction by -50."""
    far = DRIVER.simulator(Settings())
    far.show(Air(530, 20.0, 40.0), 0)
    far.hear(START, 600_000)
    far.hear(STOP, 600_000 + measured_ms)
    (said,) = far.hear(Transfer(bytes.fromhex("362f01e0b4"), 3, 400.0), 600_500 + measured_ms)
    assert said.raw.data.hex() == answer
