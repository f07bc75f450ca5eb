"""The Modbus relay board: one flash per opening, timed by the board."""

from __future__ import annotations

import pytest

from firmware.outputs.modbus_rtu import Pace, framed
from sensors.readings import Garbled, Ready, Refused, RelayState, Silent
from tests.outputs.bench import CLOSE, FREE, opening, vector
from tests.outputs.modbus_bench import FLASH_700, OFF, ON, bench


def test_frames_are_the_printed_ones() -> None:
    for order, name in [(opening(700), "relay0_flash_700ms"), (FREE, "relay0_on"), (CLOSE, "relay0_off")]:
        line = bench()
        line.order(order)
        assert line.take_sent() == [vector("modbus_relay", name)]
    asking = bench(asks_state=True)
    asking.run(1)
    assert asking.take_sent() == [vector("modbus_relay", "read_coils8")]


@pytest.mark.parametrize(
    ("pulse_ms", "units"), [(1, 1), (100, 1), (101, 2), (700, 7), (701, 8), (60_000, 600), (10**9, 600)]
)
def test_the_time_is_rounded_up_to_the_boards_unit(pulse_ms: int, units: int) -> None:
    line = bench()
    line.order(opening(pulse_ms))
    assert int.from_bytes(line.sent[0][4:6]) == units


def test_one_opening_is_one_order_and_the_board_lets_go_by_itself() -> None:
    line = bench()
    line.order(opening(700))
    line.run(699)
    assert line.far.is_open(line.now_ms)
    line.run(60_000)
    assert line.take_sent() == [FLASH_700]
    assert not line.far.is_open(line.now_ms)
    assert line.readings == [Ready("Modbus relay"), RelayState(1, True), RelayState(1, False, assumed=True)]


def test_the_gate_closes_even_when_the_controller_dies() -> None:
    line = bench()
    line.order(opening(700))
    assert line.far.is_open(line.now_ms) and not line.far.is_open(line.now_ms + 700)  # nobody ever ticks again


def test_prolonging_is_another_flash_with_the_new_rest() -> None:
    line = bench()
    line.order(opening(700))
    line.run(500)
    line.order(opening(700))
    line.order(opening(300))  # ends earlier: nothing to send
    line.run(60_000)
    assert line.take_sent() == [FLASH_700, FLASH_700]


def test_a_gate_held_shut_by_current_is_flashed_off() -> None:
    line = bench("open", energised="closed")
    line.order(CLOSE)
    line.run(100)
    line.order(opening(700))
    assert line.sent[-1][:6].hex(" ") == "01 05 04 00 00 07"
    assert line.far.is_open(line.now_ms) and not line.far.is_open(line.now_ms + 700)


# ---------------------------------------------------------------- free, close


def test_free_is_a_plain_coil_renewed_until_close() -> None:
    line = bench()
    line.order(FREE)
    line.run(3_500)
    assert line.take_sent() == [ON] * 4
    line.far.lose_power(line.now_ms)
    line.run(1_000)
    assert line.far.is_open(line.now_ms)
    line.take_sent()
    line.order(CLOSE)
    line.run(60_000)
    assert line.take_sent() == [OFF]
    assert not line.far.is_open(line.now_ms)


def test_a_hold_open_is_renewed_no_oftener_because_the_board_is_asked_as_well() -> None:
    line = bench(asks_state=True, ask_every_ms=200)
    line.order(FREE)
    line.run(3_500)
    assert line.take_sent().count(ON) == 4


def test_free_survives_the_end_of_an_earlier_flash() -> None:
    line = bench()
    line.order(opening(700))
    line.run(100)
    line.order(FREE)
    line.run(100)
    # the worst board: its flash timer goes on running under a plain "on"
    line.far._coils[0].flips_at_ms = line.now_ms + 520
    line.run(450)
    line.far._coils[0].flips_at_ms = line.now_ms + 70
    line.run(350)
    assert line.far.is_open(line.now_ms)


