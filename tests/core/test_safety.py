"""Nobody is held in, and what an attendant can do with no network."""

from __future__ import annotations

import pytest

from firmware.core import events
from firmware.core.records import Alarm, CommandDone
from tests.core.stage import Stage


def test_a_cut_fire_loop_opens_every_lane_and_says_leave() -> None:
    stage = Stage()
    stage.contact("fire_loop", False)
    assert stage.gate == ["free"]
    assert stage.signs == ["紧急疏散 由此离开"]
    assert (stage.lane.state, stage.alarms) == ("evacuated", ["fire"])
    assert stage.scan(stage.booking(1)) == "nothing"


def test_only_a_named_local_reset_ends_it_and_only_with_the_loop_closed() -> None:
    stage = Stage()
    stage.contact("fire_loop", False)
    stage.contact("fire_loop", True)
    stage.do(events.CommandArrived(id="1", name="release", issuer="hub", lane="A"))
    assert stage.lane.state == "evacuated"
    stage.press(3)
    assert stage.lane.state == "evacuated", "a press without a badge names nobody"
    stage.lane.badge, stage.lane.badge_until_ms = "anna", int(stage.now * 1000) + 10_000
    stage.press(3)
    assert (stage.lane.state, stage.gate[-1]) == ("idle", "close")
    assert stage.scan(stage.booking(1)) == "wait", "after an uncontrolled opening entry is held until a recount"


def test_no_reset_while_the_loop_is_open() -> None:
    stage = Stage()
    stage.contact("fire_loop", False)
    stage.lane.badge, stage.lane.badge_until_ms = "anna", int(stage.now * 1000) + 10_000
    stage.press(3)
    assert stage.lane.state == "evacuated"


def test_an_evacuation_survives_a_restart() -> None:
    stage = Stage()
    stage.do(events.CommandArrived(id="1", name="evacuate", issuer="hub"))
    stage.forget()
    stage.start()
    assert (stage.gate, stage.lane.state) == (["free"], "evacuated")


def test_exits_run_while_entry_is_held_for_a_recount() -> None:
    stage = Stage(direction="both", limit=5)
    stage.scan(stage.booking(1))
    stage.cross()
    stage.start(boot="boot-2")
    assert stage.alarms[-2:] == ["power_loss", "recount_needed"]
    assert stage.scan(stage.booking(2)) == "wait"
    assert stage.because == "recount"
    stage.forget()
    stage.press()
    assert stage.gate == ["open"]
    stage.cross("out")
    stage.do(events.CommandArrived(id="r", name="recount", issuer="hub", body={"inside": 0}))
    assert stage.wait(5).scan(stage.booking(3)) == "admit"


def test_an_attendant_lets_in_where_somebody_asked_to_leave_and_did_not_come() -> None:
    """Not while the gate still stands open to them, nor with a body in the passage."""
    stage = Stage(direction="both", limit=5)

    def let_in() -> str:
        stage.scan(stage.badge())
        stage.press()
        assert stage.lane.grant is not None
        return f"{stage.lane.grant.way} {stage.gate.count('open')}"

    stage.press()
    assert let_in() == "out 2", "the gate is theirs"
    stage.wait(1)
    assert (let_in(), stage.free) == ("in 3", 4)
    stage.wait(11).press()
    stage.wait(1).do(events.PassageBlocked(lane="A", blocked=True))
    assert let_in() == "out 5", "the gate had shut before the body in it"
    stage.cross("out")
    assert [passage.direction for passage in stage.passages] == ["out"]


def ended(stage: Stage) -> list[tuple[str, str | None]]:
    return [(each.alarm, each.lane) for each in stage.records if isinstance(each, Alarm) and not each.active]


@pytest.mark.parametrize(
    ("read_before_s", "held_s", "acts"), [(9, 3, True), (1, 20, True), (11, 3, False), (1, 31, False), (-28, 31, True)]
)
def test_a_press_that_began_within_the_badges_time_has_its_power(
    read_before_s: float, held_s: float, acts: bool
) -> None:
    """A rulebook may ask for presses of 20 s, and a badge is good for ten. What leans on the button longer is no press."""
    stage = Stage()
    if read_before_s > 0:
        stage.scan(stage.badge())
        stage.wait(read_before_s).press(held_s)
    else:
        stage.contact("button", True).wait(-read_before_s)
        stage.scan(stage.badge())
        stage.wait(held_s + read_before_s).contact("button", False)
    assert (stage.lane.state == "held") == acts
    assert ("button_without_badge" in stage.alarms) != acts


