"""An identity reader: one laying is one reading, a spoilt one is none, and no spelling of a reading shows a number."""

from __future__ import annotations

import datetime as dt
import pickle
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors import resident_number, sdt
from sensors.driver import Later
from sensors.identity_sdt import DRIVER, Settings, Simulator, text_of
from sensors.readings import AnyReading, Garbled, IdentityCard, Ready, Refused, Secret, Silent
from tests import needs
from tests.sensors.cable import HEALTH, Cable

NAME = Simulator.NAME


def number_of(first: str) -> str:
    return first + resident_number.check_character(first)


def person(first: str = "31011319550101123", document: Any = "resident", resident: bool = False) -> IdentityCard:
    return IdentityCard(Secret(number_of(first)), Secret(first[6:14]), document, resident)


ANNA, BERT = person(), person("31010419880229002")


def reader(lies_ms: float = 1_500.0, **wishes: Any) -> Cable:
    wanted = Settings(**wishes)
    line = Cable(DRIVER, wanted, Simulator(wanted, lies_ms))
    line.run(1_000)
    assert line.readings == [Ready("SDT")]
    line.readings.clear()
    return line


# ---------------------------------------------------------------- the number


@pytest.mark.parametrize("number", ["000000195501011238", "11010519491231002X", "440524188001010014"])
def test_numbers_of_the_standard_are_sound(number: str) -> None:
    """The second and the third are the examples GB 11643-1999 itself prints."""
    assert resident_number.flaw(number) == ""


@given(place=st.integers(0, 16), digit=st.integers(1, 9))
@settings(max_examples=100)
def test_every_wrong_digit_is_noticed(place: int, digit: int) -> None:
    good = "11010519491231002X"
    bad = good[:place] + str((int(good[place]) + digit) % 10) + good[place + 1 :]
    assert "check character" in resident_number.flaw(bad)


@pytest.mark.parametrize("born", ["19550230", "20010229", "00000000", "18791231", "1955010a"])
def test_a_day_that_never_was_is_no_birth(born: str) -> None:
    assert resident_number.birth_date(born) is None


@pytest.mark.parametrize(
    ("born", "today", "age"),
    [
        (dt.date(2004, 6, 10), dt.date(2022, 6, 9), 17),
        (dt.date(2004, 6, 10), dt.date(2022, 6, 10), 18),
        (dt.date(2004, 2, 29), dt.date(2022, 2, 28), 17),
        (dt.date(2004, 2, 29), dt.date(2022, 3, 1), 18),
        (dt.date(2022, 6, 10), dt.date(2022, 6, 10), 0),
        (dt.date(2022, 6, 11), dt.date(2022, 6, 10), None),
    ],
)
def test_age_counts_full_years(born: dt.date, today: dt.date, age: int | None) -> None:
    assert resident_number.age_years(born, today) == age


def test_a_number_born_on_no_day_is_none_though_its_check_character_is_right() -> None:
    assert "no date" in resident_number.flaw(number_of("31011319550230112"))


@pytest.mark.parametrize(
    ("number", "sound"),
    [
        ("FRA310080010101", True),
        ("FR1310080010101", False),
        ("fra310080010101", False),
        ("FRA31008001010", False),
        ("FRA3100800101011", False),
        ("FRA31008001010X", False),
    ],
)
def test_a_foreigners_old_number_is_three_letters_and_twelve_digits(number: str, sound: bool) -> None:
    assert (resident_number.flaw_of_old_foreigner(number) == "") is sound


@given(st.text(max_size=24))
@settings(max_examples=100)
def test_any_text_as_a_number_gets_an_answer(text: str) -> None:
    assert isinstance(resident_number.flaw(text), str) and isinstance(resident_number.flaw_of_old_foreigner(text), str)


# ---------------------------------------------------------------- the vendor's own bytes


