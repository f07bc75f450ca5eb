"""Every driver is held to every promise. A new file in sensors/ or firmware/outputs/ joins by existing.

How the rows of `DRIVER.examples` are read here:
- A row without `order` is what the device says: its `raw` pieces arrive 100 ms apart and mean `readings`, in order.
- A row with `order` is what a hand says: on that order it sends exactly `raw` first (later it may let go); when the
  simulated device hears it, `readings` come back.
- The device's own health (Garbled, Ready, Refused, Silent) is left out of comparisons unless the row names it.
- On the I2C bus each piece is a `Reply`, and the driver must have asked that very question before it arrives.
- A `Later` among the pieces waits its `after_ms` before it arrives, for devices where time carries meaning.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.driver import (
    HAND_KINDS,
    SENSOR_KINDS,
    Edge,
    Example,
    Frame,
    Later,
    ReadWord,
    Reply,
    Request,
    Transfer,
    Zone,
    find,
)
from sensors.readings import AnyReading, Crossing, Garbled, Ready, Scan, Silent
from tests.sensors.cable import HEALTH, Cable

HOUSE = Path(__file__).parents[2]
STEP_MS = 100.0
SETTLE_MS = 20_000.0
JUNK = b"\x00\x13\x00"
MEMORY_BYTES = 400_000
"""What a decoder may hold after megabytes of anything; a serial decoder holds far less, a camera one picture."""


def driver_names() -> list[str]:
    rooms = [(HOUSE / "sensors", SENSOR_KINDS), (HOUSE / "firmware/outputs", HAND_KINDS)]
    files = [path.stem for room, kinds in rooms for path in room.glob("*.py") if path.stem.split("_")[0] in kinds]
    return sorted(name for name in files if "_" in name)


DRIVERS = {name: find(name) for name in driver_names()}
ROWS = [(name, example) for name, driver in DRIVERS.items() for example in driver.examples]
HEARD = [row for row in ROWS if row[1].order is None]
ORDERED = [row for row in ROWS if row[1].order is not None]
SERIAL = [row for row in HEARD if all(isinstance(piece, bytes) for piece in row[1].raw)]
I2C = [row for row in HEARD if DRIVERS[row[0]].port == "i2c"]


def rows(table: list[tuple[str, Example]]) -> Any:
    return pytest.mark.parametrize(
        ("name", "example"), table, ids=[f"{name}: {example.name}" for name, example in table]
    )


every_driver = pytest.mark.parametrize("name", DRIVERS)
every_serial_driver = pytest.mark.parametrize("name", [name for name in DRIVERS if DRIVERS[name].port == "serial"])
every_text_driver = pytest.mark.parametrize("name", [name for name in DRIVERS if DRIVERS[name].text])
every_i2c_driver = pytest.mark.parametrize("name", [name for name in DRIVERS if DRIVERS[name].port == "i2c"])
every_polled_sensor = pytest.mark.parametrize(
    "name", [name for name in DRIVERS if DRIVERS[name].polled and name.split("_")[0] in SENSOR_KINDS]
)


def cable(name: str, example: Example | None = None) -> Cable:
    return Cable(DRIVERS[name], example.settings if example else None)


def pieces(example: Example) -> Iterator[tuple[float, Any]]:
    """(wait before it arrives, raw) of every piece."""
    for piece in example.raw:
        yield (piece.after_ms, piece.raw) if isinstance(piece, Later) else (STEP_MS, piece)


def stream(example: Example) -> bytes:
    return b"".join(raw for _, raw in pieces(example))


def alike(got: list[AnyReading], wanted: tuple[AnyReading, ...]) -> bool:
    """Equal; the time a simulated body takes through the door is the simulator's choice, not the row's."""
    plain = [replace_transit(reading) for reading in got]
    return plain == [replace_transit(reading) for reading in wanted]


def replace_transit(reading: AnyReading) -> AnyReading:
    return msgspec.structs.replace(reading, transit_ms=0.0) if isinstance(reading, Crossing) else reading


def relevant(got: list[AnyReading], wanted: tuple[AnyReading, ...]) -> list[AnyReading]:
    named = {type(reading) for reading in wanted}
    return [reading for reading in got if not isinstance(reading, HEALTH) or type(reading) in named]


def heard(name: str, example: Example, chunks: list[tuple[float, Any]], settle_ms: float = SETTLE_MS) -> Cable:
    line = cable(name, example)
    line.far.hear = lambda raw, t_ms: []  # the row alone speaks, the simulated device keeps still
    for wait_ms, raw in chunks:
        line.run(wait_ms)
        line.feed(raw)
    line.run(STEP_MS if settle_ms == 0 else settle_ms)
    return line


# ---------------------------------------------------------------- the file


def test_there_are_drivers() -> None:
    assert {"scanner_text_line"} <= set(DRIVERS)


@every_driver
def test_the_file_is_what_its_name_says(name: str) -> None:
    driver, module = DRIVERS[name], sys.modules[find(name).decoder.__module__]
    page = (module.__doc__ or "").lower()
    assert driver.name == name
    assert driver.examples and all(example.source for example in driver.examples)
    assert all(word in page for word in ("wiring", "source", "tested on")), "the page at the top lacks a part"


@every_driver
def test_settings_are_typed_and_bounded(name: str) -> None:
    wanted = DRIVERS[name].settings
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"no_such_key": 1}, wanted)
    good = {field: getattr(wanted(), field) for field in wanted.__struct_fields__}
    for field, value in good.items():
        if type(value) in (int, float):
            for absurd in (10**15, -(10**15)):
                with pytest.raises(msgspec.ValidationError):
                    msgspec.convert({field: absurd}, wanted, strict=False)


# ---------------------------------------------------------------- what a device says


@rows(HEARD)
def test_whole(name: str, example: Example) -> None:
    line = heard(name, example, list(pieces(example)), settle_ms=0)
    assert alike(relevant(line.readings, example.readings), example.readings)


@rows(SERIAL)
def test_byte_by_byte(name: str, example: Example) -> None:
    line = heard(name, example, [(1.0, bytes([byte])) for byte in stream(example)], settle_ms=0)
    assert alike(relevant(line.readings, example.readings), example.readings)


@rows(SERIAL)
def test_glued(name: str, example: Example) -> None:
    line = heard(name, example, [(STEP_MS, stream(example) * 3)], settle_ms=0)
    assert alike(relevant(line.readings, example.readings), example.readings * 3)


@rows([row for row in SERIAL if not DRIVERS[row[0]].text])
@pytest.mark.parametrize("cut", ["junk", "half a frame", "half a frame, long before"])
def test_junk_before_is_counted_and_the_frame_still_found(name: str, example: Example, cut: str) -> None:
    frame = stream(example)
    junk = JUNK if cut == "junk" else frame[: len(frame) // 2]
    wait_ms = SETTLE_MS if cut.endswith("long before") else 0.0
    line = heard(name, example, [(STEP_MS, junk), (wait_ms, frame)])
    assert alike(line.content(), tuple(reading for reading in example.readings if not isinstance(reading, HEALTH)))
    assert line.garbled_bytes() >= len(junk)


@rows([row for row in SERIAL if DRIVERS[row[0]].text])
def test_junk_before_ends_with_its_line(name: str, example: Example) -> None:
    line = heard(name, example, [(STEP_MS, JUNK + stream(example)[-1:] + stream(example))])
    assert line.content()[-len(example.readings) :] == list(example.readings)


def said_by_a_sound_frame(line: Cable, example: Example) -> list[AnyReading]:
    """The content; and of the device's health what the row names, for a frame may say nothing else."""
    named = {type(reading) for reading in example.readings} - {Garbled}
    return [reading for reading in line.readings if not isinstance(reading, HEALTH) or type(reading) in named]


