"""Waveshare "Modbus RTU Relay" boards: the board itself ends every opening. The safest relay a gate can have.

Wiring: RS-485 (A to A, B to B, 120 ohm at the far ends), the gate's "open" input on the channel's COM and NO contacts.
    A board that is opened by `flash` lets go by its own clock, whatever becomes of the Pi, the cable or this program.

    what happens                  the relay               energised = "open"       energised = "closed"
    ----------------------------  ----------------------  -----------------------  ------------------------
    the Pi loses power, hangs,    an opening ends by the  closes in time;          closes in time;
    is killed, the cable breaks   board's clock; a hold-  held open stays open     held open stays open
                                  open stays
    the Pi restarts               as above, then the      as above, then off       as above, left so until
                                  start orders off                                 the first order
    SIGTERM, an update            goes to `on_failure`    goes to `on_failure`     opens
    the board loses power         off                     closes                   opens
    A and B swapped               never moves             silent, reported         silent, reported

    No timer relay is needed. `on_failure = "open"` is kept without software and board supply only by energised =
    "closed" (a magnetic lock on COM-NO, or a gate that opens on a contact on COM-NC); with energised = "open" it is
    the order given at SIGTERM and nothing more. Feed the board and the lock from the same supply as the gate.
    Fire, without software: a lock held by current has the fire panel's normally-closed contact in series with its
    supply; a gate that opens on a contact has the panel's contact in parallel with this relay, or better on the gate's
    own emergency input.
On the wire: Modbus RTU, 9600 8N1, address 1. FC 05 at 0200h+n with a value in 100 ms is "flash on": on, and off again
    by itself (0400h+n: the reverse). FC 05 at n with FF00/0000 is plain on/off. The board repeats every order as its
    answer. 3.5 characters of silence before each frame; one order at a time is on its way, and the newest one waits.
    One opening is one flash order, its time rounded up to 100 ms. Opened again before the end: another flash order
    with the new rest of the time. An order without an answer is sent once more, then the board is reported silent.
    `GateFree` has no end on purpose, so a flash cannot carry it: the coil is switched plainly, stays so when the Pi
    dies (this is fire), and is ordered again every `renew_ms` in case the board lost power or an older flash ran out.
    `GateClose` switches the coil back and is repeated until it was answered. A flash that is still running needs no
    cancelling: its end brings the same position.
Source: devices.md 6; device-vectors.json `modbus_relay`; waveshare.com/wiki/Modbus_RTU_Relay (frames and replies);
    "Modbus over Serial Line" 1.02 for the silence (1.75 ms above 19200 baud).
Tested on: the simulator, and pymodbus as a second judge of every frame.
"""

from __future__ import annotations

from math import ceil, inf
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, structs

from firmware.core.actions import GateClose, GateFree, GateOpen
from firmware.outputs.hand import Answers, Hand, Position, soonest
from firmware.outputs.modbus_relay_far import ModbusRelayFar
from firmware.outputs.modbus_rtu import EXCEPTIONS, Pace, framed, measure_reply
from firmware.outputs.relay import Energised, Opening, refuse_contradiction
from sensors.driver import Driver, Example, Raw, Send, SerialSettings
from sensors.framing import Cutter
from sensors.readings import Garbled, Ready, Refused, RelayState, Silent

FLASH_ON, FLASH_OFF = 0x0200, 0x0400
FLASH_UNIT_MS = 100
FLASH_MAX = 0x7FFF
SETTLE_MS = 500
"""A flash may end this much later than we reckon: it began late and was rounded up."""
STAGGER_MS = 40
"""Two lanes on one board may speak at the same moment and spoil both orders: their repeats must not do so again."""

Wish = Literal["pulse", "free", "rest", "ask"]


class Settings(SerialSettings, frozen=True, kw_only=True):
    address: Annotated[int, Meta(ge=1, le=247)] = 1
    channel: Annotated[int, Meta(ge=1, le=8)] = 1
    """As printed on the board, from 1."""
    energised: Energised = "open"
    """The position the gate takes while the relay is on."""
    answer_ms: Annotated[int, Meta(ge=20, le=2_000)] = 200
    """An order that is not answered by then is sent once more (40 ms later for each channel above the first)."""
    renew_ms: Annotated[int, Meta(ge=200, le=10_000)] = 1_000
    """How often a hold-open, or a close that was not answered, is ordered again."""
    asks_state: bool = False
    """Read the coils every `ask_every_ms`: the state is then the board's own word between orders, too."""
    ask_every_ms: Annotated[int, Meta(ge=200, le=60_000)] = 2_000


