"""The demo from outside: a process that prints one JSON line, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware import clock, site
from firmware.errors import Failure, Mistake
from firmware.simulation import stage, troupe
from firmware.simulation.audience import Audience
from mqtt.messages import Incoming
from tests import needs

PROMISED = {"admitted", "refused", "passages", "over_limit", "inside_peak", "events", "seconds"}
"""Contract, section 1."""


def demo(*words: str, tmp: Path) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "HALLGATE_CLOCK")}
    return subprocess.Popen(
        [sys.executable, "-m", "firmware", "demo", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**environment, "TMPDIR": str(tmp)},
    )


@pytest.fixture
def tmp() -> Iterator[Path]:
    """A short one: pytest's own is too long for a unix socket."""
    folder = Path(f"/tmp/demo-test-{os.getpid()}")
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def left_behind(folder: Path) -> list[str]:
    """Command lines of processes that still work in the demo's folder."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


def ended(process: subprocess.Popen[str], folder: Path) -> dict[str, Any]:
    said, told = process.communicate(timeout=90)
    assert process.returncode == 0, told
    assert len(said.splitlines()) == 1, "everything but the summary goes to stderr"
    assert left_behind(folder) == []
    assert list(folder.iterdir()) == []
    return dict(json.loads(said.splitlines()[-1]))


@needs.broker
def test_a_short_hall(tmp: Path) -> None:
    summary = ended(demo("--seed", "3", "--speed", "20", "--headless", "--for", "8", tmp=tmp), tmp)
    assert summary.keys() >= PROMISED
    assert summary["over_limit"] == summary["zone_over_limit"] == 0
    assert summary["rides"] > 0 and summary["zone_peak"] <= stage.ZONE_LIMIT
    assert summary["gaps"] == 0
    assert summary["admitted"] > 0 and summary["passages"] > 0
    assert summary["events"] >= summary["admitted"] + summary["refused"] + summary["passages_reported"]


@needs.broker
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_stopped_in_the_middle(tmp: Path, how: signal.Signals) -> None:
    process = demo("--seed", "1", "--speed", "10", "--headless", tmp=tmp)
    assert process.stderr is not None
    assert "live page" in process.stderr.readline()
    time.sleep(1)
    process.send_signal(how)
    assert ended(process, tmp).keys() >= PROMISED


def pid_of(*words: str) -> int:
    """Of the process that has all of these in its command line."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = file.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            if all(word in line for word in words):
                return int(file.parent.name)
    raise LookupError(words)


def wait_for_page(address: str) -> None:
    give_up = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            assert time.monotonic() < give_up
            time.sleep(0.1)


@needs.broker
def test_doors_that_are_killed_come_back_and_no_event_is_missing(tmp: Path) -> None:
    process = demo("--seed", "3", "--speed", "10", "--headless", "--for", "16", tmp=tmp)
    assert process.stderr is not None
    assert "live page" in process.stderr.readline()
    for seconds, what in ((4, "demo-entry-1"), (3, "demo-exit-1"), (1, "demo-entry-1")):
        time.sleep(seconds)
        os.kill(pid_of(str(tmp), what), signal.SIGKILL)
    summary = ended(process, tmp)
    assert (summary["started_again"], summary["over_limit"], summary["gaps"]) == (3, 0, 0)
    assert summary["admitted"] > 0 and summary["passages"] > 0


@needs.broker
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_broker_that_is_stopped_comes_back_and_what_it_swallowed_is_asked_for(tmp: Path, how: signal.Signals) -> None:
    process = demo("--seed", "3", "--speed", "10", "--headless", "--for", "16", tmp=tmp)
    assert process.stderr is not None
    page = process.stderr.readline().rsplit(" ", 1)[1].strip()
    [config] = tmp.glob("*/mosquitto.conf")
    broker = f"mqtt://127.0.0.1:{config.read_text().split()[1]}"
    for seconds, words in ((4, (str(config),)), (3, (str(config),)), (1, ("firmware hub", broker))):
        time.sleep(seconds)
        os.kill(pid_of(*words), how)
    wait_for_page(page)
    summary = ended(process, tmp)
    assert (summary["started_again"], summary["over_limit"], summary["gaps"]) == (3, 0, 0)
    assert summary["passages_reported"] >= summary["passages"] > 0


