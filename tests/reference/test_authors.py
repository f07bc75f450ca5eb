"""What the pages for a policy author promise: every recipe can be made, the example goes as written, no key is left dark."""

from __future__ import annotations

import re

import pytest

from firmware.reference import pages
from firmware.reference.authors import EXAMPLE, RECIPES, Recipe, rules_guide, stories
from firmware.rulebook.book import parse
from firmware.rulebook.contradictions import complaints
from firmware.rulebook.words import WORDS
from firmware.simulation.stories import changes, player, script
from tests.stories import PLAN


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.en)
def test_every_common_change_can_be_made_and_signed(recipe: Recipe) -> None:
    text = PLAN
    for change in recipe.changes:
        text = changes.changed(text, change)
    book = parse(text)
    assert [each for each in complaints(book) if each.severity != "warning"] == []


def test_the_example_goes_as_written() -> None:
    assert player.play(script.read(EXAMPLE, "example"), PLAN).differences == []


def test_no_key_of_the_rulebook_is_without_a_meaning() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| +\|$", pages.rulebook(), re.MULTILINE)
    assert rows == []


def test_every_reason_and_every_row_of_the_vocabulary_is_on_its_page() -> None:
    rulebook, vocabulary = pages.rulebook(), stories()
    assert [reason for reason in WORDS if f"| `{reason}` |" not in rulebook] == []
    tables = (script.LANES, script.CLASSES, script.ATTRIBUTES, script.PEOPLE, script.THINGS, script.EXPECTATIONS)
    missing = [row.shown for each in tables for row in each.rows for said in row.shown.split(" | ")
               if f"`{said}`" not in vocabulary.replace("\\|", "|")]  # fmt: skip
    assert missing == [] and "serial" in "".join(rules_guide())
