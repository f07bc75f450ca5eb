"""Events of one device told again: which are wanted, which its journal holds, which have come. Opens nothing."""

from __future__ import annotations

import re
from collections import deque

import msgspec

from firmware.errors import Mistake
from mqtt.messages import HistoryRequest, Incoming, Status
from mqtt.topics import place

Range = tuple[int, int]
RANGES_MAX = 64
NEWEST = 2**53
_WORD = re.compile(r"([0-9]{1,15})(-([0-9]{1,15})?)?\Z")
_STATUS = msgspec.json.Decoder(Status)


class _Numbered(msgspec.Struct):
    seq: int


_NUMBERED = msgspec.json.Decoder(_Numbered)


def ranges(words: list[str]) -> list[Range]:
    """`17`, `1-500` or `400-` (to the newest), as event numbers. Mistake for anything else."""
    if not 1 <= len(words) <= RANGES_MAX:
        raise Mistake(f"write 1 to {RANGES_MAX} ranges of event numbers: 17, 1-500 or 400-")
    return [_range(word) for word in words]


def _range(word: str) -> Range:
    found = _WORD.match(word)
    first = int(found[1]) if found else -1
    last = first if found and not found[2] else int(found[3]) if found and found[3] else NEWEST
    if found is None or first > last:
        raise Mistake(f"{word!r} is no range of event numbers: write 17, 1-500 or 400-")
    return first, last


class Fetch:
    """`held`: first and last number in the device's journal, by its status; `fresh`: what came and is not shown yet."""

    def __init__(self) -> None:
        self.held: Range | None = None
        self.fresh: deque[bytes] = deque()
        self.missing: set[int] = set()

    def request(self, wanted: list[Range]) -> bytes:
        """The payload to publish; from now on `missing` says what has not come. Empty when nothing of it is held."""
        first, last = self.held or (0, -1)
        asked = [(max(first, low), min(last, high)) for low, high in wanted]
        asked = [one for one in asked if one[0] <= one[1]]
        self.missing = {seq for low, high in asked for seq in range(low, high + 1)}
        return HistoryRequest(v=1, ranges=tuple(asked)).encoded() if asked else b""

    def heard(self, message: Incoming) -> None:
        """A status or an event of the device. Never raises; each event is taken once."""
        where = place(message.topic)
        try:
            if where is not None and where.last == "status":
                status = _STATUS.decode(message.payload)
                self.held = (status.first_seq or 1, status.seq) if status.seq else self.held
            elif where is not None and where.last == "event":
                self._event(_NUMBERED.decode(message.payload).seq, message.payload)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return

    def _event(self, seq: int, payload: bytes) -> None:
        if seq in self.missing:
            self.missing.discard(seq)
            self.fresh.append(payload)
