"""Picture files as camera frames: for `--capture`, `pass IMAGE`, and tests. Needs Pillow, which is imported on use."""

from __future__ import annotations

import warnings
from pathlib import Path

from firmware.errors import Failure, Mistake
from sensors.driver import Frame

PIXELS_MAX = 16_000_000


def load_luma(path: Path | str) -> Frame:
    """Return the picture's brightness, transparent parts as white. Mistake when the file is no picture or too large."""
    try:
        from PIL import Image
    except ImportError:
        raise Failure("pictures need Pillow: install hallgate[simulation]") from None
    if Path(path).is_fifo():  # nobody may ever write into it
        raise Mistake("this is no readable picture", file=str(path))
    try:
        # Pillow warns of pictures far larger than ours, and a warning is a second line on stderr.
        with warnings.catch_warnings(action="ignore"), Image.open(path) as picture:
            if picture.width * picture.height > PIXELS_MAX:
                raise Mistake(f"a picture of {picture.width} x {picture.height} is too large", file=str(path))
            colours = picture.convert("RGBA")
        white = Image.new("RGBA", colours.size, "white")
        grey = Image.alpha_composite(white, colours).convert("L")
    except FileNotFoundError:
        raise Mistake("there is no such picture", file=str(path)) from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as unreadable:
        if isinstance(unreadable, Mistake):
            raise
        raise Mistake("this is no readable picture", file=str(path)) from None
    return Frame(grey.width, grey.height, grey.tobytes())
