"""How the board itself fares, as the kernel tells it: temperature, and whether its supply is too weak.

A weak supply is the commonest reason for a Pi that hangs or spoils its card: it is reported before that happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from firmware.core.events import AnyEvent, BoardTold

SYS = Path("/sys")
SUPPLY = "rpi_volt"
"""The kernel's raspberrypi-hwmon; its alarm stays on from the first drop until it is read after the supply is well."""
EVERY_MS = 10_000
HOT_C, COOL_C = 80.0, 75.0
"""From 80 degrees on a Pi makes its processor slower."""
UNDERVOLTAGE, OVERHEATED = "undervoltage", "overheated"


class Watch:
    """A timer of the loop, and the only one that reads the supply's alarm, since reading ends it.

    `told` is what is on record as active; what changes is posted.
    """

    def __init__(self, post: Callable[[AnyEvent], None], told: Iterable[str]) -> None:
        self._post, self._told = post, set(told)
        self.temperature_c: float | None = None
        self.undervoltage: bool | None = None

    def tend(self, t_ms: float) -> float:
        self.temperature_c, self.undervoltage = temperature_c(SYS), undervoltage(SYS)
        self._tell(UNDERVOLTAGE, self.undervoltage is True, "< 4.63 V")
        limit_c = COOL_C if OVERHEATED in self._told else HOT_C
        hot = self.temperature_c is not None and self.temperature_c >= limit_c
        self._tell(OVERHEATED, hot, f"{self.temperature_c} C")
        return t_ms + EVERY_MS

    def _tell(self, what: str, active: bool, detail: str) -> None:
        if active == (what in self._told):
            return
        (self._told.add if active else self._told.remove)(what)
        self._post(BoardTold(what=what, active=active, detail=detail if active else ""))  # type: ignore[arg-type]


def temperature_c(system: Path = SYS) -> float | None:
    """Of the processor, in degrees Celsius (thermal zone 0, in thousandths); None where nobody measures it."""
    text = _read(system / "class/thermal/thermal_zone0/temp")
    return round(int(text) / 1000, 1) if text.lstrip("-").isdecimal() else None


def undervoltage(system: Path = SYS) -> bool | None:
    """Whether the 5 V supply fell below 4.63 V; None on a board that cannot tell."""
    for sensor in sorted((system / "class/hwmon").glob("hwmon*")):
        if _read(sensor / "name") == SUPPLY:
            return {"0": False, "1": True}.get(_read(sensor / "in0_lcrit_alarm"))
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
