"""The one thread in which a gate thinks. Bytes come in, orders go out, and the record is on disk before the gate moves.

    ports -> cables -> inbox -> controller -> journal (fdatasync) -> hands, and the link is told that there is news

Everything due is done in one turn: all events that arrived are judged, written in one go, flushed once, carried out.
Two exceptions to "disk first", both for the same reason: opening for a fire, and letting somebody out, wait for nothing.
"""

from __future__ import annotations

import os
import selectors
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from firmware import journal_entry
from firmware.cables import Cable, Line
from firmware.clock import Clock
from firmware.core.actions import AnyAction, GateClose, GateFree, GateOpen
from firmware.core.controller import Controller
from firmware.core.events import AnyEvent, CodeRead, ContactChanged, JournalState, Woken
from firmware.core.moment import Moment
from firmware.core.records import AnyRecord, Decision
from firmware.core.turn import Outcome
from firmware.journal import JournalUnwritable, Writer
from firmware.outputs.relay import RelayHand

INBOX = 1_000
"""Events waiting to be judged; what does not fit is dropped, counted and reported."""
BATCH = 64
"""Events judged before the disk is asked to hold them."""
CALLS_A_TURN = 4
"""What other threads want done may ask the disk, each of it: a scan and the fire input come in between."""
FLUSH_MS = 1_000
"""What moves nothing may stay in memory this long."""
RETRY_MS = 1_000
FROZEN_MS = 100
"""Of a turn that begins so late: what hands do by themselves may be over by then."""
STALE_ORDER_MS = 1_000
"""Orders that are carried out so long after their event was judged: a grant behind one may be over."""
WAKE_APART_MS = 20
"""A controller that was woken and asks at once for what is over has a fault of ours: it must neither fill the journal nor keep
what was heard from being judged, the fire loop above all."""
PREPARE_MS, PREPARED_MS = 20, 1_000
"""Between two steps towards the journal's next segment, and between two looks whether one is wanted."""
IDLE_MS = 60_000.0

Stamped = tuple[AnyEvent, float]


