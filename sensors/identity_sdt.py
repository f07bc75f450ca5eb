"""SDT / SAM_A readers of Chinese identity cards (Routon, INVS, Huaxu, ZK and relatives), serial.

Wiring: the reader's own 5 V supply; RS-232 or TTL line or its USB virtual serial port, 115200 8N1 (230400 is seen).
    Readers that speak the same bytes over USB-HID (VID 0400, PID C35A) are not served by this driver.
On the wire: `sensors/sdt.py`. We ask all the time: find, then select, then read. A card that lies there is reported
    once, and again only after the reader missed it; found anew within `again_ms` it is still the same laying.
    A card that cannot be read three times (pulled away too early again and again, two cards in one hand, no identity
    card) is reported as Garbled once and left alone until it is gone.
Cards: identity card, residence permit for Hong Kong, Macao and Taiwan, foreigners' card before and since 2023.
What leaves: number and birth date as `Secret`, up to the verifier. Name, address, issuer, photograph and fingerprint are
    never cut out of the frame. A number whose check character, date or birth field is wrong is no card.
Source: devices.md 4 and device-vectors.json (`sdt_idcard`); number: GB 11643-1999 (`sensors/resident_number.py`).
Tested on: the simulator only.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from sensors import sdt
from sensors.driver import Driver, Edge, Example, Later, Raw, Send, SerialSettings
from sensors.framing import Cutter
from sensors.readings import AnyReading, Garbled, IdentityCard, Ready, Refused, Secret, Silent

ANSWER_MS = 700.0
READING_MS = 3_000.0
"""A reader takes about a second for text and photograph, and 1,295 bytes have to come."""
PAUSE_MS = 200.0
"""Within a frame the line is never silent for so long: an answer that is still coming in is not late."""
ATTEMPTS = 3
MISSES = 3
MODEL = "SDT"

Region = Annotated[str, Meta(pattern=r"^[0-9]{2,6}\Z", description="the first 2 to 6 digits of a region")]


class Settings(SerialSettings, frozen=True, kw_only=True):
    baud: Literal[9600, 19200, 38400, 57600, 115200, 230400] = 115200
    poll_ms: Annotated[int, Meta(ge=100, le=5_000)] = 250
    """The pause between two questions whether a card is there."""
    again_ms: Annotated[int, Meta(ge=0, le=60_000)] = 2_000
    """The same card, found anew within this time after it was last there, has not been laid again."""
    regions: Annotated[tuple[Region, ...], Meta(max_length=64)] = ()
    """Beginnings of the numbers that count as this city's household (`310113` or `310`); empty: none."""


