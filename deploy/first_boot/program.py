"""A program of the system that a start needs: what it says when it fails is told with the number of the card."""

from __future__ import annotations

import subprocess

from deploy.first_boot.codes import Code
from deploy.first_boot.place import Stop

PATIENCE_S = 300


def run(words: list[str], typed: str = "") -> None:
    """Raises Stop."""
    try:
        done = subprocess.run(words, input=typed, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as failed:
        raise Stop(Code.STORE, f"{words[0]}: {failed}") from None
    if done.returncode:
        raise Stop(Code.STORE, f"{words[0]}: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
