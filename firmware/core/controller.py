"""The controller: (event, moment) in, orders, records and the next wake-up out. Pure: no clock, no I/O, no chance.

The same journal gives the same answers on any machine, for ever. That one property gives crash recovery, replay,
rehearsal of new rules on old days, and simulated years in seconds. What an event does is the table at the end.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable
from functools import partial

import msgspec

from firmware.core import (
    access,
    air,
    approach,
    attendant,
    attest,
    bank,
    car,
    closing,
    commands,
    deaf,
    emergency,
    entry,
    idle,
    incident,
    leaf,
    limit,
    other_doors,
    passage,
    queue,
    responders,
    rounds,
    rulebook_end,
    rulebooks,
    schedule,
    sentinel,
    start,
    supplies,
    thermometer,
    undercount,
    ventilation,
)
from firmware.core.events import (
    AirRead,
    AnyEvent,
    BoardTold,
    ClockChecked,
    CodeRead,
    CommandArrived,
    ContactChanged,
    CounterSaturated,
    Crossed,
    DeviceHealth,
    DocumentSeen,
    JournalState,
    NoticeArrived,
    PassageBlocked,
    PeerUsed,
    RowArrived,
    RulebookLoaded,
    RulebookRefused,
    SpacingSeen,
    Started,
    TemperatureRead,
    TerminalSaid,
    TurnedAway,
    Woken,
)
from firmware.core.moment import Moment
from firmware.core.records import Health
from firmware.core.state import HallState, LaneState
from firmware.core.turn import SIGN_MS, Outcome, Turn
from firmware.errors import Mistake
from firmware.rulebook.book import Rulebook, parse

Zones = Callable[[str], dt.tzinfo]
"""Time zones are handed in: their data lies in files, and this room opens none. Raises Mistake for an unknown name."""
DAY_MS = 86_400_000
STEP_MS = 2_000
"""NTP may step a running clock back by this much."""


class Controller:
    """One device's judgement. `state` is all it remembers; `snapshot` and `restore` carry it over a restart."""

    def __init__(self, state: HallState, zones: Zones) -> None:
        self.state = state
        self.zones = zones
        self.rulebook: Rulebook | None = None
        self.zone: dt.tzinfo = dt.UTC
        if state.rulebook_text:
            with contextlib.suppress(Mistake):  # a journal of older firmware: the file's rulebook comes next
                self.rulebook, self.zone = self.read(state.rulebook_text)

    @classmethod
    def restore(cls, snapshot: bytes, zones: Zones) -> Controller:
        return cls(msgspec.json.decode(snapshot, type=HallState), zones)

    def snapshot(self) -> bytes:
        return msgspec.json.encode(self.state)

    def read(self, text: bytes) -> tuple[Rulebook, dt.tzinfo]:
        """A rulebook and its time zone. Mistake when it cannot be understood."""
        book = parse(text)
        return book, self.zones(book.time_zone)

    def _believed(self, moment: Moment) -> Moment:
        """A clock that was stepped back is doubtful, whoever calls it good: no slot and no proof comes twice by it.

        How far it went is remembered only by a rulebook's days: a battery clock in a wrong year, seen before there is
        one, would make the right time a step back for ever.
        """
        if not moment.trusted:
            return moment
        ahead_ms = moment.wall_ms - self.state.latest_wall_ms
        if ahead_ms < -STEP_MS:
            return msgspec.structs.replace(moment, trusted=False)
        if ahead_ms > 0 and self.rulebook is not None and self._may_be(self.rulebook, moment, ahead_ms):
            self.state.latest_wall_ms = moment.wall_ms
        return moment

    def _may_be(self, book: Rulebook, moment: Moment, ahead_ms: int) -> bool:
        """A zone is slow, and a visitor waits: only a leap is looked up."""
        return ahead_ms < DAY_MS or book.valid_on(moment.local(self.zone).date())

    def handle(self, event: AnyEvent, moment: Moment) -> Outcome:
        moment = self._believed(moment)
        turn = Turn(self.state, moment, self.zone, self.rulebook, read=self.read)
        rulebooks.keep(turn)
        bank.follow(turn)
        HANDLERS[type(event)](turn, event)
        self.rulebook, self.zone = turn.rulebook, turn.zone
        for lane in self.state.lanes.values():
            self._tend(turn, lane)
        incident.tend(turn)
        schedule.tend(turn)
        closing.tend(turn)
        rounds.tend(turn)
        supplies.tend(turn)
        rulebook_end.tend(turn)
        undercount.tend(turn)
        limit.share(turn)
        idle.show(turn)
        return Outcome(turn.actions, turn.records, partial(self._wake_at, turn))

    def _tend(self, turn: Turn, lane: LaneState) -> None:
        entry.forget_waiting(turn, lane)
        entry.place_came(turn, lane)
        passage.tend(turn, lane)
        responders.tend(turn, lane)
        if lane.broken or lane.deaf_since_ms is not None:
            deaf.tend(turn, lane)
        leaf.tend(turn, lane)
        queue.tend(turn, lane)
        car.tend(turn, lane)
        if lane.air is not None or lane.air_told:
            air.tend(turn, lane)
        if lane.contacts:
            ventilation.tend(turn, lane)
        attest.tend(turn, lane)
        if lane.visit is not None and turn.now >= lane.visit.until_ms:
            entry.visit_over(turn, lane)
        approach.tend(turn, lane)
        if lane.state in ("passed", "timed_out", "refused") and turn.now >= lane.since_ms + SIGN_MS:
            turn.signal(lane, "time_over")

    def _wake_at(self, turn: Turn) -> int | None:
        times = incident.due(turn)
        for lane in self.state.lanes.values():
            times += passage.due(turn, lane)
            times += leaf.due(turn, lane)
            times += queue.due(turn, lane)
            times += car.due(turn, lane)
            times += ventilation.due(turn, lane)
            times += approach.due(turn, lane)
            times += responders.due(lane)
            times += deaf.due(lane)
            times += attest.due(lane)
            if lane.visit is not None:
                times.append(lane.visit.until_ms)
            if lane.state in ("passed", "timed_out", "refused"):
                times.append(lane.since_ms + SIGN_MS)
        times += closing.due(turn) + rounds.due(turn) + supplies.due(turn) + rulebooks.due(turn)
        times += rulebook_end.due(turn) + idle.due(turn)
        return min(schedule.due(turn, times), default=None)


