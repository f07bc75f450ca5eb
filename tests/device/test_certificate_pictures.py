"""Every picture of the corpus in front of a camera of a real device.

It is admitted where the certificate is a genuine negative NAAT result of the last 72 hours at its own validation clock,
and answered otherwise, without exception.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware import site as sites
from firmware.clock import Clock
from firmware.core.records import Decision
from firmware.errors import Mistake
from firmware.simulation.issuer import Issuer
from firmware.simulation.pictures import load_luma
from firmware.wiring import Device
from tests.device.bench import RULEBOOK, Far
from tests.passes.corpus import FOLDER, Case, cases, needs_corpus

EARLIER_MS = 30_000
"""One certificate ends in the very second it is judged at, and a camera takes its time."""


def clock_of(case: Case) -> dt.datetime:
    """Its validation clock; some are written without an offset and mean UTC."""
    at = dt.datetime.fromisoformat(case.at)
    return at if at.tzinfo else at.replace(tzinfo=dt.UTC)


def expected(case: Case, row: dict[str, str]) -> str:
    if case.id == "common__Q1":
        return "nothing"
    genuine = case.verdict == "accept"
    if not genuine or row["kind"] != "t":
        return "no"
    if row["test_result"] == "detected":
        return "isolate"
    sampled = dt.datetime.fromisoformat(row["sample_time"].replace(" ", "T"))
    age = (clock_of(case) - sampled).total_seconds() / 3600
    return "admit" if row["test_type"] == "NAAT" and -300 / 3600 <= age <= 72 else "no"


class Booth:
    """A door with a camera, at one moment of 2021, believing one certificate."""

    def __init__(self, folder: Path, case: Case) -> None:
        from firmware.ports.camera import FarCamera

        issuer = Issuer.new("baoshan")
        walk_in = 'booking = "none"\nproof = ["pcr"]'
        text = RULEBOOK.format(serial=1, limit=9, proof="", grant=1, pulse=50, more="")
        text = text.replace("walk_in = false", "walk_in = true").replace('booking = "required"\nproof = []', walk_in)
        (folder / "rulebook.toml").write_text(text)
        (folder / "rulebook.toml.sig").write_bytes(issuer.sign_rulebook(text.encode()))
        keys = json.loads(issuer.trust_jwks())["keys"] + case.jwks()["keys"]  # type: ignore[operator]
        (folder / "trust.jwks").write_text(json.dumps({"keys": keys}))
        self.relay = Far(folder / "relay")
        self.camera = FarCamera(str(folder / "camera"))
        (folder / "site.toml").write_text(f"""v = 1
[device]
name = "booth"
hall = "baoshan"
[rights]
bank = true
[rulebook]
file = "rulebook.toml"
[trust]
keys = "trust.jwks"
[[lane]]
name = "A"
direction = "in"
for = ["visitor"]
[lane.scanner]
driver = "scanner_camera"
port = "unix:{folder}/camera"
[lane.gate]
driver = "gate_relay_lcus"
port = "{self.relay.link}"
channel = 1
""")
        clock = Clock(1.0, clock_of(case).timestamp() * 1000 - EARLIER_MS)
        self.decisions: list[Decision] = []
        self.device = Device(sites.load(folder / "site.toml"), folder / "state", clock)
        self.device.loop.after.append(
            lambda records: self.decisions.extend(record for record in records if isinstance(record, Decision))
        )

    def answer(self, picture: Path, wait_s: float) -> str:
        frame = load_luma(picture)
        self.camera.show(frame)
        end = time.monotonic() + wait_s
        while not self.decisions and time.monotonic() < end:
            self.device.loop.turn(wait=False)
            time.sleep(0.01)
        return self.decisions[-1].answer if self.decisions else "nothing"

    def close(self) -> None:
        self.device.close()
        self.camera.close()
        self.relay.unplug()


@pytest.fixture
def booth_of(tmp_path: Path) -> Iterator[Any]:
    made: list[Booth] = []

    def make(case: Case) -> Booth:
        made.append(Booth(tmp_path, case))
        return made[-1]

    yield make
    for booth in made:
        booth.close()


def rows() -> dict[str, dict[str, str]]:
    with (FOLDER / "index.csv").open(encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


@needs_corpus
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
def test_the_picture_leads_to_the_right_answer(case: Case, booth_of: Any) -> None:
    wanted = expected(case, rows()[case.id])
    if wanted == "nothing":
        with pytest.raises(Mistake, match="no readable picture"):
            load_luma(case.picture)
        return
    answer = booth_of(case).answer(case.picture, 20.0)
    assert (answer if answer in ("admit", "isolate", "nothing") else "no") == wanted
