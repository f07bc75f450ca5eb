"""Every story of this folder against the real controller and the plan's rulebook; and what a wrong line is told."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.errors import Mistake
from firmware.simulation.stories import player, script
from firmware.simulation.stories.deeds import PEOPLE, THINGS
from firmware.simulation.stories.expectations import EXPECTATIONS
from firmware.simulation.stories.people import ATTRIBUTES, CLASSES
from firmware.simulation.stories.script import LANES, Story
from firmware.typed_toml import Mistakes
from tests.stories import PLAN, stories

STORIES = stories()


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.file)
def test_the_morning_goes_as_written(story: Story) -> None:
    played = player.play(story, PLAN)
    assert not played.differences, "\n" + "\n".join(map(str, played.differences))
    assert story.title and story.clauses, "a story has a title and names its clauses"


def test_the_same_story_gives_the_same_records_twice() -> None:
    for story in STORIES[:5]:
        assert player.play(story, PLAN).decisions == player.play(story, PLAN).decisions


# ---------------------------------------------------------------- what a wrong line is told

HEAD = "story: x\nclause: 3.1.1a\n"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("09:00 Wang, booked 10:00-10:30, scans", "a scan asks for an answer: -> admit"),
        ("09:00 Wang, boooked 10:00-10:30, scans -> admit", "here could stand: booked 10:00-10:30"),
        ("09:00 王女士，预定 10:00-10:30，扫码 -> 放行", "here could stand: 预约 10:00-10:30"),
        ("09:00 Wang skans -> admit", "here could stand: scans"),
        ("09:00 Wang scans -> admitted", "here could stand: admit"),
        ("09:00 Wang scans -> 等候 早退", "no such reason; here could stand: 早到"),
        ("09:00 Wang scans ->", "nothing behind the arrow"),
        ("25:00 Wang scans -> admit", "no time of day"),
        ("09:00 Wang, booked 10:30-10:00, scans -> admit", "ends before it begins"),
        ("Wang scans -> admit", "begins with no time"),
        ("klause: 3.1.1a", "here could stand: story:"),
        ("clause: three", "here could stand: 3.1.1a"),
        ("date: tomorrow", "here could stand: 2022-06-15"),
        ("lane: B, entry, with a view", "is no thing a lane has; here could stand:"),
        ("09:00 the fire loop is open", "here could stand:"),
        ("person: Li, bokd 9:00-9:30", "here could stand: booked 10:00-10:30"),
    ],
)
def test_a_wrong_line_is_told_where_it_is_and_what_could_have_stood_there(line: str, told: str) -> None:
    with pytest.raises(Mistake) as wrong:
        script.read(f"{HEAD}{line}\n", "my.story")
    assert str(wrong.value).startswith("my.story:3: ") and told in str(wrong.value)


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("rulebook: limit_persons\n09:00 Wang scans -> refuse", 1, "changes nothing"),
        ("rulebook: limit_persons = -3\n09:00 Wang scans -> refuse", 1, "limit_persons"),
        ("rulebook: limitpersons = 3\n09:00 Wang scans -> refuse", 1, "limitpersons"),
        ("rulebook: phase.limitd.share_percent = 3\n09:00 Wang scans -> refuse", 1, "limited"),
        ("rulebook: slot.early_minutes = ten\n09:00 Wang scans -> refuse", 1, "is no value"),
        ("09:00 Wang scans at Z -> refuse", 1, "there is no lane Z; here could stand: A, S, X"),
        ("09:00 Wang scans -> refuse\n09:01 agent Wang scans -> refuse", 2, "another class needs another name"),
        ("09:00:00 Wang scans -> refuse\n09:00:00 5 people come in\n09:00:01 time passes", 3, "comes too soon"),
    ],
)
def test_what_cannot_be_played_is_told_with_its_line(text: str, line: int, told: str) -> None:
    with pytest.raises(Mistake) as wrong:
        player.play(script.read(text, "my.story"), PLAN)
    assert str(wrong.value).startswith(f"my.story:{line}: ") and told in str(wrong.value)


def test_all_wrong_lines_are_told_at_once() -> None:
    with pytest.raises(Mistakes) as wrong:
        script.read("09:00 Wang flies\n09:01 Wang scans -> perhaps\n", "my.story")
    assert [mistake.line for mistake in wrong.value.all] == [1, 2]


def test_a_line_that_comes_out_otherwise_is_named_with_what_came() -> None:
    text = "09:00 Wang, booked 10:00-10:30, PCR 3 h old, scans -> admit; 7 inside\n09:01 Wang passes\n"
    first, second, third = player.play(script.read(text, "my.story"), PLAN).differences
    assert (first.line, second.line, third.line) == (1, 1, 2)
    assert "the answer was wait early (3.1.1a)" in first.because and "0 are inside" in second.because
    assert "nobody had been let through" in third.because


# ---------------------------------------------------------------- the vocabulary


@pytest.mark.parametrize("table", [ATTRIBUTES, CLASSES, PEOPLE, THINGS, EXPECTATIONS, LANES], ids=lambda t: t.what)
def test_every_row_is_read_by_its_own_words_in_both_languages(table: script.Table) -> None:
    """No row hides another: what a message offers is understood, and as the row that offered it."""
    for row in table.rows:
        for shown in row.shown.split(" | "):
            words = shown.replace("[", "").replace("]", "")
            found = table.find(words)
            assert found is not None and found[0] is row, words


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_a_story_or_a_mistake(text: str) -> None:
    try:
        player.play(script.read(text), PLAN)
    except Mistake as mistake:
        assert str(mistake)


TABLES = (ATTRIBUTES, PEOPLE, THINGS, EXPECTATIONS)
WORDS = [words for table in TABLES for row in table.rows for words in row.shown.split(" | ")]
PIECES = [*WORDS, "09:00", "09:01", "->", ",", ";", "Wang", "王女士", "\n", "visitor", "rulebook:", "#"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_any_words_of_the_vocabulary_are_a_story_or_a_mistake(pieces: list[str]) -> None:
    try:
        player.play(script.read(" ".join(pieces).replace("[", "").replace("]", "")), PLAN)
    except Mistake as mistake:
        assert str(mistake)