class Loop:
    """`after` is called with the records of every batch, once they are durable and carried out."""

    def __init__(self, clock: Clock, controller: Controller, journal: Writer) -> None:
        self.clock, self.controller, self.journal = clock, controller, journal
        self.cables: list[Cable] = []
        self.hands: dict[str, list[tuple[Cable, Line]]] = {}
        self.after: list[Callable[[list[AnyRecord]], None]] = []
        self.timers: list[Callable[[float], float | None]] = []
        """Each is called with the elapsed time when due and answers when to be called next."""
        self.dropped_events = 0
        self.stopping = False
        self.beat = 0
        """Odd while a turn is under way: `standby` looks at it from its own thread."""
        self._due: list[float | None] = []
        self._inbox: deque[Stamped] = deque()
        self._posted: deque[Stamped] = deque()
        self._calls: deque[Callable[[], None]] = deque()
        self._when_judged: list[Callable[[], None]] = []
        self._selector = selectors.DefaultSelector()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._selector.register(self._bell, selectors.EVENT_READ, None)
        self._last_ms = 0
        self._awaited_ms = 0.0
        """When the turn under way had to begin at the latest."""
        self._wake_ms: int | None = None
        self._unflushed_ms: float | None = None
        self._retry_ms: float | None = None
        self._hands_began = False
        self.every(self._prepare)

    # ------------------------------------------------------------ for others

    def add(self, cable: Cable) -> None:
        self.cables.append(cable)
        self._follow(cable)
        if cable.fd < 0:  # absent from the start: no less news than one that goes
            for line in cable.lines:
                self._plugged(cable, line, False, self.clock.elapsed_ms())
        for line in cable.lines:
            if hasattr(line.speaker, "order"):
                self.hands.setdefault(line.lane, []).append((cable, line))

    def every(self, timer: Callable[[float], float | None]) -> None:
        self.timers.append(timer)
        self._due.append(0.0)

    def hasten(self, timer: Callable[[float], float | None], t_ms: float) -> None:
        """Have a timer of `every` called at `t_ms`, if that is before its time. Of the loop's thread."""
        index = self.timers.index(timer)
        due = self._due[index]
        self._due[index] = t_ms if due is None else min(due, t_ms)

    def post(self, event: AnyEvent) -> None:
        """Put an event in the inbox from any thread; the loop wakes at once."""
        self._store(self._posted, (event, self.clock.elapsed_ms()))

    def begin_with(self, events: list[AnyEvent]) -> None:
        """Judge these before anything that a port may have said already: a lane is not known before `Started`."""
        t_ms = self.clock.elapsed_ms()
        self._inbox.extendleft((event, t_ms) for event in reversed(events))

    def call(self, what: Callable[[], None]) -> None:
        """Have `what` done by the loop's own thread, soon."""
        self._store(self._calls, what)

    def _store(self, where: deque[Any], what: Any) -> None:
        """What came first has precedence: an order that was taken is not pushed out by those behind it."""
        if len(where) < INBOX:
            where.append(what)
        else:
            self.dropped_events += 1
        self.ring()

    def when_judged(self, what: Callable[[], None]) -> None:
        """Have `what` done at the end of a turn, when nothing that was read waits to be judged. Of the loop's thread.

        What stops the loop there stops it between two events: none is half done, and none is dropped.
        """
        self._when_judged.append(what)

    def ring(self) -> None:
        os.eventfd_write(self._bell, 1)

    def settled(self) -> bool:
        """Have everything judged so far on disk, before a word of it leaves the device. False: the disk refuses."""
        if self._unflushed_ms is not None:
            self._carry_out(self._durable([]))
        return not self.journal.waiting

    def stop(self) -> None:
        """End after this turn; may be called from a signal handler."""
        self.stopping = True
        self.ring()

    def tell_again(self, cable: Cable, line: Line) -> None:
        """Whatever it did meanwhile: a hand is ordered what holds now, a sensor begins anew. Of the loop's thread."""
        t_ms = self.clock.elapsed_ms()
        self._put(cable.say(line, line.speaker.replugged(t_ms), t_ms))
        self._follow(cable)

    @property
    def queue(self) -> int:
        return len(self._inbox) + len(self._posted)

    @property
    def calls_waiting(self) -> int:
        return len(self._calls)

    # ------------------------------------------------------------ the turn

    def run(self) -> None:
        while not self.stopping:
            self.turn()

    def let_through(self, at_most_ms: float) -> None:
        """Go on while a body is in an open gate: it is not shut on anybody because we end."""
        until_ms = self.clock.elapsed_ms() + at_most_ms
        while self.clock.elapsed_ms() < until_ms and self._somebody_in_a_gate():
            self.turn()

    def _somebody_in_a_gate(self) -> bool:
        now = self.clock.elapsed_ms()
        lanes = self.controller.state.lanes.values()
        return any(lane.blocked and (lane.freed or now < lane.open_until_ms) for lane in lanes)

    def turn(self, wait: bool = True) -> None:
        """Wait for something, then do everything that is due."""
        heard = self._selector.select(self._patience() if wait else 0)
        self.beat += 1
        for key, _ in heard:
            self._collect(key.data)
        t_ms = self.clock.elapsed_ms()
        self._tend(t_ms)
        if self._wake_ms is not None and t_ms >= self._wake_ms and not self._inbox:
            self._inbox.append((Woken(), t_ms))
        while self._inbox:
            self._judge_batch()
        self._flush_late(t_ms)
        if self._when_judged and not self.queue:
            asked, self._when_judged = self._when_judged, []
            for what in asked:
                what()
        self.beat += 1

    def _patience(self) -> float:
        times: list[float | None] = [self._wake_ms, self._retry_ms, *self._due]
        times += [cable.wake_at_ms() for cable in self.cables]
        if self._unflushed_ms is not None:
            times.append(self._unflushed_ms + FLUSH_MS)
        soonest = min((time for time in times if time is not None), default=None)
        self._awaited_ms = self.clock.elapsed_ms() + IDLE_MS if soonest is None else soonest
        return self.clock.seconds_until(self._awaited_ms)

    def _collect(self, cable: Cable | None) -> None:
        if cable is not None:
            self._put(cable.read())
            self._follow(cable)
            return
        os.eventfd_read(self._bell)
        for _ in range(min(CALLS_A_TURN, len(self._calls))):
            self._calls.popleft()()
        if self._calls:
            self.ring()
        while self._posted:
            self._put([self._posted.popleft()])

    def _put(self, heard: list[Stamped]) -> None:
        """A contact is never too much: it is told once, there are few, and one of them is the fire loop."""
        for stamped in heard:
            if len(self._inbox) < INBOX or isinstance(stamped[0], ContactChanged):
                self._inbox.append(stamped)
            else:
                self.dropped_events += 1

    def _tend(self, t_ms: float) -> None:
        if t_ms > self._awaited_ms + FROZEN_MS:
            self._outlast(t_ms)
        for cable in self.cables:
            if cable.tend_ms is not None and cable.tend_ms <= t_ms:
                cable.tend_ms = cable.port.tend(t_ms)
                self._follow(cable)
            self._put(cable.tick(t_ms))
            if cable.wrote:
                self._follow(cable)
        for index, due in enumerate(self._due):
            if due is not None and due <= t_ms:
                self._due[index] = self.timers[index](t_ms)

    def _outlast(self, t_ms: float) -> None:
        """Whoever is in a gate was prolonged in time, unless this process was frozen: then its first deed is not to shut it."""
        for lane, hands in self.hands.items():
            for relay in [line.speaker for _, line in hands if isinstance(line.speaker, RelayHand)]:
                if relay.overdue(t_ms) and self.controller.state.lanes[lane].blocked:
                    relay.outlast(t_ms)

    def _follow(self, cable: Cable) -> None:
        """The port's descriptor changes when a device is unplugged and comes back: looked at after reading and writing."""
        cable.wrote, fd = False, cable.port.fileno()
        if fd == cable.fd:
            return
        was_there, t_ms = cable.fd >= 0, self.clock.elapsed_ms()
        if was_there:
            self._selector.unregister(cable.fd)
        if fd >= 0:
            self._selector.register(fd, selectors.EVENT_READ, cable)
        cable.fd, cable.tend_ms = fd, 0.0 if fd < 0 else cable.tend_ms
        for line in cable.lines:
            self._plugged(cable, line, fd >= 0, t_ms)

    def _plugged(self, cable: Cable, line: Line, there: bool, t_ms: float) -> None:
        because = str(getattr(cable.port, "because", ""))
        news = line.health("ok") if there else line.health("unplugged", because)
        if news is not None:
            self._put([(news, t_ms)])
        if there and hasattr(line.speaker, "replugged") and (self._hands_began or not self._stands_free(line)):
            self.tell_again(cable, line)

    # ------------------------------------------------------------ judge, write, flush, act

    def _judge_batch(self) -> None:
        orders: list[AnyAction] = []
        news: list[AnyRecord] = []
        for _ in range(BATCH):
            self._wake_before(*self._inbox[0])
            event, t_ms = self._inbox.popleft()
            outcome = self._judge(event, t_ms)
            orders += outcome.actions
            news += outcome.records
            if not self._inbox:
                break
            self._wake_ms = self._wake_asked(event, outcome)
        if any(_lets_out(order) for order in orders):
            first, orders = _sorted_out(orders, {setup.name for setup in self.controller.state.setups if setup.hatch})
            self._carry_out(first)
        if news or any(isinstance(order, GateOpen) for order in orders):
            orders = self._durable(orders)
        self._carry_out(orders)
        self._wake_ms = self._wake_asked(event, outcome)
        for hook in self.after:
            hook(news)

    def _wake_asked(self, event: AnyEvent, outcome: Outcome) -> int | None:
        at_ms = outcome.wake_at_ms
        if at_ms is None or not isinstance(event, Woken):
            return at_ms
        return max(at_ms, self._last_ms + WAKE_APART_MS)

    def _wake_before(self, event: AnyEvent, t_ms: float) -> None:
        """What was due before an event arrived comes before it: a loop that is late decides as if it were in time.

        Else a code scanned just when the gate became free again would be told to take its turn.
        """
        if self._wake_ms is not None and self._wake_ms <= t_ms and not isinstance(event, Woken):
            self._inbox.appendleft((Woken(), self._wake_ms))

    def _judge(self, event: AnyEvent, t_ms: float) -> Outcome:
        self._last_ms = max(self._last_ms, int(t_ms))
        moment = Moment(self._last_ms, self.clock.wall_ms(), self.clock.trusted)
        outcome = self.controller.handle(event, moment)
        records = outcome.records
        if records and isinstance(event, CodeRead):
            records = outcome.records = [self._timed(record, t_ms) for record in records]
        first = records[0].seq if records else self.controller.state.seq + 1
        self.journal.append(journal_entry.encode(journal_entry.Entry(moment, event, records)), first, len(records))
        if self._unflushed_ms is None:
            self._unflushed_ms = t_ms
        return outcome

    def _timed(self, record: AnyRecord, t_ms: float) -> AnyRecord:
        if not isinstance(record, Decision):
            return record
        return msgspec.structs.replace(record, took_ms=round(self.clock.elapsed_ms() - t_ms, 3))

    def _durable(self, orders: list[AnyAction]) -> list[AnyAction]:
        """Flush. What may not move without a record is taken out when the record cannot be kept."""
        try:
            self.journal.sync()
            self._unflushed_ms = None
            return orders
        except JournalUnwritable as full:
            return self._withhold(orders, str(full))

    def _withhold(self, orders: list[AnyAction], because: str) -> list[AnyAction]:
        self._unflushed_ms = None
        if self._retry_ms is None:
            self._retry_ms = self.clock.elapsed_ms() + RETRY_MS
        book = self.controller.rulebook
        if book is not None and book.on_doubt.journal_full == "admit":
            held: list[AnyAction] = []
        else:
            held = [order for order in orders if _lets_in(order)]
        if self.controller.state.journal_ok or held:
            lanes = tuple(sorted({order.lane for order in held}))
            self._put([(JournalState(writable=False, because=because, withheld=lanes), self.clock.elapsed_ms())])
        return [order for order in orders if order not in held]

    def _flush_late(self, t_ms: float) -> None:
        if self._retry_ms is not None and t_ms >= self._retry_ms:
            self._retry(t_ms)
        elif self._unflushed_ms is not None and t_ms >= self._unflushed_ms + FLUSH_MS:
            self._carry_out(self._durable([]))

    def _retry(self, t_ms: float) -> None:
        """What was lost while the disk was full cannot be replayed: the journal goes on from a picture of now."""
        if self.journal.retry():
            self._retry_ms = None
            self._put([(JournalState(writable=True), t_ms)])
        else:
            self._retry_ms = t_ms + RETRY_MS

    def _prepare(self, t_ms: float) -> float:
        """The next segment, while nobody waits: otherwise the last scans of a full one have to wait for its making."""
        more = not self._inbox and self._retry_ms is None and self.journal.prepare_step()
        return t_ms + (PREPARE_MS if more or self._inbox else PREPARED_MS)

    def _carry_out(self, orders: list[AnyAction]) -> None:
        """Gates first: a person is waiting there."""
        t_ms = self.clock.elapsed_ms()
        if t_ms > self._last_ms + STALE_ORDER_MS:
            orders = self._still_granted(orders, t_ms)
        for order in sorted(orders, key=_not_a_gate):
            for cable, line in self.hands.get(order.lane, ()):
                self._put(cable.order(line, order, t_ms))
                self._follow(cable)

    def _still_granted(self, orders: list[AnyAction], t_ms: float) -> list[AnyAction]:
        """A grant that was over before the disk answered opens nothing: another one may stand there by now."""
        lanes = self.controller.state.lanes
        grants = {order.lane: lanes[order.lane].grant for order in orders if _lets_in(order)}
        over = tuple(sorted(name for name, grant in grants.items() if grant is not None and t_ms >= grant.until_ms))
        if over:
            told = JournalState(writable=True, because="the disk answered too late", withheld=over)
            self._inbox.appendleft((told, self._last_ms))
        return [order for order in orders if order.lane not in over or not _lets_in(order)]

    # ------------------------------------------------------------ beginning and end

    def start_hands(self) -> None:
        """At start every relay that must be closed without us is ordered off; nothing else fires."""
        self._tell_hands("start")
        self._hands_began = True

    def close(self) -> None:
        """Leave every hand in its position for when the software is gone, and let go of everything.

        In an evacuation a gate is left as it stands: whoever ends or starts this process shuts nobody in.
        """
        self._tell_hands("stop")
        for cable in self.cables:
            cable.port.close()
        self._selector.close()
        os.close(self._bell)

    def _tell_hands(self, what: str) -> None:
        t_ms = self.clock.elapsed_ms()
        for each in self.hands.values():
            for cable, line in each:
                if not self._stands_free(line):
                    self._put(cable.say(line, getattr(line.speaker, what)(t_ms), t_ms))
                    self._follow(cable)

    def _stands_free(self, line: Line) -> bool:
        return line.role == "gate" and bool(self.controller.state.evacuated_by)


