"""Who stands at the gate, and what they can show: from a story's words to the privacy-clean facts of verified codes.

The rows of ATTRIBUTES and CLASSES are the whole vocabulary; a new kind of proof is a row here. A fact is fixed at the
time of the line that tells of it, as a certificate is.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any, Protocol

from firmware.core.facts import AnyFact, Booking, Card, HealthTest, OtherHealth, Unproved
from firmware.core.roster import STAFF_CLASSES
from firmware.simulation.stories.phrases import Phrase, Span, Table

HOUR_S = 3600
DAY_S = 86_400
STRANGER = "f" * 16
"""The subject of somebody else's certificate."""


class Day(Protocol):
    """What a proof needs to know of the moment: seconds since 1970, the hall's day, and whose hall it is."""

    @property
    def now_s(self) -> int: ...
    @property
    def hall(self) -> str: ...
    def second_of(self, minute: int, day: dt.date | None = None) -> int: ...


@dataclass
class Person:
    """What somebody holds in their hands. `number` makes their ids; nothing here is a name that leaves the story."""

    name: str
    number: int
    person_class: str = "visitor"
    booking: dict[str, Any] | None = None
    tests: dict[str, HealthTest] = field(default_factory=dict)
    other: str = ""
    code: Unproved | None = None
    card: dict[str, Any] | None = None
    measured: dict[str, Any] = field(default_factory=dict)
    """What a thermometer makes of this forehead: the fields of a reading; empty: nothing."""
    venue: dict[str, Any] = field(default_factory=dict)
    """What the hub knows when their own phone checks in: the fields of the order `venue_code`."""
    sentinel: dict[str, Any] | None = None
    by: str = "pass"
    """How a booking is shown: `pass`, `card` or `number`."""
    lane: str = ""
    """Where they were last."""

    @property
    def key(self) -> str:
        """16 hex digits, as every keyed hash."""
        return f"{self.number:016x}"

    @property
    def pseudonym(self) -> str:
        return f"person-{self.number}"

    @property
    def on_duty(self) -> bool:
        return self.person_class in STAFF_CLASSES

    def facts(self, day: Day) -> list[AnyFact]:
        """The codes and cards this person shows, in the order they are shown."""
        if self.code is not None:
            return [self.code]
        booked = self._booking(day)
        shown: list[AnyFact] = []
        if self.card is not None or self.by == "card":
            booked_by_card = booked if self.by == "card" else None
            fields = {"holder": self.key, "subject": self.key, **(self.card or {})}
            shown.append(Card(sha256=f"card-{self.key}", person=self.pseudonym, booking=booked_by_card, **fields))
        if booked is not None and self.by != "card":
            shown.append(booked)
        shown += [] if self.on_duty else self.tests.values()
        return shown + ([self._other(day)] if self.other else [])

    def _booking(self, day: Day) -> Booking | None:
        """A staff member always has a badge; what is known of their tests stands in the signed roster."""
        if self.booking is None and not self.on_duty:
            return None
        fields: dict[str, Any] = {
            "sha256": f"pass-{self.key}",
            "person": self.pseudonym,
            "pass_id": self.key,
            "issuer": "office",
            "key_kind": "staff" if self.on_duty else "booking",
            "hall": day.hall,
            "person_class": self.person_class,
            "not_before_s": day.second_of(0) - 30 * DAY_S,
            "expires_s": day.second_of(0) + 300 * DAY_S,
            "holder": self.key,
            "subject": self.key,
            "source": "pass" if self.by == "pass" else "roster",
            "tests": tuple(self.tests.values()) if self.on_duty else (),
        }
        return Booking(**{**fields, **(self.booking or {})})

    def _other(self, day: Day) -> OtherHealth:
        return OtherHealth(
            sha256=f"other-{self.key}", person=self.pseudonym, kind=self.other, issuer="XX",  # type: ignore[arg-type]
            issued_s=day.now_s - 30 * DAY_S, expires_s=day.now_s + 300 * DAY_S,
        )  # fmt: skip


# -------------------------------------------------------------- what a piece of a line does to a person


def _booked(
    person: Person, day: Day, span: Span = (0, 24 * 60), date: dt.date | None = None, slot: bool = True
) -> None:
    fields = {"not_before_s": day.second_of(0, date), "expires_s": day.second_of(24 * 60, date)}
    if slot:
        fields |= {"slot_start_s": day.second_of(span[0], date), "slot_end_s": day.second_of(span[1], date)}
    person.booking = {**(person.booking or {}), **fields}


