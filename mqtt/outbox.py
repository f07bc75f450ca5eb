"""What the hub has not received yet: a durable cursor on the journal, never a second copy.

Two rules. An event leaves only after it is durable in the journal. The cursor moves over an event only after the broker
acknowledged it AND somebody was subscribed (reason 0x10, "no matching subscribers", leaves it where it is).

Theory: `next` is the lowest event nobody has received. Up to `window` events from there on are in flight; those that
were received out of order are remembered until the gap before them closes. Numbers that the journal has lost (a disk that
was full for long, a rotten card) are stepped over and counted. A lost connection forgets what is in flight,
a lost process forgets the remembered ones too, and the cursor on disk may be behind: each of these sends an event
twice (same `id`), none can skip one. While nobody listens one event is tried again every two seconds.

Ranges that the hub asks for again share the window, go after the live events, and are limited in rate.
Not thread-safe: it belongs to the link's thread. `depth`, `lost`, `held_from` and `cursor` may be read
from anywhere.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from firmware.errors import Failure

SUCCESS, NOBODY = 0x00, 0x10
RETRY_MS = 2_000.0
SAVE_AFTER_EVENTS, SAVE_AFTER_MS = 100, 300_000.0
RANGES_MAX = 64
HISTORY_PER_S = 500.0


class EventSource(Protocol):
    """The journal, as far as the outbox needs it."""

    @property
    def first_seq(self) -> int:
        """Lowest event number still held (numbers begin at 1); 0 while the journal is empty."""
        ...

    def durable_seq(self) -> int:
        """Highest event number that is on disk; 0 when there is none."""
        ...

    def read(self, seq_from: int, max_n: int) -> list[tuple[int, bytes]]:
        """Events from `seq_from` on, in order, at most `max_n`: number and the exact bytes to publish.

        Numbers that are lost in between are left out: what follows them comes in their place.
        """
        ...


class Cursor(msgspec.Struct, frozen=True):
    """The file. `journal` names the journal it points into: another one starts at its beginning."""

    v: int
    journal: str
    next: int


class Outbox:
    """`replace` writes a small file durably (firmware/durable.py); `lost(first, last)` is told what nobody will get."""

    def __init__(
        self,
        source: EventSource,
        file: Path,
        replace: Callable[[Path, bytes], None],
        *,
        journal: str = "",
        window: int = 64,
        lost: Callable[[int, int], None] = lambda first, last: None,
    ) -> None:
        self._source, self._file, self._replace, self._journal = source, file, replace, journal
        self._window, self._report_lost = window, lost
        self.cursor = self._saved_next = self._stored()
        self.lost = 0
        self.held_from = source.first_seq
        """Lowest event number the journal held when we last looked."""
        self.ranges_refused = 0
        self._top = self.cursor
        self._flying: set[int] = set()
        self._received: set[int] = set()
        self._holes: dict[int, int] = {}
        """Numbers at or behind the cursor that the journal does not hold: from each key to before its value."""
        self._blocked_until_ms = 0.0
        self._probing = False
        self._saved_at_ms = 0.0
        self._history: deque[tuple[int, int]] = deque()
        self._again: set[int] = set()
        self._history_credit, self._credited_at_ms = 0.0, 0.0

    # ------------------------------------------------------------ state others may read

    @property
    def depth(self) -> int:
        """Events on disk that nobody has received."""
        return max(0, self._source.durable_seq() + 1 - self.cursor)

    @property
    def in_flight(self) -> int:
        return len(self._flying) + len(self._again)

    # ------------------------------------------------------------ sending

    def take(self, now_ms: float, room: int) -> list[tuple[int, bytes]]:
        """Events to publish now, at most `room`. They count as in flight until `acked` or `disconnected`."""
        room = min(room, self._window - self.in_flight)
        if room <= 0 or now_ms < self._blocked_until_ms:
            return []
        self._skip_what_is_gone()
        batch = self._take_live(1 if self._probing else room)
        if not batch and not self._probing and self._history:
            batch = self._take_history(now_ms, room)
        return batch

    def wait_ms(self, now_ms: float) -> float | None:
        """When `take` is worth calling again without news from outside; None: only after `wake` or an ack."""
        if now_ms < self._blocked_until_ms:
            return self._blocked_until_ms - now_ms
        return 50.0 if self._history else None

    def acked(self, seq: int, reason: int, now_ms: float) -> None:
        """The broker answered the publication of `seq`."""
        self._again.discard(seq)
        if seq not in self._flying:
            return
        self._flying.discard(seq)
        if reason == SUCCESS:
            self._probing, self._blocked_until_ms = False, 0.0
            self._received.add(seq)
            self._advance()
        else:
            self._nobody(seq, now_ms)
        self.save_if_due(now_ms)

    def disconnected(self) -> None:
        """Nothing that was in flight is known to have arrived."""
        self._flying.clear()
        self._top = self.cursor
        self._blocked_until_ms, self._probing = 0.0, False
        self._history.extendleft(reversed(_runs(self._again)))
        self._again.clear()

    # ------------------------------------------------------------ the hub asks again

    def ask_again(self, ranges: tuple[tuple[int, int], ...]) -> None:
        """Publish these events again. Ranges the queue has no room for are dropped and counted: a hub asks again."""
        for first, last in ranges:
            if first > last:
                continue
            if len(self._history) >= RANGES_MAX:
                self.ranges_refused += 1
                continue
            held = self._source.first_seq
            if first < held:
                self._report_lost(first, min(last, held - 1))
            if last >= held:
                self._history.append((max(first, held), last))

    # ------------------------------------------------------------ inside

    def _take_live(self, room: int) -> list[tuple[int, bytes]]:
        durable = self._source.durable_seq()
        start = max(self._top, self.cursor)
        while start in self._received or start in self._flying:
            start += 1
        if start > durable:
            return []
        batch = []
        for seq, payload in self._source.read(start, room):
            if seq > start:
                self._holes[start] = seq
            start = seq + 1
            if seq > durable or seq in self._received or seq in self._flying:
                break
            batch.append((seq, payload))
            self._flying.add(seq)
            self._top = start
        self._advance()
        return batch

    def _take_history(self, now_ms: float, room: int) -> list[tuple[int, bytes]]:
        room = min(room, self._credit(now_ms))
        if room <= 0:
            return []
        first, last = self._history.popleft()
        last = min(last, self.cursor - 1)
        if first > last:
            return []
        batch = [event for event in self._source.read(first, room) if event[0] <= last]
        if batch and batch[-1][0] < last:
            self._history.appendleft((batch[-1][0] + 1, last))
        self._again.update(seq for seq, _ in batch)
        self._history_credit -= len(batch)
        return batch

    def _credit(self, now_ms: float) -> int:
        """Events of the past that may go now: never more than half a window."""
        passed = max(0.0, now_ms - self._credited_at_ms)
        self._credited_at_ms = now_ms
        self._history_credit = min(self._window / 2, self._history_credit + passed * HISTORY_PER_S / 1000)
        return int(self._history_credit)

    def _nobody(self, seq: int, now_ms: float) -> None:
        self._top = min(self._top, seq)
        self._probing = True
        self._blocked_until_ms = now_ms + RETRY_MS

    def _advance(self) -> None:
        while self.cursor in self._received or self.cursor in self._holes:
            if self.cursor in self._holes:
                self._step_over(self._holes.pop(self.cursor))
            else:
                self._received.discard(self.cursor)
                self.cursor += 1

    def _step_over(self, to: int) -> None:
        """Events before `to` are gone from the journal, and nobody will get them."""
        self._report_lost(self.cursor, to - 1)
        self.lost += to - self.cursor
        self.cursor = to

    def _skip_what_is_gone(self) -> None:
        held = self.held_from = self._source.first_seq
        if self.cursor < held <= self._source.durable_seq() + 1:
            self._step_over(held)
            self._received = {seq for seq in self._received if seq >= held}
            self._holes = {first: end for first, end in self._holes.items() if first >= held}
            self._advance()

    # ------------------------------------------------------------ the file

    def save(self) -> None:
        """Put the cursor on disk now. A disk that refuses costs duplicates, not events: the error is not raised."""
        if self.cursor == self._saved_next:
            return
        with contextlib.suppress(OSError, Failure):
            self._replace(self._file, msgspec.json.encode(Cursor(1, self._journal, self.cursor)))
            self._saved_next = self.cursor

    def save_if_due(self, now_ms: float) -> None:
        behind = self.cursor - self._saved_next
        if behind >= SAVE_AFTER_EVENTS or (behind and now_ms - self._saved_at_ms >= SAVE_AFTER_MS):
            self.save()
            self._saved_at_ms = now_ms

    def _stored(self) -> int:
        first = max(1, self._source.first_seq)
        try:
            cursor = msgspec.json.decode(self._file.read_bytes(), type=Cursor)
        except (OSError, msgspec.DecodeError):
            return first
        points_here = cursor.journal == self._journal and cursor.next <= self._source.durable_seq() + 1
        return cursor.next if points_here and cursor.next >= 1 else first


def _runs(numbers: set[int]) -> list[tuple[int, int]]:
    """Consecutive numbers as ranges, lowest first."""
    runs: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
