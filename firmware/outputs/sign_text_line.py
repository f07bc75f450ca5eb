"""Any sign that shows lines of text sent over a serial line: LED line displays, text-mode panels, small terminals.

Wiring: RS-232, RS-485 or USB to the sign's controller; the sign's own settings choose font and colour.
On the wire: 9600 8N1 unless set otherwise. Two lines, Chinese first, each ended by `terminator`; every message is a
    whole screen. The encoding is GB 18030 unless set otherwise. A sign has `width` full characters in a line; Latin
    letters take half of one. Control characters are never sent, whatever a phrase holds. Nothing comes back.
    What is too long for a line is shown in two parts by turns, Chinese at the space between its halves.
    After `show_ms` the sign goes back to its idle text by itself. Empty idle lines clear it. Pages that the rulebook has
    for an idle sign take the place of that text and are shown by turns.
Source: no particular model: the plain text mode that most line displays have; GB 18030-2022 for the encoding (its
    second bytes are never below 30h, so a character can never look like a line end).
Tested on: the simulator only.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from firmware.core.actions import SignIdle, SignShow
from firmware.outputs.hand import Answers, Far, Hand, Position
from firmware.outputs.words import clean, columns, fitted
from sensors.driver import Driver, Edge, Example, Later, Send, SerialSettings

SHOW_MAX_MS = 3_600_000
PAGES_MAX = 32
PART_MS = 2_500
"""Long enough to read half a line, short enough that a visitor sees both halves before they turn away."""
TERMINATORS = {"crlf": b"\r\n", "cr": b"\r", "lf": b"\n"}
Lines = tuple[str, str]
IdleText = Annotated[str, Meta(max_length=200)]


class Settings(SerialSettings, frozen=True, kw_only=True):
    encoding: Literal["gb18030", "utf-8"] = "gb18030"
    width: Annotated[int, Meta(ge=4, le=80)] = 14
    """Chinese characters in one line of the sign; Latin letters count half. What is longer is shown in two parts."""
    terminator: Literal["crlf", "cr", "lf"] = "crlf"
    idle_zh: IdleText = ""
    """Shown when nothing else is."""
    idle_en: IdleText = ""


class Encoder(Hand):
    def __init__(self, settings: Settings, on_failure: Position = "closed") -> None:
        self._settings = settings
        self._idle = self._fit(settings.idle_zh, settings.idle_en)
        self._pages: list[Lines] = []
        self._page_ms = 0
        self._messages: list[tuple[list[Lines], float]] = []
        """The one that stands there and the one that follows: the parts of each, the next one first, and when it is over."""
        self._shown: Lines | None = None
        """What the sign was last sent; None: nothing yet."""
        self._busy = False
        """An answer to somebody stands there, no idle text."""
        self.wake_at_ms: float | None = None

    def start(self, t_ms: float) -> Answers:
        return self._show(self._idle)

    def stop(self, t_ms: float) -> Answers:
        """An answer to a visitor must not stay behind when nobody takes it down any more; nor numbers that grow old."""
        self.wake_at_ms, self._messages, self._pages, self._busy = None, [], [], False
        return self._show(self._idle)

    def replugged(self, t_ms: float) -> Answers:
        over = self._busy and t_ms >= self._messages[-1][1]
        lines = self._idle if self._shown is None or over else self._shown
        self._shown = None
        return self._show(lines)

    def order(self, order: Any, t_ms: float) -> Answers:
        if isinstance(order, SignIdle):
            return self._take_pages(order, t_ms)
        if not isinstance(order, SignShow) or order.show_ms <= 0:
            return []
        ends = t_ms + min(order.show_ms, SHOW_MAX_MS)
        parts, before = self._parts(order.zh, order.en), self._messages[0][0] if self._busy else []
        same = len(parts) > 1 and sorted(parts) == sorted(before)
        self._messages = [(before if same else parts, ends)]
        if order.then_zh or order.then_en:
            self._messages = [
                (self._messages[0][0], (t_ms + ends) / 2),
                (self._parts(order.then_zh, order.then_en), ends),
            ]
        self._busy = True
        # Said again while its parts stand there by turns: they go on, or nobody would ever see the second one.
        return [] if same else self._turn_part(t_ms)

    def tick(self, t_ms: float) -> Answers:
        if not self._over(t_ms):
            return []
        self._messages = [(parts, ends) for parts, ends in self._messages if ends > t_ms]
        if self._messages:
            return self._turn_part(t_ms)
        self._busy = False
        return self._turn_page(t_ms)

    def _turn_part(self, t_ms: float) -> Answers:
        """The next part of the message that stands there."""
        parts, ends = self._messages[0]
        parts.append(parts.pop(0))
        self.wake_at_ms = ends if len(parts) == 1 else min(ends, t_ms + PART_MS)
        return self._show(parts[-1])

    def _take_pages(self, order: SignIdle, t_ms: float) -> Answers:
        """New pages; an answer that stands there stays for its time."""
        self._pages = [self._fit(zh, en) for zh, en in order.pages[:PAGES_MAX]]
        self._page_ms = max(500, order.page_ms)
        return [] if self._busy else self._turn_page(t_ms)

    def _turn_page(self, t_ms: float) -> Answers:
        """The page after the one that stands there; the first where none of them does."""
        if not self._pages:
            self.wake_at_ms = None
            return self._show(self._idle)
        self.wake_at_ms = t_ms + self._page_ms if len(self._pages) > 1 else None
        page, self._pages = self._pages[0], [*self._pages[1:], self._pages[0]]
        return self._show(page)

    def _over(self, t_ms: float) -> bool:
        return self.wake_at_ms is not None and t_ms >= self.wake_at_ms

    def _fit(self, zh: str, en: str) -> Lines:
        width = 2 * self._settings.width
        return fitted(clean(zh), width), fitted(clean(en), width)

    def _parts(self, zh: str, en: str) -> list[Lines]:
        """The whole, or where a line is too short for it, two parts: nobody is told half of what to do."""
        width = 2 * self._settings.width
        whole, half, rest = clean(en), self._fit(zh, en)[1], ""
        first, _, second = clean(zh).partition(" ")
        if columns(whole) > width:
            rest = fitted(whole[len(half) :].strip(), width)
        if columns(clean(zh)) <= width or not second:
            first, second = clean(zh), ""
        if not (second or rest):
            return [self._fit(zh, en)]
        return [self._fit(first, half), self._fit(second or first, rest or half)]

    def _show(self, lines: Lines) -> Answers:
        """Send a screen, unless it is the one that stands there: some signs blink at every message."""
        if lines == self._shown:
            return []
        self._shown = lines
        end = TERMINATORS[self._settings.terminator]
        return [Send(b"".join(line.encode(self._settings.encoding, "ignore") + end for line in lines))]


class Simulator(Far):
    """A sign: `shown` are the lines on it now, `history` every screen there was."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._encoding = settings.encoding
        self._end = TERMINATORS[settings.terminator]
        self._buffer = b""
        self._lines: list[str] = []
        self.shown: tuple[str, ...] = ()

    def hear(self, raw: bytes | Edge, t_ms: float) -> list[Later]:
        if not isinstance(raw, bytes):
            return []
        *lines, self._buffer = (self._buffer + raw)[-8_192:].split(self._end)
        for line in lines:
            self._lines.append(line.decode(self._encoding, "replace"))
            if len(self._lines) == 2:
                self.shown, self._lines = tuple(self._lines), []
                self.history.append((t_ms, self.shown))
        return []


DRIVER = Driver(
    name="sign_text_line",
    port="serial",
    settings=Settings,
    decoder=Encoder,
    simulator=Simulator,
    examples=(
        Example(
            "please queue, in GB 18030",
            (b"\xc7\xeb\xc5\xc5\xb6\xd3\x0d\x0aPlease queue\x0d\x0a",),
            (),
            "device-vectors.json syn6288/say: the same three characters in GBK",
            order=SignShow(lane="A", zh="请排队", en="Please queue"),
        ),
        Example(
            "please queue, in UTF-8 with LF, and a control character that is not sent",
            (b"\xe8\xaf\xb7\xe6\x8e\x92\xe9\x98\x9f\x0aPlease queue\x0a",),
            (),
            "Unicode 15: U+8BF7 U+6392 U+961F",
            order=SignShow(lane="A", zh="请排队\x1b", en="Please\x07 queue"),
            settings=Settings(encoding="utf-8", terminator="lf"),
        ),
    ),
)
