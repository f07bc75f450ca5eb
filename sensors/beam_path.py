"""From the edges of two beams to bodies: who came through, who turned back, who cannot be told apart.

The beam a body breaks first is its NEAR beam, the other its FAR beam. With spacing s between the beams:
    near  ____|=========|________      front lag = s / speed of the chest
    far   _______|==========|____      rear lag  = s / speed of the back
The near beam clears before the far one: it went through. The far one clears first and the near one last: it went back.
Three things follow from geometry alone, whatever the walking speed:
- LENGTH. A body's depth is s x dwell / lag. A swinging hand is a third of a torso, two people chest to back are twice
  one. Short right before or behind a body is its hand; short with nobody near is still somebody (an entry that is not
  counted is the worse mistake, and such an exit is only assumed); long is a doubt. A hand ahead of the chest makes a
  lag shorter, never longer: whether two may have passed is judged by the slower lag. Who waits for the gate in a beam
  makes one lag longer by as much: whether it is short is judged by the quicker one.
- FOLLOWER. The near beam is broken again while the far one still is: either the first body steps back or a second
  one follows. A body that steps back needs as long to free the far beam as it needed to get so far; one that goes on
  frees it after about its own lag. Whichever is nearer is true.
- CROWD. Bodies touch only in a queue. A long body with nobody close before or behind is a walker, a trolley or
  somebody who stood still: one. A long body in a queue is probably two, and is said to be assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from sensors.edges import SettledEdge
from sensors.readings import AnyReading, Crossing, Direction, Saturated, TurnedBack

PULSES_MAX = 16
"""Pulses of one beam remembered within one passage; the oldest but the first are forgotten."""
HAND = 0.4
"""Of a body's depth: a hand is 100 mm across, a torso at least 240."""
TOO_CLOSE = "people too close behind each other to be told apart"
ABREAST = "both beams changed faster than anybody runs: people abreast or crossing each other"
TOO_LONG = "the passage was blocked too long to be one clean passage"


@dataclass(frozen=True, slots=True)
class Geometry:
    """What the door and people are like; see `counter_beam_pair.Settings` for bounds and reasons."""

    spacing_mm: float
    body_mm: float
    two_bodies: float
    """A passage longer than so many body depths may be two people."""
    speed_max_mm_s: float
    crowd_ms: float
    transit_ms_min: float
    transit_ms_max: float
    turn_ms: float
    doubtful: tuple[Direction, ...]


class Pulse(NamedTuple):
    """One beam was broken from `on` to `off`."""

    on: float
    off: float


@dataclass(slots=True)
class Passage:
    """Everything from the first broken beam until both are clear, or until a follower begins a passage of its own."""

    side: str
    near: list[Pulse] = field(default_factory=list)
    far: list[Pulse] = field(default_factory=list)
    near_on: float | None = None
    far_on: float | None = None

    def began(self) -> float:
        return self.near[0].on if self.near else self.near_on or 0.0

    def change(self, edge: SettledEdge) -> None:
        if edge.input == self.side:
            self.near_on = _pulse(self.near, self.near_on, edge)
        else:
            self.far_on = _pulse(self.far, self.far_on, edge)

    def clear(self) -> bool:
        return self.near_on is None and self.far_on is None

    def followed(self) -> bool:
        """The far beam just cleared while the near one is broken again: True when that is a second body's doing."""
        if self.near_on is None or not self.near or not self.far:
            return False
        gap_on, gap_off, far = self.near[-1].off, self.near_on, self.far[-1]
        if not far.on < gap_on <= gap_off < far.off:
            return False
        goes_on = gap_on + far.on - self.near[0].on
        turn = (gap_on + gap_off) / 2
        steps_back = turn + (turn - far.on)
        return far.off < (goes_on + steps_back) / 2

    def split(self) -> tuple[Passage, Passage]:
        """The first body, complete, and the follower's passage."""
        return (
            Passage(self.side, self.near, self.far),
            Passage(self.side, near_on=self.near_on),
        )

    def lags_ms(self) -> tuple[float, float]:
        """Front and rear lag of a passage that went through."""
        return self.far[0].on - self.near[0].on, self.far[-1].off - self.near[-1].off

    def length_mm(self, spacing_mm: float, lag_ms: float) -> float:
        """The body's depth, holes included, if `lag_ms` tells its speed. Huge when the beams changed at once."""
        dwell_ms = (self.near[-1].off - self.near[0].on + self.far[-1].off - self.far[0].on) / 2
        return spacing_mm * dwell_ms / max(0.1, lag_ms)


def _pulse(pulses: list[Pulse], on: float | None, edge: SettledEdge) -> float | None:
    """Note the edge; answer since when this beam is broken, None when it is clear."""
    if edge.active:
        return edge.t_ms if on is None else on
    if on is not None:
        pulses.append(Pulse(on, edge.t_ms))
        del pulses[1:-PULSES_MAX]
    return None


