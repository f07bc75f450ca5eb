"""What the doors of a hall tell each other, over the broker and over the side link alike.

A `NoticeKind` is one kind of it: complete for its device (a later one replaces the earlier, loss and repetition do no harm),
JSON, sealed with the hall's key. To add a kind write a `NoticeKind` and `device.notices.add(it)` in `firmware/wiring.py`
before the ways are opened; there is nothing else to do:

    NoticeKind(
        kind="passes",                          # its own seal; its count in the status
        prefix="passes/",                       # topic under the hall's root, and key on the side link, up to the name
        name=lambda: "entry-1",                 # who says it: the rest of the topic
        own=lambda: msgspec.json.encode(...),   # a JSON object; None: nothing to say. Called after every turn it is due
        hear=lambda name, content, by: PeerUsed(...),  # another's, its seal checked: the event, or None where it is
                                                # no news. ValueError or a msgspec error: refused. From any thread.
        after=lambda records: any(isinstance(record, Passage) for record in records),  # when to look at `own` again
        rank=lambda name, content: 7,           # of two the larger is the later: kept and handed on (`handed_on.py`)
        rest_ms=lambda content: 1_000.0,        # so long after that no news are told: what is long is told seldom
    )

What changed leaves only after everything judged so far is on disk (P2 of the hall-wide limit).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from firmware.core.events import AnyEvent
from firmware.core.records import AnyRecord
from firmware.peers.handed_on import HandedOn, Rank
from firmware.peers.seal import sealed, unsealed

if TYPE_CHECKING:
    from firmware.wiring import Device

HEARTBEAT_MS = 5_000.0
"""Said again this often: heals a broker that lost its memory."""
NOTICE_BYTES_MAX = 400_000

By = str | None
"""Who said it: a device of the hall, "" for somebody who speaks now (the broker does not tell who), None for nobody: a
copy that the broker or this device had kept."""

Way = Callable[[str, bytes], object]
"""Takes a key below the hall's root and the sealed bytes, and brings them to the other doors."""


@dataclass(frozen=True)
class NoticeKind:
    kind: str
    prefix: str
    name: Callable[[], str]
    own: Callable[[], bytes | None]
    hear: Callable[[str, bytes, By], AnyEvent | None]
    after: Callable[[list[AnyRecord]], bool] = lambda _records: True
    beat_ms: float = HEARTBEAT_MS
    bytes_max: int = NOTICE_BYTES_MAX
    rank: Callable[[str, bytes], Rank | None] | None = None
    """None, or None for one notice: not handed on."""
    rest_ms: Callable[[bytes], float] = lambda _content: 0.0
    """After `content` was told, no news of this kind for so long; then all of them at once."""
    by_broker: bool = True
    """False: only doors that speak with each other carry it, nobody keeps it for later."""

    @property
    def topics(self) -> str:
        """What to subscribe to, below the hall's root. A prefix without a slash at its end is one topic for all."""
        return f"{self.prefix}#" if self.prefix.endswith("/") else self.prefix

    def names(self, key: str) -> bool:
        return key.startswith(self.prefix) if self.prefix.endswith("/") else key == self.prefix


class Word(Protocol):
    """What a device says of itself, and its ear for what the others say of themselves: as in `NoticeKind`."""

    def own(self) -> bytes | None: ...

    def hear(self, name: str, content: bytes, by: By, /) -> AnyEvent | None: ...


def of_itself(kind: str, device: Device, word: Word, **more: Any) -> NoticeKind:
    """A kind that each device says under its own name, `KIND/<device>`; `more` as in `NoticeKind`."""
    return NoticeKind(
        kind=kind, prefix=f"{kind}/", name=lambda: device.site.device.name, own=word.own, hear=word.hear, **more
    )


class Notices:
    """Nothing is told or believed where the site has no secret: nobody could believe it."""

    def __init__(self, device: Device, key: bytes | None, handed_on: HandedOn) -> None:
        self._device, self._key, self.handed_on = device, key, handed_on
        self.kinds: list[NoticeKind] = []
        self.ways: list[Way] = []
        self.refused: Counter[str] = Counter()
        self._told: dict[str, bytes] = {}
        self._due_ms: dict[str, float] = {}
        self._rests_until_ms: dict[str, float] = {}
        device.loop.after.append(self._news)
        device.loop.every(self._beat)
        device.loop.every(handed_on.tend)

    def add(self, kind: NoticeKind) -> None:
        self.kinds.append(kind)

    # ------------------------------------------------------------ out (the loop's thread)

    def _news(self, records: list[AnyRecord]) -> None:
        for kind in self.kinds if self.ways else ():
            if kind.after(records):
                self._soon(kind)

    def _soon(self, kind: NoticeKind) -> None:
        """Now, or with the beat that comes when it has rested."""
        until_ms = self._rests_until_ms.get(kind.kind, 0.0)
        if self._device.clock.elapsed_ms() >= until_ms:
            self._tell(kind, heartbeat=False)
        else:
            self._due_ms[kind.kind] = min(self._due_ms[kind.kind], until_ms)
            self._device.loop.hasten(self._beat, until_ms)

    def _beat(self, t_ms: float) -> float:
        for kind in self.kinds if self.ways else ():
            if t_ms >= self._due_ms.get(kind.kind, 0.0):
                self._due_ms[kind.kind] = t_ms + kind.beat_ms
                self._tell(kind, heartbeat=True)
        return min(self._due_ms.values(), default=t_ms + HEARTBEAT_MS)

    def _tell(self, kind: NoticeKind, *, heartbeat: bool) -> None:
        if self._key is None or not self._device.controller.state.journal_ok:
            return
        content = kind.own()
        news = content != self._told.get(kind.kind)
        if content is None or not (news or heartbeat) or not self._device.loop.settled():
            return
        now_ms = self._device.clock.elapsed_ms()
        self._told[kind.kind] = content
        self._due_ms[kind.kind] = now_ms + kind.beat_ms
        self._rests_until_ms[kind.kind] = now_ms + kind.rest_ms(content)
        payload = sealed(self._key, content, kind.kind)
        for way in self.ways:
            way(kind.prefix + kind.name(), payload)

    # ------------------------------------------------------------ in (any thread: only enqueue)

    def of_key(self, key: str) -> NoticeKind | None:
        return next((kind for kind in self.kinds if kind.names(key)), None)

    def remember(self) -> None:
        """What was heard before the last stop, as if it came now."""
        for key, payload in self.handed_on.read():
            self.came(key, payload, None)

    def came(self, key: str, payload: bytes, by: By) -> None:
        """A notice from any way. What is wrong with it is counted and changes nothing."""
        kind = self.of_key(key)
        if kind is None:
            self.refused["unknown"] += 1
            return
        try:
            if self._key is None or len(payload) > kind.bytes_max:
                raise ValueError("not for us")
            name, content = key.removeprefix(kind.prefix), unsealed(self._key, payload, kind.kind)
            event = kind.hear(name, content, by)
            rank = kind.rank(name, content) if kind.rank is not None else None
        except (ValueError, msgspec.DecodeError, RecursionError):  # its writer has the key, and may be mad
            self.refused[kind.kind] += 1
            return
        if event is not None:
            self._device.loop.post(event)
        if rank is not None and self.handed_on.is_later(key, rank):
            now_ms = self._device.clock.elapsed_ms()
            self._device.loop.call(lambda: self.handed_on.keep(key, payload, rank, now_ms))
