"""The words on signs and from voices, by reason. Chinese first; the plan's own sentences where it has them.

A sign has two halves around a space and at most `SIGN_MAX` characters; a sentence may need numbers (`{hours}`): what
cannot be filled in is left out, clause by clause, so that nobody is ever told a gap. Voices spell numbers.
No health reason is ever shown or spoken: those reasons have the words of `staff`.

A rulebook's `[phrases.zh]` and `[phrases.en]` replace the sign by `<reason>` and the voice by `<reason>_voice`; where
only the sign is replaced the voice says the same.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Mapping

from firmware.rulebook.words_idle import IDLE
from firmware.rulebook.words_people import PEOPLE
from firmware.rulebook.words_plan import PLAN, STAFF, Words

SIGN_MAX = 14
"""Characters of a Chinese sign (`plan/mission.md`)."""

Value = str | int
Phrases = Mapping[str, Mapping[str, str]]


WORDS: dict[str, Words] = {
    **PLAN,
    **{reason: Words(*said) for reason, said in PEOPLE.items()},
    **{reason: Words(*said, *said) for reason, said in IDLE.items()},
}
"""Reason -> words. Rules name a reason; a reason that is not here is told as `staff`."""
DEFAULTS: dict[str, Value] = {"lift": "观光电梯", "lift_en": "the sightseeing lift"}
"""Which lift, where a rulebook does not say (3.1.5d)."""


def words(reason: str, phrases: Phrases | None = None, **values: Value) -> Words:
    """What to show and say for `reason`. Values: `time` as `9:50`; `floor`, `window`, `hours`, `n`, `m`."""
    own = WORDS.get(reason, STAFF)
    if phrases:
        own = _worded(own, reason, phrases.get("zh", {}), phrases.get("en", {}))
    return _said(own, tuple(values.items()))


def _worded(own: Words, reason: str, zh: Mapping[str, str], en: Mapping[str, str]) -> Words:
    return Words(
        zh.get(reason, own.sign_zh),
        en.get(reason, own.sign_en),
        _voice(zh, reason, own.voice_zh),
        _voice(en, reason, own.voice_en),
    )


@functools.lru_cache(maxsize=256)
def _said(own: Words, items: tuple[tuple[str, Value], ...]) -> Words:
    """Filled in. Remembered: a visitor waits, and a hall has few windows."""
    values = DEFAULTS | dict(items)
    shown = _shown(values)
    return Words(
        sign_zh=_sign(own.sign_zh, shown) or "请稍候",
        sign_en=_filled(own.sign_en, shown, _CLAUSE_EN) or "Please wait",
        voice_zh=_ended(_filled(own.voice_zh, _spoken(values)) or "请稍候", "。"),
        voice_en=_ended(_filled(own.voice_en, shown, _CLAUSE_EN) or "Please wait", "."),
    )


def pages(reason: str, phrases: Phrases | None = None, **values: Value) -> list[tuple[str, str]]:
    """(Chinese, English) for the idle sign, in as many pages as it needs: what is too long for one is told half by half."""
    own = WORDS[reason]
    if phrases:
        own = _worded(own, reason, phrases.get("zh", {}), phrases.get("en", {}))
    shown = _shown(DEFAULTS | values)
    zh, en = _filled(own.sign_zh, shown), _filled(own.sign_en, shown, _CLAUSE_EN)
    halves = [zh] if len(zh) <= SIGN_MAX else zh.split(" ")
    return [(half[:SIGN_MAX], en) for half in halves if half]


def when(at: dt.datetime) -> dict[str, Value]:
    """The values `time`, `date` and `day` of a local moment, for words that say when to come back."""
    return {"time": f"{at.hour}:{at.minute:02}", "date": f"{at.month}月{at.day}日", "day": f"{at.month}/{at.day}"}


def base_reason(key: str) -> str:
    """The reason that a key of `[phrases.zh]` speaks of."""
    return key.removesuffix("_voice")


# ---------------------------------------------------------------- filling in

ALWAYS = frozenset({*DEFAULTS, "online", "online_en", "phone"})
"""Of the rulebook's own tables: these any no may name. The others belong to their reason."""
WHEN = frozenset({"time", "date", "day"})
_PLACE = re.compile(r"\{([a-z_]+)\}")
_CLAUSE_ZH = re.compile(r"[^，。； ]*[，。； ]?")
_CLAUSE_EN = re.compile(r"[^,.;:]*(?:[,.;:] ?)?")
"""A clause with its ending; on a Chinese sign the space between its halves ends one."""


