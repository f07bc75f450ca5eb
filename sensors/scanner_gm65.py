"""Grow GM65 / GM861 / GM81x and Newland EM3095: serial QR scanners with "7E 00" commands.

Wiring: 5 V, GND, scanner TX to the Pi's RX and RX to TX (3.3 V levels), 9600 8N1; or USB as a virtual serial port.
On the wire: the code's text + CR, and between the texts the replies to our commands, on one line (`sensors/grow.py`).
    The framed output mode would tell text from replies, but its length is one byte and most health proofs are longer.
    So the text stays raw, and a reply is only looked for while one is owed: a code whose text begins with 02 00 is
    a code. What looks like a reply and fails its CRC at the beginning of a line is dropped and counted.
Set-up: a visitor who shows a set-up code could re-program the scanner. At start all zones are read, the wanted ones
    written (set-up codes off, work mode, raw output with CR, AIM id), read back and then saved in the scanner. With
    every heartbeat (10 s) the zones are read again; one that differs is reported as Refused and written again.
    Three heartbeats without an answer: Silent, or Refused when codes still come (the scanner's RX wire is off).
Source: devices.md 1 with device-vectors.json (`grow_gm8xx`). Meaning of zone 0060 = 01 (raw, tail CR) from the printed
    reply `rsp_zone60_eq_01` and the framed value 81; unverified on other models.
Tested on: the simulator only.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from sensors.driver import Driver, Edge, Example, Later, Raw, Send, SerialSettings
from sensors.framing import crc16_ccitt
from sensors.grow import (
    ANSWER_MS,
    BAD_CRC,
    HEARTBEAT,
    OK,
    READ,
    SAVE,
    UNKNOWN,
    WRITE,
    Reply,
    Step,
    Wire,
    reply,
)
from sensors.lines import line_of, scan_of
from sensors.readings import AnyReading, Garbled, Ready, Refused, Scan, Silent

MODES = {"manual": 0, "command": 1, "continuous": 2, "sensing": 3}
ZONE_MODE, ZONE_TRIGGER, ZONE_SETUP_CODES, ZONE_OUTPUT, ZONE_AIM_ID = 0x0000, 0x0002, 0x0003, 0x0060, 0x00D0
DUMP_ZONES = 0x62
ATTEMPTS = 3
HEARTBEATS_MISSED = 3
NEVER_RESTORED = frozenset({ZONE_TRIGGER, 0x2A, 0x2B})
"""Zones that are not put back when they change: the trigger, and the line's own speed."""


class Settings(SerialSettings, frozen=True, kw_only=True):
    mode: Literal["manual", "command", "continuous", "sensing"] = "continuous"
    """When the scanner looks for a code; `command`: we trigger it again and again."""
    aim_id: bool = False
    max_chars: Annotated[int, Meta(ge=16, le=65_536)] = 4096
    idle_ms: Annotated[int, Meta(ge=200, le=60_000)] = 5_000
    heartbeat_ms: Annotated[int, Meta(ge=2_000, le=600_000)] = 10_000
    trigger_ms: Annotated[int, Meta(ge=1_000, le=60_000)] = 3_000
    """In mode `command`: the pause between two triggers."""
    save: bool = True
    """Save changed settings in the scanner's flash, once per start, so that a power loss does not bring set-up back."""

    def wanted(self) -> dict[int, tuple[int, int]]:
        """zone -> (mask, value) of what must hold."""
        return {
            ZONE_MODE: (0x03, MODES[self.mode]),
            ZONE_SETUP_CODES: (0xFF, 0x03),
            ZONE_OUTPUT: (0xFF, 0x01),
            ZONE_AIM_ID: (0x80, 0x80 if self.aim_id else 0x00),
        }