def test_a_restart_ends_what_was_told_of_a_lane_and_what_holds_is_told_again() -> None:
    """Else a leaf that was shut meanwhile would be held open for ever, to whoever hears the alarms only."""
    stage = Stage()
    stage.contact("door", False).wait(20)
    stage.do(events.BoardTold(what="standstill", active=True)).do(events.BoardTold(what="overheated", active=True))
    assert stage.controller.state.alarms == [("forced", "A"), ("standstill", ""), ("overheated", "")]
    stage.start()
    assert ended(stage) == [("forced", "A"), ("standstill", None)]
    assert stage.controller.state.alarms == [("overheated", "")]
    stage.contact("door", False).wait(20)
    assert ("forced", "A") in stage.controller.state.alarms


def test_a_restart_believes_its_disk_and_its_clock_until_it_finds_otherwise() -> None:
    """The picture that begins a journal which could not be written says so, and whoever starts from it would for ever."""
    stage = Stage()
    stage.trusted = False
    stage.do(events.ClockChecked(because="the clock is before the last recorded time"))
    stage.do(events.JournalState(writable=False))
    assert stage.controller.state.alarms == [("clock", ""), ("journal", "")]
    stage.trusted = True
    stage.start()
    assert ended(stage) == [("clock", None), ("journal", None)] and stage.controller.state.alarms == []
    assert stage.scan(stage.booking()) == "admit"


def test_a_fire_stands_over_a_restart_until_its_reset_and_ends_at_its_lane() -> None:
    stage = Stage()
    stage.contact("fire_loop", False)
    stage.start()
    assert stage.controller.state.alarms[0] == ("fire", "A") and ended(stage) == []
    stage.contact("fire_loop", True)
    stage.scan(stage.badge())
    stage.press(3)
    assert ended(stage) == [("fire", "A")] and stage.controller.state.alarms == [("recount_needed", "")]


def test_a_restart_is_no_power_loss_and_an_open_grant_counts_as_used() -> None:
    stage = Stage(limit=2)
    stage.scan(stage.booking(1))
    stage.forget()
    stage.start()
    assert (stage.free, stage.lane.state) == (1, "idle")
    assert [(p.assumed, p.direction) for p in stage.passages] == [(True, "in")]
    assert stage.wait(4).scan(stage.booking(1)) == "refuse"
    assert stage.because == "used"


def test_nothing_opens_at_a_start() -> None:
    stage = Stage()
    stage.start()
    assert stage.gate == []


def test_badge_and_button_open_hold_and_release() -> None:
    stage = Stage(limit=2)
    assert stage.scan(stage.badge()) == "nothing"
    stage.press()
    assert (stage.gate, stage.free) == (["open"], 1)
    stage.cross()
    stage.scan(stage.badge())
    stage.press(3)
    assert stage.lane.state == "held"
    assert stage.scan(stage.booking(1)) == "wait"
    stage.scan(stage.badge(901))
    stage.press(3)
    assert stage.lane.state == "idle"
    names = [(r.name, r.result) for r in stage.records if isinstance(r, CommandDone)]
    assert names == [("open_once", "done"), ("hold", "done"), ("release", "done")]


@pytest.mark.parametrize("closed", ["held", "full"])
def test_a_badge_at_a_lane_for_both_ways_takes_the_way_out_from_nobody(closed: str) -> None:
    """It names the button for some seconds; who presses it then to leave is no less let out than before."""
    stage = Stage(direction="both", limit=0 if closed == "full" else 5)
    stage.scan(stage.badge())
    if closed == "held":
        stage.press(3)
        assert stage.lane.state == "held"
    stage.press()
    assert (stage.gate, stage.because) == (["open"], "exit_by_button")
    assert stage.lane.grant is not None and stage.lane.grant.way == "out"
    command = [record for record in stage.records if isinstance(record, CommandDone)][-1]
    assert (command.name, command.result) == ("open_once", "refused")


def test_a_second_press_takes_the_entry_from_nobody_who_was_just_let_in() -> None:
    stage = Stage(direction="both", limit=5)
    stage.scan(stage.badge())
    stage.press(0.1).press(0.1)
    assert stage.lane.grant is not None and stage.lane.grant.way == "in"


def test_a_button_without_a_badge_opens_no_entry() -> None:
    stage = Stage()
    stage.press()
    assert (stage.gate, stage.alarms) == ([], ["button_without_badge"])


@pytest.mark.parametrize("change", [{"expires_s": 1}, {"hall": "elsewhere"}, {"revoked": True}])
def test_a_bad_badge_is_none(change: dict[str, object]) -> None:
    stage = Stage()
    assert stage.scan(stage.badge(**change)) == "refuse"
    stage.press()
    assert stage.gate == []


def test_an_attendant_cannot_put_the_hall_over_its_limit() -> None:
    stage = Stage(limit=0)
    stage.scan(stage.badge())
    stage.press()
    assert stage.gate == []


