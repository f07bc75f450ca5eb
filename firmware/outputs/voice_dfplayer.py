"""DFPlayer Mini: plays recorded phrases from a memory card.

Wiring: UART 3.3 V through 1 kOhm in the line to the module's RX (it hums otherwise); loudspeaker up to 3 W. The card
    holds one clip per phrase in the folder /mp3, `0001.mp3` and so on, or as bare tracks in the order of copying.
On the wire: 9600 8N1, ten bytes `7E FF 06 cmd fb pH pL csH csL EF`, cs = minus the sum of the six bytes after 7E.
    12h plays /mp3/NNNN, 03h a track, 06h sets the volume (0..30), 16h stops. The module says 3Dh when a clip has ended
    (often twice), 40h for an error, 3Fh when it has started. It forgets orders that follow each other too closely, so
    the volume goes 60 ms ahead of the clip; and it forgets the volume when it loses power, so it goes ahead every time.
Source: devices.md 11; device-vectors.json `dfplayer`; 3Dh with its checksum from a published capture of a module.
Tested on: the simulator only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta

from firmware.core.actions import VoiceSay
from firmware.outputs.hand import Answers, Far, Position
from firmware.outputs.speech import Memory, PhraseKey, Speaker, Step, VoiceSettings
from sensors.driver import Driver, Edge, Example, Later, Raw
from sensors.framing import Cutter, fixed
from sensors.readings import AnyReading, Garbled, Ready, Refused

TRACK, VOLUME, MP3_FOLDER, STOP = 0x03, 0x06, 0x12, 0x16
ENDED, STARTED, ERROR, CARD_OUT = 0x3D, 0x3F, 0x40, 0x3B
VOLUME_MAX = 30
PAUSE_MS = 60
ERRORS = {
    1: "busy or no card",
    2: "asleep",
    3: "a frame came incomplete",
    4: "a checksum was wrong",
    5: "no such track",
    6: "no such clip",
}
Clip = Annotated[int, Meta(ge=1, le=2_999)]


class Settings(VoiceSettings, frozen=True, kw_only=True):
    clips: Annotated[dict[PhraseKey, Clip], Meta(max_length=200)] = {}
    """Phrase key to clip number, `admit = 1`; a phrase without a clip is not said, and that is reported."""
    plays: Literal["mp3", "track"] = "mp3"
    """`mp3`: the clip's file name in the folder /mp3; `track`: its place on the card."""
    sets_volume: bool = True
    clip_ms_max: Annotated[int, Meta(ge=500, le=120_000)] = 15_000
    """The longest clip; a module that does not say that it has ended is taken to have."""


def frame(command: int, value: int = 0) -> bytes:
    body = bytes((0xFF, 0x06, command, 0x00)) + value.to_bytes(2)
    return b"\x7e" + body + (-sum(body) & 0xFFFF).to_bytes(2) + b"\xef"


def good(seen: bytes) -> bool:
    total = sum(seen[1:7]) + int.from_bytes(seen[7:9])
    return seen[1:3] == b"\xff\x06" and total & 0xFFFF == 0 and seen[9] == 0xEF


class Encoder(Speaker):
    HUSH = frame(STOP)

    def __init__(self, settings: Settings, on_failure: Position = "closed") -> None:
        super().__init__(settings)
        self._settings = settings
        self._frames = Cutter(fixed(b"\x7e", 10, good), 10)

    def steps(self, say: VoiceSay) -> Iterable[Step]:
        if self._settings.sets_volume:
            yield Step(frame(VOLUME, self.percent(say) * VOLUME_MAX // 100), pause_ms=PAUSE_MS)
        command = MP3_FOLDER if self._settings.plays == "mp3" else TRACK
        yield Step(frame(command, self._settings.clips[say.phrase]), busy_ms=self._settings.clip_ms_max)

    def order(self, order: object, t_ms: float) -> Answers:
        if isinstance(order, VoiceSay) and order.phrase not in self._settings.clips:
            return [Refused(f"no clip is given for the phrase {order.phrase[:64]!r}")]
        return super().order(order, t_ms)

    def feed(self, raw: Raw, t_ms: float) -> Answers:
        if not isinstance(raw, bytes):
            return []
        frames, dropped = self._frames.feed(raw)
        out: Answers = [Garbled(dropped, "no answer of a DFPlayer")] if dropped else []
        for seen in frames:
            out += self._heard(seen[3], int.from_bytes(seen[5:7]), t_ms)
        return out

    def _heard(self, command: int, value: int, t_ms: float) -> Answers:
        if command == STARTED:
            self.silence()
            return [Ready("DFPlayer")]
        if command == CARD_OUT:
            return [Refused("the memory card was taken out")]
        if command == ERROR:
            refused = Refused(f"the player reports: {ERRORS.get(value, f'error {value}')}")
            return [refused, *self.failed(t_ms)]
        return self.finished(t_ms) if command == ENDED else []


class Simulator(Far, Memory):
    """A player whose clips all last two seconds; `said` are the clip numbers."""

    CLIP_MS = 2_000.0

    def __init__(self, settings: Settings) -> None:
        Far.__init__(self)
        Memory.__init__(self)
        self._frames = Cutter(fixed(b"\x7e", 10, good), 10)

    def show(self, reading: AnyReading, t_ms: float) -> list[Later]:
        if isinstance(reading, Ready):
            return [Later(frame(STARTED, 2))]
        return [Later(frame(ERROR, 6))] if isinstance(reading, Refused) else []

    def hear(self, raw: bytes | Edge, t_ms: float) -> list[Later]:
        out: list[Later] = []
        for seen in self._frames.feed(raw)[0] if isinstance(raw, bytes) else []:
            command, value = seen[3], int.from_bytes(seen[5:7])
            if command == VOLUME:
                self.volume = value
            elif command in (TRACK, MP3_FOLDER):
                self.said.append(value)
                self.history.append((t_ms, value))
                out += [Later(frame(ENDED, value), self.CLIP_MS + echo_ms) for echo_ms in (0.0, 20.0)]
        return out


DRIVER = Driver(
    name="voice_dfplayer",
    port="serial",
    settings=Settings,
    decoder=Encoder,
    simulator=Simulator,
    examples=(
        Example(
            "track 1",
            (b"\x7e\xff\x06\x03\x00\x00\x01\xfe\xf7\xef",),
            (),
            "device-vectors.json dfplayer/play_0001",
            order=VoiceSay(lane="A", phrase="admit", zh="请通行"),
            settings=Settings(clips={"admit": 1}, plays="track", sets_volume=False),
        ),
        Example(
            "a clip has ended, which nobody needs to know",
            (b"\x7e\xff\x06\x3d\x00\x00\x01\xfe\xbd\xef",),
            (),
            "a published capture of a module",
        ),
        Example(
            "the player does not find a clip",
            (b"\x7e\xff\x06\x40\x00\x00\x06\xfe\xb5\xef",),
            (Refused("the player reports: no such clip"),),
            "DFPlayer manual: 40h error, 06 not found; checksum by its rule",
        ),
    ),
    checksum=True,
)
