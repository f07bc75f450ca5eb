"""One question to the rules: (what the stage is like, what is shown) -> (answer, because)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from firmware.core.facts import AnyFact
from tests.core.stage import ZONE, Stage

DOUBTS = ("refuse", "staff", "admit")


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZONE)


def asked(stage: Stage, *facts: AnyFact) -> tuple[str, str]:
    """Show these codes one after the other; the last answer and why."""
    answer = [stage.scan(fact) for fact in facts][-1]
    return answer, stage.because


def doubt(kind: str, answer: str) -> dict[str, Any]:
    return {"more": f'[on_doubt]\n{kind} = "{answer}"'}
