"""Rows of the hall-wide limit and the bank's word as notices: what this device says, which of the others' are news."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from firmware.core import limit, occupancy
from firmware.core.events import NoticeArrived, RowArrived
from firmware.core.occupancy import Row
from firmware.notices import Notice

if TYPE_CHECKING:
    from firmware.wiring import Device

PREFIX = "rights/hall/row/"
WORD = "rights/hall/notice"
ROW_BYTES_MAX = 16_384
NOTE_MS = 9_000.0
ROWS_KEPT = 256


def rows(device: Device) -> Notice:
    inbox = _Inbox(device)
    return Notice(
        kind="row",
        prefix=PREFIX,
        name=lambda: device.inc,
        own=_Said(device),
        hear=inbox.hear,
        bytes_max=ROW_BYTES_MAX,
    )


def bank_word(device: Device) -> Notice:
    """The bank's word to the hall: one topic, written by the bank alone. Ours that comes back is no news."""

    def own() -> bytes | None:
        word = device.controller.state.notice
        return msgspec.json.encode(word) if word is not None and device.site.rights.bank else None

    def hear(_name: str, content: bytes) -> NoticeArrived | None:
        word, known = msgspec.json.decode(content, type=occupancy.Notice), device.controller.state.notice
        return NoticeArrived(notice=word) if known is None or word.serial > known.serial else None

    return Notice(
        kind="notice", prefix=WORD, name=lambda: "", own=own, hear=hear, beat_ms=60_000.0, bytes_max=ROW_BYTES_MAX
    )


class _Said:
    """This device's row. A refusal raises the row's `seq` and nothing else: that is no news for anybody."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._counters: Row | None = None
        self._bytes = b""

    def __call__(self) -> bytes:
        row = limit.own_row(self._device.controller.state)
        counters = msgspec.structs.replace(row, seq=0)
        if counters != self._counters:
            self._counters, self._bytes = counters, msgspec.json.encode(row)
        return self._bytes


class _Inbox:
    """A heartbeat that says nothing new only has to be noted now and then: every event costs the card."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._known: dict[str, tuple[Row, float]] = {}

    def hear(self, name: str, content: bytes) -> RowArrived | None:
        row = msgspec.json.decode(content, type=Row)
        if row.inc != name:
            raise ValueError("a row under another's name")
        return RowArrived(row=row) if self._is_news(row) else None

    def _is_news(self, row: Row) -> bool:
        if row.inc == self._device.inc:
            return occupancy.contradicts(self._device.controller.state.rights, row)
        known = self._known.get(row.inc)
        now = self._device.clock.elapsed_ms()
        if known is not None and msgspec.structs.replace(row, seq=0) == known[0] and now - known[1] < NOTE_MS:
            return False
        if known is None and len(self._known) >= ROWS_KEPT:
            self._known.clear()
        self._known[row.inc] = (msgspec.structs.replace(row, seq=0), now)
        return True
