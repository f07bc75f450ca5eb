"""Cutting frames and lines: what is kept, what is dropped, and that nothing is lost without being counted."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.framing import Cutter, crc8, crc16_ccitt, crc16_modbus, fixed, sum8, until, xor8
from sensors.lines import NOT_READ, LineCutter, line_of, scan_of
from sensors.readings import Garbled, Scan

CHECK = b"123456789"


def cutter() -> Cutter:
    return Cutter(fixed(b"\xaa\x55", 5, lambda frame: sum8(frame[:-1]) == frame[-1]), 5)


def frame(value: int) -> bytes:
    body = b"\xaa\x55" + bytes([value & 0xFF, value >> 8 & 0xFF])
    return body + bytes([sum8(body)])


def test_checksums_have_their_published_check_values() -> None:
    assert crc16_ccitt(CHECK) == 0x31C3  # CRC-16/XMODEM
    assert crc16_ccitt(CHECK, init=0x1D0F) == 0xE5CC  # CRC-16/SPI-FUJITSU
    assert crc16_modbus(CHECK) == 0x4B37
    assert crc8(CHECK) == 0xF4  # CRC-8/SMBUS
    assert crc8(CHECK, poly=0x31, init=0xFF) == 0xF7  # CRC-8/NRSC-5
    assert sum8(CHECK) == 0xDD
    assert xor8(CHECK) == 0x31


@given(
    values=st.lists(st.integers(0, 0xFFFF), max_size=5), junk=st.lists(st.binary(max_size=6), min_size=6, max_size=6)
)
@settings(max_examples=150, deadline=None)
def test_every_byte_is_in_a_frame_or_counted_or_pending(values: list[int], junk: list[bytes]) -> None:
    stream = b"".join(dirt + frame(value) for dirt, value in zip(junk, values, strict=False)) + junk[-1]
    one = cutter()
    found, dropped = one.feed(stream)
    assert 5 * len(found) + dropped + len(one.pending) == len(stream)
    assert len(one.pending) < 5
    assert all(sum8(each[:-1]) == each[-1] for each in found)


def test_a_frame_inside_a_broken_one_is_found() -> None:
    assert cutter().feed(frame(7)[:3] + frame(9)) == ([frame(9)], 3)


def test_half_a_header_at_the_end_is_kept() -> None:
    assert until(bytearray(b"xx\xaa"), 0, b"\xaa\x55") == 2
    assert until(bytearray(b"xxx"), 0, b"\xaa\x55") == 3
    assert until(bytearray(b"\xaa\x55"), 0, b"\xaa\x55") == 0


def test_a_frame_that_never_ends_is_dropped_at_the_bound() -> None:
    greedy = Cutter(lambda buffer, start: 0, 8)
    assert greedy.feed(b"x" * 100) == ([], 93)
    assert greedy.clear() == 7
    assert greedy.clear() == 0


# ---------------------------------------------------------------- lines


def lines(terminator: str = "any", max_chars: int = 16) -> LineCutter:
    return LineCutter(terminator, max_chars, idle_ms=5_000)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("terminator", "stream", "wanted"),
    [
        ("any", b"A\rB\nC\r\n\r\nD\r", [b"A", b"B", b"C", b"D"]),
        ("cr", b"A\nB\rC\r", [b"A\nB", b"C"]),
        ("lf", b"A\rB\nC\n", [b"A\rB", b"C"]),
        ("crlf", b"A\rB\nC\r\nD\r\n", [b"A\rB\nC", b"D"]),
    ],
)
def test_line_ends(terminator: str, stream: bytes, wanted: list[bytes]) -> None:
    assert lines(terminator).feed(stream, 0.0) == wanted
    slow = lines(terminator)
    assert [line for byte in stream for line in slow.feed(bytes([byte]), 0.0)] == wanted


def test_a_line_split_by_more_than_a_second_is_one_line() -> None:
    one = lines()
    assert one.feed(b"HP1:", 0.0) == []
    assert one.tick(1_300.0) == []
    assert one.feed(b"ABC\r", 1_300.0) == [b"HP1:ABC"]


def test_an_old_beginning_is_not_glued_to_the_next_code() -> None:
    one = lines()
    one.feed(b"HALF", 0.0)
    assert one.feed(b"HP1:B\r", 5_000.0) == [Garbled(4, "a line never ended"), b"HP1:B"]
    one.feed(b"HALF", 6_000.0)
    assert one.wake_at_ms == 11_000.0
    assert one.tick(11_000.0) == [Garbled(4, "a line never ended")]
    assert one.wake_at_ms is None


@pytest.mark.parametrize("terminator", ["any", "crlf"])
@pytest.mark.parametrize("step", [1, 7, 100])
def test_the_tail_of_an_overlong_line_is_no_code(terminator: str, step: int) -> None:
    end = {"any": b"\r", "crlf": b"\r\n"}[terminator]
    stream = b"X" * 50 + b"HP1:TAIL" + end + b"HP1:GOOD" + end
    one = lines(terminator)
    got = [part for start in range(0, len(stream), step) for part in one.feed(stream[start : start + step], 0.0)]
    assert got == [Garbled(58, "a line longer than 16 bytes"), NOT_READ, b"HP1:GOOD"]


@pytest.mark.parametrize("terminator", ["any", "crlf"])
def test_the_longest_line_that_is_allowed_is_kept(terminator: str) -> None:
    end = {"any": b"\r", "crlf": b"\r\n"}[terminator]
    one = lines(terminator)
    assert [part for byte in b"Y" * 16 + end for part in one.feed(bytes([byte]), 0.0)] == [b"Y" * 16]


@pytest.mark.parametrize(
    ("symbology", "line"), [("qr", b"]Q1A"), ("code128", b"]C0A"), ("aztec", b"]z0A"), ("", b"]Q1A")]
)
def test_a_line_says_what_was_read_as_scanners_do(symbology: str, line: bytes) -> None:
    """devices.md 1: `]Q1` precedes QR data, `]C0` and others theirs."""
    assert line_of(Scan(b"A", symbology=symbology), True) == line
    assert scan_of(line, True) == Scan(b"A", symbology=symbology or "qr")
    assert line_of(Scan(b"A", symbology=symbology), False) == b"A"


@given(
    data=st.binary(max_size=120),
    cuts=st.lists(st.integers(0, 120), max_size=5),
    terminator=st.sampled_from(["any", "cr", "lf", "crlf"]),
)
@settings(max_examples=150, deadline=None)
def test_slicing_changes_nothing_and_nothing_gets_lost(data: bytes, cuts: list[int], terminator: str) -> None:
    whole = lines(terminator).feed(data, 0.0)
    places = [0, *sorted(cuts), len(data)]
    sliced_cutter = lines(terminator)
    sliced = [
        part
        for start, end in zip(places, places[1:], strict=False)
        for part in sliced_cutter.feed(data[start:end], 0.0)
    ]
    assert sliced == whole
    assert len(sliced_cutter._pending) <= 17
