"""What the hub pushes is believed by its signature alone, holds offline, and never goes back to an older one."""

from __future__ import annotations

import datetime as dt
import hmac
import json
import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.clock import Clock
from firmware.core import revocations, roster, trust_list
from firmware.core.events import AnyEvent, DocumentSeen, RulebookLoaded, RulebookRefused
from firmware.core.facts import Booking, Card, Unproved
from firmware.simulation.issuer import Issuer
from firmware.trust.documents import BYTES_MAX, Documents
from firmware.trust.verification import Verifier
from mqtt.signing import sign
from tests.device.bench import RULEBOOK

KEY = bytes(range(32))
OFFICE = Issuer.new("baoshan", hall_key=KEY)
NOON_S = 1_654_833_600  # 2022-06-10T12:00+08:00
DOCUMENT = "D-4711"
HOLDER = hmac.digest(KEY, DOCUMENT.encode(), "sha256")[:8].hex()


class Desk:
    """One device's documents and what it believes, on a frozen morning in June."""

    def __init__(self, folder: Path, office: Issuer = OFFICE, unfit: str = "") -> None:
        clock = Clock(1.0, 1_654_822_800_000.0)
        self.verify = Verifier(clock, trust_list.parse(office.trust_jwks()), KEY, "baoshan")
        self.verify.zone = ZoneInfo("Asia/Shanghai")
        self.documents = Documents(folder, self.verify, lambda _: unfit)

    def take(self, what: Any, content: Any, kind: str = "", office: Issuer = OFFICE) -> AnyEvent | None:
        kind = kind or {"revocations": "revocation", "roster": "roster"}.get(what, "rulebook")
        payload = content if isinstance(content, bytes) else json.dumps(content).encode()
        return self.documents.arrived(what, sign(payload, office.edwards_keys[kind], office.kid(kind)))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def day_list(*bookings: dict[str, Any], staff: Any = (), **more: Any) -> dict[str, Any]:
    return {"v": 1, "day": "2022-06-10", "bookings": list(bookings), "staff": list(staff), **more}


def said(event: AnyEvent | None) -> tuple[bool, str]:
    assert isinstance(event, DocumentSeen)
    return event.taken, event.because


# -------------------------------------------------------------- the roster


def test_a_card_and_a_short_number_stand_for_the_booked_line(desk: Desk) -> None:
    line = {"holder": HOLDER, "number": "4711", "class": "elder", "service": "social", "party": 2, "helper": True}
    slot = {"slot_start": NOON_S, "slot_end": NOON_S + 1800}
    assert said(desk.take("roster", day_list({**line, **slot}))) == (True, "2022-06-10: 1 lines")
    by_card = desk.verify.card(Card(sha256="c", holder=HOLDER)).booking
    by_number = desk.verify(b" 4711\r", 0.0)
    assert by_card is not None and by_card == by_number
    assert (by_card.person_class, by_card.party, by_card.helper, by_card.source) == ("elder", 2, True, "roster")
    assert (by_card.slot_start_s, by_card.not_before_s) == (NOON_S, NOON_S - 12 * 3600)
    assert by_card.expires_s - by_card.not_before_s == 86_400


@pytest.mark.parametrize(("minutes", "known"), [(-121, False), (-119, True), (1_319, True), (1_321, False)])
def test_a_roster_counts_from_midnight_also_after_the_clocks_went_forward(
    desk: Desk, minutes: int, known: bool
) -> None:
    """In Rome 1 April 2024 began at 22:00 UTC, in the summer time of the day before; the door had started in winter."""
    desk.verify.zone = ZoneInfo("Europe/Rome")
    assert desk.take("roster", day_list({"number": "4711"}, day="2024-04-01"))
    midnight_utc = dt.datetime(2024, 4, 1, tzinfo=dt.UTC)
    for wall in (midnight_utc - dt.timedelta(days=40), midnight_utc + dt.timedelta(minutes=minutes)):
        desk.verify.clock = Clock(1.0, wall.timestamp() * 1000)
        fact = desk.verify(b"4711", 0.0)
    assert isinstance(fact, Booking) is known
    if isinstance(fact, Booking):
        assert fact.not_before_s == int((midnight_utc - dt.timedelta(hours=2)).timestamp())


