"""The locator names the line where each key of generated TOML was really written."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware import typed_toml
from firmware.errors import Mistake
from firmware.toml_lines import line_of, lines

NAMES = st.one_of(
    st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True),
    st.text(st.characters(codec="utf-8", exclude_characters="\\'\"\r\n\x7f", min_codepoint=32), max_size=4),
)
VALUES = st.sampled_from(
    [
        "1",
        '"a # no comment"',
        "'c:\\dir'",
        "[1, 2, # here\n 3]",
        '"""two\n[lane]\n"\\""""',
        "2022-06-01",
        "[]",
        "{}",
        "true",
    ]
)


def written(name: str) -> str:
    return (
        name
        if name and all(letter.isascii() and (letter.isalnum() or letter in "_-") for letter in name)
        else f'"{name}"'
    )


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[tuple[str | int, ...], int]]:
    """TOML text with tables and arrays of tables, and the line of each key in it, counted while it is written."""
    text, where = "", {}
    counts: dict[str, int] = {}
    for table in draw(st.lists(NAMES, max_size=5)):
        text += draw(st.sampled_from(["", "\n", "# [lane]\n", "   \n\n"]))
        kind = counts.get(table)
        if kind is None and draw(st.booleans()):
            text += f"[{written(table)}]\n"
            path: tuple[str | int, ...] = (table,)
            counts[table] = -1
        elif kind is None or kind >= 0:
            counts[table] = (kind or 0) + 1
            path = (table, counts[table] - 1)
            text += f"[[ {written(table)} ]] # another\n"
        else:
            continue
        where[path] = text.count("\n")
        for key in draw(st.lists(NAMES, max_size=3, unique=True)):
            where[*path, key] = text.count("\n") + 1
            text += f"  {written(key)}={draw(VALUES)}" + draw(st.sampled_from(["\n", " # tail\n"]))
    return text, where


@settings(max_examples=200)
@given(documents())
def test_every_key_is_found_on_its_line(document: tuple[str, dict[tuple[str | int, ...], int]]) -> None:
    text, where = document
    tomllib.loads(text)
    found = lines(text)
    assert {path: found.get(path) for path in where} == where


@settings(max_examples=200)
@given(st.text(st.sampled_from("[]{}=.,\"'#\n\\ ab1"), max_size=60))
def test_it_never_raises_whatever_the_text(text: str) -> None:
    assert all(1 <= line <= text.count("\n") + 1 for line in lines(text).values())


def test_inline_tables_dotted_keys_and_array_elements() -> None:
    text = 'a.b = 1\npins = { outside = 17,\n  inside = 27 }\nspans = [\n "09:00-10:00",\n "x",\n]\n'
    assert line_of(text, ("a", "b")) == 1
    assert line_of(text, ("pins", "inside")) == 3
    assert line_of(text, ("spans", 1)) == 6


def test_sub_tables_belong_to_the_last_entry_of_an_array() -> None:
    text = '[[lane]]\nname = "A"\n[lane.gate]\nchannel = 1\n[[lane]]\n[lane.gate]\nchannel = 2\n'
    assert line_of(text, ("lane", 0, "gate", "channel")) == 4
    assert line_of(text, ("lane", 1, "gate", "channel")) == 7


def test_a_missing_key_is_looked_for_in_its_table() -> None:
    assert line_of("v = 1\n[device]\nhall = 'x'\n", ("device", "name")) == 2
    assert line_of("v = 1\n[[lane]]\nname = 1\n[[lane]]\n", ("lane", "air")) == 2, "no lane has one"
    assert line_of("v = 1\n", ("device", "name")) == 1, "a missing table: the file"


def test_a_large_file_takes_no_quadratic_time() -> None:
    text = "".join(f"k{number} = [1, 2, 3]\n" for number in range(20_000))
    assert line_of(text, ("k19999",)) == 20_000


A = "a." * 100_000


@pytest.mark.parametrize(
    "deep",
    [f"{A}a = 1", f"[{A}a]", f"[[{A}a]]", f"x = {{ {A}a = 1 }}", "x = " + "[" * 100_000, "x = " + "{a=" * 100_000],
)
def test_what_is_too_deep_for_a_parser_is_refused_with_its_line(deep: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of long keys no parser hears: it copies the beginning of a key at each of its parts."""
    if A in deep:
        monkeypatch.setattr("tomllib.loads", pytest.fail)
    with pytest.raises(Mistake) as wrong:
        typed_toml.document(f"v = 1\n\n{deep}\n".encode(), "site.toml")
    assert str(wrong.value) == "site.toml:3: is nested too deeply"


def test_many_dots_in_a_text_or_a_remark_are_no_key() -> None:
    dots = "a." * 1_000
    text = f'# {dots}\nx = """\n{dots}\n"""\ny = "{dots}"\nz.{"a." * 50}z = 1\n'
    assert typed_toml.document(text.encode(), "site.toml").tree["y"] == dots
