"""What people, the hub and the world do at the doors: one row, one deed; a deed is a list of (seconds later, event).

PEOPLE are deeds of a named person (`Wang scans`), THINGS happen without one (`fire loop opens`). A new event of the
controller is a new row here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from firmware.core import events
from firmware.core.state import LaneSetup
from firmware.simulation.stories import expectations
from firmware.simulation.stories.people import Day, Person
from firmware.simulation.stories.phrases import Phrase, Table

Timed = tuple[float, Any]
"""(seconds after the one before, event)."""
STEP_S = 0.3


class Scene(Day, Protocol):
    """The hall as a deed sees it."""

    def lane_for(self, person: Person | None, direction: str, named: str = "") -> LaneSetup: ...
    def crowd(self, n: int) -> list[Person]: ...
    def attendant(self) -> Person: ...
    def more_is_asked(self, lane: str) -> bool: ...
    @property
    def last_incident(self) -> str: ...
    @property
    def today(self) -> dt.date: ...

    clock_behind_s: int

    def off(self, seconds: int) -> float: ...
    def started(self, *, new_boot: bool) -> events.Started: ...
    def next_order(self) -> int: ...
    def changed_rulebook(self, change: str) -> bytes: ...


@dataclass(frozen=True)
class Deed:
    """`expects`: what is wrong unless it is seen, said or not; `asks`: the line has to say which answer is expected."""

    play: Callable[..., Iterator[Timed]]
    expects: tuple[Callable[..., str], ...] = ()
    asks: bool = False
    trusts_clock: bool | None = None
    """The wall clock is trusted, or not, from here on."""
    since_before: bool = False
    """What happened since the line before counts as this line's."""


# -------------------------------------------------------------- people


def scans(scene: Scene, person: Person, lane: str = "") -> Iterator[Timed]:
    """Shows one code after the other for as long as more is asked for; thermometer and sentinel have spoken just before."""
    setup = scene.lane_for(person, "in", lane)
    if person.sentinel is not None:
        yield 0, events.TerminalSaid(lane=setup.name, token=person.key, **person.sentinel)
    if person.measured and setup.thermometer:
        yield 0.2, _temperature(setup, person)
    for fact in person.facts(scene):
        yield 0.5, events.CodeRead(lane=setup.name, fact=fact, read_by="story")
        if not scene.more_is_asked(setup.name):
            return


def _temperature(setup: LaneSetup, person: Person) -> events.TemperatureRead:
    return events.TemperatureRead(lane=setup.name, **{"object_c": 36.5, "ambient_c": 24.0, **person.measured})


def is_measured(scene: Scene, person: Person, lane: str = "", n: int = 1) -> Iterator[Timed]:
    """Stands before the thermometer for as many readings."""
    for _ in range(n):
        yield 0.2, _temperature(scene.lane_for(person, "in", lane), person)


def checks_in(scene: Scene, person: Person, lane: str = "") -> Iterator[Timed]:
    """The visitor's own phone reads the venue code; the hub grants for this pass and lane."""
    name, body = scene.lane_for(person, "in", lane).name, {"pass_id": person.key, **person.venue}
    number = scene.next_order()
    yield 0, events.CommandArrived(id=f"order-{number}", name="venue_code", issuer="hub", lane=name, body=body)


def _crosses(setup: LaneSetup, direction: str) -> Iterator[Timed]:
    yield 0.5, events.PassageBlocked(lane=setup.name, blocked=True)
    yield STEP_S, events.Crossed(lane=setup.name, direction=direction)  # type: ignore[arg-type]
    yield 0.1, events.PassageBlocked(lane=setup.name, blocked=False)


def passes(scene: Scene, person: Person, lane: str = "", bodies: int | None = None) -> Iterator[Timed]:
    """As many bodies as the booking says go through, where a sensor sees them; else the pulse ends."""
    setup = scene.lane_for(person, "in", lane)
    booking = person.booking or {}
    count = bodies or int(booking.get("party", 1)) + bool(booking.get("helper"))
    if setup.passage_sensor:
        for _ in range(count):
            yield from _crosses(setup, "in")
    else:
        yield 2.0 + count, events.Woken()


