"""A cable: one port, and the languages spoken over it. What a reading means at its lane is decided here, once.

Several hands may hang on one board (two lanes on one relay card): then a cable has several lines.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from firmware.core import events
from firmware.core.bucket import Bucket
from firmware.core.events import AnyEvent, DeviceHealth
from firmware.core.facts import AnyFact, Card, Unproved
from firmware.ports import Port
from sensors import readings
from sensors.driver import Send, ToDevice
from sensors.readings import AnyReading

GARBLED_EVERY_MS = 10_000
"""A babbling device is reported at most this often; every dropped byte is counted all the same."""

PILE_MAX = 8
"""Codes that prove nothing and lie in a line at once: nobody shows more between two looks, but a babbling device does."""
NOISE_BURST, NOISE_PER_S = 5_000, 1.0
"""Lines that are no code at all and are still answered and put on record one by one. A scanner set to the wrong speed
sends a hundred a second, for days, and would push everything else out of the journal."""
NOISE = ("unknown_format", "too_long", "not_read")
VERDICTS_BURST, VERDICTS_PER_S = 120, 2.0
"""What a terminal says that goes on record one by one. People do not come faster for long, but its address is on the network,
and a journal that strangers write full forgets what the hub has not heard."""

RECOVERIES_BURST, RECOVERIES_PER_S = 60, 0.1
"""How often a device may say that it is well again. A wrong speed reads as faults and recoveries, hundreds a second; told
less often it is taken to be as ill as it last was, and what it says in the end is never lost."""

Verify = Callable[[bytes, float], AnyFact]
"""A code's text and the elapsed time in; what it proves out."""

Identify = Callable[[readings.IdentityCard], Card]
"""A card in, what is left of it out."""
Shown = Callable[[readings.TerminalVerdict], tuple[str, str | None]]
"""A terminal's verdict in; (keyed hash of what it was shown, holder where that was an identity number) out."""


NO_SIGN_OF_LIFE = (readings.Silent, readings.Refused)


@dataclass
class Line:
    """One device at one lane: its language and its health. `role` is its key in the lane's table (`scanner`, `gate`)."""

    lane: str
    role: str
    driver: str
    speaker: Any
    verify: Verify | None = None
    identify: Identify | None = None
    shown: Shown | None = None
    counts: bool = True
    """False on a gate board whose passages another counter already sees."""
    spacing: Any = None
    """On a range sensor: `sensors.thinning.SpacingDigest`, which lets only news through."""
    zone: str = "queue"
    state: str = "ok"
    because: str = ""
    seen_ms: float | None = None
    dropped_bytes: int = 0
    garbled_ms: float = -1e12
    piled: int = 0
    """Codes that proved nothing, in what was read last."""
    noise: Bucket = field(default_factory=lambda: Bucket(NOISE_BURST, NOISE_PER_S))
    verdicts: Bucket = field(default_factory=lambda: Bucket(VERDICTS_BURST, VERDICTS_PER_S))
    recoveries: Bucket = field(default_factory=lambda: Bucket(RECOVERIES_BURST, RECOVERIES_PER_S))
    well_at_ms: float | None = None
    """When a recovery that was held back is told."""

    def mean(self, reading: AnyReading, t_ms: float) -> AnyEvent | None:
        """The event this reading is, or None when it is nothing the controller has to know."""
        meaning = MEANINGS.get(type(reading))
        if type(reading) not in NO_SIGN_OF_LIFE:
            self.seen_ms = t_ms
        return meaning(self, reading, t_ms) if meaning else None

    def babbles(self, unproved: Unproved, t_ms: float) -> bool:
        """Whether this is one more of what a device says by itself. Other lanes, the hub and the journal are spared."""
        if self.shown is not None:  # read by a terminal: who forges codes there needs no scanner to show them to
            return not self.verdicts.take(t_ms)
        self.piled += 1
        return self.piled > PILE_MAX or (unproved.because in NOISE and not self.noise.take(t_ms))

    def health(self, state: str, because: str = "") -> AnyEvent | None:
        """News of the device's health; None when it is no news."""
        self.well_at_ms = None
        if state == self.state:
            return None
        self.state, self.because = state, because
        return DeviceHealth(lane=self.lane, device=self.role, state=state, because=because)  # type: ignore[arg-type]

    def recovered(self, t_ms: float) -> AnyEvent | None:
        """It is well again; told later when that is said too often."""
        if self.state == "ok" or self.recoveries.take(t_ms):
            return self.health("ok")
        self.well_at_ms = t_ms + 1_000 / RECOVERIES_PER_S
        return None


