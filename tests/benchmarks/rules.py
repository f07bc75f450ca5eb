"""What judgement itself costs: one decision through all rules, and a whole recorded day under other rules.

A decision is measured beside the signature check of the code it is about.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from firmware import journal_entry, rules
from firmware.core import judgement, passes, trust_list
from firmware.core.events import CodeRead, TemperatureRead
from firmware.core.state import LaneSetup
from firmware.core.turn import Turn
from firmware.journal import Reader, Writer
from firmware.recovery import replayed
from firmware.simulation.issuer import Issuer
from tests.benchmarks.figures import Figure, median, number, percentile
from tests.benchmarks.floors import ES256_US, bare_es256
from tests.core.stage import Stage, rulebook
from tests.simulation.recorded import Recorded

DECISIONS = 4_000
VISITORS = 2_000
EVERY_RULE = {
    "proof": '"pcr"',
    "visitor": "temperature_max_c = 37.3",
    "dense": 30,
    "limit": 90_000,
    "more": """
[opening]
first_person = ["staff"]
[anti_passback]
classes = ["staff", "visitor"]
minutes = 5
[[hold]]
span = "18:00-18:30"
[[hold]]
span = "08:00-08:30"
[[rounds.point]]
name = "handles"
lane = "A"
every_minutes = 1440
who = ["staff"]
hold = true
""",
}


def judging(_folder: Path) -> list[Figure]:
    """A visitor with booking and PCR where every rule has something to look at; from the second code to the orders."""
    stage, verify_one = _stage(), bare_es256()
    answered, judged, bare = [], [], []
    for count in range(DECISIONS):
        stage.wait(5)
        stage.do(TemperatureRead(lane="A", object_c=36.5))
        stage.scan(stage.booking(count, slot=(-0.1, 8)))
        stage.now += 0.5
        event = CodeRead(lane="A", fact=stage.test(count))
        judged.append(_rules_alone(stage))
        moment, began = stage.moment, time.perf_counter_ns()
        outcome = stage.controller.handle(event, moment)
        answered.append((time.perf_counter_ns() - began) / 1000)
        bare.append(verify_one())
        stage.wake = outcome.wake_at_ms
        stage.cross()
    assert stage.controller.state.rights.A == DECISIONS, "everybody came in"
    floor = f"the signature check {number(_signature_us())} us; p99 {number(percentile(answered, 99))} us"
    return [
        Figure("decision through all rules, median", median(answered), "us", 100, floor=floor),
        Figure(
            "  in bare ES256 verifications",
            median(answered) / median(bare),
            "",
            100 / ES256_US,
            floor=f"one takes {number(median(bare))} us here, and took {ES256_US} where the limit was set",
        ),
        Figure("  the rules alone, median", median(judged), "us", floor=f"{len(rules.ORDER)} rules"),
    ]


def _stage() -> Stage:
    setup = LaneSetup(name="A", direction="in", passage_sensor=True, thermometer=True, range_sensor=True)
    stage = Stage(lanes=(setup,), **EVERY_RULE)
    stage.scan(stage.badge())
    return stage


def _rules_alone(stage: Stage) -> float:
    controller = stage.controller
    assert controller.rulebook is not None
    turn = Turn(controller.state, stage.moment, controller.zone, controller.rulebook)
    case = judgement.case_of(turn, stage.lane, controller.rulebook, None, False)
    began = time.perf_counter_ns()
    rules.judge(case)
    return (time.perf_counter_ns() - began) / 1000


def _signature_us() -> float:
    office = Issuer.new()
    trusted, now = trust_list.parse(office.trust_jwks()), int(time.time())
    texts = [office.booking(now - 60, now + 3_600) for _ in range(200)]
    took = []
    for text in texts:
        began = time.perf_counter_ns()
        passes.verify(text.encode(), trusted, None, "2022-06-01")
        took.append((time.perf_counter_ns() - began) / 1000)
    return median(took)


# ------------------------------------------------------------ rehearsal


def rehearsal(folder: Path) -> list[Figure]:
    """The verb, as a person calls it, on a journal of 2,000 visitors with booking and PCR who come and go."""
    folder.mkdir(parents=True)
    count = _day_on_disk(folder / "state")
    (folder / "next.toml").write_bytes(rulebook(serial=8, limit=40, proof='"pcr"', visitor="pcr_validity_hours = 48"))
    words = ["rehearse", "--rulebook", str(folder / "next.toml"), "--state", str(folder / "state"), "--json"]
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "firmware", *words], check=True, capture_output=True)
    took = time.monotonic() - began
    began = time.monotonic()
    for _ in replayed(Reader(folder / "state")):
        pass
    floor = f"{count} events; bare replay {time.monotonic() - began:.2f} s"
    return [Figure(f"rehearse a day of {VISITORS:,} visitors", took, "s", 5.0, floor=floor)]


def _day_on_disk(folder: Path) -> int:
    day, lots = Recorded(limit=60, proof='"pcr"'), random.Random(1)
    leaving: list[float] = []
    for count in range(VISITORS):
        day.wait(10.5)
        while leaving and leaving[0] < day.now:
            leaving.pop(0)
            day.cross("out", "X")
        day.scan(day.booking(count, slot=(-1, 1)))
        day.wait(0.7)
        if day.scan(day.test(count, hours_old=lots.choice([10, 30, 50, 71, 74]))) == "admit":
            day.wait(0.6)
            day.cross()
            leaving.append(day.now + lots.uniform(300, 900))
            leaving.sort()
    _write(folder, day)
    return len(day.entries)


def _write(folder: Path, day: Recorded) -> None:
    journal, seq = Writer(folder, "door", lambda: day.controller.snapshot(), board=""), 1
    for place, entry in enumerate(day.entries):
        journal.append(journal_entry.encode(entry), seq, len(entry.r))
        seq += len(entry.r)
        if place % 50 == 0:
            journal.sync()
    journal.sync()
    journal.close()
