"""A hall whose lanes see the queue before them and who stands behind them, and what it said of that."""

from __future__ import annotations

from typing import Any

from firmware.core import events
from firmware.core.actions import VoiceSay
from firmware.core.records import Alarm
from firmware.core.state import LaneSetup
from tests.core.stage import Stage

LANES = (
    LaneSetup(name="A", direction="in", range_sensor=True, behind_sensor=True, passage_sensor=True, button=True),
    LaneSetup(name="X", direction="out", range_sensor=True, passage_sensor=True, button=True),
)


def hall(more: str = "", **book: Any) -> Stage:
    """`more` is appended to `[flow]`, or begins its own table."""
    return Stage(lanes=LANES, more=more, limit=50, **book)


def sees(stage: Stage, *links_mm: int, persons: int | None = None, zone: str = "queue", lane: str = "A") -> Stage:
    seen = len(links_mm) + 1 if persons is None else persons
    gap = min(links_mm, default=None)
    return stage.do(
        events.SpacingSeen(lane=lane, persons=seen, gap_mm=gap, zone=zone, links_mm=tuple(sorted(links_mm)))
    )  # type: ignore[arg-type]


def behind(stage: Stage, persons: int) -> Stage:
    return sees(stage, persons=persons, zone="hall")


def said(stage: Stage, phrase: str) -> list[VoiceSay]:
    return [order for order in stage.actions if isinstance(order, VoiceSay) and order.phrase == phrase]


def alarms(stage: Stage, name: str) -> list[bool]:
    return [record.active for record in stage.records if isinstance(record, Alarm) and record.alarm == name]
