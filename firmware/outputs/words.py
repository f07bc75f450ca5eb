"""Making any text harmless and fitting for a sign or a speech module. Pure."""

from __future__ import annotations

import unicodedata

PAUSES = "。！？；.!?;"
"""A text is best cut behind one of these ..."""
BREATHS = "，、：,: "
"""... or at least behind one of these."""


def clean(text: str) -> str:
    """The text without control, format, private and unassigned characters; any run of blanks is one space.

    A phrase comes from a signed file, and is still only text: it must not be able to clear a screen or turn its order.
    """
    return " ".join("".join(char for char in text if not _steers(char)).split())


def _steers(char: str) -> bool:
    return unicodedata.category(char).startswith("C") and char not in "\t\n\r"


def columns(text: str) -> int:
    """How wide a text is on a sign: a Chinese character takes two columns, a Latin letter one, an accent none."""
    return sum(map(_width, text))


def _width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def fitted(text: str, columns_max: int) -> str:
    """As much of the text as fits, cut between words where that loses at most half of the line."""
    used = 0
    for place, char in enumerate(text):
        used += _width(char)
        if used > columns_max:
            kept = text[:place]
            if char == " " or " " not in kept:
                return kept.rstrip()
            before = kept[: kept.rindex(" ")]
            return (before if columns(before) * 2 >= columns_max and char.isascii() else kept).rstrip()
    return text


def pieces(text: str, encoding: str, bytes_max: int, pieces_max: int) -> list[bytes]:
    """Cut a text into encoded pieces of at most `bytes_max` bytes, behind a pause where there is one.

    What the encoding does not know is left out; what does not fit into `pieces_max` pieces is not said.
    """
    found: list[bytes] = []
    rest = text
    while rest and len(found) < pieces_max:
        place = _cut(rest, encoding, bytes_max)
        if piece := rest[:place].strip().encode(encoding, "ignore"):
            found.append(piece)
        rest = rest[place:]
    return found


def _cut(text: str, encoding: str, bytes_max: int) -> int:
    """How many characters make the next piece."""
    used = 0
    for place, char in enumerate(text):
        used += len(char.encode(encoding, "ignore"))
        if used > bytes_max:
            ends = (max((text.rfind(mark, 0, place) for mark in marks), default=-1) for marks in (PAUSES, BREATHS))
            return next((end + 1 for end in ends if end >= 0), max(1, place))
    return len(text)
