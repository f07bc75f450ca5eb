"""What a device says, understood: from a live port or from a recording, through the very decoder a door uses."""

from __future__ import annotations

import hmac
import os
import pkgutil
import re
import select
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

import sensors
from firmware import outputs, typed_toml
from firmware.clock import Clock
from firmware.errors import Failure, Mistake
from firmware.files import read
from firmware.language import spoken
from firmware.ports import Port
from sensors.driver import (
    HAND_KINDS,
    SENSOR_KINDS,
    Answer,
    Driver,
    Edge,
    Frame,
    I2cSettings,
    Raw,
    ReadWord,
    Reply,
    Request,
    Send,
    Transfer,
    UnknownDriver,
    Zone,
    find,
)
from sensors.driver import Settings as DriverSettings
from sensors.readings import Air, AnyReading, Scan, Secret, Silent

WIRING_KEYS = ("driver", "port", "listen", "pin", "pins")
"""Keys of a site file's device table that are no settings: such a table may be pasted as it is."""
AFTER_END_MS = 6_000.0
"""Behind the end of a recording: long enough for what was still being waited for (a turn-back, a half line)."""
TICKS_MAX = 100_000
"""Of one decoder between two pieces of a recording: more would be a fault of the driver, not a long silence."""

Told = tuple[float, AnyReading | Send]


def driver_named(name: str) -> Driver:
    """Return the driver; Mistake with the nearest name when there is none."""
    try:
        return find(name)
    except UnknownDriver as unknown:
        raise Mistake(f"{unknown}{typed_toml.nearest(name, _driver_names())}", key="--as") from None


def _driver_names() -> list[str]:
    found = [module.name for room in (sensors, outputs) for module in pkgutil.iter_modules(room.__path__)]
    return [name for name in found if name.partition("_")[0] in (*SENSOR_KINDS, *HAND_KINDS)]


@dataclass(frozen=True)
class Wanted:
    """A settings file, read: the driver's own settings and, if a device table was pasted, its pins."""

    settings: DriverSettings
    pins: dict[str, int]


def settings_for(driver: Driver, file: str | None) -> Wanted:
    """Read a settings file (TOML, the driver's keys at the top); Mistake names every wrong line. None: the defaults."""
    if file is None:
        return Wanted(_converted(driver, {}, ""), {})
    source = typed_toml.document(read(file), file)
    own = {key: value for key, value in source.tree.items() if key not in WIRING_KEYS}
    complaints = typed_toml.complaints(own, driver.settings)
    if complaints:
        raise source.mistakes(complaints)
    return Wanted(_converted(driver, own, file), _pins_written(driver, source))


def _converted(driver: Driver, own: dict[str, Any], file: str) -> DriverSettings:
    try:
        return typed_toml.convert(own, driver.settings)
    except msgspec.ValidationError as wrong:
        raise Mistake(f"{driver.name} needs settings: {wrong}", file=file, key="--settings") from None


def _pins_written(driver: Driver, source: typed_toml.Document) -> dict[str, int]:
    roles = driver.pins
    pins = source.tree.get("pins", {role: source.tree["pin"] for role in roles[:1] if "pin" in source.tree})
    if not isinstance(pins, dict) or not all(isinstance(bcm, int) and 0 <= bcm < 64 for bcm in pins.values()):
        raise source.mistake(("pins",), "expected a BCM number for each pin")
    return dict(pins)


# ---------------------------------------------------------------- a recording


def understood(decoder: Any, pieces: Iterable[tuple[float, Raw]]) -> Iterator[Told]:
    """Play a recording as fast as it can be understood; the decoder is ticked at every moment it asked for.

    Behind the last piece the decoder gets time for what it still waits for; that the device is silent then, or asked
    again for an answer, says nothing about the device and is left out.
    """
    t_ms: float | None = None
    for t_ms, raw in pieces:
        yield from _ticks(decoder, t_ms)
        yield from ((t_ms, said) for said in decoder.feed(raw, t_ms))
    if t_ms is not None:
        for told_ms, said in _ticks(decoder, t_ms + AFTER_END_MS):
            if not isinstance(said, Silent | Send):
                yield told_ms, said


def _ticks(decoder: Any, until_ms: float) -> Iterator[Told]:
    """Every tick that was due by then, at its own time; one that was due "at once" comes at the first piece's."""
    last_ms = float("-inf")
    for _ in range(TICKS_MAX):
        due_ms = decoder.wake_at_ms
        if due_ms is None or due_ms > until_ms:
            return
        at_ms = until_ms if due_ms <= 0.0 else max(due_ms, last_ms)
        yield from ((at_ms, said) for said in decoder.tick(at_ms))
        if decoder.wake_at_ms == due_ms:
            return
        last_ms = at_ms


# ---------------------------------------------------------------- a live port


