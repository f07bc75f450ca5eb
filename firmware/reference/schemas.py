"""JSON Schemas (2020-12) of our types, with the words that stand beside each field in the source.

Readers ignore fields they do not know and writers may leave out a default, so a schema forbids nothing new.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Iterable
from typing import Any

import msgspec

Schema = dict[str, Any]


def components(types: Iterable[Any], template: str) -> tuple[list[Schema], dict[str, Schema]]:
    """The schema of each type, and those they refer to by name; `template` says how a reference is written."""
    wanted = list(types)
    found, named = msgspec.json.schema_components(wanted, ref_template=template)
    known = {one.__name__: one for one in _structs(wanted)}
    return [_plain(one) for one in found], {
        name: _with_words(known.get(name), schema) for name, schema in sorted(named.items())
    }


def of(kind: Any) -> Schema:
    """One type's schema, whole, with everything it refers to inside."""
    (top,), named = components([kind], "#/$defs/{name}")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **top, "$defs": named}


def _plain(schema: Schema) -> Schema:
    """Without OpenAPI's `discriminator`, which neither JSON Schema nor AsyncAPI knows: `kind` is an enum in each."""
    return {key: value for key, value in schema.items() if key != "discriminator"}


def _with_words(kind: type | None, schema: Schema) -> Schema:
    """A docstring as it reads: msgspec takes its indentation away since 0.23."""
    if "description" in schema:
        schema = {**schema, "description": inspect.cleandoc(schema["description"])}
    if kind is None or "properties" not in schema:
        return schema
    said = words(kind)
    properties = {
        name: {**field, "description": said[name]} if name in said else field
        for name, field in schema["properties"].items()
    }
    return {**schema, "properties": properties}


@functools.cache
def words(kind: type) -> dict[str, str]:
    """The string that follows a field in the source, by the field's name on the wire."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__[:-1]):
        if each.__module__.partition(".")[0] in ("firmware", "mqtt", "sensors"):
            found.update(_words_of(each))
    encoded = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
    return {encoded[name]: text for name, text in found.items() if name in encoded}


def _words_of(kind: type) -> dict[str, str]:
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(tree, ast.ClassDef)
    pairs = [(one, two) for one, two in zip(tree.body, tree.body[1:], strict=False) if isinstance(one, ast.AnnAssign)]
    said = [(one.target, two.value) for one, two in pairs if isinstance(two, ast.Expr)]
    return {
        target.id: " ".join(value.value.split())
        for target, value in said
        if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str)
    }


def _structs(types: Iterable[Any]) -> set[type]:
    """Every struct that these types reach."""
    found: set[type] = set()
    todo = [msgspec.inspect.type_info(kind) for kind in types]
    while todo:
        info = todo.pop()
        if isinstance(info, msgspec.inspect.StructType):
            if info.cls in found:
                continue
            found.add(info.cls)
            todo += [field.type for field in info.fields]
        for name in ("types", "item_types"):
            todo += getattr(info, name, ())
        for name in ("item_type", "key_type", "value_type", "type"):
            inner = getattr(info, name, None)
            todo += [inner] if isinstance(inner, msgspec.inspect.Type) else []
    return found
