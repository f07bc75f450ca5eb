"""What a rulebook says against itself: well-formed, and still not what anybody can have meant.

An error makes the rulebook unusable; a warning is something a person should look at before signing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import msgspec

from firmware.core.resource import HALL
from firmware.rulebook.air_tables import OUTDOORS_PPM
from firmware.rulebook.round_tables import Point
from firmware.rulebook.tables import WEEKDAYS, ClassRules, HoursException, Week, minutes_of, openings
from firmware.rulebook.words import SIGN_MAX, WORDS, base_reason, blanks, blanks_of, least_length
from firmware.toml_lines import Path
from firmware.typed_toml import dotted, nearest

if TYPE_CHECKING:
    from firmware.rulebook.book import Rulebook

ON_ROSTER = frozenset({"staff", "attendant", "responder"})
"""Classes whose tests the signed roster may know."""
ROUNDS_MAX = SUPPLIES_MAX = 40
PRESS_APART_MS = 1_000
Severity = Literal["error", "shut", "warning"]


class Complaint(msgspec.Struct, frozen=True):
    """`path` leads to the key in the file; a `warning` is told and lets pass.

    `shut`: nobody would be let in, or everybody. `check` refuses such a rulebook, where a person stands who can mend it;
    a device that was given it all the same obeys it.
    """

    severity: Severity
    path: Path
    what: str

    @property
    def key(self) -> str:
        return dotted(self.path)


def complaints(book: Rulebook) -> list[Complaint]:
    """Everything that is odd about this rulebook, errors and warnings."""
    parts = (
        _dates,
        _phases,
        _admitted,
        _hours,
        _exceptions,
        _classes,
        _people,
        _evidence,
        _access,
        _isolation,
        _rounds,
        _air,
        _supplies,
        _phrases,
    )
    return [complaint for part in parts for complaint in part(book)]


def _error(path: Path, what: str) -> Complaint:
    return Complaint("error", path, what)


def _shut(path: Path, what: str) -> Complaint:
    return Complaint("shut", path, what)


def _warning(path: Path, what: str) -> Complaint:
    return Complaint("warning", path, what)


def _dates(book: Rulebook) -> Iterator[Complaint]:
    if book.valid_until < book.valid_from:
        yield _error(("valid_until",), f"lies before valid_from = {book.valid_from}")
    if book.phase and book.phase[0].begins > book.valid_from:
        yield _warning(("phase", 0, "from"), f"nobody is admitted from {book.valid_from} until this phase begins")


def _phases(book: Rulebook) -> Iterator[Complaint]:
    if not book.phase:
        yield _error(("phase",), "there is no phase: write at least one [[phase]]")
    for index, (one, other) in enumerate(pairwise(book.phase), 1):
        if other.begins <= one.begins:
            yield _error(("phase", index, "from"), f"phases stand in order of their dates: {one.name} is not earlier")
    for name, times in Counter(phase.name for phase in book.phase).items():
        if times > 1:
            yield _warning(("phase",), f"{times} phases are called {name}")
    for index, phase in enumerate(book.phase):
        for name in phase.classes:
            if name not in book.classes:
                what = f"{name} has no table [class.{name}]: nobody of that class is admitted"
                yield _warning(("phase", index, "classes"), what)


def _admitted(book: Rulebook) -> Iterator[Complaint]:
    """A rulebook that shuts everybody out, or lets everybody in."""
    if book.limit_persons == 0:
        yield _shut(("limit_persons",), "is 0: nobody is admitted")
    elif book.phase and not any(book.limit_on(phase.begins) for phase in book.phase):
        yield _shut(("phase",), "limit_percent leaves no place in any phase: nobody is admitted")
    if HALL in book.zone:
        yield _warning(("zone", HALL), "is the whole hall, not a part of it: its limit is limit_persons")
    for index, phase in enumerate(book.phase):
        if not any(name in book.classes for name in phase.classes):
            yield _warning(("phase", index, "classes"), f"nobody is admitted while {phase.name} is in force")
        if index and phase.begins > book.valid_until:
            yield _warning(("phase", index, "from"), f"never begins: valid_until = {book.valid_until} is before it")
    for name in book.classes:
        if not any(name in phase.classes for phase in book.phase):
            yield _warning(("class", name), "is in no phase: nobody of that class is ever admitted")
        if _asks_nothing(book.classes[name]):
            yield _warning(("class", name), "asks for no booking and no proof: everybody of that class is admitted")
    if not any(book.classes.get(name) for phase in book.phase for name in phase.classes):
        yield _shut(("class",), "no phase admits a class that has a table: nobody is ever admitted")
    elif not any(book.classes[name].enters for name in _known(book)):
        yield _shut(("class",), "no class that a phase admits ever enters (enters = false)")
    if book.phase and book.phase[0].begins > book.valid_until:
        yield _shut(("phase", 0, "from"), f"lies after valid_until = {book.valid_until}: nobody is ever admitted")
    yield from _everybody(book)


def _known(book: Rulebook) -> list[str]:
    return [name for name in book.classes if any(name in phase.classes for phase in book.phase)]


def _everybody(book: Rulebook) -> Iterator[Complaint]:
    """Walk-ins who are asked for nothing at all, in a phase that receives them."""
    visitor = book.classes.get("visitor")
    for phase in book.phase:
        open_door = book.walk_in if phase.walk_in is None else phase.walk_in
        if visitor is not None and open_door and "visitor" in phase.classes and _asks_nothing(visitor):
            what = f"walk-ins are asked for no booking and no proof in {phase.name}: everybody is let in"
            yield _shut(("class", "visitor"), what)
            return


def _asks_nothing(rules: ClassRules) -> bool:
    return rules.booking != "required" and not rules.proof and rules.code == "none"


def _hours(book: Rulebook) -> Iterator[Complaint]:
    yield from _week(book.hours, ("hours",))
    for name, week in book.hours.service.items():
        yield from _week(week, ("hours", "service", name))
    if not any(book.hours.spans(day) for day in range(7)):
        if not any(one.open for one in book.hours.exception):
            yield _shut(("hours",), "has no opening hours: no visitor is ever admitted")
    elif 0 < _longest(book.hours) <= book.hours.last_entry_minutes:
        yield _shut(("hours", "last_entry_minutes"), "is as long as the longest opening: no visitor is ever admitted")
    elif all(_is_held(book, day) for day in range(7)):
        yield _shut(("hold",), "pauses every entry for as long as the hall is open: no visitor is ever admitted")


def _is_held(book: Rulebook, weekday: int) -> bool:
    """Whether scheduled holds of every lane cover all opening hours of this weekday; a day that is closed is covered."""
    day = WEEKDAYS[weekday]
    holds = [
        each for each in book.hold if not each.lanes and (day in each.weekdays or not (each.weekdays or each.dates))
    ]
    held = {minute for each in holds for minute in range(*minutes_of(each.span))}
    weeks = (book.hours, *book.hours.service.values())
    return all(held.issuperset(range(*span)) for week in weeks for span in week.spans(weekday))


def _longest(week: Week) -> int:
    return max((end - first for day in range(7) for first, end in week.spans(day)), default=0)


def _exceptions(book: Rulebook) -> Iterator[Complaint]:
    exceptions = book.hours.exception
    for index, (one, other) in enumerate(pairwise(exceptions), 1):
        if other.date < one.date:
            yield _error(("hours", "exception", index, "date"), f"exceptions stand in order: {one.date} is not earlier")
    for index, one in enumerate(exceptions):
        for place, span in enumerate(one.open):
            first, end = minutes_of(span)
            if end <= first:
                path: Path = ("hours", "exception", index, "open", place)
                yield _error(path, f"{span} ends before it begins; hours over midnight are two days")
        if any(first < end for (_, end), (first, _) in pairwise(openings(one.open))):
            yield _warning(("hours", "exception", index, "open"), "opening hours overlap")
        if any(_covers(earlier, one) for earlier in exceptions[:index]):
            yield _warning(("hours", "exception", index, "date"), "is never in force: an earlier one of that date is")
        if not book.valid_on(one.date):
            yield _warning(("hours", "exception", index, "date"), "lies outside the rulebook's own dates")


def _covers(earlier: HoursException, later: HoursException) -> bool:
    """Of several of one date the first that speaks of a service holds for it; one without services speaks of all."""
    every = not earlier.services or bool(later.services) and set(later.services) <= set(earlier.services)
    return earlier.date == later.date and every


def _week(week: Week, path: Path) -> Iterator[Complaint]:
    for number, day in enumerate(WEEKDAYS):
        for index, span in enumerate(getattr(week, day)):
            first, end = minutes_of(span)
            if end <= first:
                what = f"{span} ends before it begins; hours over midnight are two spans, the first until 24:00"
                yield _error((*path, day, index), what)
        for (_, end), (first, _) in pairwise(week.spans(number)):
            if first < end:
                yield _error((*path, day), "opening hours overlap")


def _classes(book: Rulebook) -> Iterator[Complaint]:
    for name, rules in book.classes.items():
        path: Path = ("class", name)
        if rules.proof and not rules.sources:
            yield _error((*path, "sources"), "is empty, but a proof is asked for: nobody could bring one (3.1.2a)")
        if "antigen" in rules.proof and rules.sources and "certificate" not in rules.sources and name not in ON_ROSTER:
            yield _error((*path, "sources"), "has no certificate, and an antigen test comes by no other way (3.1.4a)")
        if "pcr" in rules.proof and rules.pcr_validity_hours == 0:
            yield _error(
                (*path, "pcr_validity_hours"), "is 0, but pcr is asked for: every report would be too old (3.1.2a)"
            )
        if "antigen" in rules.proof and rules.antigen_days == 0:
            yield _shut((*path, "antigen_days"), "is 0, but antigen is asked for: every test is too old (3.1.4a)")
        if rules.temperature_max_c is not None and not 36 <= rules.temperature_max_c <= 40:
            yield _warning((*path, "temperature_max_c"), "nearly everybody, or nobody, is warmer than this")


def _people(book: Rulebook) -> Iterator[Complaint]:
    for name, rules in book.classes.items():
        path: Path = ("class", name)
        if rules.host == "required":
            if rules.booking != "required":
                yield _error((*path, "host"), "is asked of a guest with a pass only: booking = required (3.2.2)")
            for host in rules.host_classes:
                if host not in book.classes:
                    yield _error(
                        (*path, "host_classes"), f"{host} has no table [class.{host}]: no host is ever in order"
                    )
            if not rules.host_classes:
                yield _error((*path, "host_classes"), "is empty: nobody could be the host (3.2.2)")
        if rules.age_from is not None and rules.age_under is not None and rules.age_under <= rules.age_from:
            yield _error((*path, "age_under"), "is not above age_from: nobody has that age (3.1.2d)")
    shares = sum(book.quota.share.values())
    if shares > 100:
        yield _error(("quota", "share"), f"adds up to {shares} percent: doors that are apart would let in too many")
    for name in book.responders.classes:
        if name == "visitor":
            yield _error(
                ("responders", "classes"), "visitor is no responder: a badge of the staff's key opens the lane"
            )
        elif name in book.classes:
            what = f"every badge of {name} opens the lanes both ways, and [class.{name}] is never asked"
            yield _warning(("responders", "classes"), what)


def _evidence(book: Rulebook) -> Iterator[Complaint]:
    """The windows a thermometer is good for, and classes that could take a way nobody opens."""
    seen = book.thermometer
    windows = (("ambient_max_c", seen.ambient_min_c, seen.ambient_max_c),)
    for key, least, most in (*windows, ("distance_max_mm", seen.distance_min_mm, seen.distance_max_mm)):
        if least is not None and most is not None and most <= least:
            yield _error(("thermometer", key), f"is not above {least:g}: no reading is ever inside")
    named = (("assisted", "classes", book.assisted.classes), ("mask", "exempt_classes", book.mask.exempt_classes))
    for table, key, classes in named:
        for name in classes:
            if name not in book.classes:
                yield _warning((table, key), f"{name} has no table [class.{name}]")


def _access(book: Rulebook) -> Iterator[Complaint]:
    for index, hold in enumerate(book.hold):
        first, end = minutes_of(hold.span)
        if end <= first:
            yield _error(("hold", index, "span"), f"{hold.span} ends before it begins")
    first_persons = book.opening.first_person
    if first_persons and not any(name in phase.classes for phase in book.phase for name in first_persons):
        yield _warning(("opening", "first_person"), "no phase admits one of these classes: only a badge opens the day")
    for name in book.anti_passback.classes if book.anti_passback.minutes else ():
        if name not in book.classes:
            yield _warning(("anti_passback", "classes"), f"{name} has no table [class.{name}]")


def _isolation(book: Rulebook) -> Iterator[Complaint]:
    rules = book.isolation
    if rules.acknowledge_seconds > rules.report_minutes * 60:
        what = "the office would be told by then before the duty leader has to know (3.1.2e)"
        yield _warning(("isolation", "report_minutes"), what)
    if rules.report_minutes > rules.sign_off_minutes:
        yield _warning(
            ("isolation", "sign_off_minutes"), "the lane is signed off before the office has to know (3.1.2e)"
        )


def _rounds(book: Rulebook) -> Iterator[Complaint]:
    rules, path = book.rounds, ("rounds",)
    if len(rules.point) > ROUNDS_MAX:
        yield _error((*path, "point"), f"has {len(rules.point)} points, at most {ROUNDS_MAX} fit a status")
    if rules.red_minutes < rules.grace_minutes:
        yield _error((*path, "red_minutes"), "is less than grace_minutes: a round is late before it is much too late")
    others = {"attendant.long_press_ms": book.attendant.long_press_ms, "sweep.press_ms": book.sweep.press_ms}
    for key, press_ms in others.items():
        if rules.point and rules.press_ms < press_ms + PRESS_APART_MS:
            yield _error(
                (*path, "press_ms"), f"is not {PRESS_APART_MS} ms above {key}: nobody could tell the presses apart"
            )
    seen = Counter(point.name for point in rules.point)
    lanes = Counter((point.lane, point.device) for point in rules.point if point.lane is not None)
    for index, point in enumerate(rules.point):
        yield from _point(book, point, (*path, "point", index))
        if seen[point.name] > 1:
            yield _error((*path, "point", index, "name"), f"{point.name} stands here twice")
        if point.lane is not None and lanes[point.lane, point.device] > 1:
            yield _error((*path, "point", index, "lane"), f"{point.lane} has two points: one press cannot sign both")


def _point(book: Rulebook, point: Point, path: Path) -> Iterator[Complaint]:
    if (point.every_minutes is None) == (point.after_hand_over_minutes is None):
        yield _error(path, "needs either every_minutes or after_hand_over_minutes")
    if point.lane is None and (point.hold or point.after_hand_over_minutes is not None):
        yield _error((*path, "lane"), "is missing: only a lane can be held, or have goods handed over")
    for index, span in enumerate(point.within):
        first, end = minutes_of(span)
        if end <= first:
            yield _error((*path, "within", index), f"{span} ends before it begins")
    for name in point.who:
        if name not in book.classes:
            yield _warning((*path, "who"), f"{name} has no table [class.{name}]")


def _air(book: Rulebook) -> Iterator[Complaint]:
    rules = book.air
    if 0 < rules.hold_ppm <= OUTDOORS_PPM + rules.relief_ppm:
        what = f"would pause entry for good: air from outside has up to {OUTDOORS_PPM} ppm, and relief_ppm is {rules.relief_ppm}"
        yield _shut(("air", "hold_ppm"), what)
    if 0 < rules.alarm_ppm <= OUTDOORS_PPM + rules.relief_ppm:
        yield _warning(("air", "alarm_ppm"), f"never ends: air from outside has up to {OUTDOORS_PPM} ppm (3.1.5c)")
    for index, step in enumerate(rules.step):
        if step.co2_ppm <= OUTDOORS_PPM + rules.relief_ppm:
            what = f"lowers the limit for good: air from outside has up to {OUTDOORS_PPM} ppm (3.1.5c)"
            yield _error(("air", "step", index, "co2_ppm"), what)
    for index, (one, other) in enumerate(pairwise(rules.step), 1):
        if other.co2_ppm <= one.co2_ppm:
            yield _error(("air", "step", index, "co2_ppm"), f"steps rise: {one.co2_ppm} is not less (3.1.5c)")
        if other.limit_percent >= one.limit_percent:
            what = f"worse air allows fewer persons: {one.limit_percent} is not more (3.1.5c)"
            yield _error(("air", "step", index, "limit_percent"), what)


def _supplies(book: Rulebook) -> Iterator[Complaint]:
    every, path = book.supplies.item, ("supplies", "item")
    if len(every) > SUPPLIES_MAX:
        yield _error(path, f"has {len(every)} items, at most {SUPPLIES_MAX} fit a status")
    for key in ("name", "lane"):
        seen = Counter(getattr(item, key) for item in every)
        for index, item in enumerate(every):
            if seen[getattr(item, key)] > 1:
                yield _error((*path, index, key), f"{getattr(item, key)} stands here twice (3.1.6)")
    for index, item in enumerate(every):
        if item.low_units >= item.full_units:
            yield _error((*path, index, "low_units"), "is not below full_units: it would always be low (3.1.6)")


def _phrases(book: Rulebook) -> Iterator[Complaint]:
    for language, phrases in book.phrases.items():
        for reason, text in phrases.items():
            path: Path = ("phrases", language, reason)
            if base_reason(reason) not in WORDS:
                yield _warning(path, "is no reason anybody is told" + nearest(base_reason(reason), WORDS))
            if language == "zh" and reason == base_reason(reason) and least_length(text) > SIGN_MAX:
                yield _warning(path, f"is longer than the {SIGN_MAX} characters of a sign")
            known = blanks(base_reason(reason))
            for name in blanks_of(text) if known else ():
                if name not in known:
                    what = f"names {name}, which nobody fills in: that part is never told" + nearest(name, known)
                    yield _warning(path, what)
