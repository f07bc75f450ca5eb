"""A live port as a technician types it, and who listens at it."""

from __future__ import annotations

import re
import select
from collections.abc import Callable
from typing import Any

from firmware.clock import Clock
from firmware.errors import Failure, Mistake
from firmware.listening.recordings import Told
from firmware.listening.settings import SettingsFile
from firmware.ports import Port
from sensors.driver import Driver, Edge, Frame, Raw, Reply, Request, Send, Zone
from sensors.readings import AnyReading


def open_port(driver: Driver, where: str, wanted: SettingsFile, clock: Clock) -> Port:
    """Open the port a technician typed. Mistake when it fits no port of this driver; Failure when it is not there.

    `where`: a tty or its by-path name, `/dev/i2c-1` for a device on that bus (its address is a setting), `ADDRESS:PORT` for
    a device that pushes, or `pins:outside=17,inside=27` (BCM numbers; `pins` alone takes them from the settings file).
    """
    from firmware.plugs import OPENERS, Plugs  # a recording needs no site file's types
    from firmware.site.tables import DeviceSpec

    if driver.port not in OPENERS:
        raise Mistake(f"{driver.name} hangs on {driver.port}: listen to a recording with --capture", key="PORT")
    if driver.port == "pins":
        spec = DeviceSpec("", driver, wanted.settings, pins=_pins_typed(driver, where, wanted))
    else:
        spec = DeviceSpec("", driver, wanted.settings, port=where)
    return Plugs(clock).open_alone(spec, where)


def _pins_typed(driver: Driver, where: str, wanted: SettingsFile) -> dict[str, int]:
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
