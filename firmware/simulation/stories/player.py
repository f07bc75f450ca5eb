"""Plays a story against the real controller: the same judgement that stands at the door, a rulebook, and no hardware.

The clock is the story's. What differs is told line by line: what was written, and what came instead.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firmware.core import events
from firmware.core.actions import SignIdle
from firmware.core.controller import Controller
from firmware.core.estimate import inside
from firmware.core.moment import Moment
from firmware.core.occupancy import Rights
from firmware.core.records import Decision, Incident
from firmware.core.roster import STAFF_CLASSES
from firmware.core.state import HallState, LaneSetup
from firmware.errors import Mistake
from firmware.files import read
from firmware.rulebook import book as rulebooks
from firmware.rulebook.book import Rulebook
from firmware.simulation.stories import changes, script
from firmware.simulation.stories.expectations import Outcome
from firmware.simulation.stories.people import ATTRIBUTES, Person
from firmware.simulation.stories.script import Line, Story
from firmware.trust import rulebook_file
from firmware.typed_toml import Mistakes

APART_S = 5
"""Between lines of the same minute."""
BEFORE_S = 600
"""The device is up this long before the first line."""
SPIN_MAX = 10_000


@dataclass(frozen=True)
class Difference:
    """A line that did not come out as written."""

    file: str
    line: int
    text: str
    because: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}\n    {self.because}"


@dataclass
class Played:
    story: Story
    differences: list[Difference] = field(default_factory=list)
    decisions: list[tuple[Line, Decision]] = field(default_factory=list)
    journal: list[tuple[Any, Moment]] = field(default_factory=list)


def default_lanes(book: Rulebook) -> list[LaneSetup]:
    """The hall every story begins with: entry A for everybody but staff, staff door S, exit X."""
    guests = tuple(name for name in book.classes if name not in STAFF_CLASSES)
    return [
        LaneSetup(name="A", direction="in", classes=guests, passage_sensor=True, button=True),
        LaneSetup(name="S", direction="in", classes=tuple(sorted(STAFF_CLASSES)), passage_sensor=True, button=True),
        LaneSetup(name="X", direction="out", passage_sensor=True, button=True),
    ]


def default_day(book: Rulebook) -> dt.date:
    """The first working day on which the rulebook's last phase is in force."""
    day = max(book.phase[-1].begins, book.valid_from)
    week = (day + dt.timedelta(days=later) for later in range(8))
    return next((each for each in week if book.hours.spans(each.weekday())), day)


