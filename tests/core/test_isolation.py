"""3.1.2e: the isolation chain, step by step, with what each step may never do."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.core import events, incident
from firmware.core.actions import Buzz, RouteLight, SignShow, VoiceSay
from firmware.core.controller import Controller
from firmware.core.records import CommandDone, Decision, Incident
from firmware.core.state import LaneSetup
from firmware.rulebook.words import WORDS
from tests.core.stage import ZONE, Stage

COMMON: dict[str, Any] = {"classes": ("visitor",), "passage_sensor": True, "button": True}
LANES = (
    LaneSetup(name="A", direction="in", route_light=True, buzzer=True, **COMMON),
    LaneSetup(name="B", direction="in", **COMMON),
    LaneSetup(name="C", direction="both", **COMMON),
    LaneSetup(name="X", direction="out", **COMMON),
    LaneSetup(name="E", direction="both", escape_way=True, fails_open=True, **COMMON),
)


def hall(rules: str = "", **book: Any) -> Stage:
    return Stage(lanes=LANES, proof='"pcr"', limit=9, more=f"[isolation]\n{rules}", **book)


def isolate(stage: Stage, number: int = 1, lane: str = "A") -> str:
    """Somebody shows a booking and a positive test; the incident's id."""
    stage.scan(stage.booking(number), lane)
    assert stage.scan(stage.test(number, result="positive"), lane) == "isolate"
    return opened(stage)[-1].incident


def admit(stage: Stage, number: int, lane: str = "A") -> str:
    stage.scan(stage.booking(number), lane)
    return stage.scan(stage.test(number), lane)


def order(stage: Stage, name: str, **body: Any) -> str:
    lane = body.get("lane")
    stage.do(events.CommandArrived(id=f"o{len(stage.records)}", name=name, issuer="duty-leader", lane=lane, body=body))
    done = [record for record in stage.records if isinstance(record, CommandDone)][-1]
    assert (done.result == "refused") == bool(done.because)
    return done.because


def steps(stage: Stage) -> list[Incident]:
    return [record for record in stage.records if isinstance(record, Incident)]


def names(stage: Stage) -> list[str]:
    return [step.step for step in steps(stage)]


def opened(stage: Stage) -> list[Incident]:
    return [step for step in steps(stage) if step.step == "opened"]


def state_of(stage: Stage, lane: str) -> str:
    return stage.controller.state.lanes[lane].state


def badge_press(stage: Stage, seconds: float = 0.3, lane: str = "A", number: int = 900) -> None:
    stage.wait(3.5)
    stage.scan(stage.badge(number), lane)
    stage.press(seconds, lane)


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
    assert admit(stage.wait(5), 2) == "admit"


def test_the_same_with_badge_and_button_and_no_hub() -> None:
    stage = hall()
    isolate(stage)
    badge_press(stage)
    assert names(stage)[-1] == "acknowledged" and steps(stage)[-1].by == f"{900:016x}"
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


def of(stage: Stage, kind: type) -> list[Any]:
    return [order for order in stage.actions if isinstance(order, kind)]


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
    order(stage, "acknowledge", incident=second)
    assert [each.show_ms for each in of(stage, Buzz)] == [0]


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
    assert names(stage).count("escalated") == 2
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
    stage = hall(f"hold_for_missing = {str(held).lower()}", visitor=visitor)
    stage.scan(stage.booking(1))
    assert stage.scan(stage.test(1, hours_old=73)) == "isolate"
    assert names(stage) == ["opened", "duty_leader_told"] and (stage.lane.state == "held") is held
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
    assert [order.lane for order in stage.actions if type(order).__name__ == "GateOpen"] == [lane]
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


# -------------------------------------------------------------- who was there before


def test_the_record_lists_who_passed_in_the_minutes_before() -> None:
    stage = hall("around_minutes = 10")
    assert admit(stage, 7) == "admit"
    stage.cross().wait(11 * 60)
    for number in (2, 3):
        assert admit(stage, number) == "admit"
        stage.cross().wait(60)
    stage.do(events.Crossed(lane="A", direction="in")).wait(30)
    assert admit(stage, 5, "B") == "admit"
    stage.cross(lane="B")
    isolate(stage, 4)
    around = steps(stage)[0].around
    assert [(each.person, each.decision is not None) for each in around] == [
        (None, False), ("person-3", True), ("person-2", True),
    ]  # fmt: skip
    assert 30 <= around[0].before_s < around[1].before_s < around[2].before_s <= 600
    ids = {record.id for record in stage.records if isinstance(record, Decision)}
    assert {each.decision for each in around} - {None} <= ids
    assert all(step.around == () for step in steps(stage)[1:])


