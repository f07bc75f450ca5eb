"""Two light beams across the door line, one behind the other: who came in, who went out, who turned back.

Wiring: two infra-red light barriers side by side across the passage, the receiver's outputs on two GPIO pins; `outside`
    is the one a visitor breaks first. Level 1 = beam broken (`invert = true` for receivers that pull low when broken).
    Mount them at the height of the chest (1.2-1.4 m), `spacing_mm` apart, 60-100 mm: closer, and a lag drowns in the
    chatter; farther apart, and a swinging hand is seen by one beam while the other sees the next person. At hip height
    hands pass before and behind every body. The door should be too narrow for two abreast (0.5-0.9 m).
On the wire: edges. Each change comes with up to 8 ms of flicker, which `debounce_ms` takes out (`sensors/edges.py`).
    How edges become bodies is written at the top of `sensors/beam_path.py`.
    What these two beams cannot see, and say so (`Saturated`): people abreast, chest to back, or crossing each other.
In doubt: a passage as long as two bodies, in a queue, counts a second one (`assumed`) when it is an entry and not when
    it is an exit (`count_doubtful = "in"`). An entry too many makes the hall's count too high, which costs a place
    until the next recount; an exit too many would mint a right and let the hall run over its limit.
Source: devices.md 7 (four-step path; per-state timeout; stuck beam; obstruction; minimum and maximum transit).
Tested on: the simulator only, and on beams simulated from the tracks of 125 real people (Juelich data archive).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta

from sensors.beam_path import ABREAST, TOO_CLOSE, BodyTracker, Geometry
from sensors.driver import Driver, Edge, Example, Later, Raw, Send
from sensors.driver import Settings as DriverSettings
from sensors.edges import SettledEdge, Settler
from sensors.readings import AnyReading, Crossing, Direction, Garbled, Occupied, Ready, Saturated, TurnedBack

SIDES = ("outside", "inside")
STUCK = "a beam is stuck: nobody can be counted here"
DOUBTFUL: dict[str, tuple[Direction, ...]] = {"in": ("in",), "both": ("in", "out"), "none": ()}
WALK_MM_S = 1_200.0


class Settings(DriverSettings, frozen=True, kw_only=True):
    invert: bool = False
    """The receivers' level is 0 when the beam is broken."""
    spacing_mm: Annotated[float, Meta(ge=20, le=300)] = 80
    """Between the two beams, as built."""
    body_mm: Annotated[float, Meta(ge=150, le=600)] = 330
    """Depth of a clothed chest with its arms, along the way it walks."""
    two_bodies: Annotated[float, Meta(ge=1.2, le=3)] = 1.65
    """A passage longer than so many `body_mm` may be two people; between one and two."""
    crowd_ms: Annotated[float, Meta(ge=0, le=5_000)] = 1_000
    """People this close behind each other are a queue (a door lets through one person a second)."""
    speed_max_mm_s: Annotated[float, Meta(ge=1_000, le=10_000)] = 3_000
    """Nobody runs through faster; what seems faster is two people abreast."""
    debounce_ms: Annotated[float, Meta(ge=1, le=50)] = 10
    transit_ms_min: Annotated[float, Meta(ge=0, le=1_000)] = 100
    """From the first beam broken to the last one clear; shorter is a hand. (330 + 80) mm at 3 m/s take 137 ms."""
    transit_ms_max: Annotated[float, Meta(ge=1_000, le=600_000)] = 15_000
    """Longer is still counted once, and marked `assumed`: somebody stood there and others may have slipped by."""
    turn_ms: Annotated[float, Meta(ge=0, le=5_000)] = 400
    """A turn-back is told when nobody breaks the same beam again within this time."""
    state_ms_max: Annotated[float, Meta(ge=1_000, le=600_000)] = 30_000
    """One beam broken for longer is stuck, dirty or out of line."""
    obstruction_ms: Annotated[float, Meta(ge=1_000, le=600_000)] = 10_000
    """Both beams broken for longer: something stands in the door."""
    count_doubtful: Literal["in", "both", "none"] = "in"
    """In which direction a body that looked like two counts twice."""


