"""Recorded days under other rules: who is answered otherwise, who still comes in, and what is only assumed."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from firmware import __main__ as command_line
from firmware import journal_entry
from firmware.core import events
from firmware.core.state import LaneSetup
from firmware.journal import Writer
from firmware.simulation import rehearsal_report
from firmware.simulation.rehearsal import Rehearsal
from tests.core.stage import rulebook
from tests.simulation.recorded import LANES, Recorded


def changes(done: Rehearsal) -> list[tuple[str, str, str, int]]:
    """(answer then, answer now, because now, how often)."""
    found = rehearsal_report.figures(done)["changes"]
    return [(e["then"]["answer"], e["now"]["answer"], e["now"]["because"], e["count"]) for e in found]


def figures(done: Rehearsal) -> dict[str, Any]:
    return rehearsal_report.figures(done)


# -------------------------------------------------------------- nothing changes


def test_the_same_rules_change_nothing() -> None:
    day = Recorded(limit=2, proof='"pcr"')
    for number in range(4):
        day.comes(day.booking(number), day.test(number))
    day.goes()
    day.comes(day.booking(2), day.test(2))
    day.comes(day.booking(1), day.test(1))
    done = day.under(limit=2, proof='"pcr"')
    found = figures(done)
    assert changes(done) == [] and found["assumed_passages"] == found["passages_that_fell_away"] == 0
    assert found["answers"]["then"] == found["answers"]["now"] == {"admit": 3, "refuse": 1, "wait": 2}
    assert found["peak"]["then"] == found["peak"]["now"] and found["waits"]["then"] == found["waits"]["now"]
    assert done.twin.state.rights.net_inside == day.controller.state.rights.net_inside


def test_a_day_on_which_nobody_came_has_no_empty_brackets() -> None:
    day = Recorded(limit=2, proof='"pcr"')
    day.wait(3600)
    shown = rehearsal_report.table(figures(day.under(limit=2, proof='"pcr"')), "en")
    assert "(then -)" in shown and "0 (-)" in shown and "()" not in shown


def test_the_twin_of_the_same_rules_puts_the_same_on_record() -> None:
    day = Recorded(limit=2)
    for number in range(5):
        day.comes(day.booking(number))
        day.press()
    day.scan(day.badge())
    day.press()
    day.goes()
    heard: list[Any] = []
    done = Rehearsal("door-1", rulebook(limit=2, serial=8))
    hears = done.twin.heard
    done.twin.heard = lambda records: (heard.extend(records), hears(records))  # type: ignore[assignment]
    for entry in day.entries:
        done.entry(entry)
    told = [(type(r).__name__, getattr(r, "answer", "")) for r in heard]
    assert told == [(type(r).__name__, getattr(r, "answer", "")) for entry in day.entries for r in entry.r]


# -------------------------------------------------------------- stricter


def test_who_is_refused_now_does_not_pass_and_leaves_nothing_behind() -> None:
    day = Recorded()
    day.comes(day.booking(1, slot=(-3, -0.2)))
    day.comes(day.booking(2))
    day.goes()
    day.goes()
    done = day.under(text=rulebook(serial=8).replace(b"late_minutes = 15", b"late_minutes = 5"))
    assert changes(done) == [("admit", "refuse", "late", 1)]
    found = figures(done)
    assert found["passages"] == {"then": 2, "now": 1} and found["passages_that_fell_away"] == 1
    assert done.twin.state.rights.net_inside == 0, "nobody leaves who never came in"
    assert found["not_admitted_by_clause"] == {"then": {}, "now": {"3.1.1a late": 1}}


def test_a_proof_nobody_asked_for_then_is_not_known_and_nobody_passes() -> None:
    day = Recorded()
    day.comes(day.booking(1))
    day.comes(day.booking(2), after=8)
    day.goes(60)
    done = day.under(proof='"pcr"')
    assert [(then, now) for then, now, _, _ in changes(done)] in (
        [("admit", "unknown"), ("admit", "staff")],
        [("admit", "staff"), ("admit", "unknown")],
    )
    assert figures(done)["passages"]["now"] == 0 and done.twin.state.rights.net_inside == 0


def test_a_lower_limit_makes_people_wait_and_lets_them_in_as_others_leave() -> None:
    day = Recorded(limit=3)
    for number in range(3):
        day.comes(day.booking(number))
    day.goes(600)
    day.goes()
    day.goes()
    done = day.under(limit=1)
    found = figures(done)
    assert changes(done) == [("admit", "wait", "hall_full", 2)]
    assert found["peak"]["then"]["inside"] == 3 and found["peak"]["now"]["inside"] == 1
    assert found["waits"]["then"]["people"] == 0 and found["waits"]["now"]["people"] == 2
    assert found["waits"]["now"]["longest_s"] > 500 and found["tries_assumed"] > 5
    assert found["changes"][0]["admitted_after_waiting"] >= 1


def test_who_is_early_by_new_rules_comes_when_the_slot_opens() -> None:
    day = Recorded()
    day.comes(day.booking(1, slot=(0.1, 1)))
    day.goes(3_600)
    done = day.under(text=rulebook(serial=8).replace(b"early_minutes = 10", b"early_minutes = 0"))
    assert changes(done) == [("admit", "wait", "early", 1)]
    found = figures(done)
    assert found["passages"]["now"] == 1 and found["assumed_passages"] == 1 and done.twin.state.rights.net_inside == 0


# -------------------------------------------------------------- looser


def test_who_is_let_in_now_passes_and_leaves_by_assumption() -> None:
    day = Recorded()
    day.comes(day.booking(1, slot=(-3, -0.5)))
    day.comes(day.booking(2))
    day.goes(1_000)
    day.wait(3_600)
    day.press()
    done = day.under(text=rulebook(serial=8).replace(b"late_minutes = 15", b"late_minutes = 60"))
    assert changes(done) == [("refuse", "admit", "in_order", 1)]
    found = figures(done)
    assert found["assumed_passages"] == 1 and found["passages"] == {"then": 1, "now": 2}
    assert done.twin.state.rights.net_inside == 0, "stays as long as the others"


def test_who_need_not_wait_any_more_does_not_come_twice() -> None:
    day = Recorded(limit=1)
    day.comes(day.booking(1))
    assert day.comes(day.booking(2)) == "wait"
    day.goes(300)
    assert day.comes(day.booking(2)) == "admit"
    day.goes(300)
    done = day.under(limit=5)
    found = figures(done)
    assert changes(done) == [("wait", "admit", "in_order", 1)]
    assert found["passages"] == {"then": 2, "now": 2} and found["waits"]["now"]["people"] == 0
    assert found["waits"]["then"] == {"people": 1, "let_in": 1, "median_s": 330, "longest_s": 330}
    assert done.twin.state.rights.net_inside == 0


def test_a_second_code_that_is_no_longer_asked_for_makes_no_second_answer() -> None:
    day = Recorded(proof='"pcr"')
    day.comes(day.booking(1), day.test(1, hours_old=100))
    day.comes(day.booking(2), day.test(2))
    done = day.under()
    assert changes(done) == [("staff", "admit", "in_order", 1)]
    assert figures(done)["passages"] == {"then": 1, "now": 2}


# -------------------------------------------------------------- the world goes on


def test_bodies_without_a_grant_are_counted_under_any_rules() -> None:
    day = Recorded()
    day.cross("in", "A")
    day.cross("out", "X")
    day.cross("in", "A")
    done = day.under(limit=0)
    assert done.twin.state.rights.net_inside == 1 and figures(done)["passages"] == {"then": 2, "now": 2}


def test_lanes_without_a_sensor_a_restart_and_a_fire_go_through() -> None:
    lanes = (LANES[0].__class__(name="A", direction="in", button=True), LANES[1])
    day = Recorded(lanes=lanes, limit=3)
    day.comes(day.booking(1))
    day.wait(5)
    day.start("boot-1")
    day.contact("fire_loop", False)
    day.contact("fire_loop", True)
    day.scan(day.badge())
    day.press(2.5)
    day.start("boot-2")
    done = day.under(limit=3)
    assert changes(done) == [] and done.twin.state.recount_needed == day.controller.state.recount_needed


def test_days_are_shifted_with_their_proofs() -> None:
    day = Recorded(proof='"pcr"')
    day.comes(day.booking(1), day.test(1))
    next_week = day.under(shift_s=7 * 86_400, proof='"pcr"')
    assert changes(next_week) == []
    weekend = day.under(shift_s=3 * 86_400, proof='"pcr"')
    assert changes(weekend) == [("admit", "refuse", "closed", 1)]


# -------------------------------------------------------------- the verb


@pytest.fixture
def state(tmp_path: Path) -> Path:
    day = Recorded()
    day.comes(day.booking(1, slot=(-3, -0.2)))
    day.comes(day.booking(2))
    folder, seq = tmp_path / "state", 1
    journal = Writer(folder, "door", lambda: day.controller.snapshot(), board="")
    for entry in day.entries:
        journal.append(journal_entry.encode(entry), seq, len(entry.r))
        seq += len(entry.r)
    journal.sync()
    journal.close()
    return folder


def rehearse(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = command_line.main(["rehearse", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def draft(folder: Path, text: bytes) -> str:
    (folder / "next.toml").write_bytes(text)
    return str(folder / "next.toml")


def test_the_verb_tells_whose_answer_changes(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = draft(tmp_path, rulebook(serial=8).replace(b"late_minutes = 15", b"late_minutes = 5"))
    code, out, _ = rehearse(capsys, "--rulebook", file, "--state", str(state), "--json")
    found = json.loads(out)
    assert (code, found["changed"]) == (0, 1)
    assert found["changes"][0]["now"] == {"answer": "refuse", "because": "late", "clause": "3.1.1a"}
    assert found["changes"][0]["examples"][0]["person"] == "person-1"
    for language, words in (("en", "1 answers change"), ("zh", "答复改变 1 次")):
        assert words in rehearse(capsys, "--lang", language, "--rulebook", file, "--state", str(state))[1]


def test_a_rulebook_that_held_on_none_of_the_days_says_how_to_shift_them(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later = rulebook(serial=8).replace(b"valid_from = 2022-05-22", b"valid_from = 2022-07-01")
    file = draft(tmp_path, later)
    code, _, told = rehearse(capsys, "--rulebook", file, "--state", str(state))
    assert code == 2 and "add --as-if-on 2022-07-01" in told
    code, out, _ = rehearse(capsys, "--rulebook", file, "--state", str(state), "--as-if-on", "2022-07-06", "--json")
    assert code == 0 and json.loads(out)["changed"] == 0


def test_behind_the_day_on_which_a_recording_is_rehearsed_there_are_days_for_the_rest_of_it() -> None:
    assert command_line.load("rehearse")._date("9999-12-31") + dt.timedelta(days=365) > dt.date(9000, 1, 1)


def test_a_wrong_draft_is_told_with_its_line(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = draft(tmp_path, rulebook(serial=8).replace(b"late_minutes", b"late_minuts"))
    code, _, told = rehearse(capsys, "--rulebook", file, "--state", str(state))
    assert code == 2 and "late_minuts" in told and "late_minutes" in told


def test_the_halls_own_stories_are_played_by_its_own_rulebook(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.story").write_text("09:30 Wang, booked 9:00-9:05, scans -> admit\n")
    file = draft(tmp_path, rulebook())
    code, out, _ = rehearse(capsys, "--rulebook", file, "--stories", str(tmp_path))
    assert code == 1 and "one.story:1: 09:30 Wang" in out and "the answer was refuse late" in out
    file = draft(tmp_path, rulebook().replace(b"late_minutes = 15", b"late_minutes = 30"))
    code, out, _ = rehearse(capsys, "--rulebook", file, "--stories", str(tmp_path), "--json")
    assert code == 0 and json.loads(out) == {"stories": 1, "differences": []}


# -------------------------------------------------------------- rounds (3.1.5a)

ROUND = '[rounds]\n[[rounds.point]]\nname = "toilets"\nevery_minutes = {every}\n'


def test_rounds_under_other_intervals_are_counted_with_the_signatures_that_were_given() -> None:
    day = Recorded(more=ROUND.format(every=120))
    for _ in range(3):
        day.wait(1.9 * 3600)
        day.do(events.CommandArrived(id=f"o{day.now}", name="sign_off", issuer="hub", body={"point": "toilets"}))
    day.wait(600)
    done = day.under(more=ROUND.format(every=60))
    found = figures(done)
    assert found["rounds"]["then"] == {"done": 3, "due": 3}
    assert found["rounds"]["now"] == {"amber": 3, "done": 3, "due": 3, "red": 3}
    assert "消毒 严重超时" in rehearsal_report.table(found, "zh")


# -------------------------------------------------------------- air and supplies (3.1.5c, 3.1.6)

AIR = "[air]\nalarm_ppm = {alarm}\nhold_ppm = {hold}\n"
GEL = '[supplies]\n[[supplies.item]]\nname = "gel"\nlane = "A"\nfull_units = 10\nlow_units = {low}\n'


def test_air_and_supplies_under_other_numbers_are_alarms_and_pauses() -> None:
    entry = LaneSetup(name="A", direction="in", passage_sensor=True, button=True, air=True)
    day = Recorded(lanes=(entry, LANES[1]), more=AIR.format(alarm=1000, hold=0) + GEL.format(low=2))
    for number, co2_ppm in enumerate((600, 1300, 800, 1100, 700)):
        day.do(events.AirRead(lane="A", co2_ppm=co2_ppm), after=60)
        day.comes(day.booking(number))
    for _ in range(5):
        day.contact("dispenser", True).wait(0.3)
        day.contact("dispenser", False).wait(0.3)
    found = figures(day.under(more=AIR.format(alarm=1200, hold=1250) + GEL.format(low=5)))
    assert found["alarms"] == {"then": {"air": 2}, "now": {"air": 1, "supply_low": 1}}
    assert found["not_admitted_by_clause"] == {"then": {}, "now": {"3.1.5c air_bad": 1}}
    shown = rehearsal_report.table(found, "zh").splitlines()
    assert [line.split()[-3:] for line in shown if "报警" in line] == [
        ["空气质量", "2", "1"],
        ["防疫物资不足", "0", "1"],
    ]