def test_the_list_is_bounded_and_says_so() -> None:
    stage = hall("around_minutes = 600")
    for _ in range(incident.PASSED + 50):
        stage.do(events.Crossed(lane="A", direction="in"), after=1)
    isolate(stage)
    first = steps(stage)[0]
    assert len(first.around) == incident.AROUND
    assert first.around_omitted == incident.PASSED - incident.AROUND
    assert len(stage.controller.state.passed["A"]) == incident.PASSED


def test_no_minutes_no_list() -> None:
    stage = hall("around_minutes = 0")
    admit(stage, 2)
    stage.cross().wait(5)
    isolate(stage)
    assert steps(stage)[0].around == () and stage.controller.state.passed["A"] == []


# -------------------------------------------------------------- restarts


def rebuilt(stage: Stage) -> None:
    """Through the snapshot, as after a restart."""
    stage.controller = Controller.restore(stage.controller.snapshot(), lambda _name: ZONE)


def test_a_restart_of_the_process_changes_no_deadline() -> None:
    stage = hall("acknowledge_seconds = 60")
    which = isolate(stage)
    stage.wait(30)
    rebuilt(stage)
    stage.forget()
    stage.start("boot-1")
    assert stage.lane.state == "held" and of(stage, RouteLight) and of(stage, Buzz) and "restarted" not in names(stage)
    stage.wait(29.9)
    assert "escalated" not in names(stage)
    stage.wait(0.2)
    assert steps(stage)[-1].elapsed_s == 60.0 and steps(stage)[-1].incident == which


@pytest.mark.parametrize(("trusted", "elapsed_s"), [(True, 630.0), (False, 30.0)])
def test_a_power_loss_counts_the_time_the_power_was_off_where_it_is_known(trusted: bool, elapsed_s: float) -> None:
    stage = hall("acknowledge_seconds = 60\naround_minutes = 30")
    admit(stage, 2)
    stage.cross().wait(30)
    isolate(stage)
    stage.do(events.Woken(), after=30)  # the last that was known before the power went
    rebuilt(stage)
    stage.forget()
    stage.wall_0 += stage.now + 600
    stage.now, stage.wake, stage.trusted = 0.0, None, trusted
    stage.start("boot-2")
    restarted = next(step for step in steps(stage) if step.step == "restarted")
    assert restarted.elapsed_s == elapsed_s and stage.lane.state == "held"
    assert ("escalated" in names(stage)) is trusted
    stage.wait(40)
    assert "escalated" in names(stage)
    body = stage.controller.state.passed["A"][0]
    assert stage.now * 1000 - body.at_ms == (30 + 30 + 600 + 40) * 1000 + 300 if trusted else body.at_ms == 0


def test_replay_of_a_whole_incident_is_exact() -> None:
    stage = hall('hold_upstream = ["B", "C"]\nacknowledge_seconds = 10')
    stage.forget()
    first = isolate(stage)
    stage.wait(20)
    order(stage, "acknowledge", incident=first)
    isolate(stage, 2, "E")
    stage.trusted = False
    badge_press(stage, lane="E")
    order(stage, "sign_off", lane="A", cleared=True)
    fresh = Stage(
        lanes=LANES, proof='"pcr"', limit=9, more='[isolation]\nhold_upstream = ["B", "C"]\nacknowledge_seconds = 10'
    )
    fresh.forget()
    for event, moment in stage.journal[2:]:
        outcome = fresh.controller.handle(event, moment)
        fresh.records += outcome.records
        fresh.actions += outcome.actions
    assert fresh.records == stage.records and fresh.actions == stage.actions
    assert fresh.controller.snapshot() == stage.controller.snapshot()


def test_too_many_incidents_never_let_a_held_lane_go() -> None:
    stage = hall(visitor='on_fail = { pcr = "isolate" }')
    isolate(stage, 1)
    for number in range(2, incident.INCIDENTS + 5):
        stage.scan(stage.booking(number), "B")
        assert stage.scan(stage.test(number, hours_old=90), "B") == "isolate"
        stage.wait(1)
    assert len(stage.controller.state.incidents) == incident.INCIDENTS and stage.lane.state == "held"
    assert names(stage).count("superseded") == 4 and order(stage, "release", lane="A") == "isolation_not_signed_off"


def test_no_clock_ends_a_hold() -> None:
    stage = hall('hold_upstream = ["B"]\n[[release]]\ntime = "10:10"')
    isolate(stage)
    stage.wait(3600)
    assert [state_of(stage, lane) for lane in "AB"] == ["held", "held"]


def test_a_hold_shuts_no_gate_on_somebody_who_stood_there_before_it_opened() -> None:
    """The passage was blocked already when the attendant let somebody in: that body is in the way of the leaf."""
    stage = hall()
    stage.do(events.PassageBlocked(lane="A", blocked=True))
    assert admit(stage, 1) == "admit"
    assert order(stage, "hold", lane="A") == "somebody_is_passing" and "close" not in stage.gate