class Stage:
    """One device, the lanes of a story, and everybody in it. What a deed needs is in here."""

    def __init__(self, story: Story, text: bytes) -> None:
        self.text = text
        self.book = rulebooks.parse(text, f"{story.file}: rulebook")
        self.zone = rulebook_file.zone(self.book.time_zone)
        self.day = story.day or default_day(self.book)
        named = {each.name: each for each in (*default_lanes(self.book), *story.lanes)}
        self.lanes = list(named.values())
        self.hall = self.book.hall
        self.persons: dict[str, Person] = {}
        self.orders = 0
        self.trusted = True
        self.last_incident = ""
        self.signs: dict[str, tuple[tuple[str, str], ...]] = {}
        self.controller = Controller(HallState(rights=Rights(inc="story")), rulebook_file.zone)
        self.journal: list[tuple[Any, Moment]] = []
        self.wake: int | None = None
        self.outcome = Outcome()
        first = story.lines[0]
        self.now_ms = self.origin_ms = 1000 * (self.second_of(0, first.day or self.day) + first.at_s - BEFORE_S)
        self.boots = self.clock_behind_s = 0
        self.do(self.started(new_boot=True))
        self.do(events.RulebookLoaded(text=text, kid="story"))

    # ------------------------------------------------------------ time

    @property
    def now_s(self) -> int:
        return self.now_ms // 1000

    def second_of(self, minute: int, day: dt.date | None = None) -> int:
        midnight = dt.datetime.combine(day or self.day, dt.time(), self.zone)
        return int((midnight + dt.timedelta(minutes=minute)).timestamp())

    def started(self, *, new_boot: bool) -> events.Started:
        """The device began, with what it remembers; after a new boot its elapsed time begins anew."""
        if new_boot:
            self.boots, self.origin_ms = self.boots + 1, self.now_ms
        self.controller = Controller.restore(self.controller.snapshot(), rulebook_file.zone)
        return events.Started(
            boot=f"story-{self.boots}", version="story", device="story", hall=self.hall, inc="story", bank=True,
            lanes=tuple(self.lanes),
        )  # fmt: skip

    def off(self, seconds: int) -> float:
        """Time passes, and nobody is there to be woken."""
        self.now_ms, self.wake = self.now_ms + seconds * 1000, None
        return 0.0

    def wait_until(self, then_ms: int) -> None:
        """Let time pass, waking the controller exactly when it asked to be woken."""
        for _ in range(SPIN_MAX):
            if self.wake is None or self.wake + self.origin_ms > then_ms:
                break
            before, self.now_ms = self.wake, max(self.now_ms, self.wake + self.origin_ms)
            self.do(events.Woken())
            if self.wake == before:
                self.now_ms += 1
        self.now_ms = max(self.now_ms, then_ms)

    def do(self, event: Any) -> None:
        moment = Moment(self.now_ms - self.origin_ms, self.now_ms - self.clock_behind_s * 1000, self.trusted)
        outcome = self.controller.handle(event, moment)
        self.journal.append((event, moment))
        self.outcome.actions += outcome.actions
        self.outcome.records += outcome.records
        for record in outcome.records:
            if isinstance(record, Incident) and record.state == "opened":
                self.last_incident = record.incident
        self.wake = outcome.wake_at_ms
        for order in outcome.actions:
            if isinstance(order, SignIdle):
                self.signs[order.lane] = order.pages

    # ------------------------------------------------------------ what deeds and expectations ask

    @property
    def today(self) -> dt.date:
        return self.day

    @property
    def inside(self) -> int:
        return inside(self.controller.state)

    @property
    def idle_pages(self) -> tuple[tuple[str, str], ...]:
        return tuple(page for pages in self.signs.values() for page in pages)

    @property
    def free(self) -> int:
        return self.controller.state.rights.free

    def person(self, name: str, person_class: str = "") -> Person:
        known = self.persons.get(name)
        if known is None:
            known = self.persons[name] = Person(name, len(self.persons) + 1, person_class or "visitor")
        elif person_class and person_class != known.person_class:
            raise Mistake(f"{name} is {known.person_class} already; another class needs another name")
        return known

    def lane_for(self, person: Person | None, direction: str, named: str = "") -> LaneSetup:
        """The lane that is meant: the one named, the one this person was at last, or the first one that fits."""
        if named:
            chosen = next((lane for lane in self.lanes if lane.name.lower() == named.lower()), None)
            if chosen is None:
                raise Mistake(f"there is no lane {named}; here could stand: {', '.join(e.name for e in self.lanes)}")
        else:
            chosen = self._fitting(person, direction)
        if person is not None:
            person.lane = chosen.name
        return chosen

    def _fitting(self, person: Person | None, direction: str) -> LaneSetup:
        ways = {"in": ("in", "both"), "out": ("out", "both"), "any": ("in", "both", "out")}[direction]
        fitting = [lane for lane in self.lanes if lane.direction in ways]
        before = [lane for lane in fitting if person is not None and lane.name == person.lane]
        meant = [lane for lane in fitting if person is not None and person.person_class in lane.classes]
        chosen = next(iter([*before, *meant, *fitting]), None)
        if chosen is None:
            raise Mistake(f"this hall has no lane for the way {direction}")
        return chosen

    def crowd(self, n: int) -> list[Person]:
        """People nobody has met yet, with everything in order."""
        return [self._in_order(f"one of many {len(self.persons) + 1}") for _ in range(n)]

    def _in_order(self, name: str) -> Person:
        someone = self.person(name)
        for text in ("booked all day", "PCR 1 h old", "antigen 1 h old"):
            row, values = ATTRIBUTES.read(text)
            row.means(someone, self, **values)
        rules = self.book.classes.get("visitor")
        asked = {{"pcr": "naat"}.get(proof, proof) for proof in (rules.proof if rules else ())}
        someone.tests = {kind: test for kind, test in someone.tests.items() if test.kind in asked}
        return someone

    def attendant(self) -> Person:
        """A named one, at the first entry that is not their own door: there a badge is the attendant's."""
        someone = self.person("the attendant", "staff")
        entries = [lane for lane in self.lanes if lane.entry]
        theirs = next((lane for lane in entries if someone.person_class not in lane.classes), entries[0])
        someone.lane = someone.lane or theirs.name
        return someone

    def more_is_asked(self, lane: str) -> bool:
        return self.controller.state.lanes[lane].visit is not None

    def next_order(self) -> int:
        self.orders += 1
        return self.orders

    def changed_rulebook(self, change: str) -> bytes:
        self.text = changes.with_next_serial(self.text, change)
        return self.text


