"""What this door tells the others of its day, and theirs as events: only what is news.

`passes/<device>` is complete for its day, and a new one replaces it. A short one goes out with every passage; after a busy
morning it is long, and is told only as often as `LIST_BYTES_PER_MS` allows: then `used/<device>`, the latest uses alone,
goes out with every passage, so that no pass is used twice meanwhile. Every event is journalled: only the uses that were
not heard before become one. Now and then all of the day does, should one of those have been lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from firmware.core import other_doors
from firmware.core.bucket import Bucket
from firmware.core.events import PeerUsed
from firmware.core.records import AnyRecord, Decision, DeviceStarted, Incident, Passage
from firmware.core.state import Counted
from firmware.core.turn import Turn
from firmware.peers.notices import By, NoticeKind, of_itself
from mqtt import passes_list

if TYPE_CHECKING:
    from firmware.wiring import Device

WHOLE_MS = 600_000.0
"""The whole list becomes an event again after this long."""
BEAT_MS = 20_000.0
"""Unchanged it is said this often: 48 kB after 1,500 visits, and every door hears every other one."""
SHORT_BYTES, SHORT_USES = 2_500, 32
"""A list of so many bytes goes out at once; from so many uses on, less than half of that, the latest go out beside it."""
LIST_BYTES_PER_MS = 10.0
"""Of a longer one a door tells so much at most: 48 kB every 5 s. With every passage, what a hall sends in a day would rise
with the square of its visitors: after 1,500 of them 48 kB for each one more, to every other door."""
LATEST = 16
"""Uses told at once: each goes out many times, and what is lost all the same comes with the list."""
KNOWN_MAX = 4 * other_doors.TELLS
"""Of one door. More is nonsense, and forgotten: what then is told twice does no harm."""
CHANGES_BURST, CHANGES_PER_S = 40.0, 4.0
"""Lists that hold no new use but another count, of all doors together: more of them is no hall, but a replay."""
NOTE_MS = 40_000.0
"""A door that says nothing new is noted this often, so that it does not count as apart (`[quota] apart_seconds`)."""


def used_passes(device: Device) -> tuple[NoticeKind, NoticeKind]:
    """The kinds of notice that carry them, over the broker and the side link: the day's list, and its end at once."""
    known: dict[str, Known] = {}
    whole, latest = UsedPasses(device, known), LatestPasses(device, known)
    return (
        of_itself("passes", device, whole, after=_may_be_news, beat_ms=BEAT_MS, rest_ms=list_rest_ms),
        of_itself("used", device, latest, after=_may_be_news, beat_ms=BEAT_MS),
    )


def list_rest_ms(content: bytes) -> float:
    return len(content) / LIST_BYTES_PER_MS if len(content) > SHORT_BYTES else 0.0


def _may_be_news(records: list[AnyRecord]) -> bool:
    return any(isinstance(record, TOLD_AFTER) for record in records)


TOLD_AFTER = (Passage, Decision, Incident, DeviceStarted)
"""What may have used a pass, counted somebody or held a person; and the start, since when this door has a name."""


@dataclass
class Known:
    """What was heard of another door's day, and when something of it, and all of it, was handed on."""

    day: str
    used: set[tuple[str, int, int]]
    held: tuple[str, ...]
    counted: Counted
    noted_ms: float
    whole_ms: float
    seq: int
    inc: str

    def is_newer_than(self, event: PeerUsed) -> bool:
        """A list that was overtaken on its way, or that somebody kept and says again."""
        return self.inc == event.inc and event.seq < self.seq


class UsedPasses:
    """The whole list: `own` in the loop's thread, `hear` in any. `known` is shared with the latest of it."""

    is_whole = True

    def __init__(self, device: Device, known: dict[str, Known]) -> None:
        self._device, self._known = device, known
        self._changes = Bucket(CHANGES_BURST, CHANGES_PER_S)
        self._said: bytes | None = None
        self._said_of: other_doors.Day | None = None

    def own(self) -> bytes | None:
        """None before the first start is judged: a list without a name would take the place of the one that is kept."""
        day = self._day()
        return self._saying(day) if day.device else None

    def _saying(self, day: other_doors.Day) -> bytes:
        """A list that differs by its number alone is the one that was said: who is refused is no news to other doors."""
        said = self._said_of
        if self._said is None or said is None or msgspec.structs.replace(day, seq=said.seq) != said:
            self._said, self._said_of = passes_list.told(day).encoded(), day
        return self._said

    def _day(self, at_most: int = other_doors.TELLS) -> other_doors.Day:
        controller, moment = self._device.controller, self._device.clock.moment()
        now_s = Turn(controller.state, moment, controller.zone, controller.rulebook).known_s
        return other_doors.own_day(controller.state, now_s, controller.zone, at_most)

    def hear(self, name: str, content: bytes, _by: By) -> PeerUsed | None:
        """None: nothing new, as in an echo. ValueError: it is no such list, or another door's than `name`'s."""
        if content == self._said:
            return None  # our own, back from the broker: thousands of passes are not understood for nothing
        event = passes_list.heard(content)
        if event is None or event.device != name:
            raise ValueError("no list of passes of that door")
        if name == self._device.site.device.name:  # said a moment ago, or by a dead one in our place
            return other_doors.from_before(self._device.controller.state, event)
        now = self._device.clock.elapsed_ms()
        known = self._known.get(name)
        if known is not None and known.is_newer_than(event):
            return self._overtaken(known, event)
        if known is not None and known.day != event.day and not self._changes.take(now):
            return None
        if known is None or known.day != event.day or self.is_whole and now - known.whole_ms >= WHOLE_MS:
            whole_ms = now if self.is_whole else -WHOLE_MS
            self._known[name] = _known(event, now, whole_ms)
            return event
        return _news(known, event, now, self._changes)

    def _overtaken(self, known: Known, event: PeerUsed) -> PeerUsed | None:
        """No word of it holds any longer but that a pass was used."""
        self._device.notices.refused["older"] += 1
        used = tuple(use for use in event.used if use not in known.used) if event.day == known.day else ()
        known.used.update(used)
        return msgspec.structs.replace(event, used=used) if used else None


class LatestPasses(UsedPasses):
    """The end of a list that is too long to be told with every passage."""

    is_whole = False

    def own(self) -> bytes | None:
        day = self._day(SHORT_USES + 1)
        if len(day.used) <= SHORT_USES:
            return None
        return self._saying(msgspec.structs.replace(day, used=day.used[:LATEST]))


def _known(event: PeerUsed, now: float, whole_ms: float) -> Known:
    return Known(event.day, set(event.used), event.held, event.counted, now, whole_ms, event.seq, event.inc)


def _news(known: Known, event: PeerUsed, now: float, changes: Bucket) -> PeerUsed | None:
    used = tuple(use for use in event.used if use not in known.used)
    same = (event.held, event.counted) == (known.held, known.counted)
    if not used and now - known.noted_ms < NOTE_MS and (same or not changes.take(now)):
        return None
    if len(known.used) > KNOWN_MAX:
        known.used.clear()
    known.used.update(used)
    known.held, known.counted, known.noted_ms = event.held, event.counted, now
    known.seq, known.inc = event.seq, event.inc
    return msgspec.structs.replace(event, used=used)