def test_a_close_that_nobody_answered_is_repeated_until_it_was_heard() -> None:
    line = bench()
    line.order(FREE)
    line.run(100)
    line.far.deaf = True
    line.order(CLOSE)
    line.run(5_000)
    assert line.far.is_open(line.now_ms)
    line.far.deaf = False
    line.run(1_500)
    assert not line.far.is_open(line.now_ms)
    line.take_sent()
    line.run(60_000)
    assert line.take_sent() == []


# ---------------------------------------------------------------- answers and their absence


def test_an_opening_without_an_answer_is_sent_once_more_and_then_reported() -> None:
    line = bench()
    line.far.deaf = True
    line.order(opening(700))
    line.run(60_000)
    assert line.take_sent() == [FLASH_700, "01 05 02 00 00 05 0c 71"]  # the rest of the same opening
    assert line.readings == [Silent(400.0), RelayState(1, False, assumed=True)]


@pytest.mark.parametrize(("channel", "again_ms"), [(1, 200), (2, 240), (8, 480)])
def test_the_lanes_of_one_board_do_not_ask_again_at_the_same_moment(channel: int, again_ms: float) -> None:
    line = bench(channel=channel)
    line.far.deaf = True
    line.order(opening(5_000))
    line.run(1_000)
    (first_ms, _), (again, _) = line.log
    assert again - first_ms == pytest.approx(8 * 1.146 + again_ms, abs=0.1)


def test_an_old_open_is_not_sent_again() -> None:
    line = bench(answer_ms=800)
    line.far.deaf = True
    line.order(opening(700))
    line.run(60_000)
    assert line.take_sent() == [FLASH_700]


def test_a_silent_board_that_answers_again_is_welcomed() -> None:
    line = bench(asks_state=True)
    line.run(100)
    line.far.deaf = True
    line.run(20_000)
    (silent,) = [reading for reading in line.readings if isinstance(reading, Silent)]
    assert silent.for_ms == pytest.approx(2_000 + 2 * (200 + 8 * 1.146) - 6, abs=0.1), "since it was heard last"
    line.readings.clear()
    line.far.deaf = False
    line.run(3_000)
    assert Ready("Modbus relay") in line.readings


def test_a_refusal_is_told_and_not_repeated() -> None:
    line = bench(channel=8)
    line.far.hear = lambda raw, t_ms: []
    line.order(opening(700))
    line.feed(bytes.fromhex("01 85 02 c3 51"))
    line.run(60_000)
    assert Refused("the relay board refuses function 5: no such address") in line.readings
    assert len(line.take_sent()) == 1


def test_a_newer_order_waits_for_the_line_and_replaces_an_older_one_that_waits() -> None:
    line = bench()
    line.order(opening(700))
    line.order(opening(5_000))
    line.order(CLOSE)
    line.run(1_000)
    assert line.take_sent() == [FLASH_700, OFF]


def test_frames_keep_their_silence() -> None:
    line = bench()
    line.order(opening(700))
    line.order(FREE)
    line.run(50)
    assert [raw.hex(" ") for _, raw in line.log] == [FLASH_700, ON]
    answered_ms = line.log[0][0] + 6.0
    assert line.log[1][0] - answered_ms >= 3.5 * 11_000 / 9_600
    assert Pace(115_200)._silence_ms == 1.75


def test_frames_keep_their_silence_after_whatever_else_went_by() -> None:
    """Our answer, late; and what another lane is told just when ours is given up."""
    line = bench()
    line.far.mute = True
    line.order(opening(700))
    line.order(FREE)
    line.run(50)
    line.feed(bytes.fromhex(FLASH_700))
    line.run(100)
    (_, (sent_ms, _)) = line.log
    assert sent_ms == pytest.approx(1_050 + 4.01, abs=0.01)
    given_up_ms = sent_ms + 8 * 1.146 + 200
    line.run(given_up_ms - 1 - line.now_ms)
    line.feed(framed(1, 0x05, 0x0201, 7))
    line.run(10)
    assert line.log[-1][1].hex(" ") == ON
    assert line.log[-1][0] == pytest.approx(given_up_ms - 1 + 4.01, abs=0.1)


