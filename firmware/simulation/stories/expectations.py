"""What may stand behind an arrow: the answer somebody gets, and what else is to be seen of it.

Each row's function says what is wrong, or nothing. It looks at what came out of the line it stands on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from firmware.core.actions import (
    AnyAction,
    Buzz,
    GateClose,
    GateFree,
    GateOpen,
    RouteLight,
    SignShow,
    VoiceSay,
)
from firmware.core.records import (
    Alarm,
    AnyRecord,
    CommandDone,
    Decision,
    Incident,
    Passage,
    Round,
    RulebookTaken,
    Supply,
)
from firmware.simulation.stories.phrases import Phrase, Table, plain


@dataclass
class Outcome:
    """Everything that came out while one line was played."""

    actions: list[AnyAction] = field(default_factory=list)
    records: list[AnyRecord] = field(default_factory=list)

    def of(self, kind: Any) -> list[Any]:
        return [each for each in (*self.records, *self.actions) if isinstance(each, kind)]

    @property
    def decision(self) -> Decision | None:
        """The last one: the first code of several is often answered `wait`."""
        return next(iter(reversed(self.of(Decision))), None)


class Hall(Protocol):
    @property
    def inside(self) -> int: ...
    @property
    def free(self) -> int: ...
    @property
    def idle_pages(self) -> tuple[tuple[str, str], ...]: ...


def deciding(decision: Decision) -> list[tuple[str, str]]:
    """(clause, because) of every verdict as severe as the answer, the one that is told first."""
    return [(each.clause, each.because) for each in decision.clauses if each.verdict == decision.answer]


def told(decision: Decision) -> str:
    clause, because = deciding(decision)[0] if deciding(decision) else ("", "")
    return f"{decision.answer} {because} ({clause}), sign {decision.sign!r}"


# -------------------------------------------------------------- the answer


def answered(outcome: Outcome, hall: Hall, answer: str, reason: str = "", clause: str = "") -> str:
    decision = outcome.decision
    if decision is None:
        return "there was no answer"
    reasons = deciding(decision)
    if decision.answer != answer:
        return f"the answer was {told(decision)}"
    if reason and reason not in [because for _, because in reasons]:
        return f"the reason was another: {told(decision)}"
    if clause and clause not in [each for each, because in reasons if not reason or because == reason]:
        return f"the clause was another: {told(decision)}"
    return ""


ANSWERS = {"admit": "放行", "wait": "等候", "staff": "人工", "refuse": "拒绝", "isolate": "隔离"}
# -------------------------------------------------------------- what else is to be seen


def no_answer(outcome: Outcome, hall: Hall) -> str:
    decision = outcome.decision
    return f"the answer was {told(decision)}" if decision else ""


def shows(outcome: Outcome, hall: Hall, text: str) -> str:
    signs = [part for each in outcome.of(SignShow) for part in (each.zh, each.en, each.then_zh, each.then_en)]
    return "" if any(text in plain(sign) for sign in signs) else f"the sign said {signs[-2:]}"


def says(outcome: Outcome, hall: Hall, text: str) -> str:
    said = [part for each in outcome.of(VoiceSay) for part in (each.zh, each.en)]
    return "" if any(text in plain(voice) for voice in said) else f"the voice said {said[-2:]}"


def stands(outcome: Outcome, hall: Hall, text: str) -> str:
    """On the pages that a sign turns while it shows nobody's answer."""
    pages = [half for page in hall.idle_pages for half in page]
    return "" if any(text in plain(half) for half in pages) else f"the idle signs said {pages}"


def could_be_online(outcome: Outcome, hall: Hall) -> str:
    decision = outcome.decision
    return "" if decision and decision.online else "nothing of that is on record"


def silent_on(outcome: Outcome, hall: Hall, text: str) -> str:
    """Health reasons are never shown or spoken in public."""
    signs = [part for each in outcome.of(SignShow) for part in (each.zh, each.en, each.then_zh, each.then_en)]
    shown = [*signs, *(part for each in outcome.of(VoiceSay) for part in (each.zh, each.en))]
    found = [part for part in shown if text in plain(part)]
    return f"it was shown or said: {found[0]!r}" if found else ""


def gate(outcome: Outcome, hall: Hall, kind: Any, wanted: bool = True) -> str:
    moved = bool(outcome.of(kind))
    return "" if moved == wanted else "the gate did" + (" not" if wanted else "")


def inside(outcome: Outcome, hall: Hall, n: int) -> str:
    return "" if hall.inside == n else f"{hall.inside} are inside"


def free(outcome: Outcome, hall: Hall, n: int) -> str:
    return "" if hall.free == n else f"{hall.free} places are free"


def alarmed(outcome: Outcome, hall: Hall, word: str) -> str:
    names = [each.alarm for each in outcome.of(Alarm) if each.active]
    return "" if word in names else f"the alarms were {names}"


def calm(outcome: Outcome, hall: Hall, word: str) -> str:
    names = [each.alarm for each in outcome.of(Alarm) if not each.active]
    return "" if word in names else f"the alarms that ended were {names}"


def quiet(outcome: Outcome, hall: Hall) -> str:
    names = [each.alarm for each in outcome.of(Alarm) if each.active]
    return f"the alarms were {names}" if names else ""


def incident(outcome: Outcome, hall: Hall, word: str) -> str:
    found = [(each.step, each.state) for each in outcome.of(Incident)]
    return "" if any(word in pair for pair in found) else f"the steps and states were {found}"