def leaves(scene: Scene, person: Person | None, lane: str = "") -> Iterator[Timed]:
    setup = scene.lane_for(None, "out", lane)
    if setup.button:
        yield 0, events.ContactChanged(lane=setup.name, role="button", closed=True)
        yield 0.2, events.ContactChanged(lane=setup.name, role="button", closed=False)
    yield from _crosses(setup, "out")


def walks_in(scene: Scene, person: Person | None, lane: str = "") -> Iterator[Timed]:
    yield from _crosses(scene.lane_for(person, "in", lane), "in")


def turns_back(scene: Scene, person: Person, lane: str = "") -> Iterator[Timed]:
    setup = scene.lane_for(person, "in", lane)
    yield 0.5, events.PassageBlocked(lane=setup.name, blocked=True)
    yield STEP_S, events.TurnedAway(lane=setup.name)
    yield 0.1, events.PassageBlocked(lane=setup.name, blocked=False)
    yield 3, events.Woken()


def _presses(setup: LaneSetup, role: str, seconds: float) -> Iterator[Timed]:
    yield 0.2, events.ContactChanged(lane=setup.name, role=role, closed=True)  # type: ignore[arg-type]
    yield seconds, events.ContactChanged(lane=setup.name, role=role, closed=False)  # type: ignore[arg-type]


def feels_unwell(scene: Scene, person: Person, lane: str = "") -> Iterator[Timed]:
    yield from _presses(scene.lane_for(person, "in", lane), "symptoms", 0.3)


def under_duress(scene: Scene, person: Person, lane: str = "") -> Iterator[Timed]:
    yield from _presses(scene.lane_for(person, "in", lane), "duress", 0.3)


def shows_badge(scene: Scene, person: Person, lane: str = "") -> Iterator[Timed]:
    yield (
        0.5,
        events.CodeRead(lane=scene.lane_for(person, "in", lane).name, fact=person.facts(scene)[0], read_by="story"),
    )


def by_badge_and_button(scene: Scene, person: Person, lane: str = "", seconds: float = 0.3) -> Iterator[Timed]:
    """The attendant's badge, then the button: short confirms and lets one in, long holds, releases or resets."""
    setup = scene.lane_for(person, "in", lane)
    fact = person.facts(scene)[0]
    yield 0, events.CodeRead(lane=setup.name, fact=fact, read_by="story")
    yield from _presses(setup, "button", seconds)


# -------------------------------------------------------------- things


def nothing(scene: Scene) -> Iterator[Timed]:
    yield 0, events.Woken()


def come_in(scene: Scene, n: int, lane: str = "") -> Iterator[Timed]:
    """People with everything in order, one after the other."""
    for person in scene.crowd(n):
        yield 12, events.Woken()
        yield from scans(scene, person, lane)
        yield from passes(scene, person, lane)


def go_out(scene: Scene, n: int, lane: str = "") -> Iterator[Timed]:
    for _ in range(n):
        yield 8, events.Woken()
        yield from leaves(scene, None, lane)


def contact(scene: Scene, role: str, closed: bool, lane: str = "") -> Iterator[Timed]:
    name = scene.lane_for(None, "any", lane).name
    yield 0, events.ContactChanged(lane=name, role=role, closed=closed)  # type: ignore[arg-type]


def device(scene: Scene, device: str, state: str, lane: str = "") -> Iterator[Timed]:
    name = scene.lane_for(None, "in", lane).name
    yield 0, events.DeviceHealth(lane=name, device=device, state=state, because="story")  # type: ignore[arg-type]


def spacing(scene: Scene, lane: str = "", x: float | None = None, n: int = 1, zone: str = "queue") -> Iterator[Timed]:
    name = scene.lane_for(None, "in", lane).name
    gap = None if x is None else round(x * 1000)
    persons = n if x is None else 2
    yield 0, events.SpacingSeen(lane=name, persons=persons, gap_mm=gap, zone=zone)  # type: ignore[arg-type]


def dispensed(scene: Scene, n: int, lane: str = "") -> Iterator[Timed]:
    setup = scene.lane_for(None, "any", lane)
    for _ in range(n):
        yield from _presses(setup, "dispenser", 0.3)


