"""From the lanes of a site file to the cables of a running device, and to what judgement has to know of each lane."""

from __future__ import annotations

import msgspec

from firmware.cables import Cable, Line
from firmware.core.state import CarSetup, LaneSetup
from firmware.plugs import Plugs, speaker
from firmware.rulebook.book import Rulebook
from firmware.rulebook.tables import Spacing
from firmware.site import DeviceSpec, Lane, Site
from firmware.site.tables import ASKERS
from firmware.trust.verification import Verifier
from sensors.readings import GatePassed


def cables(site: Site, plugs: Plugs, verify: Verifier, book: Rulebook | None) -> list[Cable]:
    """Devices on one wire share a cable. Mistake or Failure when a port cannot be opened (`Plugs.open`)."""
    by_wire: dict[str, Cable] = {}
    found: list[Cable] = []
    for lane in site.lanes:
        for spec in lane.devices.values():
            wire = _wire(spec)
            cable = by_wire.get(wire)
            if cable is None:
                cable = Cable(plugs.open(lane, spec))
                found.append(cable)
                if wire:
                    by_wire[wire] = cable
            cable.lines.append(_line(lane, spec, verify, book))
    return found


def _wire(spec: DeviceSpec) -> str:
    """Two relays of a board are on one tty, a fire loop of several lanes on one pin; on an I2C bus each is alone.

    Empty: nobody else can hang there.
    """
    if spec.port:
        address = getattr(spec.settings, "address", "") if spec.driver.port == "i2c" else ""
        return f"{spec.port} {address}"
    return f"pins {spec.pins}" if spec.pins else ""


def _line(lane: Lane, spec: DeviceSpec, verify: Verifier, book: Rulebook | None) -> Line:
    line = Line(lane.name, spec.role, spec.driver.name, speaker(lane, spec))
    if spec.role in ("scanner", "identity"):
        line.verify, line.identify = verify, verify.identity
    elif spec.role == "terminal":
        line.verify, line.shown = verify, verify.shown
    elif spec.role == "gate":
        line.counts = "counter" not in lane.devices
    elif spec.role in ("range", "behind"):
        from sensors.thinning import SpacingDigest

        line.spacing = SpacingDigest((book.spacing if book else Spacing()).minimum_mm)
        line.zone = "hall" if spec.role == "behind" else "queue"
    return line


def setup(lane: Lane) -> LaneSetup:
    """What judgement has to know of it."""
    gate = lane.devices.get("gate")
    confirms = gate is not None and GatePassed in gate.driver.gives
    return LaneSetup(
        name=lane.name,
        direction=lane.direction,
        classes=lane.serves or ("visitor",),
        escape_way=lane.escape_way,
        passage_sensor="counter" in lane.devices or confirms,
        beams="counter" in lane.devices,
        gate_confirms=confirms,
        fails_open=lane.on_failure == "open",
        thermometer="thermometer" in lane.devices,
        range_sensor="range" in lane.devices,
        button="button" in lane.devices,
        askers=tuple(role for role in ASKERS if role in lane.devices),
        zone=lane.zone,
        interlock=lane.interlock,
        behind_sensor="behind" in lane.devices,
        route_light="route_light" in lane.devices,
        buzzer="buzzer" in lane.devices,
        hatch=lane.hatch,
        wide=lane.wide,
        terminal="terminal" in lane.devices,
        air="air" in lane.devices,
        comes_from=lane.comes_from,
        car=CarSetup(**msgspec.structs.asdict(lane.car)) if lane.car is not None else None,
    )