@rows([row for row in SERIAL if DRIVERS[row[0]].checksum])
def test_a_spoilt_byte_never_becomes_a_reading(name: str, example: Example) -> None:
    frame = stream(example)
    for place in range(len(frame)):
        for spoil in (0x01, 0x80, 0xFF):
            spoilt = frame[:place] + bytes([frame[place] ^ spoil]) + frame[place + 1 :]
            left = said_by_a_sound_frame(heard(name, example, [(STEP_MS, spoilt)]), example)
            assert all(reading in example.readings for reading in left), f"byte {place} ^ {spoil:#x}: {left}"
            assert len(left) < max(1, len(example.readings)) or len(example.readings) == 0


# ---------------------------------------------------------------- what a device on the I2C bus answers


def replies(example: Example) -> list[tuple[float, Reply]]:
    return [(wait_ms, raw) for wait_ms, raw in pieces(example) if isinstance(raw, Reply)]


def with_last(example: Example, last: Reply) -> list[tuple[float, Any]]:
    """The row's conversation with another end."""
    return [*replies(example)[:-1], (replies(example)[-1][0], last)]


@rows(I2C)
def test_every_reply_of_the_row_answers_a_question_the_driver_asked(name: str, example: Example) -> None:
    line = heard(name, example, [], settle_ms=0)
    for wait_ms, reply in replies(example):
        line.run(wait_ms)
        assert line.sent[-1] == reply.to
        line.feed(reply)


