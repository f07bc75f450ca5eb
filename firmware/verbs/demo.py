"""The whole hall with nothing plugged in: real firmware, real ports, a real broker, people walking, the live page.

An entry, an exit and a lift to a zone run as processes of their own against simulated devices on ptys and pins. The last
line on stdout is a JSON summary; everything else goes to stderr. Ctrl-C ends it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from firmware import site
from firmware.clock import Clock
from firmware.errors import Failure, Mistake
from firmware.language import spoken
from firmware.simulation import stage, troupe
from firmware.simulation.audience import Audience
from firmware.simulation.crowd import Crowd
from firmware.simulation.hall import Hall
from firmware.simulation.rig import Rig
from mqtt.address import Address
from mqtt.connection import Connection

EXAMPLE = "hallgate demo --seed 7 --speed 4 --headless --for 60"
SPEED_MAX = 20.0
START_S_MAX = 60.0
STARTS_AGAIN_MAX = 50
NEWS_S = 5.0
LAST_EVENTS_S = 1.5
HISTORY_S = 15.0
"""Longer than a device waits between two statuses (10 s of its own time)."""
BROKER, PAGE = "broker", "page"
ARRIVAL_MS, DWELL_MS = 6_000.0, 90_000.0
"""Means. Together with the limit they fill the hall within a few minutes of its own time."""
REFUSALS = ("refuse", "staff", "isolate")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, help="the same seed brings the same people (default: drawn, and told)")
    parser.add_argument(
        "--speed", type=float, default=4.0, help="how much faster than real time, 0.5 to 20 (default 4)"
    )
    parser.add_argument("--limit", type=int, default=10, help="people inside at once (default 10)")
    parser.add_argument("--headless", action="store_true", help="open no browser")
    parser.add_argument("--for", type=float, dest="seconds", metavar="SECONDS", help="end after so many real seconds")


def run(arguments: argparse.Namespace) -> int:
    if not 0.5 <= arguments.speed <= SPEED_MAX:
        raise Mistake(f"give a number from 0.5 to {SPEED_MAX:g}", key="--speed")
    if not 1 <= arguments.limit <= 10_000:
        raise Mistake("give a number from 1 to 10000", key="--limit")
    if arguments.seconds is not None and not arguments.seconds > 0:
        raise Mistake("give a number above 0", key="--for")
    seed = random.SystemRandom().randrange(1_000_000) if arguments.seed is None else arguments.seed
    with _folder() as folder, _stop_signals() as stopped:
        demo = Demo(folder, seed, arguments.speed, arguments.limit, stopped)
        try:
            demo.start(browser=not arguments.headless)
            demo.play(arguments.seconds)
            demo.end()
        finally:
            demo.close()
    print(json.dumps(demo.summary()), flush=True)
    return 0


class Demo:
    """One hall from its keys to its last event. Times of people are those of `clock`, which runs at the demo's speed."""

    def __init__(self, folder: Path, seed: int, speed: float, limit: int, stopped: threading.Event) -> None:
        self.seed, self.stopped = seed, stopped
        self.clock = Clock(speed, Clock().wall_ms())
        self.real = Clock()
        self.port = troupe.free_port()
        self.broker = f"mqtt://127.0.0.1:{self.port}"
        self.stage = stage.build(folder, self.broker, limit)
        self.troupe = troupe.Troupe(folder)
        self.members: dict[str, troupe.Member] = {}
        self.page = ""
        self.started_again = 0
        self.rig = Rig(self.clock)
        self.audience = Audience()
        self.connection = Connection(Address.parse(self.broker), self.audience.plan(), self.audience, self.real)
        crowd = Crowd(seed, self.stage.office, interval_ms=ARRIVAL_MS, dwell_ms=DWELL_MS, test_hours=stage.TEST_HOURS)
        self.sites = {name: site.load(file) for name, file in self.stage.sites.items()}
        for name, each in self.sites.items():
            self.rig.connect(name, each.lanes, folder)
        visitors = crowd.visitors(self.clock.wall_ms() // 1000)
        self.hall = Hall(self.rig, visitors, entries=["A"], exits=["B"], limit=limit, lift=("L", stage.ZONE_LIMIT))
        self.began_ms = self.real.elapsed_ms()

    # ------------------------------------------------------------ acts

    def start(self, *, browser: bool) -> None:
        """Broker, audience, page, devices; then the doors open."""
        self._start(BROKER)
        self._until(lambda: troupe.listens(self.port), "the broker")
        self.connection.start()
        self._until(lambda: self.connection.connected, "the audience")
        self._start(PAGE)
        self._until(lambda: self._page_said(), "the live page")
        self.page = self._page_said()
        for name in self.sites:
            self._start(name)
        self._until(self._ready, "the devices")
        _tell(f"seed {self.seed}, {self.clock.rate:g} times as fast as real; live page: {self.page}")
        if browser:
            threading.Thread(target=webbrowser.open, args=(self.page,), daemon=True).start()
        self.began_ms = self.real.elapsed_ms()
        self.hall.start()

    def play(self, seconds: float | None) -> None:
        """Let people come until the time is over or somebody stops us."""
        end_ms = None if seconds is None else self.began_ms + seconds * 1000
        news_ms = self.began_ms + NEWS_S * 1000
        while not self.stopped.is_set() and (end_ms is None or self.real.elapsed_ms() < end_ms):
            self.rig.turn()
            self._start_again()
            self.troupe.check()
            if self.real.elapsed_ms() >= news_ms:
                news_ms += NEWS_S * 1000
                _tell(self._news())

    def end(self) -> None:
        """What a dead broker swallowed is asked for; then the devices stop in order, and their last events are waited for."""
        self.seconds = (self.real.elapsed_ms() - self.began_ms) / 1000
        self._until(self._ready, "the devices")
        self._wait(HISTORY_S, self._all_told(dict(self.audience.statuses) if self.started_again else {}))
        self.troupe.stop(lambda member: member.name in self.sites)
        seen = -1

        def quiet() -> bool:
            nonlocal seen
            before, seen = seen, self.audience.events
            return before == seen

        self._wait(LAST_EVENTS_S, quiet)

    def _all_told(self, before: dict[str, int]) -> Callable[[], bool]:
        """Whether nothing is missing that the devices have, each of which told of it since `before`."""
        seen = self.audience

        def all_told() -> bool:
            told = all(seen.statuses[name] > before.get(name, -1) for name in self.sites)
            return told and self.connection.connected and not seen.missing

        return all_told

    def close(self) -> None:
        """Everything we started ends, whatever happened."""
        self.connection.stop(1.0)
        self.troupe.stop()
        self.rig.close()

    def summary(self) -> dict[str, Any]:
        tally, seen = self.hall.tally, self.audience
        lift = self.hall.lift.tally if self.hall.lift else None
        return {
            "admitted": seen.answers["admit"],
            "refused": sum(seen.answers[answer] for answer in REFUSALS),
            "waited": seen.answers["wait"],
            "passages": tally.passages,
            "passages_reported": seen.kinds["passage"],
            "over_limit": tally.over_limit,
            "inside": tally.inside,
            "inside_peak": tally.inside_peak,
            "limit": tally.limit,
            **(
                {"rides": lift.rides, "zone_peak": lift.inside_peak, "zone_over_limit": lift.over_limit} if lift else {}
            ),
            "tailgaters": tally.tailgated,
            "wrong_way": tally.wrong_way,
            "turned_back": tally.turned_back,
            "events": seen.events,
            "gaps": seen.gaps(),
            "alarms": dict(seen.alarms),
            "started_again": self.started_again,
            "seconds": round(self.seconds, 1),
            "seed": self.seed,
            "speed": self.clock.rate,
        }

    seconds = 0.0

    # ------------------------------------------------------------ parts

    def _start_again(self) -> None:
        """A door, the broker or the page that is killed comes back, as systemd has it: nothing on record is lost by it."""
        for name in self.troupe.killed():
            self.started_again += 1
            if self.started_again > STARTS_AGAIN_MAX:
                raise Failure(f"{name} was killed")
            _tell(f"{name} was killed, and is started again")
            self._start(name)

    def _ready(self) -> bool:
        return all("ready" in self.members[name].said for name in self.sites)

    def _start(self, name: str) -> None:
        start = {BROKER: self._start_broker, PAGE: self._start_page}.get(name) or partial(self._start_device, name)
        self.members[name] = start()

    def _start_broker(self) -> troupe.Member:
        return self.troupe.start(BROKER, troupe.mosquitto(self.troupe.folder, self.port))

    def _start_page(self) -> troupe.Member:
        """In a process of its own; its address is the first thing it says, and stays when it has to begin again."""
        where = self.page.removeprefix("http://").rstrip("/") or "127.0.0.1:0"
        return self.troupe.verb(PAGE, "hub", "--broker", self.broker, "--page", where, "--hall", stage.HALL)

    def _page_said(self) -> str:
        line = next((line for line in self.members[PAGE].said if "http://" in line), "")
        return "http://" + line.split("http://", 1)[1].split()[0].rstrip(".,;") if line else ""

    def _start_device(self, name: str) -> troupe.Member:
        wall = dt.datetime.fromtimestamp(self.clock.wall_ms() / 1000, dt.UTC).isoformat()
        ticks = f"rate={self.clock.rate},wall={wall},elapsed={self.clock.elapsed_ms():.0f}"
        extra = {**self.rig.environment(name), "HALLGATE_CLOCK": ticks}
        words = ("run", "--site", str(self.stage.sites[name]), "--state", str(self.stage.state(name)))
        return self.troupe.verb(name, *words, extra=extra)

    def _wait(self, seconds: float, until: Callable[[], object]) -> None:
        """At most so long, and nobody walks any more."""
        give_up_ms = self.real.elapsed_ms() + seconds * 1000
        while not until() and self.real.elapsed_ms() < give_up_ms:
            threading.Event().wait(0.1)

    def _until(self, true: Callable[[], object], what: str) -> None:
        give_up_ms = self.real.elapsed_ms() + START_S_MAX * 1000
        while not true():
            self._start_again()
            self.troupe.check()
            self.rig.turn()
            if self.stopped.is_set():
                raise KeyboardInterrupt
            if self.real.elapsed_ms() > give_up_ms:
                raise Failure(f"{what} did not start within {START_S_MAX:g} s; logs: {self.troupe.folder}")

    def _news(self) -> str:
        tally, seen = self.hall.tally, self.audience
        return spoken(
            f"inside {tally.inside}/{tally.limit}, queue {len(self.hall.entries[0].people)}, admitted "
            f"{seen.answers['admit']}, waited {seen.answers['wait']}, refused "
            f"{sum(seen.answers[answer] for answer in REFUSALS)}, events {seen.events}"
        )


def _tell(line: str) -> None:
    print(f"demo: {spoken(line)}", file=sys.stderr, flush=True)


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that goes with the demo; it stays, and is named, when something went wrong."""
    folder = Path(tempfile.mkdtemp(prefix="hallgate-demo-", dir=_short_tmp()))
    try:
        yield folder
    except Failure:
        _tell(f"the logs are in {folder}")
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


def _short_tmp() -> str | None:
    """A unix socket's path has room for 107 bytes."""
    return "/tmp" if len(os.fsencode(tempfile.gettempdir())) > 60 else None


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """Ctrl-C and SIGTERM end the demo in order, instead of wherever it is."""
    stopped = threading.Event()
    before = {number: signal.signal(number, lambda *_: stopped.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
