"""Bytes that are no rulebook, and mistakes that are told in a person's words."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware import typed_toml
from firmware.errors import Mistake


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    colour: Literal["green", "red"]
    size_mm: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1


class Whole(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    since: dt.date
    part: tuple[Part, ...] = ()
    named: dict[str, Part] = {}
    one: Part | None = None


def told(text: str) -> list[str]:
    with pytest.raises(Mistake) as caught:
        typed_toml.typed(typed_toml.document(text.encode(), "f.toml"), Whole)
    assert isinstance(caught.value, typed_toml.Mistakes)
    return str(caught.value).splitlines()


def test_all_mistakes_are_told_in_the_order_of_the_file() -> None:
    text = (
        'since = "2022-01-01"\n[[part]]\ncolour = "gren"\n[[part]]\nsizemm = 3\n[named.x]\ncolour = 1\nsize_mm = 10\n'
    )
    assert told(text) == [
        "f.toml:1: since: expected date, got str",
        "f.toml:3: part[0].colour: 'gren' is none of green, red; did you mean green?",
        "f.toml:4: part[1]: colour is missing",
        "f.toml:5: part[1].sizemm: is no key here; did you mean size_mm?",
        "f.toml:7: named.x.colour: 1 is none of green, red",
        "f.toml:8: named.x.size_mm: expected int <= 9",
    ]


def test_a_misspelt_key_is_not_told_as_missing_too() -> None:
    assert told("sinse = 2022-01-01\n") == ["f.toml:1: sinse: is no key here; did you mean since?"]


def test_a_table_where_a_value_belongs_and_the_other_way_round() -> None:
    assert told("since = 2022-01-01\npart = 3\none = 4\n") == [
        "f.toml:2: part: expected list, got int",
        "f.toml:3: one: expected table, got int",
    ]


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"a = \n", 1), (b"a = 1\na = 2\n", 2), (b"ok = 1\n\xff\xfe", 2), (b"[" * 50_000, 0), (b"a = " + b"9" * 9_000, 0),
        (b"ok = 1\na = ", 2), (b"ok = 1\na = [1,\n\n", 2),
    ],
)  # fmt: skip
def test_what_is_no_toml_is_refused_with_its_line(raw: bytes, line: int) -> None:
    with pytest.raises(Mistake) as caught:
        typed_toml.document(raw, "f.toml")
    assert caught.value.file == "f.toml"
    assert caught.value.line == line or line == 0


def test_a_file_beyond_all_sense_is_refused_unread() -> None:
    with pytest.raises(Mistake, match="larger"):
        typed_toml.document(b"#" * (typed_toml.SIZE_MAX + 1), "f.toml")


@settings(max_examples=150)
@given(st.binary(max_size=80) | st.text(st.sampled_from("since=2022-01[]part.\n\"'{}"), max_size=60).map(str.encode))
def test_any_bytes_are_typed_or_a_mistake(raw: bytes) -> None:
    try:
        typed_toml.typed(typed_toml.document(raw, "f.toml"), Whole)
    except Mistake as mistake:
        assert "\n" not in mistake.what