class BodyTracker:
    """Settled edges in, Crossing, TurnedBack and Saturated out. Holds the pulses of one passage, bounded."""

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._passage: Passage | None = None
        self._before: tuple[str, float] | None = None
        """The last body that went through: the side it came from and when it had left."""
        self._doubt = False
        """That body was long enough for two; somebody close behind makes it two."""
        self._turned: TurnedBack | None = None
        self._slim: Crossing | None = None
        """A passage too short for a torso: a hand if its body follows at once, otherwise somebody slim."""
        self.wake_at_ms: float | None = None
        """When a turn-back that nobody followed, or a slim passage that was no hand, is to be told."""

    def feed(self, edge: SettledEdge) -> list[AnyReading]:
        if self._passage is None:
            return self._begin(edge) if edge.active else []
        passage = self._passage
        passage.change(edge)
        if passage.clear():
            self._passage = None
            return self._end(passage, edge)
        if not edge.active and edge.input != passage.side and passage.followed():
            body, self._passage = passage.split()
            return self._through(body)
        return []

    def tick(self, t_ms: float) -> list[AnyReading]:
        if self.wake_at_ms is None or t_ms < self.wake_at_ms:
            return []
        turned, self._turned, self.wake_at_ms = self._turned, None, None
        return [*self._slim_after_all(), *([turned] if turned else [])]

    # ------------------------------------------------------------ inside

    def _begin(self, edge: SettledEdge) -> list[AnyReading]:
        found = self.tick(edge.t_ms)
        if self._slim is not None:
            self.wake_at_ms = None  # what comes now will tell whose hand it was
        self._passage = Passage(edge.input, near_on=edge.t_ms)
        if self._turned is not None and self._turned.side == edge.input:
            self._turned = self.wake_at_ms = None  # a hand or half a step first, now the body: no turn-back
        return found

    def _end(self, passage: Passage, last: SettledEdge) -> list[AnyReading]:
        if passage.far and last.input != passage.side:
            return self._through(passage)
        found = self._slim_after_all()
        if last.t_ms - passage.began() < self._geometry.transit_ms_min:
            return found
        self._turned = TurnedBack("outside" if passage.side == "outside" else "inside")
        self.wake_at_ms = last.t_ms + self._geometry.turn_ms
        return found

    def _through(self, body: Passage) -> list[AnyReading]:
        """A passage that cleared the near beam first and the far beam last."""
        geometry, left_ms = self._geometry, body.far[-1].off
        transit_ms = left_ms - body.began()
        after_ms = self._after_ms(body)
        if transit_ms < geometry.transit_ms_min:
            return self._slim_after_all()  # quicker than anybody runs: a hand, or something thrown
        if body.length_mm(geometry.spacing_mm, min(body.lags_ms())) < HAND * geometry.body_mm:
            return self._slim_through(body, transit_ms, after_ms)
        self._slim = None
        crowded = after_ms <= geometry.crowd_ms
        found = self._second(body.side) if self._doubt and crowded else []
        because = self._unsure(body, transit_ms)
        found.append(Crossing(_direction(body.side), round(transit_ms, 1), assumed=because in (ABREAST, TOO_LONG)))
        if because or after_ms < 0:
            found.append(Saturated(because or TOO_CLOSE))
        if because == TOO_CLOSE and crowded:
            found += self._second(body.side)
        self._before, self._doubt = (body.side, left_ms), because == TOO_CLOSE and not crowded
        self._turned = self.wake_at_ms = None
        return found

    def _slim_through(self, body: Passage, transit_ms: float, after_ms: float) -> list[AnyReading]:
        """In doubt an entry counts, and an exit is only assumed: it must not give a right back."""
        found = self._slim_after_all()
        if after_ms > self._geometry.turn_ms:
            way = _direction(body.side)
            self._slim = Crossing(way, round(transit_ms, 1), assumed=way not in self._geometry.doubtful)
            self.wake_at_ms = body.far[-1].off + self._geometry.turn_ms
        return found

    def _slim_after_all(self) -> list[AnyReading]:
        slim, self._slim = self._slim, None
        return [slim] if slim else []

    def _after_ms(self, body: Passage) -> float:
        """How long after the last body this one began; negative: both were in the beams at once."""
        return body.began() - self._before[1] if self._before and self._before[0] == body.side else float("inf")

    def _unsure(self, body: Passage, transit_ms: float) -> str:
        """Why this passage may not be one body, empty when it looks like one."""
        geometry = self._geometry
        if max(body.lags_ms()) < geometry.spacing_mm / geometry.speed_max_mm_s * 1000:
            return ABREAST
        if transit_ms > geometry.transit_ms_max:
            return TOO_LONG
        length_mm = body.length_mm(geometry.spacing_mm, max(body.lags_ms()))
        return TOO_CLOSE if length_mm > geometry.two_bodies * geometry.body_mm else ""

    def _second(self, side: str) -> list[AnyReading]:
        """The second of two bodies that looked like one, where a site counts such."""
        direction = _direction(side)
        return [Crossing(direction, 0.0, assumed=True)] if direction in self._geometry.doubtful else []


def _direction(side: str) -> Direction:
    return "in" if side == "outside" else "out"