def open_port(driver: Driver, where: str, wanted: Wanted, clock: Clock) -> Port:
    """Open the port a technician typed. Mistake when it fits no port of this driver; Failure when it is not there.

    `where`: a tty or its by-path name, `/dev/i2c-1` for a device on that bus (its address is a setting), `ADDRESS:PORT` for
    a device that pushes, or `pins:outside=17,inside=27` (BCM numbers; `pins` alone takes them from the settings file).
    """
    if driver.port == "serial":
        from firmware.ports.serial_line import SerialPort

        return SerialPort(where, getattr(wanted.settings, "baud", 9600), clock)
    if driver.port == "pins":
        from firmware.ports.pin_board import PinBoard
        from firmware.ports.pin_group import PinGroup

        pins = _pins_typed(driver, where, wanted)
        pulls: dict[str, Any] = dict.fromkeys(pins, getattr(wanted.settings, "pull", "up"))
        return PinGroup(PinBoard(), where, clock, inputs=pins, pulls=pulls)
    if driver.port == "http":
        from firmware.ports.http_push import HttpPort

        limits = {name: getattr(wanted.settings, name) for name in ("allow", "max_body_bytes", "request_ms")}
        return HttpPort(where, clock, **limits)
    if driver.port == "i2c":
        from firmware.ports.i2c_bus import I2cPort

        assert isinstance(wanted.settings, I2cSettings)
        return I2cPort(where, wanted.settings.address, clock)
    if driver.port == "camera":
        from firmware.ports.camera import open_camera

        return open_camera(where, driver.decoder(wanted.settings), clock)
    raise Mistake(f"{driver.name} hangs on {driver.port}: listen to a recording with --capture", key="PORT")


def _pins_typed(driver: Driver, where: str, wanted: Wanted) -> dict[str, int]:
    head, _, rest = where.partition(":")
    typed = dict(re.findall(r"(\w+)=(\d+)", rest))
    pins = {**wanted.pins, **{role: int(bcm) for role, bcm in typed.items()}}
    if head not in ("pins", "pin") or set(pins) != set(driver.pins):
        example = ",".join(f"{role}={17 + 10 * i}" for i, role in enumerate(driver.pins))
        raise Mistake(f"{driver.name} hangs on pins: write pins:{example} (BCM numbers)", key="PORT")
    return pins


class Listener:
    """One live port and its decoder. `hear` lets time pass; everything comes back with its time since the start."""

    def __init__(self, port: Port, decoder: Any, clock: Clock, *, answers: bool) -> None:
        """`answers`: what the decoder wants to say to the device is sent. Failure when the port is not there."""
        self._port, self._decoder, self._clock, self._answers = port, decoder, clock, answers
        self._start_ms = clock.elapsed_ms()
        self._tend_ms = port.tend(self._start_ms)
        self._here = port.fileno() >= 0
        because = str(getattr(port, "because", ""))
        if not self._here and because:
            raise Failure(because)

    def hear(self, raw_too: Callable[[float, Raw], None]) -> list[Told]:
        """Wait until there is something or something is due; `raw_too` gets every piece as it came."""
        self._wait()
        out: list[Told] = []
        for t_ms, raw in self._port.read():
            if isinstance(raw, bytes | Edge | Frame | Zone | Request | Reply):
                raw_too(t_ms - self._start_ms, raw)
                out += self._said(self._decoder.feed(raw, t_ms), t_ms)
            else:  # a camera's port has already looked at its pictures
                out += self._said([raw], t_ms)
        now_ms = self._clock.elapsed_ms()
        if self._decoder.wake_at_ms is not None and self._decoder.wake_at_ms <= now_ms and self._port.fileno() >= 0:
            out += self._said(self._decoder.tick(now_ms), now_ms)
        self._tend_ms = self._port.tend(now_ms)
        return out

    def news(self) -> str:
        """One sentence when the device was unplugged or came back since the last call, else empty."""
        here = self._port.fileno() >= 0
        if here == self._here:
            return ""
        self._here = here
        return f"{self._port.name} is back" if here else getattr(self._port, "because", "") or "the device is gone"

    def _wait(self) -> None:
        fd = self._port.fileno()
        times = [self._tend_ms, self._decoder.wake_at_ms if fd >= 0 else None]
        due_ms = min((time for time in times if time is not None), default=None)
        patience = 1.0 if due_ms is None else min(1.0, self._clock.seconds_until(due_ms))
        select.select([fd] if fd >= 0 else [], [], [], patience)

    def _said(self, said: list[Any], t_ms: float) -> list[Told]:
        if self._answers:
            for each in said:
                if isinstance(each, Send):
                    self._port.write(each.raw)
        return [(t_ms - self._start_ms, each) for each in said]

    def elapsed_ms(self) -> float:
        """Since the start, as what `hear` answers is stamped."""
        return self._clock.elapsed_ms() - self._start_ms

    def send(self, said: list[Any], t_ms: float) -> list[AnyReading]:
        """Put what a hand's encoder answered on the cable; what it reads of itself comes back."""
        return [each for _, each in self._said(said, t_ms) if not isinstance(each, Send)]


# ---------------------------------------------------------------- a sensor taken outdoors

