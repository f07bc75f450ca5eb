"""The signed roster of a day: who is booked without a code, and what is known of the staff's tests and posts.

Phone bookers have no code (3.1.1c): a line lets an identity card or a short number stand for a pass. A line that cannot
be understood is refused and named by its place; the rest works. Names and numbers of people are not in here: `holder`
is a keyed hash, a short number is one the office gave out for the day.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from firmware.core import pseudonym
from firmware.core.facts import Booking, HealthTest, TestKind, TestResult
from firmware.rulebook.tables import ClassName, Span

LINES_MAX = 20_000
NUMBER_DIGITS = (4, 12)
COMPLAINTS_MAX = 20
TEST_KEPT_S = 60 * 86_400
STAFF_CLASSES = frozenset({"staff", "attendant", "responder"})
"""Proved by a badge alone: a line of bookings cannot make somebody staff."""

Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z", description="16 hex digits")]
Number = Annotated[str, Meta(pattern=r"^[0-9]{4,12}\Z", description="short number of 4 to 12 digits")]
Seconds = Annotated[int, Meta(ge=0, le=2**40)]
Label = Annotated[str, Meta(min_length=1, max_length=64)]


class BookingLine(msgspec.Struct, frozen=True, kw_only=True, rename={"pass_id": "pass", "person_class": "class"}):
    """One booking of the day. `holder`, `number` or both; times in seconds since 1970, without them the whole day."""

    holder: Hash | None = None
    number: Number | None = None
    pass_id: Hash | None = None
    """The pass of the same booking, where there is one: pass and card then are one use."""
    person_class: ClassName = "visitor"
    slot_start: Seconds | None = None
    slot_end: Seconds | None = None
    service: Label | None = None
    zone: Label | None = None
    party: Annotated[int, Meta(ge=1, le=20)] = 1
    cases: Annotated[int, Meta(ge=1, le=1000)] = 1
    helper: bool = False

    def __post_init__(self) -> None:
        if self.holder is None and self.number is None:
            raise ValueError("neither `holder` nor `number`: nobody could show it")
        if (self.slot_start is None) != (self.slot_end is None):
            raise ValueError("`slot_start` and `slot_end` come together")
        if self.slot_start is not None and self.slot_end is not None and self.slot_start >= self.slot_end:
            raise ValueError("`slot_end` must be after `slot_start`")
        if self.person_class in STAFF_CLASSES:
            raise ValueError(f"class {self.person_class} needs a badge, a booking cannot give it")


class TestLine(msgspec.Struct, frozen=True, kw_only=True):
    kind: TestKind
    result: TestResult
    sampled: Seconds
    reported: Seconds | None = None


class StaffLine(msgspec.Struct, frozen=True, kw_only=True, rename={"pass_id": "pass"}):
    """What is known of one member of the staff, found by the badge's id or by its holder."""

    pass_id: Hash | None = None
    holder: Hash | None = None
    tests: tuple[TestLine, ...] = ()
    zones: tuple[Label, ...] = ()
    bands: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        if self.pass_id is None and self.holder is None:
            raise ValueError("neither `pass` nor `holder`: whose line is it?")


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    v: Literal[1]
    day: dt.date
    serial: Annotated[int, Meta(ge=0, le=2**53)] = 0
    staff: list[msgspec.Raw] = []
    bookings: list[msgspec.Raw] = []


@dataclass(frozen=True)
class Roster:
    """One day's roster, indexed. `complaints` name the lines that were refused, at most twenty of them in words."""

    day: dt.date
    serial: int = 0
    by_holder: Mapping[str, BookingLine] = field(default_factory=dict)
    by_number: Mapping[str, BookingLine] = field(default_factory=dict)
    staff_by_pass: Mapping[str, StaffLine] = field(default_factory=dict)
    staff_by_holder: Mapping[str, StaffLine] = field(default_factory=dict)
    lines: int = 0
    refused: int = 0
    complaints: tuple[str, ...] = ()

    def staff(self, badge: Booking) -> StaffLine | None:
        return self.staff_by_pass.get(badge.pass_id) or self.staff_by_holder.get(badge.holder or "")


