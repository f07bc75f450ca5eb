"""Run every test that CI runs: ruff, mypy, then pytest, each with its own closing line.

Words after `--` go to pytest (the launcher puts the `--` there by itself); without any, the tests are spread over the
cores. All three run even when one fails; the exit code is the first one that is not 0.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from firmware.errors import Failure

EXAMPLE = "./hallgate test -k rulebook -x"

ROOT = Path(__file__).parents[2]
SPREAD = ("-n", "auto", "--maxprocesses", "4", "--dist", "loadfile")
"""Most tests wait for a pulse, a beat or a broker: two at once take half the time. A file's tests stay together."""
RUNNERS = (("ruff", "check"), ("mypy",), ("pytest",))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="PYTEST WORDS", help="handed on to pytest")


def run(arguments: argparse.Namespace) -> int:
    if not (ROOT / "tests").is_dir():
        raise Failure("the tests are in the source folder, not on an installed device")
    words = [word for word in arguments.words if word != "--"] or list(SPREAD)
    codes = [_one([*runner, *(words if runner == ("pytest",) else [])]) for runner in RUNNERS]
    return next((code for code in codes if code), 0)


def _one(runner: list[str]) -> int:
    print(f"hallgate test: {' '.join(runner)}", file=sys.stderr, flush=True)
    return subprocess.run([sys.executable, "-m", *runner], cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode
