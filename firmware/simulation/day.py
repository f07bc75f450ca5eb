"""A whole day of a hall with several doors, by events: who comes, who waits, who gives up, and how full the hall was.

The rights policies run the device's own functions (`core/limit.py`, `core/bank.py`); rows travel with a delay, by the
broker, by the side link, or not at all. Nothing here knows a clock: a day of 30 seeds takes seconds to minutes.
"""

from __future__ import annotations

import datetime as dt
import heapq
import random
import statistics
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from firmware.core import bank, limit
from firmware.core.events import NoticeArrived, RowArrived
from firmware.core.moment import Moment
from firmware.core.occupancy import Rights, Row, count_out, give, reserve
from firmware.core.state import HallState, LaneSetup, LaneState, Waiting
from firmware.core.turn import Turn

Policy = Literal["central-closed", "central-open", "last-known", "rights", "rights-mqtt", "rights-side-link"]
POLICIES: tuple[Policy, ...] = (
    "central-closed",
    "central-open",
    "last-known",
    "rights",
    "rights-mqtt",
    "rights-side-link",
)
HEARTBEAT_MS = 5_000
RECONNECT_MS = 5_000
"""After the broker is back a device may need this long."""


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A hall and its day. Weights say how the people spread over the doors; times are minutes unless named."""

    limit: int = 200
    entries: tuple[float, ...] = (4.0, 2.0, 1.0, 1.0)
    exits: tuple[float, ...] = (3.0, 2.0, 1.0)
    opens: int = 9
    """Hour of the day at which the first person comes."""
    arrivals: tuple[float, ...] = (160.0, 270.0, 340.0, 330.0, 270.0, 270.0, 240.0, 139.0)
    """People expected in each hour after opening; their sum is the day's."""
    dwell: float = 50.0
    """How long people stay, on average; half of it to one and a half."""
    patience: float = 12.0
    """How long people wait before they give up, on average; half of it to one and a half."""
    passage_seconds: float = 3.0
    """From one body through a door to the next."""


@dataclass
class Tally:
    """What one day was like."""

    came: int = 0
    entered: int = 0
    gave_up: int = 0
    overshoot: int = 0
    full_ms: float = 0.0
    """Person-milliseconds while the hall was open."""
    rows: int = 0
    utilisation: float = 0.0
    """Percent of the limit, on average over the opening hours."""


@dataclass
class Door:
    """One door. `queue` holds patience numbers; who gave up is skipped when its turn comes."""

    entry: bool
    queue: deque[int] = field(default_factory=deque)
    busy: bool = False


