"""A rulebook with one number changed: `limit_persons = 3`, `class.visitor.proof = ["pcr"]`, `phase.limited.share_percent = 50`.

A part of the path that meets a list of tables is the `name` of one of them or its place (0 is the first). The result is
TOML again, because a controller reads the bytes.
"""

from __future__ import annotations

import datetime as dt
import json
import tomllib
from typing import Any

from firmware.errors import Mistake
from firmware.typed_toml import document, nearest


def changed(text: bytes, *changes: str) -> bytes:
    """The rulebook with every change made, in order. Mistake for a change that is none."""
    tree = document(text, "rulebook").tree
    for change in changes:
        _change(tree, change)
    return dumped(tree)


def with_next_serial(text: bytes, change: str) -> bytes:
    """As the hub would send it: changed, and one serial higher."""
    tree = document(text, "rulebook").tree
    _change(tree, change)
    tree["serial"] += 1
    return dumped(tree)


def _change(tree: dict[str, Any], change: str) -> None:
    path, equals, value = change.partition("=")
    if not equals:
        raise Mistake(f"{change!r} changes nothing; write it as: limit_persons = 3")
    try:
        read = tomllib.loads(f"value = {value.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        raise Mistake(f"{value.strip()!r} is no value; texts stand in quotes, dates as 2022-06-01") from None
    *parents, key = [part.strip() for part in path.split(".")]
    table: Any = tree
    for part in parents:
        table = _inside(table, part)
    if not isinstance(table, dict):
        raise Mistake(f"{path.strip()!r}: {parents[-1]} is a list; say which: its name, or 0 for the first")
    table[key] = read


def _inside(table: Any, part: str) -> Any:
    if isinstance(table, list):
        named = {str(each.get("name", place)): each for place, each in enumerate(table) if isinstance(each, dict)}
        if part not in named and not (part.isdecimal() and int(part) < len(table)):
            raise Mistake(f"there is no {part!r} in this list{nearest(part, named)}")
        return named[part] if part in named else table[int(part)]
    if not isinstance(table, dict):
        raise Mistake(f"{part!r} stands in something that is no table")
    return table.setdefault(part, {})


def dumped(tree: dict[str, Any]) -> bytes:
    """TOML, one top-level key a line."""
    return "".join(f"{json.dumps(key)} = {_value(value)}\n" for key, value in tree.items()).encode()


def _value(value: Any) -> str:
    if isinstance(value, dict):
        inside = (f"{json.dumps(key, ensure_ascii=False)} = {_value(each)}" for key, each in value.items())
        return f"{{{', '.join(inside)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
