"""Put every gate of this door where it stands without software: `on_failure` of the site file.

In an evacuation, as far as the journal or an open fire loop tells of one, it is opened instead: nobody is held in. Run
by systemd when the firmware crashed or hung, before it is started again. Nothing else is moved, and a port that another
program holds is left to it. Exit code 1 when a gate could not be told.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path

from firmware import clock, site
from firmware.core.actions import GateFree
from firmware.errors import HallgateError
from firmware.journal import Reader
from firmware.language import spoken, told
from firmware.plugs import Plugs, speaker
from firmware.recovery import recovered
from firmware.site import DeviceSpec, Lane
from sensors.readings import Contact

EXAMPLE = "hallgate rest --site /persistent/site/site.toml --state /persistent/hallgate"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--site", required=True, metavar="FILE", help="the site file of this device")
    parser.add_argument("--state", metavar="DIR", help="its journal: says whether the hall is being evacuated")


def run(arguments: argparse.Namespace) -> int:
    place, now = site.load(arguments.site), clock.from_environment()
    plugs, failed = Plugs(now), 0
    evacuated = _burns(plugs, place) or _evacuated(arguments.state)
    for lane in place.lanes:
        if "gate" in lane.devices:
            try:
                _rest(plugs, now, lane, lane.devices["gate"], free=evacuated and lane.direction != "elevator")
            except HallgateError as gone:
                failed += 1
                print(f"hallgate rest: {lane.name}: {told(gone)}", file=sys.stderr)
    plugs.close()
    return 1 if failed else 0


def _evacuated(state: str | None) -> bool:
    """A journal that cannot be read says nothing: the gates rest as ever."""
    with contextlib.suppress(Exception):
        return bool(state and recovered(Reader(Path(state))).state.evacuated_by)
    return False


def _burns(plugs: Plugs, place: site.Site) -> bool:
    """A loop that opened while the firmware hung is in no journal."""
    return any(_open(plugs, lane, lane.devices["fire_loop"]) for lane in place.lanes if "fire_loop" in lane.devices)


def _open(plugs: Plugs, lane: Lane, fire_loop: DeviceSpec) -> bool:
    decoder = speaker(lane, fire_loop)
    with contextlib.suppress(HallgateError), contextlib.closing(plugs.open(lane, fire_loop)) as port:
        return any(reading == Contact(False) for t_ms, raw in port.read() for reading in decoder.feed(raw, t_ms))
    return False


def _rest(plugs: Plugs, now: clock.Clock, lane: Lane, gate: DeviceSpec, *, free: bool) -> None:
    t_ms, order = now.elapsed_ms(), GateFree(lane=lane.name)
    said = plugs.tell(lane, gate, lambda encoder: encoder.order(order, t_ms) if free else encoder.stop(t_ms))
    if said:
        raise HallgateError(said)
    what = f"lane {lane.name} rests {'open' if free else lane.on_failure}"
    print(spoken(what), flush=True)
