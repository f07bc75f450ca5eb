"""A series of temperatures: whether it may be judged by, and the value if so. What a window is stands in the rulebook."""

from __future__ import annotations

import msgspec

from firmware.core.state import Reading
from firmware.rulebook.health_tables import Thermometer


class Measured(msgspec.Struct, frozen=True):
    """`value_c` is None where the thermometer refuses to judge; then `because` says why in one snake_case word."""

    value_c: float | None
    at_ms: int = 0
    because: str = ""

    @property
    def curable(self) -> bool:
        """Another reading may mend it; the surroundings of the sensor do not change while somebody waits."""
        return self.because not in ("ambient_outside", "ambient_unknown", "distance_unknown")


ASKED = Measured(None, because="asked")


def measure(readings: tuple[Reading, ...], rules: Thermometer, now_ms: int) -> Measured:
    """The median of the last series, or why there is none to judge by. `readings` stand in the order of their times."""
    last_ms = readings[-1].at_ms if readings else now_ms - rules.fresh_ms - 1
    if now_ms - last_ms > rules.fresh_ms:
        return ASKED
    since_ms = max(now_ms - rules.fresh_ms, last_ms - rules.within_ms)
    series = [each for each in readings if each.at_ms >= since_ms][-rules.series :]
    for each in reversed(series):
        if because := _outside(each, rules):
            return Measured(None, last_ms, because)
    values = sorted([each.value for each in series])
    if len(series) < rules.series or values[-1] - values[0] > rules.spread_c:
        return Measured(None, last_ms, "unstable")
    return Measured(values[len(values) // 2], last_ms)


def _outside(reading: Reading, rules: Thermometer) -> str:
    if rules.ambient_min_c is not None or rules.ambient_max_c is not None:
        if reading.ambient is None:
            return "ambient_unknown"
        if _beyond(reading.ambient, rules.ambient_min_c, rules.ambient_max_c):
            return "ambient_outside"
    if rules.distance_min_mm is not None or rules.distance_max_mm is not None:
        if reading.distance_mm is None:
            return "distance_unknown"
        if _beyond(reading.distance_mm, rules.distance_min_mm, rules.distance_max_mm):
            return "distance_outside"
    return "no_forehead" if _beyond(reading.value, rules.plausible_min_c, None) else ""


def _beyond(value: float, least: float | None, most: float | None) -> bool:
    return (least is not None and value < least) or (most is not None and value > most)
