"""On the device: make the card's door this device's, before the firmware starts. Run by systemd at every start.

First time: /persistent takes the rest of the card, the card's files are compared and put in place, the device makes its
key, every port is looked at. Later: the network's files, a certificate that somebody put on the card. What fails has a
number: as many blinks of the green lamp, one line on the console; the firmware starts all the same when it can.
`--enrol` asks the hall's desk for the certificate, by the ticket of the card; `--clock` asks the firmware whether it knows
the time. `--blink` only shows a number.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Any

from firmware.errors import Failure

EXAMPLE = "hallgate provision --card /boot/firmware/hallgate --store /persistent"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--card", type=Path, default=Path("/boot/firmware/hallgate"), help="what hallgate flash wrote")
    parser.add_argument("--store", type=Path, default=Path("/persistent"), help="what this device keeps")
    parser.add_argument("--leds", type=Path, default=Path("/sys/class/leds"), help="where the kernel has its lamps")
    parser.add_argument("--networks", type=Path, default=Path("/run/systemd/network"), help="where networkd looks")
    parser.add_argument("--enrol", action="store_true", help="get the certificate by the card's ticket")
    parser.add_argument("--clock", type=Path, metavar="SOCKET", help="ask the firmware there whether it knows the time")
    parser.add_argument("--blink", type=int, metavar="NUMBER", help="only show this number")


def run(arguments: argparse.Namespace) -> int:
    if arguments.blink is not None:
        if not _part("lamp").blink(arguments.blink, arguments.leds):
            raise Failure(f"there is no lamp to blink with in {arguments.leds}")
        return 0
    placing = _part("place").Placing(arguments.card, arguments.store)
    start = _part("steps").Start(placing, arguments.leds, arguments.networks)
    if arguments.enrol:
        start.enrol()
        return 0
    if arguments.clock is not None:
        start.clock(arguments.clock)
        return 0
    start.before_the_firmware()
    return 1 if start.code else 0


def _part(name: str) -> Any:
    try:
        return importlib.import_module(f"deploy.first_boot.{name}")
    except ImportError:
        raise Failure("this is no device made by hallgate image") from None
