"""One-Tech "FE .. AB" tripod boards: they open for one person at a time and confirm every passage.

Wiring: RS-232 or RS-485 to the tripod's control board; the fire loop goes to the board's own drop-arm input, never
    through this program.

    what happens                       the tripod
    ---------------------------------  ----------------------------------------------------------------------
    the Pi loses power, hangs,         the opening under way ends by the board's own time; then locked, both
    restarts, the cable is pulled      ways, unless the board's menu says "free" for the way out
    SIGTERM with on_failure = "open"   opens once each way; after that as above
    the board loses power              the arm drops where a drop-arm mechanism is fitted, else it turns freely
    fire                               the arm drops by the board's fire input, whatever the Pi does

    So `on_failure = "open"` is the board's work here: set its menu to a free way out, fit the drop arm, and wire the
    fire panel's contact to the board's emergency input. Try it with the Pi unplugged.
On the wire: 7 bytes, `FE 80 side 00 00 00 AB` opens for one person (side 01 = A, 02 = B). The board answers
    `FE 81 side ..` when the person has passed and `FE 44 side ..` when the time ran out or the arm was pushed the
    wrong way. AB is a fixed trailer, not a checksum, so a spoilt frame can only be told by its shape.
    A party of n is n openings of one side, each after the one before it was passed or timed out; the two sides do not
    wait for each other. A board that does not answer within `answer_ms` gets no further opening of that party. The way
    out is opened as often as it is ordered, answered or not.
    Our source has no command that closes or that holds open: `GateClose` drops the openings that still wait (the one
    under way ends by the board's own time), and `GateFree` opens both sides again after every answer and every
    `renew_ms` until `GateClose`. Truly free is a tripod only with its arm dropped, by the board's fire input.
Source: devices.md 5c (2B-ATT203 manual p. 14). Speed, and the three bytes after `side` in an answer: not printed.
Tested on: the simulator only.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from firmware.core.actions import GateClose, GateFree, GateOpen
from firmware.outputs.hand import Answers, Far, Hand, Position, soonest
from sensors.driver import Driver, Edge, Example, Later, Raw, Send, SerialSettings
from sensors.framing import Cutter, until
from sensors.readings import AnyReading, Direction, Garbled, GatePassed, GateTimedOut, Silent

OPEN, PASSED, TIMED_OUT = 0x80, 0x81, 0x44
HEAD, TRAILER, LENGTH = 0xFE, 0xAB, 7
PERSONS_MAX = 50
WAYS: dict[str, tuple[Direction, ...]] = {"in": ("in",), "out": ("out",), "both": ("in", "out")}


class Settings(SerialSettings, frozen=True, kw_only=True):
    side_in: Literal["A", "B"] = "A"
    """The board's side that leads into the hall."""
    answer_ms: Annotated[int, Meta(ge=1_000, le=120_000)] = 15_000
    """Longer than the board's own time for one passage; an opening that is not answered by then is given up."""
    renew_ms: Annotated[int, Meta(ge=200, le=10_000)] = 2_000
    """How often an opening is ordered again while the gate is free."""


class Side:
    """One direction of the gate: the opening under way and the persons of the party that still wait for theirs."""

    def __init__(self) -> None:
        self.answer_by_ms: float | None = None
        self.opened_ms = 0.0
        self.waiting = 0

    def begin(self, t_ms: float, answer_ms: float) -> None:
        self.answer_by_ms, self.opened_ms = t_ms + answer_ms, t_ms

    def end(self) -> None:
        self.answer_by_ms, self.waiting = None, 0


class Encoder(Hand):
    """With `on_failure = "open"` the end of the process opens both sides once: all this protocol can do."""

    def __init__(self, settings: Settings, on_failure: Position = "closed") -> None:
        self._settings = settings
        self._on_failure = on_failure
        self._codes = side_codes(settings)
        self._sides: dict[Direction, Side] = {"in": Side(), "out": Side()}
        self._frames = Cutter(_measure, LENGTH)
        self._free = False
        self._renew_at_ms: float | None = None

    def stop(self, t_ms: float) -> Answers:
        self._close()
        if self._on_failure == "closed":
            return []
        return [self._opening(way) for way in self._sides]

    def replugged(self, t_ms: float) -> Answers:
        """What the board had heard before the cable went is unknown: nothing of it is ordered again."""
        self._frames.clear()
        if self._free:
            return self._hold(t_ms)
        self._close()
        return []

    def order(self, order: Any, t_ms: float) -> Answers:
        match order:
            case GateOpen() if order.pulse_ms > 0 and order.persons > 0 and not self._free:
                out: Answers = []
                for way in WAYS[order.way]:
                    out += self._admit(way, min(order.persons, PERSONS_MAX), t_ms)
                return out
            case GateFree():
                return self._hold(t_ms)
            case GateClose():
                self._close()
        return []

    def feed(self, raw: Raw, t_ms: float) -> Answers:
        if not isinstance(raw, bytes):
            return []
        frames, dropped = self._frames.feed(raw)
        out: Answers = [Garbled(dropped, "no answer of a tripod board")] if dropped else []
        for frame in frames:
            way: Direction = "in" if frame[2] == self._codes["in"] else "out"
            out.append(GatePassed(way) if frame[1] == PASSED else GateTimedOut(way))
            out += self._next(way, t_ms)
        return out

    def tick(self, t_ms: float) -> Answers:
        out: Answers = []
        for side in self._sides.values():
            if side.answer_by_ms is not None and t_ms >= side.answer_by_ms:
                out.append(Silent(t_ms - side.opened_ms))
                side.end()  # never open blindly for the rest of the party
        if self._renew_at_ms is not None and t_ms >= self._renew_at_ms:
            out += self._hold(t_ms)
        self._plan()
        return out

    def _admit(self, way: Direction, persons: int, t_ms: float) -> Answers:
        """Open for the first person; ordered again while an opening is under way, only the end moves.

        Not for the way out: the answer may be lost, and who asks again stands before a locked arm. One too many may leave.
        """
        side = self._sides[way]
        side.waiting = max(side.waiting, persons - 1)
        return self._open(way, t_ms, silently=way == "in" and side.answer_by_ms is not None)

    def _next(self, way: Direction, t_ms: float) -> Answers:
        side = self._sides[way]
        under_way, side.answer_by_ms = side.answer_by_ms is not None, None
        if self._free:
            return self._open(way, t_ms)
        if under_way and side.waiting:
            side.waiting -= 1
            return self._open(way, t_ms)
        self._plan()
        return []

    def _open(self, way: Direction, t_ms: float, silently: bool = False) -> Answers:
        self._sides[way].begin(t_ms, self._settings.answer_ms)
        self._plan()
        return [] if silently else [self._opening(way)]

    def _hold(self, t_ms: float) -> Answers:
        self._close()
        self._free = True
        self._renew_at_ms = t_ms + self._settings.renew_ms
        self._plan()
        return [self._opening(way) for way in self._sides]

    def _close(self) -> None:
        self._free, self._renew_at_ms = False, None
        for side in self._sides.values():
            side.end()
        self._plan()

    def _opening(self, way: Direction) -> Send:
        return Send(bytes((HEAD, OPEN, self._codes[way], 0, 0, 0, TRAILER)))

    def _plan(self) -> None:
        self.wake_at_ms = soonest(self._renew_at_ms, *(side.answer_by_ms for side in self._sides.values()))


