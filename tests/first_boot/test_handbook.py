"""The handbook is no second truth: its commands are ours, its numbers are the lamp's, its relays are the drivers there are."""

from __future__ import annotations

import re
import shlex

import pytest

from deploy.first_boot.codes import MEANINGS, Code
from firmware import __main__ as command_line
from firmware import language
from firmware.reference.pages import drivers
from tests.device.bench import ROOT

TEXT = (ROOT / "docs/handbook.md").read_text("utf-8")
COMMANDS = sorted(set(re.findall(r"`hallgate ([a-z]+ [^`]*)`", TEXT)))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_can_be_typed(command: str) -> None:
    verb, *words = shlex.split(command)
    command_line.parser_for(verb).parse_args(words)


def test_every_number_of_the_lamp_is_explained() -> None:
    section = TEXT.partition("## 3. ")[2].partition("## 4. ")[0]
    rows = dict(re.findall(r"^\| (\d) \| ([^|]+ \| [^|]+) \|", section, re.MULTILINE))
    assert set(rows) == {str(int(code)) for code in Code if code}
    for code, meaning in MEANINGS.items():
        if code:
            chinese, english = (cell.strip() for cell in rows[str(int(code))].split("|"))
            assert meaning.startswith(english), (meaning, english)
            assert language.in_chinese(meaning).startswith(chinese), (language.in_chinese(meaning), chinese)


def test_every_relay_has_its_row() -> None:
    gates = {driver.name for driver in drivers() if driver.name.startswith("gate_")}
    assert gates == set(re.findall(r"^\| `(gate_\w+)`", TEXT, re.MULTILINE))


def test_chinese_stands_beside_english() -> None:
    headings = re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    assert all(re.search("[\u4e00-\u9fff].* / .*[A-Za-z]", heading) for heading in headings), headings
