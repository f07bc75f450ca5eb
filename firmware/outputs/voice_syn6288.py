"""SYN6288 Chinese speech module: says any text.

Wiring: 3.3 V UART, TX to RX and RX to TX; the loudspeaker on the module's own amplifier. Many boards are wired one way
    only: set `answers = false` there, and a phrase is taken to be finished by its length.
On the wire: 9600 8N1. `FD lenH lenL cmd par text xor`, xor over everything before it; len counts from cmd to xor.
    cmd 01 speaks; par 0 GB 2312, 1 GBK, 3 Unicode (16 bit, high byte first). At most 200 bytes of text: longer phrases
    are cut at a pause and go on when the module reports idle. `[v0]`..`[v16]` in the text sets the volume; square
    brackets of a phrase itself are left out, so that no phrase can change it. Answers are single bytes: `J` started,
    `A` accepted, `E` not understood, `N` speaking, `O` idle; N and O come as an answer to `FD 00 02 21 DE`, and O
    also by itself at the end of a frame. Only the Chinese text is said.
Source: devices.md 11; device-vectors.json `syn6288` (stop, query, a phrase); J and N from public notes on the data
    sheet (unverified).
Tested on: the simulator only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from firmware.core.actions import VoiceSay
from firmware.outputs.hand import Answers, Far, Position, soonest
from firmware.outputs.speech import Memory, Speaker, Step, VoiceSettings
from firmware.outputs.words import clean, pieces
from sensors.driver import Driver, Edge, Example, Later, Raw, Send
from sensors.framing import Cutter, xor8
from sensors.readings import AnyReading, Garbled, Ready, Refused, Silent

SPEAK, STOP, QUERY = 0x01, 0x02, 0x21
HEAD = 0xFD
TEXT_MAX = 200
PIECES_MAX = 4
VOLUME_MAX = 16
CHARACTER_MS = 400
"""Longer than any character takes at the module's ordinary speed (about four a second)."""
ANSWER_MS = 500
CODECS = {"gb2312": (0, "gb2312"), "gbk": (1, "gbk"), "unicode": (3, "utf-16-be")}
STARTED, ACCEPTED, REFUSED, SPEAKING, IDLE = b"J", b"A", b"E", b"N", b"O"
NO_TAGS = str.maketrans("[]", "  ")


class Settings(VoiceSettings, frozen=True, kw_only=True):
    encoding: Literal["gb2312", "gbk", "unicode"] = "gbk"
    sets_volume: bool = True
    """Put a volume tag in front of every phrase; off where a knob on the amplifier does it (the cap is then its)."""
    answers: bool = True
    """The module's TX is wired; its silence is then reported."""


def frame(command: int, rest: bytes = b"") -> bytes:
    body = bytes((HEAD,)) + (len(rest) + 2).to_bytes(2) + bytes((command,)) + rest
    return body + bytes((xor8(body),))


class Encoder(Speaker):
    HUSH = frame(STOP)

    def __init__(self, settings: Settings, on_failure: Position = "closed") -> None:
        super().__init__(settings)
        self._settings = settings
        self._par, self._codec = CODECS[settings.encoding]
        self._answer_by_ms: float | None = None
        self._asked = self._silent = False

    def steps(self, say: VoiceSay) -> Iterable[Step]:
        volume = self.percent(say) * VOLUME_MAX // 100
        tag = f"[v{volume}]".encode(self._codec) if self._settings.sets_volume else b""
        text = clean(say.zh.translate(NO_TAGS))
        if self._codec == "utf-16-be":
            text = "".join(char for char in text if ord(char) < 0x10000)
        for piece in pieces(text, self._codec, TEXT_MAX - len(tag), PIECES_MAX):
            busy_ms = 1_000 + CHARACTER_MS * len(piece.decode(self._codec, "ignore"))
            yield Step(frame(SPEAK, bytes((self._par,)) + tag + piece), busy_ms=busy_ms)

    def silence(self) -> None:
        self._answer_by_ms, self._asked = None, False
        super().silence()

    def order(self, order: object, t_ms: float) -> Answers:
        return self._expect(super().order(order, t_ms), t_ms)

    def feed(self, raw: Raw, t_ms: float) -> Answers:
        """Every byte is an answer of its own."""
        out: Answers = []
        junk = 0
        for code in raw if isinstance(raw, bytes) else b"":
            answer = bytes((code,))
            if answer not in (STARTED, ACCEPTED, REFUSED, SPEAKING, IDLE):
                junk += 1
                continue
            out += self._heard(answer, t_ms)
        return out + ([Garbled(junk, "no answer of a SYN6288")] if junk else [])

    def tick(self, t_ms: float) -> Answers:
        out: Answers = []
        if self._answer_by_ms is not None and t_ms >= self._answer_by_ms:
            self._answer_by_ms = None
            if not self._silent:
                out.append(Silent(ANSWER_MS))
            self._silent = True
        if self._overdue(t_ms):
            return out + self._ask(t_ms)
        return out + self._expect(super().tick(t_ms), t_ms)

    def _overdue(self, t_ms: float) -> bool:
        """It should have finished and did not say so: ask once before the next phrase is begun."""
        over = self._busy_until_ms is not None and t_ms >= self._busy_until_ms
        return over and self._settings.answers and not self._silent and not self._asked

    def _ask(self, t_ms: float) -> Answers:
        self._asked = True
        self._busy_until_ms = t_ms + ANSWER_MS
        return self._expect([Send(frame(QUERY))], t_ms)

    def _expect(self, out: Answers, t_ms: float) -> Answers:
        """After something was sent the module owes an answer."""
        if self._settings.answers and any(isinstance(part, Send) for part in out):
            self._answer_by_ms = t_ms + ANSWER_MS
        self._plan()
        return out

    def _heard(self, answer: bytes, t_ms: float) -> Answers:
        out: Answers = [Ready("SYN6288")] if self._silent or answer == STARTED else []
        self._silent, self._answer_by_ms = False, None
        if answer == REFUSED:
            out.append(Refused("the speech module did not understand a phrase"))
        elif answer == SPEAKING and self._busy_until_ms is not None:
            self._busy_until_ms, self._asked = t_ms + 5 * CHARACTER_MS, False
        if answer in (REFUSED, IDLE, STARTED):
            self._asked = False
            out += self.finished(t_ms) if answer == IDLE else self.failed(t_ms)
        return self._expect(out, t_ms)

    def _plan(self) -> None:
        super()._plan()
        self.wake_at_ms = soonest(self.wake_at_ms, self._answer_by_ms)


