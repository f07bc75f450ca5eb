"""3.1.3b, c: who stands too close and for how long, what is said of it and how seldom, and what lingers behind the gate."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core import events, queue
from firmware.core.actions import GateOpen, SignShow, VoiceSay
from firmware.core.controller import Controller
from firmware.core.records import Alarm
from firmware.core.state import LaneSetup
from firmware.errors import Mistake
from firmware.rulebook.book import parse
from firmware.rulebook.contradictions import complaints
from tests.core.queues import LANES, alarms, behind, hall, said, sees
from tests.core.stage import ZONE, Stage, rulebook

# -------------------------------------------------------------- the pace of the entry


@pytest.mark.parametrize(
    ("party", "helper", "links", "answer"),
    [
        (1, False, [1_999], "wait"),
        (1, False, [2_000], "admit"),
        (2, False, [400], "admit"),
        (1, True, [400], "admit"),
        (3, False, [400, 500], "admit"),
        (3, False, [400, 500, 2_100], "admit"),
        (2, False, [400, 500], "wait"),
        (2, True, [400, 500, 1_500], "wait"),
    ],
)
def test_the_party_is_the_unit(party: int, helper: bool, links: list[int], answer: str) -> None:
    stage = sees(hall(), *links)
    assert stage.scan(stage.booking(1, party=party, helper=helper)) == answer


def test_a_sensor_that_knows_only_the_smallest_gap() -> None:
    stage = hall()
    stage.do(events.SpacingSeen(lane="A", persons=2, gap_mm=500))
    assert stage.scan(stage.booking(1)) == "wait" and stage.because == "too_close"
    assert stage.scan(stage.booking(2, party=2)) == "admit"


def test_a_family_that_was_told_to_wait_does_not_keep_others_out() -> None:
    stage = hall(more="dwell_seconds = 0")
    stage.controller.state.rights.B += 49
    sees(stage, 400, 450, 2_500)
    assert stage.scan(stage.booking(1, party=3)) == "wait" and stage.because == "hall_full"
    assert stage.scan(stage.booking(2)) == "admit"
    sees(stage, 400, 450, 1_500)
    stage.wait(30)
    assert stage.scan(stage.booking(3)) == "wait"


def test_a_family_that_comes_again_excuses_no_second_family() -> None:
    """It waits and it asks: its three bodies are the same three."""
    stage = hall(more="dwell_seconds = 0")
    stage.controller.state.rights.B += 49
    sees(stage, 400, 450)
    assert stage.scan(stage.booking(1, party=3)) == "wait" and stage.because == "hall_full"
    stage.controller.state.rights.B -= 49
    sees(stage, 400, 450, 400, 450)
    stage.wait(3)
    assert stage.scan(stage.booking(1, party=3)) == "wait" and stage.because == "too_close"


def test_the_party_that_has_just_come_in_is_no_crowd() -> None:
    stage = hall().wait(20)
    assert stage.scan(stage.booking(1, party=2)) == "admit"
    stage.cross().cross()
    sees(stage, 500, 2_400)
    assert stage.scan(stage.booking(2)) == "admit"
    stage.cross().wait(15)
    assert stage.scan(stage.booking(3)) == "wait", "two strangers who stay that close are two strangers"


def test_one_who_has_just_come_in_excuses_nobody() -> None:
    stage = hall()
    assert stage.scan(stage.booking(1)) == "admit"
    sees(stage.cross(), 500)
    assert stage.scan(stage.booking(2)) == "wait" and stage.because == "too_close"


def test_a_party_whose_passage_was_assumed_is_no_crowd_either() -> None:
    stage = Stage(lanes=(LaneSetup(name="A", direction="in", range_sensor=True),), limit=50)
    assert stage.scan(stage.booking(1, party=2)) == "admit"
    sees(stage.wait(2), 500)
    assert stage.scan(stage.booking(2)) == "admit"


def test_a_party_that_came_in_a_while_ago_excuses_nobody_who_stands_there_now() -> None:
    """Nothing else happens at this door: it wakes by itself when the party is out of sight."""
    stage = hall()
    assert stage.scan(stage.booking(1, party=2)) == "admit"
    sees(stage.cross().cross(), 500).wait(9)
    assert stage.lane.close_since_ms is None
    stage.wait(2)
    assert stage.lane.close_since_ms is not None
    stage.wait(10)
    assert len(said(stage, "keep_distance")) == 1
    assert stage.scan(stage.booking(2)) == "wait" and stage.because == "too_close"


def test_who_stands_close_behind_the_gate_is_not_taken_for_the_queue() -> None:
    stage = sees(hall(), 500, zone="hall")
    assert stage.scan(stage.booking(1)) == "admit"


def test_where_nobody_measures_the_interval_paces() -> None:
    for broken in (False, True):
        stage = Stage(
            lanes=(LaneSetup(name="A", direction="in", range_sensor=broken, passage_sensor=True),),
            interval=3_000, limit=9, more='[on_doubt]\nsensor_missing = "admit"',
        )  # fmt: skip
        if broken:
            stage.do(events.DeviceHealth(lane="A", device="range", state="silent"))
        stage.scan(stage.booking(1))
        stage.cross().wait(2.9)
        assert stage.scan(stage.booking(2)) == "wait" and stage.because == "too_soon"
        stage.wait(0.2)
        assert stage.scan(stage.booking(2)) == "admit"


@pytest.mark.parametrize("answer", ["refuse", "staff"])
@pytest.mark.parametrize("device", ["range", "behind"])
def test_a_silent_sensor_is_a_doubt_and_ends(device: str, answer: str) -> None:
    stage = Stage(lanes=LANES, dense=3, more=f'[on_doubt]\nsensor_missing = "{answer}"')
    stage.do(events.DeviceHealth(lane="A", device=device, state="silent"))
    assert stage.scan(stage.booking(1)) == answer
    assert stage.because == {"range": "spacing_not_measured", "behind": "density_not_measured"}[device]
    stage.do(events.DeviceHealth(lane="A", device=device, state="ok"), after=4)
    assert stage.scan(stage.booking(1)) == "admit"


def test_where_the_rulebook_admits_in_doubt_a_blind_sensor_leaves_the_interval() -> None:
    stage = Stage(lanes=LANES, interval=60_000, more='[on_doubt]\nsensor_missing = "admit"')
    stage.do(events.DeviceHealth(lane="A", device="range", state="silent"))
    assert stage.scan(stage.booking(1)) == "admit"
    stage.cross().wait(6)
    assert stage.scan(stage.booking(2)) == "wait" and stage.because == "too_soon"


def test_a_blind_sensor_behind_the_gate_is_no_doubt_where_nobody_asks_it() -> None:
    for flow, answer in (("", "admit"), ("dwell_seconds = 60\n", "staff")):
        stage = Stage(lanes=LANES)
        book = rulebook(serial=8).replace(b"[flow]\n", b"[flow]\n" + flow.encode())
        stage.do(events.RulebookLoaded(text=book, kid="k"))
        stage.do(events.DeviceHealth(lane="A", device="behind", state="silent"))
        assert stage.scan(stage.booking(1)) == answer


def test_patience_is_off_unless_the_rulebook_has_some() -> None:
    for seconds, answer in ((0, "wait"), (20, "admit")):
        stage = sees(spaced(f"patience_seconds = {seconds}").wait(600), 900)
        stage.wait(19)
        assert stage.scan(stage.booking(1)) == "wait"
        stage.wait(2)
        assert stage.scan(stage.booking(1)) == answer
        assert any(clause.because == "too_close" for clause in stage.decision.clauses)


def spaced(keys: str, **changes: Any) -> Stage:
    """A stage whose `[spacing]` has more keys."""
    stage = Stage(lanes=LANES, limit=50, serial=6, **changes)
    text = rulebook(limit=50, serial=8, **changes).decode().replace("[spacing]\n", f"[spacing]\n{keys}\n")
    stage.do(events.RulebookLoaded(text=text.encode(), kid="k"))
    stage.forget()
    return stage


def test_an_exit_is_never_paced_nor_asked_for_distance() -> None:
    stage = sees(hall(), 300, 300, lane="X")
    stage.scan(stage.booking(1), "X")
    assert any(isinstance(order, GateOpen) and order.lane == "X" for order in stage.actions)
    stage.wait(600)
    assert said(stage, "keep_distance") == [] and alarms(stage, "too_close") == []


# -------------------------------------------------------------- asked aloud, seldom and not loud


def test_too_close_for_too_long_is_asked_aloud_with_a_cool_down() -> None:
    stage = sees(spaced("close_seconds = 10\nvoice_cooldown_seconds = 60\nvolume_percent = 40").wait(5), 900)
    stage.wait(9.9)
    assert said(stage, "keep_distance") == []
    stage.wait(0.2)
    assert [order.volume_percent for order in said(stage, "keep_distance")] == [40]
    stage.wait(59)
    assert len(said(stage, "keep_distance")) == 1
    stage.wait(2)
    assert len(said(stage, "keep_distance")) == 2 and alarms(stage, "too_close") == [True, True]
    sees(stage, 2_500)
    assert alarms(stage, "too_close") == [True, True, False]
    told = [record.detail for record in stage.records if isinstance(record, Alarm)]
    assert told == ["for 10 s", "for 70 s", "lasted 71 s"]
    stage.wait(600)
    assert len(said(stage, "keep_distance")) == 2


def test_who_is_close_for_a_moment_is_left_alone() -> None:
    stage = hall()
    for _ in range(20):
        sees(stage, 900).wait(9)
        sees(stage, 2_500).wait(1)
    assert said(stage, "keep_distance") == [] and stage.records == []


def test_quiet_hours_are_quiet_and_the_sign_still_asks() -> None:
    stage = sees(spaced('quiet = ["09:30-12:00"]'), 900)
    stage.wait(15)
    assert said(stage, "keep_distance") == [] and alarms(stage, "too_close") == [True]
    assert [order.zh for order in stage.actions if isinstance(order, SignShow)] == ["请保持二米间距"]


@pytest.mark.parametrize(
    ("quiet", "trusted", "asked"),
    [
        (["10:10-10:30"], True, 0),
        (["08:00-09:00", "10:20-10:21"], True, 0),  # the second span, from its first minute
        (["09:00-10:20"], True, 1),  # its last minute is over
        (["10:10-10:30"], False, 1),  # nobody knows what time it is
    ],
)
def test_when_it_is_quiet(quiet: list[str], trusted: bool, asked: int) -> None:
    spans = ", ".join(f'"{span}"' for span in quiet)
    stage = spaced(f"quiet = [{spans}]", wall=dt.datetime(2022, 6, 1, 10, 20, tzinfo=ZONE))
    stage.trusted = trusted
    sees(stage, 900).wait(15)
    assert len(said(stage, "keep_distance")) == asked


def test_the_sign_goes_on_showing_somebodys_answer() -> None:
    stage = hall()
    stage.controller.state.rights.B += 50
    sees(stage, 900).wait(8)
    stage.scan(stage.booking(1))
    stage.forget()
    stage.wait(3)
    assert len(said(stage, "keep_distance")) == 1 and stage.signs == []


def test_the_cap_is_over_every_voice_but_the_evacuation() -> None:
    stage = spaced("volume_percent = 30")
    stage.scan(stage.booking(1))
    stage.contact("fire_loop", False)
    volumes = {order.phrase: order.volume_percent for order in stage.actions if isinstance(order, VoiceSay)}
    assert volumes == {"admit": 30, "evacuate": 70}


def test_a_fire_silences_it_and_a_broken_sensor_ends_it() -> None:
    for end in (
        lambda stage: stage.contact("fire_loop", False),
        lambda stage: stage.do(events.DeviceHealth(lane="A", device="range", state="silent")),
    ):
        stage = sees(hall(), 900)
        end(stage.wait(5))
        stage.wait(300)
        assert said(stage, "keep_distance") == [] and stage.lane.close_since_ms is None


# -------------------------------------------------------------- what is reported


def test_how_long_too_close_today() -> None:
    stage = hall()
    for seconds in (5, 20):
        sees(stage, 900).wait(seconds)
        sees(stage, 2_500).wait(60)
    day = stage.controller.state.spacing_days["A"]
    assert (day.day, day.too_close_ms, day.times, day.longest_ms) == ("2022-06-01", 25_000, 2, 20_000)
    assert queue.spacing_today(int(stage.now * 1000), stage.lane, day, "2022-06-01") == (25, 2)
    sees(stage, 900).wait(7)
    now_ms = int(stage.now * 1000)
    assert queue.spacing_today(now_ms, stage.lane, day, "2022-06-01") == (32, 3)
    assert queue.spacing_today(now_ms, stage.lane, day, "2022-06-02") == (7, 1)
    assert alarms(stage, "too_close") == [True, False], "five seconds are no report"


def test_a_new_day_counts_anew_and_a_restart_keeps_the_day() -> None:
    stage = hall()
    sees(stage, 900).wait(5)
    sees(stage, 2_500)
    stage.controller = Controller.restore(stage.controller.snapshot(), lambda _name: ZONE)
    stage.start()
    assert stage.controller.state.spacing_days["A"].times == 1
    stage.trusted = False
    stage.wait(20 * 3600)
    sees(stage, 900).wait(5)
    sees(stage, 2_500)
    assert stage.controller.state.spacing_days["A"].times == 2, "a doubtful clock begins no day"
    stage.trusted = True
    sees(stage, 900).wait(5)
    sees(stage, 2_500)
    assert stage.controller.state.spacing_days["A"].times == 1


def test_a_whole_day_of_a_bad_queue_does_not_fill_the_card() -> None:
    stage = hall(more="dwell_seconds = 5\ndwell_persons = 2", dense=4)
    for turn in range(1_200):
        sees(stage, *([700] * (1 + turn % 3)), 2_400).wait(11)
        behind(stage, 5 * (turn % 2)).wait(10)
        sees(stage, 2_500).wait(4)
    minutes = 1_200 * 25 / 60
    assert len(stage.records) <= 4 * minutes + 10


# -------------------------------------------------------------- the wait that is shown


def test_people_ahead_and_the_expected_wait_are_shown() -> None:
    stage = hall()
    stage.controller.state.rights.B += 50
    for number in (1, 2):
        assert stage.scan(stage.booking(number)) == "wait"
    assert stage.signs[-1] == "前面1人 约2分钟"
    stage.wait(4)
    for number, sign in ((1, "大厅人数已满 请稍候"), (2, "前面1人 约2分钟")):
        assert stage.scan(stage.booking(number)) == "wait"
        assert stage.signs[-1] == sign, "nobody stands ahead of themselves"


def test_two_who_come_without_a_booking_are_two_people_by_their_reports() -> None:
    stage = hall(booking="optional", walk_in="true", proof='"pcr"')
    stage.controller.state.rights.B += 50
    for number in (1, 2):
        assert stage.scan(stage.test(number)) == "wait" and stage.because == "hall_full"
    assert stage.signs[-1] == "前面1人 约2分钟"


@pytest.mark.parametrize(("estimate_s", "minutes"), [(180, 6), (5, 1)])
def test_before_anybody_was_seen_coming_in_the_rulebook_says_how_long_one_takes(estimate_s: int, minutes: int) -> None:
    stage = hall(more=f"wait_estimate_seconds = {estimate_s}")
    stage.controller.state.rights.B += 50
    for number in (1, 2):
        assert stage.scan(stage.booking(number)) == "wait"
    assert stage.signs[-1] == f"前面1人 约{minutes}分钟"


# -------------------------------------------------------------- anything a sensor may say


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["queue", "hall"]),
            st.integers(-5, 50),
            st.none() | st.integers(-(10**6), 10**9),
            st.lists(st.integers(-(10**6), 10**9), max_size=30),
            st.floats(0, 40),
        ),
        max_size=25,
    )
)
def test_whatever_the_sensor_says(told: list[tuple[Any, int, int | None, list[int], float]]) -> None:
    stage = hall(more="dwell_seconds = 7\ndwell_persons = 2", dense=3)
    for zone, persons, gap, links, seconds in told:
        stage.do(events.SpacingSeen(lane="A", persons=persons, gap_mm=gap, zone=zone, links_mm=tuple(links)))
        assert stage.scan(stage.booking(1)) in ("admit", "wait", "nothing")
        stage.wait(seconds)
        assert stage.scan(stage.booking(2), "X") in ("admit", "nothing")
    voices = [order for order in stage.actions if isinstance(order, VoiceSay) and order.phrase == "keep_distance"]
    assert len(voices) <= stage.now / 60 + 1


@pytest.mark.parametrize(
    ("keys", "warned"),
    [
        ("", []),
        ("acknowledge_seconds = 3600", ["isolation.report_minutes"]),
        ("report_minutes = 90", ["isolation.sign_off_minutes"]),
    ],
)
def test_deadlines_that_stand_in_the_wrong_order_are_told(keys: str, warned: list[str]) -> None:
    found = complaints(parse(rulebook(more=f"[isolation]\n{keys}")))
    assert [one.key for one in found if one.key.startswith("isolation")] == warned


WRONG = (
    "[spacing]\nvolume_percent = 101",
    '[spacing]\nquiet = ["9-10"]',
    "[flow]\ndwell_persons = 0",
    "[isolation]\nreport_minutes = 0",
    '[isolation]\nhold_upstream = ["a b"]',
    "[isolation]\nreport_hours = 1",
)


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_numbers_are_mistakes(wrong: str) -> None:
    text = (
        rulebook()
        .decode()
        .replace("[flow]\ndensity_persons_max = 0\n", "")
        .replace("[spacing]\nrelease_interval_ms = 0\n", "")
    )
    parse(text.encode())
    with pytest.raises(Mistake):
        parse(f"{text}\n{wrong}\n".encode())