class Decoder:
    """One question at a time. Any sound reading is a card, also one whose question we gave up too early."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cutter = Cutter(sdt.measure(), sdt.FRAME_MAX)
        self._asked = b""
        self._late_ms = 0.0
        self._poll_ms = 0.0
        self._heard_ms: float | None = None
        self._missed = 0
        self._ready = False
        self._done = False
        """The card that is there now has been read, or given up."""
        self._failed = 0
        self._last: IdentityCard | None = None
        self._last_ms = 0.0
        self.wake_at_ms: float | None = 0.0

    def feed(self, raw: Raw, t_ms: float) -> list[AnyReading | Send]:
        if not isinstance(raw, bytes):
            return []
        frames, dropped = self._cutter.feed(raw)
        if self._asked and self._cutter.pending:
            self._late_ms = max(self._late_ms, t_ms + PAUSE_MS)
        out: list[AnyReading | Send] = [Garbled(dropped, "no frame")] if dropped else []
        for frame in frames:
            out += self._answered(sdt.understood(frame), t_ms)
        self._arrange()
        return out

    def tick(self, t_ms: float) -> list[AnyReading | Send]:
        out: list[AnyReading | Send] = []
        if self._asked and t_ms >= self._late_ms:
            out += self._unanswered(t_ms)
        if not self._asked and t_ms >= self._poll_ms:
            out += self._ask(sdt.FIND if self._ready else sdt.STATUS, t_ms)
        self._arrange()
        return out

    def replugged(self, t_ms: float) -> list[AnyReading | Send]:
        """Another reader may hang there now, and whoever's card lay on the old one is gone."""
        self._cutter.clear()
        self._asked, self._poll_ms, self._ready, self._last = b"", t_ms, False, None
        self._gone()
        self._arrange()
        return []

    # ---- asking

    def _ask(self, command: bytes, t_ms: float) -> list[AnyReading | Send]:
        self._asked = command
        self._late_ms = t_ms + (READING_MS if command == sdt.READ else ANSWER_MS)
        self._heard_ms = t_ms if self._heard_ms is None else self._heard_ms
        return [Send(command)]

    def _rest(self, t_ms: float) -> list[AnyReading | Send]:
        self._asked, self._poll_ms = b"", t_ms + self._settings.poll_ms
        return []

    def _unanswered(self, t_ms: float) -> list[AnyReading | Send]:
        self._rest(t_ms)
        lost = self._cutter.clear()
        out: list[AnyReading | Send] = [Garbled(lost, "half a frame")] if lost else []
        self._missed += 1
        if self._missed % MISSES:
            return out
        self._ready = False
        self._gone()
        return [*out, Silent(t_ms - (self._heard_ms or 0.0))]

    def _arrange(self) -> None:
        self.wake_at_ms = self._late_ms if self._asked else self._poll_ms

    # ---- what came

    def _answered(self, reply: sdt.Reply, t_ms: float) -> list[AnyReading | Send]:
        self._heard_ms, self._missed = t_ms, 0
        if reply.sw3 in sdt.BROKEN:
            self._ready = False
            return [Refused(sdt.BROKEN[reply.sw3]), *self._rest(t_ms)]
        news: list[AnyReading | Send] = [] if self._ready else [Ready(MODEL)]
        self._ready = True
        text = reply.text
        if text is not None:
            return [*news, *self._read(text, t_ms), *self._rest(t_ms)]
        return news + self._next(reply.sw3, t_ms)

    def _next(self, sw3: int, t_ms: float) -> list[AnyReading | Send]:
        asked = self._asked
        if asked == sdt.FIND and sw3 == sdt.FOUND:
            return self._found(t_ms)
        if asked == sdt.FIND and sw3 == sdt.NONE:
            self._gone()
        elif asked == sdt.SELECT and sw3 == sdt.OK:
            return self._ask(sdt.READ, t_ms)
        elif sw3 in sdt.SPOILT:
            return [Garbled(0, "the reader got a spoilt command"), *self._rest(t_ms)]
        elif asked in (sdt.SELECT, sdt.READ):
            return [*self._failure("the card cannot be read: is it alone, and an identity card?"), *self._rest(t_ms)]
        return self._rest(t_ms) if asked else []

    def _found(self, t_ms: float) -> list[AnyReading | Send]:
        if self._done:
            self._last_ms = t_ms
            return self._rest(t_ms)
        return self._ask(sdt.SELECT, t_ms)

    def _read(self, text: bytes, t_ms: float) -> list[AnyReading | Send]:
        card = sdt.card_of(text, self._settings.regions)
        if isinstance(card, str):
            return self._failure(card)
        same = card == self._last and t_ms - self._last_ms < self._settings.again_ms
        self._done, self._failed, self._last, self._last_ms = True, 0, card, t_ms
        return [] if same else [card]

    def _failure(self, because: str) -> list[AnyReading | Send]:
        """Once is a hand that moved. Three times is told, and the card is left alone until it is gone."""
        self._failed += 1
        if self._failed < ATTEMPTS:
            return []
        self._done, self._failed = True, 0
        return [Garbled(0, because)]

    def _gone(self) -> None:
        self._done, self._failed = False, 0


