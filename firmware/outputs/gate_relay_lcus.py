"""LCUS-1/2/4/8 USB relay boards (CH340): one channel opens a gate for as long as it is on.

Wiring: USB. The CH340 has no serial number: name the port by its USB place (`/dev/serial/by-path/...`), because two
    boards cannot be told apart otherwise. The gate's "open" input hangs on the channel's COM and NO contacts.

    what happens                  the relay              energised = "open"       energised = "closed"
    ----------------------------  ---------------------  -----------------------  ------------------------
    the Pi loses power            off (USB feeds it)     the gate closes          the gate opens
    the Pi or the program hangs   stays as it is         stays as it is (!)       stays as it is (!)
    the Pi restarts               stays, or off where    stays or closes; the     stays or opens; left so
                                  USB loses its 5 V      start orders off         until the first order
    SIGTERM, an update            goes to `on_failure`   goes to `on_failure`     opens
    SIGKILL, a crash              stays as it is         open until the restart   stays until in service
                                                         orders off (!)
    the USB cable is pulled       off                    closes                   opens

    The board has no pulse of its own: when the Pi dies between "on" and "off" and USB keeps its 5 V, the gate stays
    open (!). For an entry use a timer relay (one-shot) between relay and gate, or `gate_relay_modbus`, which has it
    built in. `on_failure = "open"` is kept without software only by energised = "closed" (a magnetic lock on COM-NO,
    or a gate that opens on a contact on COM-NC). A powered USB hub keeps the relay on when the Pi is off: do not use.
    Fire, without software: a lock held by current has the fire panel's normally-closed contact in series with its
    supply; a gate that opens on a contact has the panel's contact in parallel with this relay (behind a timer relay),
    or better on the gate's own emergency input.
On the wire: 9600 8N1. `A0 channel state sum` switches (sum: low byte of the three before it). `FF` asks for the state
    on the boards with 2, 4 and 8 channels; the answer is text, `CH1: ON`. Many boards answer and echo nothing: unless
    `asks_state` is on, the state is assumed and every reading says so.
Source: devices.md 6; device-vectors.json `lcus` (printed); wiki.diustou.com for the question.
Tested on: the simulator only.
"""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta

from firmware.core.actions import GateClose, GateOpen
from firmware.outputs.hand import Answers, Position, soonest
from firmware.outputs.relay import Energised, RelayFar, RelayHand
from sensors.driver import Driver, Edge, Example, Later, Raw, Send, SerialSettings
from sensors.framing import Cutter, fixed, sum8
from sensors.readings import AnyReading, Garbled, Ready, Refused, RelayState, Silent

ASK = b"\xff"
HEAD = 0xA0
ANSWERS = {
    f"CH{channel}:{gap}{word}".encode(): (channel, word == "ON")
    for channel in range(1, 9)
    for gap in (" ", "")
    for word in ("ON", "OFF")
}
ANSWER = re.compile(b"|".join(ANSWERS))
LONGEST = max(map(len, ANSWERS))
LINE_END = b"\r\n"


class Settings(SerialSettings, frozen=True, kw_only=True):
    channel: Annotated[int, Meta(ge=1, le=8)] = 1
    energised: Energised = "open"
    """The position the gate takes while the relay is on."""
    asks_state: bool = False
    """Ask the board how its relays stand, after every order and every `ask_every_ms`. LCUS-1 cannot answer."""
    ask_every_ms: Annotated[int, Meta(ge=200, le=60_000)] = 2_000


