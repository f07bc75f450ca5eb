"""The board's own green lamp blinks a number: the kernel goes on blinking when we have ended.

A number is that many short flashes and a pause of two seconds. Steadily on: all is well. Where the kernel has no pattern
trigger the lamp blinks fast for any number, and the console has the number.
"""

from __future__ import annotations

import contextlib
import glob
from pathlib import Path

LEDS = Path("/sys/class/leds")
NAMES = ("ACT", "led0", "green:act", "*:act*")
FLASH_MS, GAP_MS, PAUSE_MS = 200, 300, 2_000


def blink(code: int, leds: Path = LEDS) -> bool:
    """Whether there is a lamp that shows it. 0: steadily on."""
    lamp = _lamp(leds)
    if lamp is None:
        return False
    try:
        if code == 0:
            (lamp / "trigger").write_text("default-on")
        elif "pattern" in (lamp / "trigger").read_text():
            (lamp / "trigger").write_text("pattern")
            (lamp / "pattern").write_text(pattern(code, _brightest(lamp)))
        else:
            (lamp / "trigger").write_text("timer")
    except OSError:
        return False
    return True


def pattern(code: int, brightest: int) -> str:
    """Brightness and milliseconds by turns; a step of 0 ms keeps the kernel from fading (leds-trigger-pattern)."""
    flash = f"{brightest} {FLASH_MS} {brightest} 0 0 {GAP_MS} 0 0"
    return " ".join([flash] * code) + f" 0 {PAUSE_MS} 0 0\n"


def _lamp(leds: Path) -> Path | None:
    found = (Path(path) for name in NAMES for path in sorted(glob.glob(str(leds / name))))
    return next(found, None)


def _brightest(lamp: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        return int((lamp / "max_brightness").read_text())
    return 1