def test_the_person_confirmed_has_used_the_code() -> None:
    stage = Stage(proof='"pcr"')
    assert stage.scan(stage.booking(1)) == "wait"
    stage.scan(stage.badge())
    stage.press()
    stage.cross()
    assert f"{1:016x}" in stage.controller.state.used


def test_the_responders_key_opens_both_ways_and_counts() -> None:
    stage = Stage(limit=5)
    stage.contact("release_key", True)
    assert stage.gate == ["free"]
    stage.cross()
    assert (stage.free, "tailgate" in stage.alarms) == (4, False)
    stage.contact("release_key", False)
    assert stage.gate[-1] == "close"


def test_no_pulse_of_a_permit_ends_what_the_responders_hold_open() -> None:
    stage = Stage()
    assert stage.scan(stage.booking(1, party=2)) == "admit"
    stage.contact("release_key", True)
    stage.cross()
    assert stage.gate == ["open", "free"]


@pytest.mark.parametrize("turned_first", [True, False])
def test_the_end_of_an_evacuation_shuts_no_lane_that_the_responders_key_holds(turned_first: bool) -> None:
    stage = Stage()
    order = events.CommandArrived(id="o1", name="evacuate", issuer="hub", body={})
    for event in (None, order) if turned_first else (order, None):
        stage.do(event) if event else stage.contact("release_key", True)
    stage.scan(stage.badge())
    stage.forget()
    stage.press(3)
    assert stage.gate == [] and stage.controller.state.evacuated_by == "", "reset, and still open for them"
    stage.contact("release_key", False)
    assert stage.gate == ["close"]


@pytest.mark.parametrize("by", ["badge", "key", "badge in the evacuation"])
def test_the_alarm_of_responders_ends_with_their_lane_also_where_an_evacuation_came_between(by: str) -> None:
    stage, badge = Stage(), Stage().booking(950, key_kind="staff", person_class="responder")
    order = events.CommandArrived(id="o1", name="evacuate", issuer="hub", body={})
    if by == "key":
        stage.contact("release_key", True).do(order)
        stage.contact("release_key", False)
    elif by == "badge":
        stage.scan(badge)
        stage.do(order)
    else:
        stage.do(order)
        stage.scan(badge)
    stage.scan(stage.badge())
    stage.press(3)
    told = [each.active for each in stage.records if isinstance(each, Alarm) and each.alarm == "responder"]
    assert told == [True, False] and not stage.lane.freed


def test_a_badge_takes_no_lane_from_the_key_and_a_key_that_was_never_turned_none_from_a_badge() -> None:
    stage, badge = Stage(), Stage().booking(950, key_kind="staff", person_class="responder")
    stage.contact("release_key", True).scan(badge)
    stage.wait(400)
    assert stage.gate == ["free"] and stage.lane.freed, "a badge's time is over, the key is turned"
    stage = Stage()
    stage.scan(badge)
    stage.contact("release_key", False)
    assert stage.gate == ["free"] and stage.lane.freed, "the key's contact says again that it is not turned"


def test_a_withdrawn_badge_ends_no_evacuation() -> None:
    stage = Stage()
    stage.do(events.CommandArrived(id="o1", name="evacuate", issuer="hub", body={}))
    stage.scan(stage.badge(revoked=True))
    stage.press(3)
    assert stage.controller.state.evacuated_by


def test_a_forced_and_a_held_open_leaf() -> None:
    stage = Stage()
    stage.contact("door", False).wait(0.5)
    assert stage.alarms == ["forced"]
    stage.contact("door", True)
    stage.scan(stage.booking(1))
    stage.contact("door", False)
    stage.wait(10).contact("door", False)  # the same news again
    stage.wait(6)
    assert stage.alarms == ["forced", "held_open"]


def test_a_full_journal_takes_back_what_it_could_not_record() -> None:
    stage = Stage(limit=2)
    stage.scan(stage.booking(1))
    stage.do(events.JournalState(writable=False, because="disk full", withheld=("A",)))
    assert (stage.free, stage.lane.state) == (2, "timed_out")
    assert stage.wait(4).scan(stage.booking(2)) == "refuse"
    stage.do(events.JournalState(writable=True))
    assert stage.wait(4).scan(stage.booking(2)) == "admit"


@pytest.mark.parametrize("name", ["unheard", "open_once"])
def test_orders_that_cannot_be_done_are_refused_aloud(name: str) -> None:
    stage = Stage()
    stage.do(events.CommandArrived(id="1", name=name, issuer="hub", lane="Z"))
    assert [(r.result, r.because) for r in stage.records if isinstance(r, CommandDone)][0][0] == "refused"
