"""Walk through every sensor and output of one door, step by step, and say what works.

Stop the running firmware first (systemctl stop hallgate): two programs cannot share a scanner. What to do is said on
stderr (scan, walk through, press the fire test), questions are answered with y or n. The report is one line of JSON on
stdout; the exit code is 1 when a device does not do what it should.
`--quick` needs nobody: ports, devices that answer, contacts at rest. `--yes` answers every question with yes: gates move.
With `--state` the last report is kept beside the journal and shown in the device's status.
"""

from __future__ import annotations

import argparse
import datetime as dt
import socket
import sys
from pathlib import Path

from firmware import clock, site
from firmware.doctor import report
from firmware.doctor.report import DeviceFound, Report
from firmware.doctor.technician import Technician
from firmware.doctor.walk import Doctor
from firmware.durable import make_folder
from firmware.errors import Mistake
from firmware.language import spoken
from firmware.plugs import Plugs
from firmware.site import DeviceSpec, Lane, Site
from firmware.trust.clock_trust import ClockJudge
from firmware.version import VERSION
from mqtt.address import Address

EXAMPLE = "hallgate doctor --site /persistent/site/site.toml --state /persistent/hallgate"
SECONDS_MAX = 600.0
HUB_S = 3.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--site", required=True, metavar="FILE", help="the site file of this device")
    parser.add_argument("--lane", metavar="NAME", help="only this lane")
    parser.add_argument("--device", metavar="NAME", help="only this device of each lane, for instance scanner")
    parser.add_argument("--seconds", type=float, default=20.0, help="time for each step (default %(default)s)")
    parser.add_argument("--quick", action="store_true", help="only what needs nobody")
    parser.add_argument("--yes", action="store_true", help="answer every question with yes: gates move")
    parser.add_argument("--state", type=Path, metavar="DIR", help="keep the report beside this journal")
    parser.add_argument("--report", type=Path, metavar="FILE", help="keep the report in this file, too")


def run(arguments: argparse.Namespace) -> int:
    if not 1.0 <= arguments.seconds <= SECONDS_MAX:
        raise Mistake(f"1 to {SECONDS_MAX:.0f} seconds", key="--seconds")
    place, now = site.load(arguments.site), clock.from_environment()
    chosen = _chosen(place, arguments.lane, arguments.device)
    technician = Technician(now, arguments.seconds, yes=arguments.yes)
    doctor = Doctor(now, technician, arguments.seconds, alone=arguments.quick)
    plugs = Plugs(now)
    try:
        found = tuple(doctor.look_at(plugs, lane, spec) for lane, spec in chosen)
    finally:
        plugs.close()
    made = _report(place, now, found)
    print(made.encoded().decode(), flush=True)
    _keep(made, arguments)
    return 1 if made.result == "fault" else 0


def _chosen(place: Site, lane: str | None, device: str | None) -> list[tuple[Lane, DeviceSpec]]:
    """Hands last in each lane: a gate is moved when its sensors are known to be well."""
    if lane is not None and lane not in [each.name for each in place.lanes]:
        raise Mistake(f"there is no lane {lane}; one of: {', '.join(each.name for each in place.lanes)}", key="--lane")
    pairs = [(each, spec) for each in place.lanes if lane in (None, each.name) for spec in each.devices.values()]
    chosen = [pair for pair in pairs if device in (None, pair[1].role)]
    if not chosen:
        raise Mistake(f"no lane has a {device}; there are: {_roles(pairs)}", key="--device")
    return sorted(chosen, key=lambda pair: (place.lanes.index(pair[0]), hasattr(pair[1].driver.decoder, "order")))


def _roles(pairs: list[tuple[Lane, DeviceSpec]]) -> str:
    return ", ".join(dict.fromkeys(spec.role for _, spec in pairs))


def _report(place: Site, now: clock.Clock, found: tuple[DeviceFound, ...]) -> Report:
    return Report(
        device=place.device.name,
        hall=place.device.hall,
        version=VERSION,
        at=now.moment().rfc3339(dt.UTC),
        result=report.summed_up(found),
        devices=found,
        hub=_hub(place),
        clock=ClockJudge(now, place.clock.source).doubt(),
        warnings=tuple(str(warning) for warning in place.warnings),
    )


def _hub(place: Site) -> str:
    """Why the broker's port cannot be reached; a door works without it."""
    if place.hub is None:
        return ""
    address = Address.parse(place.hub.url, place.hub.tls)
    try:
        socket.create_connection((address.host, address.port), HUB_S).close()
    except OSError as error:
        return f"{address.host}:{address.port}: {error.strerror or error}"
    return ""


def _keep(made: Report, arguments: argparse.Namespace) -> None:
    if arguments.state is not None:
        make_folder(arguments.state)
        report.keep(made, arguments.state)
    if arguments.report is not None:
        make_folder(arguments.report.resolve().parent)
        if arguments.report.is_fifo():  # nobody may ever read from it
            raise Mistake("is no file: choose another name", file=str(arguments.report), key="--report")
        arguments.report.write_bytes(made.encoded() + b"\n")
    for what in (made.hub and f"hub not reached: {made.hub}", made.clock):
        if what:
            print(f"hallgate doctor: {spoken('warning: ')}{spoken(what)}", file=sys.stderr)