@pytest.mark.parametrize(
    ("baud", "character_ms", "silence_ms"), [(9600, 1.146, 4.01), (19_200, 0.573, 2.005), (38_400, 0.286, 1.75)]
)
def test_the_silence_is_the_standards(baud: int, character_ms: float, silence_ms: float) -> None:
    pace = Pace(baud)
    assert pace.sends(bytes(8), 100) == pytest.approx(100 + 8 * character_ms, abs=0.01)
    assert pace.free_at_ms == pytest.approx(100 + 8 * character_ms + silence_ms, abs=0.01)


def test_spoilt_answers_are_counted_and_never_believed() -> None:
    line = bench()
    line.far.mute = True
    line.order(opening(700))
    line.feed(bytes.fromhex("01 05 02 00 00 07 8d b1"))
    assert [type(reading) for reading in line.readings] == [Garbled]


@pytest.mark.parametrize(
    ("on_failure", "energised", "on"), [("closed", "open", True), ("open", "closed", False)], ids=["motor", "magnet"]
)
def test_a_gate_that_is_open_without_an_order_is_told_and_shut(on_failure: str, energised: str, on: bool) -> None:
    line = bench(on_failure, energised=energised, asks_state=True)
    line.order(CLOSE)
    line.run(3_000)
    line.far.show(RelayState(1, on), line.now_ms)
    assert line.far.is_open(line.now_ms)
    line.run(3_000)
    assert Refused(f"relay 1 is {'on' if on else 'off'} without an order") in line.readings
    assert not line.far.is_open(line.now_ms)


def test_an_opening_that_is_ordered_is_not_taken_for_one_without_an_order() -> None:
    line = bench(asks_state=True, ask_every_ms=200)
    line.start()
    line.order(opening(5_050))
    line.run(5_040)
    assert line.far.is_open(line.now_ms)
    line.run(60_000)
    assert not line.far.is_open(line.now_ms)
    assert [type(reading) for reading in line.readings if not isinstance(reading, RelayState)] == [Ready]


def test_a_board_that_lets_go_as_late_as_its_unit_of_time_allows_is_not_blamed() -> None:
    """5010 ms are 5100 ms for the board, and it is asked in between."""
    line = bench(asks_state=True, ask_every_ms=200)
    line.start()
    line.run(150)
    line.order(opening(5_010))
    line.run(5_055)
    assert RelayState(1, False, assumed=True) in line.readings and line.far.is_open(line.now_ms)
    line.run(60_000)
    assert [type(reading) for reading in line.readings if not isinstance(reading, RelayState)] == [Ready]


def test_what_another_lane_or_another_board_is_told_is_no_news_of_this_gate() -> None:
    line = bench()
    other_lane, other_board = framed(1, 0x05, 0x0201, 7), framed(2, 0x05, 0x0200, 7)
    line.feed(other_board)
    assert line.readings == []
    line.feed(other_lane)
    assert line.readings == [Ready("Modbus relay")]


# ---------------------------------------------------------------- an order that overtakes another


def test_a_close_that_nobody_answered_does_not_shut_the_next_opening() -> None:
    line = bench()
    line.far.deaf = True
    line.order(CLOSE)
    line.run(500)
    line.far.deaf = False
    line.order(opening(5_000))
    line.run(4_900)
    assert line.far.is_open(line.now_ms)


@pytest.mark.parametrize("away_ms", [0, 3_000])
def test_a_long_opening_that_the_board_obeys_unheard_ends_with_the_shorter_one_that_came_after_it(
    away_ms: int,
) -> None:
    line = bench()
    line.far.mute = True
    line.order(opening(5_000))
    line.run(50)
    line.order(CLOSE)
    line.order(opening(100))  # both wait for the answer, and the later one for too long
    line.far.deaf = away_ms > 0
    line.run(away_ms)
    line.far.deaf = False
    line.run(500 if not away_ms else 1_500)
    assert not line.far.is_open(line.now_ms)


def test_an_opening_after_one_that_was_closed_early_is_one_order() -> None:
    line = bench()
    for order, wait_ms in ((opening(5_000), 50), (CLOSE, 50), (opening(100), 60_000)):
        line.order(order)
        line.run(wait_ms)
    assert line.take_sent() == ["01 05 02 00 00 32 4d a7", OFF, "01 05 02 00 00 01 0d b2"]
