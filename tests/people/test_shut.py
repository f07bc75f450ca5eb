"""A rulebook that would shut everybody out, or let everybody in, is refused where a person can still mend it."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from firmware.clock import Clock
from firmware.errors import Mistake
from firmware.rulebook.book import parse
from firmware.rulebook.contradictions import complaints
from firmware.trust import clock_trust
from firmware.trust.clock_trust import ClockJudge
from tests import needs
from tests.people.hall import Door, text

HOURS = "".join(f'{day} = ["09:00-17:00"]\n' for day in ("monday", "tuesday", "wednesday", "thursday", "friday"))
OPTIONAL = ('never both demanded\nbooking = "required"\nproof = ["pcr"]', 'never\nbooking = "optional"\nproof = []')


@pytest.mark.parametrize(
    ("changes", "severity", "key"),
    [
        ([("limit_persons = 200", "limit_persons = 0")], "shut", "limit_persons"),
        ([("_percent = 0\n", "_percent = 0\nlimit_percent = 0\n"), ("_percent = 60\n", "_percent = 60\nlimit_percent = 0\n"),
          ("_percent = 100\n", "_percent = 100\nlimit_percent = 0\n")], "shut", "phase"),
        ([("valid_until = 2022-12-31", "valid_until = 2022-05-23"), ("from = 2022-05-22\n", "from = 2022-05-24\n")],
         "shut", "phase[0].from"),
        ([(f"[hours]\n{HOURS}", "[hours]\n")], "shut", "hours"),
        ([("last_entry_minutes = 0", "last_entry_minutes = 480")], "shut", "hours.last_entry_minutes"),
        ([("[on_doubt]", '[[hold]]\nspan = "08:30-12:00"\n[[hold]]\nspan = "12:00-20:00"\n[on_doubt]')], "shut", "hold"),
        ([("antigen_days = 2", "antigen_days = 0")], "shut", "class.staff.antigen_days"),
        ([("walk_in = false", "walk_in = true"), OPTIONAL], "shut", "class.visitor"),
        ([("share_percent = 100\n", "share_percent = 100\nwalk_in = true\n"), OPTIONAL], "shut", "class.visitor"),
    ],
)  # fmt: skip
def test_it_is_named_with_its_key_and_a_device_obeys_it_all_the_same(changes: Any, severity: str, key: str) -> None:
    found = [(each.severity, each.key) for each in complaints(parse(text(*changes)))]
    assert (severity, key) in found


@pytest.mark.parametrize(
    "changes",
    [
        [],
        [("last_entry_minutes = 0", "last_entry_minutes = 479")],
        [("walk_in = false", "walk_in = true")],
        [OPTIONAL],
        [("[on_doubt]", '[[hold]]\nspan = "08:30-12:00"\n[[hold]]\nspan = "12:00-19:59"\n[on_doubt]')],
        [("[on_doubt]", '[[hold]]\nspan = "00:00-24:00"\nlanes = ["A"]\n[on_doubt]')],
        [("[on_doubt]", '[[hold]]\nspan = "00:00-24:00"\nweekdays = ["friday"]\n[on_doubt]')],
        [("[on_doubt]", '[[hold]]\nspan = "00:00-24:00"\ndates = [2022-06-10]\n[on_doubt]')],
        [(f"[hours]\n{HOURS}", "[hours]\n"), ("date = 2022-06-03", 'date = 2022-06-03\nopen = ["09:00-12:00"]')],
    ],
)
def test_what_is_only_strict_is_none(changes: Any) -> None:
    assert [each for each in complaints(parse(text(*changes))) if each.severity == "shut"] == []


@pytest.mark.parametrize(
    ("old", "new", "key", "what"),
    [
        ("date = 2022-06-03", "date = 2022-06-05\n[[hours.exception]]\ndate = 2022-06-03", "hours.exception[1].date", "order"),
        ("date = 2022-06-03", 'date = 2022-06-03\nopen = ["12:00-09:00"]', "hours.exception[0].open[0]", "ends before"),
        ('host = "required"\nkeeps', 'host = "required"\nhost_classes = ["x"]\nkeeps', "class.escorted.host_classes", "no table"),
        ('host = "required"\nkeeps', 'host = "required"\nhost_classes = []\nkeeps', "class.escorted.host_classes", "empty"),
        ('proof = ["pcr"]\nage_from', 'proof = ["antigen"]\nsources = ["sentinel"]\nage_from', "class.elder.sources", "antigen"),
        ("age_under = 18", "age_under = 18\nage_from = 18", "class.minor.age_under", "above age_from"),
        ("share = {} ", "share = { a = 60, b = 50 } ", "quota.share", "110 percent"),
        ('classes = ["responder"]', 'classes = ["responder", "visitor"]', "responders.classes", "no responder"),
        ('phone = "021-12345"', 'phone = "call me"', "contact.phone", "phone number"),
        ("minutes = 30  ", "minutes = 3  ", "slot.minutes", ">= 5"),
        ("bodies_max = 1\n", "bodies_max = 0\n", "class.agent.bodies_max", ">= 1"),
        ("open_seconds = 120", "open_second = 120", "responders.open_second", "did you mean open_seconds?"),
        ("floor = ", "flor = ", "place.permits.flor", "did you mean floor?"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused_by_key(old: str, new: str, key: str, what: str) -> None:
    with pytest.raises(Mistake) as refused:
        parse(text((old, new)))
    assert (refused.value.key, what in refused.value.what) == (key, True), refused.value


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('classes = ["responder"]', 'classes = ["responder", "staff"]', "responders.classes"),
        ("[hours]\n", '[[phase]]\nname = "x"\nfrom = 2022-07-01\nshare_percent = 0\nclasses = []\n[hours]\n', "phase[3].classes"),
        ("valid_until = 2022-12-31", "valid_until = 2022-06-09", "phase[2].from"),
    ],
)  # fmt: skip
def test_what_may_be_meant_is_pointed_at(old: str, new: str, key: str) -> None:
    assert ("warning", key) in [(each.severity, each.key) for each in complaints(parse(text((old, new))))]


def test_a_rulebook_without_any_of_this_means_what_it_meant() -> None:
    example = needs.shared("design/examples/minimal-rulebook.toml")
    book = parse(example.read_bytes())
    visitor = book.classes["visitor"]
    assert complaints(book) == [each for each in complaints(book) if each.severity == "warning"]
    assert (visitor.enters, visitor.host, visitor.bodies_max, visitor.comes_and_goes, visitor.by_card) == (
        True,
        "none",
        21,
        False,
        False,
    )
    assert (book.slot.late, book.hours.exception, book.quota.share, book.sweep.remind_minutes) == ("refuse", (), {}, 0)


# -------------------------------------------------------------- the clock between two rulebooks


def test_the_clock_is_believed_until_the_end_of_the_rulebook_that_waits() -> None:
    """Else nobody could ever reach the first day of the next one."""
    door = Door()
    book, zone = door.controller.rulebook, door.controller.zone
    assert book is not None
    now = SimpleNamespace(
        simulated=True, wall_ms=lambda: int(dt.datetime(2023, 1, 1, 9, tzinfo=zone).timestamp() * 1000)
    )
    judge = ClockJudge(now, "system")  # type: ignore[arg-type]
    judge.follow(book, zone)
    assert judge.doubt() == "the clock is outside the rulebook's validity"
    judge.follow(book, zone, "2023-12-31")
    assert judge.doubt() == ""
    assert clock_trust.SLACK_MS == 2_000


def test_a_rulebook_may_hold_until_the_last_day_of_the_calendar() -> None:
    door = Door()
    book, zone = door.controller.rulebook, door.controller.zone
    assert book is not None
    judge = ClockJudge(Clock(1.0, 1_654_822_800_000.0), "system")
    judge.follow(msgspec.structs.replace(book, valid_until=dt.date.max), zone)
    assert judge.doubt() == ""
    judge.follow(book, zone, str(dt.date.max))
    assert judge.doubt() == ""
