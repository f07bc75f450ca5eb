"""A lane with a terminal and an attendant's button, and what people show and say there."""

from __future__ import annotations

from typing import Any

from firmware.core import events
from firmware.core.facts import Card
from firmware.core.records import CommandDone
from firmware.core.state import LaneSetup
from tests.core.stage import Stage

HOLDER, OTHER = "a" * 16, "b" * 16


def door(visitor: str = "", more: str = "", **setup: Any) -> Stage:
    lane = LaneSetup(
        name="A", direction="in", classes=("visitor", "elder"), passage_sensor=True, thermometer=setup.get("thermometer", False),
        button=True, terminal=True,
    )  # fmt: skip
    book = {"visitor": visitor, "more": more, **{key: value for key, value in setup.items() if key != "thermometer"}}
    return Stage(lanes=(lane,), **book)


def terminal(stage: Stage, **said: Any) -> None:
    stage.do(events.TerminalSaid(lane="A", **{"code": "green", "pcr": "negative", "sampled_age_minutes": 600, **said}))


def attendant(stage: Stage, seconds: float = 0.2) -> None:
    stage.scan(stage.badge(901))
    stage.press(seconds)


def asked(stage: Stage, *facts: Any) -> tuple[str, str]:
    answer = [stage.scan(fact) for fact in facts][-1]
    return answer, stage.because


def card(holder: str | None, **more: Any) -> Card:
    return Card(sha256=f"card-{holder}", person="p", holder=holder, **more)


def venue(stage: Stage, **body: Any) -> str:
    before = len(stage.records)
    body = {"pass_id": stage.booking(1).pass_id, "code": "green", "pcr": "negative", **body}
    body.setdefault("sampled_at", stage.wall_0 + stage.now - 3600)
    stage.do(events.CommandArrived(id="v", name="venue_code", issuer="hub", lane="A", body=body))
    return next(record.because for record in stage.records[before:] if isinstance(record, CommandDone))
