"""Where in a TOML file a key stands. The TOML parsers say it only for text they cannot read.

`lines(text)` walks text that a TOML parser has already accepted and answers the line of every key, table, array-table
entry and array element by its path, the way the parsed value is reached: `("lane", 0, "gate", "channel")`.
It is a lexer, not a second parser: it never raises, whatever the text, and what it cannot follow it leaves out.
"""

from __future__ import annotations

import contextlib
import re
import tomllib
from typing import NoReturn

Path = tuple[str | int, ...]

DEPTH_MAX = 60
"""Keys and nested values deeper than this are passed over: no file of ours goes beyond four."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|' + r"'''.*?'{3,5}|" + r'"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'", re.DOTALL
)
_PLAIN = re.compile(r"[^,\]}#\n]*")
_REST_OF_LINE = re.compile(r"[^\n]*\n?")


def lines(text: str) -> dict[Path, int]:
    """The line, counted from 1, of each path that `text` defines."""
    return _Walk(text).whole()


def line_of(text: str, path: Path) -> int:
    """The line of `path` in `text`, or of the nearest thing around it."""
    return nearest_line(lines(text), path)


def nearest_line(known: dict[Path, int], path: Path) -> int:
    """The line of `path`, or of the nearest thing around it: a missing key's table, a missing table's file (line 1).

    Of an array of tables without a number (what none of them has): of its first.
    """
    around = [*(path[:n] for n in range(len(path), 0, -1)), (*path[:1], 0)]
    return next((known[each] for each in around if each in known), 1)


def too_deep(text: str) -> int:
    """The line, counted from 1, of the first key or value that is nested deeper than DEPTH_MAX; 0: there is none."""
    walk = _Walk(text)
    walk.whole()
    return walk.deep_at


def long_keys(text: str) -> bool:
    """Whether there may be keys in it that are `too_deep`. Asked before a parser reads it: 100,000 parts take a minute."""
    return any(line.count(".") >= DEPTH_MAX for line in text.split("\n"))


class _Lost(Exception):
    """This is no TOML that can be followed."""


class _Walk:
    """One walk over the text; `at` is the next character, `table` the table that keys belong to."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.counted, self.line = 0, 1
        self.table: Path = ()
        self.entries: dict[Path, int] = {}
        self.found: dict[Path, int] = {}
        self.deep_at = 0
        """The first line with more depth than is followed."""

    def whole(self) -> dict[Path, int]:
        while self._skip(_BLANK) < len(self.text):
            with contextlib.suppress(_Lost):
                self._header() if self._next() == "[" else self._pair(self.table, 0)
            self._skip(_REST_OF_LINE)
        return self.found

    # ------------------------------------------------------------ small steps

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.at

    def _take(self, pattern: re.Pattern[str]) -> str:
        start = self.at
        if self._skip(pattern) == start:
            raise _Lost
        return self.text[start : self.at]

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]

    def _note(self, path: Path, at: int) -> None:
        self.line += self.text.count("\n", self.counted, at)
        self.counted = at
        self.found.setdefault(path, self.line)

    def _too_deep(self) -> NoReturn:
        self.deep_at = self.deep_at or self.text.count("\n", 0, self.at) + 1
        raise _Lost

    # ------------------------------------------------------------ the parts of a file

    def _header(self) -> None:
        start = self.at
        double = self.text.startswith("[[", start)
        self.at += 2 if double else 1
        names = self._key()
        path = self._inside(names[:-1]) + (names[-1],)
        if double:
            self._note(path, start)
            self.entries[path] = self.entries.get(path, -1) + 1
        self.table = self._inside(names)
        self._note(self.table, start)

    def _inside(self, names: list[str]) -> Path:
        """The path the names lead to: through an array of tables, into its last entry."""
        path: Path = ()
        for name in names:
            path += (name,)
            if path in self.entries:
                path += (self.entries[path],)
        return path

    def _key(self) -> list[str]:
        names: list[str] = []
        while True:
            self._skip(_SPACE)
            if len(names) == DEPTH_MAX:
                self._too_deep()
            names.append(self._name())
            self._skip(_SPACE)
            if self._next() != ".":
                return names
            self.at += 1

    def _name(self) -> str:
        if self._next() not in ('"', "'"):
            return self._take(_BARE)
        quoted = self._take(_STRING)
        try:
            name = tomllib.loads(f"name = {quoted}")["name"]
        except ValueError:
            raise _Lost from None
        return str(name)

    def _pair(self, table: Path, depth: int) -> None:
        start, path = self.at, table
        for name in self._key():
            path += (name,)
            self._note(path, start)
        if self._next() != "=":
            raise _Lost
        self.at += 1
        self._skip(_SPACE)
        self._value(path, depth + 1)

    def _value(self, path: Path, depth: int) -> None:
        first = self._next()
        if depth > DEPTH_MAX:
            self._too_deep()
        if first == "[":
            self._several("]", lambda index: self._element(path + (index,), depth))
        elif first == "{":
            self._several("}", lambda index: self._pair(path, depth))
        else:
            self._skip(_STRING if first in ('"', "'") else _PLAIN)

    def _element(self, path: Path, depth: int) -> None:
        self._note(path, self.at)
        self._value(path, depth + 1)

    def _several(self, end: str, one: object) -> None:
        """What stands between brackets: `one` is called at the start of each entry."""
        assert callable(one)
        self.at += 1
        for index in range(len(self.text)):
            self._skip(_BLANK)
            if self._next() == end:
                self.at += 1
                return
            one(index)
            self._skip(_BLANK)
            if self._next() == ",":
                self.at += 1
            elif self._next() != end:
                raise _Lost
