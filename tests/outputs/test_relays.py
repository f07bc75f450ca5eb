"""Relays on a pin and on an LCUS board: exact levels and bytes, and when they let go."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.errors import Mistake
from firmware.outputs import gate_relay_lcus as lcus
from firmware.outputs import gate_relay_pin as pin
from firmware.outputs.relay import PULSE_MAX_MS, wiring_doubt
from sensors.readings import Garbled, Ready, Refused, RelayState, Silent
from tests.outputs.bench import CLOSE, FREE, OFF, ON, Bench, opening, vector

ON1, OFF1 = "a0 01 01 a2", "a0 01 00 a1"


@pytest.mark.parametrize(
    ("channel", "name", "order"), [(1, "on1", opening()), (1, "off1", CLOSE), (2, "on2", opening()), (4, "off4", CLOSE)]
)
def test_lcus_bytes_are_the_printed_ones(channel: int, name: str, order: object) -> None:
    bench = Bench("gate_relay_lcus", lcus.Settings(channel=channel))
    bench.order(order)
    assert bench.take_sent() == [vector("lcus", name)]
    assert bench.readings == [RelayState(channel, name.startswith("on"), assumed=True)]


@pytest.mark.parametrize(
    ("settings", "on", "off"),
    [
        (pin.Settings(), 1, 0),
        (pin.Settings(active_high=False), 0, 1),
    ],
)
def test_pin_levels(settings: pin.Settings, on: int, off: int) -> None:
    bench = Bench("gate_relay_pin", settings)
    bench.order(opening())
    assert bench.far.energised() and bench.far.is_open()
    bench.run(700)
    assert [raw.level for raw in bench.sent] == [on, off]
    assert not bench.far.is_open()


# ---------------------------------------------------------------- the end of an opening


def test_an_opening_ends_by_itself_at_its_deadline() -> None:
    bench = Bench("gate_relay_lcus")
    bench.order(opening(700))
    began_ms = bench.now_ms
    bench.run(5_000)
    assert [(t_ms - began_ms, raw.hex(" ")) for t_ms, raw in bench.log] == [(0, ON1), (700, OFF1)]


def test_opened_again_before_the_end_prolongs_and_sends_nothing_new() -> None:
    bench = Bench("gate_relay_lcus")
    bench.order(opening(700))
    bench.run(600)
    bench.order(opening(700))
    bench.run(699)
    assert bench.take_sent() == [ON1]
    bench.run(1)
    assert bench.take_sent() == [OFF1]


def test_a_shorter_pulse_never_cuts_a_longer_one() -> None:
    bench = Bench("gate_relay_lcus")
    bench.order(opening(2_000))
    bench.order(opening(100))
    bench.run(1_999)
    assert bench.far.is_open()
    bench.run(1)
    assert not bench.far.is_open()


def test_no_single_order_holds_the_gate_longer_than_the_limit() -> None:
    bench = Bench("gate_relay_pin")
    bench.order(opening(10**9))
    bench.run(PULSE_MAX_MS)
    assert not bench.far.is_open()


@pytest.mark.parametrize("pulse_ms", [0, -5])
def test_a_pulse_of_nothing_opens_nothing(pulse_ms: int) -> None:
    bench = Bench("gate_relay_pin")
    bench.order(opening(pulse_ms))
    assert bench.take_sent() == []


def test_an_order_that_comes_after_the_end_is_an_opening_of_its_own() -> None:
    bench = Bench("gate_relay_lcus")
    bench.order(opening(700))
    bench.now_ms += 900  # a slow turn of the loop: tick was not called yet
    bench.order(opening(700))
    assert bench.take_sent() == [ON1, OFF1, ON1]
    bench.run(700)
    assert bench.take_sent() == [OFF1]


# ---------------------------------------------------------------- free and close


def test_free_outlives_the_deadline_of_an_earlier_opening() -> None:
    bench = Bench("gate_relay_lcus")
    bench.order(opening(700))
    bench.order(FREE)
    bench.order(opening(700))
    bench.run(100_000)
    assert bench.far.is_open()
    bench.order(CLOSE)
    assert not bench.far.is_open()
    bench.run(10_000)
    *before, last = bench.take_sent()
    assert (set(before), last) == ({ON1}, OFF1)


@pytest.mark.parametrize("name", ["gate_relay_pin", "gate_relay_lcus"])
def test_a_gate_that_stands_free_is_opened_again_when_its_coil_fell(name: str) -> None:
    """The board was without power for a moment, or the frame never arrived: nobody would tell it again in a fire."""
    bench = Bench(name)
    bench.order(FREE)
    for _ in range(3):
        bench.far.lose_power(bench.now_ms)
        bench.run(2_000)
        assert bench.far.is_open()
    bench.order(CLOSE)
    bench.run(60_000)
    assert not bench.far.is_open()


def test_close_lets_go_at_once_and_nothing_follows() -> None:
    bench = Bench("gate_relay_lcus")
    bench.order(opening(700))
    bench.order(CLOSE)
    bench.run(5_000)
    assert bench.take_sent() == [ON1, OFF1]


# ---------------------------------------------------------------- start, stop, re-plug


@pytest.mark.parametrize(
    ("energised", "on_failure", "at_start", "at_stop"),
    [
        ("open", "closed", [OFF], [OFF]),
        ("open", "open", [], [ON]),
        ("closed", "open", [], [OFF]),
    ],
)
def test_start_and_stop(energised: str, on_failure: str, at_start: list[object], at_stop: list[object]) -> None:
    bench = Bench("gate_relay_pin", pin.Settings(energised=energised), on_failure)  # type: ignore[arg-type]
    bench.start()
    bench.run(60_000)
    assert bench.take_sent() == at_start
    bench.stop()
    bench.run(60_000)
    assert bench.take_sent() == at_stop


@pytest.mark.parametrize("name", ["gate_relay_pin", "gate_relay_lcus", "gate_relay_modbus"])
@pytest.mark.parametrize(("on_failure", "before"), [("open", opening(2_000)), ("closed", FREE)])
def test_once_the_process_has_ended_no_earlier_order_moves_the_gate(name: str, on_failure: str, before: Any) -> None:
    bench = Bench(name, on_failure=on_failure)
    bench.order(before)
    bench.stop()
    bench.run(60_000)
    assert bench.far.is_open(bench.now_ms) is (on_failure == "open")
    bench.far.lose_power(bench.now_ms)
    bench.replug()
    bench.run(1_000)
    assert bench.far.is_open(bench.now_ms) is (on_failure == "open")


def test_a_gate_that_is_held_shut_by_current_opens_by_switching_off() -> None:
    bench = Bench("gate_relay_pin", pin.Settings(energised="closed"), "open")
    bench.order(CLOSE)
    assert not bench.far.is_open()
    bench.order(opening(700))
    assert bench.far.is_open()
    bench.run(700)
    assert not bench.far.is_open()
    assert bench.take_sent() == [ON, OFF, ON]
    bench.far.lose_power(bench.now_ms)
    assert bench.far.is_open()


@pytest.mark.parametrize("name", ["gate_relay_pin", "gate_relay_lcus", "gate_relay_modbus"])
def test_a_promise_that_power_loss_breaks_is_refused(name: str) -> None:
    settings = Bench(name).settings.__class__(energised="closed")
    with pytest.raises(Mistake, match='on_failure = "open"') as told:
        Bench(name, settings, "closed")
    assert told.value.key == "energised"


def test_a_promise_that_only_software_keeps_is_told() -> None:
    assert "without power" in (wiring_doubt("open", "open") or "")
    assert wiring_doubt("open", "closed") is None
    assert wiring_doubt("closed", "open") is None


def test_a_replug_orders_what_holds_now() -> None:
    bench = Bench("gate_relay_lcus")
    bench.replug()
    assert bench.take_sent() == [OFF1]
    bench.order(opening(2_000))
    bench.run(1_000)
    bench.replug()  # half of the opening is left
    assert bench.take_sent() == [ON1, ON1]
    bench.run(1_000)
    assert bench.take_sent() == [OFF1]


def test_a_replug_never_brings_back_an_old_open() -> None:
    bench = Bench("gate_relay_lcus")
    bench.order(opening(700))
    bench.now_ms += 5_000  # nobody called tick while the cable was away
    bench.take_sent()
    bench.replug()
    assert bench.take_sent() == [OFF1]
    bench.run(60_000)
    assert bench.take_sent() == []


def test_a_replug_keeps_the_gate_free() -> None:
    bench = Bench("gate_relay_lcus")
    bench.order(FREE)
    bench.far.lose_power(bench.now_ms)
    bench.run(1_000)
    bench.replug()
    assert bench.far.is_open()


@pytest.mark.parametrize("name", ["gate_relay_pin", "gate_relay_lcus", "gate_relay_modbus"])
def test_a_fail_open_relay_is_left_alone_until_its_first_order(name: str) -> None:
    bench = Bench(name, on_failure="open")
    bench.start()
    bench.replug()
    assert bench.take_sent() == []
    bench.order(opening(700))
    bench.run(60_000)
    bench.far.show(RelayState(1, True), bench.now_ms)  # whatever switched it while the cable was away
    bench.replug()
    bench.run(1_000)
    assert not bench.far.is_open(bench.now_ms)


# ---------------------------------------------------------------- LCUS boards that answer


def asking(channel: int = 1) -> Bench:
    bench = Bench("gate_relay_lcus", lcus.Settings(channel=channel, asks_state=True))
    bench.start()
    bench.run(10)
    return bench


def test_a_board_that_answers_says_how_its_relay_stands() -> None:
    bench = asking()
    assert Ready("LCUS") in bench.readings
    bench.readings.clear()
    bench.order(opening(700))
    bench.run(10)
    assert bench.readings == [RelayState(1, True, assumed=True), RelayState(1, True)]


def test_a_board_is_asked_before_its_first_order() -> None:
    bench = Bench("gate_relay_lcus", lcus.Settings(asks_state=True), "open")
    bench.start()
    bench.run(10)
    assert bench.take_sent() == ["ff"] and Ready("LCUS") in bench.readings


def test_a_relay_that_sticks_is_ordered_again_once_a_question() -> None:
    bench = asking()
    bench.far._on = dict.fromkeys(range(1, 9), True)
    bench.far._set = lambda channel, on, t_ms: None
    bench.take_sent()
    bench.run(10_000)
    assert bench.take_sent() == ["ff", OFF1] * 5


def test_a_relay_that_disagrees_with_its_order_is_told_and_ordered_again() -> None:
    bench = asking()
    bench.far.show(RelayState(1, True), bench.now_ms)
    bench.run(2_000)
    assert Refused("relay 1 is on and was ordered off") in bench.readings
    assert not bench.far.energised(1)


def test_a_board_that_never_answered_is_silent_since_it_was_asked_first() -> None:
    """Elapsed time counts from the Pi's start, which may be a year ago."""
    bench = Bench("gate_relay_lcus", lcus.Settings(asks_state=True))
    bench.now_ms, bench.far._answers = 3.0e10, False
    bench.run(5_999)
    assert bench.readings == []
    bench.run(60_000)
    assert bench.readings == [Silent(6_000.0)]


