"""Lamp and sign: what is shown, what is never shown, and back to idle by themselves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core.actions import Buzz, LampShow, RouteLight, SignIdle, SignShow
from firmware.outputs import lamp_pins as lamp
from firmware.outputs import sign_text_line as sign
from firmware.outputs.words import clean, columns, fitted, pieces
from sensors.driver import Edge
from tests.outputs.bench import FREE, Bench, opening


def lit(colour: Any, show_ms: int = 3_000) -> LampShow:
    return LampShow(lane="A", colour=colour, show_ms=show_ms)


def shown(zh: str, en: str = "", show_ms: int = 5_000) -> SignShow:
    return SignShow(lane="A", zh=zh, en=en, show_ms=show_ms)


# ---------------------------------------------------------------- lamp


def test_one_colour_at_a_time_dark_first() -> None:
    bench = Bench("lamp_pins")
    bench.start()
    assert bench.take_sent() == [Edge("green", 0), Edge("red", 0)]
    bench.order(lit("green"))
    bench.order(lit("red"))
    assert bench.take_sent() == [Edge("red", 0), Edge("green", 1), Edge("green", 0), Edge("red", 1)]
    assert bench.far.lit == ("red",)


def test_the_lamp_goes_back_to_idle_and_the_same_colour_prolongs() -> None:
    bench = Bench("lamp_pins", lamp.Settings(idle="red"))
    bench.order(lit("green", 3_000))
    bench.run(2_000)
    bench.order(lit("green", 3_000))
    bench.run(2_999)
    assert bench.far.lit == ("green",)
    bench.run(1)
    assert bench.far.lit == ("red",)
    assert bench.near.wake_at_ms is None


def test_yellow_where_there_is_none_is_red_and_never_green() -> None:
    bench = Bench("lamp_pins")
    bench.order(lit("yellow"))
    assert bench.far.lit == ("red",)
    bench = Bench("lamp_pins", lamp.Settings(yellow=True))
    bench.order(lit("yellow"))
    assert bench.far.lit == ("yellow",)


def test_lamp_stop_and_replug() -> None:
    bench = Bench("lamp_pins", lamp.Settings(active_high=False, idle="red"))
    bench.order(lit("green"))
    bench.order(lit("green"))
    assert len(bench.take_sent()) == 2, "the same colour again sends nothing"
    bench.replug()
    assert bench.take_sent() == [Edge("red", 1), Edge("green", 0)]
    assert bench.far.lit == ("green",)
    bench.now_ms += 10_000
    bench.replug()
    assert bench.far.lit == ("red",)
    bench.stop()
    assert bench.far.lit == ()
    assert bench.near.wake_at_ms is None


# ---------------------------------------------------------------- sign


def test_a_screen_is_two_lines_and_goes_back_to_idle() -> None:
    bench = Bench("sign_text_line", sign.Settings(idle_zh="请出示预约码", idle_en="Show your code"))
    bench.start()
    assert bench.far.shown == ("请出示预约码", "Show your code")
    bench.order(shown("请通行 前往3楼12号窗口", "Pass: floor 3, window 12", 5_000))
    assert bench.far.shown == ("请通行 前往3楼12号窗口", "Pass: floor 3, window 12")
    bench.run(4_999)
    assert bench.far.shown[0] == "请通行 前往3楼12号窗口"
    bench.run(1)
    assert bench.far.shown == ("请出示预约码", "Show your code")
    assert len(bench.sent) == 3


def test_a_narrow_sign_tells_both_halves_by_turns_and_cuts_none_of_them() -> None:
    """What is too long was cut in the middle of the next step: `请走其他通`."""
    bench = Bench("sign_text_line", sign.Settings(width=9))
    seen = []
    for _ in range(6):
        bench.order(
            shown("通道故障 请走其他通道", "Fault, use another lane", 5_000)
        )  # again and again: somebody stands there
        seen.append(bench.far.shown)
        bench.run(1_000)
    assert set(seen) == {("通道故障", "Fault, use another"), ("请走其他通道", "lane")}
    bench.far.shown = ()
    bench.replug()
    assert bench.far.shown in seen
    bench.run(5_000)
    assert bench.far.shown == ("", "") and bench.near.wake_at_ms is None


def test_what_follows_a_message_in_parts_follows_it_in_its_time() -> None:
    bench = Bench("sign_text_line", sign.Settings(width=7))
    bench.order(SignShow(lane="A", zh="请先预约 可电话预约", en="", show_ms=10_000, then_zh="咨询电话 021-12345678"))
    seen = [bench.far.shown[0]]
    for _ in range(9):
        bench.run(1_000)
        seen.append(bench.far.shown[0])
    assert list(dict.fromkeys(seen)) == ["请先预约", "可电话预约", "咨询电话", "021-12345678"]
    bench.run(1_000)
    assert bench.far.shown == ("", "")


def test_the_same_screen_again_only_stays_longer() -> None:
    bench = Bench("sign_text_line")
    for _ in range(3):
        bench.order(shown("大厅人数已满 请稍候"))
        bench.run(4_000)
    assert len(bench.sent) == 1
    bench.run(1_000)
    assert bench.far.shown == ("", "")


@pytest.mark.parametrize(
    ("encoding", "terminator", "line"),
    [("gb18030", "cr", b"\xc7\xeb\xc5\xc5\xb6\xd3\r\r"), ("utf-8", "lf", b"\xe8\xaf\xb7\xe6\x8e\x92\xe9\x98\x9f\n\n")],
)
def test_encoding_and_terminator(encoding: Any, terminator: Any, line: bytes) -> None:
    bench = Bench("sign_text_line", sign.Settings(encoding=encoding, terminator=terminator))
    bench.order(shown("请排队"))
    assert bench.sent == [line]


def test_sign_stop_and_replug() -> None:
    bench = Bench("sign_text_line", sign.Settings(idle_zh="您好"))
    bench.order(shown("请稍候"))
    bench.far.shown = ()
    bench.replug()
    assert bench.far.shown == ("请稍候", "")
    bench.stop()
    assert bench.far.shown == ("您好", "")
    bench.run(60_000)
    assert bench.near.wake_at_ms is None


@pytest.mark.parametrize("end", ["in its time", "stop"])
def test_pages_that_come_after_an_answer_is_over_are_shown_at_once(end: str) -> None:
    bench = Bench("sign_text_line", sign.Settings(idle_zh="您好"))
    bench.order(shown("请稍候"))
    bench.run(5_000) if end == "in its time" else bench.stop()
    assert bench.far.shown == ("您好", "")
    bench.order(SignIdle(lane="A", pages=(("空位 3", "3 free"),)))
    assert bench.far.shown == ("空位 3", "3 free")


def test_a_sign_that_is_plugged_in_says_what_holds_by_then() -> None:
    bench = Bench("sign_text_line", sign.Settings(idle_zh="您好"))
    bench.replug()
    assert bench.far.shown == ("您好", "")
    bench.order(shown("请稍候"))
    bench.now_ms += 10_000  # nobody called tick while the cable was away
    bench.replug()
    assert bench.far.shown == ("您好", "")


@pytest.mark.parametrize(("zh", "en"), [("请打电话", ""), ("", "Please call")])
def test_what_follows_in_one_language_follows(zh: str, en: str) -> None:
    bench = Bench("sign_text_line")
    bench.order(SignShow(lane="A", zh="否", en="no", show_ms=4_000, then_zh=zh, then_en=en))
    bench.run(2_000)
    assert bench.far.shown == (zh, en)


@given(zh=st.text(max_size=60), en=st.text(max_size=60), gb=st.booleans())
@settings(max_examples=200, deadline=None)
def test_no_text_can_steer_the_sign(zh: str, en: str, gb: bool) -> None:
    encoding = "gb18030" if gb else "utf-8"
    bench = Bench("sign_text_line", sign.Settings(encoding=encoding, terminator="cr"))  # type: ignore[arg-type]
    bench.start()
    bench.order(shown(zh, en))
    raw = bench.sent[-1]
    assert raw.count(b"\r") == 2
    assert not any(byte < 0x20 or byte == 0x7F for byte in raw.replace(b"\r", b""))
    assert all(columns(line) <= 28 for line in raw.decode(encoding).split("\r"))


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("请通行 前往3楼12号窗口", "请通行 前往3楼12号窗口"),
        ("一二三四五六七八九十一二三四五", "一二三四五六七八九十一二三四"),
        ("Please wait, staff will help you", "Please wait, staff will help"),
        ("Donaudampfschifffahrtsgesellschaft", "Donaudampfschifffahrtsgesell"),
        ("Fourteen chars Donaudampfschifffahrt", "Fourteen chars"),
        ("Thirteen char Donaudampfschifffahrt", "Thirteen char Donaudampfschi"),
        ("请通行请通行请通行 前往三楼十二号窗口请通行", "请通行请通行请通行 前往三楼"),
        ("请通行请通行请通行请通行一二 三", "请通行请通行请通行请通行一二"),
    ],
)
def test_a_line_is_cut_where_it_hurts_least(text: str, kept: str) -> None:
    assert fitted(text, 28) == kept


@pytest.mark.parametrize(("text", "wide"), [("请", 2), ("ａ", 2), ("a", 1), ("\u00e9", 1), ("e\u0301", 1), ("", 0)])
def test_a_chinese_character_is_two_columns_wide_and_an_accent_none(text: str, wide: int) -> None:
    assert columns(text) == wide


@pytest.mark.parametrize(
    ("text", "bytes_max", "found"),
    [
        ("一二三四", 8, ["一二三四"]),
        ("一二三四五", 8, ["一二三四", "五"]),
        ("一，二。三四五", 10, ["一，二。", "三四五"]),
        ("一，二三四五", 8, ["一，", "二三四五"]),
        ("。一二三四", 8, ["。", "一二三四"]),
        ("一二 三四", 7, ["一二", "三四"]),
        ("一😀二", 8, ["一二"]),
    ],
)
def test_pieces_are_cut_behind_a_pause_or_at_least_a_breath(text: str, bytes_max: int, found: list[str]) -> None:
    assert [piece.decode("gbk") for piece in pieces(text, "gbk", bytes_max, 9)] == found


def test_cleaning_takes_what_steers_and_keeps_what_reads() -> None:
    assert clean("请\u202e通\x1b[2J行\n下一位\u200b") == "请通[2J行 下一位"
    assert clean(" a\t\r\nb\u3000 c\x85d\u2028e\x1cf ") == "a b cd ef"


@given(text=st.text(max_size=300), bytes_max=st.integers(4, 50), codec=st.sampled_from(["gbk", "gb2312", "utf-16-be"]))
@settings(max_examples=150, deadline=None)
def test_pieces_are_whole_characters_in_order(text: str, bytes_max: int, codec: str) -> None:
    text = clean(text)
    found = pieces(text, codec, bytes_max, 1_000)
    assert all(0 < len(piece) <= bytes_max for piece in found)
    said = "".join(piece.decode(codec) for piece in found)
    assert said.replace(" ", "") == text.encode(codec, "ignore").decode(codec).replace(" ", "")


@pytest.mark.parametrize(
    ("name", "order", "longest_ms"),
    [
        ("lamp_pins", lit("green", 10**9), 3_600_000),
        ("sign_text_line", shown("请稍候", show_ms=10**9), 3_600_000),
        ("light_pin", RouteLight(lane="A", show_ms=10**9), 600_000),
        ("buzzer_pin", Buzz(lane="A", show_ms=10**9), 600_000),
    ],
)
def test_no_order_lasts_longer_than_somebody_may_forget_it(name: str, order: Any, longest_ms: int) -> None:
    bench = Bench(name)
    bench.order(order)
    due_ms = bench.near.wake_at_ms
    assert bench.near.tick(bench.now_ms) == [] and bench.near.wake_at_ms == due_ms, "who looks in early ends nothing"
    for _ in range(1_000):
        bench.run(longest_ms // 1_000)
        if bench.near.wake_at_ms is None:
            break
    assert bench.near.wake_at_ms is None and bench.now_ms == 1_000 + longest_ms


@pytest.mark.parametrize("name", ["lamp_pins", "sign_text_line", "voice_syn6288", "voice_dfplayer"])
def test_orders_for_other_hands_are_ignored(name: str) -> None:
    bench = Bench(name)
    for order in (opening(), FREE, None, "open"):
        bench.order(order)
    assert bench.sent == [] and bench.readings == []


@pytest.mark.parametrize("name", ["gate_relay_pin", "gate_relay_lcus", "gate_relay_modbus", "gate_board_fe"])
def test_gates_ignore_words_and_lights(name: str) -> None:
    bench = Bench(name)
    for order in (shown("请通行"), lit("green"), None, 1):
        bench.order(order)
    assert bench.sent == [] and bench.readings == []
