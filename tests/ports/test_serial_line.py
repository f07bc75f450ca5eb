"""The near end of a serial line on real ptys behind a link, as a re-plugged device looks like."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firmware.clock import Clock
from firmware.ports.serial_line import PENDING_MS_MAX, RETRY_MS, SerialPort


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


def test_absent_from_the_start_and_close_twice(tmp_path: Path, clock: HandClock) -> None:
    port = SerialPort(str(tmp_path / "nothing"), 9_600, clock)
    assert port.fileno() == -1 and "not plugged in" in port.because
    assert port.read() == []
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
    assert port.dropped > 0
    due = port.tend(clock.now_ms)
    assert due is not None, "what is pending wants another try"
    clock.now_ms += PENDING_MS_MAX + 1
    assert port.tend(clock.now_ms) is None, "an order that found no room for a second is given up"
    left = cable.heard(1)
    assert set(left) == {ord("x")}


def test_pending_bytes_arrive_in_order(port: SerialPort, cable: Cable, clock: HandClock) -> None:
    sent = b"".join(b"%07d\n" % number for number in range(1_000))
    for start in range(0, len(sent), 8):
        port.write(sent[start : start + 8])
    heard = b""
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