class Simulator:
    """The reader: a card that is shown lies there for a while; two at once cannot be selected."""

    ANSWER_MS = 20.0
    READ_MS = 600.0
    BYTE_MS = 10 / 115.2
    NAME = "测试甲"

    def __init__(self, settings: Settings, lies_ms: float = 1_500.0) -> None:
        self._lies_ms = lies_ms
        self._cards: list[tuple[float, bytes]] = []
        """(until when it lies there, text block) of each card on the reader."""
        self._selected = b""
        self._input = bytearray()

    def show(self, reading: AnyReading, t_ms: float) -> list[Later]:
        if isinstance(reading, IdentityCard):
            self._lying(t_ms)
            self._cards = [*self._cards[-3:], (t_ms + self._lies_ms, text_of(reading, self.NAME))]
        return []

    def take_away(self) -> None:
        self._cards = []

    def hear(self, raw: bytes | Edge, t_ms: float) -> list[Later]:
        if not isinstance(raw, bytes):
            return []
        self._input += raw
        out: list[Later] = []
        while (command := self._command()) is not None:
            out += self._answer(command, t_ms)
        return out

    def _command(self) -> bytes | None:
        start = self._input.find(sdt.HEADER)
        del self._input[: start if start >= 0 else max(0, len(self._input) - len(sdt.HEADER) + 1)]
        if len(self._input) < 7:
            return None
        length = 7 + int.from_bytes(self._input[5:7], "big")
        if len(self._input) < min(length, 64):
            return None
        command = bytes(self._input[:length])
        del self._input[:length]
        return command

    def _answer(self, command: bytes, t_ms: float) -> list[Later]:
        cards = self._lying(t_ms)
        if command == sdt.FIND:
            answer = sdt.reply(sdt.FOUND, bytes(4)) if cards else sdt.reply(sdt.NONE)
        elif command == sdt.SELECT:
            self._selected = cards[0] if len(cards) == 1 else b""
            answer = sdt.reply(sdt.OK, bytes(8)) if self._selected else sdt.reply(sdt.NOT_SELECTED)
        elif command == sdt.READ:
            stays = self._selected and self._lying(t_ms + self.READ_MS) == [self._selected]
            answer = sdt.text_reply(self._selected) if stays else sdt.reply(sdt.NOT_READ)
        else:
            answer = sdt.reply(sdt.OK if command == sdt.STATUS else 0x21)
        takes_ms = self.READ_MS if command == sdt.READ else self.ANSWER_MS
        return [Later(answer, takes_ms + len(answer) * self.BYTE_MS)]

    def _lying(self, t_ms: float) -> list[bytes]:
        return [text for until_ms, text in self._cards if until_ms > t_ms]


def text_of(card: IdentityCard, name: str) -> bytes:
    """A card's text block with a made-up name and address."""
    number, born = card.number.reveal(), card.born.reveal()
    flag = {"resident": " ", "hmt_permit": "J", "foreigner": "I" if len(number) == 15 else "Y"}[card.document]
    layout = sdt.LAYOUTS[flag]
    text = bytearray(" ".encode("utf-16-le") * (sdt.TEXT_BYTES // 2))
    parts = {layout.born: born, layout.number: number, (sdt.FLAG_AT, 2): flag}
    parts[(158 if flag == "I" else 0, 30)] = name
    for (offset, length), part in parts.items():
        text[offset : offset + length] = part.ljust(length // 2)[: length // 2].encode("utf-16-le", "replace")[:length]
    return bytes(text)


DRIVER = Driver(
    name="identity_sdt",
    port="serial",
    settings=Settings,
    decoder=Decoder,
    simulator=Simulator,
    examples=(
        Example(
            "the card of a person who never was, born 1955",
            (
                bytes.fromhex(
                    "aaaaaa9669050800009001000400"
                    "4b6dd58b3275200020002000200020002000200020002000200020002000"
                    "3200"
                    "30003100"
                    "31003900350035003000310030003100"
                    "3a798b4fef8d3100f75320002000200020002000200020002000200020002000200020002000200020002000200020002000"
                    "2000200020002000200020002000200020002000"
                    "300030003000300030003000310039003500350030003100300031003100320033003800"
                    "3a798b4f3a67735120002000200020002000200020002000200020002000"
                    "32003000310035003000310030003100"
                    "7f951f67200020002000200020002000"
                    "200020002000200020002000200020002000200020002000200020002000200020002000"
                )
                + bytes(1024)
                + b"\xa0",
            ),
            (IdentityCard(Secret("000000195501011238"), Secret("19550101")),),
            "device-vectors.json sdt_idcard rsp_read_base_synthetic",
            settings=Settings(again_ms=0),
        ),
    ),
    checksum=True,
    polled=True,
    gives=(IdentityCard,),
)
