"""Simulate many devices on one broker; measure latency, loss, CPU and bytes.

Every device has a real connection and sends real events; one subscriber takes them all. The last line is a JSON summary;
exit 1 when an event was lost or doubled. Not for a broker that serves a hall: it writes real topics.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
from pathlib import Path

import msgspec

from firmware import clock
from firmware.errors import Mistake
from mqtt.address import Address
from mqtt.load import Load

EXAMPLE = "hallgate load --broker mqtt://127.0.0.1:1883 --devices 1000 --rate 1 --seconds 60"
DEVICES_MAX = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--broker", required=True, metavar="URL", help="the broker, mqtt://host:port")
    parser.add_argument("--devices", type=int, default=1000, help="how many devices to simulate")
    parser.add_argument("--rate", type=float, default=1.0, help="events a second of each device")
    parser.add_argument("--seconds", type=float, default=30.0, help="for how long")
    parser.add_argument("--hall", default="load", help="hall to speak in")
    parser.add_argument("--broker-pid", type=int, help="process id of a broker on this machine, for its CPU time")


def run(arguments: argparse.Namespace) -> int:
    address = Address.typed(arguments.broker)
    if address.encrypted:
        raise Mistake(f"{arguments.broker} is no broker for this: write mqtt://host:1883", key="--broker")
    if not 1 <= arguments.devices <= DEVICES_MAX:
        raise Mistake(f"1 to {DEVICES_MAX} devices", key="--devices")
    for key in ("rate", "seconds"):
        if not 0 < getattr(arguments, key) < math.inf:  # nor is "nan"
            raise Mistake("a positive number", key=f"--{key}")
    _open_files(arguments.devices + 64)
    ticking = clock.Clock()
    load = Load((address.host, address.port), arguments.hall, arguments.devices, arguments.rate, ticking)
    cpu_ms, began = _cpu_ms(arguments.broker_pid), ticking.elapsed_ms()
    figures = load.run(arguments.seconds)
    if arguments.broker_pid is not None:
        used = (_cpu_ms(arguments.broker_pid) - cpu_ms) / (ticking.elapsed_ms() - began)
        figures.broker_cpu_percent = round(used * 100, 1)
    print(msgspec.json.encode(figures).decode(), flush=True)
    return 1 if figures.lost or figures.doubled else 0


def _open_files(wanted: int) -> None:
    """One connection each: the soft limit of open files is 1,024 on most systems."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        ceiling = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (ceiling, hard))


def _cpu_ms(pid: int | None) -> float:
    """CPU time a process has used since it began; 0.0 for none."""
    if pid is None:
        return 0.0
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        raise Mistake(f"there is no process {pid}", key="--broker-pid") from None
    return (int(words[11]) + int(words[12])) * 1000 / os.sysconf("SC_CLK_TCK")
