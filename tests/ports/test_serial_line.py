"""The near end of a serial line on real ptys behind a link, as a re-plugged device looks like."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from firmware.clock import Clock
from firmware.ports import serial_line
from firmware.ports.serial_line import PENDING_MS_MAX, RETRY_MS, SerialPort
from sensors.driver import Edge


class HandClock(Clock):
    """Elapsed time that moves only when told."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 50_000.0

    def elapsed_ms(self) -> float:
        return self.now_ms


class Cable:
    """A device on a pty whose link can be unplugged and plugged in again."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.master = -1
        self.plug()

    def plug(self) -> None:
        self.master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(self.master, False)
        self.link.symlink_to(os.ttyname(slave))
        os.close(slave)

    def unplug(self) -> None:
        if self.master >= 0:
            os.close(self.master)
            self.master = -1
            self.link.unlink()

    def heard(self, at_least: int) -> bytes:
        """What the host wrote, waiting until there is enough of it."""
        got = b""
        while len(got) < at_least:
            assert select.select([self.master], [], [], 10)[0], f"only {got!r} arrived"
            with contextlib.suppress(BlockingIOError):
                got += os.read(self.master, 65_536)
        return got


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[Cable]:
    cable = Cable(tmp_path / "scanner")
    yield cable
    cable.unplug()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def port(cable: Cable, clock: HandClock) -> Iterator[SerialPort]:
    port = SerialPort(str(cable.link), 256_000, clock)
    yield port
    port.close()


def collect(port: SerialPort, enough: Callable[[bytes], bool]) -> bytes:
    got = b""
    while not enough(got):
        assert select.select([port.fileno()], [], [], 10)[0], f"only {len(got)} bytes arrived"
        got += b"".join(piece for _, piece in port.read())
    return got


def test_bytes_go_both_ways_untouched(port: SerialPort, cable: Cable) -> None:
    every = bytes(range(256))
    os.write(cable.master, every)
    assert collect(port, lambda got: len(got) >= 256) == every
    port.write(every)
    assert cable.heard(256) == every
    assert (port.dropped, port.because, port.openings) == (0, "", 1)


def test_pieces_carry_the_moment_they_arrived(port: SerialPort, cable: Cable, clock: HandClock) -> None:
    os.write(cable.master, b"first half")
    select.select([port.fileno()], [], [], 10)
    assert port.read() == [(clock.now_ms, b"first half")]
    clock.now_ms += 1_300
    os.write(cable.master, b" second")
    select.select([port.fileno()], [], [], 10)
    assert port.read() == [(clock.now_ms, b" second")]
    assert port.read() == []
    assert port.fileno() >= 0, "nothing there is not the same as gone"


def test_what_came_before_the_opening_opens_no_gate(cable: Cable, clock: HandClock) -> None:
    os.write(cable.master, b"an old scan\r")
    port = SerialPort(str(cable.link), 9_600, clock)
    os.write(cable.master, b"a new one\r")
    assert collect(port, lambda got: got.endswith(b"\r")) == b"a new one\r"
    port.close()


class Noted(serial_line._Line):
    """pyserial's line; what it was set to when it was opened is kept here."""

    seen: ClassVar[list[dict[str, Any]]] = []

    def open(self) -> None:
        super().open()
        self.seen.append({**self.get_settings(), "dtr": self.dtr, "rts": self.rts, "quick": False})

    def set_low_latency_mode(self, low_latency_settings: bool) -> None:
        self.seen[-1]["quick"] = low_latency_settings


@pytest.mark.parametrize(
    ("wishes", "set_to"),
    [
        ({}, {"parity": "N", "stopbits": 1, "dtr": True, "rts": True}),
        ({"parity": "E", "stop_bits": 2}, {"parity": "E", "stopbits": 2, "dtr": True, "rts": True}),
        ({"control_lines": False}, {"parity": "N", "stopbits": 1, "dtr": False, "rts": False}),
    ],
)
def test_a_line_is_set_up_as_its_device_wants_it(
    cable: Cable, clock: HandClock, monkeypatch: pytest.MonkeyPatch, wishes: dict[str, Any], set_to: dict[str, Any]
) -> None:
    monkeypatch.setattr(serial_line, "_Line", Noted)
    port = SerialPort(str(cable.link), 19_200, clock, **wishes)
    told = Noted.seen[-1]
    assert {key: told[key] for key in set_to} == set_to
    assert (told["baudrate"], told["bytesize"], told["quick"]) == (19_200, 8, True)
    control = termios.tcgetattr(port.fileno())[6]
    assert (control[termios.VMIN], control[termios.VTIME]) == (1, 0), "nothing there is told from gone"
    port.close()