class Encoder(RelayHand):
    """`on_failure`: the lane's word in the site file. Raises Mistake when `energised` contradicts it."""

    def __init__(self, settings: Settings, on_failure: Position = "closed") -> None:
        super().__init__(settings.energised, on_failure, settings.channel)
        self._settings = settings
        self._answers = Cutter(_measure, LONGEST)
        self._ask_at_ms: float | None = 0.0 if settings.asks_state else None
        self._asked = 0
        """Questions without an answer."""
        self._heard = False
        self._since_ms: float | None = None
        """When it was heard last, or first asked."""
        self.wake_at_ms = self._ask_at_ms

    def switch(self, on: bool) -> Answers:
        frame = bytes((HEAD, self._channel, on))
        if self._settings.asks_state:
            self._ask_at_ms = 0.0  # at the next tick: see what came of it
        return [Send(frame + bytes((sum8(frame),)))]

    def tick(self, t_ms: float) -> Answers:
        out = super().tick(t_ms) + self._ask(t_ms)
        self._plan()
        return out

    def feed(self, raw: Raw, t_ms: float) -> Answers:
        if not isinstance(raw, bytes):
            return []
        frames, dropped = self._answers.feed(raw)
        out: Answers = [Garbled(dropped, "no answer of a relay board")] if dropped else []
        for frame in frames:
            if frame in ANSWERS:
                out += self._told(*ANSWERS[frame], t_ms)
        return out

    def _ask(self, t_ms: float) -> Answers:
        if self._ask_at_ms is None or t_ms < self._ask_at_ms:
            return []
        out: Answers = [Send(ASK)]
        self._since_ms = t_ms if self._since_ms is None else self._since_ms
        self._asked += 1
        if self._asked == 4:  # three questions went unanswered
            out.append(Silent(t_ms - self._since_ms))
        self._ask_at_ms = t_ms + self._settings.ask_every_ms
        return out

    def _told(self, channel: int, on: bool, t_ms: float) -> Answers:
        """The board says how a relay stands. Ours must stand as ordered: if not, say so and order it again."""
        if channel != self._channel:
            return []
        out: Answers = [] if self._heard and self._asked <= 3 else [Ready("LCUS")]
        self._asked, self._heard, self._since_ms = 0, True, t_ms
        out.append(RelayState(channel, on))
        if self._on is not None and on != self._on:
            out.append(Refused(f"relay {channel} is {_word(on)} and was ordered {_word(self._on)}"))
            out += self.switch(self._on)
            self._ask_at_ms = t_ms + self._settings.ask_every_ms
        return out

    def _plan(self) -> None:
        super()._plan()
        self.wake_at_ms = soonest(self.wake_at_ms, self._ask_at_ms)


def _word(on: bool) -> str:
    return "on" if on else "off"


_echo = fixed(bytes((HEAD,)), 4, lambda frame: frame[3] == sum8(frame[:3]))


def _measure(buffer: bytearray, start: int) -> int:
    """Find an answer, an echo of our own order (proof of a cable, not of a coil), or the line end between answers."""
    head = buffer[start]
    if head in LINE_END:
        return 1
    if head == HEAD:
        return _echo(buffer, start)
    if answer := ANSWER.match(buffer, start):
        return answer.end() - start
    rest = bytes(buffer[start : start + LONGEST])
    return 0 if len(rest) < LONGEST and any(answer.startswith(rest) for answer in ANSWERS) else -1


class Simulator(RelayFar):
    """A board with eight channels that answers when asked; `answers = False` makes it one of the mute ones."""

    def __init__(self, settings: Settings, answers: bool = True) -> None:
        super().__init__(settings.energised, settings.channel)
        self._answers = answers
        self._orders = Cutter(_measure_order, 4)

    def show(self, reading: AnyReading, t_ms: float) -> list[Later]:
        if not isinstance(reading, RelayState):
            return []
        self._set(reading.channel, reading.on, t_ms)
        return [Later(self._line(reading.channel))]

    def hear(self, raw: bytes | Edge, t_ms: float) -> list[Later]:
        out: list[Later] = []
        for frame in self._orders.feed(raw)[0] if isinstance(raw, bytes) else []:
            if frame != ASK:
                self._set(frame[1], bool(frame[2]), t_ms)
            elif self._answers:
                out.append(Later(b"".join(map(self._line, range(1, 9)))))
        return out

    def _line(self, channel: int) -> bytes:
        return f"CH{channel}: {_word(self.energised(channel)).upper()}\r\n".encode()


def _measure_order(buffer: bytearray, start: int) -> int:
    return 1 if buffer[start] == ASK[0] else _echo(buffer, start)


DRIVER = Driver(
    name="gate_relay_lcus",
    port="serial",
    settings=Settings,
    decoder=Encoder,
    simulator=Simulator,
    examples=(
        Example(
            "open: relay 1 on",
            (b"\xa0\x01\x01\xa2",),
            (RelayState(1, True, assumed=True),),
            "device-vectors.json lcus/on1, printed",
            order=GateOpen(lane="A", way="in", pulse_ms=700),
        ),
        Example(
            "let go: relay 1 off",
            (b"\xa0\x01\x00\xa1",),
            (RelayState(1, False, assumed=True),),
            "device-vectors.json lcus/off1, printed",
            order=GateClose(lane="A"),
        ),
        Example("the board says on", (b"CH1: ON\r\n",), (RelayState(1, True),), "devices.md 6: answer to FF"),
        Example("the board says off", (b"CH1: OFF\r\n",), (RelayState(1, False),), "devices.md 6: answer to FF"),
    ),
)