def test_commands_and_replies_are_the_printed_bytes() -> None:
    rows = {name: bytes.fromhex(row["hex"]) for name, row in needs.vectors("sdt_idcard").items() if "hex" in row}
    assert (rows["cmd_status"], rows["cmd_find"]) == (sdt.STATUS, sdt.FIND)
    assert (rows["cmd_select"], rows["cmd_read_base"]) == (sdt.SELECT, sdt.READ)
    assert sdt.reply(sdt.NONE) == rows["rsp_find_none"]
    assert sdt.reply(sdt.FOUND, bytes(4)) == rows["rsp_find_ok"]
    assert sdt.reply(sdt.OK, bytes(8)) == rows["rsp_select_ok"]
    assert sdt.reply(sdt.NOT_READ) == rows["rsp_read_fail"]
    whole = rows["rsp_read_base_synthetic"]
    assert sdt.text_reply(sdt.understood(whole).text or b"") == whole


# ---------------------------------------------------------------- cards of every kind


@pytest.mark.parametrize(
    ("card", "regions"),
    [
        (person(resident=True), ("310113",)),
        (person(), ("310104", "32")),
        (person("81000019900101001", "hmt_permit"), ("81",)),
        (person("93115619800101001", "foreigner"), ()),
        (IdentityCard(Secret("FRA310080010101"), Secret("19800101"), "foreigner"), ()),
    ],
)
def test_each_layout_is_read(card: IdentityCard, regions: tuple[str, ...]) -> None:
    line = reader(regions=regions)
    line.show(card)
    line.run(3_000)
    assert line.readings == [card]


@pytest.mark.parametrize(
    ("place", "put", "because"),
    [
        (sdt.RESIDENT.number[0] + 34, "1", "check character"),
        (sdt.RESIDENT.born[0], "2", "do not belong together"),
        (sdt.RESIDENT.born[0] + 8, "9", "date of birth is no date"),
        (sdt.RESIDENT.number[0] + 10, "Z", "no 18 characters"),
        (sdt.FLAG_AT, "Q", "does not know"),
    ],
)
def test_a_card_that_contradicts_itself_is_none(place: int, put: str, because: str) -> None:
    text = bytearray(text_of(ANNA, NAME))
    text[place : place + 2] = put.encode("utf-16-le")
    found = sdt.card_of(bytes(text), ())
    assert isinstance(found, str) and because in found and ANNA.number.reveal() not in found


def test_a_fingerprint_behind_the_photo_changes_nothing() -> None:
    text = text_of(ANNA, NAME)
    lengths = b"".join(size.to_bytes(2, "big") for size in (256, 1024, 1024))
    whole = sdt.reply(sdt.OK, lengths + text + bytes(2048))
    assert len(whole) == 2321
    line = reader()
    line.feed(whole)
    assert line.readings == [ANNA]


@pytest.mark.parametrize(
    ("text_bytes", "photo_bytes", "more"),
    [(255, 1024, 0), (256, 1023, 0), (256, 1024, 1), (0, 1280, 0), (257, 1023, 0)],
)
def test_a_reading_whose_own_lengths_do_not_fit_is_none(text_bytes: int, photo_bytes: int, more: int) -> None:
    lengths = text_bytes.to_bytes(2, "big") + photo_bytes.to_bytes(2, "big")
    line = reader()
    line.feed(sdt.reply(sdt.OK, lengths + text_of(ANNA, NAME) + bytes(1024 + more)))
    assert line.content() == []


@pytest.mark.parametrize("sw3", [sdt.FOUND, sdt.NOT_READ, 0x33])
def test_what_comes_with_a_failed_reading_is_no_card(sw3: int) -> None:
    whole = sdt.text_reply(text_of(ANNA, NAME))
    line = reader()
    line.feed(sdt.reply(sw3, whole[10:-1]))
    assert line.content() == []
    line.feed(sdt.reply(sdt.OK, whole[10:-1]))
    assert line.content() == [ANNA]


# ---------------------------------------------------------------- hands and cards


def test_a_card_that_lies_there_is_read_once_and_again_when_laid_again() -> None:
    line = reader(lies_ms=60_000)
    line.show(ANNA)
    line.run(30_000)
    assert line.readings == [ANNA] and line.sent.count(sdt.READ) == 1
    line.far.take_away()
    line.run(5_000)
    line.show(ANNA)
    line.run(3_000)
    assert line.readings == [ANNA, ANNA]