def air(scene: Scene, n: int, lane: str = "") -> Iterator[Timed]:
    yield 0, events.AirRead(lane=scene.lane_for(None, "in", lane).name, co2_ppm=n)


def order(
    scene: Scene, name: str, lane: str = "", of_lane: bool = True, n: int | None = None, key: str = "", **body: Any
) -> Iterator[Timed]:
    """Of the hub. `n` stands in the order's body under `key`; what else the row says stands there as it is."""
    number = scene.next_order()
    target = scene.lane_for(None, "in", lane).name if of_lane else None
    said: dict[str, Any] = {**body, **({} if n is None else {key: n})}
    yield 0, events.CommandArrived(id=f"order-{number}", name=name, issuer="hub", lane=target, body=said)


def acknowledge(scene: Scene, **body: bool) -> Iterator[Timed]:
    """The incident that was opened last is known to somebody."""
    said: dict[str, Any] = {**body, "incident": scene.last_incident}
    yield 0, events.CommandArrived(id=f"order-{scene.next_order()}", name="acknowledge", issuer="hub", body=said)


def journal(scene: Scene, writable: bool) -> Iterator[Timed]:
    yield 0, events.JournalState(writable=writable, because="story")


def clock(scene: Scene) -> Iterator[Timed]:
    yield 0, events.ClockChecked(because="story")


def power_fails(scene: Scene) -> Iterator[Timed]:
    """Off for five minutes, then the device begins with what its journal holds."""
    yield scene.off(300), scene.started(new_boot=True)


def restarts(scene: Scene) -> Iterator[Timed]:
    yield scene.off(2), scene.started(new_boot=False)


def clock_set(scene: Scene, n: int) -> Iterator[Timed]:
    """Somebody, or a dead battery, set the wall clock back; the device takes it for good."""
    scene.clock_behind_s = n * 60
    yield 0, events.ClockChecked(because="story")


def new_rulebook(scene: Scene, text: str) -> Iterator[Timed]:
    yield 0, events.RulebookLoaded(text=scene.changed_rulebook(text), kid="story", came_by="hub")


def attendant_confirms(scene: Scene, lane: str = "", seconds: float = 0.3) -> Iterator[Timed]:
    yield from by_badge_and_button(scene, scene.attendant(), lane, seconds)


ENTERED = (expectations.passed,)


def _left(outcome: Any, hall: Any) -> str:
    return expectations.passed(outcome, hall, "out")


def _answer_is_no(outcome: Any, hall: Any) -> str:
    decision = outcome.decision
    return "" if decision is None or decision.answer == "admit" else f"the answer was {expectations.told(decision)}"


NO_FIRE, FIRE = ({"role": "fire_loop", "closed": closed} for closed in (True, False))
KEY_IN, KEY_OUT = ({"role": "release_key", "closed": closed} for closed in (True, False))
PRESSED, LET_GO = ({"role": "button", "closed": closed} for closed in (True, False))


def used_elsewhere(scene: Scene, person: Person, lane: str = "") -> Iterator[Timed]:
    """Another door of the hall tells that this pass came in there."""
    day = str(scene.today)
    used = ((person.key, 1, scene.now_s),)
    yield 0, events.PeerUsed(device="another-door", seq=scene.next_order(), day=day, used=used)


