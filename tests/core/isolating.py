"""The hall of the isolation chain's tests, and what they do there."""

from __future__ import annotations

from typing import Any

from firmware.core import events
from firmware.core.controller import Controller
from firmware.core.records import CommandDone, Incident
from firmware.core.state import LaneSetup
from tests.core.stage import ZONE, Stage

COMMON: dict[str, Any] = {"classes": ("visitor",), "passage_sensor": True, "button": True}
LANES = (
    LaneSetup(name="A", direction="in", route_light=True, buzzer=True, **COMMON),
    LaneSetup(name="B", direction="in", **COMMON),
    LaneSetup(name="C", direction="both", **COMMON),
    LaneSetup(name="X", direction="out", **COMMON),
    LaneSetup(name="E", direction="both", escape_way=True, fails_open=True, **COMMON),
)


def hall(rules: str = "", **book: Any) -> Stage:
    return Stage(lanes=LANES, proof='"pcr"', limit=9, more=f"[isolation]\n{rules}", **book)


def isolate(stage: Stage, number: int = 1, lane: str = "A") -> str:
    """Somebody shows a booking and a positive test; the incident's id."""
    stage.scan(stage.booking(number), lane)
    assert stage.scan(stage.test(number, result="positive"), lane) == "isolate"
    return opened(stage)[-1].incident


def admit(stage: Stage, number: int, lane: str = "A") -> str:
    stage.scan(stage.booking(number), lane)
    return stage.scan(stage.test(number), lane)


def order(stage: Stage, name: str, **body: Any) -> str:
    lane = body.get("lane")
    stage.do(events.CommandArrived(id=f"o{len(stage.records)}", name=name, issuer="duty-leader", lane=lane, body=body))
    done = [record for record in stage.records if isinstance(record, CommandDone)][-1]
    assert (done.result == "refused") == bool(done.because)
    return done.because


def steps(stage: Stage) -> list[Incident]:
    return [record for record in stage.records if isinstance(record, Incident)]


def names(stage: Stage) -> list[str]:
    return [step.step for step in steps(stage)]


def opened(stage: Stage) -> list[Incident]:
    return [step for step in steps(stage) if step.step == "opened"]


def state_of(stage: Stage, lane: str) -> str:
    return stage.controller.state.lanes[lane].state


def badge_press(stage: Stage, seconds: float = 0.3, lane: str = "A", number: int = 900) -> None:
    stage.wait(3.5)
    stage.scan(stage.badge(number), lane)
    stage.press(seconds, lane)


def of(stage: Stage, kind: type) -> list[Any]:
    return [order for order in stage.actions if isinstance(order, kind)]


def rebuilt(stage: Stage) -> None:
    """Through the snapshot, as after a restart."""
    stage.controller = Controller.restore(stage.controller.snapshot(), lambda _name: ZONE)
