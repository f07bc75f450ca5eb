"""Put every gate of this door where it stands without software: `on_failure` of the site file.

Run by systemd when the firmware crashed or hung, before it is started again. Nothing else is moved, and a port that
another program holds is left to it. Exit code 1 when a gate could not be told.
"""

from __future__ import annotations

import argparse
import sys

from firmware import clock, site
from firmware.errors import HallgateError
from firmware.language import spoken, told
from firmware.plugs import Plugs
from firmware.site import DeviceSpec, Lane

EXAMPLE = "hallgate rest --site /persistent/site/site.toml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--site", required=True, metavar="FILE", help="the site file of this device")


def run(arguments: argparse.Namespace) -> int:
    place, now = site.load(arguments.site), clock.from_environment()
    plugs, failed = Plugs(now), 0
    for lane in place.lanes:
        if "gate" in lane.devices:
            try:
                _rest(plugs, now, lane, lane.devices["gate"])
            except HallgateError as gone:
                failed += 1
                print(f"hallgate rest: {lane.name}: {told(gone)}", file=sys.stderr)
    plugs.close()
    return 1 if failed else 0


def _rest(plugs: Plugs, now: clock.Clock, lane: Lane, gate: DeviceSpec) -> None:
    if because := plugs.tell(lane, gate, lambda encoder: encoder.stop(now.elapsed_ms())):
        raise HallgateError(because)
    what = f"lane {lane.name} rests {lane.on_failure}"
    print(spoken(what), flush=True)
