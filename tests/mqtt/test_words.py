"""Every reason and every alarm that the code can give has a word in both languages, on the page and in the terminal."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from firmware.core import access, ventilation
from firmware.core.alarms import ONCE
from firmware.core.events import BoardTold
from firmware.simulation.stories import player
from firmware.simulation.stories.player import Played
from mqtt.alarms import ALARMS
from mqtt.words import WORDS
from tests.stories import PLAN, stories

ROOT = Path(__file__).parents[2]
PURE = [*(ROOT / "firmware/core").glob("*.py"), *(ROOT / "firmware/rules").glob("*.py")]
WORD = re.compile(r"[a-z][a-z0-9_]+")


ELSEWHERE = {
    "TOLD[verdict.because]": access.TOLD.values(),
    "ALARMS[role]": ventilation.ALARMS.values(),
    "event.what": get_args(get_type_hints(BoardTold)["what"]),
    "lane.door_alarm": ("forced", "held_open"),
    "lane.crowd": ("dense", "loitering"),
    "crowd": ("dense", "loitering"),
    "what": (),  # the end of whichever stands: core/alarms.py
}
"""Alarms whose name does not stand where they are raised: what stands there, and which they are."""


def calls(name: str) -> Iterator[ast.Call]:
    for path in PURE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and name in (getattr(node.func, "id", ""), getattr(node.func, "attr", "")):
                yield node


def texts(node: ast.expr) -> list[str]:
    """What an argument may be, as far as it is written there."""
    if isinstance(node, ast.IfExp):
        return [*texts(node.body), *texts(node.orelse)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


@cache
def played() -> list[Played]:
    return [player.play(story, PLAN) for story in stories()]


def reasons() -> set[str]:
    """Those that stand in the code, and those that the stories put together."""
    told = {clause.because for each in played() for _, decision in each.decisions for clause in decision.clauses}
    return told | {text for call in calls("Verdict") if len(call.args) > 2 for text in texts(call.args[2])}


def alarms() -> set[str]:
    return {text for call in calls("alarm") if call.args for text in texts(call.args[0])} | {
        name for names in ELSEWHERE.values() for name in names
    }


def test_the_lists_are_found() -> None:
    assert {"hall_full", "early", "round_overdue"} <= reasons()
    assert {"fire", "duress", "round_overdue"} <= alarms()


def test_every_alarm_says_what_to_do_and_nothing_else_is_called_one() -> None:
    named = {ast.unparse(call.args[0]) for call in calls("alarm") if call.args and not texts(call.args[0])}
    assert named == ELSEWHERE.keys()
    assert sorted(each.alarm for each in ALARMS) == sorted(alarms())


def test_what_lasts_has_an_end_and_what_happened_once_has_none() -> None:
    """An alarm that is never told with `active` false would stand on the page for ever."""
    ends = {
        text
        for call in calls("alarm")
        if any(key.arg == "active" for key in call.keywords)
        for text in texts(call.args[0])
    }
    ends |= {text for call in calls("end") if len(call.args) > 1 for text in texts(call.args[1])}
    ends |= {name for named, names in ELSEWHERE.items() if named != "TOLD[verdict.because]" for name in names}
    assert ends == alarms() - ONCE - {"quarantine"}, "a device in quarantine never comes back: another takes its name"
    assert {each.alarm for each in ALARMS if each.over == "once"} == ONCE


@pytest.mark.parametrize("found", [reasons, alarms])
def test_everything_has_its_word(found: object) -> None:
    assert callable(found)
    known = WORDS.keys() | {key.removeprefix("because_") for key in WORDS}
    assert sorted(word for word in found() if WORD.fullmatch(word) and word not in known) == []


def test_who_held_a_lane_has_a_word() -> None:
    """Held by the button, or by an order that gives no reason of its own."""
    held = {text for call in calls("hold") if len(call.args) > 2 for text in texts(call.args[2])}
    assert held == {"attendant"} and held | {"order"} <= WORDS.keys()


def test_no_word_is_empty_and_each_pair_has_the_same_blanks() -> None:
    blanks = re.compile(r"\{\w+\}")
    wrong = [
        key for key, (zh, en) in WORDS.items() if not zh or not en or set(blanks.findall(zh)) != set(blanks.findall(en))
    ]
    assert wrong == []
