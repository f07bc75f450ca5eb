"""Chinese or English for the person at the terminal, chosen at the edge: the rooms inside write English only.

`zh.toml` beside this file pairs every English sentence with its Chinese one, `{}` where something was filled in. What
arrives here is the finished English sentence; the pair whose fixed words fit it gives the Chinese, and what was filled
in is looked up in the same way (an error inside an error, a hint behind it). So no room passes messages by number, the
journal and JSON stay English, and a sentence without a pair is shown in English rather than not at all; a test lists
every sentence of the source and fails for one that has no pair.
"""

from __future__ import annotations

import functools
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from firmware.errors import HallgateError, Mistake

Language = Literal["zh", "en"]

CHOICE = "HALLGATE_LANG"
"""What `--lang` said; the processes a verb starts inherit it. The locale itself is left as it is."""
LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")
"""POSIX: the first of them that is set and not empty decides."""
_HOLE = re.compile(r"\{(\d?)\}")


class Pair(NamedTuple):
    """`fixed`: how many characters of the English are fixed; of two pairs that fit, the one with more is meant."""

    fixed: int
    fits: re.Pattern[str]
    chinese: str


class Catalogue(NamedTuple):
    pairs: tuple[Pair, ...]
    pages: Mapping[str, str]


# ---------------------------------------------------------------- which language


def chosen(environment: Mapping[str, str] | None = None) -> Language:
    """The language of this process; English when nothing asks for Chinese."""
    settings = os.environ if environment is None else environment
    wish = next((settings[name] for name in (CHOICE, *LOCALE) if settings.get(name)), "")
    return "zh" if wish.lower().startswith("zh") else "en"


def asked_for(words: Sequence[str]) -> tuple[str, list[str]]:
    """What `--lang zh` or `--lang=zh` among the words says, wherever it stands, or ""; and the words without it."""
    wish, others, following = "", [], iter(words)
    for word in following:
        pair = [word, next(following, "")] if word == "--lang" else word.split("=", 1)
        if pair[0] == "--lang" and pair[-1] in ("zh", "en"):
            wish = wish or pair[1]
        else:
            others += [word, *pair[1:]] if word == "--lang" else [word]
    return wish, others


@contextmanager
def spoken_as(wish: str) -> Iterator[None]:
    """`wish` ("zh", "en" or "": as the locale says) until the verb has ended."""
    before = os.environ.get(CHOICE)
    if wish:
        os.environ[CHOICE] = wish
    try:
        yield
    finally:
        if wish and before is None:
            os.environ.pop(CHOICE, None)
        elif before is not None:
            os.environ[CHOICE] = before


# ---------------------------------------------------------------- the words


def spoken(text: str) -> str:
    """The sentence in the language of this process."""
    return in_chinese(text) if chosen() == "zh" else text


def told(error: HallgateError) -> str:
    """The error as a person reads it: place and key as they are written, what is wrong in their language."""
    if not isinstance(error, Mistake):
        return spoken(str(error))
    every: Sequence[Mistake] = getattr(error, "all", (error,))
    return "\n".join(_placed(mistake) for mistake in every)


def _placed(mistake: Mistake) -> str:
    return str(Mistake(spoken(mistake.what), file=mistake.file, line=mistake.line, key=mistake.key))


def page(verb: str, english: str) -> str:
    """The help page of a verb; its first line stands in the overview."""
    return catalogue().pages.get(verb, english) if chosen() == "zh" else english


def in_chinese(text: str) -> str:
    """The Chinese of a finished English sentence; the sentence itself when there is none."""
    for pair in catalogue().pairs:
        if found := pair.fits.fullmatch(text):
            return _filled(pair.chinese, [in_chinese(hole) for hole in found.groups()])
    return text


def _filled(chinese: str, holes: Sequence[str]) -> str:
    in_order = iter(range(len(holes)))
    return _HOLE.sub(lambda hole: holes[int(hole[1]) if hole[1] else next(in_order)], chinese)


@functools.cache
def catalogue() -> Catalogue:
    """Read when the first Chinese sentence is asked for: English costs nothing."""
    tables = tomllib.loads((Path(__file__).parent / "zh.toml").read_text("utf-8"))
    pages = tables.pop("pages")
    pairs = [_pair(english, chinese) for table in tables.values() for english, chinese in table.items()]
    return Catalogue(tuple(sorted(pairs, key=lambda pair: (-pair.fixed, -pair.fits.groups))), pages)


def _pair(english: str, chinese: str) -> Pair:
    """A hole right behind a hole is a hint: `; did you mean port?`, or a name in brackets."""
    words = english.split("{}")
    pattern = "(.*?)".join(map(re.escape, words)).replace("(.*?)(.*?)", r"(.*?)((?:; .*| \(.*\))?)")
    return Pair(sum(map(len, words)), re.compile(pattern, re.DOTALL), chinese)
