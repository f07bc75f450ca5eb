"""Temperature as evidence: a series of readings, and whether it may be judged by at all. It diagnoses nobody.

A bare infrared sensor sees hands, cups and walls, drifts with its own case, and reads a forehead 4 degrees low from too
far away. So the rulebook may ask for a stable series inside a window of surroundings and distance; without one the
thermometer refuses to judge, aloud.
"""

from __future__ import annotations

from firmware.core import entry
from firmware.core.events import TemperatureRead
from firmware.core.lane import OPEN
from firmware.core.state import Reading
from firmware.core.turn import Turn

KEPT = 20
"""Readings remembered of one lane; a rulebook's series is no longer."""


def read(turn: Turn, event: TemperatureRead) -> None:
    """Remember it, and judge again whoever is asked for it. While a gate is open it is nobody's: two people are there."""
    lane = turn.state.lanes[event.lane]
    if lane.state in OPEN:
        return
    lane.temperature = Reading(event.object_c, turn.now, event.ambient_c, event.distance_mm)
    lane.temperatures = (*lane.temperatures, lane.temperature)[-KEPT:]
    if lane.state in ("identified", "screening"):
        entry.judge_again(turn, lane)
