"""An exit that can hear nobody who wants to leave stands open, and only that one, and only as long."""

from __future__ import annotations

import pytest

from firmware.core.events import DeviceHealth, PassageBlocked
from firmware.core.records import Alarm
from firmware.core.state import LaneSetup
from tests.core.stage import Stage


def exit_with(*askers: str, direction: str = "out", beams: bool = False) -> Stage:
    setup = LaneSetup(name="A", direction=direction, askers=askers, passage_sensor=beams, beams=beams)  # type: ignore[arg-type]
    return Stage(lanes=(setup,))


def tell(stage: Stage, device: str, state: str) -> Stage:
    return stage.do(DeviceHealth(lane="A", device=device, state=state))  # type: ignore[arg-type]


def alarms(stage: Stage) -> list[bool]:
    return [each.active for each in stage.records if isinstance(each, Alarm) and each.alarm == "exit_unheard"]


@pytest.mark.parametrize("how", ["unplugged", "silent", "refused"])
def test_an_exit_whose_only_asker_is_gone_stands_open_until_it_is_back(how: str) -> None:
    stage = tell(exit_with("scanner"), "scanner", how)
    assert stage.wait(2.9).gate == []
    assert stage.wait(0.2).gate == ["free"]
    assert (stage.wait(60).gate, alarms(stage)) == (["free"], [True])
    tell(stage, "scanner", "ok")
    assert (stage.gate, alarms(stage)) == (["free", "close"], [True, False])
    stage.wait(60)
    assert (stage.gate, alarms(stage)) == (["free", "close"], [True, False])


def test_it_opens_a_second_time_by_itself_and_says_so_once_each_time() -> None:
    stage = tell(exit_with("scanner"), "scanner", "unplugged").wait(10)
    tell(stage, "button", "unplugged")
    tell(stage, "scanner", "ok").wait(60)
    tell(stage, "scanner", "unplugged").wait(3.1)
    assert stage.gate == ["free", "close", "free"] and alarms(stage) == [True, False, True]


def test_a_cable_that_is_moved_opens_nothing() -> None:
    stage = exit_with("scanner")
    for _ in range(3):
        tell(stage, "scanner", "unplugged").wait(2.5)
        tell(stage, "scanner", "ok").wait(1)
    assert stage.gate == [] and alarms(stage) == []


def test_one_way_to_ask_is_enough() -> None:
    stage = tell(exit_with("scanner", "button"), "scanner", "unplugged").wait(10)
    assert stage.gate == []
    tell(stage, "button", "refused").wait(10)
    assert stage.gate == ["free"]
    tell(stage, "scanner", "ok")
    assert stage.gate == ["free", "close"]


def test_beams_hear_whoever_steps_up_until_they_are_gone_as_well() -> None:
    stage = tell(exit_with("scanner", beams=True), "scanner", "unplugged").wait(10)
    assert stage.gate == []
    tell(stage, "counter", "silent").wait(10)
    assert stage.gate == ["free"]


@pytest.mark.parametrize("direction", ["in", "both", "elevator"])
def test_a_lane_that_lets_in_stays_shut(direction: str) -> None:
    assert tell(exit_with("scanner", direction=direction), "scanner", "unplugged").wait(10).gate == []


def test_it_stays_open_when_the_key_is_turned_back() -> None:
    stage = tell(exit_with("scanner"), "scanner", "unplugged").wait(10)
    stage.contact("release_key", True).contact("release_key", False).wait(1)
    assert stage.gate[-1] == "free" and stage.lane.freed


def test_the_key_holds_it_when_the_scanner_is_back() -> None:
    stage = tell(exit_with("scanner"), "scanner", "unplugged").wait(10)
    stage.contact("release_key", True)
    tell(stage, "scanner", "ok")
    assert stage.gate == ["free"] and stage.lane.freed
    stage.contact("release_key", False)
    assert stage.gate == ["free", "close"]


def test_an_evacuation_holds_it_when_the_scanner_is_back() -> None:
    stage = tell(exit_with("scanner"), "scanner", "unplugged").wait(10)
    stage.contact("fire_loop", False)
    tell(stage, "scanner", "ok").wait(1)
    assert stage.gate[-1] == "free" and stage.lane.freed


def test_it_stays_open_when_an_evacuation_is_over() -> None:
    stage = tell(exit_with("scanner"), "scanner", "unplugged").wait(10)
    stage.contact("fire_loop", False).contact("fire_loop", True)
    stage.lane.badge, stage.lane.badge_until_ms = "anna", int(stage.now * 1000) + 10_000
    stage.press(3)
    assert stage.controller.state.evacuated_by == "" and stage.gate[-1] == "free" and stage.lane.freed


def test_a_restart_asks_the_devices_anew() -> None:
    stage = tell(exit_with("scanner"), "scanner", "unplugged").wait(10)
    stage.start("boot-2")
    assert not stage.wait(10).lane.freed
    assert tell(stage, "scanner", "unplugged").wait(10).lane.freed


def test_a_responders_time_holds_it_when_the_scanner_is_back() -> None:
    stage = exit_with("scanner")
    stage.scan(stage.booking(key_kind="staff", person_class="responder"))
    tell(stage, "scanner", "unplugged").wait(10)
    tell(stage, "scanner", "ok").wait(1)
    assert stage.gate == ["free"] and stage.lane.freed_until_ms is not None


def test_a_responders_badge_at_an_exit_that_stands_open_already_holds_it_for_its_time() -> None:
    stage = tell(exit_with("scanner"), "scanner", "unplugged").wait(10)
    stage.scan(stage.booking(key_kind="staff", person_class="responder"))
    tell(stage, "scanner", "ok").wait(1)
    assert stage.gate == ["free"] and stage.lane.freed
    stage.wait(200)
    assert stage.gate == ["free", "close"]
    assert [each.active for each in stage.records if isinstance(each, Alarm) and each.alarm == "responder"] == [
        True,
        False,
    ]


def test_the_end_of_a_responders_time_shuts_no_exit_that_still_cannot_hear() -> None:
    stage = tell(exit_with("scanner"), "scanner", "unplugged").wait(10)
    stage.scan(stage.booking(key_kind="staff", person_class="responder"))
    stage.wait(400)
    assert stage.gate == ["free"] and stage.lane.freed


def test_a_key_that_is_turned_back_on_a_body_shuts_nothing_behind_it() -> None:
    stage = exit_with("scanner", beams=True)
    stage.contact("release_key", True).do(PassageBlocked(lane="A", blocked=True))
    tell(stage, "scanner", "unplugged")
    tell(stage, "counter", "silent").wait(10)
    stage.contact("release_key", False).do(PassageBlocked(lane="A", blocked=False)).wait(1)
    assert "close" not in stage.gate and stage.lane.freed
