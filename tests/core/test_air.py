"""3.1.5c: what CO2 leads to, and windows, fire doors and the air conditioning by their contacts."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.core import bank, events
from firmware.core.controller import Controller
from firmware.core.limit import RESERVE, want_of
from firmware.core.records import Alarm
from firmware.core.state import LaneSetup
from firmware.rulebook.book import parse
from firmware.rulebook.contradictions import complaints
from tests.core.stage import MORNING, ZONE, Stage, rulebook

LANES = (
    LaneSetup(name="A", direction="in", passage_sensor=True, button=True, air=True),
    LaneSetup(name="B", direction="in", passage_sensor=True, button=True),
    LaneSetup(name="X", direction="out", passage_sensor=True, button=True),
)
RULES = "[air]\nalarm_ppm = 1000\nhold_ppm = 1500\nrelief_ppm = 100\n"
STEPS = """[[air.step]]
co2_ppm = 1000
limit_percent = 75
[[air.step]]
co2_ppm = 1400
limit_percent = 50
"""


def hall(more: str = RULES, **stage: Any) -> Stage:
    return Stage(**{"lanes": LANES, "limit": 8, "more": more, **stage})


def air(stage: Stage, *values: int, lane: str = "A") -> Stage:
    for co2_ppm in values:
        stage.do(events.AirRead(lane=lane, co2_ppm=co2_ppm), after=60)
    return stage


def told(stage: Stage, name: str = "air") -> list[bool]:
    return [record.active for record in stage.records if isinstance(record, Alarm) and record.alarm == name]


def limit(stage: Stage) -> int:
    return bank.limit_aimed_at(stage.controller.state)


# -------------------------------------------------------------- an alarm, and a pause


@pytest.mark.parametrize(
    ("values", "alarms"),
    [
        ([999], []),
        ([1_000], [True]),
        ([1_000, 999, 901], [True]),
        ([1_000, 900], [True, False]),
        ([1_000, 950, 1_000, 900, 950], [True, False]),
    ],
)
def test_an_alarm_ends_only_when_the_air_is_clearly_better(values: list[int], alarms: list[bool]) -> None:
    assert told(air(hall(), *values)) == alarms


@pytest.mark.parametrize(
    ("values", "answer"),
    [([1_499], "admit"), ([1_500], "wait"), ([1_500, 1_401], "wait"), ([1_500, 1_400], "admit")],
)
def test_entry_pauses_and_exits_run(values: list[int], answer: str) -> None:
    stage = air(hall(), *values)
    assert stage.scan(stage.booking(1), lane="B") == answer, "the room behind both lanes is the same"
    stage.forget()
    stage.contact("button", True, "X")
    assert "open" in stage.gate


def test_who_waits_for_better_air_draws_no_places_from_other_doors() -> None:
    """It may last for half an hour, and another door may have people whom a place would let in."""
    stage = air(hall(), 1_500)
    stage.scan(stage.booking(1))
    assert not stage.lane.waiting and want_of(stage.controller.state) == RESERVE


def test_another_room_is_another_air() -> None:
    """The lane into a zone is not held for the hall's air, nor the hall's lane for the zone's."""
    zoned = LaneSetup(name="Z", direction="in", zone="b1", comes_from="hall", passage_sensor=True, air=True)
    stage = hall(lanes=(LANES[1], zoned))
    air(stage, 2_000, lane="Z")
    assert stage.scan(stage.booking(1), lane="B") == "admit"
    assert stage.scan(stage.booking(2), lane="Z") == "wait" and stage.because == "air_bad"


def test_without_a_number_nothing_is_asked() -> None:
    stage = air(hall(""), 9_000)
    assert stage.scan(stage.booking(1)) == "admit" and not told(stage)


@pytest.mark.parametrize("doubt", ["staff", "refuse", "admit"])
def test_a_broken_sensor_measures_nothing(doubt: str) -> None:
    stage = air(hall(f'[on_doubt]\nsensor_missing = "{doubt}"\n{RULES}'), 1_600)
    stage.do(events.DeviceHealth(lane="A", device="air", state="silent"))
    assert told(stage) == [True, False]
    assert stage.scan(stage.booking(1)) == doubt
    stage.do(events.DeviceHealth(lane="A", device="air", state="ok"), after=4)
    assert stage.scan(stage.booking(3), lane="B") == "admit", "what it measured before counts no more"


def test_of_two_sensors_one_is_enough() -> None:
    stage = hall(lanes=(LANES[0], LaneSetup(name="C", direction="in", passage_sensor=True, air=True), LANES[2]))
    stage.do(events.DeviceHealth(lane="A", device="air", state="unplugged"))
    assert stage.scan(stage.booking(1)) == "admit"
    air(stage, 1_500, lane="C")
    assert stage.scan(stage.booking(2)) == "wait"


