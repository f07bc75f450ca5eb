"""The label on the case: which door of which hall this is, and which card was made for it. Nothing on it is secret."""

from __future__ import annotations

import io
from pathlib import Path

import segno

from deploy.flash.door import Door
from firmware.errors import Mistake


def text(door: Door) -> str:
    return f"HALLGATE {door.hall} {door.name} CARD {door.card}"


def on_terminal(door: Door) -> str:
    """The QR code in half blocks, and what it says below it."""
    out = io.StringIO()
    segno.make(text(door), micro=False, error="m").terminal(out, compact=True)
    return f"{out.getvalue()}\n{text(door)}"


def write(door: Door, file: Path) -> None:
    """As SVG or PNG, 25 mm wide when printed as it is. Mistake for another kind of file."""
    if file.suffix not in (".svg", ".png"):
        raise Mistake("write a label as .svg or .png", file=str(file), key="--label")
    code = segno.make(text(door), micro=False, error="m")
    if file.suffix == ".svg":
        modules = code.symbol_size(border=4)[0]
        code.save(str(file), scale=25 / modules, unit="mm", border=4, title=text(door))
    else:
        code.save(str(file), scale=10, border=4)
