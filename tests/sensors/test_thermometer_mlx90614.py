"""What the shared test cannot know of the MLX90614: how long nobody may answer, and how often it is asked meanwhile."""

from __future__ import annotations

from sensors.readings import Ready, Silent, Temperature
from sensors.thermometer_mlx90614 import AMBIENT, DRIVER, OBJECT
from tests.sensors.cable import Cable


def test_three_seconds_without_an_answer_are_silence_counted_since_it_was_last_heard() -> None:
    line = Cable(DRIVER)
    line.far.hear = lambda raw, t_ms: []
    line.run(2_999)
    assert line.readings == [] and line.sent == [AMBIENT] * 6
    line.run(3_001)
    assert line.readings == [Silent(3_000.0), Silent(6_000.0)]


def test_it_is_asked_ten_times_a_second_for_its_surroundings_and_what_it_sees() -> None:
    line = Cable(DRIVER)
    line.run(999)
    assert line.readings[0] == Ready("MLX90614")
    assert [type(each) for each in line.content()] == [Temperature] * 10
    assert line.sent == [AMBIENT, OBJECT] * 10