# -------------------------------------------------------------- small handlers


def _rulebook_refused(turn: Turn, event: RulebookRefused) -> None:
    rulebooks.record(turn, event.serial, "refused", event.because)


def _contact(turn: Turn, event: ContactChanged) -> None:
    lane = turn.state.lanes[event.lane]
    if event.role == "fire_loop":
        emergency.fire_loop(turn, event.closed, event.lane)
    elif event.role == "door":
        leaf.moved(turn, lane, event.closed)
    elif event.role == "button":
        attendant.button(turn, lane, event.closed)
    elif event.role == "release_key":
        attendant.release_key(turn, lane, event.closed)
    elif event.role == "symptoms":
        access.symptoms(turn, lane, event.closed)
    elif event.role == "duress":
        access.duress(turn, lane, event.closed)
    elif event.role == "dispenser":
        if event.closed:
            supplies.taken(turn, lane)
    else:
        ventilation.contact(turn, lane, event.role, event.closed)


def _air(turn: Turn, event: AirRead) -> None:
    air.read(turn, event)
    bank.follow(turn)


def _health(turn: Turn, event: DeviceHealth) -> None:
    lane = turn.state.lanes[event.lane]
    if event.state in ("ok", "garbled"):
        lane.broken.pop(event.device, None)
    else:
        lane.broken[event.device] = event.state
    turn.records.append(
        Health(**turn.header(event.lane), device=event.device, state=event.state, because=event.because)
    )
    if event.device == air.ROLE and event.device in lane.broken:
        lane.air = None
        bank.follow(turn)


def _document(turn: Turn, event: DocumentSeen) -> None:
    state = "ok" if event.taken else "refused"
    turn.records.append(Health(**turn.header(), device=event.what, state=state, because=event.because))


def _journal(turn: Turn, event: JournalState) -> None:
    if not (event.writable and turn.state.journal_ok):
        turn.alarm("journal", active=not event.writable, detail=event.because)
    turn.state.journal_ok = event.writable
    for name in event.withheld:
        lane = turn.state.lanes[name]
        if lane.grant is not None and lane.grant.way == "in" and not lane.blocked:
            passage.return_unused(turn, lane, lane.grant)
            turn.close(lane)
            turn.signal(lane, "time_over")
            turn.tell(lane, "journal_full", "yellow")


def _clock(turn: Turn, event: ClockChecked) -> None:
    if turn.moment.trusted == (("clock", "") in turn.state.alarms):
        turn.alarm("clock", active=not turn.moment.trusted, detail=event.because)


def _board(turn: Turn, event: BoardTold) -> None:
    turn.alarm(event.what, active=event.active, detail=event.detail)


def _woken(turn: Turn, event: Woken) -> None:
    """Everything due is done after every event, so there is nothing left to do for this one."""


HANDLERS: dict[type, Callable[[Turn, AnyEvent], None]] = {}
for _kind, _handler in (
    (Started, start.started),
    (RulebookLoaded, rulebooks.loaded),
    (RulebookRefused, _rulebook_refused),
    (DocumentSeen, _document),
    (CodeRead, entry.code_read),
    (TemperatureRead, thermometer.read),
    (AirRead, _air),
    (TerminalSaid, sentinel.said),
    (Crossed, passage.crossed),
    (TurnedAway, passage.turned_away),
    (PassageBlocked, passage.blocked),
    (CounterSaturated, passage.saturated),
    (SpacingSeen, queue.seen),
    (ContactChanged, _contact),
    (DeviceHealth, _health),
    (CommandArrived, commands.arrived),
    (JournalState, _journal),
    (ClockChecked, _clock),
    (BoardTold, _board),
    (RowArrived, limit.row_arrived),
    (NoticeArrived, limit.notice_arrived),
    (PeerUsed, other_doors.arrived),
    (Woken, _woken),
):
    HANDLERS[_kind] = _handler  # type: ignore[assignment]
