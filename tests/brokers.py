"""A private Mosquitto for tests: its own port, its own folder, killed and started again at will, stopped by its id."""

from __future__ import annotations

import contextlib
import inspect
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from firmware.simulation.troupe import die_with_us, free_port

PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def wait_until(what: Callable[[], object], timeout_s: float = 20.0, every_s: float = 0.01) -> None:
    """Poll until `what()` is true; an empty list it looks into is not yet. The limit is for busy machines only."""
    end = time.monotonic() + timeout_s
    while not _true(what):
        assert time.monotonic() < end, f"waited {timeout_s} s in vain: {_source(what)}"
        time.sleep(every_s)


def _source(what: Callable[[], object]) -> str:
    try:
        return inspect.getsource(what).strip()
    except (OSError, TypeError):  # a partial, a bound method of something built in
        return repr(what)


def _true(what: Callable[[], object]) -> bool:
    try:
        return bool(what())
    except IndexError:
        return False


class Broker:
    """`kill()` is kill -9; `start()` again keeps the port. With `keeps` the broker's memory survives on disk.

    `within` is what the process is started by, to listen at `address` on a host of its own.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keeps: bool = False,
        extra: str = "",
        queued: int = 100_000,
        address: str = "127.0.0.1",
        within: Sequence[str] = (),
    ) -> None:
        self.folder, self.port, self.keeps, self.extra, self.queued = folder, free_port(), keeps, extra, queued
        self.address, self.within = address, within
        self.config = folder / "mosquitto.conf"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://{self.address}:{self.port}"

    def configure(self) -> None:
        """`user`: one that becomes somebody else, as Mosquitto does by itself, outlives its test (`die_with_us`)."""
        keep = f"persistence true\npersistence_location {self.folder}/\nautosave_interval 1\nautosave_on_changes true\n"
        self.config.write_text(
            f"user root\nlistener {self.port} {self.address}\nallow_anonymous true\nmax_queued_messages {self.queued}\n"
            f"{keep if self.keeps else 'persistence false'}\n{self.extra}\n"
        )

    def start(self) -> Self:
        assert PROGRAM is not None
        if not self.config.exists():
            self.configure()
        with open(self.folder / "mosquitto.log", "wb") as log:
            self.process = subprocess.Popen(
                [*self.within, PROGRAM, "-c", str(self.config)],
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_us,
            )
        wait_until(self._listens)
        return self

    def _listens(self) -> bool:
        said = (self.folder / "mosquitto.log").read_text()
        assert self.process is not None and self.process.poll() is None, said
        if self.within:
            return " running" in said
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(10)
            self.process = None


class Cable:
    """An address of its own that leads to the broker at `port`, and can be cut. `sent` is shown what goes to the broker."""

    def __init__(self, port: int, sent: Callable[[bytes], None] = lambda data: None) -> None:
        self._to, self._sent, self._server = port, sent, socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self.whole = True
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self._server.getsockname()[1]}"

    def cut(self) -> None:
        self.whole = False
        while self._ends:
            _shut(self._ends.pop())

    def mend(self) -> None:
        self.whole = True

    def close(self) -> None:
        self.cut()
        _shut(self._server)
        self._server.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                if not self.whole:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._to))
                self._ends += [near, far]
                for one, other, seen in ((near, far, self._sent), (far, near, lambda data: None)):
                    threading.Thread(target=_carry, args=(one, other, seen), daemon=True).start()


def _carry(one: socket.socket, other: socket.socket, seen: Callable[[bytes], None]) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
            seen(data)
    _shut(other)


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