def _on_booking(person: Person, day: Day, **fields: Any) -> None:
    if person.booking is None and not person.on_duty:
        _booked(person, day, slot=False)
    person.booking = {**(person.booking or {}), **fields}


def _tested(
    person: Person, day: Day, kind: str, n: int, result: str = "negative", m: int | None = None, stranger: bool = False
) -> None:
    sampled = day.now_s - n * HOUR_S
    place = f"{kind} {sampled}" if kind == "antigen" else kind  # several antigen tests (3.1.4a)
    person.tests[place] = HealthTest(
        sha256=f"{kind}-{person.key}-{sampled}",
        person=person.pseudonym,
        kind=kind,  # type: ignore[arg-type]
        result=result,  # type: ignore[arg-type]
        issuer="XX",
        sampled_s=sampled,
        issued_s=min(day.now_s, sampled + HOUR_S),
        reported_s=None if m is None else day.now_s - m * HOUR_S,
        expires_s=sampled + 60 * DAY_S,
        subject=STRANGER if stranger else person.key,
        certificate=f"{place}-{person.key}",
    )


def _untested(person: Person, day: Day, kind: str) -> None:
    person.tests = {place: test for place, test in person.tests.items() if test.kind != kind}


def _other(person: Person, day: Day, kind: str) -> None:
    person.other = kind


def _code(person: Person, day: Day, because: str, looks_like: str = "booking") -> None:
    person.code = Unproved(sha256=f"code-{person.key}", because=because, looks_like=looks_like)  # type: ignore[arg-type]


def _card(person: Person, day: Day, n: int | None = None, **fields: Any) -> None:
    years = {} if n is None else {"age_years": n}
    person.card = {**(person.card or {}), **years, **fields}


def _by(person: Person, day: Day, by: str) -> None:
    """A line of the roster: for the whole day where nothing is said of a slot."""
    _on_booking(person, day)
    person.by = by


def _measured(person: Person, day: Day, key: str, **value: float) -> None:
    person.measured = {**person.measured, key: next(iter(value.values()))}


def _venue(person: Person, day: Day, n: int | None = None, **fields: Any) -> None:
    sampled = {} if n is None else {"sampled_at": day.now_s - n * HOUR_S}
    person.venue = {**person.venue, **fields, **sampled}


