"""A leaf with a contact: what has rattled, what was forced, and how long it may stand open."""

from __future__ import annotations

import pytest

from firmware.core import events
from firmware.core.controller import Controller
from firmware.core.occupancy import Rights
from firmware.core.state import HallState
from tests.core.stage import Stage


@pytest.mark.parametrize(("open_s", "expected"), [(0.1, []), (0.499, []), (0.5, ["forced"]), (3.0, ["forced"])])
def test_a_leaf_that_shuts_at_once_has_only_rattled(open_s: float, expected: list[str]) -> None:
    stage = Stage()
    stage.contact("door", False).wait(open_s).contact("door", True).wait(60)
    assert stage.alarms == expected
    assert len(stage.records) == 2 * len(expected), "an alarm that began has ended"


def late_door(stage: Stage, after_s: float, closed: bool) -> None:
    """The contact's news, and nobody was woken for what became due before it."""
    stage.now += after_s
    stage._handle(events.ContactChanged(lane="A", role="door", closed=closed))


def test_a_late_wake_up_hides_no_forced_leaf() -> None:
    stage = Stage()
    stage.contact("door", False)
    late_door(stage, 0.8, closed=True)
    assert stage.alarms == ["forced"]


def test_a_late_wake_up_makes_no_leaf_forced_that_stood_free_for_the_responders() -> None:
    stage = Stage()
    stage.scan(stage.booking(950, key_kind="staff", person_class="responder"))
    assert stage.lane.freed and stage.lane.freed_until_ms is not None
    late_door(stage, stage.lane.freed_until_ms / 1000 + 0.1, closed=False)
    assert not stage.lane.freed and "forced" not in stage.wait(14).alarms


@pytest.mark.parametrize(("after_s", "expected"), [(0.1, []), (5.0, []), (9.9, []), (11.1, ["forced"])])
def test_a_leaf_may_open_as_long_as_somebody_may_go_through(after_s: float, expected: list[str]) -> None:
    stage = Stage()
    stage.scan(stage.booking(1))
    assert stage.wait(after_s).contact("door", False).wait(3).alarms == expected


@pytest.mark.parametrize(("after_s", "expected"), [(1.7, []), (1.701, ["forced"])])
def test_a_leaf_may_still_move_for_a_second_after_the_hand_let_go(after_s: float, expected: list[str]) -> None:
    """The gate's pulse is 700 ms, and who had the permit is through before it ends."""
    stage = Stage()
    stage.scan(stage.booking(1))
    stage.cross().wait(after_s - 0.3)
    assert stage.lane.grant is None and stage.contact("door", False).wait(3).alarms == expected


def test_a_door_that_has_no_rulebook_yet_watches_its_leaf_as_well() -> None:
    stage = Stage(direction="out")
    stage.controller = Controller(HallState(rights=Rights(inc="door-1")), stage.controller.zones)
    stage.start()
    for role in ("window", "air_conditioning"):
        stage.contact(role, True)
    assert stage.contact("door", False).wait(0.499).alarms == [] and stage.wait(0.001).alarms == ["forced"]
    stage.contact("door", True).press()
    stage.contact("door", False).cross("out")
    assert stage.wait(14.5).alarms == ["forced"] and stage.wait(0.3).alarms == ["forced", "held_open"]


@pytest.mark.parametrize(("seconds", "expected"), [(39.9, []), (40, ["held_open"])])
def test_how_long_a_leaf_may_stand_open_is_the_rulebooks(seconds: float, expected: list[str]) -> None:
    stage = Stage(more="[alarms]\nheld_open_seconds = 40")
    stage.scan(stage.booking(1))
    stage.contact("door", False).cross()
    assert stage.wait(seconds - 0.3).alarms == expected


def test_a_permit_given_to_a_leaf_that_is_open_already_excuses_nothing() -> None:
    stage = Stage()
    stage.contact("door", False).wait(0.2).scan(stage.booking(1))
    assert stage.wait(1).alarms == ["forced"]


def test_a_leaf_let_go_by_the_fire_loop_was_not_forced_though_its_news_came_first() -> None:
    stage = Stage()
    stage.contact("door", False).wait(0.1).contact("fire_loop", False).wait(30)
    assert stage.alarms == ["fire"], "nor is it held open while everybody leaves"
    stage.contact("fire_loop", True).scan(stage.badge())
    stage.press(3)
    assert not stage.lane.freed and stage.alarms[1:] == ["recount_needed", "held_open"], "shut it now"


def test_the_rulebook_may_forgive_no_rattling_at_all() -> None:
    stage = Stage(more="[alarms]\nforced_ms = 0")
    assert stage.contact("door", False).alarms == ["forced"]