@pytest.mark.parametrize("lay_ms", [1_200, 10_000])
def test_a_card_that_the_reader_loses_for_a_moment_is_no_second_laying(lay_ms: int) -> None:
    line = reader(lies_ms=60_000)
    line.show(ANNA)
    line.run(lay_ms)
    line.far.take_away()
    line.run(400)
    line.show(ANNA)
    line.run(3_000)
    assert line.readings == [ANNA]


def test_the_next_person_at_once_is_another_reading() -> None:
    line = reader(lies_ms=1_000)
    line.show(ANNA)
    line.run(1_300)
    line.show(BERT)
    line.run(1_500)
    assert line.readings == [ANNA, BERT]


def test_pulled_away_in_the_middle_is_nothing_and_the_next_try_is_read() -> None:
    line = reader(lies_ms=400)
    line.show(ANNA)
    line.run(3_000)
    assert line.readings == []
    line.far._lies_ms = 2_000
    line.show(ANNA)
    line.run(3_000)
    assert line.readings == [ANNA]


def test_two_cards_at_once_are_told_once_and_one_of_them_is_read_when_it_is_alone() -> None:
    line = reader(lies_ms=10_000)
    line.show(ANNA)
    line.show(BERT)
    line.run(9_000)
    assert [type(reading) for reading in line.readings] == [Garbled]
    assert line.sent.count(sdt.SELECT) == 3 and sdt.READ not in line.sent
    line.run(3_000)
    line.show(BERT)
    line.run(3_000)
    assert line.content() == [BERT]


def test_each_card_has_its_three_attempts() -> None:
    """Whatever became of the card before it: pulled away after two attempts, given up after three, or read after two."""
    line = reader(lies_ms=60_000)
    told = list[int]()
    answer, fails = line.far._answer, [True]
    not_read = [Later(sdt.reply(sdt.NOT_READ), 600.0)]
    line.far._answer = lambda asked, t_ms: not_read if asked == sdt.READ and fails else answer(asked, t_ms)
    for attempts in (2, 3, 3):
        line.sent.clear()
        line.show(ANNA)
        while line.sent.count(sdt.READ) < attempts:
            line.run(100)
        line.run(610)
        told.append(len(line.readings))
        line.far.take_away()
        line.run(1_000)
    assert told == [0, 1, 2] and {type(reading) for reading in line.readings} == {Garbled}
    line.show(ANNA)
    while line.sent.count(sdt.READ) < 5:
        line.run(100)
    fails.clear()
    line.run(3_000)
    assert line.content() == [ANNA]


def test_a_reader_may_take_its_time_over_text_and_photograph() -> None:
    line = reader(lies_ms=60_000)
    line.far.READ_MS = 2_800.0
    line.show(ANNA)
    line.run(5_000)
    assert line.readings == [ANNA] and line.sent.count(sdt.READ) == 1


# ---------------------------------------------------------------- the reader itself


def test_an_unplugged_reader_is_silent_and_comes_back() -> None:
    line = reader(lies_ms=2_500)
    hear, line.far.hear = line.far.hear, lambda raw, t_ms: []
    line.sent.clear()
    line.run(3_500)
    (silent,) = line.readings
    assert isinstance(silent, Silent) and 2_600 <= silent.for_ms <= 3_000 and line.sent[:3] == [sdt.FIND] * 3
    line.far.hear = hear
    line.readings.clear()
    line.show(ANNA)
    line.run(3_000)
    assert line.readings == [Ready("SDT"), ANNA]


def test_a_reader_that_never_answers_is_asked_how_it_is_and_silent_since_then() -> None:
    line = Cable(DRIVER)
    line.far.hear = lambda raw, t_ms: []
    line.run(3_000)
    assert line.sent == [sdt.STATUS] * 4 and line.readings == [Silent(2_600.0)]