@rows(I2C)
def test_an_answer_to_another_question_is_none(name: str, example: Example) -> None:
    last = replies(example)[-1][1]
    for other in (ReadWord(0x77), Transfer(b"\xde\xad", len(last.data))):
        line = heard(name, example, with_last(example, Reply(other, last.data)), settle_ms=0)
        assert not line.content()


@rows(I2C)
def test_an_answer_counts_once(name: str, example: Example) -> None:
    line = heard(name, example, list(pieces(example)), settle_ms=0)
    before = len(line.readings)
    line.feed(replies(example)[-1][1])
    assert len(line.readings) == before


@rows(I2C)
def test_an_answer_of_another_length_is_garbled(name: str, example: Example) -> None:
    last = replies(example)[-1][1]
    for data in (b"", last.data[:-1], last.data + b"\x00", last.data * 300):
        line = heard(name, example, with_last(example, Reply(last.to, data)))
        assert not line.content() and line.garbled_bytes() == len(data)


@rows([row for row in I2C if DRIVERS[row[0]].checksum])
def test_a_spoilt_answer_never_becomes_a_reading(name: str, example: Example) -> None:
    last = replies(example)[-1][1]
    for place in range(len(last.data)):
        for spoil in (0x01, 0x80, 0xFF):
            spoilt = last.data[:place] + bytes([last.data[place] ^ spoil]) + last.data[place + 1 :]
            line = heard(name, example, with_last(example, Reply(last.to, spoilt)))
            assert not line.content() and line.garbled_bytes() == len(spoilt), f"byte {place} ^ {spoil:#x}"


@every_i2c_driver
def test_only_a_reply_can_be_an_answer(name: str) -> None:
    line = cable(name)
    line.near.tick(line.now_ms)
    for raw in (b"\x00\x00", Edge("contact", 1)):
        assert line.near.feed(raw, line.now_ms) == []
    assert line.near.tick(line.now_ms + 1) == [], "it still waits for the answer"


@every_i2c_driver
def test_nobody_at_the_address_is_silence_and_not_a_storm(name: str) -> None:
    line = cable(name)
    line.far.hear = lambda raw, t_ms: []
    line.run(60_000)
    assert line.readings and all(isinstance(reading, Silent) for reading in line.readings)
    assert len(line.sent) <= 60 * 5 and all(isinstance(question, Transfer | ReadWord) for question in line.sent)


@every_i2c_driver
def test_a_device_that_comes_back_is_ready_again(name: str) -> None:
    line = cable(name)
    hear, line.far.hear = line.far.hear, lambda raw, t_ms: []
    line.run(60_000)
    line.far.hear = hear
    line.readings.clear()
    line.run(60_000)
    assert isinstance(line.readings[0], Ready) and line.content()
    assert not any(isinstance(reading, Silent) for reading in line.readings)


# ---------------------------------------------------------------- a device that only speaks when asked


@every_polled_sensor
def test_a_sensor_that_answers_is_ready_once(name: str) -> None:
    line = cable(name)
    line.run(3_000)
    assert [reading for reading in line.readings if isinstance(reading, HEALTH)] == line.readings[:1]
    assert isinstance(line.readings[0], Ready)


