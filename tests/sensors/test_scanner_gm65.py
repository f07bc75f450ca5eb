"""One line for codes and replies: set-up, heartbeat, traps, and a visitor who re-programs the scanner."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.driver import Later
from sensors.grow import HEARTBEAT, READ, SAVE, WRITE, Step
from sensors.readings import AnyReading, Garbled, Ready, Refused, Scan, Silent
from sensors.scanner_gm65 import DRIVER, ZONE_AIM_ID, ZONE_OUTPUT, ZONE_SETUP_CODES, Faults, Settings, Simulator
from tests import needs
from tests.sensors.cable import Cable


def bench(faults: Faults | None = None, **wishes: object) -> Cable:
    wanted = Settings(**wishes)  # type: ignore[arg-type]
    return Cable(DRIVER, wanted, Simulator(wanted, faults))


def ready(faults: Faults | None = None, **wishes: object) -> Cable:
    line = bench(faults, **wishes)
    line.run(5_000)
    assert Ready("GM65 family") in line.readings
    line.readings.clear()
    return line


def kinds(readings: list[AnyReading]) -> list[type]:
    return [type(reading) for reading in readings]


# ---------------------------------------------------------------- the vendor's own bytes


@pytest.mark.parametrize(
    ("step", "literal"),
    [
        (Step(READ, 0x2A, b"\x02"), "7e000701002a02d80f"),
        (Step(WRITE, 0x2A, b"\x39\x01"), "7e000802002a3901a7ea"),
        (Step(WRITE, 0xD9, b"\x50"), "7e00080100d95081d3"),
        (Step(SAVE), "7e000901000000dec8"),
        (Step(HEARTBEAT), "7e000a01000000301a"),
        (Step(WRITE, 0x02, b"\x01"), "7e00080100020102da"),
    ],
)
def test_commands_are_the_printed_bytes(step: Step, literal: str) -> None:
    assert step.frame == bytes.fromhex(literal)


def test_the_simulated_scanner_answers_every_printed_command_with_the_printed_replies() -> None:
    vectors = {name: row.get("hex") for name, row in needs.vectors("grow_gm8xx").items()}
    scanner = Simulator(Settings())

    def answer(literal: str) -> str:
        return b"".join(later.raw for later in scanner.hear(bytes.fromhex(literal), 0)).hex()  # type: ignore[misc]

    assert answer(vectors["heartbeat"]) == vectors["rsp_heartbeat"]
    assert answer(vectors["read_baud"]) == vectors["rsp_baud_9600"]
    assert answer("7e000701006001abcd") == vectors["rsp_zone60_eq_01"]
    for name in ("set_baud_9600", "zone_defaults", "save_flash", "trigger_real_crc", "trigger_wildcard_crc"):
        assert answer(vectors[name]) == vectors["rsp_ok"], name
    assert answer(vectors["heartbeat"][:-1] + "b") == vectors["rsp_crc_fail"]
    assert answer("7e000c01000000abcd") == vectors["rsp_unknown_cmd"]


# ---------------------------------------------------------------- set-up


def test_set_up_disables_set_up_codes_verifies_and_saves_once() -> None:
    line = bench()
    line.run(5_000)
    assert line.far.zones[ZONE_SETUP_CODES] == 0x03
    assert line.far.zones[0] & 0x03 == 2
    assert line.far.flash[ZONE_SETUP_CODES] == 0x03
    assert kinds(line.readings) == [Ready]
    assert line.sent.count(Step(SAVE).frame) == 1
    line.sent.clear()
    line.run(60_000)
    assert not any(frame[2] in (WRITE, SAVE) for frame in line.sent), "a scanner that is right is only looked at"
    assert kinds(line.readings) == [Ready], "and said to be ready once"


def test_what_is_said_at_start_is_said_in_these_bytes() -> None:
    """Heartbeat, all zones, the AIM zone, mode and set-up codes written, both looked at again, saved."""
    line = bench()
    line.run(5_000)
    look = ["7e0007010000625d84", "7e00070100d0011466"]
    put = ["7e0008010000d6df22", "7e000801000303" + "11a9"]
    assert [frame.hex() for frame in line.sent] == ["7e000a01000000301a", *look, *put, *look, "7e000901000000dec8"]


@pytest.mark.parametrize(
    ("wishes", "zones"),
    [
        ({"mode": "manual"}, (0xD4, 0x25)),
        ({"mode": "command"}, (0xD5, 0x25)),
        ({"mode": "continuous"}, (0xD6, 0x25)),
        ({"mode": "sensing", "aim_id": True}, (0xD7, 0xA5)),
    ],
)
def test_of_mode_and_aim_zone_only_our_bits_are_changed(wishes: dict[str, Any], zones: tuple[int, int]) -> None:
    """devices.md 1: lighting, aim, sound and LED share the mode's byte."""
    line = bench(**wishes)
    line.far.zones[ZONE_AIM_ID] = 0x25
    line.run(5_000)
    assert (line.far.zones[0x0000], line.far.zones[0x00D0]) == zones
    assert line.readings == [Ready("GM65 family")]