class Decoder:
    """Reads codes, and keeps the scanner's settings what they should be: one command in flight, the rest in `_plan`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._wire = Wire(settings.max_chars, settings.idle_ms)
        self._profile = Profile(settings.wanted())
        self._plan: deque[Step] = deque()
        self._asked: Step | None = None
        self._attempt = 0
        self._late_ms = 0.0
        self._beat_ms = 0.0
        self._pause_ms = settings.trigger_ms if settings.mode == "command" else float("inf")
        self._trigger_ms = float("inf")
        self._heard_ms: float | None = None
        self._missed = 0
        self._codes_since_reply = 0
        self._written = False
        self._trouble: str | None = None
        self._ready = False
        self.wake_at_ms: float | None = 0.0

    def feed(self, raw: Raw, t_ms: float) -> list[AnyReading | Send]:
        if not isinstance(raw, bytes):
            return []
        return self._sorted(self._wire.feed(raw, t_ms), t_ms)

    def tick(self, t_ms: float) -> list[AnyReading | Send]:
        out = self._sorted(self._wire.tick(t_ms), t_ms)
        if self._asked is not None and t_ms >= self._late_ms:
            out += self._unanswered(self._asked, t_ms)
        if self._asked is None and not self._plan:
            out += self._due(t_ms)
        self._arrange()
        return out

    def replugged(self, t_ms: float) -> list[AnyReading | Send]:
        given_up = self._wire.replugged()
        self._arrange()
        return [*given_up]

    # ---- what came

    def _sorted(self, parts: list[bytes | Garbled | Reply], t_ms: float) -> list[AnyReading | Send]:
        out: list[AnyReading | Send] = []
        for part in parts:
            if isinstance(part, Garbled):
                out.append(part)
            elif isinstance(part, Reply):
                out += self._answered(part, t_ms)
            else:
                self._codes_since_reply += 1
                out.append(scan_of(part, self._settings.aim_id))
        self._arrange()
        return out

    def _answered(self, reply: Reply, t_ms: float) -> list[AnyReading | Send]:
        step = self._asked
        if step is None or not reply.answers(step):
            return [Garbled(len(reply.data) + 6, "an answer that came too late")]
        self._asked, self._heard_ms, self._missed, self._codes_since_reply = None, t_ms, 0, 0
        if reply.status == BAD_CRC and self._attempt < ATTEMPTS:
            return [Garbled(0, "the scanner got a spoilt command"), *self._ask(step, t_ms)]
        if reply.status != OK:
            return [*self._cannot(step, f"status {reply.status}"), *self._next(t_ms)]
        if step.kind == READ:
            self._profile.zones |= dict(enumerate(reply.data, step.zone))
        whole = [] if step.kind != READ or self._plan else self._compare()
        return [*whole, *self._next(t_ms)]

    def _compare(self) -> list[AnyReading | Send]:
        """All zones are read: be content, or write what differs and look again."""
        wrong = self._profile.differing()
        if not wrong:
            return self._content()
        if self._written:  # written, read back, and still wrong
            self._profile.give_up(wrong)
            lasting = [zone for zone in wrong if zone in self._profile.wanted]
            if not lasting:
                return self._content()
            return self._complain(f"the scanner does not keep zone {lasting[0]:04X} = {wrong[lasting[0]]:02X}")
        self._written = True
        self._plan += [Step(WRITE, zone, bytes([value])) for zone, value in wrong.items()]
        self._plan += self._profile.look()
        if not self._profile.baseline:
            return []
        found = ", ".join(f"{zone:04X} = {self._profile.zones[zone]:02X}" for zone in wrong)
        return self._complain(f"somebody re-programmed the scanner ({found}); it is set back")

    def _content(self) -> list[AnyReading | Send]:
        if self._written and not self._profile.baseline and self._settings.save:
            self._plan.append(Step(SAVE))
        self._profile.baseline = dict(self._profile.zones)
        self._trouble, self._written = None, False
        again, self._ready = self._ready, True
        return [] if again else [Ready("GM65 family")]

    def _complain(self, because: str) -> list[AnyReading | Send]:
        repeated, self._trouble, self._ready = self._trouble == because, because, False
        return [] if repeated else [Refused(because)]

    # ---- what we ask

    def _due(self, t_ms: float) -> list[AnyReading | Send]:
        if t_ms >= self._beat_ms:
            self._beat_ms = t_ms + self._settings.heartbeat_ms
            self._written = False
            self._trigger_ms = min(self._trigger_ms, t_ms + self._pause_ms)
            self._plan += [Step(HEARTBEAT), *self._profile.look()]
        elif t_ms >= self._trigger_ms:
            self._trigger_ms = t_ms + self._pause_ms
            self._plan.append(Step(WRITE, ZONE_TRIGGER, b"\x01"))
        else:
            return []
        return self._next(t_ms)

    def _next(self, t_ms: float) -> list[AnyReading | Send]:
        if not self._plan:
            return []
        self._attempt = 0
        return self._ask(self._plan.popleft(), t_ms)

    def _ask(self, step: Step, t_ms: float) -> list[AnyReading | Send]:
        self._asked = step
        self._attempt += 1
        self._late_ms = t_ms + ANSWER_MS
        self._wire.owe(step, t_ms)
        if self._heard_ms is None:
            self._heard_ms = t_ms
        return [Send(step.frame)]

    def _unanswered(self, step: Step, t_ms: float) -> list[AnyReading | Send]:
        self._asked = None
        if step.kind != HEARTBEAT and self._attempt < ATTEMPTS:
            return self._ask(step, t_ms)
        if step.kind != HEARTBEAT:
            return [*self._cannot(step, "no answer"), *self._next(t_ms)]
        self._plan.clear()
        self._missed += 1
        if self._missed < HEARTBEATS_MISSED:
            return []
        if self._codes_since_reply:
            return self._complain("codes come but no command is answered: is the scanner's RX wired?")
        self._trouble, self._ready = "silent", False
        return [Silent(t_ms - (self._heard_ms or t_ms))]

    def _cannot(self, step: Step, why: str) -> list[AnyReading | Send]:
        """The scanner does not do this: look at single zones when it knows no dump, else say what is not kept."""
        if step.kind == READ and self._profile.whole:
            self._profile.whole = False
            self._plan.clear()
            self._plan += self._profile.look()
            return []
        unread = step.kind == READ and self._profile.wanted.pop(step.zone, None) is not None
        whole = self._compare() if unread and not self._plan else []
        return whole + self._complain(f"command {step.kind:02X} for zone {step.zone:04X}: {why}")

    def _arrange(self) -> None:
        due = self._late_ms if self._asked is not None else min(self._beat_ms, self._trigger_ms)
        wire = self._wire.wake_at_ms()
        self.wake_at_ms = due if wire is None else min(due, wire)


class Profile:
    """What the scanner's zones should hold: the wanted ones, and all others as they were verified at start."""

    def __init__(self, wanted: dict[int, tuple[int, int]]) -> None:
        self.wanted = wanted
        self.zones: dict[int, int] = {}
        """What was read last."""
        self.baseline: dict[int, int] = {}
        """All zones when the scanner was found good first; empty: not yet."""
        self.whole = True
        """The scanner can dump its zones; otherwise only the wanted ones are looked at."""
        self._restless = set(NEVER_RESTORED)
        """And what does not keep a value."""

    def look(self) -> list[Step]:
        if self.whole:
            return [Step(READ, 0, bytes([DUMP_ZONES])), Step(READ, ZONE_AIM_ID, b"\x01")]
        return [Step(READ, zone, b"\x01") for zone in sorted(self.wanted)]

    def differing(self) -> dict[int, int]:
        """zone -> the value it should have, for each zone that has another one."""
        should = {zone: value for zone, value in self.baseline.items() if zone not in self._restless}
        for zone, (mask, value) in self.wanted.items():
            should[zone] = should.get(zone, self.zones.get(zone, 0)) & ~mask & 0xFF | value
        return {zone: value for zone, value in sorted(should.items()) if self.zones.get(zone) != value}

    def give_up(self, zones: dict[int, int]) -> None:
        self._restless |= zones.keys() - self.wanted.keys()