def test_a_restart_knows_no_air() -> None:
    stage = air(hall(), 1_600)
    stage.start()
    assert stage.scan(stage.booking(1)) == "admit"


@given(st.lists(st.integers(0, 3_000), max_size=6), st.lists(st.integers(0, 400), min_size=6, max_size=6))
def test_worse_air_never_admits_more(values: list[int], worse: list[int]) -> None:
    """Step by step the same history, once with more CO2 in every reading."""
    good, bad = hall(RULES + STEPS), hall(RULES + STEPS)
    for number, (value, more) in enumerate(zip(values, worse, strict=False)):
        air(good, value)
        air(bad, value + more)
        assert limit(bad) <= limit(good)
        answers = {stage.scan(stage.booking(number), lane="B") for stage in (good,)}
        if bad.scan(bad.booking(number), lane="B") == "admit":
            assert answers == {"admit"}
        for stage in (good, bad):
            stage.wait(11)  # nobody goes through


# -------------------------------------------------------------- the limit follows


@pytest.mark.parametrize(
    ("values", "persons"),
    [([999], 8), ([1_000], 6), ([1_400], 4), ([1_400, 1_301], 4), ([1_400, 1_300], 6), ([1_400, 900], 8), ([1_000, 901], 6)],
)  # fmt: skip
def test_the_bank_mints_less_while_the_air_is_bad(values: list[int], persons: int) -> None:
    stage = air(hall(RULES + STEPS), *values)
    assert (limit(stage), stage.free) == (persons, persons)


def test_people_inside_stay_and_nobody_comes_until_enough_have_left() -> None:
    stage = hall(STEPS)
    for number in range(6):
        assert stage.scan(stage.booking(number)) == "admit"
        stage.cross().wait(6)
    air(stage, 1_400)
    assert stage.free == -2 and stage.scan(stage.booking(7)) == "wait"
    for _ in range(3):
        stage.cross("out", "X").wait(6)
    assert stage.free == 1 and stage.scan(stage.booking(8)) == "admit"


def test_a_device_that_is_no_bank_mints_nothing() -> None:
    stage = air(hall(STEPS, bank=False), 1_500, 600)
    assert stage.free == 0 and stage.controller.state.notice is None


def test_a_limit_by_order_stands_whatever_the_air() -> None:
    stage = hall(STEPS)
    stage.do(events.CommandArrived(id="o1", name="limit", issuer="hub", body={"limit_persons": 7}))
    assert limit(air(stage, 1_500)) == 7 == limit(air(stage, 600))


def test_a_broken_sensor_gives_the_limit_back() -> None:
    stage = air(hall(STEPS), 1_500)
    stage.do(events.DeviceHealth(lane="A", device="air", state="silent"))
    assert limit(stage) == 8


def test_a_doubtful_clock_keeps_the_day_and_still_heeds_the_air() -> None:
    stage = hall(STEPS)
    stage.trusted = False
    assert limit(air(stage, 1_500)) == 4
    assert limit(air(stage, 600)) == 8


def test_a_new_rulebook_under_a_doubtful_clock_changes_no_limit() -> None:
    stage = hall(STEPS)
    stage.trusted = False
    stage.do(events.RulebookLoaded(text=rulebook(serial=8, limit=4, more=STEPS), kid="k"))
    assert limit(air(stage, 1_500)) == 8
    stage.trusted = True
    assert limit(air(stage, 1_500)) == 2


def test_a_controller_restored_from_its_picture_goes_on_alike() -> None:
    stage = air(hall(RULES + STEPS), 1_600)
    stage.contact("window", True)
    stage.controller = Controller.restore(stage.controller.snapshot(), lambda _: ZONE)
    assert stage.scan(stage.booking(1)) == "wait" and limit(stage) == 4 and "window" in stage.lane.contacts


# -------------------------------------------------------------- windows, fire doors, the air conditioning, leaves

OPEN = '[air]\nwindows = "open"\ndoors = "open"\nconditioning = "off"\ngrace_minutes = 10\n'


def test_a_window_that_is_shut_during_the_day() -> None:
    stage = hall(OPEN).contact("window", False)
    stage.contact("window", True).wait(599)
    assert told(stage, "window_shut") == []
    stage.wait(2)
    assert told(stage, "window_shut") == [True]
    stage.contact("window", False)
    assert told(stage, "window_shut") == [True, False]


def test_at_night_windows_may_be_shut() -> None:
    """Nobody touches anything: the hall's own opening and closing are what changes."""
    night = MORNING.replace(hour=8, minute=59)
    stage = hall(OPEN, wall=night).contact("window", True)
    stage.wait(60 + 599)
    assert told(stage, "window_shut") == []
    stage.wait(2)
    assert told(stage, "window_shut") == [True]
    stage.wait(8 * 3600)
    assert told(stage, "window_shut") == [True, False], "closed at five"
    stage.wait(16 * 3600)
    assert told(stage, "window_shut") == [True, False, True], "and shut again the next morning"


