"""Small files and the only clock, call by call: what is read, written once, kept secret, counted, and what time it is."""

from __future__ import annotations

import base64
import io
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware import files, order_counters
from firmware.clock import Clock, boot_id, from_environment
from firmware.durable import make_folder, replace_file
from firmware.errors import Failure, Mistake
from firmware.order_counters import OrderCounters

KEY = base64.urlsafe_b64encode(bytes(range(32))).rstrip(b"=")


# ---------------------------------------------------------------- reading


def test_a_file_is_read_whole_or_refused_and_with_a_bound_one_byte_beyond_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "FILE_BYTES_MAX", 1_000)
    (tmp_path / "long").write_bytes(bytes(1_000))
    (tmp_path / "longer").write_bytes(bytes(1_001))
    assert len(files.read(tmp_path / "long")) == 1_000
    with pytest.raises(Mistake, match="is larger than 1000 bytes"):
        files.read(tmp_path / "longer")
    assert len(files.read(tmp_path / "longer", 10)) == 11, "whoever gave a bound sees that there is more"
    with pytest.raises(Mistake, match="cannot be read: No such file"):
        files.read(tmp_path / "none")


def test_a_stream_is_lines_of_any_number_and_of_some_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LINE_BYTES_MAX", 8)
    assert list(files.lines(io.BytesIO(b"1\n1234567\n12345678"), "x")) == [b"1\n", b"1234567\n", b"12345678"]
    with pytest.raises(Mistake, match="a line is larger than 8 bytes"):
        list(files.lines(io.BytesIO(b"1\n123456789\n"), "x"))


def test_a_file_that_is_opened_is_waited_for_as_usual_and_closed(tmp_path: Path) -> None:
    """What was opened without waiting would answer `try again` in the middle of a long read."""
    (tmp_path / "file").write_bytes(b"x")
    with files.opened(tmp_path / "file") as file:
        assert os.get_blocking(file.fileno())
    files.write(tmp_path / "out", b"y")
    assert (tmp_path / "out").read_bytes() == b"y"
    with open(tmp_path / "out", "ab", opener=files.writable(0o600)) as file:
        assert os.get_blocking(file.fileno())
    _, tty = os.openpty()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(OSError, match="a device's line"):
            files.opened(os.ttyname(tty))
    assert len(os.listdir("/proc/self/fd")) == before


# ---------------------------------------------------------------- secrets


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o601])
def test_a_secret_that_anybody_else_can_touch_is_refused(tmp_path: Path, mode: int) -> None:
    files.write_secret(tmp_path / "key", b"secret")
    assert files.read_secret(tmp_path / "key") == b"secret"
    (tmp_path / "key").chmod(mode)
    with pytest.raises(Mistake, match="chmod 600"):
        files.read_secret(tmp_path / "key")


def test_a_secret_is_its_owners_from_the_first_moment_and_never_written_over(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        files.write_secret(tmp_path / "key", b"first")
    finally:
        os.umask(old)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(Mistake, match="not written over"):
        files.write_secret(tmp_path / "key", b"second")
    assert (tmp_path / "key").read_bytes() == b"first"
    with pytest.raises(Failure, match="cannot be written"):
        files.write_secret(tmp_path / "none" / "key", b"x")


def test_a_hall_key_is_32_bytes_on_a_line(tmp_path: Path) -> None:
    assert files.load_hall_key(None) is None
    file = tmp_path / "hall.key"
    for good in (KEY, KEY + b"\n", KEY + b"="):
        file.write_bytes(good)
        assert files.load_hall_key(file) == bytes(range(32))
    for spoilt in (b"", KEY[:-2], KEY + b"AAAA", b"\xff", b"A"):
        file.write_bytes(spoilt)
        with pytest.raises(Mistake, match="32"):
            files.load_hall_key(file)
    file.write_bytes(files.new_hall_key())
    assert files.load_hall_key(file) not in (None, bytes(range(32)))


def test_of_two_who_change_a_folder_one_waits_for_the_other(tmp_path: Path) -> None:
    order = list[str]()

    def second() -> None:
        with files.locked(tmp_path):
            order.append("second")

    with files.locked(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.1)
        order.append("first")
    thread.join(30)
    assert order == ["first", "second"]


@pytest.mark.parametrize(
    ("what", "flushed"),
    [
        (lambda at: files.write_secret(at / "key", b"x"), ["key"]),
        (lambda at: make_folder(at / "a" / "b"), [".", "a"]),
        (lambda at: replace_file(at / "small", b"x"), ["small.new", "."]),
    ],
)
def test_what_is_said_to_be_on_disk_was_flushed(
    what: Callable[[Path], None], flushed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, fsync = list[str](), os.fsync

    def noting(handle: int) -> None:
        seen.append(os.path.relpath(os.readlink(f"/proc/self/fd/{handle}"), tmp_path))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noting)
    what(tmp_path)
    assert seen == flushed


# ---------------------------------------------------------------- counters


def test_of_many_issuers_the_latest_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_counters, "ISSUERS_MAX", 3)
    counters = OrderCounters(tmp_path / "counters", Clock(wall_ms=0))
    first = counters.next("a")
    for issuer in ("b", "a", "c", "d"):
        last = counters.next(issuer)
    assert counters.next("a") > first and counters.next("d") > last
    assert len(counters._read()) == 3 and "b" not in counters._read(), "whoever gave an order last is not forgotten"


# ---------------------------------------------------------------- time


def test_a_hall_at_a_rate_begins_where_it_is_told_and_sleeps_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALLGATE_CLOCK", "rate=4,wall=2022-06-10T08:55:00+08:00,elapsed=81000")
    clock = from_environment()
    assert clock.simulated and clock.rate == 4.0
    assert 81_000 <= clock.elapsed_ms() < 81_000 + 4 * 60_000
    assert abs(clock.wall_ms() - 1_654_822_500_000 - (clock.elapsed_ms() - 81_000)) < 4 * 60_000
    assert 0 < clock.seconds_until(clock.elapsed_ms() + 4_000_000) <= 1_000
    assert clock.seconds_until(0) == 0.0
    monkeypatch.delenv("HALLGATE_CLOCK")
    assert not from_environment().simulated and from_environment().rate == 1.0


@pytest.mark.parametrize("wish", ["4", "rate=x", "wall=noon", "rate=1,elapsed="])
def test_a_clock_that_cannot_be_meant_is_a_mistake(wish: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALLGATE_CLOCK", wish)
    with pytest.raises(Mistake, match="rate=4,wall="):
        from_environment()


def test_time_goes_on_in_step_with_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    at = {"s": 1_000.0}
    monkeypatch.setattr("time.clock_gettime", lambda which: at["s"])
    plain, quick = Clock(), Clock(rate=10.0, wall_ms=5_000, elapsed_ms=0)
    at["s"] += 2.5
    assert (plain.elapsed_ms(), quick.elapsed_ms(), quick.wall_ms()) == (1_002_500, 25_000, 30_000)
    assert (plain.seconds_until(1_003_500), quick.seconds_until(35_000)) == (1.0, 1.0)
    assert quick.moment().elapsed_ms == 25_000 and quick.moment().wall_ms == 30_000
    assert len(boot_id()) == 36
