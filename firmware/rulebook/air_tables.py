"""`[air]`, clause 3.1.5c: what CO2 leads to, and what has to be open or off while the hall is open. All of it off by default."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from firmware.rulebook.tables import Minutes, Share, Table

Co2 = Annotated[int, Meta(ge=0, le=10_000)]
OUTDOORS_PPM = 450
"""Air from outside, in a city: nothing inside is ever better."""


class AirStep(Table, frozen=True, kw_only=True):
    """`[[air.step]]`: from this much CO2 on the limit is lower. In rising order, each with a lower share."""

    co2_ppm: Co2
    """As the sensors of the device that mints the limit measure it: of the hall, or of the zone behind their lane."""
    limit_percent: Share
    """Of the limit of the day, rounded down; a limit set by order stands as it is."""


class Air(Table, frozen=True, kw_only=True):
    """`[air]`. A sensor that is broken measures nothing: `[on_doubt] sensor_missing` says what becomes of `hold_ppm` then."""

    alarm_ppm: Co2 = 0
    """From here on it is an alarm; 0: never."""
    hold_ppm: Co2 = 0
    """From here on entry pauses at every lane of this device that leads there; 0: never. Exits run."""
    relief_ppm: Annotated[int, Meta(ge=0, le=2_000)] = 100
    """Each of these ends only when the air is better by this much: the gate does not flutter."""
    step: tuple[AirStep, ...] = ()
    """`[[air.step]]`: the limit follows the air."""
    windows: Literal["open", "any"] = "any"
    """`open`: a window that is shut while the hall is open is an alarm."""
    doors: Literal["open", "any"] = "any"
    """`open`: a door leaf that stands open while the hall is open is neither forced nor held open too long."""
    conditioning: Literal["off", "any"] = "any"
    """`off`: the central air conditioning running is an alarm."""
    grace_minutes: Minutes = 10
    """So long after opening, or after it was shut or switched on, a window or the air conditioning becomes an alarm."""