@every_polled_sensor
def test_whoever_looks_in_early_asks_nothing_more(name: str) -> None:
    line = cable(name)
    line.run(3_000)
    due_ms = line.near.wake_at_ms
    assert due_ms is not None and due_ms > line.now_ms
    assert line.near.tick(line.now_ms) == [] and line.near.wake_at_ms == due_ms


@every_polled_sensor
@pytest.mark.parametrize("lost", [1, 2])
def test_one_answer_or_two_that_get_lost_are_no_silence(name: str, lost: int) -> None:
    if name == "range_ld2450":
        return  # its frames come unasked, and the simulated one has nobody to show
    line = cable(name)
    line.run(60_000)
    hear, left = line.far.hear, [*range(lost)]
    line.far.hear = lambda raw, t_ms: [] if left and (left.pop(), True) else hear(raw, t_ms)
    line.run(120_000)
    assert not any(isinstance(reading, Silent) for reading in line.readings)


@every_polled_sensor
@pytest.mark.parametrize("is_there", [True, False])
def test_who_is_asked_for_long_is_remembered_no_better_than_who_was_asked_for_a_minute(
    name: str, is_there: bool
) -> None:
    line = cable(name)
    if not is_there:
        line.far.hear = lambda raw, t_ms: []
    line.run(60_000)
    before = weight(line.near)
    line.run(600_000)
    assert weight(line.near) <= before + 1_000


# ---------------------------------------------------------------- device and driver agree


@rows([row for row in HEARD if row[1].readings])
def test_simulator_and_decoder_agree(name: str, example: Example) -> None:
    line = cable(name, example)
    line.run(3_000)  # set-up of polled devices
    for reading in example.readings:
        if isinstance(reading, HEALTH):
            continue
        line.readings.clear()
        line.show(reading)
        line.run(SETTLE_MS)
        same_kind = [got for got in line.readings if type(got) is type(reading)]
        assert any(alike([got], (reading,)) for got in same_kind), f"showed {reading}, read {line.readings}"


@every_driver
def test_simulator_survives_what_it_does_not_know(name: str) -> None:
    line = cable(name)
    for reading in [reading for _, example in ROWS for reading in example.readings]:
        line.far.show(reading, line.now_ms)
    for raw in (b"", b"\xff" * 300, Edge("no such pin", 1), ReadWord(0x99), Transfer(b"", 9), Transfer(b"\xff" * 300)):
        line.far.hear(raw, line.now_ms)


# ---------------------------------------------------------------- what a hand says


@rows(ORDERED)
def test_an_order_has_its_literal_bytes(name: str, example: Example) -> None:
    line = cable(name, example)
    line.run(3_000)
    line.sent.clear()
    line.order(example.order)
    line.run(SETTLE_MS)
    if all(isinstance(piece, bytes) for piece in example.raw):
        assert b"".join(line.sent).startswith(stream(example))
    else:
        assert tuple(line.sent[: len(example.raw)]) == example.raw
    assert all(any(alike([got], (wanted,)) for got in line.readings) for wanted in example.readings)


# ---------------------------------------------------------------- hostile input is normal input


def weight(thing: Any, seen: set[int] | None = None) -> int:
    """Bytes a thing holds, with everything it refers to (classes, modules and functions left out)."""
    seen = set() if seen is None else seen
    if id(thing) in seen or isinstance(thing, type) or callable(thing) and not hasattr(thing, "__dict__"):
        return 0
    seen.add(id(thing))
    if isinstance(thing, dict):
        inside: list[Any] = [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple | set | frozenset) or type(thing).__name__ == "deque":
        inside = list(thing)
    elif is_dataclass(thing):
        inside = [getattr(thing, field.name) for field in fields(thing)]
    else:
        inside = [*vars(thing).values()] if hasattr(thing, "__dict__") else []
        inside += [getattr(thing, slot, None) for slot in getattr(thing, "__struct_fields__", ())]
    return sys.getsizeof(thing) + sum(weight(part, seen) for part in inside if type(part).__name__ != "module")


