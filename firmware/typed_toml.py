"""TOML bytes into typed structs, with every mistake named by line, key and the nearest right key.

msgspec stops at the first wrong value and does not know lines. Here the tree is walked beside its types, so that a
person with a typing error sees all of them at once. Value in, value out: nothing is opened.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
import tomllib
import types
import typing
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from firmware import toml_lines
from firmware.errors import Mistake
from firmware.toml_lines import Path

SIZE_MAX = 1_000_000
"""Bytes. A rulebook is some 3 kB, a site file less: what is larger is not one."""

WIDE = {
    "“": '"',
    "”": '"',
    "„": '"',
    "‘": "'",
    "’": "'",
    "【": "[",
    "】": "]",
    "、": ",",
    "。": ".",
    "—": "-",
    "–": "-",
}
"""What is typed for a sign of TOML, beside the full-width twins of ASCII (U+FF01 to U+FF5E)."""

UNSEEN = ("Cc", "Cf", "Zl", "Zp")
"""Unicode's categories of signs that show nothing. An odd space is seen, and a rare character may be missing in a font."""

EMPTY = '""'
"""How a key without a letter is written."""

T = TypeVar("T")


class Mistakes(Mistake):
    """All mistakes of one file, one line each; where it is asked like a single one it answers with the first."""

    def __init__(self, found: Iterable[Mistake]) -> None:
        self.all = tuple(found)
        first = self.all[0]
        super().__init__(first.what, file=first.file, line=first.line, key=first.key)

    def __str__(self) -> str:
        return "\n".join(str(mistake) for mistake in self.all)


@dataclass(frozen=True)
class Document:
    """A file's text and what it holds. `file` is the name a person knows it by."""

    file: str
    text: str
    tree: dict[str, Any]

    @functools.cached_property
    def lines(self) -> dict[Path, int]:
        """Read once, at the first mistake: a file may have thousands."""
        return toml_lines.lines(self.text)

    def mistake(self, path: Path, what: str) -> Mistake:
        return Mistake(what, file=self.file, line=toml_lines.nearest_line(self.lines, path), key=dotted(path))

    def mistakes(self, found: list[tuple[Path, str]]) -> Mistakes:
        """In the order of the file: the first line a person reads is the first place to look at."""
        return Mistakes(sorted((self.mistake(*one) for one in found), key=lambda mistake: mistake.line))


def dotted(path: Path) -> str:
    """`lane[0].gate.channel`, as a person writes it."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part or EMPTY}" for part in path).removeprefix(".")


def too_large(file: str) -> Mistake:
    return Mistake(f"is larger than {SIZE_MAX} bytes", file=file)


def document(raw: bytes, file: str) -> Document:
    """Read the TOML; Mistake with the line when it is none."""
    if len(raw) > SIZE_MAX:
        raise too_large(file)
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")  # some editors put a byte order mark in front
    except UnicodeDecodeError as wrong:
        line = raw[: wrong.start].count(b"\n") + 1
        raise Mistake("is not UTF-8 text: save it as UTF-8", file=file, line=line) from None
    if toml_lines.long_keys(text) and (line := toml_lines.too_deep(text)):
        raise Mistake("is nested too deeply", file=file, line=line)
    try:
        return Document(file, text, tomllib.loads(text))
    except RecursionError:
        raise Mistake("is nested too deeply", file=file, line=toml_lines.too_deep(text)) from None
    except ValueError as wrong:
        raise _not_toml(str(wrong), file, text) from None


_NAMES, _NAME = re.compile(r"\('.*'?,?\)"), re.compile(r"'([^']*)'")
"""A table's name as the parser says it: ('lane', 'gate')."""


def _not_toml(message: str, file: str, text: str) -> Mistake:
    """What breaks off is wrong at its end: the parser says 'at end of document' there."""
    where = re.search(r"\(at line (\d+), column \d+\)", message)
    what = _NAMES.sub(lambda found: ".".join(_NAME.findall(found[0])), message.split(" (at ")[0].partition(";")[0])
    what = "the quotation mark is not closed on its line" if what.endswith(r"'\n'") else what
    lines = text.rstrip().split("\n")
    line = min(int(where[1]), len(lines)) if where else len(lines)
    return Mistake(f"is no TOML: {what}{_wide_sign(lines[line - 1])}", file=file, line=line)


def _wide_sign(line: str) -> str:
    """A hint at what a Chinese keyboard or a text program put in a TOML sign's place; empty: nothing of that kind."""
    found = next((sign for sign in line.split("#")[0] if sign in WIDE or "\uff01" <= sign <= "\uff5e"), "")
    return f"; for {found} write {WIDE.get(found) or chr(ord(found) - 0xFEE0)}" if found else ""


