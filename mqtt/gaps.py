"""Which events of one device a hub still lacks: each is taken once, and what is missing is asked for. Pure.

An event is known by its number; its `id` tells when a device started a new journal and counts from one again. Memory
stays small however long the device lives: the highest number, the ranges below it that are missing, a few recent ids.

What lies before the first event a hub heard is not asked for, but it is news when it comes: a device says again what
nobody had received, and other hubs were not there either.
"""

from __future__ import annotations

from collections import OrderedDict

GRACE_MS, AGAIN_MS = 1_000.0, 5_000.0
TRIES_MAX = 12
RANGES_MAX, RANGES_PER_REQUEST = 256, 16
IDS_MAX = 256
BACKFILL = 40
"""Events a hub that knows nothing asks for, so that its page is not empty after a restart."""


class Gaps:
    """`lost` counts events that will never come: the journal dropped them, or nobody answered."""

    def __init__(self) -> None:
        self.high: int | None = None
        self.lost = 0
        self._missing: list[tuple[int, int, float, int]] = []
        self._before: list[tuple[int, int]] = []
        self._ids: OrderedDict[int, str] = OrderedDict()

    @property
    def missing(self) -> int:
        return sum(last - first + 1 for first, last, _, _ in self._missing)

    @property
    def unheard(self) -> bool:
        """There were events before the first one that this hub heard, and not all of them came later."""
        return any(first <= last for first, last in self._before)

    def take(self, seq: int, id: str, now_ms: float) -> bool:
        """True when this event is new; False for one that was taken before."""
        if self._ids.get(seq, id) != id:
            self._start_again()
        if self.high is None:
            self.high = self._before_the_first(seq)
        new = seq > self.high or self._fill(seq) or self._came_before(seq)
        if seq > self.high:
            self._lack(self.high + 1, seq - 1, now_ms)
            self.high = seq
        if new:
            self._ids[seq] = id
            if len(self._ids) > IDS_MAX:
                self._ids.popitem(last=False)
        return new

    def promised(self, first_seq: int, seq: int, now_ms: float) -> None:
        """The device says that it holds events `first_seq` to `seq`."""
        if self.high is not None and seq < self.high:
            self._start_again()
        if self.high is None:
            self.high = self._before_the_first(max(first_seq, seq + 1 - BACKFILL))
        self._lack(self.high + 1, seq, now_ms)
        self.high = max(self.high, seq)
        self._give_up_below(first_seq)

    def wanted(self, now_ms: float) -> list[tuple[int, int]]:
        """Ranges to ask the device for now. Asked again every few seconds, and given up after many tries."""
        asked: list[tuple[int, int]] = []
        kept: list[tuple[int, int, float, int]] = []
        for first, last, due_ms, tries in self._missing:
            if tries >= TRIES_MAX:
                self.lost += last - first + 1
            elif due_ms > now_ms or len(asked) >= RANGES_PER_REQUEST:
                kept.append((first, last, due_ms, tries))
            else:
                asked.append((first, last))
                kept.append((first, last, now_ms + AGAIN_MS, tries + 1))
        self._missing = kept
        return asked

    def _before_the_first(self, seq: int) -> int:
        self._before = [(1, seq - 1)]
        return seq - 1

    def _start_again(self) -> None:
        self.high = None
        self._missing.clear()
        self._ids.clear()

    def _lack(self, first: int, last: int, now_ms: float) -> None:
        if first > last:
            return
        if len(self._missing) >= RANGES_MAX:
            self.lost += last - first + 1
            return
        self._missing.append((first, last, now_ms + GRACE_MS, 0))

    def _fill(self, seq: int) -> bool:
        for at, (first, last, due_ms, _) in enumerate(self._missing):
            if first <= seq <= last:  # it is being filled: patience starts anew
                before = self.missing - 1
                parts = _bounded(len(self._missing), _without(seq, first, last))
                self._missing[at : at + 1] = [(*part, due_ms, 0) for part in parts]
                self.lost += before - self.missing
                return True
        return False

    def _came_before(self, seq: int) -> bool:
        for at, (first, last) in enumerate(self._before):
            if first <= seq <= last:
                self._before[at : at + 1] = _bounded(len(self._before), _without(seq, first, last))
                return True
        return False

    def _give_up_below(self, first_seq: int) -> None:
        before = self.missing
        self._missing = [
            (max(first, first_seq), last, due_ms, tries)
            for first, last, due_ms, tries in self._missing
            if last >= first_seq
        ]
        self.lost += before - self.missing


def _without(seq: int, first: int, last: int) -> list[tuple[int, int]]:
    """What is left of the numbers `first` to `last`."""
    return [part for part in ((first, seq - 1), (seq + 1, last)) if part[0] <= part[1]]


def _bounded(ranges: int, parts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where there are many ranges already the older part is given up; what comes of it is taken for known."""
    return parts[-1:] if ranges >= RANGES_MAX else parts
