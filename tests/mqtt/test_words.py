"""Every reason and every alarm that the code can give has a word in both languages, on the page and in the terminal."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from firmware.simulation.stories import player
from firmware.simulation.stories.player import Played
from mqtt.words import WORDS
from tests.stories import PLAN, stories

ROOT = Path(__file__).parents[2]
PURE = [*(ROOT / "firmware/core").glob("*.py"), *(ROOT / "firmware/rules").glob("*.py")]
WORD = re.compile(r"[a-z][a-z0-9_]+")


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
    return {text for call in calls("alarm") if call.args for text in texts(call.args[0])}


def test_the_lists_are_found() -> None:
    assert {"hall_full", "early", "round_overdue"} <= reasons()
    assert {"fire", "duress", "round_overdue"} <= alarms()


@pytest.mark.parametrize("found", [reasons, alarms])
def test_everything_has_its_word(found: object) -> None:
    assert callable(found)
    known = WORDS.keys() | {key.removeprefix("because_") for key in WORDS}
    assert sorted(word for word in found() if WORD.fullmatch(word) and word not in known) == []


def test_no_word_is_empty_and_each_pair_has_the_same_blanks() -> None:
    blanks = re.compile(r"\{\w+\}")
    wrong = [
        key for key, (zh, en) in WORDS.items() if not zh or not en or set(blanks.findall(zh)) != set(blanks.findall(en))
    ]
    assert wrong == []