def test_the_same_booking_by_pass_and_by_card_is_one_person_and_one_use(desk: Desk) -> None:
    text = OFFICE.booking(not_before_s=NOON_S, expires_s=NOON_S + 3600, document=DOCUMENT).encode()
    shown = desk.verify(text, 0.0)
    assert isinstance(shown, Booking)
    desk.take("roster", day_list({"holder": HOLDER, "pass": shown.pass_id}))
    card = desk.verify.card(Card(holder=HOLDER)).booking
    assert card is not None and (card.pass_id, card.person) == (shown.pass_id, shown.person)


def test_who_is_not_in_the_roster_is_told_so_and_nothing_else(desk: Desk) -> None:
    assert isinstance(nobody := desk.verify(b"4711", 0.0), Unproved) and nobody.because == "unknown_format"
    desk.take("roster", day_list({"number": "1234"}))
    stranger = desk.verify(b"4711", 0.0)
    assert isinstance(stranger, Unproved) and stranger.because == "not_in_roster"
    assert desk.verify.card(Card(holder=HOLDER)).booking is None
    assert isinstance(digits := desk.verify(b"123", 0.0), Unproved) and digits.because == "unknown_format"


def test_one_bad_line_is_named_and_the_rest_works(desk: Desk) -> None:
    bad = [
        {"number": "12"},
        {"class": "visitor"},
        {"number": "5555", "slot_start": 5},
        {"number": "6666", "class": "staff"},
    ]
    taken, because = said(
        desk.take("roster", day_list({"number": "1234"}, *bad, {"number": "1234"}, {"number": "9999"}))
    )
    assert taken and because.startswith("2022-06-10: 2 lines; 5 refused: bookings line 2:")
    assert all(f"line {place}:" in because for place in (2, 3, 4, 5, 6))
    assert isinstance(desk.verify(b"9999", 0.0), Booking) and isinstance(desk.verify(b"6666", 0.0), Unproved)


def test_a_roster_counts_on_its_own_day_and_an_older_one_does_not_come_back(desk: Desk) -> None:
    desk.take("roster", {**day_list({"number": "1111"}), "day": "2022-06-11"})
    assert isinstance(desk.verify(b"1111", 0.0), Unproved)
    assert said(desk.take("roster", day_list({"number": "2222"}, serial=3)))[0]
    assert isinstance(desk.verify(b"2222", 0.0), Booking)
    assert said(desk.take("roster", day_list({"number": "3333"}, serial=2))) == (
        False,
        "serial 2 of 2022-06-10 is below 3",
    )
    assert said(desk.take("roster", {**day_list(), "day": "2022-06-09"})) == (False, "2022-06-09 is over")


def test_with_a_doubtful_clock_the_latest_roster_holds_and_the_rules_know_the_doubt(desk: Desk) -> None:
    for day, number in (("2022-06-10", "1111"), ("2022-06-11", "2222")):
        desk.take("roster", {**day_list({"number": number}), "day": day})
    assert [isinstance(desk.verify(number, 0.0), Booking) for number in (b"1111", b"2222")] == [True, False]
    desk.verify.clock.trusted = False
    assert [isinstance(desk.verify(number, 0.0), Booking) for number in (b"1111", b"2222")] == [False, True]


def test_staff_tests_and_posts_come_with_the_badge(desk: Desk) -> None:
    badge = OFFICE.booking(
        not_before_s=NOON_S, expires_s=NOON_S + 3600, person_class="staff", key_kind="staff"
    ).encode()
    bare = desk.verify(badge, 0.0)
    assert isinstance(bare, Booking) and bare.tests == ()
    tests = [{"kind": "antigen", "result": "negative", "sampled": NOON_S - 3600}]
    desk.take(
        "roster", day_list(staff=[{"pass": bare.pass_id, "tests": tests, "zones": ["b1"], "bands": ["08:00-12:00"]}])
    )
    known = desk.verify(badge, 0.0)
    assert isinstance(known, Booking) and (known.zones, known.bands) == (("b1",), ("08:00-12:00",))
    assert [(test.kind, test.result, test.sampled_s) for test in known.tests] == [
        ("antigen", "negative", NOON_S - 3600)
    ]