class Decoder:
    """Edges in, readings out; the answer depends on the edges' times only, not on how often `tick` is called."""

    def __init__(self, settings: Settings) -> None:
        self._broken_level = 0 if settings.invert else 1
        self._settler = Settler(SIDES, settings.debounce_ms)
        self._bodies = BodyTracker(_geometry(settings))
        self._watch = _Watch(settings)
        self._blocked = False
        self._now_ms = float("-inf")
        self.wake_at_ms: float | None = None

    def feed(self, raw: Raw, t_ms: float) -> list[AnyReading | Send]:
        if not isinstance(raw, Edge) or raw.pin not in SIDES or raw.level not in (0, 1):
            return []
        self._now_ms = t_ms = max(t_ms, self._now_ms)
        broken = raw.level == self._broken_level
        out = self._settled(self._settler.feed(raw.pin, broken, t_ms), t_ms)
        if broken and not self._blocked:
            self._blocked = True
            out.append(Occupied(True))
        return [*out]

    def tick(self, t_ms: float) -> list[AnyReading | Send]:
        self._now_ms = t_ms = max(t_ms, self._now_ms)
        return [*self._settled(self._settler.due(t_ms), t_ms)]

    def broken(self, levels: Mapping[str, int]) -> bool:
        """Whether at these levels of its pins something is in a beam, whatever was heard so far."""
        return any(levels.get(side) == self._broken_level for side in SIDES)

    def _settled(self, edges: list[SettledEdge], t_ms: float) -> list[AnyReading]:
        """Hand settled edges on, then let the time pass that no edge can change any more."""
        out: list[AnyReading] = []
        for edge in edges:
            out += self._watch.due(edge.t_ms)
            out += self._bodies.feed(edge)
            out += self._watch.feed(edge)
        known_ms = self._settler.known_until(t_ms)
        out += self._bodies.tick(known_ms)
        out += self._watch.due(known_ms)
        if self._blocked and self._settler.idle():
            self._blocked = False
            out.append(Occupied(False))
        self._plan(known_ms < t_ms)
        return out

    def _plan(self, waits_for_settling: bool) -> None:
        times = [self._settler.wake_at_ms]
        if not waits_for_settling:
            times += [self._bodies.wake_at_ms, self._watch.wake_at_ms]
        self.wake_at_ms = min((time for time in times if time is not None), default=None)


class _Watch:
    """Tells once when a beam stays broken for longer than people do, and once when it is clear again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._since: dict[str, float] = {}
        self._told = False
        self.wake_at_ms: float | None = None

    def feed(self, edge: SettledEdge) -> list[AnyReading]:
        found: list[AnyReading] = []
        if edge.active:
            self._since[edge.input] = edge.t_ms
        else:
            self._since.pop(edge.input, None)
            found = self._cleared()
        self._plan()
        return found

    def due(self, t_ms: float) -> list[AnyReading]:
        if self.wake_at_ms is None or t_ms < self.wake_at_ms:
            return []
        self._told, self.wake_at_ms = True, None
        if len(self._since) == 2:
            return [Garbled(0, "both beams have been broken for too long: something stands in the door")]
        return [Garbled(0, f"the {next(iter(self._since))} beam has been broken for too long: stuck or out of line")]

    def _cleared(self) -> list[AnyReading]:
        if not self._told:
            return []
        if self._since:
            return [Saturated(STUCK)]
        self._told = False
        return [Ready()]

    def _plan(self) -> None:
        self.wake_at_ms = None
        if not self._told and self._since:
            self.wake_at_ms = min(self._since.values()) + self._settings.state_ms_max
            if len(self._since) == 2:
                self.wake_at_ms = min(self.wake_at_ms, max(self._since.values()) + self._settings.obstruction_ms)


def _geometry(settings: Settings) -> Geometry:
    return Geometry(
        spacing_mm=settings.spacing_mm,
        body_mm=settings.body_mm,
        two_bodies=settings.two_bodies,
        speed_max_mm_s=settings.speed_max_mm_s,
        crowd_ms=settings.crowd_ms,
        transit_ms_min=settings.transit_ms_min,
        transit_ms_max=settings.transit_ms_max,
        turn_ms=settings.turn_ms,
        doubtful=DOUBTFUL[settings.count_doubtful],
    )


class Simulator:
    """A door with people: each reading is acted out from a clear passage, at walking speed.

    `Crossing.transit_ms` sets how long the body takes. `Occupied(True)`: somebody stops in the outside beam until
    `Occupied(False)`; with nobody there, a hand is drawn through. `Saturated`: two abreast, or two chest to back.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._standing = False

    def show(self, reading: AnyReading, t_ms: float) -> list[Later]:
        script = self._script(reading)
        if script and self._standing and reading != Occupied(True):
            script = [(0.0, "outside", False)] + ([] if reading == Occupied(False) else _shifted(script, 700.0))
        if script:
            self._standing = reading == Occupied(True)
        return [Later(self._edge(side, broken), after_ms) for after_ms, side, broken in script]

    def hear(self, raw: bytes | Edge, t_ms: float) -> list[Later]:
        return []

    def _script(self, reading: AnyReading) -> list[tuple[float, str, bool]]:
        match reading:
            case Crossing():
                return _through("outside" if reading.direction == "in" else "inside", *self._pace(reading))
            case Saturated():
                return _through("outside", *self._two(reading.because))
            case TurnedBack(side=side):
                far = _other(side)
                return [(0.0, side, True), (80.0, far, True), (400.0, far, False), (480.0, side, False)]
            case Occupied(blocked=True):
                return [(0.0, "outside", True)]
            case Occupied(blocked=False):
                return [(0.0, "outside", True), (60.0, "outside", False)]
        return []

    def _pace(self, crossing: Crossing) -> tuple[float, float]:
        """(lag, dwell) in ms of one body."""
        if crossing.assumed:
            return self._two(ABREAST)
        length_mm = self._settings.body_mm + self._settings.spacing_mm
        transit_ms = crossing.transit_ms if crossing.transit_ms > 0 else length_mm / WALK_MM_S * 1000
        lag_ms = transit_ms * self._settings.spacing_mm / length_mm
        return lag_ms, transit_ms - lag_ms

    def _two(self, because: str) -> tuple[float, float]:
        """(lag, dwell) in ms of two bodies that look like one."""
        chest_to_back = because == TOO_CLOSE
        depth_mm = self._settings.body_mm * (2 if chest_to_back else 1)
        return self._settings.spacing_mm / WALK_MM_S * 1000 if chest_to_back else 4.0, depth_mm / WALK_MM_S * 1000

    def _edge(self, side: str, broken: bool) -> Edge:
        return Edge(side, int(broken != self._settings.invert))