def _lets_in(order: AnyAction) -> bool:
    """A new opening for somebody to come in. Keeping a gate open over a body that is in it is none."""
    return isinstance(order, GateOpen) and order.way == "in" and not order.prolongs


GATES = (GateOpen, GateFree, GateClose)


def _not_a_gate(order: Any) -> bool:
    return not isinstance(order, GATES)


def _sorted_out(orders: list[AnyAction], hatches: set[str]) -> tuple[list[AnyAction], list[AnyAction]]:
    """(what waits for nothing, what is left to do): a gate that stands free, and one that lets somebody out.

    What their gate was told before comes before it or is over, never behind it. Else one that was let go just before the
    fire, or put in service with the loop open, would shut behind it. Nobody leaves by a hatch.
    """
    freed = {order.lane: place for place, order in enumerate(orders) if isinstance(order, GateFree)}
    last = {order.lane: place for place, order in enumerate(orders) if _lets_out(order) and order.lane not in hatches}
    first = [
        order
        for place, order in enumerate(orders)
        if freed.get(order.lane, 0) <= place <= last.get(order.lane, -1) and not (_not_a_gate(order) or _lets_in(order))
    ]
    left = [order for place, order in enumerate(orders) if _not_a_gate(order) or place > last.get(order.lane, -1)]
    return first, left


def _lets_out(order: AnyAction) -> bool:
    return isinstance(order, GateFree) or (isinstance(order, GateOpen) and order.way == "out")
