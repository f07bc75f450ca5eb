"""Rows of the hall-wide limit and the bank's word as notices: what this device says, which of the others' are news."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from firmware.core import limit, occupancy
from firmware.core.bucket import Bucket
from firmware.core.events import NoticeArrived, RowArrived
from firmware.core.occupancy import Row
from firmware.core.resource import HALL
from firmware.peers.handed_on import Rank
from firmware.peers.notices import By, NoticeKind

if TYPE_CHECKING:
    from firmware.wiring import Device

ROW_BYTES_MAX = 32_768
NOTE_MS = 9_000.0
ROWS_KEPT = 256
SAME_AGE_BURST, SAME_AGE_PER_S = 40.0, 2.0
"""Rows of one door and age that differ (somebody has gone from its gate): more of them are no people, but a replay."""


def rows(device: Device, resource: str = HALL) -> NoticeKind:
    """This device's row of one limit, and its ear for those of the others. Each limit's rows have a seal of their own."""
    inbox = _Inbox(device, resource)
    return NoticeKind(
        kind=_seal("row", resource),
        prefix=inbox.prefix,
        name=lambda: device.inc,
        own=_Said(device, resource),
        hear=inbox.hear,
        bytes_max=ROW_BYTES_MAX,
        rank=inbox.rank,
    )


def _seal(kind: str, resource: str) -> str:
    """A row of the hall that is said again under a zone's name must not pass for one of the zone's."""
    return kind if resource == HALL else f"{kind}-{resource}"


def bank_word(device: Device, resource: str = HALL) -> NoticeKind:
    """The bank's word on one limit: one topic, written by the bank alone. Ours that comes back is no news."""

    def known() -> occupancy.Notice | None:
        own = device.controller.state.resource(resource)
        return own.notice if own is not None else None

    def own() -> bytes | None:
        word = known() if device.site.rights.bank else None
        return msgspec.json.encode(word) if word is not None else None

    def hear(_name: str, content: bytes, _by: By) -> NoticeArrived | None:
        word, last = msgspec.json.decode(content, type=occupancy.Notice), known()
        return NoticeArrived(notice=word, resource=resource) if last is None or word.serial > last.serial else None

    def rank(_name: str, content: bytes) -> Rank | None:
        """The bank itself says it anew, and needs nobody to hand on what it said before."""
        return None if device.site.rights.bank else (msgspec.json.decode(content, type=occupancy.Notice).serial, 0)

    return NoticeKind(
        kind=_seal("notice", resource),
        prefix=f"rights/{resource}/notice",
        name=lambda: "",
        own=own,
        hear=hear,
        beat_ms=60_000.0,
        bytes_max=ROW_BYTES_MAX,
        rank=rank,
    )


class _Said:
    """This device's row. A refusal raises the row's `seq` and nothing else: that is no news for anybody."""

    def __init__(self, device: Device, resource: str) -> None:
        self._device, self._resource = device, resource
        self._counters: Row | None = None
        self._bytes = b""

    def __call__(self) -> bytes | None:
        state = self._device.controller.state
        if state.resource(self._resource) is None:
            return None
        row = msgspec.structs.replace(limit.own_row(state, self._resource), **_opening(self._device))
        counters = msgspec.structs.replace(row, seq=0)
        if counters != self._counters:
            self._counters, self._bytes = counters, msgspec.json.encode(row)
        return self._bytes


def _opening(device: Device) -> dict[str, Any]:
    """Not told where its number may be given again."""
    here = device.journal.identity
    return {"boot": here.boot, "run": here.run} if here.run else {}


class _Known(NamedTuple):
    """The newest row of one incarnation: its counters (without `seq`), its age, when it was noted, whether it spoke."""

    counters: Row
    age: Rank
    noted_ms: float
    live: bool
    same_age: Bucket


class _Inbox:
    """A heartbeat that says nothing new only has to be noted now and then: every event costs the card.

    A copy, whoever brought it, says what was, never that its device is there: it is news only when it is newer. Nor is an
    older row that is told as if its device spoke now: a stranger at the broker could fill every door's card with it.
    """

    def __init__(self, device: Device, resource: str) -> None:
        self._device, self._resource = device, resource
        self.prefix = f"rights/{resource}/row/"
        self._known: dict[str, _Known] = {}

    def hear(self, name: str, content: bytes, by: By) -> RowArrived | None:
        row = msgspec.json.decode(content, type=Row)
        if row.inc != name:
            raise ValueError("a row under another's name")
        copy = by is None or by not in ("", row.dev)
        if not copy:
            self._device.notices.handed_on.alive(self.prefix + name, self._device.clock.elapsed_ms())
        if not self._is_news(row, copy):
            return None
        return RowArrived(row=row, copy=copy, twin=self._is_twin(row), resource=self._resource)

    def rank(self, name: str, content: bytes) -> Rank | None:
        """Of two devices with one identity that count alike, the row that goes on is the one that stops the other.

        What a board that hung here before said last is for the others to hand on: out of our mouth it is no copy, and it
        would be given every place that becomes free, as if it lived.
        """
        row = msgspec.json.decode(content, type=Row)
        return (
            None
            if self._device.site.device.name == row.dev or name == self._device.inc
            else (*occupancy.age(row), row.boot, int(row.run or "0", 16))
        )

    def _is_news(self, row: Row, copy: bool) -> bool:
        if row.inc == self._device.inc:
            own = self._device.controller.state.resource(self._resource)
            return own is not None and (self._is_twin(row) or occupancy.contradicts(own.rights, row))
        now, counters, known = (
            self._device.clock.elapsed_ms(),
            msgspec.structs.replace(row, seq=0),
            self._known.get(row.inc),
        )
        if known is not None and not self._says_more(known, occupancy.age(row), counters, now, copy):
            self._count_if_older(known, row)
            return False
        budget = known.same_age if known is not None else Bucket(SAME_AGE_BURST, SAME_AGE_PER_S, now)
        if known is None and len(self._known) >= ROWS_KEPT:
            self._known.clear()
        self._known[row.inc] = _Known(counters, occupancy.age(row), now, not copy, budget)
        return True

    def _is_twin(self, row: Row) -> bool:
        """Under this device's identity, from an opening of the journal that is not its own: this one has to stop.

        Its own rows of earlier openings, which a broker keeps, have a lower number: each is on disk before it is told.
        Of two that run at once one stops: who opened less often, else who drew the smaller word.
        """
        here = self._device.journal.identity
        return bool(row.inc == here.inc and row.run and here.run) and (row.boot, row.run) > (here.boot, here.run)

    def _count_if_older(self, known: _Known, row: Row) -> None:
        """Overtaken on its way, or said again by somebody who kept it. A few are nothing."""
        if occupancy.age(row) < known.age:
            self._device.notices.refused["older"] += 1

    def _says_more(self, known: _Known, age: Rank, counters: Row, now: float, copy: bool) -> bool:
        if copy or age < known.age:
            return age > known.age
        if age == known.age and counters != known.counters and not known.same_age.take(now):
            return False
        return counters != known.counters or not known.live or now - known.noted_ms >= NOTE_MS