TIOCGEXCL = 0x80045440
"""Whether a tty is held by one opening alone (ioctl_tty(2))."""


@pytest.mark.parametrize("is_pty", [True, False])
def test_a_real_line_is_held_alone_and_a_pty_is_not(
    cable: Cable, clock: HandClock, monkeypatch: pytest.MonkeyPatch, is_pty: bool
) -> None:
    """On a pty the flag would outlive a killed process."""
    if not is_pty:
        monkeypatch.setattr(serial_line, "PTY_MAJORS", ())
    port = SerialPort(str(cable.link), 9_600, clock)
    assert int.from_bytes(fcntl.ioctl(port.fileno(), TIOCGEXCL, bytes(4)), sys.byteorder) == (not is_pty)
    fcntl.ioctl(port.fileno(), termios.TIOCNXCL)
    port.close()


def test_closing_gives_every_descriptor_back(cable: Cable, clock: HandClock) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        SerialPort(str(cable.link), 9_600, clock).close()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("hung_ms", "heard"), [(1_000, b"shown at once\rnew\r"), (10_000, b"new\r")], ids=["looked for", "not looked for"]
)
def test_a_device_that_is_plugged_in_later_is_heard_from_our_last_look_on(
    tmp_path: Path, clock: HandClock, hung_ms: int, heard: bytes
) -> None:
    """Absent from the start. What came while nobody looked for it may be as old as that."""
    port = SerialPort(str(tmp_path / "scanner"), 9_600, clock)
    cable = Cable(tmp_path / "scanner")
    os.write(cable.master, b"shown at once\r")
    clock.now_ms += hung_ms
    assert port.tend(clock.now_ms) is None
    os.write(cable.master, b"new\r")
    assert collect(port, lambda got: got.endswith(b"new\r")) == heard
    port.close()
    cable.unplug()


def test_what_was_sent_to_somebody_else_opens_no_gate(port: SerialPort, cable: Cable, clock: HandClock) -> None:
    second = SerialPort(str(cable.link), 9_600, clock)
    os.write(cable.master, b"meant for the first\r")
    port.close()
    clock.now_ms += 1_000
    second.tend(clock.now_ms)
    os.write(cable.master, b"new\r")
    assert collect(second, lambda got: got.endswith(b"\r")) == b"new\r"
    second.close()


def test_an_error_of_the_line_is_the_end_of_it(port: SerialPort, monkeypatch: pytest.MonkeyPatch) -> None:
    def torn(fd: int, count: int) -> bytes:
        raise OSError(errno.EIO, "torn")

    monkeypatch.setattr(os, "read", torn)
    assert port.read() == [] and port.fileno() == -1 and "was unplugged" in port.because


def test_unplugged_then_plugged_in_again(port: SerialPort, cable: Cable, clock: HandClock) -> None:
    clock.now_ms += 60_000
    cable.unplug()
    select.select([port.fileno()], [], [], 10)
    assert port.read() == []
    assert port.fileno() == -1
    assert "unplugged" in port.because
    port.write(b"an order must not wait for the re-plug")
    assert port.dropped == 1

    due = port.tend(clock.now_ms)
    assert due is not None and due <= clock.now_ms + RETRY_MS
    assert "not plugged in" in port.because

    cable.plug()
    os.write(cable.master, b"scan right after the plug\r")
    assert port.tend(clock.now_ms + RETRY_MS / 2) == due, "not tried more than once a second"
    clock.now_ms = due
    assert port.tend(clock.now_ms) is None
    assert port.because == "" and port.openings == 2
    assert collect(port, lambda got: got.endswith(b"\r")) == b"scan right after the plug\r"
    port.write(b"ok")
    assert cable.heard(2) == b"ok"


def test_a_write_notices_the_unplugging_too(port: SerialPort, cable: Cable) -> None:
    cable.unplug()
    port.write(b"open")
    assert port.fileno() == -1 and port.dropped == 1
    assert plugged_in_again(port, cable) == b"new"


def plugged_in_again(port: SerialPort, cable: Cable) -> bytes:
    """What the device hears of what was written before and after."""
    cable.plug()
    assert port.tend(60_000.0) is None and port.tend(60_000.0) is None
    port.write(b"new")
    return cable.heard(3)


