"""The same journal gives the same answers on another machine: other time zone, locale and hash seed."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from firmware import journal_entry
from firmware.journal import Writer
from firmware.simulation.stories import player
from tests.simulation.recorded import Recorded
from tests.stories import PLAN, ROOT, stories

ELSEWHERE = [
    {"TZ": "Asia/Shanghai", "LC_ALL": "zh_CN.UTF-8", "PYTHONHASHSEED": "0"},
    {"TZ": "America/St_Johns", "LC_ALL": "C", "PYTHONHASHSEED": "1"},
    {"TZ": "Pacific/Kiritimati", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "4294967295"},
    {"TZ": "XYZ+3:17", "LANG": "de_DE.UTF-8", "PYTHONHASHSEED": "77", "PYTHONUTF8": "1"},
]
ALL_RECORDS = """
import hashlib, msgspec, pickle, sys
from firmware.core.controller import Controller
from firmware.core.occupancy import Rights
from firmware.core.state import HallState
from firmware.trust import rulebook_file
digest, encode = hashlib.sha256(), msgspec.json.Encoder().encode
for journal in pickle.load(open(sys.argv[1], "rb")):
    device = Controller(HallState(rights=Rights(inc="story")), rulebook_file.zone)
    for event, moment in journal:
        outcome = device.handle(event, moment)
        digest.update(encode([outcome.actions, outcome.records, outcome.wake_at_ms]))
    digest.update(device.snapshot())
print(digest.hexdigest())
"""


def elsewhere(environment: dict[str, str], *words: str) -> str:
    """What Python says there; nothing of this machine's own settings goes along."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    done = subprocess.run(
        [sys.executable, *words], env={**kept, **environment, "PYTHONPATH": str(ROOT)}, cwd=ROOT, capture_output=True,
        text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def test_every_story_gives_the_same_orders_and_records_everywhere(tmp_path: Path) -> None:
    journals = tmp_path / "journals"
    journals.write_bytes(pickle.dumps([player.play(story, PLAN).journal for story in stories()]))
    assert len({elsewhere(environment, "-c", ALL_RECORDS, str(journals)) for environment in ELSEWHERE}) == 1


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day on disk, by a device that has a journal of its own."""
    folder = tmp_path_factory.mktemp("anywhere") / "state"
    writer = Writer(folder, "door", bytes, board="")
    day = Recorded(inc=writer.identity.inc, limit=2, proof='"pcr"')
    for number in range(6):
        day.comes(day.booking(number), day.test(number, hours_old=20 + number * 12))
    day.goes()
    day.scan(day.badge())
    day.press()
    day.wait(30 * 3_600)
    day.comes(day.booking(9), day.test(9))
    seq = 1
    for entry in day.entries:
        writer.append(journal_entry.encode(entry), seq, len(entry.r))
        seq += len(entry.r)
    writer.sync()
    writer.close()
    return folder


@pytest.mark.parametrize("environment", ELSEWHERE, ids=lambda environment: environment["TZ"])
def test_a_journal_is_replayed_to_the_same_answers(state: Path, environment: dict[str, str]) -> None:
    said = elsewhere({**environment, "HALLGATE_LANG": "en"}, "-m", "firmware", "replay", "--state", str(state))
    assert said.endswith("every answer is the same")
