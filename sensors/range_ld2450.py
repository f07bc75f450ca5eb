"""HLK-LD2450 and RD-03D: 24 GHz radar that follows up to three people and says where they are, ten times a second.

Wiring: UART, 256000 8N1, 5 V supply, 3.3 V levels: TX to the Pi's RX, RX to the Pi's TX. 256000 is no standard speed of
    a tty; pyserial sets it through BOTHER. Mount it at 1.5-2 m, looking along the queue; metal and fans make ghosts.
On the wire: `AA FF 03 00 | 3 x (x y speed resolution) | 55 CC`, 30 bytes, little-endian words. Numbers are sign and
    magnitude with the sign upside down: bit 15 set is positive (many public parsers read int16 and are wrong). A slot
    of eight zero bytes is empty. THERE IS NO CHECKSUM: header, tail and plausible values are all that protects a frame.
    Commands `FD FC FB FA | length | command | .. | 04 03 02 01`; the answer repeats the command with 01 in its second
    byte and a status word, 0 for done. While it is being set up the radar sends no frames.
Frames of reference: y straight ahead, x to the right. With `pose = { x_m, y_m, yaw_deg }` positions are in the door's
    frame: yaw is the bearing the radar looks to (counter-clockwise from the door's x axis), world bearing = yaw - angle
    to the right. `yaw_deg = 90` turns nothing.
Crossings: only with `door = { from, to, inside }`. Three tracks at most and no depth: good for one person at a time.
Source: devices.md 9 (frame, verified example, commands); the answers' layout from the maker's serial manual [U].
Tested on: the simulator only.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta

from sensors.door_tracks import Door, DoorTracks
from sensors.driver import Driver, Edge, Example, Later, Raw, Send, SerialSettings
from sensors.framing import Cutter, Measure, fixed, until
from sensors.readings import AnyReading, Crossing, Gap, Garbled, Position, Positions, Ready, Refused, Silent

HEAD, TAIL = b"\xaa\xff\x03\x00", b"\x55\xcc"
ORDER_HEAD, ORDER_TAIL = b"\xfd\xfc\xfb\xfa", b"\x04\x03\x02\x01"
FRAME_BYTES, ORDER_BYTES_MAX, SLOTS = 30, 64, 3
EMPTY = bytes(8)
SPEED_CM_S_MAX = 2_000
ANSWER_MS, TRIES = 500.0, 3
SETUP = (
    b"\xfd\xfc\xfb\xfa\x04\x00\xff\x00\x01\x00\x04\x03\x02\x01",  # enable configuration
    b"\xfd\xfc\xfb\xfa\x02\x00\x90\x00\x04\x03\x02\x01",  # several targets
    b"\xfd\xfc\xfb\xfa\x02\x00\xfe\x00\x04\x03\x02\x01",  # end configuration
)
COMMAND_AT = 6

Metres = Annotated[float, Meta(ge=-1_000, le=1_000)]


class Pose(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the sensor is in the door's frame, and the bearing it looks to (counter-clockwise from the x axis)."""

    x_m: Metres = 0.0
    y_m: Metres = 0.0
    yaw_deg: Annotated[float, Meta(ge=-360, le=360)] = 90.0


class Settings(SerialSettings, frozen=True, kw_only=True):
    baud: Annotated[int, Meta(ge=9_600, le=460_800)] = 256_000
    pose: Pose | None = None
    door: Door | None = None
    """The door line, to count crossings; in the same frame as the positions."""
    range_m_max: Annotated[float, Meta(ge=0.5, le=15)] = 8.0
    """What is said to be farther away is a spoilt frame."""
    silent_ms: Annotated[int, Meta(ge=500, le=60_000)] = 3_000
    """No frame for so long: the radar is silent, and is set up anew."""


