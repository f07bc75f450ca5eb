"""What systemd is told, read from a socket of its kind (sd_notify(3)), and that it is told by the loop's turns alone."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.watchdog import Watchdog


class Systemd:
    """Listens as the service manager does; `name` is what it writes into NOTIFY_SOCKET."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.line.bind("\0" + name[1:] if name.startswith("@") else name)
        self.line.setblocking(False)

    def heard(self) -> list[bytes]:
        found = list[bytes]()
        while True:
            try:
                found.append(self.line.recv(4_096))
            except BlockingIOError:
                return found


@pytest.fixture(params=["a path", "an abstract name"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Systemd]:
    where = tmp_path / "notify"
    systemd = Systemd(str(where) if request.param == "a path" else f"@hallgate-test-{os.getpid()}")
    yield systemd
    systemd.line.close()


def test_it_is_told_in_the_words_it_knows(systemd: Systemd) -> None:
    watchdog = Watchdog({"NOTIFY_SOCKET": systemd.name, "WATCHDOG_USEC": "30000000"})
    watchdog.ready()
    assert systemd.heard() == [b"READY=1"]
    assert watchdog.tend(5_000.0) == 15_000.0, "three times within what systemd waits"
    assert systemd.heard() == [b"WATCHDOG=1"]
    watchdog.stopping()
    assert systemd.heard() == [b"STOPPING=1"]


@pytest.mark.parametrize(
    ("usec", "pid", "every_ms"),
    [
        ("3000", "", 1.0),
        ("30000000", "ours", 10_000.0),
        ("30000000", "another's", None),
        ("30000000", "x", None),
        ("", "", None),
        ("0", "", None),
        ("-5", "", None),
        ("1e6", "", None),
    ],
)
def test_it_says_that_it_is_alive_only_where_it_was_asked_to(
    systemd: Systemd, usec: str, pid: str, every_ms: float | None
) -> None:
    """WATCHDOG_PID names another process where a child inherited the environment."""
    named = {"ours": str(os.getpid()), "another's": str(os.getpid() + 1)}.get(pid, pid)
    watchdog = Watchdog({"NOTIFY_SOCKET": systemd.name, "WATCHDOG_USEC": usec, "WATCHDOG_PID": named})
    assert watchdog.tend(0.0) == every_ms
    assert systemd.heard() == ([] if every_ms is None else [b"WATCHDOG=1"])


@pytest.mark.parametrize(
    "where", ["", "relative/path", "vsock:2:9999", "/nobody/listens/here", "@nobody", "/" + 200 * "x"]
)
def test_where_nobody_listens_nothing_happens(where: str) -> None:
    watchdog = Watchdog({"NOTIFY_SOCKET": where, "WATCHDOG_USEC": "3000000"})
    watchdog.ready()
    assert watchdog.tend(0.0) == 1_000.0
    watchdog.stopping()


def test_a_systemd_that_does_not_read_holds_up_no_gate(systemd: Systemd) -> None:
    watchdog = Watchdog({"NOTIFY_SOCKET": systemd.name, "WATCHDOG_USEC": "3000000"})
    for turn in range(5_000):
        watchdog.tend(float(turn))
    assert 0 < len(systemd.heard()) < 5_000


def test_without_a_word_from_outside_the_process_own_environment_counts(
    systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", systemd.name)
    Watchdog().ready()
    assert systemd.heard() == [b"READY=1"]
