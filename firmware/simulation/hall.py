"""The hall: people queue, show codes, wait for the gate, walk through beams, stay a while and leave.

They know nothing of the firmware. What they do reaches it through the far ends of its ports, and what it wants they
see at the gate: it opens or it does not. The hall counts them itself, and that tally is the judge of everybody else's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from firmware.simulation.crowd import Visitor
from firmware.simulation.lift import Lift
from firmware.simulation.rig import Rig
from sensors.readings import Air, Contact, Crossing, Position, Positions, Scan, Temperature, TurnedBack

CODE_GAP_MS = 1_500
"""From one code to the next: a person turns to another page on the phone."""
PATIENCE_MS = 4_000
"""Without an open gate for so long after the last code, a person tries again or goes."""
AGAIN_MS = 3_000
TRIES_MAX = {"in_order": 30, "crowds": 30, "turns_back": 3}
"""Who is in order waits for room; everybody else asks twice and leaves."""
TAILGATE_MS = 1_000
PRESS_MS = 400
QUEUE_LOOK_MS = 500
STEP_M, CLOSE_M = 2.4, 1.1
"""Distance people keep in the queue, and that of one who crowds."""
CLOSE_MS = 6_000
"""So long it takes until somebody who crowds is told and steps back."""
QUEUE_MAX = 12
"""Who finds more people than this waiting goes away again."""
RIDES = 2
"""One in so many takes the lift."""
OUTDOORS_PPM, PERSON_PPM, AIRED_MS, BREATH_MS = 420.0, 90, 60_000, 2_000
"""A small hall with its windows open: each person adds so much CO2 in the long run, and the air follows within a minute."""
SEEN_MAX = 3
"""A radar tells no more people apart."""


@dataclass
class Tally:
    """What really happened, counted by the world itself."""

    limit: int
    inside: int = 0
    inside_peak: int = 0
    over_limit: int = 0
    """Most people above the limit at any time, without those who slipped in uninvited."""
    entered: int = 0
    left: int = 0
    passages: int = 0
    tailgated: int = 0
    wrong_way: int = 0
    turned_back: int = 0
    sent_away: int = 0
    gave_up: int = 0
    walked_by: int = 0
    uninvited_inside: set[int] = field(default_factory=set)

    def enter(self, visitor: Visitor, invited: bool) -> None:
        self.passages += 1
        self.entered += 1
        self.inside += 1
        if not invited:
            self.uninvited_inside.add(visitor.number)
        self.inside_peak = max(self.inside_peak, self.inside)
        self.over_limit = max(self.over_limit, self.inside - len(self.uninvited_inside) - self.limit)

    def leave(self, visitor: Visitor) -> None:
        self.passages += 1
        self.left += 1
        self.inside -= 1
        self.uninvited_inside.discard(visitor.number)


class EntryQueue:
    """People in front of one entry lane; the first one stands at the scanner."""

    def __init__(self, hall: Hall, lane: str) -> None:
        self._hall, self._rig, self.lane = hall, hall.rig, lane
        self.people: deque[Visitor] = deque()
        self._close: Visitor | None = None
        self._close_since_ms = 0.0
        self._busy = False
        self._walking = False
        self._tries = 0
        self._turn = 0
        """Counts what happens at the front, so that an old time-out can tell that it is old."""
        self._rig.when_gate(lane, self._gate)

    def join(self, visitor: Visitor) -> None:
        self.people.append(visitor)
        self._next()

    def places(self) -> tuple[Position, ...]:
        """Where the first people stand, in metres before the sensor."""
        distance_m, found = 0.8, list[Position]()
        for place, visitor in enumerate(list(self.people)[:SEEN_MAX]):
            if place:
                distance_m += CLOSE_M if self._crowds(visitor) else STEP_M
            found.append(Position(place + 1, 0.1, distance_m))
        return tuple(found)

    def _crowds(self, visitor: Visitor) -> bool:
        """Only somebody second in line, and only until he is told."""
        if visitor.habit != "crowds" or self.people[1] is not visitor:
            return False
        if self._close is not visitor:
            self._close, self._close_since_ms = visitor, self._rig.clock.elapsed_ms()
        return self._rig.clock.elapsed_ms() - self._close_since_ms < CLOSE_MS

    def _next(self) -> None:
        if self._busy or not self.people:
            return
        self._busy, self._tries = True, 0
        self._soon(self.people[0].walks_ms, self._show_codes)

    def _show_codes(self) -> None:
        visitor = self.people[0]
        if not visitor.codes:  # a tailgater whom nobody let follow
            self._leave("gave_up")
            return
        self._tries += 1
        if self._rig.has(self.lane, "thermometer"):
            self._rig.show(self.lane, "thermometer", Temperature(visitor.temperature_c, 22.0))
        self._soon((len(visitor.codes) - 1) * CODE_GAP_MS + PATIENCE_MS, self._not_opened)
        turn = self._turn
        for place, code in enumerate(visitor.codes):
            self._rig.after(place * CODE_GAP_MS, lambda code=code: self._show(turn, code))  # type: ignore[misc]

    def _show(self, turn: int, code: bytes) -> None:
        if turn == self._turn:
            self._rig.show(self.lane, "scanner", Scan(code))

    def _not_opened(self) -> None:
        visitor = self.people[0]
        if self._tries < TRIES_MAX.get(visitor.habit, 2):
            self._soon(AGAIN_MS, self._show_codes)
        else:
            self._leave("gave_up" if visitor.may_enter else "sent_away")

    def _gate(self, is_open: bool) -> None:
        if not is_open or self._walking or not self._busy:
            return
        self._walking = True
        visitor = self.people[0]
        self._soon(visitor.reacts_ms, self._turn_back if visitor.habit == "turns_back" else self._walk)

    def _turn_back(self) -> None:
        if self._rig.has(self.lane, "counter"):
            self._rig.show(self.lane, "counter", TurnedBack("outside"))
        self._soon(1_500, lambda: self._leave("turned_back"))

    def _walk(self) -> None:
        visitor = self.people[0]
        self._hall.cross(self.lane, "in", visitor)
        self._soon(visitor.transit_ms, self._through)

    def _through(self) -> None:
        visitor = self.people.popleft()
        self._hall.enter(visitor, invited=True)
        if self.people and self.people[0].habit == "tailgates":
            self._soon(TAILGATE_MS, self._follow)
        else:
            self._soon(500, self._free)

    def _follow(self) -> None:
        visitor = self.people[0]
        self._hall.cross(self.lane, "in", visitor)
        self._soon(visitor.transit_ms, self._followed)

    def _followed(self) -> None:
        self._hall.tally.tailgated += 1
        self._hall.enter(self.people.popleft(), invited=False)
        self._soon(500, self._free)

    def _leave(self, why: str) -> None:
        setattr(self._hall.tally, why, getattr(self._hall.tally, why) + 1)
        self.people.popleft()
        self._soon(500, self._free)

    def _free(self) -> None:
        self._busy = self._walking = False
        self._next()

    def _soon(self, after_ms: float, step: object) -> None:
        """The next step of whoever is in front; it takes the place of a step that was planned before."""
        self._turn += 1
        turn = self._turn
        self._rig.after(after_ms, lambda: step() if turn == self._turn else None)  # type: ignore[operator]


class ExitQueue:
    """People who want to leave by one exit lane: they press the button, or show any code where there is none."""

    def __init__(self, hall: Hall, lane: str) -> None:
        self._hall, self._rig, self.lane = hall, hall.rig, lane
        self.people: deque[Visitor] = deque()
        self._walking = False
        self._asked = False
        self._rig.when_gate(lane, self._gate)

    def join(self, visitor: Visitor) -> None:
        self.people.append(visitor)
        self._ask()

    def _ask(self) -> None:
        if self._asked or not self.people:
            return
        self._asked = True
        if self._rig.has(self.lane, "button"):
            self._rig.show(self.lane, "button", Contact(True))
            self._rig.after(PRESS_MS, lambda: self._rig.show(self.lane, "button", Contact(False)))
        elif self._rig.has(self.lane, "scanner"):
            self._rig.show(self.lane, "scanner", Scan(b"let me out"))
        first = self.people[0]
        self._rig.after(PATIENCE_MS, lambda: self._ask_again(first))

    def _ask_again(self, first: Visitor) -> None:
        if self._asked and not self._walking and self.people and self.people[0] is first:
            self._asked = False
            self._ask()

    def _gate(self, is_open: bool) -> None:
        if is_open and not self._walking and self.people:
            self._walking = True
            self._rig.after(self.people[0].reacts_ms, self._walk)

    def _walk(self) -> None:
        visitor = self.people[0]
        self._hall.cross(self.lane, "out", visitor)
        self._rig.after(visitor.transit_ms, self._through)

    def _through(self) -> None:
        self._hall.tally.leave(self.people.popleft())
        self._rig.after(600, self._free)

    def _free(self) -> None:
        self._walking = self._asked = False
        self._ask()


class Hall:
    """One hall with its entry and exit lanes (names of the site files). `start` lets people come.

    `lift`: its lane, and how many may be where it goes; one in `RIDES` of those who have a booking takes it.
    """

    def __init__(
        self, rig: Rig, visitors: Iterator[Visitor], *, entries: list[str], exits: list[str], limit: int,
        lift: tuple[str, int] | None = None,
    ) -> None:  # fmt: skip
        self.rig = rig
        self.tally = Tally(limit)
        self.entries = [EntryQueue(self, lane) for lane in entries]
        self.exits = [ExitQueue(self, lane) for lane in exits]
        self.lift = Lift(rig, *lift, self._rode) if lift else None
        self.co2_ppm = OUTDOORS_PPM
        self._visitors = visitors

    def start(self) -> None:
        for entry in self.entries:
            if self.rig.has(entry.lane, "range"):
                self._look(entry)
        self._breathe()
        self._expect()

    def cross(self, lane: str, direction: str, visitor: Visitor) -> None:
        """A body goes through the lane's beams."""
        if self.rig.has(lane, "counter"):
            way = "in" if direction == "in" else "out"
            self.rig.show(lane, "counter", Crossing(way, visitor.transit_ms))  # type: ignore[arg-type]

    def enter(self, visitor: Visitor, invited: bool) -> None:
        self.tally.enter(visitor, invited)
        way_out = self.exits[visitor.number % len(self.exits)]
        lift = self.lift if invited and visitor.number % RIDES == 0 else None
        if lift is None:
            self.rig.after(visitor.dwells_ms, lambda: way_out.join(visitor))
        else:
            self.rig.after(visitor.dwells_ms / 3, lambda: lift.ride(visitor, lambda: way_out.join(visitor)))

    def _rode(self) -> None:
        self.tally.passages += 1

    def _expect(self) -> None:
        visitor = next(self._visitors)
        self.rig.after(visitor.arrives_ms, lambda: self._arrive(visitor))

    def _arrive(self, visitor: Visitor) -> None:
        if visitor.habit == "wrong_way":
            self._enter_by_the_exit(visitor)
        else:
            self._queue_up(visitor)
        self._expect()

    def _queue_up(self, visitor: Visitor) -> None:
        entry = min(self.entries, key=lambda entry: len(entry.people))
        if len(entry.people) < QUEUE_MAX:
            entry.join(visitor)
        else:
            self.tally.walked_by += 1

    def _enter_by_the_exit(self, visitor: Visitor) -> None:
        way = self.exits[visitor.number % len(self.exits)]
        if way.people:  # somebody is in the way
            return
        self.cross(way.lane, "in", visitor)
        self.tally.wrong_way += 1
        self.enter(visitor, invited=False)

    def _breathe(self) -> None:
        aim = OUTDOORS_PPM + PERSON_PPM * self.tally.inside
        self.co2_ppm += (aim - self.co2_ppm) * BREATH_MS / AIRED_MS
        for entry in self.entries:
            if self.rig.has(entry.lane, "air"):
                self.rig.show(entry.lane, "air", Air(round(self.co2_ppm)))
        self.rig.after(BREATH_MS, self._breathe)

    def _look(self, entry: EntryQueue) -> None:
        """What the distance sensor sees of a queue."""
        self.rig.show(entry.lane, "range", Positions(entry.places()))
        self.rig.after(QUEUE_LOOK_MS, lambda: self._look(entry))