def test_tomorrows_roster_moves_nobody_from_todays_post(desk: Desk) -> None:
    """It comes in the evening. Whoever stands in tomorrow's alone is known by it, and so is everybody when today's is missing."""
    made = [
        OFFICE.booking(not_before_s=NOON_S, expires_s=NOON_S + 3600, person_class="staff", key_kind="staff").encode()
        for _ in range(2)
    ]
    early, late = (desk.verify(each, 0.0) for each in made)
    assert isinstance(early, Booking) and isinstance(late, Booking)
    tomorrow = [{"pass": each.pass_id, "bands": ["18:00-24:00"]} for each in (early, late)]
    desk.take("roster", {**day_list(staff=tomorrow), "day": "2022-06-11"})
    assert [known.bands for each in made if isinstance(known := desk.verify(each, 0.0), Booking)] == [
        ("18:00-24:00",),
        ("18:00-24:00",),
    ]
    desk.take("roster", day_list(staff=[{"pass": early.pass_id, "bands": ["08:00-12:00"]}]))
    assert [known.bands for each in made if isinstance(known := desk.verify(each, 0.0), Booking)] == [
        ("08:00-12:00",),
        ("18:00-24:00",),
    ]


# -------------------------------------------------------------- revocations


def test_a_withdrawn_pass_and_holder_stay_withdrawn_offline(desk: Desk, tmp_path: Path) -> None:
    text = OFFICE.booking(not_before_s=NOON_S, expires_s=NOON_S + 3600, document=DOCUMENT).encode()
    shown = desk.verify(text, 0.0)
    assert isinstance(shown, Booking) and not shown.revoked
    assert said(desk.take("revocations", {"v": 1, "serial": 2, "passes": [shown.pass_id, "x"], "holders": []}))[0]
    for device in (desk, Desk(tmp_path)):
        again = device.verify(text, 0.0)
        assert isinstance(again, Booking) and again.revoked
    assert said(desk.take("revocations", {"v": 1, "serial": 1, "passes": []})) == (False, "serial 1 is below 2")
    desk.take("revocations", {"v": 1, "serial": 3, "holders": [HOLDER]})
    assert isinstance(again := desk.verify(text, 0.0), Booking) and again.revoked


def test_a_roster_is_no_list_that_withdraws_nothing(desk: Desk) -> None:
    """One key may sign both kinds; then a signed roster of a high serial would give every withdrawn badge back."""
    assert said(desk.take("revocations", {"v": 1, "serial": 2, "passes": ["0" * 16]}))[0]
    taken, because = said(desk.take("revocations", day_list(serial=99)))
    assert not taken and "neither `passes` nor `holders`" in because
    assert desk.verify.revocations.passes == {"0" * 16}


# -------------------------------------------------------------- trust and rulebook


def test_pushed_keys_sign_passes_but_never_rulebooks_or_orders(desk: Desk) -> None:
    other = Issuer.new("baoshan", hall_key=KEY)
    text = other.booking(not_before_s=NOON_S, expires_s=NOON_S + 3600).encode()
    assert isinstance(desk.verify(text, 0.0), Unproved)
    assert said(desk.take("trust", other.trust_jwks()))[0]
    assert isinstance(desk.verify(text, 0.0), Booking)
    book = RULEBOOK.format(serial=2, limit=1, proof="", grant=10, pulse=300, more="").encode()
    refused = desk.take("rulebook", book, office=other)
    assert isinstance(refused, RulebookRefused) and refused.because == "from the hub: unknown_key"
    assert isinstance(taken := desk.take("rulebook", book), RulebookLoaded) and taken.text == book


def test_a_pushed_key_that_is_not_believed_is_not_counted_and_is_named(desk: Desk) -> None:
    lists = json.loads(OFFICE.trust_jwks())
    command = [key for key in lists["keys"] if "command" in key["kinds"]]
    told = f"0 keys; 1 refused: key {command[0]['kid']!r} is believed for command by file alone"
    assert said(desk.take("trust", {"keys": command})) == (True, told)
    booking = [key for key in lists["keys"] if "booking" in key["kinds"]]
    assert said(desk.take("trust", {"keys": [*booking, *command]}))[1].startswith("1 keys; 1 refused: ")


