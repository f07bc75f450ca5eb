"""A story, read: settings and lines, every one of them understood before anything is played.

    story: who comes early is told when to come back          故事: ...
    clause: 3.1.1a                                            条款: 3.1.1a
    date: 2022-06-15                                          日期: 2022-06-15
    rulebook: limit_persons = 3                               规则: limit_persons = 3
    lane: B, entry, for staff, no counter                     通道: B, 入口, 供 staff, 无计数
    person: Li, booked 10:00-10:30, PCR 20 h old              人物: 李先生, 预约 10:00-10:30, 核酸 20 小时前

    09:00 visitor Wang, booked 10:00-10:30, PCR 20 h old, scans at A -> wait early; sign: 9:50
    09:51 Wang scans -> admit; gate opens
    09:51 Wang passes -> 1 inside
    10:20 time passes                                         10:20 等待

A line is a time, who, what they have (from then on), what they do, and behind the arrow what is expected. Lines of the
same minute are played five seconds apart; a time with seconds is exact. `#` begins a remark. A wrong line is a Mistake
with file, line and what could have stood there; all wrong lines are told at once.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from firmware.core.state import CarSetup, LaneSetup
from firmware.errors import Mistake
from firmware.simulation.stories.deeds import PEOPLE, THINGS, Deed
from firmware.simulation.stories.expectations import EXPECTATIONS
from firmware.simulation.stories.people import ATTRIBUTES, CLASSES
from firmware.simulation.stories.phrases import Phrase, Table, plain
from firmware.typed_toml import Mistakes

LINES_MAX = 2_000
LINE_CHARACTERS_MAX = 1_000
EXAMPLE = "09:00 Wang, booked 9:00-9:30, scans -> admit"
Said = tuple[Phrase, dict[str, Any]]


@dataclass(frozen=True)
class Line:
    """One line that is played. `exact`: its time has seconds. `name` empty: it is about a thing."""

    number: int
    text: str
    at_s: int
    exact: bool
    day: dt.date | None
    name: str
    person_class: str
    attributes: tuple[Said, ...]
    deed: Deed
    values: dict[str, Any]
    expected: tuple[Said, ...]
    expected_texts: tuple[str, ...]


@dataclass
class Story:
    file: str
    title: str = ""
    clauses: list[str] = field(default_factory=list)
    day: dt.date | None = None
    changes: list[tuple[int, str]] = field(default_factory=list)
    """(line number, change) on top of the rulebook."""
    lanes: list[LaneSetup] = field(default_factory=list)
    people: list[tuple[int, str, str, tuple[Said, ...]]] = field(default_factory=list)
    """(line number, name, class or empty, what they have)."""
    lines: list[Line] = field(default_factory=list)


# -------------------------------------------------------------- settings


def _title(story: Story, number: int, text: str) -> None:
    story.title = text


def _clauses(story: Story, number: int, text: str) -> None:
    for clause in re.split(r"[,\s]+", text):
        if not re.fullmatch(r"\d\.\d(\.\d[a-e]?)?|local\.[a-z]+", clause):
            raise Mistake(f"{clause!r} is no clause; here could stand: 3.1.1a, 2.2, 3.1.4b")
        story.clauses.append(clause)


def _date(story: Story, number: int, text: str) -> None:
    try:
        story.day = dt.date.fromisoformat(text)
    except ValueError:
        raise Mistake(f"{text!r} is no date; here could stand: 2022-06-15") from None


def _rulebook(story: Story, number: int, text: str) -> None:
    story.changes.append((number, text))


def _lane(story: Story, number: int, text: str) -> None:
    name, *words = [part.strip() for part in text.split(",")]
    if not re.fullmatch(r"[A-Za-z0-9-]{1,32}", name):
        raise Mistake(f"{name!r} is no name of a lane; here could stand: A")
    values: dict[str, Any] = {"direction": "in", "passage_sensor": True, "button": True}
    for phrase, said in map(LANES.read, filter(None, words)):
        values[phrase.means] = next(iter(said.values()))
    story.lanes.append(LaneSetup(name=name, **values))


def _person(story: Story, number: int, text: str) -> None:
    name, person_class, rest = _who(text)
    pieces = [piece for piece in (part.strip() for part in rest.split(",")) if piece]
    story.people.append((number, name, person_class, tuple(map(ATTRIBUTES.read, pieces))))


SMALL_CAR = CarSetup(width_mm=1_600, depth_mm=1_400, rated_persons=13)
"""Four ride in it 0.8 m apart."""
LANES = Table(
    "thing a lane has",
    [
        Phrase("entry", "入口", "direction", {"direction": "in"}),
        Phrase("exit", "出口", "direction", {"direction": "out"}),
        Phrase("entry and exit", "双向", "direction", {"direction": "both"}),
        Phrase("for {words}", "供 {words}", "classes"),
        Phrase("zone {word}", "区域 {word}", "zone"),
        Phrase("interlock {word}", "互锁 {word}", "interlock"),
        Phrase("lift", "电梯", "direction", {"direction": "elevator"}),
        Phrase("small car", "小轿厢", "car", {"car": SMALL_CAR}),
        Phrase("inside the hall", "大厅内", "comes_from", {"comes_from": "hall"}),
        Phrase("hatch", "窗口柜", "hatch", {"hatch": True}),
        Phrase("wide", "宽通道", "wide", {"wide": True}),
        Phrase("sentinel", "数字哨兵", "terminal", {"terminal": True}),
        Phrase("buzzer", "蜂鸣器", "buzzer", {"buzzer": True}),
        Phrase("route light", "引导灯", "route_light", {"route_light": True}),
        Phrase("no counter", "无计数", "passage_sensor", {"passage_sensor": False}),
        Phrase("no button", "无按钮", "button", {"button": False}),
        Phrase("thermometer", "测温", "thermometer", {"thermometer": True}),
        Phrase("air sensor", "空气检测", "air", {"air": True}),
        Phrase("range sensor", "测距", "range_sensor", {"range_sensor": True}),
        Phrase("escape way", "疏散通道", "escape_way", {"escape_way": True}),
    ],
)

SETTINGS: dict[str, Callable[[Story, int, str], None]] = {
    "story": _title, "故事": _title, "clause": _clauses, "clauses": _clauses, "条款": _clauses, "date": _date,
    "日期": _date, "rulebook": _rulebook, "规则": _rulebook, "lane": _lane, "通道": _lane, "person": _person,
    "人物": _person,
}  # fmt: skip

# -------------------------------------------------------------- lines

_TIMED = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?\s+(\S.*)")
_NAME = re.compile(r"[^\s,;:()>]{1,40}")


def read(text: str, file: str = "story") -> Story:
    """The story in `text`. Mistakes, one for every wrong line."""
    story, wrong, day = Story(file), list[Mistake](), None
    lines = text.removeprefix("\ufeff").splitlines()
    if len(lines) > LINES_MAX:
        raise Mistake(f"is longer than {LINES_MAX} lines", file=file)
    for number, raw in enumerate(lines, 1):
        try:
            day = _one(story, number, raw, day)
        except Mistake as mistake:
            wrong.append(Mistake(mistake.what, file=file, line=number))
    if not wrong and not story.lines:
        wrong.append(Mistake(f"nothing happens in this story; here could stand: {EXAMPLE}", file=file, line=len(lines)))
    if wrong:
        raise Mistakes(wrong)
    return story


def _one(story: Story, number: int, raw: str, day: dt.date | None) -> dt.date | None:
    """Read one line into the story; the day that holds from here on, where a line in the middle says one."""
    text = plain(re.sub(r"(^|\s)#.*", "", raw)).strip()
    if not text:
        return day
    if len(text) > LINE_CHARACTERS_MAX:
        raise Mistake(f"is longer than {LINE_CHARACTERS_MAX} characters")
    if timed := _TIMED.fullmatch(text):
        story.lines.append(_line(story, number, timed, day))
        return day
    key, colon, value = text.partition(":")
    setting = SETTINGS.get(key.strip().lower())
    if setting is None or not colon or not value.strip():
        raise Mistake(f"{text[:60]!r} begins with no time (09:51) and is no setting; here could stand: {_settings()}")
    if setting is not _date or not story.lines:
        if story.lines:
            raise Mistake(f"{key.strip()}: stands before the first line that has a time")
        setting(story, number, value.strip())
        return day
    later = Story(story.file)
    _date(later, number, value.strip())
    if (before := day or story.day) and later.day and later.day <= before:
        raise Mistake(f"{later.day} is not after {before}: a story goes forward")
    return later.day


def _settings() -> str:
    return ", ".join(f"{key}:" for key in SETTINGS)


def _line(story: Story, number: int, timed: re.Match[str], day: dt.date | None) -> Line:
    hour, minute, second = int(timed[1]), int(timed[2]), int(timed[3] or 0)
    if hour > 23 or minute > 59 or second > 59:
        raise Mistake(f"{timed[0].split()[0]} is no time of day; here could stand: 09:51 or 09:51:30")
    at_s = hour * 3600 + minute * 60 + second
    before = story.lines[-1] if story.lines else None
    if before is not None and before.day == day and at_s < before.at_s:
        raise Mistake(f"{timed[0].split()[0]} is before the line above it; a story goes forward (or: date: 2022-06-16)")
    deed_text, arrow, expected_text = timed[4].partition("->")
    expected = tuple(piece.strip() for piece in expected_text.split(";") if piece.strip())
    if arrow and not expected:
        raise Mistake(EXPECTATIONS.unknown("").replace("''", "nothing behind the arrow", 1))
    name, person_class, attributes, phrase, values = _doing(deed_text.strip())
    deed: Deed = phrase.means
    if deed.asks and not expected:
        raise Mistake("a scan asks for an answer: -> admit, wait, staff, refuse or isolate | 放行 等候 人工 拒绝 隔离")
    said = tuple(EXPECTATIONS.read(re.sub(r"[()]", " ", piece).strip()) for piece in expected)
    return Line(
        number, timed[0], at_s, timed[3] is not None, day, name, person_class, attributes, deed, values, said, expected
    )


def _doing(text: str) -> tuple[str, str, tuple[Said, ...], Phrase, dict[str, Any]]:
    """(who, class, what they have, the deed and its blanks) of the part before the arrow."""
    if (thing := THINGS.find(text)) is not None:
        return "", "", (), *thing
    try:
        name, person_class, rest = _who(text)
    except Mistake:
        raise Mistake(THINGS.unknown(text)) from None
    *having, doing = [piece.strip() for piece in rest.split(",")]
    deed = PEOPLE.find(doing)
    if deed is None:
        about_a_thing = f"; or, without a person: {THINGS.unknown(text).split('could stand: ')[1]}"
        raise Mistake(PEOPLE.unknown(doing) + about_a_thing)
    return name, person_class, tuple(ATTRIBUTES.read(piece) for piece in having if piece), *deed


def _who(text: str) -> tuple[str, str, str]:
    """(name, class or empty, what is left of the text)."""
    found = CLASSES.head(text)
    person_class, rest = (found[0].means, found[1]) if found else ("", text)
    name = _NAME.match(rest)
    if name is None:
        raise Mistake(f"{text!r} names nobody; here could stand: visitor Wang, or a name | 办事人 王女士")
    return name[0], person_class, rest[name.end() :].strip().removeprefix(",").strip()
