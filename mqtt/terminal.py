"""The hall in a terminal: the same picture as the page, for an SSH session. Pure: a view in, lines out.

Plain ANSI and never wider than the terminal: a Chinese character takes two columns. What a device sent may hold anything,
so control characters are shown as a dot: a message must not move somebody's cursor.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any, Literal

from mqtt.messages import Status
from mqtt.view import DeviceView, HallView
from mqtt.words import WORDS as PAGE_WORDS

Language = Literal["zh", "en"]
Word = Callable[[str], str]

WORDS = {
    "inside": ("在厅", "inside"),
    "of": ("上限", "limit"),
    "free": ("可放行", "free"),
    "evacuated": ("紧急疏散！所有通道已开放", "EVACUATION: all lanes are open"),
    "offline": ("离线", "OFFLINE"),
    "cut_off": ("失联", "CUT OFF"),
    "fenced": ("已隔离", "fenced"),
    "waiting": ("等候", "waiting"),
    "gap": ("间距", "gap"),
    "depth": ("未送达", "not delivered"),
    "lost": ("丢失", "lost"),
    "nothing": ("还没有设备报告", "no device has spoken yet"),
    "remains": ("余量", "remains"),
    "places": ("空位", "places"),
    "day": ("当日", "day"),
    "slot": ("时段", "slot"),
    "cases": ("件数", "cases"),
    "doctor": ("体检未过", "doctor found"),
    "more": ("还有 {} 行", "{} more lines"),
    "isolate": ("引导", "isolate"),
    "held": ("暂停", "HELD"),
    "evacuated_lane": ("疏散", "EVACUATED"),
    "free_lane": ("常开", "open"),
    "fault": ("故障", "FAULT"),
    "clock": ("时钟不可信", "clock not trusted"),
    "journal": ("日志无法写入", "journal cannot be written"),
    "journal_soon_full": ("日志即将写满", "journal soon full"),
}
"""What a terminal says otherwise than the page, most of it in fewer words."""

ARROWS = {"in": "→", "out": "←", "both": "↔", "elevator": "↕"}
BAD, WARN, GOOD, SOFT, BOLD = "31;1", "33", "32", "2", "1"
_BAR = 24


def screen(
    view: HallView, language: Language, width: int = 80, height: int | None = None, *, colour: bool = False
) -> list[str]:
    """The picture, cut to the terminal: what needs somebody comes first, decisions fill what room is left."""
    word, hall = _words(language), view.picture()
    paint = _paint if colour else _plain
    rows = [(BOLD, _headline(hall, word)), *_limits(hall, word)]
    rows += _troubles(view, hall, word)
    rows += [row for device in _by_name(view) for row in _device_rows(device, hall, view.apart(device), word)]
    if not view.devices:
        rows.append((SOFT, word("nothing")))
    decisions = [(_tone(one["answer"]), decision_line(one, language)) for one in reversed(view.decisions)]
    if height is not None:
        keep = min(len(decisions), max(4, height - len(rows) - 1))
        rows = _cut(rows, height - keep - 1, word)
        decisions = decisions[: max(0, height - len(rows) - 1)]
    rows += [(SOFT, "─" * width), *decisions] if decisions else []
    return [paint(tone, fit(text, width)) for tone, text in rows]


def lines(view: HallView, language: Language, decisions: int = 10) -> list[str]:
    """The whole picture without a terminal's bounds."""
    return screen(view, language, width=400)[: 400 + decisions]


def decision_line(decision: dict[str, Any], language: Language) -> str:
    """`08:56:01 entry-1/A admit 3.1.1a ok [请通行]`: the clause shown is the one that decided."""
    decisive = next((one for one in decision["clauses"] if one["verdict"] == decision["answer"]), None)
    because = f" {decisive['clause']} {_reason(decisive['because'], language)}" if decisive else ""
    sign = decision["sign"] if language == "zh" else decision["sign_en"] or decision["sign"]
    answer = _words(language)(decision["answer"])
    return clean(f"{_time(decision['at'])} {decision['device']}/{decision['lane']} {answer}{because} [{sign}]")


def alarm_line(alarm: dict[str, Any], language: Language) -> str:
    ended = "" if alarm["active"] else f" ({_words(language)('ended')})"
    return clean(f"{_time(alarm['at'])} ! {_alarm(alarm, _words(language))}{ended}")


def incident_line(one: dict[str, Any], language: Language) -> str:
    """Every step with its time, the newest last; `!` before what is late."""
    word = _words(language)
    steps = " · ".join(f"{_time(step['at'])[:5]} {word('step_' + step['step'])}" for step in one["steps"][-4:])
    late = "".join(f" !{word('late_' + what)}" for what in one["overdue"])
    lane = f"/{one['lane']}" if one["lane"] else ""
    return clean(f"‼ {one['device']}{lane} {one['id']} {word(one['state'])}{late}  {steps}")


# ---------------------------------------------------------------- rows: (tone, text)


