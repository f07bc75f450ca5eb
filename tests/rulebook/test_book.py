"""The rulebook's numbers: typed, bounded, dated; and what contradicts itself."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware import toml_lines
from firmware.errors import Mistake
from firmware.rulebook.book import Rulebook, parse
from firmware.rulebook.contradictions import complaints
from firmware.rulebook.tables import Gate, OnFail
from firmware.typed_toml import Mistakes
from tests import needs

SHANGHAI = ZoneInfo("Asia/Shanghai")

PLAN = """
v = 1
hall = "baoshan"
serial = 7
valid_from = 2022-05-22
valid_until = 2027-12-31
time_zone = "Asia/Shanghai"
limit_persons = 205
base_visits_per_day = 1505
walk_in = false

[[phase]]
name = "preparation"
from = 2022-05-22
share_percent = 0
limit_percent = 50
classes = ["staff"]
[[phase]]
name = "limited"
from = 2022-06-01
share_percent = 60
classes = ["visitor", "staff"]

[hours]
monday = ["09:00-11:30", "13:30-17:00"]
wednesday = ["00:00-24:00"]
[hours.service."permits"]
saturday = ["09:00-12:00"]

[slot]
early_minutes = 10
late_minutes = 15
quota = 0

[class.visitor]
booking = "required"
proof = ["pcr"]
temperature_max_c = 37.3
sources = ["certificate", "sentinel", "venue-code"]
on_fail = { pcr = "refuse" }
[class.visitor.gate]
pulse_ms = 1500
[class.staff]
booking = "none"
proof = ["pcr", "antigen"]
antigen_days = 2