def walked(outcome: Outcome, hall: Hall, point: str, state: str) -> str:
    found = [(each.point, each.state) for each in outcome.of(Round)]
    return "" if (point, state) in found else f"the rounds were {found}"


def not_walked(outcome: Outcome, hall: Hall) -> str:
    found = [(each.point, each.state) for each in outcome.of(Round)]
    return f"the rounds were {found}" if found else ""


def supplied(outcome: Outcome, hall: Hall, item: str, n: int, state: str) -> str:
    found = [(each.item, each.state, each.left) for each in outcome.of(Supply)]
    return "" if (item, state, n) in found else f"the supplies were {found}"


def not_supplied(outcome: Outcome, hall: Hall) -> str:
    found = [(each.item, each.state, each.left) for each in outcome.of(Supply)]
    return f"the supplies were {found}" if found else ""


SUPPLIES = {"used": "已用", "issued": "已领", "low": "不足", "empty": "用完", "refilled": "已补"}
ROUNDS = {"due": "到时", "amber": "超时", "red": "严重超时", "done": "完成", "missed": "漏做"}


def called(outcome: Outcome, hall: Hall, kind: Any, on: bool) -> str:
    """Buzzer and route light: as they were ordered last."""
    orders = outcome.of(kind)
    return "" if orders and bool(orders[-1].show_ms) == on else f"the orders were {[each.show_ms for each in orders]}"


def remains(outcome: Outcome, hall: Hall, key: str, n: int) -> str:
    """As the last decision put it on record and told the hub."""
    decision = outcome.decision
    left = getattr(decision.remains, key) if decision and decision.remains else None
    return "" if left == n else f"{left} were left"


def slow(outcome: Outcome, hall: Hall, x: float) -> str:
    pulses = [each.pulse_ms for each in outcome.of(GateOpen)]
    return "" if round(x * 1000) in pulses else f"the gate was opened for {pulses} ms"


def ordered(outcome: Outcome, hall: Hall, result: str, word: str = "") -> str:
    done = [(each.result, each.because) for each in outcome.of((CommandDone, RulebookTaken))]
    return "" if any(each == result and word in ("", because) for each, because in done) else f"the orders were {done}"


def passed(outcome: Outcome, hall: Hall, direction: str = "in", expected: bool = True) -> str:
    seen = [each for each in outcome.of(Passage) if each.direction == direction and each.expected == expected]
    return "" if seen else "nobody had been let through"


EXPECTATIONS = Table(
    "thing that can be expected",
    [
        *(
            Phrase(
                f"{answer}[ {{reason}}][ {{clause}}]", f"{zh}[ {{reason}}][ {{clause}}]", answered, {"answer": answer}
            )
            for answer, zh in ANSWERS.items()
        ),
        Phrase("no answer", "无应答", no_answer),
        Phrase("sign: {text}", "显示: {text}", shows),
        Phrase("idle sign: {text}", "待机显示: {text}", stands),
        Phrase("could have been online", "本可网上办", could_be_online),
        Phrase("voice: {text}", "语音: {text}", says),
        Phrase("nothing shows: {text}", "不提: {text}", silent_on),
        Phrase("gate opens", "开门", gate, {"kind": GateOpen}),
        Phrase("gate opens for {x} s", "开门 {x} 秒", slow),
        Phrase("gate stays shut", "不开门", gate, {"kind": (GateOpen, GateFree), "wanted": False}),
        Phrase("gate closes", "关门", gate, {"kind": GateClose}),
        Phrase("gate stands open", "常开", gate, {"kind": GateFree}),
        Phrase("{n} inside", "场内 {n} 人", inside),
        Phrase("{n} places free", "余 {n} 位", free),
        Phrase("{n} numbers left today", "今日余 {n} 号", remains, {"key": "day"}),
        Phrase("{n} numbers left in this slot", "本时段余 {n} 号", remains, {"key": "slot"}),
        Phrase("{n} cases left today", "今日余 {n} 件", remains, {"key": "cases"}),
        Phrase("alarm {word}", "报警 {word}", alarmed),
        Phrase("alarm over {word}", "解除报警 {word}", calm),
        Phrase("buzzer sounds", "蜂鸣器响", called, {"kind": Buzz, "on": True}),
        Phrase("buzzer stops", "蜂鸣器停", called, {"kind": Buzz, "on": False}),
        Phrase("route light on", "引导灯亮", called, {"kind": RouteLight, "on": True}),
        Phrase("route light off", "引导灯灭", called, {"kind": RouteLight, "on": False}),
        Phrase("no alarm", "无报警", quiet),
        Phrase("incident {word}", "事件 {word}", incident),
        *(
            Phrase(f"round {{point}} {state}", f"消毒 {{point}} {zh}", walked, {"state": state})
            for state, zh in ROUNDS.items()
        ),
        *(
            Phrase(f"{{item}} {state}, {{n}} left", f"{{item}} {zh} 余 {{n}}", supplied, {"state": state})
            for state, zh in SUPPLIES.items()
        ),
        Phrase("no supplies on record", "无物资记录", not_supplied),
        Phrase("no round", "无消毒记录", not_walked),
        Phrase("done", "完成", ordered, {"result": "done"}),
        Phrase("taken", "生效", ordered, {"result": "taken"}),
        Phrase("order refused[ {word}]", "命令被拒[ {word}]", ordered, {"result": "refused"}),
    ],
)
