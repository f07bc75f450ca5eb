"""The processes of a demo: started one by one, watched, and stopped by their ids. None outlives us.

Each writes what it has to say into a log in the demo's folder; when one dies, its last lines are what we tell.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

import firmware
from firmware.errors import Failure

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)
"""Looked up here and not in the child: between fork and exec nothing may be loaded."""
STOP_S = 5.0
SAID_MAX = 200
PROGRAM_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 100000
"""
STAY_ROOT = "user root\n"
"""For a broker that root starts: a change of user would make it outlive us when we are killed (PR_SET_PDEATHSIG)."""


class Member:
    """One process. `said` holds the last lines of what it wrote on stdout."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, extra: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.said: deque[str] = deque(maxlen=SAID_MAX)
        self._log = folder / f"{name}.log"
        self._rest = b""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **(extra or {})},
                cwd=Path(firmware.__file__).parents[1],
                start_new_session=True,  # a Ctrl-C is ours to pass on, in the right order
                preexec_fn=die_with_us,
            )
        os.set_blocking(self._out().fileno(), False)

    def listen(self) -> list[str]:
        """Read what it said since the last time; the new whole lines. Failure when it has ended by itself."""
        with contextlib.suppress(BlockingIOError):
            self._rest += self._out().read() or b""
        *lines, self._rest = self._rest.split(b"\n")
        fresh = [line.decode("utf-8", "replace") for line in lines]
        self.said += fresh
        if not fresh and self._process.poll() is not None and not self.killed:
            raise Failure(f"{self.name} ended with {self._process.returncode}: {self._last_words()}")
        return fresh

    def check(self) -> None:
        """Failure when it has ended by itself."""
        self.listen()

    @property
    def killed(self) -> bool:
        """A signal ended it, or asked it to end: none of them leaves in order unasked."""
        code = self._process.poll()
        return code is not None and code <= 0

    def ask_to_stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """SIGTERM, and after five seconds SIGKILL; the exit code."""
        self.ask_to_stop()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._out().close()
        return self._process.returncode

    def _out(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def _last_words(self) -> str:
        lines = self._log.read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


class Troupe:
    """All processes of a demo, in the order in which they were started; stopped the other way round."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._members: list[Member] = []

    def start(self, name: str, command: Sequence[str], extra: Mapping[str, str] | None = None) -> Member:
        member = Member(name, command, self.folder, extra)
        self._members.append(member)
        return member

    def verb(self, name: str, *words: str, extra: Mapping[str, str] | None = None) -> Member:
        """A verb of our own command line, in a process of its own."""
        return self.start(name, [sys.executable, "-m", "firmware", *words], extra)

    def check(self) -> None:
        for member in self._members:
            member.check()

    def killed(self) -> list[str]:
        """Those that somebody killed; they are of the troupe no more."""
        killed = [member for member in self._members if member.killed]
        self.stop(lambda member: member in killed)
        return [member.name for member in killed]

    def stop(self, which: Callable[[Member], bool] = lambda member: True) -> None:
        going = [member for member in reversed(self._members) if which(member)]
        self._members = [member for member in self._members if member not in going]
        for member in going:
            member.stop()


def mosquitto(folder: Path, port: int) -> list[str]:
    """The command of a private broker on a loopback port. Failure with the line to type when it is not installed."""
    program = shutil.which("mosquitto", path=PROGRAM_PATH)
    if program is None:
        raise Failure("the demo needs the MQTT broker Mosquitto: sudo apt-get install -y mosquitto")
    config = folder / "mosquitto.conf"
    config.write_text(MOSQUITTO.format(port=port) + (STAY_ROOT if os.getuid() == 0 else ""))
    return [program, "-c", str(config)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def die_with_us() -> None:
    """In the child (`preexec_fn`): when whoever started it is killed, it is told to stop and orphans nobody's serial lines."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