Line = TypeVar("Line", BookingLine, StaffLine)


def parse(text: bytes) -> Roster | str:
    """The roster in a verified payload; a sentence when it is none at all. Never raises."""
    try:
        document = msgspec.json.decode(text, type=_Document)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as wrong:
        return f"this is no roster: {wrong}"
    if len(document.bookings) + len(document.staff) > LINES_MAX:
        return f"more than {LINES_MAX} lines"
    complaints: list[str] = []
    bookings = _read("bookings", document.bookings, BookingLine, complaints)
    staff = _read("staff", document.staff, StaffLine, complaints)
    by_holder, by_number = _booked(bookings, complaints)
    return Roster(
        day=document.day,
        serial=document.serial,
        by_holder=by_holder,
        by_number=by_number,
        staff_by_pass={line.pass_id: line for _, line in staff if line.pass_id},
        staff_by_holder={line.holder: line for _, line in staff if line.holder},
        lines=len(document.bookings) + len(document.staff) - len(complaints),
        refused=len(complaints),
        complaints=tuple(complaints[:COMPLAINTS_MAX]),
    )


def _read(table: str, raw: list[msgspec.Raw], kind: type[Line], complaints: list[str]) -> list[tuple[int, Line]]:
    decoder, lines = msgspec.json.Decoder(kind), list[tuple[int, Line]]()
    for place, text in enumerate(raw, 1):
        try:
            lines.append((place, decoder.decode(text)))
        except (msgspec.DecodeError, RecursionError, UnicodeError) as wrong:
            complaints.append(f"{table} line {place}: {wrong}")
    return lines


def _booked(
    lines: list[tuple[int, BookingLine]], complaints: list[str]
) -> tuple[dict[str, BookingLine], dict[str, BookingLine]]:
    """A holder may have one line only, and a number too: of two nobody could say which one is meant."""
    by_holder, by_number = dict[str, BookingLine](), dict[str, BookingLine]()
    for place, line in lines:
        if (line.holder or "") in by_holder or (line.number or "") in by_number:
            complaints.append(f"bookings line {place}: its holder or number stands in an earlier line already")
            continue
        if line.holder is not None:
            by_holder[line.holder] = line
        if line.number is not None:
            by_number[line.number] = line
    return by_holder, by_number


# -------------------------------------------------------------- what a line proves


def booked(line: BookingLine, roster: Roster, hall: str, start_s: int, hall_key: bytes | None, day: str) -> Booking:
    """The booking that a shown card or number stands for. `start_s`: first second of the roster's day in the hall.

    `day` separates the daily pseudonyms, as in `passes.verify`: the same holder with a pass is the same person.
    """
    shown = line.holder or f"number {line.number}"
    slot = line.slot_start is not None and line.slot_end is not None
    pass_id = line.pass_id or _hash(f"roster|{hall}|{roster.day}|{shown}")
    return Booking(
        sha256=_hash(f"{roster.day}|{shown}"),
        person=pseudonym.of_the_day(hall_key, day, line.holder or pass_id),
        pass_id=pass_id,
        issuer="roster",
        key_kind="booking",
        hall=hall,
        person_class=line.person_class,
        not_before_s=start_s,
        expires_s=start_s + 86_400,
        slot_start_s=line.slot_start if slot else None,
        slot_end_s=line.slot_end if slot else None,
        party=line.party,
        holder=line.holder,
        service=line.service,
        cases=line.cases,
        zone=line.zone,
        helper=line.helper,
        source="roster",
    )


def tests_of(line: StaffLine) -> tuple[HealthTest, ...]:
    """A staff member's tests as facts: a statement of the hub's, whose age is the rulebook's affair."""
    return tuple(
        HealthTest(
            kind=test.kind,
            result=test.result,
            issuer="roster",
            sampled_s=test.sampled,
            issued_s=test.reported if test.reported is not None else test.sampled,
            expires_s=test.sampled + TEST_KEPT_S,
            reported_s=test.reported,
        )
        for test in line.tests
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