def test_a_scanner_that_lost_its_power_obeys_no_set_up_code() -> None:
    line = ready()
    line.far.power_cycle()
    assert not line.far.show_setup_code(ZONE_OUTPUT, 0x81)


def test_one_that_may_not_save_is_set_right_again_after_a_power_loss() -> None:
    line = ready(save=False)
    line.far.power_cycle()
    assert line.far.show_setup_code(ZONE_OUTPUT, 0x81), "what was not saved is gone"
    line.run(11_000)
    assert (line.far.zones[ZONE_SETUP_CODES], line.far.zones[ZONE_OUTPUT]) == (0x03, 0x01)


def test_a_framed_scanner_is_set_to_raw_text() -> None:
    line = bench()
    line.far.zones[ZONE_OUTPUT] = 0x81
    line.run(5_000)
    assert line.far.zones[ZONE_OUTPUT] == 0x01


@pytest.mark.parametrize("faults", [Faults(split_ms=200), Faults(crc_error_every=3), Faults(split_ms=90, double=True)])
def test_set_up_survives_a_bad_cable(faults: Faults) -> None:
    line = bench(faults)
    line.run(40_000)
    assert Ready("GM65 family") in line.readings
    assert line.far.zones[ZONE_SETUP_CODES] == 0x03


def test_command_mode_triggers_until_a_code_comes() -> None:
    line = ready(mode="command")
    line.show(Scan(b"HP1:ABC"))
    line.run(4_000)
    assert line.content() == [Scan(b"HP1:ABC")]


@pytest.mark.parametrize(("trigger_ms", "times"), [(3_000, 20), (10_000, 6), (15_000, 4)])
def test_the_pause_between_two_triggers_may_be_longer_than_that_between_two_heartbeats(
    trigger_ms: int, times: int
) -> None:
    line = ready(mode="command", trigger_ms=trigger_ms)
    line.sent.clear()
    line.run(60_000)
    assert line.sent.count(bytes.fromhex("7e00080100020102da")) == times


def test_one_command_is_on_its_way_at_a_time() -> None:
    """A scanner as slow as is still waited for, asked as often as the settings allow."""
    line = bench(mode="command", heartbeat_ms=2_000, trigger_ms=1_000)
    hear, said = line.far.hear, list[float]()

    def slow(raw: bytes, t_ms: float) -> list[Later]:
        said.append(t_ms)
        return [Later(later.raw, 590.0) for later in hear(raw, t_ms)]

    line.far.hear = slow
    line.run(60_000)
    assert min(after - before for before, after in pairwise(said)) >= 590
    assert kinds(line.readings) == [Ready]


def garbling(line: Cable, spoilt: Callable[[bytes], bool], answer: Callable[[float], list[Later]]) -> None:
    """Of the commands that are `spoilt` the scanner understands nothing and answers this."""
    hear = line.far.hear
    line.far.hear = lambda raw, t_ms: answer(t_ms) if spoilt(raw) else hear(raw, t_ms)


@pytest.mark.parametrize(
    ("times", "told"),
    [
        (0, [Ready]),
        (1, [Garbled, Ready]),
        (2, [Garbled, Garbled, Ready]),
        (3, [Garbled, Garbled, Refused, Refused]),
    ],
)
def test_a_command_that_arrived_spoilt_is_sent_three_times(times: int, told: list[type]) -> None:
    line = bench()
    left = [*range(times)]
    garbling(
        line,
        lambda raw: raw == Step(WRITE, ZONE_SETUP_CODES, b"\x03").frame and bool(left and (left.pop(), True)),
        lambda t_ms: line.far._reply(b"\x02\x00", 0x01, b"\x00", t_ms),
    )
    line.run(5_000)
    assert kinds(line.readings) == told
    line.run(10_000)
    assert kinds(line.readings)[-1] is Ready, "at the next heartbeat it is tried again"


def test_a_zone_the_scanner_is_mute_about_is_asked_three_times_and_told() -> None:
    line, aim = bench(), bytes.fromhex("7e00070100d0011466")
    garbling(line, lambda raw: raw == aim, lambda t_ms: [])
    line.run(60_000)
    assert line.sent.count(aim) == 6, "with all zones, and by itself"
    assert line.readings == [Refused("command 07 for zone 00D0: no answer"), Ready("GM65 family")]
    assert line.far.zones[ZONE_SETUP_CODES] == 0x03


