"""3.1.2e: the isolation chain, step by step, with what each step may never do."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.core import events, incident
from firmware.core.actions import Buzz, GateOpen, LampShow, RouteLight, SignShow, VoiceSay
from firmware.rulebook.words import WORDS
from tests.core.isolating import (
    LANES,
    admit,
    badge_press,
    hall,
    isolate,
    names,
    of,
    opened,
    order,
    state_of,
    steps,
)
from tests.core.stage import Stage

# -------------------------------------------------------------- the whole chain


def test_from_the_positive_test_to_the_lane_back() -> None:
    stage = hall()
    which = isolate(stage)
    assert names(stage) == ["opened", "duty_leader_told"] and stage.lane.state == "held"
    assert order(stage.wait(30), "acknowledge", incident=which) == ""
    assert order(stage.wait(30), "acknowledge", incident=which, office=True) == ""
    assert stage.lane.state == "held"
    assert order(stage.wait(60), "sign_off", lane="A") == ""
    assert stage.lane.state == "idle" and stage.controller.state.incidents == {}
    assert [(step.step, step.state, step.elapsed_s, step.by) for step in steps(stage)] == [
        ("opened", "opened", 0.0, ""),
        ("duty_leader_told", "opened", 0.0, "buzzer"),
        ("acknowledged", "acknowledged", 30.0, "duty-leader"),
        ("office_reported", "acknowledged", 60.0, "duty-leader"),
        ("signed_off", "acknowledged", 120.0, "duty-leader"),
        ("lane_back", "acknowledged", 120.0, "duty-leader"),
        ("closed", "closed", 120.0, ""),
    ]
    assert {step.incident for step in steps(stage)} == {which}
    assert opened(stage)[0].detail == "" and (stage.lane.held_because, stage.lane.held_by) == ("", "")
    assert (stage.signs[-1], of(stage, LampShow)[-1].colour) == (WORDS["idle"].sign_zh, "off")
    assert admit(stage.wait(5), 2) == "admit"


def test_the_same_with_badge_and_button_and_no_hub() -> None:
    stage = hall()
    isolate(stage)
    badge_press(stage)
    assert names(stage)[-1] == "acknowledged" and steps(stage)[-1].by == f"{900:016x}"
    assert stage.signs[-1] == WORDS["recorded"].sign_zh
    stage.press()
    assert names(stage)[-1] == "acknowledged", "a second press of the same hand is no report to the office"
    badge_press(stage.wait(10), number=901)
    assert names(stage)[-1] == "office_reported" and steps(stage)[-1].by == f"{901:016x}"
    badge_press(stage.wait(10), seconds=3)
    assert names(stage)[-3:] == ["signed_off", "lane_back", "closed"] and stage.lane.state == "idle"
    assert "open" not in stage.gate, "none of these presses opened the gate"


def test_the_lane_may_come_back_before_the_office_was_told() -> None:
    stage = hall()
    which = isolate(stage)
    order(stage, "acknowledge", incident=which)
    assert order(stage, "sign_off", lane="A") == "" and stage.lane.state == "idle"
    assert names(stage)[-1] == "lane_back" and which in stage.controller.state.incidents
    stage.wait(24 * 3600)
    assert [step.detail for step in steps(stage) if step.step == "overdue"] == ["report"], "the rest was done"
    assert order(stage, "acknowledge", incident=which, office=True) == "" and names(stage)[-1] == "closed"


def test_the_duty_leader_comes_first() -> None:
    stage = hall()
    which = isolate(stage)
    assert order(stage, "acknowledge", incident=which, office=True) == "duty_leader_first"
    assert order(stage, "sign_off", lane="A") == "duty_leader_first" and stage.lane.state == "held"
    badge_press(stage, seconds=3)
    assert stage.lane.state == "held" and "signed_off" not in names(stage)


@pytest.mark.parametrize(
    ("name", "body", "because"),
    [
        ("acknowledge", {}, "no_such_incident"),
        ("acknowledge", {"incident": 7}, "no_such_incident"),
        ("acknowledge", {"incident": "i-door-1-1"}, "no_such_incident"),
        ("sign_off", {}, "no_such_incident"),
        ("sign_off", {"lane": "B"}, "no_such_incident"),
        ("sign_off", {"incident": ["x"]}, "no_such_incident"),
        ("sign_off", {"lane": "A", "incident": None}, "duty_leader_first"),
        ("release", {"lane": "A"}, "isolation_not_signed_off"),
    ],
)
def test_orders_that_do_nothing(name: str, body: dict[str, Any], because: str) -> None:
    stage = hall()
    isolate(stage)
    assert order(stage, name, **body) == because
    assert stage.lane.state == "held" and names(stage) == ["opened", "duty_leader_told"]


def test_nothing_but_a_sign_off_ends_the_hold() -> None:
    stage = hall()
    isolate(stage)
    assert order(stage, "hold", lane="A", reason="lunch") == ""
    assert order(stage, "release", lane="A") == "isolation_not_signed_off"
    badge_press(stage, seconds=3, lane="A")
    stage.wait(12 * 3600)
    assert stage.lane.state == "held" and stage.lane.held_because == incident.HELD


def test_whoever_comes_next_waits_and_hears_nothing_of_it() -> None:
    stage = hall()
    isolate(stage)
    assert stage.scan(stage.booking(2)) == "wait" and stage.decision.phrase == "held"


# -------------------------------------------------------------- what is seen and heard


@pytest.mark.parametrize("lane", ["A", "B"])
def test_nothing_in_public_says_why(lane: str) -> None:
    stage = hall()
    stage.scan(stage.booking(1), lane)
    stage.forget()
    stage.scan(stage.test(1, result="positive"), lane)
    neutral = WORDS["staff"]
    assert stage.signs and set(stage.signs) == {neutral.sign_zh}
    voices = [order for order in stage.actions if isinstance(order, VoiceSay)]
    assert {(voice.zh, voice.en) for voice in voices} == {(neutral.voice_zh, neutral.voice_en)}
    assert max(order.show_ms for order in stage.actions if isinstance(order, SignShow)) == 60_000


def test_light_until_the_sign_off_and_buzzer_until_somebody_knows() -> None:
    stage = hall()
    which = isolate(stage)
    assert [(each.lane, each.show_ms) for each in of(stage, RouteLight)] == [("A", 90_000)]
    assert [(each.lane, each.show_ms) for each in of(stage, Buzz)] == [("A", 90_000)]
    stage.forget()
    stage.wait(61)
    assert len(of(stage, RouteLight)) == len(of(stage, Buzz)) == 1, "both let go by themselves and are renewed in time"
    order(stage, "acknowledge", incident=which)
    assert of(stage, Buzz)[-1].show_ms == 0
    stage.forget()
    stage.wait(200)
    assert len(of(stage, RouteLight)) == 3 and of(stage, Buzz) == []
    order(stage, "sign_off", lane="A")
    assert of(stage, RouteLight)[-1].show_ms == 0
    stage.forget()
    stage.wait(300)
    assert of(stage, RouteLight) == []


def test_the_buzzer_sounds_for_every_lane_of_the_device_and_until_both_are_known() -> None:
    stage = hall()
    first, second = isolate(stage, 1, "A"), isolate(stage, 2, "B")
    assert {each.lane for each in of(stage, Buzz)} == {"A"} and of(stage, RouteLight)[-1].lane == "A"
    stage.forget()
    order(stage, "acknowledge", incident=first)
    assert of(stage, Buzz) == []
    assert order(stage, "acknowledge", incident=first) == "acknowledged_already"
    assert order(stage, "acknowledge", incident=first, office=True) == ""
    assert order(stage, "acknowledge", incident=first, office=True) == "reported_already"
    order(stage, "acknowledge", incident=second)
    assert [each.show_ms for each in of(stage, Buzz)] == [0]


def test_where_nothing_buzzes_the_event_tells_the_duty_leader() -> None:
    stage = Stage(lanes=LANES[1:2], proof='"pcr"', limit=9)
    isolate(stage, 1, "B")
    assert steps(stage)[-1].step == "duty_leader_told" and steps(stage)[-1].by == "event" and of(stage, Buzz) == []


# -------------------------------------------------------------- deadlines


def test_an_incident_nobody_acknowledges_escalates_and_does_not_fill_the_card() -> None:
    stage = hall("acknowledge_seconds = 60\nescalate_seconds = 100")
    isolate(stage)
    stage.wait(59.9)
    assert "escalated" not in names(stage)
    stage.wait(0.2)
    assert names(stage)[-1] == "escalated" and steps(stage)[-1].overdue == ("acknowledge",)
    assert steps(stage)[-1].state == "escalated" and steps(stage)[-1].elapsed_s == 60.0
    stage.wait(100)
    assert names(stage).count("escalated") == 2 and steps(stage)[-1].overdue == ("acknowledge",)
    stage.wait(24 * 3600)
    assert names(stage).count("escalated") == incident.ESCALATIONS and len(steps(stage)) < 20


def test_acknowledged_late_is_acknowledged() -> None:
    stage = hall("acknowledge_seconds = 60")
    which = isolate(stage)
    stage.wait(70)
    order(stage, "acknowledge", incident=which)
    assert steps(stage)[-1].overdue == () and steps(stage)[-1].elapsed_s == 70.0
    stage.wait(900)
    assert names(stage).count("escalated") == 1


def test_office_and_sign_off_have_their_deadlines() -> None:
    stage = hall("report_minutes = 5\nsign_off_minutes = 10")
    which = isolate(stage)
    order(stage, "acknowledge", incident=which)
    stage.wait(299.9)
    assert "overdue" not in names(stage)
    stage.wait(0.2)
    assert (names(stage)[-1], steps(stage)[-1].detail, steps(stage)[-1].overdue) == ("overdue", "report", ("report",))
    stage.wait(300)
    assert steps(stage)[-1].overdue == ("report", "sign_off")
    order(stage, "acknowledge", incident=which, office=True)
    assert steps(stage)[-1].overdue == ("sign_off",)
    order(stage, "sign_off", lane="A")
    assert steps(stage)[-1].overdue == () and names(stage).count("overdue") == 2


# -------------------------------------------------------------- which lanes


def test_upstream_lanes_wait_and_come_back_with_it() -> None:
    stage = hall('hold_upstream = ["B", "C", "X", "E", "Z"]')
    which = isolate(stage)
    assert [state_of(stage, lane) for lane in "ABCXE"] == ["held", "held", "held", "idle", "idle"]
    assert steps(stage)[0].upstream == ("B", "C") and steps(stage)[0].lane_held
    assert {each.lane for each in of(stage, SignShow) if each.zh == WORDS["held"].sign_zh} == {"B", "C"}
    order(stage, "acknowledge", incident=which)
    order(stage, "sign_off", lane="A")
    assert [state_of(stage, lane) for lane in "ABC"] == ["idle", "idle", "idle"]


def test_an_upstream_lane_waits_for_whoever_is_in_it() -> None:
    stage = hall('hold_upstream = ["B", "C"]')
    assert admit(stage, 2, "B") == "admit"
    stage.do(events.PassageBlocked(lane="B", blocked=True))
    stage.forget()
    isolate(stage)
    assert state_of(stage, "B") == "passing" and not [each for each in stage.gate if each == "close"]
    stage.do(events.Crossed(lane="B", direction="in")).do(events.PassageBlocked(lane="B", blocked=False))
    stage.wait(1)
    assert state_of(stage, "B") == "held" and len(stage.passages) == 1


def test_an_upstream_lane_that_was_still_awaited_at_the_sign_off_is_not_held_after_it() -> None:
    stage = hall('hold_upstream = ["B"]')
    assert admit(stage, 2, "B") == "admit"
    stage.do(events.PassageBlocked(lane="B", blocked=True))
    which = isolate(stage)
    order(stage, "acknowledge", incident=which)
    order(stage, "sign_off", lane="A")
    stage.do(events.Crossed(lane="B", direction="in")).do(events.PassageBlocked(lane="B", blocked=False))
    stage.wait(10)
    assert state_of(stage, "B") == "idle" and which in stage.controller.state.incidents


def test_a_permit_upstream_that_nobody_began_is_given_back() -> None:
    stage = hall('hold_upstream = ["B"]')
    assert admit(stage, 2, "B") == "admit" and stage.free == 8
    isolate(stage)
    assert state_of(stage, "B") == "held" and stage.free == 9
    assert "close" in stage.gate


def test_an_attendant_may_let_an_upstream_lane_go_on() -> None:
    stage = hall('hold_upstream = ["B"]')
    isolate(stage)
    badge_press(stage, seconds=3, lane="B")
    stage.wait(100)
    assert state_of(stage, "B") == "idle" and stage.lane.state == "held"


# -------------------------------------------------------------- what does not begin one


@pytest.mark.parametrize("hours", [73, 2_000])
def test_an_old_report_closes_no_door(hours: float) -> None:
    stage = hall()
    stage.scan(stage.booking(1))
    assert stage.scan(stage.test(1, hours_old=hours)) == "staff"
    assert steps(stage) == [] and stage.lane.state == "refused"
    stage.wait(6)
    assert admit(stage, 2) == "admit"


def test_a_missing_report_closes_no_door() -> None:
    stage = hall()
    stage.scan(stage.booking(1))
    stage.wait(25)
    assert stage.decision.answer == "staff" and steps(stage) == []


@pytest.mark.parametrize("held", [False, True])
def test_a_rulebook_that_isolates_for_an_old_report_says_whether_the_lane_is_held(held: bool) -> None:
    visitor = 'on_fail = { pcr = "isolate" }'
    stage = hall(f'hold_for_missing = {str(held).lower()}\nhold_upstream = ["B"]', visitor=visitor)
    stage.scan(stage.booking(1))
    assert stage.scan(stage.test(1, hours_old=73)) == "isolate"
    assert names(stage) == ["opened", "duty_leader_told"]
    assert [state_of(stage, lane) == "held" for lane in "AB"] == [held, held]
    stage.wait(50)
    assert len(opened(stage)) == 1, "the visit is over, and leads nobody away a second time"
    which = steps(stage)[0].incident
    order(stage, "acknowledge", incident=which)
    assert order(stage, "sign_off", incident=which) == ""
    assert stage.lane.state in ("idle", "refused") and steps(stage)[-1].step == ("lane_back" if held else "signed_off")


# -------------------------------------------------------------- nobody is held in


@pytest.mark.parametrize("lane", ["C", "X", "E"])
def test_whoever_wants_out_goes_out_while_everything_is_held(lane: str) -> None:
    stage = hall('hold_upstream = ["B", "C", "E"]')
    isolate(stage, 1, "C" if lane == "C" else "A")
    stage.forget()
    stage.press(lane=lane)
    assert [order.lane for order in stage.actions if isinstance(order, GateOpen)] == [lane]
    stage.cross("out", lane)
    assert stage.passages[-1].direction == "out" and stage.passages[-1].expected


def test_fire_goes_over_it_and_the_hold_comes_back_after_the_reset() -> None:
    stage = hall('hold_upstream = ["B"]')
    which = isolate(stage)
    stage.forget()
    stage.contact("fire_loop", False, "E")
    assert stage.gate.count("free") == len(LANES) and {state_of(stage, lane.name) for lane in LANES} == {"evacuated"}
    stage.wait(400)
    assert "close" not in stage.gate, "no timer of an incident stands against a fire"
    assert order(stage, "acknowledge", incident=which) == ""
    stage.contact("fire_loop", True, "E")
    badge_press(stage, seconds=3)
    assert stage.lane.state == "held" and state_of(stage, "X") == "idle"
    assert order(stage, "sign_off", lane="A") == "" and stage.lane.state == "idle"


def test_signed_off_during_a_fire_touches_no_gate() -> None:
    stage = hall()
    which = isolate(stage)
    stage.contact("fire_loop", False, "E")
    order(stage, "acknowledge", incident=which)
    stage.forget()
    assert order(stage, "sign_off", lane="A") == "" and stage.gate == [] and stage.signs == []