def test_two_questions_without_an_answer_are_no_silence() -> None:
    bench = asking()
    bench.readings.clear()
    bench.far._answers = False
    bench.run(5_000)
    bench.far._answers = True
    bench.run(2_000)
    assert bench.readings == [RelayState(1, False)]


def test_a_board_that_falls_silent_is_told_once_and_welcomed_back() -> None:
    bench = asking()
    bench.far._answers = False
    bench.run(20_000)
    assert [reading for reading in bench.readings if isinstance(reading, Silent)] == [Silent(8_000.0)]
    bench.readings.clear()
    bench.far._answers = True
    bench.run(3_000)
    assert Ready("LCUS") in bench.readings


def test_answers_of_other_channels_and_echoes_are_no_news() -> None:
    bench = Bench("gate_relay_lcus")
    bench.feed(b"CH2: ON\r\n\xa0\x01\x01\xa2CH3: OFF\r\n")
    assert bench.readings == []
    bench.feed(b"CH1:ON?")
    assert bench.readings == [Garbled(1, "no answer of a relay board"), Ready("LCUS"), RelayState(1, True)]


CALLS_A_BYTE = 10
"""Of functions, ours and Python's. Each byte compared with each answer would be above sixty: 110 ms for 4 KiB."""


@pytest.mark.parametrize("noise", [b"\x00", b"C", b"CH", b"CH1", b"CH9: ON\r\n", b"\xa0", b"\xa0\x01\x01\x00", b"\r\n"])
def test_a_babbling_board_is_looked_at_once_a_byte(noise: bytes) -> None:
    """A visitor's scan waits for the loop that reads it."""
    hand, calls = lcus.Encoder(lcus.Settings()), 0
    babble = noise * (4_096 // len(noise))

    def count(_frame: object, what: str, _of: object) -> None:
        nonlocal calls
        calls += what in ("call", "c_call")

    sys.setprofile(count)
    try:
        hand.feed(babble, 0.0)
    finally:
        sys.setprofile(None)
    assert calls <= CALLS_A_BYTE * len(babble)


@given(st.lists(st.sampled_from([*lcus.ANSWERS, b"C", b"H1", b": ", b"ON", b"\r\n", b"\xa0", b"\x00"]), max_size=12))
def test_an_answer_is_found_wherever_it_stands(pieces: list[bytes]) -> None:
    """As many states are told of relay 1 as its answers stand in the bytes; no answer is the beginning of another."""
    whole = b"".join(pieces) + b"\r\n"
    told = [one.on for one in lcus.Encoder(lcus.Settings()).feed(whole, 0.0) if isinstance(one, RelayState)]
    assert told == [match[1] == b"ON" for match in re.finditer(rb"CH1: ?(ON|OFF)", whole)]
