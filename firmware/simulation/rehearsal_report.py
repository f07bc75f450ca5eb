"""What a rehearsal found, as plain values and as a table for a person, Chinese or English. Pseudonyms only."""

from __future__ import annotations

import statistics
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from firmware.core.records import Decision
from firmware.language import Language
from firmware.simulation.attempts import Attempt, Wait, asks, reason
from firmware.simulation.rehearsal import Rehearsal
from mqtt.words import WORDS

EXAMPLES = 3
WORLDS = {"recorded": "then", "now": "now"}
Answer = tuple[str, str, str]
"""(answer, because, clause)."""
NOT_ASKED: Answer = ("unknown", "asked_for_more", "")


def answer_of(decision: Decision | None) -> Answer:
    if decision is None or asks(decision):
        return NOT_ASKED
    clause, because = reason(decision)
    return decision.answer, because, clause


def figures(done: Rehearsal) -> dict[str, Any]:
    """Everything as JSON can hold it."""
    attempts = [each for each in done.attempts if each.first_recorded is not None]
    return {
        "entries": done.entries,
        "rulebook": done.twin.state.rulebook_serial,
        "rulebooks_then": sorted({each.recorded.rulebook for each in attempts if each.recorded}),
        "answers": {name: _answers(attempts, world) for world, name in WORLDS.items()},
        "changed": sum(each.changed for each in attempts),
        "changes": _changes(each for each in attempts if each.changed),
        "not_admitted_by_clause": {name: _clauses(attempts, world) for world, name in WORLDS.items()},
        "waits": {name: _waits(done.waits[world].values()) for world, name in WORLDS.items()},
        "peak": {name: dict(zip(("inside", "at"), done.peaks[world], strict=True)) for world, name in WORLDS.items()},
        "passages": {name: done.passages[world] for world, name in WORLDS.items()},
        "rounds": {name: dict(sorted(done.rounds[world].items())) for world, name in WORLDS.items()},
        "alarms": {name: dict(sorted(done.alarms[world].items())) for world, name in WORLDS.items()},
        "days": _days(attempts),
        "assumed_passages": done.assumed,
        "passages_that_fell_away": sum(body.recorded and not body.now for body in _bodies(attempts)),
        "tries_assumed": sum(each.tries for each in attempts),
    }


def _bodies(attempts: Iterable[Attempt]) -> list[Any]:
    return list({id(body): body for each in attempts for body in each.bodies}.values())


def _said(attempt: Attempt, world: str) -> Answer:
    if world == "recorded" or attempt.came_before:
        return answer_of(attempt.first_recorded)
    return answer_of(attempt.first_now)


def _answers(attempts: list[Attempt], world: str) -> dict[str, int]:
    return dict(sorted(Counter(_said(each, world)[0] for each in attempts).items()))


def _clauses(attempts: list[Attempt], world: str) -> dict[str, int]:
    said = [_said(each, world) for each in attempts]
    told_no = Counter(f"{clause} {because}" for answer, because, clause in said if answer not in ("admit", "unknown"))
    return dict(sorted(told_no.items()))


def _changes(attempts: Iterable[Attempt]) -> list[dict[str, Any]]:
    groups: dict[tuple[Answer, Answer], list[Attempt]] = defaultdict(list)
    for each in attempts:
        groups[_said(each, "recorded"), _said(each, "now")].append(each)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    return [
        {
            "then": dict(zip(("answer", "because", "clause"), then, strict=True)),
            "now": dict(zip(("answer", "because", "clause"), now, strict=True)),
            "count": len(found),
            "persons": len({each.key for each in found}),
            "admitted_after_waiting": sum(each.now is not None and each.now.answer == "admit" for each in found)
            if now[0] == "wait"
            else 0,
            "examples": [
                {"at": each.at, "lane": each.lane, "person": each.recorded.person}
                for each in found[:EXAMPLES]
                if each.recorded
            ],
        }
        for (then, now), found in ordered
    ]


def _waits(waits: Iterable[Wait]) -> dict[str, float]:
    waited = list(waits)
    seconds = [each.until_s - each.since_s for each in waited if each.until_s is not None]
    return {
        "people": len(waited),
        "let_in": len(seconds),
        "median_s": statistics.median(seconds) if seconds else 0,
        "longest_s": max(seconds, default=0),
    }


def _days(attempts: list[Attempt]) -> list[dict[str, Any]]:
    days: dict[str, list[Attempt]] = defaultdict(list)
    for each in attempts:
        days[each.at[:10]].append(each)
    return [
        {
            "day": day,
            "answers": len(found),
            "admitted_then": sum(_said(each, "recorded")[0] == "admit" for each in found),
            "admitted_now": sum(_said(each, "now")[0] == "admit" for each in found),
            "changed": sum(each.changed for each in found),
        }
        for day, found in sorted(days.items())
    ]


# -------------------------------------------------------------- for a person