def blanks_of(text: str) -> tuple[str, ...]:
    return tuple(_PLACE.findall(text))


def blanks(reason: str) -> frozenset[str]:
    """What may be filled in where this reason is told; empty: it is no reason."""
    own = WORDS.get(reason)
    if own is None:
        return frozenset()
    named = {name for text in (own.sign_zh, own.sign_en, own.voice_zh, own.voice_en) for name in blanks_of(text)}
    return ALWAYS | named | (WHEN if named & WHEN else frozenset())


def least_length(text: str) -> int:
    """Characters of a sign whose numbers have one digit each."""
    return len(_PLACE.sub("1", text))


def _voice(phrases: Mapping[str, str], reason: str, built_in: str) -> str:
    return phrases.get(f"{reason}_voice", phrases.get(reason, built_in))


def _sign(text: str, values: Mapping[str, str]) -> str:
    """Filled in; its second half goes when the first alone fits the sign."""
    whole = _filled(text, values)
    return whole if len(whole) <= SIGN_MAX else whole.split(" ")[0][:SIGN_MAX]


def _filled(text: str, values: Mapping[str, str], clause: re.Pattern[str] = _CLAUSE_ZH) -> str:
    """Every `{name}` replaced; a clause with a value that is not there is left out."""
    if "{" not in text:
        return text
    text = _kept(text, frozenset(values), clause)
    return _PLACE.sub(lambda place: values[place[1]], text).rstrip(" ，、；,:;")


@functools.lru_cache(maxsize=256)
def _kept(text: str, names: frozenset[str], clause: re.Pattern[str]) -> str:
    """The clauses of which every value is there. Remembered: a visitor waits, and the sentences are always the same."""
    return "".join(part for part in clause.findall(text) if names.issuperset(_PLACE.findall(part)))


def _ended(sentence: str, stop: str) -> str:
    return sentence if not sentence or sentence[-1] in "。.!！?？" else sentence + stop


def _shown(values: Mapping[str, Value]) -> dict[str, str]:
    return {name: _short_time(str(value)) if name == "time" else str(value) for name, value in values.items()}


def _short_time(time: str) -> str:
    return time[1:] if re.fullmatch(r"0\d:\d\d", time) else time


# ---------------------------------------------------------------- numbers, spoken

_DIGITS = "零一二三四五六七八九"
_PHONE = "零幺二三四五六七八九"
"""In a phone number a one is said otherwise, so that nobody hears a seven."""
_COUNTED = frozenset({"n", "m", "hours", "days"})
"""Values that count something: two of them are 两, the second floor is 二楼."""


def _spoken(values: Mapping[str, Value]) -> dict[str, str]:
    return {name: _say(name, str(value)) for name, value in values.items()}


def _say(name: str, value: str) -> str:
    if name == "time":
        return spoken_time(value)
    if name == "phone":
        return "".join(_PHONE[int(digit)] for digit in value if digit.isascii() and digit.isdigit())
    if not re.fullmatch(r"[0-9]{1,5}", value):
        return value
    return "两" if name in _COUNTED and int(value) == 2 else spoken_number(int(value))


def spoken_time(time: str) -> str:
    """`9:50` as 九点五十分, `9:05` as 九点零五分, `14:00` as 十四点; other texts unchanged."""
    match = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", time)
    if not match:
        return time
    hour, minute = int(match[1]), int(match[2])
    zero = "零" if 0 < minute < 10 else ""
    said = "两" if hour == 2 else spoken_number(hour)
    return f"{said}点" + (f"{zero}{spoken_number(minute)}分" if minute else "")


def spoken_number(number: int) -> str:
    """A whole number from 0 to 99999 as it is said: 12 十二, 72 七十二, 105 一百零五, 1050 一千零五十."""
    if number == 0:
        return _DIGITS[0]
    said, gap = "", False
    for unit, name in ((10000, "万"), (1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // unit % 10
        if digit:
            said += (_DIGITS[0] if gap else "") + _DIGITS[digit] + name
        gap = bool(said) and not digit
    return said[1:] if said.startswith("一十") else said