OUTDOORS_PPM = range(350, 501)
"""What the air outside a city's buildings can hold, about 420 in 2022; a street or a garage holds more."""
APART_PPM_MAX = 400
"""A sensor that reads so much more has not drifted: it does not stand outdoors, or is broken."""


class FreshAir:
    """Tells a sensor of the air that it stands in fresh air, once it has measured there long enough."""

    def __init__(self, driver: Driver, decoder: Any, ppm: int) -> None:
        """Mistake for a sensor that cannot be told, and for air that is not fresh."""
        if not driver.fresh_air_minutes:
            raise Mistake(f"{driver.name} cannot be told of fresh air", key="--fresh-air")
        if ppm not in OUTDOORS_PPM:
            raise Mistake(f"{ppm} ppm is no fresh air: write 350 to 500, outdoors it is about 420", key="--fresh-air")
        self.minutes = driver.fresh_air_minutes
        self._decoder, self._ppm = decoder, ppm
        self._since_ms: float | None = None
        self._last: Air | None = None
        self._told = False

    def note(self, t_ms: float, said: Any) -> None:
        """What came from the sensor at `t_ms`: its silence begins the wait anew."""
        if isinstance(said, Air):
            self._last, self._since_ms = said, t_ms if self._since_ms is None else self._since_ms
        elif isinstance(said, Silent):
            self._since_ms = None

    def word(self, t_ms: float, now_ms: float) -> list[Any]:
        """What to send now (`t_ms` on the clock of `note`, `now_ms` elapsed); nothing before its time, and only once.

        Failure when the sensor reads what no fresh air can be.
        """
        if self._told or self._since_ms is None or t_ms - self._since_ms < self.minutes * 60_000:
            return []
        if self._last is None or self._last.co2_ppm > self._ppm + APART_PPM_MAX:
            raise Failure(f"it reads {self._last.co2_ppm if self._last else 0} ppm: it does not stand in fresh air")
        self._told = True
        return list(self._decoder.fresh_air(self._ppm, now_ms))

    @property
    def told(self) -> bool:
        return self._told


# ---------------------------------------------------------------- words


def as_json(t_ms: float, reading: AnyReading) -> bytes:
    """One reading as a line of JSON: `t_ms`, `kind` and the reading's own members. A code's text as UTF-8, replaced."""
    members: dict[str, Any] = msgspec.to_builtins(reading, enc_hook=_hidden)
    if isinstance(reading, Scan):
        members["text"] = reading.text.decode("utf-8", "replace")
    return msgspec.json.encode({"t_ms": round(t_ms, 3), **members}) + b"\n"


def as_text(t_ms: float, said: AnyReading | Send | Raw, show_text: bool) -> str:
    """One line for a person: `   12.345 s  crossing  direction=in transit_ms=454.0`."""
    return f"{t_ms / 1000:10.3f} s  {_words(said, show_text)}"


def _words(said: Any, show_text: bool) -> str:
    match said:
        case bytes():
            return f"<- {said.hex(' ')}"
        case Edge():
            return f"<- {said.pin} {said.level}"
        case Send():
            return f"-> {_words(said.raw, show_text).removeprefix('<- ')}"
        case Frame(width=width, height=height):
            return spoken(f"<- picture {width} x {height}")
        case Reply(data=data):
            return f"<- {data.hex(' ')}"
        case Transfer(write=write, read=read):
            return f"<- {write.hex(' ')} ?{read}"
        case ReadWord(register=register):
            return f"<- {register:02x} ?2"
        case Zone():
            return f"<- zone {said.zone} status {said.status} distance_mm {said.distance_mm}"
        case Request(path=path, body=body):
            return f"<- request {path!r}, {len(body)} bytes"
        case Answer(status=status, body=body):
            return f"answer {status} {body.decode('utf-8', 'replace')}"
        case Scan():
            return _scan_words(said, show_text)
    members = msgspec.to_builtins(said, enc_hook=_hidden)
    return "  ".join(
        [members.pop("kind"), " ".join(f"{key}={_plain(value)}" for key, value in members.items())]
    ).rstrip()


def _hidden(secret: object) -> str:
    """A number or a name that only the verifier may know: never shown, whatever was asked for."""
    if isinstance(secret, Secret):
        return "hidden"
    raise TypeError(type(secret).__name__)


def _scan_words(scan: Scan, show_text: bool) -> str:
    """What identifies nobody: how long, which kind, a name of this run's to know the same code again by."""
    known = [spoken(f"{len(scan.text)} bytes"), spoken(f"known as {_known_as(scan.text)}")]
    known += [scan.symbology] * bool(scan.symbology) + [spoken(f"read by {scan.read_by}")] * bool(scan.read_by)
    return f"scan  {', '.join(known)}" + (f"  {scan.text.decode('utf-8', 'replace')!r}" if show_text else "")


_OF_THIS_RUN = os.urandom(32)


def _known_as(text: bytes) -> str:
    """Keyed: a code may be a person's number, and of numbers every one can be tried."""
    return hmac.digest(_OF_THIS_RUN, text, "sha256").hex()[:12]


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | dict):
        return msgspec.json.encode(value).decode()
    return str(value)