ANSWERS = {
    "admit": ("放行", "admit"), "wait": ("等候", "wait"), "staff": ("人工", "staff"), "refuse": ("拒绝", "refuse"),
    "isolate": ("隔离", "isolate"), "unknown": ("未知 (当时未要求出示)", "not known (not asked for then)"),
}  # fmt: skip
TEXTS = {
    "title": (
        "预演: 规则 {rulebook} 对照记录 (当时规则 {rulebooks_then}), {entries} 条",
        "rehearsal: rulebook {rulebook} on {entries} recorded events (then {rulebooks_then})",
    ),
    "assumed": (
        "推定: {assumed_passages} 人次进入, {tries_assumed} 次再试; {passages_that_fell_away} 人次不再进入",
        "assumed: {assumed_passages} passages, {tries_assumed} further tries; "
        "{passages_that_fell_away} passages fell away",
    ),
    "then": ("当时", "then"),
    "now": ("新规则", "new"),
    "count": ("次数", "count"),
    "persons": ("人数", "people"),
    "peak": ("场内最多", "peak inside"),
    "passages": ("进入", "came in"),
    "waits": ("等候的人", "had to wait"),
    "median": ("等候中位 (秒)", "median wait (s)"),
    "longest": ("最长等候 (秒)", "longest wait (s)"),
    "round_done": ("消毒 完成", "rounds signed off"),
    "round_amber": ("消毒 超时", "rounds late"),
    "round_red": ("消毒 严重超时", "rounds much too late"),
    "round_missed": ("消毒 漏做", "rounds missed"),
    "alarm": ("报警 ", "alarms: "),
    "not_admitted": ("未放行 (条款)", "not admitted, by clause"),
    "changes": ("答复改变 {changed} 次", "{changed} answers change"),
    "none": ("没有答复改变", "no answer changes"),
    "day": ("日期", "day"),
    "answers": ("答复", "answers"),
    "admitted": ("放行", "admitted"),
    "changed": ("改变", "changed"),
    "example": ("例", "for example"),
}


def table(found: dict[str, Any], language: Language) -> str:
    """The figures as lines of text."""
    say = {key: said[language == "en"] for key, said in TEXTS.items()}
    parts = [
        [say["title"].format(**{**found, "rulebooks_then": ", ".join(map(str, found["rulebooks_then"])) or "-"})],
        _grid(_totals(found, language, say)),
        _grid(_by_clause(found, say)),
        _grid(_by_day(found, say)) if len(found["days"]) > 1 else [],
        _change_lines(found, language, say),
        [say["assumed"].format(**found)],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _totals(found: dict[str, Any], language: Language, say: dict[str, str]) -> list[list[str]]:
    rows = [["", say["then"], say["now"]]]
    for answer, said in ANSWERS.items():
        counts = [found["answers"][world].get(answer, 0) for world in ("then", "now")]
        rows += [[said[language == "en"], *map(str, counts)]] if any(counts) else []
    then, now = found["waits"]["then"], found["waits"]["now"]
    rows.append([say["passages"], str(found["passages"]["then"]), str(found["passages"]["now"])])
    rows.append([say["peak"], *(f"{peak['inside']} ({peak['at'][11:16] or '-'})" for peak in found["peak"].values())])
    for key, name in (("people", "waits"), ("median_s", "median"), ("longest_s", "longest")):
        rows.append([say[name], f"{then[key]:.0f}", f"{now[key]:.0f}"])
    for state in ("done", "amber", "red", "missed"):
        walked = [found["rounds"][world].get(state, 0) for world in ("then", "now")]
        rows += [[say[f"round_{state}"], *map(str, walked)]] if any(walked) else []
    return rows + _alarm_rows(found["alarms"], language, say)


def _alarm_rows(alarms: dict[str, dict[str, int]], language: Language, say: dict[str, str]) -> list[list[str]]:
    named = sorted({*alarms["then"], *alarms["now"]})
    words = {name: WORDS.get(name, (name, name))[language == "en"] for name in named}
    return [
        [say["alarm"] + words[name], *(str(alarms[world].get(name, 0)) for world in ("then", "now"))] for name in named
    ]


def _by_clause(found: dict[str, Any], say: dict[str, str]) -> list[list[str]]:
    then, now = (found["not_admitted_by_clause"][world] for world in ("then", "now"))
    rows = [[name, str(then.get(name, 0)), str(now.get(name, 0))] for name in sorted({*then, *now})]
    return [[say["not_admitted"], say["then"], say["now"]], *rows] if rows else []


def _by_day(found: dict[str, Any], say: dict[str, str]) -> list[list[str]]:
    admitted = (f"{say['admitted']} {say[world]}" for world in ("then", "now"))
    head = [say["day"], say["answers"], *admitted, say["changed"]]
    return [head, *([str(value) for value in day.values()] for day in found["days"])]


def _change_lines(found: dict[str, Any], language: Language, say: dict[str, str]) -> list[str]:
    if not found["changes"]:
        return [say["none"]]
    rows = [[say["count"], say["persons"], say["then"], say["now"], say["example"]]]
    for change in found["changes"]:
        example = change["examples"][0]
        rows.append(
            [
                str(change["count"]),
                str(change["persons"]),
                _told(change["then"], language),
                _told(change["now"], language),
                f"{example['at'][:19]} {example['lane']} {example['person'] or '-'}",
            ]
        )
    return [say["changes"].format(**found), *_grid(rows)]


def _told(answer: dict[str, str], language: Language) -> str:
    said = ANSWERS[answer["answer"]][language == "en"]
    return f"{said} {answer['because']} {answer['clause']}".strip() if answer["clause"] else said


def _width(text: str) -> int:
    """Columns of a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _grid(rows: list[list[str]]) -> list[str]:
    if not rows:
        return []
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    padded = ([cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return ["  ".join(row).rstrip() for row in padded]