def side_codes(settings: Settings) -> dict[Direction, int]:
    return {"in": 1, "out": 2} if settings.side_in == "A" else {"in": 2, "out": 1}


def _measure(buffer: bytearray, start: int) -> int:
    return _shape(buffer, start, (PASSED, TIMED_OUT))


def _measure_order(buffer: bytearray, start: int) -> int:
    return _shape(buffer, start, (OPEN,))


def _shape(buffer: bytearray, start: int, kinds: tuple[int, ...]) -> int:
    """`FE kind side any any any AB`, the only shape there is; the board is not known to send anything else."""
    junk = until(buffer, start, bytes((HEAD,)))
    if junk:
        return -junk
    seen = buffer[start : start + LENGTH]
    places: tuple[tuple[int, ...], ...] = (kinds, (1, 2))
    if any(byte not in allowed for byte, allowed in zip(seen[1:3], places, strict=False)):
        return -1
    if len(seen) < LENGTH:
        return 0
    return LENGTH if seen[-1] == TRAILER else -1


class Simulator(Far):
    """A tripod: `show(GatePassed)` is a person pushing through, `show(GateTimedOut)` one who did not."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._ways: dict[int, Direction] = {code: way for way, code in side_codes(settings).items()}
        self._codes = side_codes(settings)
        self._open: set[Direction] = set()
        self._orders = Cutter(_measure_order, LENGTH)

    def is_open(self, t_ms: float | None = None, way: str = "both") -> bool:
        """Would the arm turn for one person (for "both": in at least one direction)?"""
        return any(one in self._open for one in WAYS[way])

    def show(self, reading: AnyReading, t_ms: float) -> list[Later]:
        if not isinstance(reading, GatePassed | GateTimedOut):
            return []
        self._open.discard(reading.direction)
        kind = PASSED if isinstance(reading, GatePassed) else TIMED_OUT
        self.history.append((t_ms, reading))
        return [Later(bytes((HEAD, kind, self._codes[reading.direction], 0, 0, 0, TRAILER)))]

    def hear(self, raw: bytes | Edge, t_ms: float) -> list[Later]:
        for frame in self._orders.feed(raw)[0] if isinstance(raw, bytes) else []:
            way = self._ways[frame[2]]
            self._open.add(way)
            self.history.append((t_ms, way))
        return []


DRIVER = Driver(
    name="gate_board_fe",
    port="serial",
    settings=Settings,
    decoder=Encoder,
    simulator=Simulator,
    examples=(
        Example(
            "open side A",
            (b"\xfe\x80\x01\x00\x00\x00\xab",),
            (),
            "devices.md 5c: FE 80 dir 00 00 00 AB, 01 = A",
            order=GateOpen(lane="A", way="in", pulse_ms=700),
        ),
        Example(
            "open side B",
            (b"\xfe\x80\x02\x00\x00\x00\xab",),
            (),
            "devices.md 5c: 02 = B",
            order=GateOpen(lane="A", way="out", pulse_ms=700),
        ),
        Example(
            "open the way in where that is side B",
            (b"\xfe\x80\x02\x00\x00\x00\xab",),
            (),
            "devices.md 5c: 02 = B",
            order=GateOpen(lane="A", way="in", pulse_ms=700),
            settings=Settings(side_in="B"),
        ),
        Example(
            "a person has passed in",
            (b"\xfe\x81\x01\x00\x00\x00\xab",),
            (GatePassed("in"),),
            "devices.md 5c: FE 81 dir ..",
        ),
        Example(
            "nobody came out",
            (b"\xfe\x44\x02\x00\x00\x00\xab",),
            (GateTimedOut("out"),),
            "devices.md 5c: FE 44 dir ..",
        ),
    ),
    gives=(GatePassed, GateTimedOut),
)
