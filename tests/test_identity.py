"""From a card on the reader to a fact: who it is stays a keyed hash, how old they are needs a day that is certain."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from firmware.__main__ import main
from firmware.cables import Line
from firmware.clock import Clock
from firmware.core import trust_list
from firmware.core.events import AnyEvent, CodeRead
from firmware.core.facts import Booking, Card, HealthTest, Unproved
from firmware.core.trust_list import TrustList
from firmware.listening.words import as_json, as_text
from firmware.simulation.issuer import Issuer
from firmware.trust.verification import Verifier
from sensors import sdt
from sensors.identity_sdt import text_of
from sensors.readings import IdentityCard, Secret, TerminalVerdict

KEY = bytes(range(32))
NUMBER = "11010519491231002X"
CARD = IdentityCard(Secret(NUMBER), Secret("19491231"), resident=True)
JUNE_10_MS = 1_654_822_800_000.0
NOW_S = int(JUNE_10_MS) // 1000


def verifier(key: bytes | None = KEY, wall_ms: float = JUNE_10_MS, trusted: bool = True, keys: Any = None) -> Verifier:
    clock = Clock(1.0, wall_ms)
    clock.trusted = trusted
    made = Verifier(clock, keys or TrustList(()), key, "baoshan")
    made.zone = ZoneInfo("Asia/Shanghai")
    return made


def test_the_holder_is_the_one_a_pass_names_and_the_person_is_the_same() -> None:
    office = Issuer.new("baoshan", hall_key=KEY)
    desk = verifier(keys=trust_list.parse(office.trust_jwks()))
    holder = hmac.digest(KEY, NUMBER.encode(), "sha256")[:8]
    booked = desk(office.booking(NOW_S - 60, NOW_S + 60, document=NUMBER.lower()).encode(), 0.0)
    card = desk.identity(CARD)
    assert isinstance(booked, Booking)
    assert card.holder == booked.holder != holder.hex(), "the lasting hash stays inside"
    assert card.person == booked.person is not None


def test_what_is_left_of_a_card() -> None:
    card = verifier().identity(CARD)
    assert (card.age_years, card.resident, card.booking) == (72, True, None)
    assert len(card.sha256) == 16


@pytest.mark.parametrize(("born", "age"), [("19620610", 60), ("19620611", 59), ("20040610", 18), ("20040611", 17)])
def test_the_age_is_that_of_the_halls_day(born: str, age: int) -> None:
    """3.1.2d asks for under 18 and for 60 and over."""
    midnight_ms = JUNE_10_MS - 9 * 3_600_000
    card = IdentityCard(Secret(NUMBER), Secret(born), resident=True)
    assert verifier(wall_ms=midnight_ms).identity(card).age_years == age


@pytest.mark.parametrize(
    ("shown_by", "text", "is_number"),
    [
        ("id", NUMBER.lower(), True),
        ("id", NUMBER[:-1] + "1", False),
        ("qr", NUMBER, False),
        ("face", "", False),
    ],
)
def test_what_a_terminal_was_shown_leaves_as_a_hash_and_a_sound_number_as_its_holder(
    shown_by: Any, text: str, is_number: bool
) -> None:
    desk = verifier()
    token, holder = desk.shown(TerminalVerdict(shown_by=shown_by, shown=Secret(text)))
    assert holder == (desk.identity(CARD).holder if is_number else None)
    assert bool(token) is bool(text) and NUMBER.lower() not in token.lower()
    assert desk.shown(TerminalVerdict(shown_by=shown_by)) == ("", None)


def test_a_doubtful_clock_knows_no_age() -> None:
    assert verifier(trusted=False).identity(CARD).age_years is None


def test_the_pseudonym_and_the_hash_change_with_the_day_and_with_the_hall() -> None:
    others = [verifier(), verifier(wall_ms=JUNE_10_MS + 86_400_000), verifier(key=bytes(32))]
    cards = [desk.identity(CARD) for desk in others]
    assert len({card.person for card in cards}) == len({card.sha256 for card in cards}) == 3


def test_without_a_hall_key_nothing_can_be_looked_up_later() -> None:
    """The numbers of a city are few: a hash with a public key would be a number to whoever tries them all."""
    one, other = verifier(key=None), verifier(key=None)
    first, again, elsewhere = one.identity(CARD), one.identity(CARD), other.identity(CARD)
    assert first.holder is None and first == again
    assert first.person != elsewhere.person and first.sha256 != elsewhere.sha256


def test_the_reading_becomes_an_event_that_names_nobody() -> None:
    line = Line("A", "identity", "identity_sdt", speaker=None, identify=verifier().identity)
    event: AnyEvent | None = line.mean(CARD, 0.0)
    assert isinstance(event, CodeRead) and isinstance(event.fact, Card)
    assert event.read_by == "identity_sdt"
    assert NUMBER not in repr(event) and "1949" not in repr(event)


# ---------------------------------------------------------------- hallgate listen


def test_listening_shows_that_there_was_a_card_and_not_whose(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = sdt.text_reply(text_of(CARD, "测试甲"))
    path = tmp_path / "card.jsonl"
    path.write_text(json.dumps({"t_ms": 1, "hex": frame.hex()}) + "\n")
    for words in (["--json"], ["--show-text"], ["--json", "--show-text"]):
        assert main(["listen", "--as", "identity_sdt", "--capture", str(path), *words]) == 0
        shown = capsys.readouterr().out
        assert "identity_card" in shown and "hidden" in shown
        assert all(word not in shown for word in (NUMBER, "19491231", "测试甲"))


def test_neither_spelling_of_a_card_shows_it() -> None:
    assert NUMBER.encode() not in as_json(1.0, CARD) and NUMBER not in as_text(1.0, CARD, show_text=True)


def test_a_card_is_never_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "card.jsonl").write_text("")
    out = tmp_path / "out.jsonl"
    words = ["listen", "--as", "identity_sdt", "--capture", str(tmp_path / "card.jsonl"), "--record", str(out)]
    assert main(words) == 2
    assert "never stored" in capsys.readouterr().err and not out.exists()


@pytest.mark.parametrize("text", [NUMBER, f"HP1:{NUMBER}", f"HC1:{NUMBER}", "张三丰", NUMBER * 500])
@pytest.mark.parametrize("key", [KEY, None])
def test_a_text_that_proves_nothing_is_known_again_today_and_cannot_be_guessed(text: str, key: bytes | None) -> None:
    """A number that was typed, or read from a paper, would be told by its bare hash to whoever tries them all."""
    desk, tomorrow = verifier(key), verifier(key, wall_ms=JUNE_10_MS + 86_400_000)
    first, again = desk(text.encode(), 0.0), desk(f"{text}\r\n".encode(), 0.0)
    assert isinstance(first, Unproved) and first == again and len(first.sha256) == 16
    assert first.sha256 not in (hashlib.sha256(text.encode()).hexdigest()[:16], tomorrow(text.encode(), 0.0).sha256)
    assert desk(b"another", 0.0).sha256 != first.sha256


def test_pass_and_certificate_name_one_subject_today_and_another_tomorrow() -> None:
    office = Issuer.new("baoshan", hall_key=KEY)
    keys = trust_list.parse(office.trust_jwks())
    booked = office.booking(NOW_S - 60, NOW_S + 60, subject=office.subject(0)).encode()
    tested = office.test_certificate(NOW_S - 3_600, person=0).encode()
    seen = set()
    for wall_ms in (JUNE_10_MS, JUNE_10_MS + 86_400_000):
        desk = verifier(keys=keys, wall_ms=wall_ms)
        one, other = desk(booked, 0.0), desk(tested, 0.0)
        assert isinstance(one, Booking) and isinstance(other, HealthTest) and one.subject == other.subject is not None
        seen.add(one.subject)
    lasting = hmac.digest(KEY, "{}<<{}|{}".format(*office.subject(0)).encode(), "sha256")[:8].hex()
    assert len(seen | {lasting}) == 3, "the lasting hash stays inside"