[gate]
grant_seconds = 12
[phrases.zh]
pcr = "需{hours}小时核酸"
[phrases.en]
pcr_voice = "Please bring a test."
"""

BOOK = parse(PLAN.encode())
DAY = "[[hours.exception]]\ndate = 2022-06-03\n"
TAX, PERMITS = 'services = ["tax"]\n', 'services = ["permits"]\n'


def changed(old: str, new: str) -> bytes:
    assert old in PLAN
    return PLAN.replace(old, new, 1).encode()


def refused(old: str, new: str) -> Mistake:
    with pytest.raises(Mistake) as caught:
        parse(changed(old, new), "r.toml")
    return caught.value


def odd(old: str, new: str) -> list[str]:
    return [f"{one.severity} {one.key}" for one in complaints(parse(changed(old, new)))]


def local(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


# ---------------------------------------------------------------- what it says


def test_the_defaults_are_the_contracts() -> None:
    staff = BOOK.classes["staff"]
    assert (staff.pcr_counts_from, staff.code, staff.mask, staff.temperature_max_c) == ("sample", "none", "none", None)
    assert staff.sources == ("certificate", "sentinel", "venue-code")
    assert (staff.re_entries, staff.arrival_freeze_minutes, staff.same_person) == (0, 20, False)
    assert staff.on_fail == OnFail(pcr="staff", code="isolate", positive="isolate", temperature="staff")
    assert (BOOK.collect_seconds, BOOK.spacing.minimum_mm, BOOK.on_doubt.clock) == (20, 2000, "staff")
    assert (BOOK.attendant.badge_seconds, BOOK.attendant.long_press_ms, BOOK.alarms.held_open_seconds) == (10, 2000, 15)


def test_one_key_of_on_fail_leaves_the_others_as_they_are() -> None:
    assert BOOK.classes["visitor"].on_fail == OnFail(pcr="refuse")


@pytest.mark.parametrize(
    ("day", "name", "limit", "quota"),
    [
        ("2022-05-21", None, 0, 0),
        ("2022-05-22", "preparation", 102, 0),
        ("2022-05-31", "preparation", 102, 0),
        ("2022-06-01", "limited", 205, 903),
        ("2099-01-01", "limited", 205, 903),
    ],
)
def test_the_last_phase_that_has_begun_is_in_force(day: str, name: str | None, limit: int, quota: int) -> None:
    date = dt.date.fromisoformat(day)
    phase = BOOK.phase_on(date)
    assert (phase.name if phase else None, BOOK.limit_on(date), BOOK.quota_on(date)) == (name, limit, quota)


def test_a_class_is_admitted_by_its_table_and_its_phase() -> None:
    assert BOOK.rules_for("visitor", dt.date(2022, 5, 30)) is None
    assert BOOK.rules_for("visitor", dt.date(2022, 6, 1)) is BOOK.classes["visitor"]
    assert BOOK.rules_for("courier", dt.date(2022, 6, 1)) is None


def test_a_class_may_have_its_own_gate_times() -> None:
    assert BOOK.gate_for("visitor") == Gate(grant_seconds=12, pulse_ms=1500)
    assert BOOK.gate_for("staff") == BOOK.gate_for(None) == Gate(grant_seconds=12, pulse_ms=700)


@pytest.mark.parametrize(
    ("time", "service", "is_open", "next_opening"),
    [
        ("2022-06-06T08:59:59", None, False, "2022-06-06T09:00"),
        ("2022-06-06T09:00:00", None, True, "2022-06-06T13:30"),
        ("2022-06-06T11:30:00", None, False, "2022-06-06T13:30"),
        ("2022-06-06T17:00:00", None, False, "2022-06-08T00:00"),
        ("2022-06-08T23:59:59", None, True, "2022-06-13T09:00"),
        ("2022-06-09T00:00:00", None, False, "2022-06-13T09:00"),
        ("2022-06-11T10:00:00", "permits", True, "2022-06-18T09:00"),
        ("2022-06-06T10:00:00", "permits", False, "2022-06-11T09:00"),
        ("2022-06-06T10:00:00", "unheard of", True, "2022-06-06T13:30"),
    ],
)
def test_opening_hours(time: str, service: str | None, is_open: bool, next_opening: str) -> None:
    assert (BOOK.closing_in(local(time), service) is not None) is is_open
    assert BOOK.next_opening(local(time), service) == local(next_opening)


@pytest.mark.parametrize(
    ("time", "left", "since", "closed", "opens"),
    [
        ("2022-06-06T07:59", None, 0, "2022-06-04T12:00", "2022-06-06T08:00"),
        ("2022-06-06T08:00", 720, 0, "2022-06-04T12:00", "2022-06-11T09:00"),
        ("2022-06-06T12:00", 480, 240, "2022-06-04T12:00", "2022-06-11T09:00"),
        ("2022-06-06T19:59", 1, 719, "2022-06-04T12:00", "2022-06-11T09:00"),
        ("2022-06-06T20:00", None, 0, "2022-06-06T20:00", "2022-06-11T09:00"),
        ("2022-06-07T10:00", None, 0, "2022-06-06T20:00", "2022-06-11T09:00"),
    ],
)
def test_the_hall_is_open_while_any_service_is(
    time: str, left: int | None, since: int, closed: str, opens: str
) -> None:
    own = '[hours.service.tax]\nmonday = ["08:00-09:30", "11:30-13:30", "16:00-20:00"]\n[hours.service."permits"]'
    book = parse(changed('[hours.service."permits"]', own).replace(b'wednesday = ["00:00-24:00"]\n', b""))
    now = local(time)
    assert (book.closing_in(now), book.open_for(now), book.open_at(now)) == (left, since, left is not None)
    assert (book.last_closing(now), book.next_opening(now)) == (local(closed), local(opens))


def test_a_hall_without_hours_never_opens() -> None:
    book = parse(changed('monday = ["09:00-11:30", "13:30-17:00"]\nwednesday = ["00:00-24:00"]\n', ""))
    assert book.next_opening(local("2022-06-06T09:00"), None) is None
    assert book.closing_in(local("2022-06-06T09:00"), None) is None


@settings(max_examples=200)
@given(st.datetimes(dt.datetime(2022, 1, 1), dt.datetime(2023, 1, 1)))
def test_the_next_opening_is_open_and_the_minute_before_is_not(time: dt.datetime) -> None:
    opening = BOOK.next_opening(time.replace(tzinfo=SHANGHAI))
    assert opening is not None and opening > time.replace(tzinfo=SHANGHAI)
    assert BOOK.open_at(opening)
    assert not BOOK.open_at(opening - dt.timedelta(minutes=1))


def test_both_dates_of_validity_count() -> None:
    days = [dt.date(2022, 5, 21), dt.date(2022, 5, 22), dt.date(2027, 12, 31), dt.date(2028, 1, 1)]
    assert [BOOK.valid_on(day) for day in days] == [False, True, True, False]


# ---------------------------------------------------------------- what it refuses


@pytest.mark.parametrize(
    ("old", "new", "key", "what"),
    [
        ("limit_persons = 205", "limit_person = 205", "limit_person", "did you mean limit_persons?"),
        ("early_minutes", "early_minuts", "slot.early_minuts", "did you mean early_minutes?"),
        ('booking = "none"', 'booking = "non"', "class.staff.booking", "did you mean none?"),
        ('proof = ["pcr"]', 'proof = ["prc"]', "class.visitor.proof[0]", "did you mean pcr?"),
        ("from = 2022-06-01", 'from = "2022-06-01"', "phase[1].from", "expected date"),
        ("v = 1", "v = 2", "v", "2 is none of 1"),
        ("serial = 7", "serial = -1", "serial", "expected int >= 0"),
        ("limit_percent = 50", "limit_percent = 101", "phase[0].limit_percent", "expected int <= 100"),
        ("share_percent = 60", "share_percent = 1000", "phase[1].share_percent", "expected int <= 100"),
        ("37.3", "nan", "class.visitor.temperature_max_c", "expected float"),
        ('"09:00-11:30"', '"9:00-11:30"', "hours.monday[0]", "is no span HH:MM-HH:MM"),
        ('"00:00-24:00"', '"00:00-24:01"', "hours.wednesday[0]", "is no span HH:MM-HH:MM"),
        ('monday = ["09:00-11:30"', 'mondya = ["09:00-11:30"', "hours.mondya", "did you mean monday?"),
        (
            '{ pcr = "refuse" }',
            '{ temperature = "isolate" }',
            "class.visitor.on_fail.temperature",
            "none of refuse, staff",
        ),
        ("[phrases.zh]", "[phrases.cn]", "phrases.cn", "none of zh, en"),
        ("[gate]", "[gates]", "gates", "did you mean gate?"),
        ("valid_until = 2027-12-31", "valid_until = 2022-05-21", "valid_until", "lies before valid_from"),
        ("from = 2022-06-01", "from = 2022-05-22", "phase[1].from", "in order of their dates"),
        ('"13:30-17:00"', '"11:00-17:00"', "hours.monday", "overlap"),
        ('"13:30-17:00"', '"22:00-02:00"', "hours.monday[1]", "two spans"),
        ('sources = ["certificate", "sentinel", "venue-code"]', "sources = []", "class.visitor.sources", "3.1.2a"),
        ("antigen_days = 2", "pcr_validity_hours = 0", "class.staff.pcr_validity_hours", "too old"),
    ],
)
def test_a_wrong_rulebook_is_refused_by_key_and_line(old: str, new: str, key: str, what: str) -> None:
    mistake = refused(old, new)
    assert (mistake.file, mistake.key) == ("r.toml", key)
    assert what in mistake.what
    assert mistake.line == PLAN[: PLAN.index(old)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('classes = ["visitor", "staff"]', 'classes = ["visitor", "staff", "agent"]', "phase[1].classes"),
        ('proof = ["pcr", "antigen"]', "proof = []", "class.staff"),
        ('"preparation"\nfrom = 2022-05-22', '"preparation"\nfrom = 2022-05-23', "phase[0].from"),
        ('classes = ["visitor", "staff"]', 'classes = ["staff"]', "class.visitor"),
        ("37.3", "41.0", "class.visitor.temperature_max_c"),
        ('name = "limited"', 'name = "preparation"', "phase"),
        ('pcr = "需{hours}小时核酸"', 'pcrr = "需核酸"', "phrases.zh.pcrr"),
        ('pcr = "需{hours}小时核酸"', 'pcr = "需要最近七十二小时内核酸阴性报告"', "phrases.zh.pcr"),
        ('pcr = "需{hours}小时核酸"', 'pcr = "需{hour}小时核酸"', "phrases.zh.pcr"),
        ('pcr = "需{hours}小时核酸"', 'mask_voice = "请戴口罩，{time}再来"', "phrases.zh.mask_voice"),
        ("[gate]", "[zone.hall]\nlimit_persons = 20\n[gate]", "zone.hall"),
        ("[slot]", DAY + 'open = ["09:00-12:00", "11:00-13:00"]\n[slot]', "hours.exception[0].open"),
        ("[slot]", DAY + DAY + 'open = ["09:00-12:00"]\n[slot]', "hours.exception[1].date"),
        ("[slot]", DAY + TAX + DAY + TAX + "[slot]", "hours.exception[1].date"),
        ("[slot]", DAY + DAY + TAX + "[slot]", "hours.exception[1].date"),
    ],
)
def test_an_odd_rulebook_is_taken_with_a_warning(old: str, new: str, key: str) -> None:
    assert complaints(BOOK) == []
    assert f"warning {key}" in odd(old, new)


@pytest.mark.parametrize("days", [DAY + TAX + DAY, DAY + TAX + DAY + PERMITS, DAY + DAY.replace("03", "04")])
def test_days_of_one_date_that_speak_of_different_services_are_not_odd(days: str) -> None:
    assert complaints(parse(changed("[slot]", days + "[slot]"))) == []


def test_the_lines_of_a_long_list_of_mistakes_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read, walk = list[str](), toml_lines.lines
    monkeypatch.setattr(toml_lines, "lines", lambda text: read.append(text) or walk(text))
    wrong = "".join(f"key{number} = 1\n" for number in range(100))
    with pytest.raises(Mistakes) as caught:
        parse(wrong.encode() + PLAN.encode())
    assert [mistake.line for mistake in caught.value.all] == list(range(1, 101)) and len(read) == 1


def test_a_key_without_a_letter_is_shown_as_it_is_written() -> None:
    mistake = refused('[hours.service."permits"]', '[hours.service.""]')
    assert mistake.key == 'hours.service.""'


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("需{hours}小时核酸", "需{hours}小时内核酸阴性报告"),
        ("需{hours}小时核酸", "需{hours}小时核酸 {phone}"),
        ('pcr = "需{hours}小时核酸"', 'closed = "{date} {time}开放"'),
    ],
)
def test_words_that_fit_once_they_are_filled_in_are_none(old: str, new: str) -> None:
    assert complaints(parse(changed(old, new))) == []


@settings(max_examples=200)
@given(st.integers(0, len(PLAN)), st.integers(0, 40), st.binary(max_size=8))
def test_a_spoilt_rulebook_is_a_rulebook_or_a_mistake(at: int, cut: int, put: bytes) -> None:
    raw = PLAN.encode()
    try:
        book = parse(raw[:at] + put + raw[at + cut :])
    except Mistake:
        return
    assert isinstance(book, Rulebook)


def test_the_examples_of_the_design_are_taken() -> None:
    example = needs.shared("design/examples/minimal-rulebook.toml")
    assert parse(example.read_bytes()).limit_on(dt.date(2026, 1, 1)) == 100


def test_a_window_that_nothing_fits_is_refused_and_a_way_for_nobody_is_pointed_at() -> None:
    with pytest.raises(Mistake, match="is not above 30: no reading is ever inside"):
        parse(PLAN.encode() + b"[thermometer]\nambient_min_c = 30\nambient_max_c = 20\n")
    odd = complaints(parse(PLAN.encode() + b'[assisted]\nclasses = ["elder"]\n'))
    assert [each.key for each in odd].count("assisted.classes") == 1