def _measure(buffer: bytearray, start: int) -> int:
    """What the module takes for a frame."""
    if buffer[start] != HEAD:
        return -1
    if len(buffer) - start < 3:
        return 0
    length = int.from_bytes(buffer[start + 1 : start + 3])
    if not 2 <= length <= TEXT_MAX + 3:
        return -1
    if len(buffer) - start < length + 3:
        return 0
    return length + 3 if xor8(buffer[start : start + length + 3]) == 0 else -1


class Simulator(Far, Memory):
    """A module that speaks four characters a second; `said` are the texts it was given, tags included."""

    def __init__(self, settings: Settings) -> None:
        Far.__init__(self)
        Memory.__init__(self)
        self._frames = Cutter(_measure, TEXT_MAX + 6)
        self._until_ms = 0.0

    def show(self, reading: AnyReading, t_ms: float) -> list[Later]:
        """A module that starts, or that got a phrase it cannot say."""
        answer = STARTED if isinstance(reading, Ready) else REFUSED if isinstance(reading, Refused) else b""
        return [Later(answer)] if answer else []

    def hear(self, raw: bytes | Edge, t_ms: float) -> list[Later]:
        out: list[Later] = []
        for heard in self._frames.feed(raw)[0] if isinstance(raw, bytes) else []:
            out += self._obey(heard[3], heard[4:-1], t_ms)
        return out

    def _obey(self, command: int, rest: bytes, t_ms: float) -> list[Later]:
        if command == SPEAK and rest:
            return self._speak(rest[0] & 0x07, rest[1:], t_ms)
        if command == QUERY:
            return [Later(SPEAKING if t_ms < self._until_ms else IDLE)]
        self._until_ms = t_ms
        return [Later(ACCEPTED)]

    def _speak(self, par: int, text: bytes, t_ms: float) -> list[Later]:
        codec = next((codec for code, codec in CODECS.values() if code == par), None)
        if codec is None:
            return [Later(REFUSED)]
        said = text.decode(codec, "replace")
        if said.startswith("[v") and "]" in said[:5]:
            self.volume, said = int(said[2 : said.index("]")]), said[said.index("]") + 1 :]
        self.said.append(said)
        self.history.append((t_ms, said))
        self._until_ms = t_ms + 250.0 * len(said)
        return [Later(ACCEPTED), Later(IDLE, 250.0 * len(said))]


DRIVER = Driver(
    name="voice_syn6288",
    port="serial",
    settings=Settings,
    decoder=Encoder,
    simulator=Simulator,
    examples=(
        Example(
            "please queue",
            (b"\xfd\x00\x09\x01\x01\xc7\xeb\xc5\xc5\xb6\xd3\xbd",),
            (),
            "device-vectors.json syn6288/say_请排队",
            order=VoiceSay(lane="A", phrase="queue_ahead", zh="请排队"),
            settings=Settings(sets_volume=False),
        ),
        Example("the module has started", (b"\x4a",), (Ready("SYN6288"),), "public notes on the data sheet: 4A"),
        Example(
            "a phrase was not understood",
            (b"\x45",),
            (Refused("the speech module did not understand a phrase"),),
            "devices.md 11: 'E' error",
        ),
    ),
)
