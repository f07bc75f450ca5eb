"""Several real devices and a real Mosquitto, all killed at random: the hall's limit holds and no right is lost.

    python -m tests.device.chaos --limit 1000 --kills 100 --gates 4

Bodies are counted by the relays' pulses, as a stranger at the doors would. Everybody goes on until nobody gets in any
more; then the rows must add up to the limit exactly, and cover every pulse that was seen.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from firmware.core.occupancy import Row
from firmware.seal import unsealed
from tests.brokers import Broker, wait_until
from tests.device.bench import ON, Bench
from tests.mqtt.helpers import Ear

HALL_KEY = bytes(range(32))
ROWS = "hallgate/v1/baoshan/rights/hall/row/#"
ASK_S = 0.25
QUIET_S = 12.0
"""So long after the last kill nobody may have got in before the run counts as over: two heartbeats."""


@dataclass(frozen=True)
class Result:
    admissions: int
    kills: int
    broker_kills: int
    over: int
    unaccounted: int
    """Rights that the rows do not add up to; below 0: rights from nowhere."""
    used_by_crashes: int
    """Places whose pulse nobody saw because the device was killed before it: at most one a kill."""


class Gate(Bench):
    """One entry of the hall, worked by a thread of its own; number 0 is the bank."""

    def __init__(self, folder: Path, number: int, hub: str, limit: int) -> None:
        super().__init__(folder, hub=hub, pulse=50, grant=1, limit=limit)
        text = self.site.read_text().replace('"entry-1"', f'"entry-{number}"', 1)
        self.site.write_text(text if number == 0 else text.replace("bank = true", "bank = false"))
        self.pulses, self.last_s = 0, time.monotonic()

    def look(self, wait_s: float) -> int:
        """Count the pulses that came; half a frame stays for the next look."""
        heard = self.relay.read(wait_s)
        found = heard.count(ON)
        if found:
            self.relay.heard = heard[heard.rindex(ON) + len(ON) :]
            self.pulses, self.last_s = self.pulses + found, time.monotonic()
        return found


class Chaos:
    def __init__(self, folder: Path, *, limit: int, kills: int, gates: int, seed: int) -> None:
        self.limit, self.kills_wanted, self.kills, self.broker_kills = limit, kills, 0, 0
        self.draw, self.lock, self.over = random.Random(seed), threading.Lock(), threading.Event()
        self.broker = Broker(folder, keeps=True).start()
        self.gates = [Gate(folder / f"gate-{n}", n, self.broker.url, limit) for n in range(gates)]
        self.troubles: list[BaseException] = []

    def run(self) -> Result:
        """Until all kills are done and nobody gets in any more."""
        threads = [threading.Thread(target=self._guarded, args=(gate,)) for gate in self.gates]
        try:
            for thread in threads:
                thread.start()
            while not self._finished():
                time.sleep(self.draw.uniform(0.5, 3))
                if self.kills < self.kills_wanted and self.draw.random() < 0.3:
                    self._kill_broker()
            return self._settled()
        finally:
            self.over.set()
            for thread in threads:
                thread.join()
            for gate in self.gates:
                gate.close()
            self.broker.stop()

    def _finished(self) -> bool:
        if self.troubles:
            raise self.troubles[0]
        last = max(gate.last_s for gate in self.gates)
        return self.kills >= self.kills_wanted and time.monotonic() - last > QUIET_S

    def _kill_broker(self) -> None:
        self.broker.kill()
        self.broker_kills += 1
        time.sleep(self.draw.uniform(0, 2))
        self.broker.start()

    # ------------------------------------------------------------ one gate

    def _guarded(self, gate: Gate) -> None:
        try:
            self._work(gate)
        except BaseException as trouble:
            self.troubles.append(trouble)

    def _work(self, gate: Gate) -> None:
        gate.start()
        while not self.over.is_set():
            gate.scan(gate.booking())
            if self._may_kill():
                time.sleep(self.draw.uniform(0, 0.05))
                gate.kill()
                gate.look(0.0)
                gate.start()
            elif not gate.look(ASK_S):
                time.sleep(ASK_S)

    def _may_kill(self) -> bool:
        with self.lock:
            chosen = self.kills < self.kills_wanted and self.draw.random() < 0.3
            self.kills += chosen
            return chosen

    # ------------------------------------------------------------ the reckoning

    def _settled(self) -> Result:
        ear = Ear(self.broker.url, ROWS)
        try:
            wait_until(lambda: len(self._rows(ear)) == len(self.gates), 60)
            wait_until(lambda: self._unaccounted(ear) == 0 or self.over.wait(20), 60)
            rows = self._rows(ear)
            pulses, inside = (
                sum(gate.pulses for gate in self.gates),
                sum(row.A - row.C + row.G - row.X for row in rows.values()),
            )
            return Result(
                pulses,
                self.kills,
                self.broker_kills,
                max(0, pulses - self.limit),
                self._unaccounted(ear),
                inside - pulses,
            )
        finally:
            ear.close()

    def _rows(self, ear: Ear) -> dict[str, Row]:
        rows = (msgspec.json.decode(unsealed(HALL_KEY, each.payload), type=Row) for each in list(ear.heard_all))
        return {row.inc: row for row in rows}

    def _unaccounted(self, ear: Ear) -> int:
        rows = self._rows(ear)
        flying = sum(n - rows[to].V.get(row.inc, 0) for row in rows.values() for to, n in row.T.items() if to in rows)
        held = sum(row.free + row.A - row.C + row.G - row.X for row in rows.values())
        return self.limit - held - flying


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.device.chaos")
    for name, number in (("limit", 1000), ("kills", 100), ("gates", 4), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=number)
    wanted = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        result = Chaos(Path(folder), **vars(wanted)).run()
    print(result)
    return int(result.over != 0 or result.unaccounted != 0 or not 0 <= result.used_by_crashes <= result.kills)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
