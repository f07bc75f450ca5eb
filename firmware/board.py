"""How the board itself fares, as the kernel tells it: temperature, and whether its supply is too weak.

A weak supply is the commonest reason for a Pi that hangs or spoils its card: it is reported before that happens.
"""

from __future__ import annotations

from pathlib import Path

SYS = Path("/sys")
SUPPLY = "rpi_volt"
"""The kernel's raspberrypi-hwmon; its alarm stays on from the first drop until it is read after the supply is well."""


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
