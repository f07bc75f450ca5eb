"""A CO2 sensor that was taken outdoors is told, once, that it stands in fresh air."""

from __future__ import annotations

from typing import Any

from firmware.errors import Failure, Mistake
from sensors.driver import Driver
from sensors.readings import Air, Silent

OUTDOORS_PPM = range(350, 501)
"""What the air outside a city's buildings can hold, about 420 in 2022; a street or a garage holds more."""
APART_PPM_MAX = 400
"""A sensor that reads so much more has not drifted: it does not stand outdoors, or is broken."""


class FreshAir:
    """Tells a sensor of the air that it stands in fresh air, once it has measured there long enough."""

    def __init__(self, driver: Driver, decoder: Any, ppm: int) -> None:
        """Mistake for a sensor that cannot be told, and for air that is not fresh."""
        if not driver.fresh_air_minutes:
            raise Mistake(f"{driver.name} cannot be told of fresh air", key="--fresh-air")
        if ppm not in OUTDOORS_PPM:
            raise Mistake(f"{ppm} ppm is no fresh air: write 350 to 500, outdoors it is about 420", key="--fresh-air")
        self.minutes = driver.fresh_air_minutes
        self._decoder, self._ppm = decoder, ppm
        self._since_ms: float | None = None
        self._last: Air | None = None
        self._told = False

    def note(self, t_ms: float, said: Any) -> None:
        """What came from the sensor at `t_ms`: its silence begins the wait anew."""
        if isinstance(said, Air):
            self._last, self._since_ms = said, t_ms if self._since_ms is None else self._since_ms
        elif isinstance(said, Silent):
            self._since_ms = None

    def word(self, t_ms: float, now_ms: float) -> list[Any]:
        """What to send now (`t_ms` on the clock of `note`, `now_ms` elapsed); nothing before its time, and only once.

        Failure when the sensor reads what no fresh air can be.
        """
        if self._told or self._since_ms is None or t_ms - self._since_ms < self.minutes * 60_000:
            return []
        if self._last is None or self._last.co2_ppm > self._ppm + APART_PPM_MAX:
            raise Failure(f"it reads {self._last.co2_ppm if self._last else 0} ppm: it does not stand in fresh air")
        self._told = True
        return list(self._decoder.fresh_air(self._ppm, now_ms))

    @property
    def told(self) -> bool:
        return self._told