PEOPLE = Table(
    "deed of a person",
    [
        Phrase("scans[ again][ at {lane}]", "[再次]扫码[ 于 {lane}]", Deed(scans, asks=True)),
        Phrase("passes[ through {lane}]", "通过[ [于 ]{lane}]", Deed(passes, ENTERED)),
        Phrase("goes in with {n} bodies", "{n} 人 一同通过", Deed(lambda scene, person, n: passes(scene, person, bodies=n))),
        Phrase("turns back", "折返", Deed(turns_back)),
        Phrase("walks in unasked[ at {lane}]", "擅自进入[ [于 ]{lane}]", Deed(walks_in)),
        Phrase("leaves[ by {lane}]", "离开[ 从 {lane}]", Deed(leaves, (_left,))),
        Phrase("is measured[ at {lane}]", "测量体温[ 于 {lane}]", Deed(is_measured)),
        Phrase("is measured {n} times[ at {lane}]", "测量体温 {n} 次[ 于 {lane}]", Deed(is_measured)),
        Phrase("checks in by venue code[ at {lane}]", "扫场所码登记[ 于 {lane}]", Deed(checks_in)),
        Phrase("came in by another door", "已从 其他门 进入", Deed(used_elsewhere)),
        Phrase("presses unwell[ at {lane}]", "按 身体不适[ 于 {lane}]", Deed(feels_unwell)),
        Phrase("presses duress[ at {lane}]", "按 胁迫按钮[ 于 {lane}]", Deed(under_duress)),
        Phrase("shows the badge[ at {lane}]", "出示工牌[ 于 {lane}]", Deed(shows_badge)),
        Phrase("badges and presses[ at {lane}]", "刷牌 按确认键[ 于 {lane}]", Deed(by_badge_and_button)),
        Phrase("badges and holds the button[ at {lane}]", "刷牌 长按[ 于 {lane}]", Deed(by_badge_and_button), {"seconds": 2.5}),
        Phrase(
            "badges and says nobody is inside[ at {lane}]", "刷牌 报告无人[ 于 {lane}]",
            Deed(by_badge_and_button), {"seconds": 5.5},
        ),
        Phrase(
            "badges and signs the round[ at {lane}]", "刷牌 登记消毒[ 于 {lane}]", Deed(by_badge_and_button), {"seconds": 8.5}
        ),
    ],
)  # fmt: skip


def _hub(en: str, zh: str, name: str, **values: Any) -> Phrase:
    return Phrase(en, zh, Deed(order), {"name": name, **values})


