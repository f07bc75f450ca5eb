"""`passes/<device>`: what this door tells the others of its day, and theirs as events: only what is news.

Every notice is complete for its day, and every event is journalled: of a list that grows with every passage only the
uses that were not there before become an event. Now and then all of it does, should one of those have been lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from firmware.core import peers
from firmware.core.events import PeerUsed
from firmware.core.records import AnyRecord, Decision, Incident, Passage
from firmware.core.turn import Turn
from firmware.peers.notices import By, Notice, of_itself
from mqtt import passes_list

if TYPE_CHECKING:
    from firmware.wiring import Device

WHOLE_MS = 600_000.0
"""The whole list again after this long."""
BEAT_MS = 20_000.0
"""Unchanged it is said this often: 48 kB after 1,500 visits, and every door hears every other one."""
NOTE_MS = 40_000.0
"""A door that says nothing new is noted this often, so that it does not count as apart (`[quota] apart_seconds`)."""


def used_passes(device: Device) -> Notice:
    """The kind of notice that carries them, over the broker and the side link."""
    return of_itself("passes", device, UsedPasses(device), after=_may_be_news, beat_ms=BEAT_MS)


def _may_be_news(records: list[AnyRecord]) -> bool:
    return any(isinstance(record, TOLD_AFTER) for record in records)


TOLD_AFTER = (Passage, Decision, Incident)
"""What may have used a pass, counted somebody or held a person."""


class UsedPasses:
    """`own` and `hear` are made for a `Notice`: `own` in the loop's thread, `hear` in any."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._last: dict[str, tuple[PeerUsed, float, float]] = {}
        """Device -> what was heard last, and when something of it, and all of it, was handed on."""

    def own(self) -> bytes:
        controller, moment = self._device.controller, self._device.clock.moment()
        now_s = Turn(controller.state, moment, controller.zone, controller.rulebook).known_s
        return passes_list.told(peers.own_day(controller.state, now_s, controller.zone)).encoded()

    def hear(self, name: str, content: bytes, _by: By) -> PeerUsed | None:
        """None: nothing new. ValueError: it is no such list, or another door's than `name`'s."""
        event = passes_list.heard(content)
        if event is None or event.device != name:
            raise ValueError("no list of passes of that door")
        now = self._device.clock.elapsed_ms()
        last, noted_ms, whole_ms = self._last.get(name, (None, -WHOLE_MS, -WHOLE_MS))
        if last is None or last.day != event.day or now - whole_ms >= WHOLE_MS:
            self._last[name] = (event, now, now)
            return event
        known = frozenset(last.used)
        used = tuple(use for use in event.used if use not in known)
        if not used and (event.held, event.counted) == (last.held, last.counted) and now - noted_ms < NOTE_MS:
            return None
        self._last[name] = (event, now, whole_ms)
        return msgspec.structs.replace(event, used=used)