def _headline(hall: dict[str, Any], word: Word) -> str:
    best, target, force = hall["best"], hall["target"], hall["in_force"]
    span = (
        f" ({hall['low']}–{hall['high']})" if best is not None and (hall["low"], hall["high"]) != (best, best) else ""
    )
    lowering = f" ({word('in_force')} {force})" if force is not None and force != target else ""
    share = min(1.0, max(0.0, best / target)) if best is not None and target else 0.0
    bar = "█" * int(share * _BAR) + "░" * (_BAR - int(share * _BAR))
    numbers = f"{word('inside')} {_known(best)}{span}  {word('of')} {_known(target)}{lowering}"
    return f"{hall['name']}  {numbers}  {bar}  {hall['online']}/{hall['devices']} {word('online')}"


def _limits(hall: dict[str, Any], word: Word) -> list[tuple[str, str]]:
    parts = [f"{word(key)} {hall[key]}" for key in ("free", "flight", "debt") if hall[key] is not None]
    remains = {key: value for key, value in (hall["remains"] or {}).items() if value is not None and key != "walk_in"}
    if remains:
        parts.append(f"{word('remains')} " + " ".join(f"{word(key)} {value}" for key, value in remains.items()))
    others = [
        f"{one['name']} {_known(one['best'])}/{_known(one['target'])}"
        for one in hall["resources"]
        if one["name"] != "hall"
    ]
    return [("", "  " + "  ".join([*parts, *others]))] if parts or others else []


def _troubles(view: HallView, hall: dict[str, Any], word: Word) -> list[tuple[str, str]]:
    rows = [(BAD, f"*** {word('evacuated')} ***")] if hall["evacuated"] else []
    rows += [(WARN, f"‖ {word('hall_held')}")] if hall["held"] else []
    language: Language = "zh" if word("inside") == WORDS["inside"][0] else "en"
    open_ones = [one for one in view.troubles.incident_list() if one["state"] != "closed"]
    rows += [(BAD, incident_line(one, language)) for one in open_ones]
    rows += [(BAD, f"! {_alarm(one, word)}") for one in view.troubles.alarm_list() if one["active"]]
    rows += [_round_row(one, language, word) for one in hall["rounds"]]
    return rows + [_supply_row(one, language, word) for one in hall["supplies"]]


def _supply_row(one: dict[str, Any], language: Language, word: Word) -> tuple[str, str]:
    name = one[f"name_{language}"] or one["item"]
    return WARN if one["left"] else BAD, f"▽ {word('supply')} {name} {word('units_left').format(n=one['left'])}"


def _round_row(one: dict[str, Any], language: Language, word: Word) -> tuple[str, str]:
    name = one[f"name_{language}"] or one["point"]
    row = f"◷ {word('round')} {name} {_time(one['due_at'])[:5]} {word('round_' + one['state'])}"
    return {"red": BAD, "amber": WARN}.get(one["state"], ""), row


def _journal_ails(status: Status) -> bool:
    return not status.journal.writable or status.journal.because != ""


def _device_rows(
    device: DeviceView, hall: dict[str, Any], apart: dict[str, int] | None, word: Word
) -> list[tuple[str, str]]:
    status = device.status
    rights = [
        (one["name"], door)
        for one in hall["resources"]
        for door in one["doors"]
        if door["device"] == device.name and not door["fenced"]
    ]
    words = [_rights(name, door, word) for name, door in rights]
    cut = any(door["cut_off"] for _, door in rights)
    state = word("online" if device.online else "offline") + (f" {word('cut_off')}" if cut and device.online else "")
    ill = _complaints(status, word) if status is not None else []
    ill += [word("apart").format(**apart)] if apart else []
    ill += [f"{word('lost')} {device.gaps.lost}"] if device.gaps.lost else []
    tone = BAD if not device.online else WARN if cut or ill else ""
    rows = [(tone, "  ".join([pad(device.name, 14), state, *words, *ill]))]
    return rows + [_lane_row(lane, word) for lane in (status.lanes if status else ())]


def _complaints(status: Status, word: Word) -> list[str]:
    """What is not as it should be, and an update until it has ended well."""
    ill = [f"{word('depth')} {status.outbox_depth}"] if status.outbox_depth else []
    ill += [word("clock")] if not status.clock.trusted else []
    ill += [word("journal_soon_full" if status.journal.writable else "journal")] if _journal_ails(status) else []
    ill += [word("undervoltage")] if status.undervoltage else []
    if status.update is not None and status.update.state != "kept":
        ill += [f"→ {status.update.version} {word(f'update_{status.update.state}')}"]
    return ill + (
        [f"{word('doctor')} {', '.join(status.doctor.faults)}"] if status.doctor and status.doctor.faults else []
    )


def _rights(name: str, door: dict[str, Any], word: Word) -> str:
    where = "" if name == "hall" else f"{name} "
    flight = f" +{door['flight']}" if door["flight"] else ""
    state = "" if door["state"] in USUAL else f" {word(door['state'])}"
    debt = door["free"] < 0
    held = f"{word('debt')} {-door['free']}" if debt else f"{word('free')} {door['free']}{flight}"
    return f"{where}{held}{state}"