class Decoder:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._range_mm = settings.range_m_max * 1000
        self._cutter = Cutter(_measure(self._good), ORDER_BYTES_MAX)
        self._tracks = DoorTracks(settings.door) if settings.door else None
        self._step = 0
        """Which line of SETUP waits for its answer; len(SETUP): done."""
        self._tries = 0
        self._heard_ms: float | None = None
        """When the last frame came."""
        self._silent = False
        self.wake_at_ms: float | None = 0.0

    def feed(self, raw: Raw, t_ms: float) -> list[AnyReading | Send]:
        if not isinstance(raw, bytes):
            return []
        frames, dropped = self._cutter.feed(raw)
        out: list[AnyReading | Send] = []
        if dropped:
            out.append(Garbled(dropped, "no radar frame"))
        for frame in frames:
            out += self._people(frame, t_ms) if frame[:1] == HEAD[:1] else self._answer(frame, t_ms)
        return out

    def tick(self, t_ms: float) -> list[AnyReading | Send]:
        if self.wake_at_ms is None or t_ms < self.wake_at_ms:
            return []
        if self._heard_ms is None:
            self._heard_ms = t_ms
        if self._step < len(SETUP):
            return self._set_up(t_ms)
        self._silent, self._step, self._tries = True, 0, 0
        return [Silent(t_ms - self._heard_ms), *self._set_up(t_ms)]

    # ------------------------------------------------------------ frames

    def _good(self, frame: bytes) -> bool:
        if not frame.endswith(TAIL):
            return False
        limit = self._range_mm
        for x_mm, y_mm, speed_cm_s in _targets(frame):
            if abs(x_mm) > limit or not 0 <= y_mm <= limit or abs(speed_cm_s) > SPEED_CM_S_MAX:
                return False
        return True

    def _people(self, frame: bytes, t_ms: float) -> list[AnyReading | Send]:
        self._heard_ms = t_ms
        back = [Ready()] if self._silent else []
        self._silent = False
        if self._step == len(SETUP):
            self.wake_at_ms = t_ms + self._settings.silent_ms
        persons = tuple(
            _placed(slot + 1, *place[:2], self._settings.pose)
            for slot, place in enumerate(_slots(frame))
            if place is not None
        )
        gap = [Gap(gap_mm)] if (gap_mm := smallest_gap_mm(persons)) is not None else []
        crossed = self._tracks.feed(persons, t_ms) if self._tracks else []
        return [*back, Positions(persons), *gap, *crossed]

    # ------------------------------------------------------------ setting up

    def _set_up(self, t_ms: float) -> list[AnyReading | Send]:
        """Send the line that waits for its answer; a radar that never answers may still be one that sends frames."""
        if self._tries >= TRIES:
            self._step, self._tries = self._step + 1, 0
        if self._step == len(SETUP):
            self.wake_at_ms = t_ms + self._settings.silent_ms
            return []
        self._tries += 1
        self.wake_at_ms = t_ms + ANSWER_MS
        return [Send(SETUP[self._step])]

    def _answer(self, frame: bytes, t_ms: float) -> list[AnyReading | Send]:
        if self._step == len(SETUP) or len(frame) < 14 or frame[COMMAND_AT + 1] != 1:
            return []
        if frame[COMMAND_AT] != SETUP[self._step][COMMAND_AT]:
            return []
        failed = frame[COMMAND_AT + 2 : COMMAND_AT + 4] != b"\x00\x00"
        refused = [Refused(f"the radar refused command {frame[COMMAND_AT]:02x}")] if failed else []
        self._step, self._tries = self._step + 1, 0
        done = [Ready()] if self._step == len(SETUP) and not failed else []
        return [*refused, *done, *self._set_up(t_ms)]


def smallest_gap_mm(persons: tuple[Position, ...]) -> int | None:
    """Smallest distance between two of them, millimetres; None when there are fewer than two."""
    pairs = itertools.combinations(persons, 2)
    gaps = [math.hypot(one.x_m - other.x_m, one.y_m - other.y_m) * 1000 for one, other in pairs]
    return round(min(gaps)) if gaps else None


def _measure(good: Callable[[bytes], bool]) -> Measure:
    """Two kinds of frame on one wire: positions of a fixed length, and answers that say their length."""
    people = fixed(HEAD, FRAME_BYTES, good)

    def measure(buffer: bytearray, start: int) -> int:
        junk = min(until(buffer, start, HEAD), until(buffer, start, ORDER_HEAD))
        if junk:
            return -junk
        return people(buffer, start) if buffer[start] == HEAD[0] else _order_length(buffer, start)

    return measure


def _order_length(buffer: bytearray, start: int) -> int:
    """Of a command or its answer; as a `Measure` says it."""
    if len(buffer) - start < 6:
        return 0
    length = 10 + int.from_bytes(buffer[start + 4 : start + 6], "little")
    if length > ORDER_BYTES_MAX:
        return -1
    if len(buffer) - start < length:
        return 0
    return length if buffer[start + length - 4 : start + length] == ORDER_TAIL else -1


def _targets(frame: bytes) -> list[tuple[int, int, int]]:
    """(x mm, y mm, speed cm/s) of every slot that is not empty."""
    return [place for place in _slots(frame) if place is not None]


def _slots(frame: bytes) -> list[tuple[int, int, int] | None]:
    found: list[tuple[int, int, int] | None] = []
    for start in range(4, 28, 8):
        slot = frame[start : start + 8]
        x, y, speed, _ = struct.unpack("<4H", slot)
        found.append(None if slot == EMPTY else (_signed(x), _signed(y), _signed(speed)))
    return found


def _signed(word: int) -> int:
    """Sign and magnitude, bit 15 set is positive."""
    return word - 0x8000 if word & 0x8000 else -word


def _word(value: int) -> int:
    return 0x8000 + value if value >= 0 else -value


