"""The walk through one door: each device is opened, heard, and shown to the technician; nothing stops at the first fault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from firmware.clock import Clock
from firmware.doctor import steps
from firmware.doctor.probe import Probe, anything, has_speeds, must_speak, other_speed
from firmware.doctor.report import DeviceFound, Result
from firmware.doctor.technician import Technician
from firmware.errors import HallgateError
from firmware.plugs import Plugs
from firmware.site.tables import DeviceSpec, Lane
from sensors.readings import AnyReading, IdentityCard, Scan, TerminalVerdict

LISTEN_S = 4.0
"""How long a device that must speak may take: the slowest calls itself silent after three seconds."""
PERSONAL = (Scan, IdentityCard, TerminalVerdict)

Verdict = tuple[Result, str]
WORKS: Verdict = ("works", "")


@dataclass
class Doctor:
    """`seconds`: how long the technician may take for each step; `alone`: nobody is there, only what needs nobody."""

    clock: Clock
    technician: Technician
    seconds: float = 20.0
    alone: bool = False

    def look_at(self, plugs: Plugs, lane: Lane, spec: DeviceSpec) -> DeviceFound:
        """Everything about one device. Never raises for what the world does."""
        began_ms = self.clock.elapsed_ms()
        self.technician.turns_to(lane.name, spec.role)
        seen: list[AnyReading | None] = []
        try:
            with _opened(plugs, lane, spec, self.clock) as probe:
                result, because = self._heard(probe, lane, spec)
                seen.append(probe.last)
            if result in ("nothing_answers", "nonsense") and must_speak(spec) and has_speeds(spec):
                result, because = self._at_another_speed(plugs, lane, spec) or (result, because)
        except HallgateError as gone:
            result, because = "not_there", str(gone)
        found = DeviceFound(
            lane=lane.name,
            device=spec.role,
            driver=spec.driver.name,
            where=spec.port or ", ".join(f"{pin} = {bcm}" for pin, bcm in spec.pins.items()),
            result=result,
            because=because,
            seen=_words(seen[0]) if seen else "",
            took_ms=int(self.clock.elapsed_ms() - began_ms),
        )
        self.technician.hears(found)
        return found

    # ------------------------------------------------------------ inside

    def _heard(self, probe: Probe, lane: Lane, spec: DeviceSpec) -> Verdict:
        if hasattr(probe.speaker, "order"):
            return self._hand(probe, lane, spec)
        every = steps.steps(lane, spec)
        if every[0].deed and must_speak(spec) and spec.driver.port == "serial":
            probe.wait(LISTEN_S, anything)
            if not probe.speaks:
                return probe.judged()
        return self._sensor(probe, every)

    def _sensor(self, probe: Probe, every: tuple[steps.Step, ...]) -> Verdict:
        for step in every:
            if step.deed and self.alone:
                return "not_asked", ""
            if step.deed:
                self.technician.please(step.deed, self.seconds)
            answer = probe.wait(self.seconds if step.deed else LISTEN_S, step.judge)
            if answer:
                return "wrong", answer
            if answer is None:
                return self._unseen(probe, step.deed)
        return WORKS

    def _unseen(self, probe: Probe, deed: str) -> Verdict:
        """Somebody was asked and nothing came of it."""
        if not probe.speaks or probe.refused:
            return probe.judged()
        return "wrong", f"it answers, but this was not seen within {self.seconds:.0f} s: {deed}"

    def _hand(self, probe: Probe, lane: Lane, spec: DeviceSpec) -> Verdict:
        """What can answer is heard first: a board that is silent moves nothing, whoever watches."""
        probe.wait(LISTEN_S if probe.speaker.wake_at_ms is not None else 0.5, anything)
        if probe.silent or probe.refused:
            return probe.judged()
        shown = steps.showing(lane, spec)
        if self.alone or (shown.moves and not self.technician.agrees("may the gate move? Nobody is in it?")):
            return ("works", "") if probe.speaks else ("not_asked", "")
        for order in shown.orders:
            probe.order(order)
            probe.wait(steps.LOOK_MS / 1000 + 0.5, lambda _: None)
        if probe.silent or probe.refused:
            return probe.judged()
        return self._watched(probe, shown.question)

    def _watched(self, probe: Probe, question: str) -> Verdict:
        answer = self.technician.says(question)
        if answer is False:
            return "wrong", f"the technician says no: {question}"
        return WORKS if answer or probe.speaks else ("not_asked", "")

    def _at_another_speed(self, plugs: Plugs, lane: Lane, spec: DeviceSpec) -> Verdict | None:
        self.technician.waits("trying other speeds")
        found = other_speed(plugs, lane, spec, self.clock, anything)
        if found is None:
            return None
        return "wrong_speed", f"it speaks at {found} baud: write baud = {found}, or set the device"


@contextmanager
def _opened(plugs: Plugs, lane: Lane, spec: DeviceSpec, clock: Clock) -> Iterator[Probe]:
    probe = Probe(plugs, lane, spec, clock)
    try:
        yield probe
    finally:
        probe.close()


def _words(reading: AnyReading | None) -> str:
    """What was seen, without what names a person."""
    if reading is None:
        return ""
    if isinstance(reading, PERSONAL):
        return str(type(reading).__struct_config__.tag)
    members: dict[str, Any] = msgspec.to_builtins(reading)
    return " ".join([members.pop("kind"), *(f"{key}={value}" for key, value in members.items())])[:200]