@every_serial_driver
def test_memory_is_bounded_whatever_comes(name: str) -> None:
    lot = random.Random(1)
    heads = [stream(example)[:-1] for row, example in SERIAL if row == name]
    patterns = [lot.randbytes(250_000), b"\x00" * 250_000, b"A" * 250_000]
    patterns += [(head * (250_000 // len(head))) for head in heads[:2] if head]
    line = cable(name)
    line.run(1)
    before = weight(line.near)
    for pattern in patterns:
        for start in range(0, len(pattern), 4096):
            line.near.feed(pattern[start : start + 4096], line.now_ms)
    assert weight(line.near) - before < MEMORY_BYTES


def slices(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({min(cut, len(data)) for cut in cuts})
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


def wild_stream(name: str) -> st.SearchStrategy[bytes]:
    """Frames, halves of frames and anything, glued."""
    frames = [stream(example) for row, example in SERIAL if row == name] or [b"\x00"]
    part = st.one_of(
        st.sampled_from(frames), st.sampled_from(frames).map(lambda f: f[: len(f) // 2]), st.binary(max_size=12)
    )
    return st.lists(part, max_size=8).map(b"".join)


@every_serial_driver
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_any_bytes_in_any_slicing(name: str, data: st.DataObject) -> None:
    wild = data.draw(wild_stream(name))
    cuts = data.draw(st.lists(st.integers(0, len(wild)), max_size=6))
    results = []
    for parts in ([wild], slices(wild, cuts), [bytes([byte]) for byte in wild]):
        line = cable(name)
        for part in parts:
            line.feed(part)
        results.append(line.content())
    assert results[0] == results[1] == results[2]


@every_text_driver
def test_a_code_that_never_ends_is_given_up_by_itself(name: str) -> None:
    line = cable(name)
    line.far.hear = lambda raw, t_ms: []
    line.feed(b"HP1:half")
    line.run(4_999)
    assert not line.garbled_bytes()
    line.run(1)
    assert line.readings == [Garbled(8, "a line never ended")]


@every_text_driver
@pytest.mark.parametrize("half", [b"HP1:half of a co", b"x" * 5_000])
def test_what_was_on_the_line_when_it_was_unplugged_is_counted_and_begins_no_code(name: str, half: bytes) -> None:
    line = cable(name)
    line.replug()
    assert line.readings == []
    line.feed(half)
    line.replug()
    assert line.garbled_bytes() == len(half)
    line.feed(b"HP1:A\r\n")
    assert line.content() == [Scan(b"HP1:A")]


def strange_raw() -> st.SearchStrategy[Any]:
    small = st.integers(0, 40)
    frame = st.builds(Frame, width=small, height=small, luma=st.binary(max_size=400))
    pins = sorted({pin for driver in DRIVERS.values() for pin in (*driver.pins, *driver.outputs)}) or ["contact"]
    edge = st.builds(Edge, pin=st.sampled_from([*pins, "?"]), level=st.integers(-1, 2))
    zone = st.builds(Zone, zone=st.integers(-1, 9), status=st.integers(-1, 9), distance_mm=st.integers(-5, 9999))
    request = st.builds(Request, number=small, path=st.text(max_size=9), body=st.binary(max_size=60))
    asked = [reply.to for _, example in I2C for _, reply in replies(example)]
    question = st.sampled_from([*asked, ReadWord(-1), Transfer(b"", -1, -1.0)])
    reply = st.builds(Reply, to=question, data=st.binary(max_size=20))
    return st.one_of(edge, st.binary(max_size=20), frame, zone, request, reply)


@every_driver
@given(raws=st.lists(st.tuples(st.floats(0, 5_000), strange_raw()), max_size=30))
@settings(max_examples=60, deadline=None)
def test_any_raw_at_any_time_never_raises(name: str, raws: list[tuple[float, Any]]) -> None:
    line = cable(name)
    for wait_ms, raw in raws:
        line.run(wait_ms)
        line.feed(raw)
    line.run(SETTLE_MS)
    assert weight(line.near) < MEMORY_BYTES
