"""Any sign that shows lines of text sent over a serial line: LED line displays, text-mode panels, small terminals.

Wiring: RS-232, RS-485 or USB to the sign's controller; the sign's own settings choose font and colour.
On the wire: 9600 8N1 unless set otherwise. Two lines, Chinese first, each ended by `terminator`; every message is a
    whole screen. The encoding is GB 18030 unless set otherwise. A sign has `width` full characters in a line; Latin
    letters take half of one. Control characters are never sent, whatever a phrase holds. Nothing comes back.
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
from firmware.outputs.words import clean, fitted
from sensors.driver import Driver, Edge, Example, Later, Send, SerialSettings

SHOW_MAX_MS = 3_600_000
PAGES_MAX = 32
TERMINATORS = {"crlf": b"\r\n", "cr": b"\r", "lf": b"\n"}
Lines = tuple[str, str]
IdleText = Annotated[str, Meta(max_length=200)]


class Settings(SerialSettings, frozen=True, kw_only=True):
    encoding: Literal["gb18030", "utf-8"] = "gb18030"
    width: Annotated[int, Meta(ge=4, le=80)] = 14
    """Chinese characters in one line of the sign; Latin letters count half. What is longer is cut."""
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
        self._then: tuple[Lines, float] | None = None
        """What follows the message that stands there now, and when it is over."""
        self._shown: Lines | None = None
        """What the sign was last sent; None: nothing yet."""
        self._busy = False
        """An answer to somebody stands there, no idle text."""
        self.wake_at_ms: float | None = None

    def start(self, t_ms: float) -> Answers:
        return self._show(self._idle)

    def stop(self, t_ms: float) -> Answers:
        """An answer to a visitor must not stay behind when nobody takes it down any more; nor numbers that grow old."""
        self.wake_at_ms, self._then, self._pages, self._busy = None, None, [], False
        return self._show(self._idle)

    def replugged(self, t_ms: float) -> Answers:
        lines = self._idle if self._shown is None or (self._busy and self._over(t_ms)) else self._shown
        self._shown = None
        return self._show(lines)

    def order(self, order: Any, t_ms: float) -> Answers:
        if isinstance(order, SignIdle):
            return self._take_pages(order, t_ms)
        if not isinstance(order, SignShow) or order.show_ms <= 0:
            return []
        ends = t_ms + min(order.show_ms, SHOW_MAX_MS)
        then = order.then_zh or order.then_en
        self._then = (self._fit(order.then_zh, order.then_en), ends) if then else None
        self._busy, self.wake_at_ms = True, (t_ms + ends) / 2 if then else ends
        return self._show(self._fit(order.zh, order.en))

    def tick(self, t_ms: float) -> Answers:
        if not self._over(t_ms):
            return []
        if self._then is not None:
            lines, self.wake_at_ms = self._then
            self._then = None
            return self._show(lines)
        self._busy = False
        return self._turn_page(t_ms)

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
