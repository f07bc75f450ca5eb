"""The radar: signs, plausibility, setting up, frames of reference, and counting at a door line."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.door_tracks import Door
from sensors.driver import Send
from sensors.range_ld2450 import DOC, DRIVER, SETUP, TWO, Decoder, Pose, Settings, Simulator, smallest_gap_mm
from sensors.readings import Crossing, Gap, Garbled, Position, Positions, Ready, Refused, Silent
from tests import needs
from tests.sensors.cable import Cable

DOOR = Door(from_=(-0.5, 1.0), to=(0.5, 1.0), inside=(0.0, 3.0))
ANSWERS = (
    bytes.fromhex("fdfcfbfa0800ff01000001004000 04030201".replace(" ", "")),
    bytes.fromhex("fdfcfbfa0400900100000403 0201".replace(" ", "")),
    bytes.fromhex("fdfcfbfa0400fe010000 04030201".replace(" ", "")),
)


def frame(*places: tuple[float, float]) -> bytes:
    """Places in metres, written by the simulator."""
    persons = tuple(Position(slot, *place) for slot, place in enumerate(places, start=1))
    (later,) = Simulator(Settings()).show(Positions(persons), 0)
    assert isinstance(later.raw, bytes)
    return later.raw


def test_the_literal_frames_are_the_vendor_data_sheet_s() -> None:
    (vector,) = needs.vectors("ld2450").values()
    assert bytes.fromhex(vector["hex"]) == DOC
    (person,) = Decoder(Settings()).feed(DOC, 0)[0].persons  # type: ignore[union-attr]
    assert (person.x_m * 1000, person.y_m * 1000) == (vector["expect"]["x_mm"], vector["expect"]["y_mm"])


@pytest.mark.parametrize(
    ("place", "spoilt"),
    [(0, 0xAB), (3, 0x01), (28, 0x54), (29, 0x00), (7, 0x06), (5, 0xFF), (9, 0x08)],
    ids=["head", "head's end", "tail", "tail's end", "y behind the radar", "x too far away", "faster than anybody"],
)
def test_a_frame_that_cannot_be_is_garbled(place: int, spoilt: int) -> None:
    broken = DOC[:place] + bytes([spoilt]) + DOC[place + 1 :]
    found = [*Decoder(Settings()).feed(broken + TWO, 0)]
    assert found[0] == Garbled(30, "no radar frame")
    assert isinstance(found[1], Positions) and len(found[1].persons) == 2


@pytest.mark.parametrize(("range_m_max", "is_one"), [(1.7, False), (1.8, True)])
def test_what_is_farther_away_than_the_room_is_long_is_garbled(range_m_max: float, is_one: bool) -> None:
    (found,) = Decoder(Settings(range_m_max=range_m_max)).feed(DOC, 0)
    assert isinstance(found, Positions) is is_one


def test_gap_is_the_smallest_of_three() -> None:
    found = Decoder(Settings()).feed(frame((0, 1), (0, 3), (1.5, 3)), 0)
    assert found[-1] == Gap(1500)
    assert smallest_gap_mm(()) is smallest_gap_mm((Position(1, 0, 0),)) is None


# ---------------------------------------------------------------- the door's frame


@pytest.mark.parametrize(
    ("pose", "seen", "world"),
    [
        (Pose(), (1.0, 2.0), (1.0, 2.0)),
        (Pose(yaw_deg=0), (1.0, 2.0), (2.0, -1.0)),
        (Pose(x_m=3, y_m=-1, yaw_deg=180), (1.0, 2.0), (1.0, 0.0)),
        (Pose(x_m=3, y_m=-1, yaw_deg=-90), (1.0, 2.0), (2.0, -3.0)),
    ],
)
def test_pose(pose: Pose, seen: tuple[float, float], world: tuple[float, float]) -> None:
    found = Decoder(Settings(pose=pose)).feed(frame(seen), 0)
    (person,) = found[0].persons  # type: ignore[union-attr]
    assert (person.x_m, person.y_m) == pytest.approx(world)


@given(
    x=st.floats(-100, 100),
    y=st.floats(-100, 100),
    yaw=st.floats(-360, 360),
    at=st.tuples(st.floats(-7, 7), st.floats(0, 7)),
)
@settings(max_examples=100)
def test_simulator_and_decoder_agree_under_any_pose(x: float, y: float, yaw: float, at: tuple[float, float]) -> None:
    wanted = Settings(pose=Pose(x_m=x, y_m=y, yaw_deg=yaw))
    (world,) = Decoder(wanted).feed(frame(at), 0)[0].persons  # type: ignore[union-attr]
    (later,) = Simulator(wanted).show(Positions((world,)), 0)
    assert later.raw == frame(at)


# ---------------------------------------------------------------- setting up, falling silent


def test_set_up_is_sent_in_order_and_each_answer_brings_the_next() -> None:
    decoder = Decoder(Settings())
    assert decoder.tick(1_000) == [Send(SETUP[0])]
    assert decoder.feed(ANSWERS[0], 1_010) == [Send(SETUP[1])]
    assert decoder.feed(ANSWERS[1], 1_020) == [Send(SETUP[2])]
    assert decoder.feed(ANSWERS[2], 1_030) == [Ready()]


def test_a_refusal_is_told_and_configuration_is_left_all_the_same() -> None:
    decoder = Decoder(Settings())
    decoder.tick(0)
    decoder.feed(ANSWERS[0], 1)
    found = decoder.feed(ANSWERS[1].replace(b"\x90\x01\x00", b"\x90\x01\x01"), 2)
    assert found == [Refused("the radar refused command 90"), Send(SETUP[2])]


@pytest.mark.parametrize(
    "not_ours",
    [ANSWERS[1], ANSWERS[2], SETUP[0], bytes.fromhex("fdfcfbfa0200ff0104030201"), ANSWERS[0][:-1] + b"\x02"],
    ids=["of another command", "of the last one", "our own echo", "without a status", "without its end"],
)
def test_only_the_answer_to_the_command_that_waits_is_a_step(not_ours: bytes) -> None:
    decoder = Decoder(Settings())
    decoder.tick(0)
    assert not any(isinstance(each, Send | Ready) for each in decoder.feed(not_ours, 1))
    assert decoder.feed(ANSWERS[0], 2)[-1] == Send(SETUP[1])


def test_an_answer_in_two_pieces_is_one_and_after_the_last_step_none() -> None:
    for cut in range(1, len(ANSWERS[0])):
        decoder = Decoder(Settings())
        decoder.tick(0)
        assert decoder.feed(ANSWERS[0][:cut], 1) == []
        assert decoder.feed(ANSWERS[0][cut:], 2) == [Send(SETUP[1])]
    decoder.feed(ANSWERS[1] + ANSWERS[2], 3)
    assert decoder.feed(ANSWERS[2], 4) == []


@pytest.mark.parametrize("head", ["fdfcfbfa ffff", "fdfcfbfa 3700", "fdfcfbfa 3600" + 56 * "00" + "04030200"])
def test_an_answer_longer_than_any_or_without_its_end_hides_no_person(head: str) -> None:
    junk = bytes.fromhex(head)
    garbled, seen = Decoder(Settings()).feed(junk + DOC, 0)
    assert garbled == Garbled(len(junk), "no radar frame") and isinstance(seen, Positions)


def test_a_radar_that_says_where_people_are_is_set_up_all_the_same_and_never_silent() -> None:
    line = Cable(DRIVER)
    line.far.hear = lambda raw, t_ms: []
    for _ in range(200):
        line.run(100)
        line.feed(DOC)
    assert line.sent == [order for order in SETUP for _ in range(3)]
    assert {type(each) for each in line.readings} == {Positions}
    line.run(2_999)
    assert {type(each) for each in line.readings} == {Positions}
    line.run(1)
    assert line.readings[-1] == Silent(3_000)


def test_a_radar_that_answers_nothing_is_asked_three_times_and_then_left_in_peace() -> None:
    line = Cable(DRIVER)
    line.far.hear = lambda raw, t_ms: []
    line.run(4_900)
    assert line.sent == [order for order in SETUP for _ in range(3)]
    line.feed(DOC)
    assert isinstance(line.readings[-1], Positions)


def test_silence_is_told_and_ends_with_the_next_frame() -> None:
    line = Cable(DRIVER)
    line.run(1_000)
    line.feed(DOC)
    line.far.hear = lambda raw, t_ms: []
    line.readings.clear()
    line.run(3_100)
    assert line.readings == [Silent(3_000)] and line.sent[-1] == SETUP[0]
    line.feed(DOC)
    line.feed(DOC)
    assert line.readings.count(Ready()) == 1 and line.readings[1] == Ready()


@pytest.mark.parametrize("direction", ["in", "out"])
def test_the_simulated_radar_shows_a_walk_through_the_door(direction: Any) -> None:
    line = Cable(DRIVER, Settings(door=DOOR))
    line.run(1_000)
    line.show(Crossing(direction))
    line.run(5_000)
    assert [each.direction for each in line.readings if isinstance(each, Crossing)] == [direction]


def test_the_simulated_radar_answers_the_maker_s_bytes() -> None:
    radar = Simulator(Settings())
    assert tuple(radar.hear(order, 0)[0].raw for order in SETUP) == ANSWERS


# ---------------------------------------------------------------- counting at a line


def crossings(*steps: tuple[tuple[float, float], ...], every_ms: float = 100.0, door: Door = DOOR) -> list[Any]:
    decoder = Decoder(Settings(door=door))
    found: list[Any] = []
    for index, places in enumerate(steps):
        found += decoder.feed(frame(*places), index * every_ms)
    return [each for each in found if isinstance(each, Crossing)]


def line(x: float, start: float, end: float, steps: int = 21) -> list[tuple[float, float]]:
    return [(x, start + (end - start) * i / (steps - 1)) for i in range(steps)]


def test_in_and_out_through_the_door() -> None:
    assert [each.direction for each in crossings(*[(place,) for place in line(0, 0.2, 2.2)])] == ["in"]
    assert [each.direction for each in crossings(*[(place,) for place in line(0, 2.2, 0.2)])] == ["out"]


def test_beside_the_door_or_swaying_on_the_line_counts_nothing() -> None:
    assert crossings(*[(place,) for place in line(2.0, 0.2, 2.2)]) == []
    sway = [*line(0, 0.2, 1.2), *line(0, 1.2, 0.8), *line(0, 0.8, 1.2), *line(0, 1.2, 0.2)]
    assert crossings(*[(place,) for place in sway]) == []


def test_two_who_pass_each_other_count_one_each() -> None:
    both = list(zip(line(-0.4, 0.2, 2.2), line(0.4, 2.2, 0.2), strict=True))
    assert sorted(each.direction for each in crossings(*both)) == ["in", "out"]


def test_a_target_that_changes_its_slot_is_still_one_person() -> None:
    steps: list[tuple[tuple[float, float], ...]] = []
    for index, place in enumerate(line(0, 0.2, 2.2)):
        other = (3.0, 3.0)
        steps.append((place, other) if index % 2 else (other, place))
    assert [each.direction for each in crossings(*steps)] == ["in"]


def test_somebody_lost_for_long_is_somebody_else() -> None:
    assert crossings(((0.0, 0.2),), ((0.0, 0.4),), *[()] * 12, ((0.0, 1.8),)) == []


def test_the_inside_may_be_on_either_side() -> None:
    other = Door(from_=(-0.5, 1.0), to=(0.5, 1.0), inside=(0.0, -3.0))
    assert [each.direction for each in crossings(*[(p,) for p in line(0, 0.2, 2.2)], door=other)] == ["out"]


@pytest.mark.parametrize(
    "door", [{"from": [0, 0], "to": [0, 0], "inside": [1, 1]}, {"from": [0, 0], "to": [1, 0], "inside": [5, 0]}]
)
def test_a_door_that_is_none_is_refused(door: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"door": door}, Settings)


def test_settings_read_as_the_contract_writes_them() -> None:
    wanted = msgspec.convert(
        {"pose": {"x_m": 1, "y_m": 2, "yaw_deg": 180}, "door": {"from": [0, 0], "to": [1, 0], "inside": [0, 1]}},
        Settings,
    )
    assert wanted.baud == 256_000 and wanted.door is not None and wanted.door.depth_m(0.5, 2.0) == 2.0


@given(data=st.binary(max_size=200), cut=st.integers(0, 200))
@settings(max_examples=100)
def test_with_a_door_any_bytes_are_harmless(data: bytes, cut: int) -> None:
    decoder = Decoder(Settings(door=DOOR, pose=Pose(x_m=1, y_m=1, yaw_deg=30)))
    for part in (DOC + data[:cut], data[cut:] + TWO):
        for each in decoder.feed(part, 5):
            assert not isinstance(each, Crossing)