def test_an_order_that_found_no_room_is_not_sent_after_a_re_plug(port: SerialPort, cable: Cable) -> None:
    fill(port)
    cable.unplug()
    before = port.dropped
    port.read()
    assert port.fileno() == -1 and port.dropped == before + 1
    assert plugged_in_again(port, cable) == b"new"


def fill(port: SerialPort) -> bytes:
    """Write numbered lines until the last of them has to wait; all of them, as they were given."""
    sent = b""
    while port.tend(50_000.0) is None:
        line = b"%063d\n" % (len(sent) // 64)
        port.write(line)
        sent += line
    assert port.dropped == 0
    return sent


def test_what_is_no_bytes_is_nothing_for_a_line(port: SerialPort, cable: Cable) -> None:
    for raw in (Edge("relay", 1), b"", b"x"):
        port.write(raw)
    assert cable.heard(1) == b"x" and port.dropped == 0


def test_absent_from_the_start_and_close_twice(tmp_path: Path, clock: HandClock) -> None:
    port = SerialPort(str(tmp_path / "nothing"), 9_600, clock)
    assert port.fileno() == -1 and "not plugged in" in port.because
    assert port.read() == [] and "not plugged in" in port.because
    port.close()
    port.close()
    assert port.tend(clock.now_ms + 10 * RETRY_MS) is None, "a closed port stays closed"


def test_a_file_is_no_serial_line(tmp_path: Path, clock: HandClock) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"text")
    port = SerialPort(str(path), 9_600, clock)
    assert port.fileno() == -1 and "no serial line" in port.because
    port.close()


def test_megabytes_of_junk_come_in_bounded_pieces(port: SerialPort, cable: Cable) -> None:
    """A babbling scanner may not hold the loop: one read hands over at most 4 KiB, and nothing is lost."""
    block, total, sent, got = bytes(range(256)) * 16, 2_000_000, 0, 0
    while got < total:
        if sent < total:
            with contextlib.suppress(BlockingIOError):
                sent += os.write(cable.master, block[: total - sent])
        pieces = port.read()
        assert sum(len(piece) for _, piece in pieces) <= 4_096
        got += sum(len(piece) for _, piece in pieces)
    assert got == total and port.dropped == 0


def test_a_device_that_does_not_listen_never_blocks_us(port: SerialPort, cable: Cable, clock: HandClock) -> None:
    for _ in range(1_000):
        port.write(b"x" * 100)
    for _ in range(50):  # the kernel moves what it took in its own time, and then has room once more
        port.tend(clock.now_ms)
        time.sleep(0.001)
    port.write(b"x" * 8_192)
    assert port.dropped > 0
    due = port.tend(clock.now_ms)
    assert due is not None and due > clock.now_ms, "what is pending wants another try"
    for _ in range(10):
        clock.now_ms += PENDING_MS_MAX / 10
        port.write(b"y")
        assert port.tend(clock.now_ms) is not None
    clock.now_ms += 1
    dropped = port.dropped
    assert port.tend(clock.now_ms) is None, "an order that found no room for a second is given up"
    assert port.dropped == dropped + 1
    left = cable.heard(1)
    assert set(left) == {ord("x")}


def test_pending_bytes_arrive_in_order(port: SerialPort, cable: Cable, clock: HandClock) -> None:
    sent = fill(port)
    heard = cable.heard(1)
    for number in range(20):
        port.write(b"%07d\n" % number)
        sent += b"%07d\n" % number
    while port.tend(clock.now_ms) is not None:
        heard += cable.heard(1)
    assert port.dropped == 0
    assert heard + cable.heard(len(sent) - len(heard)) == sent


def test_two_openings_cannot_share_a_line(port: SerialPort, cable: Cable, clock: HandClock) -> None:
    second = SerialPort(str(cable.link), 9_600, clock)
    assert second.fileno() == -1 and "used by another process" in second.because
    port.close()
    second.tend(clock.now_ms + RETRY_MS)
    assert second.fileno() >= 0
    second.close()


def test_a_killed_process_leaves_the_line_free(cable: Cable, clock: HandClock) -> None:
    script = (
        "import sys, time; from firmware.clock import Clock; from firmware.ports.serial_line import SerialPort;"
        "port = SerialPort(sys.argv[1], 9600, Clock()); print(port.fileno(), flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(cable.link)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and int(other.stdout.readline()) >= 0
        port = SerialPort(str(cable.link), 9_600, clock)
        assert "used by another process" in port.because
        other.kill()
        other.wait()
    port.tend(clock.now_ms + RETRY_MS)
    assert port.fileno() >= 0
    port.close()