def _works(person: Person, day: Day, words: tuple[str, ...] = (), span: Span | None = None) -> None:
    if words:
        _on_booking(person, day, zones=words)
    if span:
        _on_booking(person, day, bands=("-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in span),))


def _sentinel(person: Person, day: Day, n: int | None = None, **fields: Any) -> None:
    minutes = None if n is None else n * 60
    person.sentinel = {**(person.sentinel or {}), **fields, **({} if n is None else {"sampled_age_minutes": minutes})}


def _withdrawn(person: Person, day: Day) -> None:
    _on_booking(person, day, revoked=True)


def _named(key: str) -> Any:
    """A row that writes what was said into one field of the booking."""

    def write(person: Person, day: Day, **values: Any) -> None:
        _on_booking(person, day, **{key: next(iter(values.values()))})

    return write


ATTRIBUTES = Table(
    "thing a person has",
    [
        Phrase("booked {span}", "预约 {span}", _booked),
        Phrase("booked {date} {span}", "预约 {date} {span}", _booked),
        Phrase("booked all day", "预约 全天", _booked, {"slot": False}),
        Phrase("booked for another hall", "预约 其他大厅", _on_booking, {"hall": "another-hall"}),
        Phrase("booking withdrawn", "预约 已撤销", _withdrawn),
        Phrase("badge withdrawn", "工牌 已撤销", _withdrawn),
        Phrase("party of {n}", "一行 {n} 人", _named("party")),
        Phrase("with a helper", "有 陪同", _on_booking, {"helper": True}),
        Phrase("{n} cases", "{n} 件", _named("cases")),
        Phrase("for service {word}", "办理 {word}", _named("service")),
        Phrase("going to {word}", "前往 {word}", _named("zone")),
        Phrase("PCR {n} h old", "核酸 {n} 小时前", _tested, {"kind": "naat"}),
        Phrase("PCR {n} h old reported {m} h ago", "核酸 {n} 小时前采样 {m} 小时前报告", _tested, {"kind": "naat"}),
        Phrase("PCR positive {n} h old", "核酸 阳性 {n} 小时前", _tested, {"kind": "naat", "result": "positive"}),
        Phrase("antigen {n} h old", "抗原 {n} 小时前", _tested, {"kind": "antigen"}),
        Phrase(
            "antigen positive {n} h old", "抗原 阳性 {n} 小时前", _tested, {"kind": "antigen", "result": "positive"}
        ),
        Phrase("somebody else's PCR {n} h old", "他人 核酸 {n} 小时前", _tested, {"kind": "naat", "stranger": True}),
        Phrase("no PCR", "无 核酸", _untested, {"kind": "naat"}),
        Phrase("no antigen", "无 抗原", _untested, {"kind": "antigen"}),
        Phrase("vaccination certificate", "疫苗 证明", _other, {"kind": "vaccination"}),
        Phrase("recovery certificate", "康复 证明", _other, {"kind": "recovery"}),
        Phrase("unreadable code", "读不出的码", _code, {"because": "not_read", "looks_like": ""}),
        Phrase("forged booking", "伪造 预约", _code, {"because": "bad_signature"}),
        Phrase("forged PCR", "伪造 核酸", _code, {"because": "bad_signature", "looks_like": "health"}),
        Phrase("booking of an unknown office", "来历不明的预约", _code, {"because": "unknown_issuer"}),
        Phrase("number that is not in the roster", "名单外的短号", _code, {"because": "not_in_roster"}),
        Phrase("ID card", "身份证", _card),
        Phrase("{n} years old", "{n} 岁", _card),
        Phrase("of the city's household", "本市 户籍", _card, {"resident": True}),
        Phrase("booked by phone with ID card", "电话预约 凭身份证", _by, {"by": "card"}),
        Phrase("booked by phone with a short number", "电话预约 凭短号", _by, {"by": "number"}),
        Phrase("temperature {x}", "体温 {x}[ 度]", _measured, {"key": "object_c"}),
        Phrase("surroundings {x}", "环境 {x}[ 度]", _measured, {"key": "ambient_c"}),
        Phrase("measured from {n} mm", "测距 {n} 毫米", _measured, {"key": "distance_mm"}),
        Phrase("works in {words}", "岗位 {words}", _works),
        Phrase("works {span}", "当班 {span}", _works),
        Phrase("sentinel green", "数字哨兵 绿码", _sentinel, {"code": "green"}),
        Phrase("sentinel yellow", "数字哨兵 黄码", _sentinel, {"code": "yellow"}),
        Phrase("sentinel red", "数字哨兵 红码", _sentinel, {"code": "red"}),
        Phrase("sentinel PCR {n} h old", "哨兵 核酸 {n} 小时前", _sentinel, {"pcr": "negative"}),
        Phrase("sentinel PCR positive", "哨兵 核酸 阳性", _sentinel, {"pcr": "positive"}),
        Phrase("sentinel no PCR", "哨兵 无核酸", _sentinel, {"pcr": "none"}),
        Phrase("venue code green", "场所码 绿码", _venue, {"code": "green"}),
        Phrase("venue code yellow", "场所码 黄码", _venue, {"code": "yellow"}),
        Phrase("venue code red", "场所码 红码", _venue, {"code": "red"}),
        Phrase("venue code PCR {n} h old", "场所码 核酸 {n} 小时前", _venue, {"pcr": "negative"}),
        Phrase("venue code no PCR", "场所码 无核酸", _venue, {"pcr": "none"}),
        Phrase("sentinel mask on", "哨兵 戴口罩", _sentinel, {"mask": True}),
        Phrase("sentinel mask off", "哨兵 未戴口罩", _sentinel, {"mask": False}),
    ],
)

CLASSES = Table(
    "class of people",
    [
        Phrase("visitor", "办事人", "visitor"),
        Phrase("resident", "本区居民", "resident"),
        Phrase("assisted visitor", "帮办对象", "assisted"),
        Phrase("minor", "未成年人", "minor"),
        Phrase("elder", "老年人", "elder"),
        Phrase("disabled visitor", "残障人士", "disabled"),
        Phrase("staff member", "工作人员", "staff"),
        Phrase("staff", "员工", "staff"),
        Phrase("attendant", "值守员", "attendant"),
        Phrase("agent", "代办员", "agent"),
        Phrase("enterprise guest", "重点企业来宾", "guest"),
        Phrase("courier", "快递员", "courier"),
        Phrase("cleaner", "保洁员", "cleaner"),
        Phrase("inspector", "督导员", "inspector"),
        Phrase("escorted guest", "陪同来访者", "escorted"),
        Phrase("responder", "应急人员", "responder"),
    ],
)