def test_a_scanner_that_does_not_keep_a_setting_is_told_once_and_tried_at_every_heartbeat() -> None:
    line = bench()
    hear = line.far.hear

    def forgetful(raw: bytes, t_ms: float) -> list[Later]:
        answer = hear(raw, t_ms)
        line.far.zones[ZONE_SETUP_CODES] = 0x01
        return answer

    line.far.hear = forgetful
    line.run(45_000)
    assert line.readings == [Refused("the scanner does not keep zone 0003 = 03")]
    line.far.hear = hear
    line.run(11_000)
    assert line.readings[1:] == [Ready("GM65 family")] and line.far.zones[ZONE_SETUP_CODES] == 0x03


# ---------------------------------------------------------------- heartbeat


def test_a_visitor_who_re_programs_the_scanner_is_noticed_and_undone() -> None:
    line = ready()
    assert not line.far.show_setup_code(ZONE_OUTPUT, 0x81), "the scanner no longer obeys set-up codes"
    line.far.zones[ZONE_SETUP_CODES], line.far.zones[0x0D] = 0x01, 0x03  # by other means
    line.run(11_000)
    (refused,) = [reading for reading in line.readings if isinstance(reading, Refused)]
    assert "0003 = 01" in refused.because and "000D = 03" in refused.because
    assert (line.far.zones[ZONE_SETUP_CODES], line.far.zones[0x0D]) == (0x03, 0x00)
    assert kinds(line.readings)[-1] is Ready


@pytest.mark.parametrize("zone", [0x02, 0x2A, 0x2B])
def test_the_trigger_and_the_speed_of_the_line_are_left_as_they_are(zone: int) -> None:
    line = ready()
    line.far.zones[zone] ^= 0xFF
    line.run(30_000)
    assert line.readings == []


def test_a_zone_that_does_not_keep_its_value_is_left_alone() -> None:
    line = ready()
    scanner_hear = line.far.hear

    def counting(raw: bytes, t_ms: float) -> list:  # type: ignore[type-arg]
        line.far.zones[0x50] = (line.far.zones[0x50] + 1) % 256
        return scanner_hear(raw, t_ms)  # type: ignore[no-any-return]

    line.far.hear = counting
    line.run(60_000)
    assert kinds(line.readings).count(Refused) == 1
    assert kinds(line.readings)[-1] is Ready


def test_three_missed_heartbeats_are_silence_and_the_way_back_is_ready() -> None:
    line = ready()
    line.far.hear, hear = (lambda raw, t_ms: []), line.far.hear
    line.run(25_000)
    assert Silent not in kinds(line.readings), "two misses are not yet silence"
    line.run(10_000)
    (silent,) = line.readings
    assert isinstance(silent, Silent) and 30_000 < silent.for_ms < 31_000
    line.far.hear = hear
    line.run(20_000)
    assert kinds(line.readings)[-1] is Ready
    assert set(kinds(line.readings[:-1])) == {Silent}


def test_the_silence_of_a_scanner_that_never_answered_lasts_since_it_was_asked_first() -> None:
    line = bench(Faults(mute=True))
    line.run(25_000)
    assert line.readings == [Silent(20_600.0)]


def test_codes_without_any_answer_mean_a_loose_wire() -> None:
    line = bench(Faults(mute=True))
    line.far.zones[0] = 2
    for _ in range(5):
        line.run(9_000)
        line.show(Scan(b"HP1:ABC"))
    line.run(1_000)
    assert line.content() == [Scan(b"HP1:ABC")] * 5
    assert [reading for reading in line.readings if isinstance(reading, Refused)]


def test_a_model_without_dump_is_looked_at_zone_by_zone() -> None:
    line = bench()
    hear = line.far.hear

    def no_dump(raw: bytes, t_ms: float) -> list:  # type: ignore[type-arg]
        return (
            line.far._reply(b"\x02\x00", 3, b"\x00", t_ms) if raw == Step(READ, 0, b"\x62").frame else hear(raw, t_ms)
        )  # type: ignore[no-any-return]

    line.far.hear = no_dump
    line.run(5_000)
    assert line.far.zones[ZONE_SETUP_CODES] == 0x03
    assert line.readings == [Ready("GM65 family")] and line.sent.count(Step(READ, 0, b"\x62").frame) == 1


# ---------------------------------------------------------------- codes and replies on one line


def owing() -> Cable:
    """A cable on which the heartbeat has just been sent and not been answered yet."""
    line = ready()
    line.far.hear = lambda raw, t_ms: []
    line.sent.clear()
    while not line.sent:
        line.run(50)
    return line


ACK = bytes.fromhex("03000001003331")