def _through(side: str, lag_ms: float, dwell_ms: float) -> list[tuple[float, str, bool]]:
    far = _other(side)
    edges = [(0.0, side, True), (lag_ms, far, True), (dwell_ms, side, False), (dwell_ms + lag_ms, far, False)]
    return sorted(edges, key=lambda edge: edge[0])


def _other(side: str) -> str:
    return "inside" if side == "outside" else "outside"


def _shifted(script: list[tuple[float, str, bool]], by_ms: float) -> list[tuple[float, str, bool]]:
    return [(after_ms + by_ms, side, broken) for after_ms, side, broken in script]


def _edges(*steps: tuple[str, int, float]) -> tuple[Later, ...]:
    """(beam, level, ms since the step before) of a capture."""
    return tuple(Later(Edge(side, level), after_ms) for side, level, after_ms in steps)


DRIVER = Driver(
    name="counter_beam_pair",
    port="pins",
    settings=Settings,
    decoder=Decoder,
    simulator=Simulator,
    examples=(
        Example(
            "one person in",
            _edges(("outside", 1, 100.0), ("inside", 1, 94.4), ("outside", 0, 267.6), ("inside", 0, 91.5)),
            (Occupied(True), Crossing("in"), Occupied(False)),
            "walks/juelich_entrance_040, torso, 4340.3 ms",
        ),
        Example(
            "one person out",
            _edges(("inside", 1, 100.0), ("outside", 1, 41.4), ("inside", 0, 136.3), ("outside", 0, 44.3)),
            (Occupied(True), Crossing("out"), Occupied(False)),
            "walks/juelich_twoway_sparse, torso, 12657.1 ms",
        ),
        Example(
            "two people whose torsos overlap in the beams",
            _edges(
                *(("outside", 1, 100.0), ("inside", 1, 91.7), ("outside", 0, 329.6), ("outside", 1, 46.0)),
                *(("inside", 0, 73.6), ("inside", 1, 77.0), ("outside", 0, 268.9), ("inside", 0, 82.1)),
            ),
            (Occupied(True), Crossing("in"), Crossing("in"), Saturated(TOO_CLOSE), Occupied(False)),
            "walks/juelich_entrance_040, torso, 3062.9 ms",
        ),
        Example(
            "turned back",
            _edges(
                *(("outside", 1, 100.0), ("inside", 1, 100.0), ("inside", 0, 300.0), ("outside", 0, 100.0)),
                ("outside", 0, 900.0),
            ),
            (Occupied(True), Occupied(False), TurnedBack("outside")),
            "devices.md 7: any return to 00 by the way it came = U-turn; the last edge repeats a level",
        ),
        Example(
            "a hand is no body",
            _edges(("outside", 1, 100.0), ("inside", 1, 42.0), ("outside", 0, 13.0), ("inside", 0, 32.0)),
            (Occupied(True), Occupied(False)),
            "walks/juelich_entrance_040, hip, 38239 ms",
        ),
        Example(
            "two people abreast",
            _edges(("outside", 1, 100.0), ("inside", 1, 6.0), ("outside", 0, 200.0), ("inside", 0, 9.0)),
            (Occupied(True), Crossing("in", assumed=True), Saturated(ABREAST), Occupied(False)),
            "geometry: 80 mm in 9 ms would be 9 m/s",
        ),
    ),
    pins=SIDES,
    gives=(Crossing,),
)