class Day:
    """One day by one seed. `outage` is when the broker is dead, in ms of the day's opening; None: never."""

    def __init__(self, plan: Plan, policy: Policy, seed: int, outage: tuple[float, float] | None) -> None:
        self.plan, self.outage = plan, outage
        self.people, self.net = random.Random(seed), random.Random(f"net {seed}")
        self.tally, self.inside, self.now, self._since = Tally(), 0, 0.0, 0.0
        self.end = len(plan.arrivals) * 3_600_000.0
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._turn = 0
        self._habits: dict[int, tuple[float, int]] = {}
        self.doors = [Door(True) for _ in plan.entries] + [Door(False) for _ in plan.exits]
        self.rule = RULES[policy](self, policy)

    def after(self, ms: float, call: Callable[[], None]) -> None:
        self._turn += 1
        heapq.heappush(self._agenda, (self.now + ms, self._turn, call))

    def broken(self) -> bool:
        return self.outage is not None and self.outage[0] <= self.now < self.outage[1]

    def run(self) -> Tally:
        for hour, expected in enumerate(self.plan.arrivals):
            for _ in range(round(expected)):
                self._expect((hour + self.people.random()) * 3_600_000)
        if self.outage is not None:
            heapq.heappush(self._agenda, (self.outage[0], -1, self.rule.lost))
            heapq.heappush(self._agenda, (self.outage[1] + RECONNECT_MS, -2, self.rule.found))
        self.rule.begin()
        while self._agenda and self._agenda[0][0] < self.end:
            self.now, _, call = heapq.heappop(self._agenda)
            call()
        self._count(0)
        self.tally.utilisation = 100 * self.tally.full_ms / (self.plan.limit * self.end)
        return self.tally

    # ------------------------------------------------------------ people

    def _expect(self, at_ms: float) -> None:
        """Everything about a person is drawn here, so that the same people come whatever the policy does."""
        draw, plan, number = self.people, self.plan, len(self._habits)
        entry = draw.choices(range(len(plan.entries)), plan.entries)[0]
        out = len(plan.entries) + draw.choices(range(len(plan.exits)), plan.exits)[0]
        patience = draw.uniform(0.5, 1.5) * plan.patience * 60_000
        self._habits[number] = (draw.uniform(0.5, 1.5) * plan.dwell * 60_000, out)
        heapq.heappush(self._agenda, (at_ms, number, lambda: self._comes(number, entry, patience)))
        self._turn = number

    def _comes(self, number: int, entry: int, patience_ms: float) -> None:
        self.tally.came += 1
        self.doors[entry].queue.append(number)
        self.after(patience_ms, lambda: self._gives_up(number, entry))
        self.serve(entry)
        self.rule.waits(entry)

    def _gives_up(self, number: int, entry: int) -> None:
        if number in self.doors[entry].queue:
            self.doors[entry].queue.remove(number)
            self.tally.gave_up += 1
            self.rule.waits(entry)

    def serve(self, entry: int) -> None:
        """Let the first in line come in, if the door and the hall have room."""
        door = self.doors[entry]
        if not door.queue or door.busy or not self.rule.admits(entry):
            return
        number, door.busy = door.queue.popleft(), True
        self._count(1)
        self.tally.entered += 1
        dwell_ms, out = self._habits[number]
        self.after(dwell_ms, lambda: self._leaves(out))
        self.after(self.plan.passage_seconds * 1000, lambda: self._through(entry))
        self.rule.waits(entry)

    def _through(self, entry: int) -> None:
        self.doors[entry].busy = False
        self.serve(entry)

    def _leaves(self, out: int) -> None:
        self._count(-1)
        self.rule.left(out)

    def _count(self, change: int) -> None:
        self.tally.full_ms += self.inside * (min(self.now, self.end) - self._since)
        self._since = self.now
        self.inside += change
        self.tally.overshoot = max(self.tally.overshoot, self.inside - self.plan.limit)


# ---------------------------------------------------------------- who decides


class Central:
    """One counter in the middle. Without it: closed, open, or the last count that was known and the door's own."""

    def __init__(self, day: Day, policy: Policy) -> None:
        self.day, self.policy = day, policy
        self.known: list[int] = []

    def begin(self) -> None:
        """Nothing to hand out."""

    def lost(self) -> None:
        self.known = [self.day.inside] * len(self.day.doors)

    def found(self) -> None:
        self.known = []
        self._next()

    def admits(self, entry: int) -> bool:
        if not self.known:
            return self.day.inside < self.day.plan.limit
        if self.policy != "last-known":
            return self.policy == "central-open"
        if self.known[entry] >= self.day.plan.limit:
            return False
        self.known[entry] += 1
        return True

    def left(self, out: int) -> None:
        if self.known:
            self.known[out] -= 1
        else:
            self._next()

    def waits(self, entry: int) -> None:
        if self.known:
            self.day.serve(entry)

    def _next(self) -> None:
        """Whoever has waited longest in the whole hall comes first."""
        waiting = [entry for entry, door in enumerate(self.day.doors) if door.queue]
        for entry in sorted(waiting, key=lambda entry: self.day.doors[entry].queue[0]):
            self.day.serve(entry)


