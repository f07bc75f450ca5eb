"""3.1.3c: what lingers behind the gate, who comes up to it, and when it is asked and reported."""

from __future__ import annotations

from firmware.core import events
from firmware.core.controller import Controller
from firmware.core.occupancy import Rights
from firmware.core.records import Alarm
from firmware.core.state import HallState
from tests.core.queues import alarms, behind, hall, said, sees
from tests.core.stage import ZONE


def test_the_same_crowd_for_too_long_pauses_the_entry_says_so_and_is_reported() -> None:
    stage = hall(more="dwell_seconds = 120\ndwell_persons = 3")
    behind(stage, 3).wait(119)
    assert stage.scan(stage.booking(1)) == "admit"
    stage.cross().wait(2)
    assert len(said(stage, "loitering")) == 1 and alarms(stage, "loitering") == [True]
    assert stage.scan(stage.booking(2)) == "wait" and stage.because == "loitering"
    behind(stage, 2)
    assert alarms(stage, "loitering") == [True, False]
    assert stage.scan(stage.booking(2)) == "admit"


def test_who_joins_a_crowd_does_not_make_it_a_new_one() -> None:
    stage = hall(more="dwell_seconds = 60\ndwell_persons = 3")
    for persons in (3, 4, 5, 3, 4, 3, 3):
        behind(stage, persons).wait(10)
    assert alarms(stage, "loitering") == [True]


def test_a_crowd_that_goes_on_its_way_is_none() -> None:
    stage = hall(more="dwell_seconds = 60\ndwell_persons = 3")
    for _ in range(10):
        behind(stage, 4).wait(50)
        behind(stage, 2).wait(5)
    assert said(stage, "loitering") == [] and stage.records == []


def test_dense_is_reported_once_and_waits_for_its_hold_to_end() -> None:
    stage = hall(dense=3)
    behind(stage, 4)
    assert alarms(stage, "dense") == [True]
    behind(stage, 2).wait(10)
    assert stage.scan(stage.booking(1)) == "wait" and stage.because == "dense"
    assert alarms(stage, "dense") == [True]
    stage.wait(6)
    assert alarms(stage, "dense") == [True, False] and stage.scan(stage.booking(1)) == "admit"


def test_as_many_as_may_stand_there_are_no_crowd_and_prolong_none() -> None:
    stage = behind(hall(dense=3), 3)
    assert stage.scan(stage.booking(1)) == "admit"
    behind(stage.cross(), 4)
    behind(stage, 3).wait(10)
    behind(stage, 2).wait(6)
    assert stage.scan(stage.booking(2)) == "admit", "the hold counts from the last crowded sight"


def test_a_crowd_that_stays_is_reported_once_and_asked_nothing() -> None:
    stage = hall(dense=3)
    for _ in range(5):
        behind(stage, 4).wait(59)
    told = [(record.alarm, record.active) for record in stage.records if isinstance(record, Alarm)]
    assert told == [("dense", True)] and said(stage, "loitering") == []
    behind(stage, 2).wait(20)
    told = [(record.alarm, record.active) for record in stage.records if isinstance(record, Alarm)]
    assert told == [("dense", True), ("dense", False)]


def test_a_crowd_that_comes_and_goes_is_reported_at_most_once_a_cool_down() -> None:
    stage = behind(hall(dense=3), 4)
    behind(stage, 2).wait(20)
    behind(stage, 4).wait(39)
    assert alarms(stage, "dense") == [True, False]
    assert stage.scan(stage.booking(1)) == "wait" and stage.because == "dense", "told or not, it is crowded"
    stage.wait(2)
    assert alarms(stage, "dense") == [True, False, True], "what lasts is told then, by itself"


def test_a_sensor_that_falls_silent_ends_the_report_of_a_crowd() -> None:
    stage = behind(hall(dense=3), 4)
    stage.do(events.DeviceHealth(lane="A", device="behind", state="silent"))
    assert alarms(stage, "dense") == [True, False]


def test_a_sensor_may_speak_before_there_is_a_rulebook() -> None:
    stage = hall()
    stage.controller = Controller(HallState(rights=Rights(inc="door-1")), lambda _name: ZONE)
    stage.start()
    behind(sees(stage, 900), 5).wait(60)
    assert said(stage, "keep_distance") == []


def test_an_evacuation_is_not_talked_over() -> None:
    stage = hall(more="dwell_seconds = 10\ndwell_persons = 1")
    behind(stage, 5)
    stage.contact("fire_loop", False)
    stage.forget()
    stage.wait(300)
    behind(stage, 5)
    assert stage.actions == []