def _scan(line: Line, reading: readings.Scan, t_ms: float) -> AnyEvent | None:
    assert line.verify is not None
    fact = line.verify(reading.text, t_ms)
    if isinstance(fact, Unproved) and line.babbles(fact, t_ms):
        return _garbled(line, readings.Garbled(len(reading.text), "more codes than anybody can show"), t_ms)
    return events.CodeRead(lane=line.lane, fact=fact, read_by=reading.read_by)


def _identity(line: Line, reading: readings.IdentityCard, _: float) -> AnyEvent:
    assert line.identify is not None
    return events.CodeRead(lane=line.lane, fact=line.identify(reading), read_by=line.driver)


def _terminal(line: Line, reading: readings.TerminalVerdict, t_ms: float) -> AnyEvent | None:
    """An age is rounded up: a sample is never made younger than the terminal said."""
    assert line.shown is not None
    if not line.verdicts.take(t_ms):
        return _garbled(line, readings.Garbled(0, "more verdicts than people can give"), t_ms)
    token, holder = line.shown(reading)
    hours = reading.sampled_age_hours
    return events.TerminalSaid(
        lane=line.lane,
        code=reading.code,
        pcr=reading.pcr,
        sampled_age_minutes=None if hours is None else math.ceil(round(hours * 60, 6)),
        temperature_c=reading.temperature_c,
        mask=reading.mask,
        token=token,
        holder=holder,
    )


def _temperature(line: Line, reading: readings.Temperature, _: float) -> AnyEvent:
    return events.TemperatureRead(
        lane=line.lane,
        object_c=reading.object_c,
        ambient_c=reading.ambient_c,
        distance_mm=reading.distance_mm,
    )


def _air(line: Line, reading: readings.Air, _: float) -> AnyEvent:
    return events.AirRead(
        lane=line.lane,
        co2_ppm=reading.co2_ppm,
        temperature_c=reading.temperature_c,
        humidity_percent=reading.humidity_percent,
    )


def _crossing(line: Line, reading: readings.Crossing, _: float) -> AnyEvent | None:
    """An exit that was not seen step by step is none: it would give a right back out of a guess. An entry counts."""
    if reading.assumed and reading.direction == "out":
        return None
    return events.Crossed(lane=line.lane, direction=reading.direction, transit_ms=int(reading.transit_ms))


def _turned(line: Line, reading: readings.TurnedBack, _: float) -> AnyEvent:
    return events.TurnedAway(lane=line.lane, side=reading.side)


def _occupied(line: Line, reading: readings.Occupied, _: float) -> AnyEvent:
    return events.PassageBlocked(lane=line.lane, blocked=reading.blocked)


def _saturated(line: Line, reading: readings.Saturated, _: float) -> AnyEvent:
    return events.CounterSaturated(lane=line.lane, because=reading.because)


def _contact(line: Line, reading: readings.Contact, _: float) -> AnyEvent:
    return events.ContactChanged(lane=line.lane, role=line.role, closed=reading.closed)  # type: ignore[arg-type]


def _gate_passed(line: Line, reading: readings.GatePassed, _: float) -> AnyEvent | None:
    return events.Crossed(lane=line.lane, direction=reading.direction, by="gate") if line.counts else None


def _gate_timed_out(line: Line, reading: readings.GateTimedOut, _: float) -> AnyEvent:
    side = "outside" if reading.direction == "in" else "inside"
    return events.TurnedAway(lane=line.lane, side=side, by="gate")  # type: ignore[arg-type]


def _spacing(line: Line, reading: readings.Positions | readings.Gap, t_ms: float) -> AnyEvent | None:
    assert line.spacing is not None
    seen = line.spacing.feed(reading, t_ms)
    if seen is None:
        return None
    return _spacing_seen(line, seen)


def _spacing_seen(line: Line, seen: tuple[int, int | None]) -> AnyEvent:
    links_mm = tuple(line.spacing.links_mm)
    return events.SpacingSeen(lane=line.lane, persons=seen[0], gap_mm=seen[1], zone=line.zone, links_mm=links_mm)  # type: ignore[arg-type]


def _ready(line: Line, _reading: readings.Ready, t_ms: float) -> AnyEvent | None:
    return line.recovered(t_ms)