class Spread:
    """Rights at every door, by the device's own functions. `rights` never rebalances: what exits gain goes round."""

    def __init__(self, day: Day, policy: Policy) -> None:
        self.day, self.policy = day, policy
        self.states = [self._state(number, door) for number, door in enumerate(day.doors)]
        self.sent: list[Row | None] = [None] * len(self.states)
        self.turns = 0
        self.due = [False] * len(self.states)

    def _state(self, number: int, door: Door) -> HallState:
        setup = LaneSetup(name="A", direction="in" if door.entry else "out")
        rights = Rights(inc=f"d{number}", bank=number == 0)
        return HallState(device=f"d{number}", rights=rights, lanes={"A": LaneState(name="A")}, setups=(setup,))

    def turn(self, who: int) -> Turn:
        return Turn(self.states[who], Moment(int(self.day.now), 0), dt.UTC, None)

    def begin(self) -> None:
        bank.set_limit(self.states[0], self.day.plan.limit)
        notice = self.states[0].notice
        assert notice is not None
        for who in range(1, len(self.states)):
            limit.notice_arrived(self.turn(who), NoticeArrived(notice=notice))
        if self.policy == "rights":
            self._split()
        for who in range(len(self.states)):
            self._say(who, everything=True)
        self._beat()

    def _split(self) -> None:
        doors = len(self.day.plan.entries)
        for who in range(1, doors):
            give(self.states[0].rights, f"d{who}", self.day.plan.limit // doors)

    def lost(self) -> None:
        """Every door goes on with what it has."""

    def found(self) -> None:
        for who in range(len(self.states)):
            self._say(who, everything=True)

    def admits(self, entry: int) -> bool:
        if not reserve(self.states[entry].rights, 1):
            return False
        self._changed(entry)
        return True

    def left(self, out: int) -> None:
        rights = self.states[out].rights
        count_out(rights)
        if self.policy == "rights":
            self.turns = (self.turns + 1) % len(self.day.plan.entries)
            give(rights, f"d{self.turns}", 1)
        self._changed(out)

    def waits(self, entry: int) -> None:
        lane, now = self.states[entry].lanes["A"], int(self.day.now)
        waiting = self.day.doors[entry].queue
        lane.waiting = [Waiting(who=f"{number}", since_ms=now, seen_ms=now) for number in waiting]
        self._changed(entry)

    # ------------------------------------------------------------ rows

    def _path(self) -> bool:
        return self.policy == "rights-side-link" or not self.day.broken()

    def _changed(self, who: int) -> None:
        """As after every turn of the device: share, then say what is new, at most every 20 ms."""
        if self.policy != "rights":
            limit.share(self.turn(who))
        if not self.due[who]:
            self.due[who] = True
            self.day.after(20, lambda: self._say(who))

    def _say(self, who: int, everything: bool = False) -> None:
        self.due[who] = False
        state = self.states[who]
        row = limit.own_row(state)
        if row == self.sent[who] and not everything:
            return
        state.seq += 1
        row = self.sent[who] = limit.own_row(state)
        self.day.tally.rows += 1
        if self._path():
            for other in range(len(self.states)):
                if other != who:
                    self.day.after(self.day.net.uniform(2, 40), lambda other=other: self._hears(other, row))  # type: ignore[misc]

    def _hears(self, who: int, row: Row) -> None:
        had = self.states[who].rights.free
        limit.row_arrived(self.turn(who), RowArrived(row=row))
        self._changed(who)
        if who < len(self.day.plan.entries) and self.states[who].rights.free > had:
            self.day.serve(who)

    def _beat(self) -> None:
        """Heartbeats: they tell nothing new, only that the peer can be reached."""
        if self._path():
            for who, state in enumerate(self.states):
                for peer in state.peers.values():
                    peer.seen_ms = int(self.day.now)
                self._changed(who)
        self.day.after(HEARTBEAT_MS, self._beat)


RULES: dict[Policy, type[Central] | type[Spread]] = {
    policy: Spread if policy.startswith("rights") else Central for policy in POLICIES
}


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Medians over the seeds; overshoot and rows are the worst. Utilisation in percent of the limit."""

    policy: Policy
    seeds: int
    arrivals: int
    overshoot: int
    utilisation: float
    utilisation_outage: float
    gave_up: int
    rows_per_day: int


def summary(plan: Plan, policy: Policy, seeds: range, outage: tuple[float, float] | None) -> Summary:
    """The same days without and with the outage."""
    calm = [Day(plan, policy, seed, None).run() for seed in seeds]
    rough = [Day(plan, policy, seed, outage).run() for seed in seeds] if outage else calm
    return Summary(
        policy=policy,
        seeds=len(seeds),
        arrivals=round(statistics.median(each.came for each in calm)),
        overshoot=max(each.overshoot for each in calm + rough),
        utilisation=round(statistics.median(each.utilisation for each in calm), 1),
        utilisation_outage=round(statistics.median(each.utilisation for each in rough), 1),
        gave_up=round(statistics.median(each.gave_up for each in rough)),
        rows_per_day=max(each.rows for each in calm + rough),
    )