@pytest.mark.parametrize(
    "text", [b"HC1:ABC", b"\x02\x00\x00", b"\x02\x00\x00\x05abcdefg", b"\x03\x00Hi", b"\xff\xfe\x80"]
)
@pytest.mark.parametrize("order", ["before", "after"])
def test_a_code_right_beside_an_owed_reply_is_not_lost(text: bytes, order: str) -> None:
    line = owing()
    for byte in text + b"\r" + ACK if order == "before" else ACK + text + b"\r":
        line.feed(bytes([byte]))
    line.run(700)
    assert line.content() == [Scan(text)]
    assert not line.garbled_bytes()


def test_a_late_reply_is_no_visitors_code() -> None:
    line = owing()
    line.run(1_000)
    line.feed(ACK + b"HP1:ABC\r")
    assert line.content() == [Scan(b"HP1:ABC")]
    assert line.garbled_bytes() == len(ACK)


def test_a_reply_that_lost_a_byte_does_not_spoil_the_next_code() -> None:
    line = owing()
    line.feed(b"HP1:FIRST\r" + ACK[:-1])
    line.run(700)
    line.feed(b"HP1:ABC\r")
    assert line.content() == [Scan(b"HP1:FIRST"), Scan(b"HP1:ABC")]
    assert line.garbled_bytes() == len(ACK) - 1


def test_half_a_reply_that_comes_late_is_given_up_by_itself() -> None:
    line = owing()
    line.run(1_000)
    line.feed(ACK[:5])
    line.run(599)
    assert not line.garbled_bytes()
    line.run(1)
    assert line.garbled_bytes() == 5


def test_half_a_reply_on_the_line_when_the_scanner_was_unplugged_is_counted() -> None:
    line = owing()
    line.feed(ACK[:4])
    line.replug()
    assert line.garbled_bytes() == 4
    line.feed(b"HP1:ABC\r")
    assert line.content() == [Scan(b"HP1:ABC")]


@pytest.mark.parametrize("inside", [ACK[:-1] + b"\x00", ACK[:-1], ACK[:4], ACK[:2], ACK[:1]])
@pytest.mark.parametrize("wait_ms", [0, 700])
def test_in_the_middle_of_a_code_what_is_no_reply_belongs_to_it(inside: bytes, wait_ms: int) -> None:
    line = owing()
    line.feed(b"HP1:" + inside)
    line.run(wait_ms)
    line.feed(b"\r")
    line.run(700)
    assert line.content() == [Scan(b"HP1:" + inside)] and not line.garbled_bytes()


def test_half_a_code_is_given_up_long_before_the_next_heartbeat() -> None:
    line = ready(heartbeat_ms=600_000)
    line.feed(b"HP1:")
    line.run(5_000)
    assert line.readings == [Garbled(4, "a line never ended")]


def test_a_reply_with_a_spoilt_checksum_is_dropped_and_counted() -> None:
    line = owing()
    line.feed(ACK[:-1] + b"\x00" + b"HP1:ABC\r")
    assert line.content() == [Scan(b"HP1:ABC")]
    assert line.garbled_bytes() == len(ACK)


def test_noise_before_a_reply_does_not_hide_it() -> None:
    line = owing()
    missed_before = line.near._missed
    line.feed(b"\x00\xf8" + ACK)
    assert line.near._missed == missed_before == 0
    assert line.near._asked is not None and line.near._asked.kind == READ, "the plan went on"


def test_a_code_that_holds_a_whole_reply_is_a_code_when_none_is_owed() -> None:
    line = ready()
    line.run(4_000)
    text = b"A" + bytes.fromhex("02000001003331") + b"B"
    line.feed(text + b"\r")
    assert line.content() == [Scan(text)]


def test_a_long_health_proof_split_by_more_than_a_second_is_one_code() -> None:
    line = ready()
    line.far._faults.split_ms = 1_300
    text = b"HC1:" + b"6BFOXN*TS0BI$ZD4N9:9S6RCVN5+O30K3/XIV0W23NTDE" * 30
    line.show(Scan(text))
    line.run(9_000)
    assert line.content() == [Scan(text)]


@given(
    codes=st.lists(st.binary(min_size=1, max_size=20).map(lambda raw: raw.replace(b"\r", b".")), max_size=6),
    waits_ms=st.lists(st.integers(0, 11_000), min_size=6, max_size=6),
    split_ms=st.sampled_from([0.0, 40.0]),
)
@settings(max_examples=100, deadline=None)
def test_codes_at_any_moment_are_all_read_once_in_order(
    codes: list[bytes], waits_ms: list[int], split_ms: float
) -> None:
    line = ready(Faults(split_ms=split_ms))
    shown = [Scan(b"HP1:" + code) for code in codes]
    for scan, wait_ms in zip(shown, waits_ms, strict=False):
        line.run(wait_ms)
        line.show(scan)
        line.run(200)
    line.run(5_000)
    assert line.content() == shown
    assert not [reading for reading in line.readings if isinstance(reading, Garbled | Refused | Silent)]
