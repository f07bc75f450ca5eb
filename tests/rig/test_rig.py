"""Boots the machine once and hands on what each test in there said (`inside.py`)."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests import needs
from tests.rig import machine

INSIDE = Path(__file__).with_name("inside.py")
NAMES = [node.name for node in ast.parse(INSIDE.read_text()).body if getattr(node, "name", "").startswith("test_")]

pytestmark = [needs.unless(machine.unusable()), pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def console() -> str:
    return machine.Machine().run(machine.job(INSIDE))


@pytest.mark.parametrize("name", NAMES)
def test_with_the_edges_of_a_real_kernel(console: str, name: str) -> None:
    said = re.findall(rf"::{name}(?:\[\S*\])? (\w+)", console)
    assert said and set(said) == {"PASSED"}, console


def test_the_machine_ended_by_itself(console: str) -> None:
    assert "rig ended 0" in console, console