def _silent(line: Line, reading: readings.Silent, _: float) -> AnyEvent | None:
    return line.health("silent", f"no answer for {reading.for_ms / 1000:.0f} s")


def _refused(line: Line, reading: readings.Refused, _: float) -> AnyEvent | None:
    return line.health("refused", reading.because)


def _garbled(line: Line, reading: readings.Garbled, t_ms: float) -> AnyEvent | None:
    line.dropped_bytes += reading.dropped_bytes
    if t_ms - line.garbled_ms < GARBLED_EVERY_MS:
        return None
    line.garbled_ms = t_ms
    because = f"{line.dropped_bytes} bytes dropped: {reading.because}"
    return DeviceHealth(lane=line.lane, device=line.role, state="garbled", because=because)


MEANINGS: dict[type, Callable[[Line, Any, float], AnyEvent | None]] = {
    readings.Scan: _scan,
    readings.IdentityCard: _identity,
    readings.TerminalVerdict: _terminal,
    readings.Temperature: _temperature,
    readings.Air: _air,
    readings.Crossing: _crossing,
    readings.TurnedBack: _turned,
    readings.Occupied: _occupied,
    readings.Saturated: _saturated,
    readings.Contact: _contact,
    readings.GatePassed: _gate_passed,
    readings.GateTimedOut: _gate_timed_out,
    readings.Positions: _spacing,
    readings.Gap: _spacing,
    readings.Ready: _ready,
    readings.Silent: _silent,
    readings.Refused: _refused,
    readings.Garbled: _garbled,
}


@dataclass
class Cable:
    """One port with everything that speaks over it."""

    port: Port
    lines: list[Line] = field(default_factory=list)
    fd: int = -1
    tend_ms: float | None = 0.0
    wrote: bool = False
    """Since its port was last looked at."""

    def read(self) -> list[tuple[AnyEvent, float]]:
        """What arrived, understood. Answers of the decoders go back on the cable at once."""
        heard: list[tuple[AnyEvent, float]] = []
        for line in self.lines:
            line.piled = 0
        for t_ms, raw in self.port.read():
            for line in self.lines:
                heard += self._understood(line, line.speaker.feed(raw, t_ms), t_ms)
        return heard

    def tick(self, t_ms: float) -> list[tuple[AnyEvent, float]]:
        """Give every language on the cable its time, when it asked for it."""
        heard: list[tuple[AnyEvent, float]] = []
        for line in self.lines:
            if line.speaker.wake_at_ms is not None and line.speaker.wake_at_ms <= t_ms and self.fd >= 0:
                heard += self._understood(line, line.speaker.tick(t_ms), t_ms)
            if line.spacing is not None and line.spacing.wake_at_ms is not None:
                heard += self._settled(line, t_ms)
            if line.well_at_ms is not None and line.well_at_ms <= t_ms:
                heard += [(event, t_ms) for event in [line.recovered(t_ms)] if event is not None]
        return heard

    def _settled(self, line: Line, t_ms: float) -> list[tuple[AnyEvent, float]]:
        assert line.spacing is not None
        seen = line.spacing.tick(t_ms)
        if seen is None:
            return []
        return [(_spacing_seen(line, seen), t_ms)]

    def order(self, line: Line, order: Any, t_ms: float) -> list[tuple[AnyEvent, float]]:
        return self._understood(line, line.speaker.order(order, t_ms), t_ms)

    def say(self, line: Line, said: list[AnyReading | Send], t_ms: float) -> list[tuple[AnyEvent, float]]:
        return self._understood(line, said, t_ms)

    def write(self, raw: ToDevice) -> None:
        """A line that is lost in a writing is closed by its port, and nobody hears of a closed one any more."""
        self.port.write(raw)
        self.wrote = True

    def _understood(self, line: Line, said: list[Any], t_ms: float) -> list[tuple[AnyEvent, float]]:
        heard: list[tuple[AnyEvent, float]] = []
        for each in said:
            if isinstance(each, Send):
                self.write(each.raw)
                continue
            event = line.mean(each, t_ms)
            if event is not None:
                heard.append((event, t_ms))
        return heard

    def wake_at_ms(self) -> float | None:
        times = [self.tend_ms, *(line.well_at_ms for line in self.lines)]
        if self.fd >= 0:
            times += [line.speaker.wake_at_ms for line in self.lines]
            times += [line.spacing.wake_at_ms for line in self.lines if line.spacing is not None]
        return min((time for time in times if time is not None), default=None)