class Flight(Struct, frozen=True):
    """An order that is on its way and not answered yet."""

    wish: Wish
    frame: bytes
    answer_by_ms: float
    let_go_ms: float
    """When the board lets go if it obeys this order."""
    repeated: bool


class Encoder(Hand):
    """`on_failure`: the lane's word in the site file. Raises Mistake when `energised` contradicts it."""

    def __init__(self, settings: Settings, on_failure: Position = "closed") -> None:
        refuse_contradiction(settings.energised, on_failure)
        self._settings = settings
        self._on_failure = on_failure
        self._open_is_on = settings.energised == "open"
        self._opening = Opening()
        self._replies = Cutter(measure_reply, 32)
        self._pace = Pace(settings.baud)
        self._flight: Flight | None = None
        self._waiting: Wish | None = None
        """The one order that waits for the line; a newer one takes its place."""
        self._owed: Wish | None = None
        """"rest" until it was answered, "free" for as long as it holds: ordered again at `_renew_at_ms`."""
        self._renew_at_ms: float | None = None
        self._ask_at_ms: float | None = 0.0 if settings.asks_state else None
        self._settled_ms = 0.0
        self._heard_ms: float | None = None
        self._silent = False
        self._unanswered = False
        """The opening that holds now was ordered and the board has not answered it yet."""
        self._let_go_ms = 0.0
        """When the board lets go at the latest, by all that it was sent and by what it has answered."""
        self._in_service = False
        self.wake_at_ms = self._ask_at_ms

    # ------------------------------------------------------------ for the wiring

    def start(self, t_ms: float) -> Answers:
        return self._rest(t_ms) if self._on_failure == "closed" else []

    def stop(self, t_ms: float) -> Answers:
        """The last word, without waiting for the line: nobody may be there to send it later.

        After a standstill somebody is, and says the same again: nothing that was owed before takes it back.
        """
        if self._on_failure == "open":
            self._opening.hold()
        else:
            self._opening.end()
        self._flight = self._waiting = None
        last: Wish = "free" if self._opening.free else "rest"
        self._owe(last, t_ms)
        return [Send(self._frame(last, t_ms)), *self._done(t_ms)]

    def replugged(self, t_ms: float) -> Answers:
        """The board has its own power and clock: an opening that it answered is still running there."""
        self._flight = self._waiting = None
        self._replies.clear()
        if self._opening.free:
            return self._hold(t_ms)
        if self._opening.open_at(t_ms):
            return self._want("pulse", t_ms) if self._unanswered else self._done(t_ms)
        self._opening.end()
        return self._rest(t_ms) if self._in_service else self.start(t_ms)

    def order(self, order: Any, t_ms: float) -> Answers:
        match order:
            case GateOpen():
                return self._open(order.pulse_ms, t_ms)
            case GateFree():
                return self._hold(t_ms)
            case GateClose():
                return self._rest(t_ms)
        return []

    def feed(self, raw: Raw, t_ms: float) -> Answers:
        if not isinstance(raw, bytes):
            return []
        self._pace.used(t_ms)
        frames, dropped = self._replies.feed(raw)
        out: Answers = [Garbled(dropped, "no Modbus frame")] if dropped else []
        for frame in frames:
            if frame[0] == self._settings.address:
                out += self._answered(frame, t_ms)
        return out + self._done(t_ms)

    def tick(self, t_ms: float) -> Answers:
        out = self._expire(t_ms) + self._miss(t_ms)
        if self._renew_at_ms is not None and t_ms >= self._renew_at_ms:
            self._renew_at_ms = t_ms + self._settings.renew_ms
            self._waiting = self._owed if self._waiting in (None, "ask") else self._waiting
        if self._ask_at_ms is not None and t_ms >= self._ask_at_ms:
            self._ask_at_ms = t_ms + self._settings.ask_every_ms
            self._waiting = self._waiting or "ask"
        return out + self._done(t_ms)

    # ------------------------------------------------------------ orders

    def _open(self, pulse_ms: int, t_ms: float) -> Answers:
        out = self._expire(t_ms)
        if not self._opening.prolong(pulse_ms, t_ms):
            return out + self._done(t_ms)
        self._owe(None, t_ms)
        self._unanswered = self._in_service = True
        return out + self._want("pulse", t_ms)

    def _hold(self, t_ms: float) -> Answers:
        flash_end_ms = self._opening.until_ms
        self._opening.hold()
        self._in_service = True
        self._owe("free", t_ms)
        if flash_end_ms is not None:  # its end may switch back what we now hold
            self._renew_at_ms = soonest(self._renew_at_ms, flash_end_ms + 2 * FLASH_UNIT_MS)
        return self._want("free", t_ms)

    def _rest(self, t_ms: float) -> Answers:
        self._opening.end()
        self._in_service = True
        self._settled_ms = t_ms + SETTLE_MS
        self._owe("rest", t_ms)
        return self._want("rest", t_ms)

    def _owe(self, wish: Wish | None, t_ms: float) -> None:
        self._owed = wish
        self._renew_at_ms = t_ms + self._settings.renew_ms if wish else None

    def _want(self, wish: Wish, t_ms: float) -> Answers:
        on_its_way = self._flight is not None and self._flight.wish == wish != "pulse"
        self._waiting = None if on_its_way else wish
        return self._done(t_ms)

    def _expire(self, t_ms: float) -> Answers:
        """The opening is over by its own clock: nothing is sent, the board lets go by itself.

        Unless it still obeys an older order, because the newer one had to wait until it was too late for it.
        """
        if self._opening.until_ms is None or t_ms < self._opening.until_ms:
            return []
        self._opening.end()
        self._settled_ms = t_ms + SETTLE_MS
        if self._let_go_ms > t_ms + 2 * FLASH_UNIT_MS:
            self._owe("rest", t_ms)
            self._waiting = "rest"
        return [RelayState(self._settings.channel, not self._open_is_on, assumed=True)]

    # ------------------------------------------------------------ the line

    def _done(self, t_ms: float) -> Answers:
        """Send what waits, if the line is free, and say when to be woken next."""
        out: Answers = []
        if self._waiting == "pulse" and not self._opening.open_at(t_ms):
            self._waiting = None  # it waited until its end: an old open is never sent
        if self._waiting and self._flight is None and self._pace.free(t_ms):
            out = self._launch(self._waiting, t_ms, repeated=False)
            self._waiting = None
        self.wake_at_ms = soonest(
            self._opening.until_ms,
            self._flight.answer_by_ms if self._flight else None,
            self._pace.free_at_ms if self._waiting and self._flight is None else None,
            self._renew_at_ms,
            self._ask_at_ms,
        )
        return out

    def _launch(self, wish: Wish, t_ms: float, repeated: bool) -> Answers:
        frame = self._frame(wish, t_ms)
        sent_ms = self._pace.sends(frame, t_ms)
        let_go_ms = {"free": inf, "pulse": t_ms + FLASH_UNIT_MS * int.from_bytes(frame[4:6])}.get(wish, 0.0)
        self._let_go_ms = max(self._let_go_ms, let_go_ms)
        patience_ms = self._settings.answer_ms + STAGGER_MS * (self._settings.channel - 1)
        self._flight = Flight(wish, frame, sent_ms + patience_ms, let_go_ms, repeated)
        return [Send(frame)]

    def _frame(self, wish: Wish, t_ms: float) -> bytes:
        address, relay = self._settings.address, self._settings.channel - 1
        if wish == "ask":
            return framed(address, 0x01, 0x0000, 8)
        if wish == "pulse":
            assert self._opening.until_ms is not None
            units = ceil((self._opening.until_ms - t_ms) / FLASH_UNIT_MS)
            base = FLASH_ON if self._open_is_on else FLASH_OFF
            return framed(address, 0x05, base + relay, max(1, min(units, FLASH_MAX)))
        on = self._open_is_on if wish == "free" else not self._open_is_on
        return framed(address, 0x05, relay, 0xFF00 if on else 0x0000)

    def _miss(self, t_ms: float) -> Answers:
        """No answer in time: count the half of it that may have come, and ask again or be silent."""
        flight = self._flight
        if flight is None or t_ms < flight.answer_by_ms:
            return []
        if not self._pace.free(t_ms):  # another lane's answer is just going by
            self._flight = structs.replace(flight, answer_by_ms=self._pace.free_at_ms)
            return []
        self._flight = None
        lost = self._replies.clear()
        return [*([Garbled(lost, "half an answer")] if lost else []), *self._again(flight, t_ms)]

    def _again(self, flight: Flight, t_ms: float) -> Answers:
        """Once more, unless something newer waits or the opening is over; then report silence."""
        stale = flight.wish == "pulse" and not self._opening.open_at(t_ms)
        if not flight.repeated and not stale and self._waiting in (None, "ask"):
            return self._launch(flight.wish, t_ms, repeated=True)
        if self._silent or not flight.repeated:
            return []
        self._silent = True
        return [Silent(t_ms - self._heard_ms if self._heard_ms is not None else 2.0 * self._settings.answer_ms)]

    def _answered(self, frame: bytes, t_ms: float) -> Answers:
        out: Answers = [Ready("Modbus relay")] if self._silent or self._heard_ms is None else []
        self._silent, self._heard_ms = False, t_ms
        function = frame[1]
        if function & 0x80:
            return out + self._refused(function & 0x7F, frame[2])
        if self._flight and (frame == self._flight.frame or function == self._flight.frame[1] == 0x01):
            self._settle(self._flight)
        if function == 0x01:
            return out + self._told(bool(frame[3] >> (self._settings.channel - 1) & 1), t_ms)
        place, value = int.from_bytes(frame[2:4]), int.from_bytes(frame[4:6])
        if place & 0xFF == self._settings.channel - 1:
            on = place >> 8 == FLASH_ON >> 8 if place >= FLASH_ON else value == 0xFF00
            out.append(RelayState(self._settings.channel, on))
        return out

    def _settle(self, flight: Flight) -> None:
        """The order on its way was answered."""
        self._flight = None
        if flight.wish == "pulse":
            self._unanswered = False
        if flight.wish != "ask":
            self._let_go_ms = flight.let_go_ms
        if flight.wish == "rest" == self._owed:
            self._owed = self._renew_at_ms = None

    def _refused(self, function: int, code: int) -> Answers:
        """The board heard the order and will not do it: asking again would change nothing."""
        if self._flight and self._flight.frame[1] == function:
            self._settle(self._flight)
        return [Refused(f"the relay board refuses function {function}: {EXCEPTIONS.get(code, f'code {code}')}")]

    def _told(self, on: bool, t_ms: float) -> Answers:
        """A coil that is not at rest although no opening runs is reported and ordered back."""
        out: Answers = [RelayState(self._settings.channel, on)]
        resting = self._in_service and self._opening.until_ms is None and not self._opening.free
        if resting and self._owed is None and on == self._open_is_on and t_ms > self._settled_ms:
            out.append(Refused(f"relay {self._settings.channel} is {'on' if on else 'off'} without an order"))
            self._owe("rest", t_ms)
            self._waiting = self._waiting or "rest"
        return out


