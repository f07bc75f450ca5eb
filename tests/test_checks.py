"""The whole source is clean to ruff and to mypy's strict mode, and written as ruff writes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("runner", [("ruff", "check"), ("ruff", "format", "--check"), ("mypy",)], ids=" ".join)
def test_the_source_is_clean(runner: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-m", *runner], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("runner", "spoilt", "what"),
    [
        (("ruff", "check"), "import os\n", "F401"),
        (("ruff", "format", "--check"), "ready = ( True )\n", "would be reformatted"),
        (("mypy", "--strict"), "def longer(text):\n    return text\n", "no-untyped-def"),
    ],
    ids=["ruff check", "ruff format", "mypy"],
)
def test_the_runners_find_what_is_wrong(runner: tuple[str, ...], spoilt: str, what: str, tmp_path: Path) -> None:
    """A judge that never says no is no judge."""
    (tmp_path / "spoilt.py").write_text(spoilt)
    command = [sys.executable, "-m", *runner, str(tmp_path / "spoilt.py")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and what in done.stdout
