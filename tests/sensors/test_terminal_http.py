"""A terminal's word: what it may say, in which spellings, and that neither its door nor its picture ever moves us."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.driver import Answer, Request, Send
from sensors.readings import Garbled, Ready, Scan, Secret, TerminalVerdict
from sensors.terminal_http import Decoder, Settings

NUMBER = "11010519491231002X"


def said(body: Any, **wishes: Any) -> tuple[Answer, list[Any]]:
    """(the one answer, the readings without Ready)."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    out = Decoder(Settings(**wishes)).feed(Request(7, "/", raw), 0.0)
    (answer,) = [each.raw for each in out if isinstance(each, Send)]
    assert isinstance(answer, Answer) and answer.number == 7
    return answer, [each for each in out if not isinstance(each, Send | Ready)]


def verdict(body: dict[str, Any], **wishes: Any) -> TerminalVerdict:
    (only,) = said({"type": "qr", **body}, **wishes)[1]
    assert isinstance(only, TerminalVerdict)
    return only


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("green", "green"),
        (" GREEN ", "green"),
        ("黄码", "yellow"),
        ("红", "red"),
        ("negative", "unknown"),
        (3, "unknown"),
    ],
)
def test_codes_in_the_vendors_spelling(written: Any, code: str) -> None:
    assert verdict({"healthCode": written}).code == code


@pytest.mark.parametrize("body", [{}, {"type": "", "value": ""}, {"temperature": 36.5}, {"heartbeat": 1, "mask": True}])
def test_what_says_nothing_of_anybody_is_no_verdict(body: dict[str, Any]) -> None:
    """A heartbeat would take the place of what was said of the person in front of it."""
    assert [type(each) for each in said(body)[1]] == [Garbled]


@pytest.mark.parametrize(
    "body", [{"type": "face"}, {"value": NUMBER}, {"healthCode": "green"}, {Settings().pcr_key: "negative"}]
)
def test_each_of_what_a_verdict_is_made_of_makes_one(body: dict[str, Any]) -> None:
    assert [type(each) for each in said(body)[1]] == [TerminalVerdict]


def test_a_terminal_is_there_from_its_first_word_on_and_that_is_told_once() -> None:
    decoder = Decoder(Settings())
    heard = [decoder.feed(Request(number, "/", b'{"type": "qr"}'), 0.0) for number in range(3)]
    assert [sum(isinstance(each, Ready) for each in out) for out in heard] == [1, 0, 0]


def test_a_vendor_with_other_keys_and_words() -> None:
    told = verdict(
        {"data": {"color": "00", "hs": 1, "wear": "0"}},
        code_key="data.color",
        pcr_key="data.hs",
        mask_key="data.wear",
        words={"00": "green", "1": "positive"},
    )
    assert (told.code, told.pcr, told.mask) == ("green", "positive", False)


@pytest.mark.parametrize(
    ("body", "hours"),
    [
        ({"nucleicHours": 12}, 12.0),
        ({"nucleicHours": "71.5"}, 71.5),
        ({"nucleicHours": -1}, None),
        ({"nucleicHours": 1e9}, None),
        ({"nucleicTime": "2022-06-09T10:00:00+08:00", "data": {"time": "2022-06-10T12:00:00+08:00"}}, 26.0),
        ({"nucleicTime": 1654740000, "data": {"time": 1654743600000}}, 1.0),
        ({"nucleicTime": "2022-06-10 10:00:00", "data": {"time": "2022-06-10 09:00:00"}}, None),
        ({"nucleicTime": "2022-06-10 10:00:00"}, None),
        ({"nucleicTime": "yesterday", "data": {"time": "2022-06-10 09:00:00"}}, None),
    ],
)
def test_the_age_of_the_sample_is_the_terminals_own(body: dict[str, Any], hours: float | None) -> None:
    assert verdict(body).sampled_age_hours == hours


@pytest.mark.parametrize(
    ("written", "celsius"), [(36.5, 36.5), ("37.30", 37.3), (0, None), (98.6, None), ("hot", None), (True, None)]
)
def test_a_temperature_no_person_has_is_none(written: Any, celsius: float | None) -> None:
    assert verdict({"temperature": written}).temperature_c == celsius


def test_our_own_signed_code_is_handed_on_as_a_scan() -> None:
    _, readings = said({"type": "qr", "value": "HP1:ABC"})
    assert readings[1:] == [Scan(b"HP1:ABC", read_by="terminal")]


def test_no_answer_ever_opens_the_terminals_door() -> None:
    bodies: list[Any] = [{"type": "qr", "healthCode": "green"}, {"action": "v_device_reg"}, b"", b"[]", b"\xff", b"{"]
    for body in bodies:
        answer, _ = said(body)
        assert json.loads(answer.body)["status"] == 1


def test_who_lacks_the_token_says_nothing() -> None:
    wanted = hashlib.sha256(b"a long random word").hexdigest()
    for token in (None, "", "wrong", 1):
        answer, readings = said({"type": "qr", "healthCode": "green", "token": token}, token_sha256=wanted)
        assert answer.status == 403 and [type(each) for each in readings] == [Garbled]
    answer, (told,) = said({"type": "qr", "healthCode": "green", "token": "a long random word"}, token_sha256=wanted)
    assert answer.status == 200 and told.code == "green"


def test_name_picture_and_number_are_in_no_spelling_of_what_leaves() -> None:
    body = {"type": "id", "value": NUMBER, "name": "测试甲", "data": {"capture": "/9j/PICTURE", "time": "now"}}
    request = Request(7, "/", json.dumps(body).encode())
    out = Decoder(Settings()).feed(request, 0.0)
    assert TerminalVerdict(shown_by="id", shown=Secret(NUMBER)) in out
    for word in (NUMBER, "测试甲", "PICTURE"):
        assert word not in repr(out) and word not in repr(request)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "value", "token", "data", "time", "healthCode", "nucleicTime", "mask", "temperature"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@given(body=st.one_of(JSON.map(lambda made: json.dumps(made).encode()), st.binary(max_size=80)))
@settings(max_examples=200, deadline=None)
def test_any_body_gets_exactly_one_answer(body: bytes) -> None:
    said(body)


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"value":' * 100_000, b'{"type":"qr","value":' + b"[" * 100_000])
def test_a_body_of_great_depth_is_only_a_bad_body(body: bytes) -> None:
    assert [type(each) for each in said(body)[1]] == [Garbled]
