"""Counting at a line from positions: people keep no number from frame to frame, so they are given one here.

Each frame's persons are joined to the nearest track that they can have reached; a track that was not seen for a second
is forgotten. A body has crossed when its track was clearly on one side of the door line, came clearly to the other,
and passed between the door posts on the way. "Clearly" is `CLEAR_M`: a person who sways on the line counts nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from sensors.readings import Crossing, Direction, Position

CLEAR_M = 0.25
SPEED_MAX_M_S = 3.0
NOISE_M = 0.3
"""How far a standing person may jump between two frames."""
LOST_MS = 1_000.0
TRACKS_MAX = 32
POST_M = 0.3
"""So far beside a door post a track may still pass: positions are of the middle of a body and noisy."""

Metres = Annotated[float, Meta(ge=-1_000, le=1_000)]
Point = tuple[Metres, Metres]


class Door(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The line between the door posts and any point inside, metres: `{ from = [x, y], to = [x, y], inside = [x, y] }`.

    ValueError when the posts are one point or `inside` lies on the line.
    """

    from_: Point = msgspec.field(name="from")
    to: Point
    inside: Point

    def __post_init__(self) -> None:
        if math.dist(self.from_, self.to) < 0.1:
            raise ValueError("the door's posts `from` and `to` must be at least 0.1 m apart")
        if abs(self._left_of(*self.inside)) < 0.01:
            raise ValueError("`inside` must not lie on the door's line")

    def depth_m(self, x_m: float, y_m: float) -> float:
        """Distance from the door line, positive inside."""
        return self._left_of(x_m, y_m) * math.copysign(1.0, self._left_of(*self.inside))

    def along_m(self, x_m: float, y_m: float) -> float:
        """Distance from the post `from` along the line; between 0 and `width_m` is the opening."""
        return ((x_m - self.from_[0]) * self._run[0] + (y_m - self.from_[1]) * self._run[1]) / self.width_m

    @property
    def width_m(self) -> float:
        return math.dist(self.from_, self.to)

    def walk(self, direction: Direction) -> list[tuple[float, float]]:
        """For simulators: through the middle of the door in steps of 0.1 m, from 1 m before it to 1 m behind it."""
        left = math.copysign(1.0, self._left_of(*self.inside)) * (1 if direction == "in" else -1)
        middle = [(a + b) / 2 for a, b in zip(self.from_, self.to, strict=True)]
        step_x, step_y = -self._run[1] / self.width_m * left, self._run[0] / self.width_m * left
        return [(middle[0] + step_x * i / 10, middle[1] + step_y * i / 10) for i in range(-10, 11)]

    @property
    def _run(self) -> tuple[float, float]:
        return self.to[0] - self.from_[0], self.to[1] - self.from_[1]

    def _left_of(self, x_m: float, y_m: float) -> float:
        run_x, run_y = self._run
        return (run_x * (y_m - self.from_[1]) - run_y * (x_m - self.from_[0])) / self.width_m


@dataclass(slots=True, eq=False)
class _Track:
    x_m: float
    y_m: float
    seen_ms: float
    depth_m: float
    side: int = 0
    """+1 clearly inside, -1 clearly outside, as it was last; 0 never."""
    left_ms: float = 0.0
    """When it was last clearly on that side."""
    by_the_door: bool = False
    """It passed the line between the posts since then."""


class DoorTracks:
    """Persons of one frame in, crossings out. Bounded: `TRACKS_MAX` people at once."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._tracks: list[_Track] = []

    def feed(self, persons: tuple[Position, ...], t_ms: float) -> list[Crossing]:
        self._tracks = [track for track in self._tracks if t_ms - track.seen_ms <= LOST_MS]
        free, waiting = list(self._tracks), list(persons[:TRACKS_MAX])
        found: list[Crossing] = []
        for track, person in self._nearest_first(free, waiting, t_ms):
            if track in free and person in waiting:
                free.remove(track)
                waiting.remove(person)
                found += self._move(track, person, t_ms)
        for person in waiting[: TRACKS_MAX - len(self._tracks)]:
            track = _Track(person.x_m, person.y_m, t_ms, self._door.depth_m(person.x_m, person.y_m))
            self._tracks.append(track)
            self._settle(track, t_ms)
        return found

    def _nearest_first(
        self, tracks: list[_Track], persons: list[Position], t_ms: float
    ) -> list[tuple[_Track, Position]]:
        pairs = []
        for track in tracks:
            reach_m = NOISE_M + SPEED_MAX_M_S * (t_ms - track.seen_ms) / 1000
            for person in persons:
                far_m = math.hypot(track.x_m - person.x_m, track.y_m - person.y_m)
                if far_m <= reach_m:
                    pairs.append((far_m, track, person))
        return [(track, person) for _, track, person in sorted(pairs, key=lambda pair: pair[0])]

    def _move(self, track: _Track, person: Position, t_ms: float) -> list[Crossing]:
        depth_m = self._door.depth_m(person.x_m, person.y_m)
        if (depth_m > 0) != (track.depth_m > 0):
            track.by_the_door = self._between_posts(track, person, depth_m)
        track.x_m, track.y_m, track.seen_ms, track.depth_m = person.x_m, person.y_m, t_ms, depth_m
        return self._settle(track, t_ms)

    def _settle(self, track: _Track, t_ms: float) -> list[Crossing]:
        if abs(track.depth_m) < CLEAR_M:
            return []
        before, side = track.side, 1 if track.depth_m > 0 else -1
        since_ms, track.side, track.left_ms = track.left_ms, side, t_ms
        if before in (0, side) or not track.by_the_door:
            return []
        track.by_the_door = False
        return [Crossing("in" if side > 0 else "out", t_ms - since_ms)]

    def _between_posts(self, track: _Track, person: Position, depth_m: float) -> bool:
        part = track.depth_m / (track.depth_m - depth_m)
        x_m = track.x_m + (person.x_m - track.x_m) * part
        y_m = track.y_m + (person.y_m - track.y_m) * part
        return -POST_M <= self._door.along_m(x_m, y_m) <= self._door.width_m + POST_M