def test_a_card_that_lies_there_through_a_silence_is_read_again() -> None:
    line = reader(lies_ms=60_000)
    line.show(ANNA)
    line.run(2_000)
    hear, line.far.hear = line.far.hear, lambda raw, t_ms: []
    line.run(5_000)
    line.far.hear = hear
    line.run(3_000)
    assert line.content() == [ANNA, ANNA]


@pytest.mark.parametrize("lies_ms", [1_000, 60_000])
def test_another_person_behind_a_replugged_reader_is_not_taken_for_the_last(lies_ms: float) -> None:
    line = reader(lies_ms)
    line.show(ANNA)
    line.run(1_500)
    line.far.take_away()
    line.sent.clear()
    line.feed(sdt.text_reply(text_of(BERT, NAME))[:600])
    assert line.near.replugged(line.now_ms) == []
    line.show(ANNA)
    line.run(2_000)
    assert line.sent[0] == sdt.STATUS and line.readings == [ANNA, Ready("SDT"), ANNA]


@pytest.mark.parametrize(("sw3", "because"), [(0x60, "fails its self test"), (0x66, "is not authorised")])
def test_a_reader_whose_security_module_fails_is_refused_until_it_is_well(sw3: int, because: str) -> None:
    line = reader()
    line.feed(sdt.reply(sw3))
    assert line.readings == [Refused(f"the reader's security module {because}")]
    line.run(1_000)
    assert line.readings[1:] == [Ready("SDT")]


@pytest.mark.parametrize("sw3", [0x10, 0x11, 0x21])
def test_a_question_that_came_spoilt_to_the_reader_takes_no_card_away(sw3: int) -> None:
    """devices.md 4: 10 checksum wrong, 11 length wrong, 21 bad command."""
    line = reader(lies_ms=60_000, again_ms=0)
    line.show(ANNA)
    line.run(2_000)
    while line.near._asked != sdt.FIND:
        line.run(1)
    line.feed(sdt.reply(sw3))
    line.run(3_000)
    assert line.readings == [ANNA, Garbled(0, "the reader got a spoilt command")]


@given(
    body=st.binary(max_size=40), sw3=st.integers(0, 255), sizes=st.tuples(st.integers(0, 1400), st.integers(0, 1400))
)
@settings(max_examples=200, deadline=None)
def test_any_reply_of_any_length_is_survived(body: bytes, sw3: int, sizes: tuple[int, int]) -> None:
    line = reader()
    lengths = b"".join(size.to_bytes(2, "big") for size in sizes)
    for whole in (sdt.reply(sw3, body), sdt.reply(sdt.OK, lengths + body), sdt.text_reply(body)):
        line.feed(whole)
        line.run(300)
    assert [reading for reading in line.readings if not isinstance(reading, HEALTH)] == []


@given(text=st.binary(min_size=256, max_size=256))
@settings(max_examples=100, deadline=None)
def test_any_text_block_is_a_sound_card_or_a_reason(text: bytes) -> None:
    assert isinstance(sdt.card_of(text, ("31",)), str)


# ---------------------------------------------------------------- nobody can read it by accident


def test_no_spelling_of_a_reading_shows_number_or_birth() -> None:
    number, born = ANNA.number.reveal(), ANNA.born.reveal()
    for spelling in (repr(ANNA), str(ANNA), f"{ANNA}", f"{ANNA.number}", f"{ANNA!r:>300}", repr([ANNA])):
        assert number not in spelling and born not in spelling
    for encode in (msgspec.json.encode, msgspec.msgpack.encode, msgspec.to_builtins, pickle.dumps):
        with pytest.raises(TypeError):
            encode(ANNA)


def test_no_reading_of_a_session_names_anybody() -> None:
    line = reader(lies_ms=1_200)
    seen: list[AnyReading] = []
    for card in (ANNA, BERT, ANNA):
        line.show(card)
        line.run(2_000)
        line.feed(b"\xaa\xaa\xaa\x96\x69\x00\x04junk")
        seen += line.readings
    text = repr(seen) + repr(line.sent)
    assert len(line.content()) == 3
    assert all(word not in text for card in (ANNA, BERT) for word in (card.number.reveal(), card.born.reveal(), NAME))