class Simulator(ModbusRelayFar):
    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.address, settings.energised, settings.channel)


DRIVER = Driver(
    name="gate_relay_modbus",
    port="serial",
    settings=Settings,
    decoder=Encoder,
    simulator=Simulator,
    examples=(
        Example(
            "open for 700 ms: flash relay 0",
            (b"\x01\x05\x02\x00\x00\x07\x8d\xb0",),
            (RelayState(1, True),),
            "Waveshare wiki, flash on 700 ms; device-vectors.json relay0_flash_700ms",
            order=GateOpen(lane="A", way="in", pulse_ms=700),
        ),
        Example(
            "701 ms is 800 ms: flash relay 1",
            (b"\x01\x05\x02\x01\x00\x08\x9c\x74",),
            (RelayState(2, True),),
            "Waveshare wiki, flash on relay 1 for 800 ms",
            order=GateOpen(lane="A", way="in", pulse_ms=701),
            settings=Settings(channel=2),
        ),
        Example(
            "stay open: relay 0 on",
            (b"\x01\x05\x00\x00\xff\x00\x8c\x3a",),
            (RelayState(1, True),),
            "device-vectors.json relay0_on, printed",
            order=GateFree(lane="A"),
        ),
        Example(
            "close: relay 0 off",
            (b"\x01\x05\x00\x00\x00\x00\xcd\xca",),
            (RelayState(1, False),),
            "device-vectors.json relay0_off",
            order=GateClose(lane="A"),
        ),
        Example(
            "asked, the board says that all relays are off",
            (b"\x01\x01\x01\x00\x51\x88",),
            (RelayState(1, False),),
            "Waveshare wiki, answer to 01 01 00 00 00 08 3D CC",
            settings=Settings(asks_state=True),
        ),
        Example(
            "an order that the board does not know",
            (b"\x01\x85\x02\xc3\x51",),
            (Refused("the relay board refuses function 5: no such address"),),
            "Modbus application protocol 1.1b3, exception 02; CRC by its rule",
        ),
    ),
    checksum=True,
)