def test_air_conditioning_is_off_also_when_it_runs_at_the_start() -> None:
    stage = hall(OPEN).contact("air_conditioning", True).wait(599)
    assert told(stage, "conditioning_on") == []
    assert told(stage.wait(2), "conditioning_on") == [True]
    assert told(stage.contact("air_conditioning", False), "conditioning_on") == [True, False]


@pytest.mark.parametrize("by_order", [False, True])
def test_a_fire_door_is_shut_by_day_and_night_and_may_be_open_while_everybody_leaves(by_order: bool) -> None:
    stage = hall("", wall=MORNING.replace(hour=3)).contact("fire_door", False).wait(14)
    assert told(stage, "fire_door_open") == []
    assert told(stage.wait(2), "fire_door_open") == [True]
    stage.contact("fire_door", True)
    if by_order:
        stage.do(events.CommandArrived(id="o1", name="evacuate", issuer="hub"))
    else:
        stage.contact("fire_loop", False, "X")
    stage.contact("fire_door", False).wait(60)
    assert told(stage, "fire_door_open") == [True, False]


def test_a_leaf_that_stands_open_for_the_air_is_no_alarm_until_the_hall_closes() -> None:
    stage = hall(OPEN, wall=MORNING.replace(hour=16)).contact("door", False)
    stage.wait(3600 + 14)
    assert stage.alarms == []
    stage.wait(2)
    assert stage.alarms == ["held_open"]
    stage.contact("door", True)
    stage.contact("door", False).wait(1)
    assert stage.alarms == ["held_open", "forced"], "at night a leaf that opens by itself was forced"


def test_without_the_rule_an_open_leaf_is_what_it_was() -> None:
    stage = hall("").contact("door", False).wait(1)
    assert stage.alarms == ["forced"]


def test_without_the_rule_nothing_is_said_of_windows_and_the_air_conditioning() -> None:
    stage = hall("[air]\nalarm_ppm = 1000\n").contact("window", True).contact("air_conditioning", True).wait(3600)
    assert stage.alarms == []


@pytest.mark.parametrize(("more", "trusted"), [("", True), (OPEN, False)])
def test_the_halls_closing_gives_a_leaf_no_more_time_where_it_was_not_meant_to_stand_open(
    more: str, trusted: bool
) -> None:
    stage = hall(more, wall=MORNING.replace(hour=16, minute=59, second=59, microsecond=800_000))
    stage.trusted = trusted
    assert stage.contact("door", False).wait(0.5).alarms == ["forced"]


def test_a_doubtful_clock_knows_no_opening_hours() -> None:
    stage = hall(OPEN)
    stage.trusted = False
    stage.contact("window", True).contact("door", False).wait(3600)
    assert stage.alarms == ["forced"]


@given(
    st.lists(
        st.tuples(st.sampled_from(["window", "fire_door", "air_conditioning", "door"]), st.booleans(), st.integers(0, 7_200)),
        max_size=8,
    )
)  # fmt: skip
def test_every_alarm_ends_when_all_is_as_it_should_be(moves: list[tuple[str, bool, int]]) -> None:
    stage = hall(OPEN, wall=dt.datetime(2022, 6, 1, 7, 30, tzinfo=ZONE))
    for role, closed, seconds in moves:
        stage.contact(role, closed).wait(seconds)
    for role, closed in (("window", False), ("fire_door", True), ("air_conditioning", False), ("door", True)):
        stage.contact(role, closed)
    for name in ("window_shut", "fire_door_open", "conditioning_on", "held_open", "forced"):
        news = told(stage, name)
        assert news == [index % 2 == 0 for index in range(len(news))] and len(news) % 2 == 0


# -------------------------------------------------------------- the rulebook


@pytest.mark.parametrize(
    ("more", "key", "severity"),
    [
        ("[air]\nhold_ppm = 550\n", "air.hold_ppm", "shut"),
        ("[air]\nalarm_ppm = 500\n", "air.alarm_ppm", "warning"),
        ("[[air.step]]\nco2_ppm = 500\nlimit_percent = 50\n", "air.step[0].co2_ppm", "error"),
        (STEPS.replace("1400", "1000"), "air.step[1].co2_ppm", "error"),
        (STEPS.replace("50", "75"), "air.step[1].limit_percent", "error"),
    ],
)
def test_what_nobody_can_have_meant(more: str, key: str, severity: str) -> None:
    text = rulebook(more=more)
    if severity == "error":
        with pytest.raises(Exception, match=r"3\.1\.5c"):
            parse(text)
        return
    found = [(each.key, each.severity) for each in complaints(parse(text))]
    assert [one for one in found if one[0].startswith("air")] == [(key, severity)]