@needs.broker
def test_killed_in_the_middle_takes_its_processes_along(tmp: Path) -> None:
    process = demo("--seed", "1", "--headless", tmp=tmp)
    assert process.stderr is not None
    assert "live page" in process.stderr.readline()
    assert left_behind(tmp)
    process.kill()
    process.communicate()
    give_up = time.monotonic() + 20
    while left_behind(tmp):
        assert time.monotonic() < give_up, left_behind(tmp)
        time.sleep(0.1)


@pytest.mark.parametrize("words", [("--speed", "400"), ("--limit", "0"), ("--for", "-3")])
def test_impossible_wishes_are_told(tmp: Path, words: tuple[str, str]) -> None:
    process = demo(*words, "--headless", tmp=tmp)
    said, told = process.communicate(timeout=60)
    assert (process.returncode, said) == (2, "")
    assert words[0] in told and "Traceback" not in told


def test_without_a_broker_the_line_to_type_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(troupe, "PROGRAM_PATH", str(tmp_path))
    with pytest.raises(Failure, match="apt-get install -y mosquitto"):
        troupe.mosquitto(tmp_path, 1883)


def test_the_stage_is_a_site_that_check_accepts(tmp_path: Path) -> None:
    built = stage.build(tmp_path, "mqtt://127.0.0.1:1883", 10)
    sites = {name: site.load(file) for name, file in built.sites.items()}
    assert [each.rights.bank for each in sites.values()] == [True, False, False]
    assert [each.rights.zones for each in sites.values()] == [(stage.ZONE,), (), (stage.ZONE,)]
    assert (tmp_path / "hall.key").stat().st_mode & 0o777 == 0o600


def test_who_is_killed_has_not_ended_by_itself(tmp_path: Path) -> None:
    members = troupe.Troupe(tmp_path)
    member = members.start("device", [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(99)"])
    while "ready" not in member.said:
        member.listen()
        time.sleep(0.02)
    assert members.killed() == []
    os.kill(member._process.pid, signal.SIGKILL)
    member._process.wait()
    members.check()
    assert (members.killed(), members.killed()) == (["device"], [])


def test_a_process_that_dies_is_told_with_its_last_words(tmp_path: Path) -> None:
    members = troupe.Troupe(tmp_path)
    member = members.start("device", [sys.executable, "-c", "import sys; print('ready'); sys.exit('no disk')"])
    with pytest.raises(Failure, match="device ended with 1: no disk"):
        while True:
            member.listen()
            time.sleep(0.02)
    assert list(member.said) == ["ready"]
    members.stop()


def test_a_door_that_is_started_again_goes_on_where_the_hall_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALLGATE_CLOCK", "rate=4,wall=2022-06-10T00:01:00+00:00,elapsed=81000")
    made = clock.from_environment()
    elapsed_ms, wall_ms = made.elapsed_ms(), made.wall_ms()
    assert 81_000 <= elapsed_ms < 81_000 + 4 * 60_000
    began_ms = int(dt.datetime(2022, 6, 10, 0, 1, tzinfo=dt.UTC).timestamp() * 1000)
    assert -1 <= wall_ms - began_ms - (elapsed_ms - 81_000) < 4 * 60_000  # whole milliseconds
    monkeypatch.setenv("HALLGATE_CLOCK", "elapsed=soon")
    with pytest.raises(Mistake, match="rate=4"):
        clock.from_environment()


def test_the_audience_asks_for_what_a_dead_broker_took_along() -> None:
    audience = Audience()

    def hears(what: str, **said: Any) -> None:
        topic = f"hallgate/v1/{stage.HALL}/device/{stage.BANK}/{what}"
        audience.heard(Incoming(topic=topic, payload=json.dumps(said).encode()))

    for seq in (1, 2, 5, 5):
        hears("event", id=f"e-{seq}", seq=seq, kind="decision", answer="admit")
    hears("status", seq=6, first_seq=1)
    assert (audience.events, audience.gaps(), audience.missing) == (3, 2, 3)
    [asked], _ = audience.more(60_000.0, 10)
    assert json.loads(asked.payload)["ranges"] == [[3, 4], [6, 6]]
    for seq in (3, 4, 6):
        hears("event", id=f"e-{seq}", seq=seq, kind="alarm", alarm="tailgate")
    assert (audience.events, audience.gaps(), audience.missing) == (6, 0, 0)
    assert (audience.answers["admit"], audience.alarms["tailgate"]) == (3, 3)