def test_a_pushed_rulebook_must_be_whole_and_fit_this_door(tmp_path: Path) -> None:
    book = RULEBOOK.format(serial=2, limit=1, proof="", grant=10, pulse=300, more="").encode()
    broken = Desk(tmp_path).take("rulebook", book.replace(b"limit_persons", b"limit_person"))
    assert isinstance(broken, RulebookRefused) and "limit_persons" in broken.because
    unfit = Desk(tmp_path, unfit="lane A: has no thermometer").take("rulebook", book)
    assert isinstance(unfit, RulebookRefused) and unfit.serial == 2 and "thermometer" in unfit.because


@pytest.mark.parametrize("what", ["roster", "revocations", "trust"])
def test_a_signature_of_the_wrong_kind_or_a_forged_one_changes_nothing(desk: Desk, what: Any) -> None:
    content = {"v": 1, "serial": 9, "day": "2022-06-10", "bookings": [{"number": "1234"}], "passes": [], "keys": []}
    assert said(desk.take(what, content, kind="command")) == (False, "unknown_key")
    assert not said(desk.take(what, content, office=Issuer.new("baoshan")))[0]
    assert isinstance(desk.verify(b"1234", 0.0), Unproved) and desk.verify.revocations.serial == -1


def test_the_same_document_again_is_no_news_and_lies_on_the_card_as_it_came(desk: Desk, tmp_path: Path) -> None:
    assert desk.take("roster", day_list({"number": "1234"})) is not None
    assert desk.take("roster", day_list({"number": "1234"})) is None
    assert isinstance(Desk(tmp_path).verify(b"1234", 0.0), Booking)
    (tmp_path / "roster-2022-06-10.jws").write_bytes(b"spoilt")
    assert isinstance(Desk(tmp_path).verify(b"1234", 0.0), Unproved)


def test_only_the_two_latest_days_lie_on_the_card(desk: Desk, tmp_path: Path) -> None:
    for day in ("2022-06-09", "2022-06-10", "2022-06-11"):
        desk.take("roster", {**day_list({"number": "1234"}), "day": day})
    assert sorted(file.name for file in tmp_path.glob("roster-*")) == ["roster-2022-06-10.jws", "roster-2022-06-11.jws"]


# -------------------------------------------------------------- any bytes

KEYS = st.sampled_from(["holder", "number", "class", "party", "slot_start"])
LINES = st.recursive(
    st.none() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=300) | st.from_regex(rb'\{"v":1,"day":"2022-06-1\d","bookings":\[.{0,60}\]\}', fullmatch=True)
)
def test_no_bytes_break_a_parser(text: bytes) -> None:
    assert isinstance(roster.parse(text), roster.Roster | str)
    assert isinstance(revocations.parse(text), revocations.Revocations | str)


@settings(max_examples=100, deadline=None)
@given(st.lists(LINES, max_size=6))
def test_any_lines_leave_the_good_one_standing(lines: list[Any]) -> None:
    good = {"number": "123456789012"}
    parsed = roster.parse(json.dumps(day_list(good, *lines)).encode())
    assert isinstance(parsed, roster.Roster) and "123456789012" in parsed.by_number
    assert parsed.lines + parsed.refused == len(lines) + 1


def test_what_is_too_long_is_refused_unread(desk: Desk) -> None:
    assert said(desk.documents.arrived("roster", b"a" * (BYTES_MAX + 1))) == (False, "too_long")


def test_a_day_of_many_bookings_is_read_and_found_at_once(desk: Desk) -> None:
    lines = [{"number": f"{place:08}", "holder": f"{place:016x}"} for place in range(20_000)]
    started = time.perf_counter()
    assert said(desk.take("roster", day_list(*lines)))[0]
    reading = time.perf_counter() - started
    started = time.perf_counter()
    for place in range(0, 20_000, 20):
        assert isinstance(desk.verify(f"{place:08}".encode(), 0.0), Booking)
    assert (time.perf_counter() - started) / 1_000 < reading, "a look-up must not walk through the roster"
