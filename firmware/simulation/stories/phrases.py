"""Phrases: what a line of a story may say, as rows of a table, in English and in Chinese.

A phrase is written as it is read: `PCR {n} h old` | `核酸 {n} 小时前`. `{n}` is a slot (the table SLOTS), `[...]` may be
left out, `(a|b)` is a choice. Case and spaces do not matter, nor do Chinese and Latin punctuation. Value in, value out.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from firmware.errors import Mistake
from firmware.simulation.stories.reasons import reason_of

Span = tuple[int, int]
"""Minutes since midnight: the first one, and the one after the last."""


def minute_of(text: str) -> int:
    """`9:50` as 590. ValueError for a time that is on no clock."""
    hour, minute = (int(part) for part in text.split(":"))
    if not (0 <= hour < 24 and minute < 60) and (hour, minute) != (24, 0):
        raise ValueError(f"{text} is no time of day")
    return hour * 60 + minute


def _span(text: str) -> Span:
    first, end = re.split(r"\s*(?:-|到|至|to)\s*", text)
    if minute_of(first) >= minute_of(end):
        raise ValueError(f"{text} ends before it begins")
    return minute_of(first), minute_of(end)


def _list(text: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"\s*(?:\band\b|和|\s)\s*", text.strip()) if part)


@dataclass(frozen=True)
class Slot:
    pattern: str
    read: Callable[[str], Any]
    shown: str
    """How a message calls it."""


SLOTS = {
    "n": Slot(r"\d{1,5}", int, "3"),
    "m": Slot(r"\d{1,5}", int, "3"),
    "x": Slot(r"\d{1,3}(?:\.\d{1,2})?", float, "36.5"),
    "span": Slot(r"\d{1,2}:\d\d\s*(?:-|到|至|to)\s*\d{1,2}:\d\d", _span, "10:00-10:30"),
    "time": Slot(r"\d{1,2}:\d\d", minute_of, "9:50"),
    "date": Slot(r"\d{4}-\d\d-\d\d", dt.date.fromisoformat, "2022-06-01"),
    "lane": Slot(r"[A-Za-z0-9-]{1,32}?", str, "A"),
    "word": Slot(r"[a-z0-9][a-z0-9_-]{0,63}", str.lower, "word"),
    "point": Slot(r"[a-z0-9-]{1,64}", str, "door-handles"),
    "item": Slot(r"[a-z0-9-]{1,64}", str, "hand-gel"),
    "words": Slot(r"[a-z0-9][a-z0-9_ 和-]{0,127}", _list, "word and word"),
    "reason": Slot(r"[a-z][a-z0-9_]{1,63}|[\u4e00-\u9fff]{2,12}", reason_of, "early"),
    "clause": Slot(r"\d\.\d(?:\.\d[a-e]?)?|local\.[a-z]+", str, "3.1.1a"),
    "text": Slot(r"\S.*", str.strip, "some words"),
}
"""The blanks of a phrase."""


@dataclass(frozen=True)
class Phrase:
    """One row. `means` is what the row stands for: a name, a value or a function; whoever keeps the table knows."""

    en: str
    zh: str
    means: Any
    values: dict[str, Any] = field(default_factory=dict)
    """What this row says besides its blanks."""

    @property
    def shown(self) -> str:
        return f"{_readable(self.en)} | {_readable(self.zh)}"


def _readable(template: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda blank: SLOTS[blank[1]].shown, template)


def _pattern(template: str) -> str:
    """The regular expression of a template. In English words are apart; in Chinese spaces are free."""
    gap = r"\s+" if template.isascii() else r"\s*"
    out, blank = "", re.compile(r"\{(\w+)\}")
    for part in re.split(r"(\{\w+\}|[\[\]()|]|\s+)", template):
        if found := blank.fullmatch(part):
            out += f"(?P<{found[1]}>{SLOTS[found[1]].pattern})"
        elif part.isspace():
            out += gap
        else:
            out += {"[": "(?:", "]": ")?", "(": "(?:", ")": ")", "|": "|"}.get(part, re.escape(part))
    return out


class Table:
    """A list of phrases that can be asked what a piece of a line says."""

    def __init__(self, what: str, rows: Iterable[Phrase]) -> None:
        self.what, self.rows = what, tuple(rows)
        self._patterns = [
            (re.compile(_pattern(template), re.IGNORECASE), row) for row in self.rows for template in (row.en, row.zh)
        ]

    def find(self, text: str) -> tuple[Phrase, dict[str, Any]] | None:
        """The row that says all of `text`, and its blanks. Mistake for a blank that cannot be (25:00)."""
        for pattern, row in self._patterns:
            if found := pattern.fullmatch(text):
                return row, {**row.values, **_blanks(found)}
        return None

    def head(self, text: str) -> tuple[Phrase, str] | None:
        """The longest row without blanks that `text` begins with, and what is left of the text behind it."""
        fitting = [(found.end(), row) for pattern, row in self._patterns if (found := pattern.match(text))]
        fitting = [(end, row) for end, row in fitting if end == len(text) or text[end].isspace() or text[end] == ","]
        if not fitting:
            return None
        end, row = max(fitting, key=lambda pair: pair[0])
        return row, text[end:].strip()

    def unknown(self, text: str) -> str:
        """What to tell somebody who wrote `text` where a row of this table should stand."""
        zh = any("\u4e00" <= letter <= "\u9fff" for letter in text)
        rows = {_readable(row.zh if zh else row.en): row for row in self.rows}
        near = difflib.get_close_matches(text, rows, n=3, cutoff=0.4) or list(rows)[:6]
        return f"{text!r} is no {self.what}; here could stand: " + "; ".join(dict.fromkeys(near))

    def read(self, text: str) -> tuple[Phrase, dict[str, Any]]:
        """As `find`. Mistake, with what could have stood there, when no row says it."""
        found = self.find(text)
        if found is None:
            raise Mistake(self.unknown(text))
        return found


def _blanks(found: re.Match[str]) -> dict[str, Any]:
    try:
        return {name: SLOTS[name].read(text) for name, text in found.groupdict().items() if text is not None}
    except ValueError as wrong:
        raise Mistake(f"{found[0]!r}: {wrong}") from None


PUNCTUATION = str.maketrans({"，": ",", "、": ",", "；": ";", "：": ":", "（": "(", "）": ")", "　": " ", "＝": "="})


def plain(text: str) -> str:
    """Chinese punctuation as Latin, arrows as `->`, so that a line means the same however it was typed."""
    return text.translate(PUNCTUATION).replace("→", "->").replace("—", "-").replace("–", "-")
