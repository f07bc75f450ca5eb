"""The label on the case: which door of which hall this is, and which card was made for it. Nothing on it is secret."""

from __future__ import annotations

import io
from pathlib import Path

import segno

from deploy.flash.door import Door
from firmware.errors import Failure, Mistake


def text(door: Door) -> str:
    return f"HALLGATE {door.hall} {door.name} CARD {door.card}"


def on_terminal(door: Door) -> str:
    """The QR code in half blocks, and what it says below it."""
    out = io.StringIO()
    segno.make(text(door), micro=False, error="m").terminal(out, compact=True)
    return f"{out.getvalue()}\n{text(door)}"


def check(file: Path) -> None:
    """Mistake for a label that could not be written: asked before there is a card to name."""
    if file.suffix not in (".svg", ".png"):
        raise Mistake("write a label as .svg or .png", file=str(file), key="--label")
    if file.is_dir() or not file.parent.is_dir():
        raise Mistake("cannot be written there: name a file in a folder that exists", file=str(file), key="--label")


def write(door: Door, file: Path) -> None:
    """As SVG or PNG, 25 mm wide when printed as it is. Failure when it cannot be written; the card is whole then."""
    code = segno.make(text(door), micro=False, error="m")
    size = {"scale": 25 / code.symbol_size(border=4)[0], "unit": "mm", "title": text(door)}
    try:
        code.save(str(file), border=4, **(size if file.suffix == ".svg" else {"scale": 10}))
    except OSError as error:
        raise Failure(f"the card is whole, its label {file} cannot be written: {error.strerror}") from None
