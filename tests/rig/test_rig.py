"""Boots the machine once and hands on what each test in there said (`inside.py`)."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests import needs
from tests.rig import machine

INSIDE, SERVICE = Path(__file__).with_name("inside.py"), Path(__file__).with_name("inside_service.py")
SYSTEMD = Path("/usr/lib/systemd/systemd")


def names(module: Path) -> list[str]:
    tree = ast.parse(module.read_text())
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


pytestmark = [needs.unless(machine.unusable()), pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def console() -> str:
    return machine.Machine().run(machine.job(INSIDE))


@pytest.fixture(scope="module")
def service_console() -> str:
    needs.stop_unless("" if SYSTEMD.exists() else "systemd is not installed")
    return machine.Machine().run(machine.job(SERVICE), machine.SYSTEMD)


@pytest.mark.long("service")
@pytest.mark.parametrize("name", names(SERVICE))
def test_as_the_unit_starts_it(service_console: str, name: str) -> None:
    passed(service_console, name)


@pytest.mark.parametrize("name", names(INSIDE))
def test_with_the_edges_of_a_real_kernel(console: str, name: str) -> None:
    passed(console, name)


def passed(console: str, name: str) -> None:
    """The kernel and systemd write between a test's name and its result."""
    said = re.findall(rf"::{name}(?:\[\S*\])? (?:(?!::test_).)*?([A-Z]+) +\[ *\d+%\]", console, re.DOTALL)
    assert said and set(said) == {"PASSED"}, console


def test_the_machine_ended_by_itself(console: str) -> None:
    assert "rig ended 0" in console, console