def _placed(slot: int, x_mm: int, y_mm: int, pose: Pose | None) -> Position:
    """The sensor's millimetres in the door's frame."""
    x_m, y_m = x_mm / 1000, y_mm / 1000
    if pose is None:
        return Position(slot, x_m, y_m)
    ahead_x, ahead_y = _ahead(pose)
    return Position(slot, pose.x_m + y_m * ahead_x + x_m * ahead_y, pose.y_m + y_m * ahead_y - x_m * ahead_x)


def _seen(person: Position, pose: Pose | None) -> tuple[int, int]:
    """The way back: where the sensor sees somebody who stands there, millimetres."""
    if pose is None:
        return round(person.x_m * 1000), round(person.y_m * 1000)
    (ahead_x, ahead_y), x_m, y_m = _ahead(pose), person.x_m - pose.x_m, person.y_m - pose.y_m
    return round((x_m * ahead_y - y_m * ahead_x) * 1000), round((x_m * ahead_x + y_m * ahead_y) * 1000)


def _ahead(pose: Pose) -> tuple[float, float]:
    yaw = math.radians(pose.yaw_deg)
    return math.cos(yaw), math.sin(yaw)


class Simulator:
    """The radar: one frame for each `Positions` shown, a pair of people for a `Gap`, a walk for a `Crossing`.

    It sees no more than three people, and nobody behind its back. Its answers to commands come after 5 ms.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cutter = Cutter(_order_length_after_junk, ORDER_BYTES_MAX)

    def show(self, reading: AnyReading, t_ms: float) -> list[Later]:
        match reading:
            case Positions(persons=persons):
                return [Later(self._frame(persons))]
            case Gap(gap_mm=gap_mm):
                return [Later(_frame_of({1: (-(gap_mm // 2), 2_000), 2: (gap_mm - gap_mm // 2, 2_000)}))]
            case Crossing(direction=direction) if self._settings.door is not None:
                walk = self._settings.door.walk(direction)
                return [Later(self._frame((Position(1, *place),)), 100.0 * i) for i, place in enumerate(walk)]
        return []

    def hear(self, raw: bytes | Edge, t_ms: float) -> list[Later]:
        if not isinstance(raw, bytes):
            return []
        orders, _ = self._cutter.feed(raw)
        return [Later(_answer_to(order), 5.0) for order in orders if len(order) >= 12]

    def _frame(self, persons: tuple[Position, ...]) -> bytes:
        limit_mm = self._settings.range_m_max * 1000
        seen = {
            person.id: _seen(person, self._settings.pose)
            for person in persons
            if 1 <= person.id <= SLOTS and abs(person.x_m) < 1_000 and abs(person.y_m) < 1_000
        }
        return _frame_of({slot: at for slot, at in seen.items() if abs(at[0]) <= limit_mm and 0 <= at[1] <= limit_mm})


def _frame_of(places: dict[int, tuple[int, int]]) -> bytes:
    """Everybody stands still; resolution 360 mm, so that nobody's slot is all zero."""
    slots = [struct.pack("<4H", _word(x), _word(y), 0, 360) for x, y in (places.get(s, (0, 0)) for s in range(1, 4))]
    return HEAD + b"".join(slot if s in places else EMPTY for s, slot in enumerate(slots, start=1)) + TAIL


def _answer_to(order: bytes) -> bytes:
    more = b"\x01\x00\x40\x00" if order[COMMAND_AT] == 0xFF else b""
    body = bytes([order[COMMAND_AT], 1, 0, 0]) + more
    return ORDER_HEAD + len(body).to_bytes(2, "little") + body + ORDER_TAIL


def _order_length_after_junk(buffer: bytearray, start: int) -> int:
    return -until(buffer, start, ORDER_HEAD) or _order_length(buffer, start)


DOC = bytes.fromhex("aaff03000e03b186100040010000000000000000000000000000000055cc")
NOBODY = bytes.fromhex("aaff030000000000000000000000000000000000000000000000000055cc")
# Slots 1 and 3 taken: x +500 y 2000, and x -500 y 2000 (words f401|8000 = f481, 07d0|8000 = d087, f401), both at rest.
TWO = bytes.fromhex("aaff0300f481d087000068010000000000000000f401d0870000680155cc")

DRIVER = Driver(
    name="range_ld2450",
    port="serial",
    settings=Settings,
    decoder=Decoder,
    simulator=Simulator,
    examples=(
        Example("one person", (DOC,), (Positions((Position(1, -0.782, 1.713),)),), "devices.md 9: printed, verified"),
        Example("nobody", (NOBODY,), (Positions(()),), "devices.md 9: slot all zero = empty"),
        Example(
            "two people one metre apart",
            (TWO,),
            (Positions((Position(1, 0.5, 2.0), Position(3, -0.5, 2.0))), Gap(1000)),
            "devices.md 9: written out by hand from the rule for signs",
        ),
    ),
    polled=True,
    persons_max=SLOTS,
    gives=(Positions, Gap),
)