def play(story: Story, rulebook: bytes) -> Played:
    """Play the whole story. Mistake, with its line, for what cannot be played (no such lane, a change that is none)."""
    stage = Stage(story, _rulebook_of(story, rulebook))
    for number, name, person_class, attributes in story.people:
        with_place(story, number, _introduce, stage, name, person_class, attributes)
    played = Played(story, journal=stage.journal)
    stage.outcome = Outcome()
    for line in story.lines:
        with_place(story, line.number, _play_line, stage, line, played)
    stage.wait_until(stage.now_ms + 60_000)
    return played


def with_place(story: Story, number: int, what: Any, *arguments: Any) -> Any:
    """Call it; a Mistake gets the story's file and line."""
    try:
        return what(*arguments)
    except Mistake as mistake:
        raise Mistake(mistake.what, file=story.file, line=number, key=mistake.key) from None


def _rulebook_of(story: Story, text: bytes) -> bytes:
    for number, change in story.changes:
        text = with_place(story, number, _changed_and_sound, text, change)
    return text


def _changed_and_sound(text: bytes, change: str) -> bytes:
    made = changes.changed(text, change)
    rulebooks.parse(made)
    return made


def _introduce(stage: Stage, name: str, person_class: str, attributes: Any) -> Person:
    person = stage.person(name, person_class)
    for phrase, values in attributes:
        phrase.means(person, stage, **values)
    return person


def _play_line(stage: Stage, line: Line, played: Played) -> None:
    _go_to(stage, line)
    if not line.deed.since_before:
        stage.outcome = Outcome()
    if line.deed.trusts_clock is not None:
        stage.trusted = line.deed.trusts_clock
    who = (_introduce(stage, line.name, line.person_class, line.attributes),) if line.name else ()
    for after_s, event in line.deed.play(stage, *who, **line.values):
        stage.wait_until(stage.now_ms + int(after_s * 1000))
        stage.do(event)
    _compare(stage, line, played)
    stage.outcome = Outcome()


def _go_to(stage: Stage, line: Line) -> None:
    if line.day is not None:
        stage.day = line.day
    then_ms = 1000 * (stage.second_of(0) + line.at_s)
    if not line.exact and then_ms <= stage.now_ms:
        then_ms = stage.now_ms + APART_S * 1000
    elif then_ms < stage.now_ms:
        raise Mistake("comes too soon: what happened before it is not over yet; give it a later time")
    stage.wait_until(then_ms)


def _compare(stage: Stage, line: Line, played: Played) -> None:
    wrong = [check(stage.outcome, stage) for check in line.deed.expects]
    wrong += [
        f"expected {text!r}, but {found}"
        for (phrase, values), text in zip(line.expected, line.expected_texts, strict=True)
        if (found := phrase.means(stage.outcome, stage, **values))
    ]
    played.differences += [Difference(played.story.file, line.number, line.text, each) for each in wrong if each]
    played.decisions += [(line, each) for each in stage.outcome.of(Decision)]


# -------------------------------------------------------------- files


def stories_in(folder: Path) -> list[Story]:
    """Every `*.story` in the folder, by name. Mistakes with every wrong line of every file."""
    if not folder.is_dir():
        raise Mistake("is no folder with stories in it", file=str(folder))
    files = sorted(folder.rglob("*.story"))
    if not files:
        raise Mistake("holds no story: a story is a file whose name ends in .story", file=str(folder))
    stories, wrong = [], list[Mistake]()
    for path in files:
        try:
            stories.append(script.read(_text(path), str(path)))
        except Mistakes as mistakes:
            wrong += mistakes.all
        except Mistake as mistake:
            wrong.append(mistake)
    if wrong:
        raise Mistakes(wrong)
    return stories


def _text(path: Path) -> str:
    try:
        return read(path).decode("utf-8")
    except UnicodeDecodeError as wrong:
        raise Mistake(
            "is not UTF-8 text: save it as UTF-8", file=str(path), line=wrong.object[: wrong.start].count(b"\n") + 1
        ) from None
