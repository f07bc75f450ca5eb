"""Words at the gate: the plan's own sentences, signs that fit, numbers spoken, nothing about health."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.outputs.words import fitted
from firmware.rulebook.words import SIGN_MAX, WORDS, pages, spoken_number, spoken_time, words
from firmware.rulebook.words_idle import IDLE

WIDEST = {
    "floor": 12,
    "window": 18,
    "hours": 168,
    "days": 3650,
    "n": 99,
    "m": 99,
    "time": "10:50",
    "date": "12月31日",
    "day": "12/31",
    "phone": "021-12345678",
    "booking": "随申办宝山旗舰店",
    "booking_en": "Suishenban, Baoshan store",
    "online": "一网通办·随申办",
    "online_en": "Suishenban",
    "span": "10:00-17:30",
    "door": "entry-10",
    "gate": "A",
    "name": "企业开办和变更",
    "name_en": "Business registration",
}

PLAN = """
| admit | 请通行 前往3楼12号窗口 | 核验通过，请通行。请乘观光电梯到三楼十二号窗口。 |
| hall_full | 大厅人数已满 请稍候 | 大厅人数已达上限，请在二米线外等候，有人离开后按顺序进入。 |
| spacing | 请在二米线外等候 | 请站在二米线外，等前一位通过后再扫码。 |
| early | 未到预约时段 9:50再来 | 您的预约时段还没到，请九点五十分再来扫码。 |
| late | 已过预约时段 请改约 | 您的预约时段已过，请用随申办重新预约，或请工作人员帮办。 |
| not_booked | 请先预约 可电话预约 | 请先预约取号。可用随申办宝山旗舰店，老年人、残疾人可电话预约。 |
| used | 预约已使用 请找工作人员 | 这个预约已使用。如需再次进入，请找门口工作人员。 |
| not_read | 未读到码 请调亮再扫 | 没有读到码，请调亮屏幕，正对扫码口再扫一次。 |
| not_verified | 数字哨兵或场所码请核验 | 请用数字哨兵或场所码登记核验，任选一种。 |
| pcr | 需72小时内核酸阴性报告 | 需要七十二小时内核酸阴性报告。请到旁边找工作人员，也可网上办、快递办。 |
| assisted | 请出示身份证件和离线码 | 请出示本人身份证件和随申办离线码，工作人员马上来确认。 |
| staff | 请稍候 工作人员来引导 | 请稍候，工作人员马上来引导您。 |
| isolate | 请稍候 工作人员来引导 | 请稍候，工作人员马上来引导您。 |
| mask | 请佩戴口罩后进入 | 请佩戴口罩后进入大厅。 |
"""
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PLAN.strip().splitlines()]


@pytest.mark.parametrize(("reason", "sign", "voice"), ROWS)
def test_the_plans_words_are_told_exactly(reason: str, sign: str, voice: str) -> None:
    said = words(reason, floor=3, window="12", hours=72, time="09:50")
    assert (said.sign_zh, said.voice_zh) == (sign, voice)


@pytest.mark.parametrize("reason", sorted(WORDS.keys() - IDLE.keys()))
def test_every_sign_fits_with_its_widest_numbers(reason: str) -> None:
    own = WORDS[reason]
    filled = re.sub(r"\{(\w+)\}", lambda place: str(WIDEST[place[1]]), own.sign_zh)
    assert len(filled) <= SIGN_MAX
    assert words(reason, **WIDEST).sign_zh == filled
    assert fitted(words(reason, **WIDEST).sign_en, 2 * SIGN_MAX) == words(reason, **WIDEST).sign_en, (
        "nothing is cut off"
    )


@pytest.mark.parametrize("reason", IDLE)
def test_every_page_of_the_idle_sign_fits_and_nothing_of_it_is_lost(reason: str) -> None:
    told = pages(reason, **WIDEST)
    assert all(0 < len(zh) <= SIGN_MAX for zh, _ in told)
    filled = re.sub(r"\{(\w+)\}", lambda place: str(WIDEST[place[1]]), IDLE[reason][0])
    assert " ".join(zh for zh, _ in told) == filled


@pytest.mark.parametrize(("zh", "told"), [("一二三四五六 七八九十一二三", 1), ("一二三四五六 七八九十一二三四", 2)])
def test_what_fits_the_sign_is_one_page_and_what_does_not_is_told_half_by_half(zh: str, told: int) -> None:
    shown = pages("page_places", {"zh": {"page_places": zh}, "en": {}}, n=7)
    assert len(shown) == told and " ".join(half for half, _ in shown) == zh


def test_a_rulebook_words_the_idle_sign_too() -> None:
    phrases = {"zh": {"page_places": "还可进 {n} 人"}, "en": {"page_places": "Room for {n}"}}
    assert pages("page_places", phrases, n=7) == [("还可进 7 人", "Room for 7")]
    assert pages("page_opens", None) == [], "nothing to say, no page"


@pytest.mark.parametrize("reason", WORDS)
def test_without_numbers_nobody_is_told_a_gap(reason: str) -> None:
    said = words(reason)
    for text in (said.sign_zh, said.sign_en, said.voice_zh, said.voice_en):
        assert text and "{" not in text and "  " not in text
    assert said.voice_zh.endswith("。") and said.voice_en.endswith(".")


@pytest.mark.parametrize("reason", ["isolate", "code", "same_person", "revoked", "staff"])
def test_a_health_reason_is_never_told(reason: str) -> None:
    assert words(reason) == WORDS["staff"]


def test_a_reason_without_words_calls_the_staff() -> None:
    assert words("no such reason") == WORDS["staff"]


def test_the_rulebook_replaces_sign_and_voice() -> None:
    phrases = {"zh": {"pcr": "需{hours}小时核酸"}, "en": {"pcr_voice": "Bring a test of {hours} h."}}
    said = words("pcr", phrases, hours=48)
    assert (said.sign_zh, said.voice_zh) == ("需48小时核酸", "需四十八小时核酸。")
    assert (said.sign_en, said.voice_en) == ("Negative PCR within 48 h", "Bring a test of 48 h.")


def test_a_sign_too_long_keeps_its_first_half() -> None:
    assert words("admit", floor="1-2-3-4-5-6", window="A-12-34-56").sign_zh == "请通行"


@settings(max_examples=150)
@given(st.sampled_from(sorted(WORDS)), st.text(max_size=40), st.text(max_size=12))
def test_a_strange_phrase_or_value_still_makes_words(reason: str, phrase: str, value: str) -> None:
    said = words(reason, {"zh": {reason: phrase}, "en": {reason: phrase}}, floor=value, time=value, n=value)
    assert 0 < len(said.sign_zh) <= SIGN_MAX


@pytest.mark.parametrize(
    ("number", "said"),
    [
        *[
            (0, "零"),
            (2, "二"),
            (10, "十"),
            (12, "十二"),
            (20, "二十"),
            (72, "七十二"),
            (100, "一百"),
            (105, "一百零五"),
        ],
        *[(110, "一百一十"), (1000, "一千"), (1005, "一千零五"), (1050, "一千零五十"), (20304, "二万零三百零四")],
    ],
)
def test_numbers_as_they_are_said(number: int, said: str) -> None:
    assert spoken_number(number) == said


@pytest.mark.parametrize(
    ("time", "said"),
    [
        ("9:50", "九点五十分"),
        ("09:05", "九点零五分"),
        ("02:02", "两点零二分"),
        ("14:00", "十四点"),
        ("noon", "noon"),
    ],
)
def test_times_as_they_are_said(time: str, said: str) -> None:
    assert spoken_time(time) == said


def test_two_people_are_liang_and_the_second_floor_is_er() -> None:
    assert words("queue_ahead", n=2, m=12).voice_zh == "您前面还有两人，大约等候十二分钟。"
    assert "二楼二号" in words("admit", floor=2, window=2).voice_zh


def test_a_rulebooks_words_are_not_remembered_for_another_rulebook() -> None:
    first, second = {"zh": {"mask": "口罩"}}, {"zh": {"mask": "戴口罩"}}
    said = [words("mask", phrases).sign_zh for phrases in (first, second, None, first)]
    assert said == ["口罩", "戴口罩", words("mask").sign_zh, "口罩"]