def typed(source: Document, kind: type[T]) -> T:
    """The whole document as `kind`; Mistakes names everything that does not fit."""
    found = complaints(source.tree, kind)
    if found:
        raise source.mistakes(found)
    return convert(source.tree, kind)


def convert(value: Any, kind: type[T]) -> T:
    """Strictly: a date is a TOML date, not a text that looks like one. ValidationError when it does not fit."""
    return msgspec.convert(value, kind, builtin_types=(dt.date, dt.datetime, dt.time))


def complaints(value: Any, kind: Any, path: Path = ()) -> list[tuple[Path, str]]:
    """(path, what) of everything in `value` that does not fit `kind`."""
    kind = _without_none(kind)
    shape = typing.get_origin(kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(value, dict):
        return _in_struct(value, kind, path)
    if shape is dict and isinstance(value, dict):
        return _in_table(value, typing.get_args(kind), path)
    if shape is tuple and isinstance(value, list) and typing.get_args(kind)[1:] == (Ellipsis,):
        entry = typing.get_args(kind)[0]
        return [one for index, item in enumerate(value) for one in complaints(item, entry, path + (index,))]
    return _in_leaf(value, kind, path)


def unseen(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """(path, what) of each key and text that holds a sign nobody can see: pasted along, and in no file for a reason.

    A control character, a zero width, a turned writing direction: the file reads right, and the sign or the port is wrong.
    """
    if isinstance(value, str) and (sign := _unseen_sign(value)):
        yield path, f"holds U+{ord(sign):04X}, a sign that cannot be seen: write it again without"
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from unseen(item if not _unseen_sign(key) else key, path + (key,))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from unseen(item, path + (index,))


def _unseen_sign(text: str) -> str:
    """The first of them; empty: there is none. Most files have none at all."""
    if text.isprintable():
        return ""
    return next((sign for sign in text if unicodedata.category(sign) in UNSEEN), "")


def _in_struct(table: dict[str, Any], kind: type[msgspec.Struct], path: Path) -> list[tuple[Path, str]]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    found = [(path + (key,), unknown(key, fields)) for key in table if key not in fields]
    missing = (name for name, field in fields.items() if field.required and name not in table)
    absent = (name for name in missing if not any(name in what for _, what in found))
    found += [(path, _missing(name, fields[name].type)) for name in absent]
    for key in table.keys() & fields.keys():
        found += complaints(table[key], fields[key].type, path + (key,))
    return found or _in_leaf(table, kind, path)


def _missing(name: str, kind: Any) -> str:
    """With what to write, where there is but one thing that could be written."""
    choices = typing.get_args(kind) if typing.get_origin(kind) is typing.Literal else ()
    if len(choices) == 1:
        return f"{name} is missing: write {name} = {choices[0]}"
    return f"{name} is missing"


def _in_table(table: dict[str, Any], types_of: tuple[Any, ...], path: Path) -> list[tuple[Path, str]]:
    name, entry = types_of
    found = []
    for key, item in table.items():
        found += _in_leaf(key, name, path + (key,)) + complaints(item, entry, path + (key,))
    return found


def _in_leaf(value: Any, kind: Any, path: Path) -> list[tuple[Path, str]]:
    try:
        convert(value, kind)
        return []
    except msgspec.ValidationError as wrong:
        return [(path, _plainly(str(wrong), value, kind))]


def _without_none(kind: Any) -> Any:
    """`X | None` is X for somebody who writes TOML, which has no null."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        rest = [one for one in typing.get_args(kind) if one is not type(None)]
        return rest[0] if len(rest) == 1 else kind
    return kind


def _plainly(message: str, value: Any, kind: Any) -> str:
    """msgspec's message, in words for the person who wrote the file."""
    choices = typing.get_args(kind) if typing.get_origin(kind) is typing.Literal else ()
    if choices:
        return f"{value!r} is none of {', '.join(map(str, choices))}" + nearest(str(value), map(str, choices))
    meant = [note.description for note in getattr(kind, "__metadata__", ()) if getattr(note, "description", None)]
    if meant and isinstance(value, str):
        return f"{value!r} is no {meant[0]}"
    return _PLAIN_WORDS.sub(lambda word: _PLAIN[word[0]], message.split(" - at ")[0])


_PLAIN = {"`": "", "Expected": "expected", "object": "table", "array": "list"}
_PLAIN_WORDS = re.compile("|".join(_PLAIN))


def unknown(key: str, known: Iterable[str]) -> str:
    return "is no key here" + nearest(key, known)


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean channel?`, or nothing when no word is near. Upper and lower case are one."""
    import difflib  # a file without a mistake does not pay for it

    plain = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), plain, 1, 0.6)
    return f"; did you mean {plain[close[0]]}?" if close else ""
