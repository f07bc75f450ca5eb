"""Interlock, anti-passback, first person, schedules, posts, silent buttons: all data, and none of it holds anybody in."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import Any

import pytest

from firmware.core import bounds, events
from firmware.core.actions import SignShow, VoiceSay
from firmware.core.facts import AnyFact, Card, Unproved
from firmware.core.records import Alarm, CommandDone
from firmware.core.state import LaneSetup
from firmware.errors import Mistake
from firmware.rulebook import book as rulebook_file
from firmware.rulebook.contradictions import complaints
from tests.core.stage import MORNING, ZONE, Stage, rulebook


def lanes(*names: str, **changes: Any) -> tuple[LaneSetup, ...]:
    common = {"direction": "in", "classes": ("visitor", "staff"), "passage_sensor": True, "button": True, **changes}
    return tuple(LaneSetup(name=name, **common) for name in names)


# -------------------------------------------------------------- interlock


def lock(**changes: Any) -> Stage:
    return Stage(lanes=lanes("A", "B", interlock="lock", **changes))


def test_one_of_two_doors_opens_at_a_time_and_the_other_follows_at_once() -> None:
    stage = lock()
    assert stage.scan(stage.booking(1)) == "admit"
    assert stage.scan(stage.booking(2), "B") == "wait" and stage.because == "interlock"
    stage.cross()
    stage.wait(1.0)
    assert stage.scan(stage.booking(2), "B") == "admit"


def test_a_lane_of_no_interlock_locks_nobody_and_no_lane_locks_itself() -> None:
    stage = Stage(lanes=(*lanes("A", "B", interlock="lock"), *lanes("C")))
    stage.contact("door", False, "C").contact("door", False, "A")
    assert stage.scan(stage.booking(1)) == "admit"


@pytest.mark.parametrize("why", ["leaf", "blocked", "key", "grant"])
def test_whatever_keeps_a_door_open_locks_the_other_for_entry(why: str) -> None:
    stage = lock()
    {
        "leaf": lambda: stage.contact("door", False),
        "blocked": lambda: stage.do(events.PassageBlocked(lane="A", blocked=True)),
        "key": lambda: stage.contact("release_key", True),
        "grant": lambda: stage.scan(stage.booking(1)),
    }[why]()
    assert stage.scan(stage.booking(2), "B") == "wait" and stage.because == "interlock"
    stage.scan(stage.badge(), "B")
    assert stage.press(lane="B").records and not [order for order in stage.gate[1:] if order == "open"]


def test_an_interlock_never_keeps_an_exit_shut() -> None:
    stage = Stage(lanes=(*lanes("A", interlock="lock"), *lanes("B", direction="out", interlock="lock")))
    stage.scan(stage.booking(1))
    stage.forget()
    assert stage.scan(stage.booking(2), "B") == "admit" and stage.gate == ["open"]


# -------------------------------------------------------------- anti-passback


def staff_door(mode: str = "soft", minutes: int = 30, **changes: Any) -> Stage:
    more = f'[anti_passback]\nmode = "{mode}"\nminutes = {minutes}'
    both = (*lanes("A"), *lanes("X", direction="out"))
    return Stage(lanes=both, more=more, **changes)


def enter(stage: Stage, badge: Any) -> str:
    answer = stage.scan(badge)
    if answer == "admit":
        stage.cross()
    stage.wait(6)
    return answer


def test_soft_admits_and_tells() -> None:
    stage = staff_door()
    badge = stage.badge()
    assert [enter(stage, badge), enter(stage, badge)] == ["admit", "admit"]
    assert stage.alarms == ["passback"] and ("4a", "passback") in [
        (clause.clause[-2:], clause.because) for clause in stage.decision.clauses
    ]


def test_timed_sends_to_staff_until_the_time_is_over() -> None:
    stage = staff_door("timed", 30)
    badge = stage.badge()
    assert [enter(stage, badge), enter(stage, badge)] == ["admit", "staff"]
    stage.wait(1_800)
    assert enter(stage, badge) == "admit"


@pytest.mark.parametrize(("seconds", "answer"), [(1_799.99, "staff"), (1_800.01, "admit")])
def test_the_time_counts_from_the_passage(seconds: float, answer: str) -> None:
    stage = staff_door("timed", 30).wait(5_000)
    badge = stage.badge()
    stage.scan(badge)
    stage.cross().wait(seconds)
    assert stage.scan(badge) == answer


def test_a_class_that_the_rulebook_lets_go_is_looked_at_no_more() -> None:
    stage = staff_door("timed", 600)
    badge = stage.badge()
    enter(stage, badge)
    agents = '[anti_passback]\nmode = "timed"\nminutes = 600\nclasses = ["agent"]'
    stage.do(events.RulebookLoaded(text=rulebook(serial=8, more=agents), kid="k"))
    assert (enter(stage, badge), stage.alarms) == ("admit", [])


@pytest.mark.parametrize("shown", ["card", "test", "unread"])
def test_an_exit_opens_to_whatever_is_shown(shown: str) -> None:
    stage = Stage(lanes=lanes("A", direction="out"))
    facts: dict[str, AnyFact] = {
        "card": Card(sha256="c", person="p"),
        "test": stage.test(1),
        "unread": Unproved(sha256="u", because="not_read"),
    }
    assert stage.scan(facts[shown]) == "admit" and stage.gate == ["open"]


@pytest.mark.parametrize("forgiven_by", ["exit scan", "recount", "power loss"])
def test_an_exit_and_a_recount_forgive(forgiven_by: str) -> None:
    stage = staff_door("timed", 600)
    badge = stage.badge()
    enter(stage, badge)
    if forgiven_by == "exit scan":
        stage.scan(badge, "X")
    elif forgiven_by == "recount":
        stage.do(events.CommandArrived(id="1", name="recount", issuer="hub", body={"inside": 0}))
    else:
        stage.start("boot-2")
        stage.do(events.CommandArrived(id="1", name="recount", issuer="hub", body={"inside": 0}))
    stage.wait(20)
    assert enter(stage, badge) == "admit"


def test_a_visitor_and_a_badge_that_did_not_pass_are_not_remembered() -> None:
    stage = staff_door("timed", 30)
    enter(stage, stage.booking(1))
    stage.scan(stage.badge())
    stage.wait(20)
    assert stage.controller.state.entered == {}
    assert enter(stage, stage.badge()) == "admit"


def test_exits_never_ask_and_the_table_is_bounded() -> None:
    stage = staff_door("timed", 30)
    badge = stage.badge()
    enter(stage, badge)
    stage.forget()
    assert stage.scan(badge, "X") == "admit" and stage.gate == ["open"]
    for number in range(bounds.ENTERED + 10):
        bounds.mark_entered(stage.controller.state, f"{number:016x}", number)
    assert len(stage.controller.state.entered) == bounds.ENTERED


# -------------------------------------------------------------- the first person of the day


def test_nobody_is_let_in_before_the_first_person() -> None:
    stage = Stage(lanes=lanes("A"), more='[opening]\nfirst_person = ["staff"]')
    assert stage.scan(stage.booking(1)) == "wait" and stage.because == "first_person"
    stage.wait(5)
    assert enter(stage, stage.badge()) == "admit"
    assert enter(stage, stage.booking(1)) == "admit"
    stage.wait(24 * 3600)
    assert stage.scan(stage.booking(2)) == "wait" and stage.because == "first_person"


def test_an_attendants_badge_opens_the_day_and_a_doubtful_clock_asks_the_rulebook() -> None:
    stage = Stage(more='[opening]\nfirst_person = ["staff"]')
    stage.scan(stage.badge())
    assert enter(stage, stage.booking(1)) == "admit"
    doubtful = Stage(more='[opening]\nfirst_person = ["staff"]\n[on_doubt]\nclock = "refuse"', trusted=False)
    doubtful.scan(doubtful.badge())
    assert doubtful.scan(doubtful.booking(1)) == "refuse"
    assert ("4.1", "clock_doubtful") in [(clause.clause, clause.because) for clause in doubtful.decision.clauses]


# -------------------------------------------------------------- schedules

BREAK = '[[hold]]\nspan = "12:00-12:30"\nweekdays = ["wednesday"]\n'


@pytest.mark.parametrize(
    ("day", "time", "answer"),
    [(1, "11:59", "admit"), (1, "12:00", "wait"), (1, "12:30", "admit"), (2, "12:15", "admit")],
)
def test_a_break_holds_the_entry_on_its_days(day: int, time: str, answer: str) -> None:
    wall = MORNING.replace(day=day, hour=int(time[:2]), minute=int(time[3:]))
    stage = Stage(wall=wall, more=BREAK)
    assert stage.scan(stage.booking(1)) == answer
    if answer == "wait":
        assert stage.decision.sign == "暂停进入 12:30恢复" and stage.decision.clauses[-1].clause == "3.1.5a"


def test_a_break_says_when_it_is_over_and_a_doubtful_clock_knows_of_none() -> None:
    late = '[[hold]]\nspan = "15:30-16:05"\n'
    stage = Stage(wall=MORNING.replace(hour=15, minute=45), more=late)
    assert stage.scan(stage.booking(1)) == "wait" and stage.decision.sign == "暂停进入 16:05恢复"
    doubtful = Stage(wall=MORNING.replace(hour=15, minute=45), more=late + '[on_doubt]\nclock = "admit"', trusted=False)
    doubtful.controller.state.rights.M = 5
    assert doubtful.scan(doubtful.booking(1)) == "admit"


def test_a_break_of_another_lane_or_date_is_none_and_exits_do_not_know_it() -> None:
    noon = MORNING.replace(hour=12)
    assert (stage := Stage(wall=noon, more='[[hold]]\nspan = "12:00-13:00"\nlanes = ["B"]')).scan(
        stage.booking()
    ) == "admit"
    dated = '[[hold]]\nspan = "12:00-13:00"\ndates = [2022-06-01]'
    assert (stage := Stage(wall=noon, more=dated)).scan(stage.booking()) == "wait"
    assert (stage := Stage(wall=noon, more=dated, direction="out")).scan(stage.booking()) == "admit"


def test_a_forgotten_hold_ends_at_its_time_and_an_isolation_does_not() -> None:
    stage = Stage(more='[[release]]\ntime = "10:30"')
    stage.do(events.CommandArrived(id="1", name="hold", issuer="hub", lane="A", body={"reason": "cleaning"}))
    stage.wait(29 * 60)
    assert stage.lane.state == "held"
    stage.wait(61)
    assert stage.lane.state == "idle"
    assert [record.issuer for record in stage.records if isinstance(record, CommandDone)] == ["hub", "schedule"]
    stage.lane.state, stage.lane.held_because = "held", "isolation"
    stage.wait(24 * 3600)
    assert stage.lane.state == "held"


def test_a_release_that_fell_into_a_power_cut_is_made_up_for_once() -> None:
    stage = Stage(more='[[release]]\ntime = "10:30"')
    stage.do(events.CommandArrived(id="1", name="hold", issuer="hub", lane="A"))
    stage.now += 3_600  # nobody wakes a device without power
    stage.start("boot-2")
    assert stage.lane.state == "idle"
    stage.do(events.CommandArrived(id="2", name="hold", issuer="hub", lane="A"))
    stage.wait(60)
    assert stage.lane.state == "held"


# -------------------------------------------------------------- posts and hours of the staff


@pytest.mark.parametrize(
    ("zones", "bands", "answer", "because"),
    [
        ((), (), "admit", ""),
        (("b1",), (), "admit", ""),
        (("b2",), (), "refuse", "other_zone"),
        (("b1", "b2"), ("09:00-12:00",), "admit", ""),
        ((), ("12:00-13:00",), "refuse", "outside_band"),
    ],
)
def test_a_badge_opens_where_and_when_its_holder_works(zones: Any, bands: Any, answer: str, because: str) -> None:
    stage = Stage(lanes=lanes("A", zone="b1"))
    assert stage.scan(stage.badge(zones=zones, bands=bands)) == answer
    assert not because or stage.because == because


@pytest.mark.parametrize(
    ("when", "answer"),
    [("09:14:59", "refuse"), ("09:15:00", "admit"), ("11:59:59", "admit"), ("12:00:00", "refuse"), ("13:30", "admit")],
)
def test_the_hours_of_a_post_to_the_second(when: str, answer: str) -> None:
    stage = Stage(lanes=lanes("A"), wall=dt.datetime.fromisoformat(f"2022-06-01T{when}").replace(tzinfo=ZONE))
    assert stage.scan(stage.badge(bands=("09:15-12:00", "13:30-13:31"))) == answer


def test_a_lane_that_leads_to_no_post_is_everybodys() -> None:
    stage = Stage(lanes=lanes("A"))
    assert stage.scan(stage.badge(zones=("b2",))) == "admit"


@pytest.mark.parametrize(("answer", "expected"), [("admit", "admit"), ("staff", "staff"), ("refuse", "refuse")])
def test_nobodys_hours_are_over_by_a_doubtful_clock(answer: str, expected: str) -> None:
    stage = Stage(lanes=lanes("A"), more=f'[on_doubt]\nclock = "{answer}"', trusted=False)
    stage.controller.state.rights.M = 5
    assert stage.scan(stage.badge(bands=("12:00-13:00",))) == expected
    assert "outside_band" not in [clause.because for clause in stage.decision.clauses]


# -------------------------------------------------------------- silent buttons


def test_who_does_not_feel_well_is_led_aside_and_nothing_shows_why() -> None:
    stage = Stage(lanes=lanes("A"), more='[class.cleaner]\nbooking="none"\nproof=[]')
    stage.contact("symptoms", True).contact("symptoms", False)
    assert stage.actions == [] and stage.alarms == []
    assert stage.scan(stage.badge()) == "staff" and stage.decision.clauses[0].because == "symptoms"
    assert stage.decision.clauses[0].clause == "3.1.4a"
    shown = " ".join(f"{order.zh}{order.en}" for order in stage.actions if isinstance(order, SignShow | VoiceSay))
    assert not any(word in shown for word in ("症状", "发热", "symptom", "unwell", "well"))
    stage.wait(5)
    assert stage.scan(stage.badge(901)) == "admit", "the next person pressed nothing"


def test_a_press_after_the_yes_takes_it_back_unless_somebody_is_in_the_passage() -> None:
    stage = Stage(lanes=lanes("A"))
    stage.scan(stage.badge())
    stage.contact("symptoms", True)
    assert stage.free == 5 and stage.alarms == ["symptoms"] and stage.gate == ["open", "close"]
    other = Stage(lanes=lanes("A"))
    other.scan(other.badge())
    other.do(events.PassageBlocked(lane="A", blocked=True))
    other.forget()
    other.contact("symptoms", True)
    assert other.actions == [] and other.alarms == []


def test_duress_is_silent_at_the_gate_and_on_record() -> None:
    stage = Stage()
    stage.contact("duress", True)
    assert stage.actions == [] and stage.alarms == ["duress"]
    stage.contact("duress", False)
    assert [record.active for record in stage.records if isinstance(record, Alarm)] == [True, False]


# -------------------------------------------------------------- the rulebook's own mistakes


def test_a_backward_break_is_refused_and_an_endless_one_is_pointed_at() -> None:
    with pytest.raises(Mistake, match="ends before it begins"):
        rulebook_file.parse(rulebook(more='[[hold]]\nspan = "13:00-12:00"'))
    endless = rulebook_file.parse(rulebook(more='[[hold]]\nspan = "00:00-24:00"'))
    assert [(found.severity, found.key) for found in complaints(endless)].count(("shut", "hold")) == 1
    nobody = rulebook_file.parse(rulebook(more='[opening]\nfirst_person = ["inspector"]'))
    assert [found.key for found in complaints(nobody) if found.severity == "warning"].count("opening.first_person") == 1


def test_the_hall_keeps_its_days_apart() -> None:
    sunday = rulebook_file.parse(rulebook(more='[[hold]]\nspan = "12:00-13:00"\nweekdays = ["sunday"]')).hold[0]
    assert [sunday.due_on(dt.date(2022, 6, day)) for day in (4, 5, 6)] == [False, True, False]


@pytest.mark.parametrize(("night", "hours"), [("2022-10-02", 7.5), ("2022-10-03", 8.5)])
def test_a_release_comes_at_its_time_also_on_the_day_that_lacks_an_hour(night: str, hours: float) -> None:
    sydney = zoneinfo.ZoneInfo("Australia/Sydney")
    stage = Stage(wall=dt.datetime.fromisoformat(f"{night}T00:30").replace(tzinfo=sydney))
    text = rulebook(serial=8, more='[[release]]\ntime = "09:00"\n').replace(b"Asia/Shanghai", b"Australia/Sydney")
    stage.do(events.RulebookLoaded(text=text, kid="k"))
    stage.do(events.CommandArrived(id="o1", name="hold", issuer="hub", lane="A"))
    stage.wait(hours * 3600 - 1)
    assert stage.lane.state == "held"
    stage.wait(2)
    assert stage.lane.state == "idle"