THINGS = Table(
    "thing that happens",
    [
        Phrase("time passes", "等待", Deed(nothing, since_before=True)),
        Phrase("{n} people come in[ at {lane}]", "进入 {n} 人[ 于 {lane}]", Deed(come_in, (_answer_is_no, expectations.passed))),
        Phrase("{n} people leave[ by {lane}]", "离开 {n} 人[ 从 {lane}]", Deed(go_out, (_left,))),
        Phrase("attendant confirms[ at {lane}]", "值守员确认[ 于 {lane}]", Deed(attendant_confirms)),
        Phrase("attendant holds the button[ at {lane}]", "值守员长按[ 于 {lane}]", Deed(attendant_confirms), {"seconds": 2.5}),
        Phrase("fire loop opens[ at {lane}]", "消防回路断开[ 于 {lane}]", Deed(contact), FIRE),
        Phrase("fire loop closes[ at {lane}]", "消防回路闭合[ 于 {lane}]", Deed(contact), NO_FIRE),
        Phrase("responders' key turned[ at {lane}]", "消防钥匙 打开[ 于 {lane}]", Deed(contact), KEY_IN),
        Phrase("responders' key back[ at {lane}]", "消防钥匙 复位[ 于 {lane}]", Deed(contact), KEY_OUT),
        Phrase("exit button pressed[ at {lane}]", "按 出门按钮[ 于 {lane}]", Deed(contact), PRESSED),
        Phrase("exit button let go[ at {lane}]", "松开 出门按钮[ 于 {lane}]", Deed(contact), LET_GO),
        *(
            Phrase(f"{en} {fails}[ at {{lane}}]", f"{zh} {fehlt}[ 于 {{lane}}]", Deed(device), {"device": role, "state": state})
            for role, en, zh in (
                ("gate", "gate", "闸机"), ("counter", "counter", "计数器"),
                ("thermometer", "thermometer", "测温仪"), ("range", "range sensor", "测距仪"),
                ("terminal", "sentinel", "数字哨兵"), ("air", "air sensor", "空气检测"),
            )
            for fails, fehlt, state in (("fails", "故障", "unplugged"), ("works again", "恢复", "ok"))
        ),
        Phrase("queue is {x} m apart[ at {lane}]", "排队间距 {x} 米[ 于 {lane}]", Deed(spacing)),
        Phrase("nobody in the queue[ at {lane}]", "门前无人[ 于 {lane}]", Deed(spacing), {"n": 0}),
        Phrase("{n} people stand behind the gate[ at {lane}]", "闸机后 {n} 人[ 于 {lane}]", Deed(spacing), {"zone": "hall"}),
        Phrase("air has {n} ppm CO2[ at {lane}]", "二氧化碳 {n} ppm[ 于 {lane}]", Deed(air)),
        *(
            Phrase(f"{en}[ at {{lane}}]", f"{zh}[ 于 {{lane}}]", Deed(contact), {"role": role, "closed": closed})
            for role, closed, en, zh in (
                ("window", True, "window is shut", "关 窗"), ("window", False, "window is opened", "开 窗"),
                ("door", True, "door leaf is shut", "关 门扇"), ("door", False, "door leaf is opened", "开 门扇"),
                ("fire_door", True, "fire door is shut", "关 防火门"), ("fire_door", False, "fire door is opened", "开 防火门"),
                ("air_conditioning", True, "air conditioning is switched on", "开 中央空调"),
                ("air_conditioning", False, "air conditioning is switched off", "关 中央空调"),
            )
        ),
        _hub("hub orders hold[ at {lane}]", "中枢 暂停[ [于 ]{lane}]", "hold"),
        _hub("hub orders release[ at {lane}]", "中枢 恢复[ [于 ]{lane}]", "release"),
        _hub("hub opens once[ at {lane}]", "中枢 放行一次[ [于 ]{lane}]", "open_once"),
        _hub("hub orders evacuation", "中枢 紧急疏散", "evacuate", of_lane=False),
        _hub("hub sets the limit to {n}", "中枢 限流 {n} 人", "limit", of_lane=False, key="n"),
        _hub("hub sets the day's quota to {n}", "中枢 今日名额 {n} 人", "quota", of_lane=False, key="n"),
        _hub("hub opens walk-in for today", "中枢 今日开放现场取号", "walk_in", of_lane=False, open=True),
        _hub("hub ends walk-in for today", "中枢 今日停止现场取号", "walk_in", of_lane=False, open=False),
        Phrase("duty leader knows", "值班领导 已知悉", Deed(acknowledge)),
        Phrase("sub-district office told", "已报 街镇防控办", Deed(acknowledge), {"office": True}),
        _hub("isolation signed off[ at {lane}]", "隔离 处置完毕[ 于 {lane}]", "sign_off"),
        _hub("isolation signed off as cleared[ at {lane}]", "隔离 排除嫌疑[ 于 {lane}]", "sign_off", cleared=True),
        Phrase("dispenser is used {n} times[ at {lane}]", "领用物资 {n} 次[ 于 {lane}]", Deed(dispensed)),
        _hub("hub refills {item}[ by {n}]", "中枢 补充物资 {item}[ {n} 件]", "refill", of_lane=False, key="n"),
        _hub("hub signs off round {point}", "中枢 登记消毒 {point}", "sign_off", of_lane=False),
        _hub("{n} counted inside", "清点 场内 {n} 人", "recount", of_lane=False, key="inside"),
        _hub("hub orders the rulebook before", "中枢 退回 上一版规则", "rulebook_fallback", of_lane=False),
        _hub("hub confirms the identity[ at {lane}]", "中枢 确认身份[ 于 {lane}]", "confirm_identity", attendant="a-7"),
        Phrase("device restarts", "设备重启", Deed(restarts)),
        Phrase("power fails and comes back", "断电后 恢复供电", Deed(power_fails)),
        Phrase("clock is set back by {n} minutes", "时钟 回拨 {n} 分钟", Deed(clock_set)),
        Phrase("clock is right again", "时钟 校准", Deed(clock_set), {"n": 0}),
        Phrase("journal is full", "记录已满", Deed(journal), {"writable": False}),
        Phrase("journal has room", "记录恢复", Deed(journal), {"writable": True}),
        Phrase("clock is doubtful", "时钟不可信", Deed(clock, trusts_clock=False)),
        Phrase("clock is trusted", "时钟可信", Deed(clock, trusts_clock=True)),
        Phrase("new rulebook: {text}", "新规则: {text}", Deed(new_rulebook)),
    ],
)  # fmt: skip
