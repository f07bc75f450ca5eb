"""The car of a lift: how many ride together, who is in it, and what is said when somebody steps in too many (3.1.5d).

The load is this device's own affair, no message carries it. Who boards takes a slot of the car and then the places of
wherever the car goes (`core/places.py`), in one turn: both or none. A slot is free again when somebody is seen stepping
out here, or when the car has made its trip.

Nobody is held in a car by this: its doors and its drive are the lift's own. What a device can do is not to call it.
"""

from __future__ import annotations

from firmware.core import passage
from firmware.core.state import CarSetup, LaneSetup, LaneState
from firmware.core.turn import Turn
from firmware.rulebook.book import Rulebook

BODY_MM = 500
"""A standing person's width: the middle of one is half of it away from the wall."""
ROW = (867, 1000)
"""Rows of which every second one is shifted by half a spacing stand this share of it apart: sin 60 degrees, rounded up."""


def capacity(setup: LaneSetup, book: Rulebook) -> int | None:
    """Persons who may ride together, at least 1 and never more than the car's plate says; None: no car, or no size."""
    car = setup.car
    if car is None:
        return None
    spacing = book.elevator.spacing_mm
    return max(1, min(car.rated_persons, apart(car, spacing))) if spacing else car.rated_persons


def apart(car: CarSetup, spacing_mm: int) -> int:
    """How many middles of persons fit on the car's floor that far from each other, in rows along either wall."""
    width, depth = max(0, car.width_mm - BODY_MM), max(0, car.depth_mm - BODY_MM)
    return max(_in_rows(width, depth, spacing_mm), _in_rows(depth, width, spacing_mm))


def _in_rows(along_mm: int, across_mm: int, spacing_mm: int) -> int:
    """The better of rows in line and rows of which every second one is shifted."""
    full = along_mm // spacing_mm + 1
    shifted = (2 * along_mm - spacing_mm) // (2 * spacing_mm) + 1  # 0 where not even half a spacing fits
    rows = across_mm * ROW[1] // (spacing_mm * ROW[0]) + 1
    return max(full * (across_mm // spacing_mm + 1), (rows + 1) // 2 * full + rows // 2 * shifted)


def boarded(turn: Turn, lane: LaneState) -> None:
    """A body stepped in here, asked or not; at a lane that is no lift nothing happens."""
    if turn.setup(lane.name).direction == "elevator":
        lane.aboard += 1
        lane.boarded_ms = turn.now


def alighted(turn: Turn, lane: LaneState) -> None:
    if turn.setup(lane.name).direction == "elevator":
        lane.aboard = max(0, lane.aboard - 1)


def tend(turn: Turn, lane: LaneState) -> None:
    if turn.rulebook is None or turn.setup(lane.name).direction != "elevator":
        return
    if any(turn.now >= at_ms for at_ms in due(turn, lane)):
        lane.aboard = 0
    _overload(turn, lane, turn.rulebook)


def _overload(turn: Turn, lane: LaneState, book: Rulebook) -> None:
    """Too many stand in it: the last ones are asked to step out, and it is called for nobody until they did."""
    most = capacity(turn.setup(lane.name), book)
    over = most is not None and lane.aboard > most
    if over == lane.car_over or lane.state == "evacuated":
        return
    lane.car_over = over
    turn.alarm("car_over", lane.name, active=over, detail=f"{lane.aboard} aboard, {most} may ride")
    if over:
        passage.withdraw(turn, lane)
        turn.close(lane)
        turn.tell(lane, "car_over", "red")


def due(turn: Turn, lane: LaneState) -> list[int]:
    """When the car is taken to be empty again."""
    trip_seconds = turn.rulebook.elevator.trip_seconds if turn.rulebook else 0
    if not lane.aboard or not trip_seconds or turn.setup(lane.name).direction != "elevator":
        return []
    return [lane.boarded_ms + trip_seconds * 1000]
