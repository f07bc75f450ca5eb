"""Every clause of the plan that is a door's duty has a rule, a story that lets in and a story that does not."""

from __future__ import annotations

import importlib
import re
from types import ModuleType

import pytest

from firmware import rules
from firmware.simulation.stories import player
from firmware.simulation.stories.script import Story
from tests import needs
from tests.stories import PLAN, stories
from tests.stories.clauses import CLAUSES, PAGE, Clause, served, shows
from tests.stories.clauses import page as page_of

NAMES = [clause.name for clause in CLAUSES]
DUE = [clause.name for clause in CLAUSES if not clause.later]


@pytest.mark.parametrize("clause", DUE)
def test_a_clause_has_a_story_that_lets_in_and_one_that_does_not(clause: str) -> None:
    allow, refuse = shows(clause)
    assert allow, f"no story lets anybody in by {clause}"
    assert refuse, f"no story keeps anybody out by {clause}"


def test_the_page_is_what_code_and_stories_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page_of(), "write it again: python -m tests.stories"


def test_every_clause_a_verdict_names_is_a_clause_of_the_plan() -> None:
    assert set(served()) <= set(NAMES)


def test_every_rule_serves_a_clause() -> None:
    files = {name for names in served().values() for name in names}
    assert [rule.__name__ for rule in rules.ORDER if f"rules/{rule.__name__.split('.')[-1]}.py" not in files] == []


def test_every_clause_a_story_names_is_a_clause_of_the_plan() -> None:
    assert {clause for story in stories() for clause in story.clauses} <= set(NAMES)


def test_the_list_of_clauses_is_the_missions() -> None:
    mission = needs.shared("plan/mission.md")
    rows = re.findall(r"^\| ([\d.a-e-]+) \| .*?\| ([^|]*) \|$", mission.read_text(encoding="utf-8"), re.MULTILINE)
    named = [name for clause, _ in rows for name in (("4.1", "4.2", "4.3") if clause == "4.1-4.3" else (clause,))]
    assert named == [name for name in NAMES if not name.startswith("local.")]


NEVER_ASKED = {"direction"}
"""A lane for both ways answers "take your turn" itself while somebody is leaving, before any rule is asked."""


@pytest.mark.parametrize("rule", rules.ORDER, ids=lambda rule: rule.__name__.split(".")[-1])
def test_a_rule_that_says_nothing_is_missed_by_a_story(rule: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    name = rule.__name__.split(".")[-1]
    monkeypatch.setattr(rule, "judge", lambda case: None)
    clauses = {clause for clause, files in served().items() if f"rules/{name}.py" in files}
    told = [story for story in stories() if clauses & set(story.clauses)]
    assert any(map(_goes_otherwise, told)) != (name in NEVER_ASKED), f"no story needs rules/{name}.py"


@pytest.mark.parametrize("clause", [each for each in CLAUSES if each.told_by], ids=lambda each: each.name)
def test_a_clause_that_only_tells_is_missed_by_its_story(clause: Clause, monkeypatch: pytest.MonkeyPatch) -> None:
    path, function = clause.told_by.split()
    room = importlib.import_module(f"firmware.{path.removesuffix('.py').replace('/', '.')}")
    monkeypatch.setattr(room, function, lambda *_: {})
    told = [story for story in stories() if clause.name in story.clauses]
    assert any(map(_goes_otherwise, told)), f"no story needs {clause.told_by}"


def test_every_clause_that_is_due_has_a_file() -> None:
    assert [each.name for each in CLAUSES if not (each.later or each.told_by or each.name in served())] == []


def _goes_otherwise(story: Story) -> bool:
    try:
        return bool(player.play(story, PLAN).differences)
    except AssertionError:  # the core itself missed the rule
        return True