@dataclass(slots=True)
class Faults:
    """What a simulated scanner does wrong."""

    crc_error_every: int = 0
    """Every n-th reply has a spoilt checksum; 0: none."""
    split_ms: float = 0.0
    """What is sent comes in two halves, this far apart."""
    double: bool = False
    """Each code is read twice."""
    mute: bool = False
    """Commands are not answered (RX wire off)."""


class Simulator:
    """The scanner: 256 zones, answers to 07, 08, 09 and 0A, and a code's text when its mode lets it look."""

    ACK_MS = 5.0
    LOOK_MS = 40.0
    BYTE_MS = 10 / 9.6
    """One byte at 9600 baud."""

    def __init__(self, settings: Settings, faults: Faults | None = None) -> None:
        self._faults = faults or Faults()
        self.zones = bytearray(256)
        self.zones[ZONE_MODE], self.zones[ZONE_SETUP_CODES], self.zones[ZONE_OUTPUT] = 0xD4, 0x01, 0x01
        self.zones[0x2A], self.zones[0x2B] = 0x39, 0x01
        self.flash = bytes(self.zones)
        self._input = bytearray()
        self._shown: Scan | None = None
        self._replies = 0
        self._now_ms = 0.0
        self._busy_until_ms = 0.0

    def power_cycle(self) -> None:
        """Everything that was not saved is gone."""
        self.zones[:] = self.flash
        self._shown = None

    def show_setup_code(self, zone: int, value: int) -> bool:
        """A visitor shows a set-up code; True when the scanner obeys."""
        obeys = self.zones[ZONE_SETUP_CODES] != 0x03
        if obeys:
            self.zones[zone] = value
        return obeys

    def show(self, reading: AnyReading, t_ms: float) -> list[Later]:
        self._now_ms = t_ms
        if not isinstance(reading, Scan):
            return []
        mode = self.zones[ZONE_MODE] & 0x03
        if mode in (MODES["continuous"], MODES["sensing"]):
            return self._read(reading, t_ms)
        self._shown = reading if mode == MODES["command"] else None
        return []

    def hear(self, raw: bytes | Edge, t_ms: float) -> list[Later]:
        if not isinstance(raw, bytes):
            return []
        self._now_ms = t_ms
        self._input += raw
        out: list[Later] = []
        while (found := self._input.find(b"\x7e\x00")) >= 0:
            del self._input[:found]
            length = 8 + (self._input[3] if len(self._input) > 3 else 0)
            if len(self._input) < length:
                break
            order = bytes(self._input[:length])
            del self._input[:length]
            out += self._obey(order, t_ms)
        del self._input[: max(0, len(self._input) - 300)]
        return out

    def _obey(self, order: bytes, t_ms: float) -> list[Later]:
        if self._faults.mute:
            return []
        kind, data, check = order[2], order[6:-2], order[-2:]
        zone = int.from_bytes(order[4:6], "big")
        if check != b"\xab\xcd" and crc16_ccitt(order[2:]) != 0:
            return self._reply(b"\x02\x00", BAD_CRC, b"\x00", t_ms)
        if kind == HEARTBEAT:
            return self._reply(b"\x03\x00", OK, b"\x00", t_ms)
        if kind == SAVE:
            self.flash = bytes(self.zones)
            return self._reply(b"\x02\x00", OK, b"\x00", t_ms)
        if zone + max(1, len(data)) > len(self.zones) or kind not in (READ, WRITE) or not data:
            return self._reply(b"\x02\x00", UNKNOWN, b"\x00", t_ms)
        if kind == READ:
            return self._reply(b"\x02\x00", OK, bytes(self.zones[zone : zone + data[0]]), t_ms)
        return self._write(zone, data, t_ms)

    def _write(self, zone: int, data: bytes, t_ms: float) -> list[Later]:
        self.zones[zone : zone + len(data)] = data
        acknowledged = self._reply(b"\x02\x00", OK, b"\x00", t_ms)
        if zone == ZONE_TRIGGER and self._shown is not None:
            self.zones[ZONE_TRIGGER] = 0
            shown, self._shown = self._shown, None
            return acknowledged + self._read(shown, t_ms + self.LOOK_MS)
        return acknowledged

    def _read(self, scan: Scan, t_ms: float) -> list[Later]:
        text = line_of(scan, self.zones[ZONE_AIM_ID] == 0x80) + b"\r"
        times = 2 if self._faults.double else 1
        return [later for _ in range(times) for later in self._sent(text, t_ms)]

    def _reply(self, prefix: bytes, status: int, data: bytes, t_ms: float) -> list[Later]:
        frame = reply(prefix, status, data)
        self._replies += 1
        if self._faults.crc_error_every and self._replies % self._faults.crc_error_every == 0:
            frame = frame[:-1] + bytes([frame[-1] ^ 0x01])
        return self._sent(frame, t_ms)

    def _sent(self, raw: bytes, t_ms: float) -> list[Later]:
        """One line: nothing is sent before the last byte of what was sent earlier."""
        pieces = [raw[: len(raw) // 2], raw[len(raw) // 2 :]] if self._faults.split_ms else [raw]
        out = []
        for number, piece in enumerate(pieces):
            begins_ms = max(t_ms + self.ACK_MS, self._busy_until_ms) + number * self._faults.split_ms
            self._busy_until_ms = begins_ms + len(piece) * self.BYTE_MS
            out.append(Later(piece, max(0.0, self._busy_until_ms - self._now_ms)))
        return out


DRIVER = Driver(
    name="scanner_gm65",
    port="serial",
    settings=Settings,
    decoder=Decoder,
    simulator=Simulator,
    examples=(
        Example("a code and CR", (b"\x31\x32\x33\x34\x35\x0d",), (Scan(b"12345"),), "devices.md 1: default tail CR"),
        Example(
            "bytes that are no text", (b"\xff\xfe\x80\x0d",), (Scan(b"\xff\xfe\x80"),), "platform.md: under faults"
        ),
        Example(
            "a code whose text begins like a reply",
            (b"\x02\x00\x48\x69\x0d",),
            (Scan(b"\x02\x00Hi"),),
            "devices.md 1: the trap",
        ),
        Example(
            "an AIM identifier",
            (b"\x5d\x51\x31\x48\x50\x31\x3a\x0d",),
            (Scan(b"HP1:", symbology="qr"),),
            "devices.md 1: `]Q1` precedes QR data",
            settings=Settings(aim_id=True),
        ),
    ),
    text=True,
    polled=True,
    gives=(Scan,),
)