USUAL = ("joined", "hold")
"""States of a door's rights that need no word here: a hold stands above the doors."""


def _lane_row(lane: Any, word: Word) -> tuple[str, str]:
    ill = " ".join(f"{word(one.device)}:{word(one.state)}" for one in lane.sensors if one.state != "ok")
    state = word({"evacuated": "evacuated_lane", "free": "free_lane"}.get(lane.state, lane.state))
    parts = [f"  {ARROWS.get(lane.direction, '·')} {pad(lane.name, 6)} {pad(state, 10)}"]
    parts += [f"{word('waiting')} {lane.waiting}"] if lane.waiting else []
    parts += [f"{word('gap')} {lane.gap_mm / 1000:.1f} m"] if lane.gap_mm else []
    parts += [word("co2").format(n=lane.co2_ppm)] if lane.co2_ppm else []
    parts += [word("air_bad")] if lane.air_holds else []
    parts += [word(one) for one in lane.ventilation]
    parts += [one for one in (lane.because and word(lane.because), lane.incident, ill) if one]
    bad = lane.state in ("fault", "evacuated") or ill or lane.incident
    return (BAD if bad else WARN if lane.state == "held" else "", "  ".join(parts))


def _alarm(alarm: dict[str, Any], word: Word) -> str:
    lane = f"/{alarm['lane']}" if alarm["lane"] else ""
    return " ".join(part for part in (alarm["device"] + lane, word(alarm["what"]), alarm["detail"]) if part)


def _cut(rows: list[tuple[str, str]], room: int, word: Word) -> list[tuple[str, str]]:
    """What is fine gives way first; what needs somebody stays."""
    if len(rows) <= room:
        return rows
    head, rest = rows[:2], rows[2:]
    urgent = _urgent(rest)
    kept = sorted(sorted(range(len(rest)), key=lambda at: at not in urgent)[: max(0, room - 3)])
    return [*head, *[rest[at] for at in kept], (SOFT, f"… {word('more').format(len(rest) - len(kept))}")]


def _urgent(rows: list[tuple[str, str]]) -> set[int]:
    """Which rows need somebody; a lane's row brings its door's along, or nobody would know whose it is."""
    found, owner = set[int](), 0
    for at, (tone, text) in enumerate(rows):
        owner = owner if text.startswith("  ") else at
        if tone in (BAD, WARN):
            found |= {owner, at}
    return found


def _by_name(view: HallView) -> list[DeviceView]:
    """As people count: gate-2 before gate-10."""
    parts = {name: re.split(r"([0-9]+)", name) for name in view.devices}
    return [
        view.devices[name]
        for name in sorted(parts, key=lambda name: [(part.isdigit() and int(part), part) for part in parts[name]])
    ]


def _tone(answer: str) -> str:
    return {"admit": GOOD, "refuse": BAD, "isolate": BAD}.get(answer, WARN)


def _known(number: int | None) -> str:
    return "?" if number is None else str(number)


def _words(language: Language) -> Word:
    """What a key of ours or of a device is called; one that nobody knows is shown as it came."""
    return lambda key: _word(key, language)


def _reason(because: str, language: Language) -> str:
    """Why somebody was answered so; a few of these words are also states of something else."""
    return _word(f"because_{because}" if f"because_{because}" in PAGE_WORDS else because, language)


def _word(key: str, language: Language) -> str:
    if key in WORDS:
        return WORDS[key][language == "en"]
    if key in PAGE_WORDS:
        zh, en = PAGE_WORDS[key]
        return zh if language == "zh" else en if en[:2].isupper() else en[:1].lower() + en[1:]
    return key.removeprefix("step_").removeprefix("late_").replace("_", " ")


def _time(at: str) -> str:
    """The clock part of an RFC 3339 time, as it was written at the hall."""
    return at[11:19] if len(at) >= 19 else "--:--:--"


# ---------------------------------------------------------------- columns


def columns(text: str) -> int:
    """Terminal columns of a text: wide and full-width characters take two, combining marks none."""
    return sum(_width(sign) for sign in text)


def fit(text: str, width: int) -> str:
    """Cut to `width` columns, with an ellipsis where something is missing."""
    text = clean(text)
    if columns(text) <= width:
        return text
    out, used = "", 0
    for sign in text:
        used += _width(sign)
        if used > width - 1:
            break
        out += sign
    return out + "…"


def pad(text: str, width: int) -> str:
    return text + " " * max(0, width - columns(text))


def clean(text: str) -> str:
    """Without control characters, and without the signs that turn the writing direction."""
    return "".join("·" if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") else sign for sign in text)


def _width(sign: str) -> int:
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def _paint(tone: str, text: str) -> str:
    return f"\x1b[{tone}m{text}\x1b[0m" if tone else text


def _plain(tone: str, text: str) -> str:
    return text
