"""Recordings of what a device said: JSON lines, one piece of raw material each, with the time it arrived.

    {"t_ms": 12.5, "hex": "542c..."}                                bytes
    {"t_ms": 12.5, "pin": "outside", "level": 1}                    an edge
    {"t_ms": 12.5, "zone": 0, "status": 0, "distance_mm": 812}      a time-of-flight zone
    {"t_ms": 12.5, "write": "ec05", "read": 9, "wait_ms": 1.0, "data": "01f433..."}     an answer on the I2C bus
    {"t_ms": 12.5, "word": 7, "data": "d23a"}                       the same, a word of a register
    {"t_ms": 12.5, "image": "path.png"}                             a camera frame; beside the recording, or as typed

Other members are left alone, so that a recording may carry notes. Times are milliseconds from any beginning and must
not run backwards.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Annotated, Any

import msgspec
from msgspec import Meta

from firmware import files
from firmware.errors import Failure, Mistake
from sensors.driver import Edge, Raw, ReadWord, Reply, Send, Transfer, Zone
from sensors.readings import AnyReading, Silent

EXPECTED = (
    "expected t_ms and one of hex, pin with level, zone with status and distance_mm, write or word with data, image"
)


AFTER_END_MS = 6_000.0
"""Behind the end of a recording: long enough for what was still being waited for (a turn-back, a half line)."""
TICKS_MAX = 100_000
"""Of one decoder between two pieces of a recording: more would be a fault of the driver, not a long silence."""

Told = tuple[float, AnyReading | Send]
"""What a decoder made of it, with its time in milliseconds."""


class _Line(msgspec.Struct, frozen=True):
    t_ms: Annotated[float, Meta(ge=-1e15, le=1e15)]
    hex: str | None = None
    pin: str | None = None
    level: Annotated[int, Meta(ge=0, le=1)] | None = None
    zone: int | None = None
    status: int | None = None
    distance_mm: int | None = None
    image: str | None = None
    write: str | None = None
    read: int = 0
    wait_ms: float = 0.0
    word: int | None = None
    data: str | None = None


_decode = msgspec.json.Decoder(_Line).decode


def read(path: str) -> Iterator[tuple[float, Raw]]:
    """Each piece with its time in ms. `-` reads standard input. Mistake with file and line for what is none."""
    with _opened(path) as file:
        last_ms = float("-inf")
        for number, text in enumerate(files.lines(file, path), start=1):
            if not text.strip():
                continue
            t_ms, raw = _piece(text, path, number)
            if t_ms < last_ms:
                raise Mistake(f"t_ms runs backwards, from {last_ms:g} to {t_ms:g}", file=path, line=number, key="t_ms")
            last_ms = t_ms
            yield t_ms, raw


def _opened(path: str) -> IO[bytes]:
    if path == "-":
        return sys.stdin.buffer
    try:
        return files.opened(path)
    except OSError as wrong:
        raise Mistake(f"cannot be read: {wrong.strerror}", file=path) from None


def _piece(text: bytes, path: str, number: int) -> tuple[float, Raw]:
    try:
        line = _decode(text)
        raw = _raw(line, Path(path).parent)
    except Mistake as wrong:
        raise Mistake(f"{wrong.file}: {wrong.what}", file=path, line=number, key="image") from None
    except (ValueError, RecursionError) as wrong:  # msgspec.ValidationError and DecodeError are ValueErrors
        raise Mistake(f"{wrong}; {EXPECTED}", file=path, line=number) from None
    if raw is None:
        raise Mistake(EXPECTED, file=path, line=number)
    return line.t_ms, raw


def _raw(line: _Line, folder: Path) -> Raw | None:
    """What the line holds; None when it holds nothing or two things."""
    if sum(each is not None for each in (line.hex, line.pin, line.zone, line.image, line.write, line.word)) != 1:
        return None
    if line.word is not None or line.write is not None:
        return _reply(line)
    if line.hex is not None:
        return bytes.fromhex(line.hex)
    if line.pin is not None:
        return Edge(line.pin, line.level) if line.level is not None else None
    if line.zone is not None:
        known = line.status is not None and line.distance_mm is not None
        return Zone(line.zone, line.status or 0, line.distance_mm or 0) if known else None
    return _picture(str(line.image), folder)


def _reply(line: _Line) -> Reply | None:
    if line.data is None:
        return None
    written = bytes.fromhex(line.write or "")
    question = Transfer(written, line.read, line.wait_ms) if line.word is None else ReadWord(line.word)
    return Reply(question, bytes.fromhex(line.data))


def _picture(name: str, folder: Path) -> Raw:
    from firmware.simulation.pictures import load_luma  # Pillow is needed only where there are pictures

    beside = folder / name
    return load_luma(beside if beside.exists() else Path(name))


class Recorder:
    """Writes a recording, line by line, so that a pulled plug costs the last line at most.

    A new file is its owner's alone: what a scanner reads may be somebody's name.
    """

    def __init__(self, path: str) -> None:
        """Failure when the file cannot be written."""
        try:
            self._file = open(path, "wb", buffering=0, opener=files.writable(0o600))  # noqa: SIM115 - as long as the recorder
        except OSError as wrong:
            raise Failure(f"{path} cannot be written: {wrong.strerror}") from None
        self._path = path

    def write(self, t_ms: float, raw: Raw) -> None:
        """Note one piece; pictures are not recorded. Failure when the disk does not take it."""
        match raw:
            case bytes():
                line: dict[str, object] = {"t_ms": t_ms, "hex": raw.hex()}
            case Edge():
                line = {"t_ms": t_ms, "pin": raw.pin, "level": raw.level}
            case Reply(to=ReadWord(register=register), data=data):
                line = {"t_ms": t_ms, "word": register, "data": data.hex()}
            case Reply(to=Transfer(write=write, read=read, wait_ms=wait_ms), data=data):
                line = {"t_ms": t_ms, "write": write.hex(), "read": read, "wait_ms": wait_ms, "data": data.hex()}
            case Zone():
                line = {"t_ms": t_ms, **msgspec.structs.asdict(raw)}
            case _:
                return
        try:
            self._file.write(msgspec.json.encode(line) + b"\n")
        except OSError as wrong:
            raise Failure(f"{self._path} cannot be written: {wrong.strerror}") from None

    def close(self) -> None:
        self._file.close()


# ---------------------------------------------------------------- played back


def understood(decoder: Any, pieces: Iterable[tuple[float, Raw]]) -> Iterator[Told]:
    """Play a recording as fast as it can be understood; the decoder is ticked at every moment it asked for.

    Behind the last piece the decoder gets time for what it still waits for; that the device is silent then, or asked
    again for an answer, says nothing about the device and is left out.
    """
    t_ms: float | None = None
    for t_ms, raw in pieces:
        yield from _ticks(decoder, t_ms)
        yield from ((t_ms, said) for said in decoder.feed(raw, t_ms))
    if t_ms is not None:
        for told_ms, said in _ticks(decoder, t_ms + AFTER_END_MS):
            if not isinstance(said, Silent | Send):
                yield told_ms, said


def _ticks(decoder: Any, until_ms: float) -> Iterator[Told]:
    """Every tick that was due by then, at its own time; one that was due "at once" comes at the first piece's."""
    last_ms = float("-inf")
    for _ in range(TICKS_MAX):
        due_ms = decoder.wake_at_ms
        if due_ms is None or due_ms > until_ms:
            return
        at_ms = until_ms if due_ms <= 0.0 else max(due_ms, last_ms)
        yield from ((at_ms, said) for said in decoder.tick(at_ms))
        if decoder.wake_at_ms == due_ms:
            return
        last_ms = at_ms
