"""The firmware of one device, until SIGTERM."""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import signal
import sys
from pathlib import Path
from typing import Any

from firmware import clock, plain_lines, site
from firmware.language import spoken
from firmware.watchdog import Watchdog

EXAMPLE = "hallgate run --site /etc/hallgate/site.toml --state /persistent/hallgate"
SWITCH_S = 0.0005
"""How long the connection's thread may keep the interpreter while a person waits at the gate."""

HEAP = {"PYTHONMALLOC": "malloc", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
"""What the launcher and the unit put into the environment: one heap, in pages of 2 MB, instead of arenas in between the
libraries. A scan touches 1,100 small pages of objects and 740 of libraries, more than a processor remembers the places of
(512 in a Pi's): each costs a walk through the page tables in front of a person. Without it the gate works, and is slower.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--site", required=True, metavar="FILE", help="the site file of this device")
    parser.add_argument("--state", required=True, metavar="DIR", help="where the journal lives; made when missing")
    parser.add_argument(
        "--updates", metavar="DIR", help="take the hub's orders to update; `hallgate update` works in DIR"
    )
    parser.add_argument("--ask", metavar="SOCKET", help="answer here how the device stands (hallgate update asks)")


def _settle_memory() -> None:
    """What starting took and nobody needs goes back to the kernel; what stays is not looked through again and again."""
    gc.collect()
    gc.freeze()
    ctypes.CDLL(None).malloc_trim(0)


def run(arguments: argparse.Namespace) -> int:
    sys.setswitchinterval(SWITCH_S)
    state, wanted = Path(arguments.state), site.load(arguments.site)
    if wanted.hub is None or not wanted.hub.encrypted:
        plain_lines.only()
    from firmware.state_socket import StateSocket  # both need hashlib
    from firmware.wiring import Device

    device = Device(wanted, state, clock.from_environment(), _updates(arguments, state))
    for what in device.verify.trust.complaints:
        print(f"hallgate run: {spoken('warning: ')}{device.site.trust_keys}: {spoken(what)}", file=sys.stderr)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: device.loop.stop())
    state_socket = StateSocket(device, Path(arguments.ask)) if arguments.ask else None
    watchdog = Watchdog()
    device.loop.every(watchdog.tend)
    _settle_memory()
    print("ready", flush=True)
    watchdog.ready()
    try:
        device.run()
    finally:
        watchdog.stopping()
        if state_socket is not None:
            state_socket.close()
        device.close()
    if device.starts_anew:
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    return 0


def _updates(arguments: argparse.Namespace, state: Path) -> Any:
    """Imported only where updates are ordered from afar: its words are those of the hub."""
    if not arguments.updates:
        return None
    from firmware.updating.updates import Updates

    return Updates(state, Path(arguments.updates))
