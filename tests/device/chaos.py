"""A whole hall of real devices and a real Mosquitto, all killed at random: its limit holds and no right is lost.

    ./hallgate test --chaos                               500 kills and 5,000 admissions
    python -m tests.device.chaos --limit 60 --kills 100 --admissions 800

Entries and exit-only devices with the side link between them. People walk in through a relay that was seen to open, and
out through beams on the exit's pins, while their devices are killed: before the code is judged, before the relay, in
the middle of the beams. Bodies are counted as a stranger at the doors would. The hall stands at its limit all the time,
so that every entry needs a right that was born at an exit and travelled.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from firmware.core.occupancy import Row
from firmware.journal import Reader
from firmware.peers.seal import unsealed
from mqtt.messages import Incoming
from tests.brokers import Broker, free_port, wait_until
from tests.device.bench import ON, Bench, Process
from tests.device.far_pins import INSIDE, OUT, OUTSIDE, FarPins
from tests.device.nursery import Nursery
from tests.mqtt.helpers import Ear
from tests.side.hall import side_link

HALL_KEY = bytes(range(32))
ROWS = "hallgate/v1/baoshan/rights/hall/row/#"
ASK_S = 1.0
"""So long somebody stands at the scanner before the next one tries. A place that comes meanwhile opens at once."""
QUIET_S = 12.0
"""So long after the last exit nobody may have got in before the run counts as over: two heartbeats."""
SEEN_S = 1.0
KILL_ONE_IN = 8
STEP_S = 0.02
BEAMS = f"""
[lane.counter]
driver = "counter_beam_pair"
pins = {{ outside = {OUTSIDE}, inside = {INSIDE} }}
spacing_mm = 62
body_mm = 150
speed_max_mm_s = 10000
debounce_ms = 1
transit_ms_min = 10
crowd_ms = 0
"""
"""Quick people, 80 ms a body: with these settings no jitter of a busy machine makes one look like a hand or like two."""


@dataclass(frozen=True)
class Result:
    admissions: int
    exits: int
    kills: int
    broker_kills: int
    peak: int
    over: int
    unaccounted: int
    """Rights that the rows do not add up to; below 0: rights from nowhere."""
    exits_off: int
    """People who left and were not counted, less exits that nobody walked."""
    overlooked: int
    """Bodies whose beams a starved process did not see; they tried again."""
    used_by_crashes: int
    """Places whose pulse nobody saw because the device was killed before it: at most one a kill."""
    left_free: int
    """Rights that nobody got although people asked to the end."""
    seconds: int

    def faults(self) -> list[str]:
        wrong = {
            "people over the limit": self.over != 0,
            "rights lost or made": self.unaccounted != 0,
            "exits lost or made": self.exits_off != 0,
            "more places used than crashes explain": not 0 <= self.used_by_crashes <= self.kills,
        }
        return [what for what, is_so in wrong.items() if is_so]


class Rows(Ear):
    """The newest row of every device, as everybody on the broker hears it."""

    def __init__(self, url: str) -> None:
        self.newest: dict[str, Row] = {}
        super().__init__(url, ROWS, client_id="rows")

    def heard(self, message: Incoming) -> None:
        row = msgspec.json.decode(unsealed(HALL_KEY, message.payload), type=Row)
        known = self.newest.get(row.dev)
        if known is None or row.seq >= known.seq:
            self.newest[row.dev] = row

    def unaccounted(self, limit: int) -> int:
        return limit - sum(row.free for row in self.newest.values()) - self.flying() - self.inside()

    def flying(self) -> int:
        """Rights that one has given and the other has not seen yet."""
        rows = {row.inc: row for row in self.newest.values()}
        return sum(n - rows[to].V.get(row.inc, 0) for row in rows.values() for to, n in row.T.items() if to in rows)

    def inside(self) -> int:
        return sum(row.A - row.C + row.G - row.X for row in self.newest.values())


class Street:
    """How many bodies are inside, counted from the street: in by a pulse, out by the last beam."""

    def __init__(self, limit: int) -> None:
        self.limit, self.entered, self.left, self.peak = limit, 0, 0, 0
        self.last_s = time.monotonic()
        self._lock = threading.Lock()

    @property
    def inside(self) -> int:
        return self.entered - self.left

    def enter(self, bodies: int) -> None:
        with self._lock:
            self.entered += bodies
            self.peak, self.last_s = max(self.peak, self.inside), time.monotonic()

    def leave(self, bodies: int = 1) -> None:
        """Before the last beam is clear: the right is born a moment later. -1: this body has to come back."""
        with self._lock:
            self.left += bodies


class Door(Bench):
    """A device of the hall, started by the nursery of all of them where there is one."""

    nursery: Nursery | None = None

    def spawned(self, words: list[str], said: Path) -> Process:
        if self.nursery is None:
            return super().spawned(words, said)
        return self.nursery.start(words, self.environment, said)


class Entry(Door):
    """People with fresh bookings, one after the other, at a gate whose relay says who got in."""

    def scan_and_look(self, street: Street, wait_s: float) -> bool:
        self.scan(self.booking())
        end = time.monotonic() + wait_s
        while (left_s := end - time.monotonic()) > 0:
            if self.look(street, left_s):
                return True
        return False

    def look(self, street: Street, wait_s: float = 0.0) -> int:
        """Let in who was told to come; half a frame stays for the next look."""
        heard = self.relay.read(wait_s)
        found = heard.count(ON)
        if found:
            self.relay.heard = heard[heard.rindex(ON) + len(ON) :]
            street.enter(found)
        return found


class Exit(Door):
    """An exit-only device: everything it gains is needed elsewhere."""

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(folder, direction="out", lane=BEAMS, **options)
        self.environment["HALLGATE_PINS"] = f"unix:{folder}/pins"
        self.walked = 0
        self._read, self._counted = 0, 0

    def start(self) -> Exit:
        super().start()
        self.pins = FarPins(self.folder / "pins")
        for pin in (INSIDE, OUTSIDE):
            self.pins.set(pin, 0)
        return self

    def kill(self) -> None:
        super().kill()
        self.pins.socket.close()

    def counted(self) -> int:
        """How many people its journal knows to have left."""
        for record in self._reader.payloads_from_seq(self._read + 1):
            passages = [one for one in json.loads(record.payload)["r"] if one["kind"] == "passage"]
            self._counted += sum(not one["assumed"] for one in passages)
            self._read = record.first_seq + record.count - 1
        return self._counted

    @functools.cached_property
    def _reader(self) -> Reader:
        return Reader(self.state)


class Chaos:
    """`run` goes on until so many kills and admissions are reached; the same seed draws the same plan."""

    def __init__(
        self, folder: Path, *, limit: int, kills: int, admissions: int, entries: int = 4, exits: int = 3, seed: int = 1
    ) -> None:
        self.limit, self.wanted, self.kills_wanted = limit, admissions, kills
        self.kills = self.broker_kills = self.overlooked = 0
        self.draw, self.lock = random.Random(seed), threading.Lock()
        self.doors_shut, self.over = threading.Event(), threading.Event()
        self.street = Street(limit)
        self.broker = Broker(folder, keeps=True).start()
        self.rows = Rows(self.broker.url)
        self.nursery = Nursery()
        addresses = [f"127.0.0.1:{free_port()}" for _ in range(entries + exits)]
        self.entries: list[Entry] = []
        self.exits: list[Exit] = []
        for number, own in enumerate(addresses):
            options: dict[str, Any] = {
                "name": f"door-{number}",
                "hub": self.broker.url,
                "bank": number == 0,
                "issuer": self.entries[0].issuer if self.entries else None,
                "site": side_link(own, addresses),
                "pulse": 50,
                "grant": 1,
                "limit": limit,
            }
            if number < entries:
                self.entries.append(Entry(folder / f"door-{number}", **options))
            else:
                self.exits.append(Exit(folder / f"door-{number}", **options))
        for door in (*self.entries, *self.exits):
            door.nursery = self.nursery
        self.troubles: list[BaseException] = []

    def run(self) -> Result:
        began = time.monotonic()
        works: list[tuple[Callable[[Any], None], Bench]] = [(self._let_in, door) for door in self.entries]
        works += [(self._let_out, door) for door in self.exits]
        threads = [threading.Thread(target=self._guarded, args=work) for work in works]
        try:
            for thread in threads:
                thread.start()
            while not self._enough():
                time.sleep(self.draw.uniform(4, 12))
                if self.kills < self.kills_wanted:
                    self._kill_broker()
            self.doors_shut.set()
            wait_until(lambda: self._checked() or time.monotonic() - self.street.last_s > QUIET_S, 120)
            return self._settled(began)
        finally:
            self.over.set()
            for thread in threads:
                thread.join()
            for door in (*self.entries, *self.exits):
                door.close()
            self.rows.close()
            self.broker.stop()
            self.nursery.close()

    def _enough(self) -> bool:
        self._checked()
        return self.kills + self.broker_kills >= self.kills_wanted and self.street.entered >= self.wanted

    def _checked(self) -> bool:
        if self.troubles:
            raise self.troubles[0]
        return False

    def _kill_broker(self) -> None:
        self.broker.kill()
        self.broker_kills += 1
        time.sleep(self.draw.uniform(0, 2))
        self.broker.start()

    # ------------------------------------------------------------ one door, in a thread of its own

    def _guarded(self, work: Callable[[Bench], None], door: Bench) -> None:
        try:
            door.start()
            while not self.over.is_set():
                work(door)
        except BaseException as trouble:
            self.troubles.append(trouble)

    def _let_in(self, door: Entry) -> None:
        if not self._kills_now():
            if door.scan_and_look(self.street, ASK_S):
                time.sleep(0.05)
            return
        door.scan(door.booking())
        time.sleep(self.draw.uniform(0, 0.02))
        door.kill()
        door.look(self.street)
        door.start()

    def _let_out(self, door: Exit) -> None:
        if self.doors_shut.is_set() or self.street.inside < self.limit // 2:
            time.sleep(0.05)
            return
        cut = self.draw.randrange(len(OUT) + 1) if self._kills_now() else None
        for number, (pin, level) in enumerate(OUT[:cut], 1):
            if number == len(OUT):
                self.street.leave()
            door.pins.set(pin, level, STEP_S)
        if cut is None:
            self._see_it_counted(door)
        else:
            self._kill_in_the_beams(door, began_to_leave=cut == len(OUT))

    def _see_it_counted(self, door: Exit) -> None:
        """On its disk. A body that a starved process overlooked goes back and tries again."""
        end = time.monotonic() + SEEN_S
        while (counted := door.counted()) == door.walked and time.monotonic() < end:
            time.sleep(0.01)
        assert 0 <= counted - door.walked <= 1, f"{door.folder.name}: {counted} exits, {door.walked} people"
        if counted == door.walked:
            self.street.leave(-1)
            self.overlooked += 1
        door.walked = counted

    def _kill_in_the_beams(self, door: Exit, *, began_to_leave: bool) -> None:
        """Whether this body counts as gone is what its device has on disk: it is, or it is still inside."""
        time.sleep(self.draw.uniform(0, 0.02))
        door.kill()
        said, counted = self._said(door), door.counted()
        gone = counted - door.walked
        assert said <= counted, f"{door.folder.name}: its row says {said} exits, its disk {counted}"
        assert 0 <= gone <= began_to_leave, f"{door.folder.name}: {gone} exits more than people"
        door.walked = counted
        self.street.leave(gone - began_to_leave)
        door.start()

    def _said(self, door: Exit) -> int:
        row = self.rows.newest.get(door.folder.name)
        return row.X if row is not None else 0

    def _kills_now(self) -> bool:
        """Spread over the run: as far with the kills as with the admissions, or a little ahead."""
        with self.lock:
            due = self.kills_wanted * min(1.0, (self.street.entered + self.limit) / self.wanted)
            chosen = self.kills + self.broker_kills < due and self.draw.random() < 1 / KILL_ONE_IN
            self.kills += chosen
            return chosen

    # ------------------------------------------------------------ the reckoning

    def _settled(self, began: float) -> Result:
        with contextlib.suppress(AssertionError):  # then the figures say what is wrong
            wait_until(lambda: self.rows.unaccounted(self.limit) == 0, 30)
        walked = sum(door.walked for door in self.exits)
        return Result(
            admissions=self.street.entered,
            exits=walked,
            kills=self.kills + self.broker_kills,
            broker_kills=self.broker_kills,
            peak=self.street.peak,
            over=max(0, self.street.peak - self.limit),
            unaccounted=self.rows.unaccounted(self.limit),
            exits_off=walked - sum(row.X for row in self.rows.newest.values()),
            overlooked=self.overlooked,
            used_by_crashes=self.rows.inside() - self.street.inside,
            left_free=sum(row.free for row in self.rows.newest.values()),
            seconds=round(time.monotonic() - began),
        )


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.device.chaos")
    for name, number in (("limit", 60), ("kills", 100), ("admissions", 800), ("entries", 4), ("exits", 3), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=number)
    with tempfile.TemporaryDirectory() as folder:
        result = Chaos(Path(folder), **vars(parser.parse_args(words))).run()
    print(" ".join(f"{name}={value}" for name, value in asdict(result).items()))
    for fault in result.faults():
        print(f"FAULT: {fault}")
    return int(bool(result.faults()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
