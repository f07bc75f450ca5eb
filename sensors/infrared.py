"""What the MLX90614 infrared chip can measure, on whichever wire it comes. Source: its data sheet, tables of ranges."""

from __future__ import annotations

OBJECT_RANGE_C = (-70.0, 380.0)
AMBIENT_RANGE_C = (-40.0, 125.0)


def nonsense(object_c: float, ambient_c: float) -> str:
    """Why the chip cannot have measured this; empty when it can."""
    if _within(object_c, OBJECT_RANGE_C) and _within(ambient_c, AMBIENT_RANGE_C):
        return ""
    return f"{object_c} and {ambient_c} degrees are outside what the sensor can measure"


def _within(value: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= value <= bounds[1]
