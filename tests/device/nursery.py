"""Device processes without the third of a second in which Python imports them: a run that kills 500 needs 500 starts.

A process that has everything imported (`python -m tests.device.nursery`) forks one child per order; the child is the device
from its first argument on: `firmware run` itself, in a process of its own, which SIGKILL ends as it ends any other.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

import msgspec

from firmware.simulation.troupe import die_with_us

ROOT = Path(__file__).parents[2]
ORDER_BYTES_MAX = 65_536


class Child:
    """As much of `subprocess.Popen` as a `Bench` uses."""

    def __init__(self, pid: int, stdout: IO[str]) -> None:
        self.pid, self.stdout = pid, stdout
        with contextlib.suppress(ProcessLookupError):  # ended already
            self._handle = os.pidfd_open(pid)

    def send_signal(self, number: int) -> None:
        if hasattr(self, "_handle"):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout_s: float | None = None) -> None:
        """Answers nothing: how a child ended is known to the nursery alone, and `Bench.stop` has no code to tell."""
        if hasattr(self, "_handle"):
            assert select.select([self._handle], [], [], timeout_s)[0], f"process {self.pid} does not end"
            os.close(self._handle)
            del self._handle


class Order(msgspec.Struct):
    words: list[str]
    environment: dict[str, str]
    errors: str


class Nursery:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with far:
            command = [sys.executable, "-m", __name__, str(far.fileno())]
            self._process = subprocess.Popen(command, cwd=ROOT, pass_fds=[far.fileno()], preexec_fn=die_with_us)

    def start(self, words: list[str], environment: dict[str, str], errors: Path) -> Child:
        """`firmware WORDS` in a child of its own."""
        ours, its = os.pipe()
        order = msgspec.json.encode(Order(words, environment, str(errors)))
        with self._lock:
            socket.send_fds(self._orders, [order], [its])
            pid = int(self._orders.recv(64))
        os.close(its)
        return Child(pid, os.fdopen(ours, encoding="utf-8"))

    def close(self) -> None:
        self._orders.close()
        self._process.wait(10)


# ------------------------------------------------------------ the far side

USED = (
    "firmware.verbs.run",
    "firmware.wiring",
    "firmware.hub.side",
    "firmware.peers.side_link",
    "firmware.ports.serial_line",
    "firmware.ports.far_pins",
    "firmware.outputs.gate_relay_lcus",
    "sensors.scanner_text_line",
    "sensors.counter_beam_pair",
)
"""What a site file makes a device import; what is missing here each child imports for itself."""


def main(orders: socket.socket) -> int:
    """Fork a child per order, until whoever orders is gone."""
    for module in USED:
        importlib.import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries them
    while True:
        order, descriptors, _, _ = socket.recv_fds(orders, ORDER_BYTES_MAX, 1)
        if not order:
            return 0
        child = os.fork()
        if child == 0:
            os._exit(_device(msgspec.json.decode(order, type=Order), descriptors[0], orders))
        os.close(descriptors[0])
        orders.send(str(child).encode())


def _device(order: Order, stdout: int, orders: socket.socket) -> int:
    from firmware.__main__ import main as firmware_main

    orders.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    die_with_us()
    os.environ.update(order.environment)
    errors = os.open(order.errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for source, number in ((stdout, 1), (errors, 2)):
        os.dup2(source, number)
        os.close(source)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w", 1)  # of a pipe, where the nursery's may be of files
    return firmware_main(order.words)


if __name__ == "__main__":
    sys.exit(main(socket.socket(fileno=int(sys.argv[1]))))
