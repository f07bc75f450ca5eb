"""A whole segment that is gone, blank or another's is a place that cannot be read, never a journal that is well."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from firmware import journal_entry
from firmware.__main__ import main
from firmware.core.events import Woken
from firmware.core.moment import Moment
from firmware.core.occupancy import Rights
from firmware.core.state import HallState
from firmware.journal import Reader
from firmware.journal.identity import stored
from firmware.recovery import recovered
from tests.journal.opening import fill, open_writer, seqs

SEGMENT, RECORDS = 4096, 28


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """Four segments with records, and a fifth that is prepared."""
    writer = open_writer(tmp_path / "long", segment=SEGMENT)
    fill(writer, RECORDS)
    while writer.prepare_step():
        pass
    writer.close()
    assert [path.name[:10] for path in held(tmp_path / "long")] == [f"{number:010}" for number in range(1, 6)]
    return tmp_path / "long"


def held(directory: Path) -> list[Path]:
    return sorted((directory / "journal").glob("*.segment"))


def gone(directory: Path, number: int) -> None:
    held(directory)[number - 1].unlink()


def blank(directory: Path, number: int) -> None:
    held(directory)[number - 1].write_bytes(bytes(SEGMENT))


def anothers(directory: Path, number: int) -> None:
    shutil.copy(held(directory)[number % 4], held(directory)[number - 1])


@pytest.mark.parametrize("lose", [gone, blank, anothers])
@pytest.mark.parametrize("number", [2, 3, 4])
def test_a_lost_segment_is_a_place_that_cannot_be_read(
    long: Path, lose: Callable[[Path, int], None], number: int
) -> None:
    """The last one, too: behind it a segment was prepared, so it had been begun."""
    lose(long, number)
    reader = Reader(long)
    list(reader.records())
    assert reader.damaged == 1


def test_the_oldest_may_be_reused_but_not_be_empty(long: Path) -> None:
    whole = seqs(long)
    gone(long, 1)
    reader = Reader(long)
    assert 0 < len(seqs(reader)) < len(whole) and reader.damaged == 0
    blank(long, 1)
    reader = Reader(long)
    list(reader.records())
    assert reader.damaged == 1


def test_what_is_prepared_is_no_loss(long: Path) -> None:
    reader = Reader(long)
    assert seqs(reader) == list(range(1, RECORDS + 1)) and reader.damaged == 0


@pytest.fixture
def door(tmp_path: Path) -> Path:
    """What a door writes: entries that told the hub nothing, and pictures of a memory with five free rights."""
    directory = tmp_path / "door"
    picture = msgspec.json.encode(HallState(rights=Rights(inc="door", M=5)))
    writer = open_writer(directory, segment=SEGMENT, state=picture)
    moment = Moment(elapsed_ms=1, wall_ms=1)
    for _ in range(RECORDS):
        writer.append(journal_entry.encode(journal_entry.Entry(m=moment, e=Woken(), r=[])).ljust(200), 1, 0)
        writer.sync()
    while writer.prepare_step():
        pass
    writer.close()
    return directory


def test_rights_of_a_dead_door_are_no_evidence_when_its_last_records_are_lost(
    door: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """More would be given back than it held: people would be let in above the limit."""
    assert main(["replay", "--state", str(door), "--rights"]) == 0
    said = capsys.readouterr()
    assert "evidence=5" in said.out
    last = next(path for path in reversed(held(door)) if path.read_bytes().strip(b"\0"))
    last.unlink()
    assert recovered(Reader(door)).state.recount_needed
    assert main(["replay", "--state", str(door), "--rights"]) == 1
    said = capsys.readouterr()
    assert said.out == "" and "evidence=0, then recount" in said.err
    assert main(["replay", "--state", str(door)]) == 1


def test_a_journal_of_which_nothing_can_be_read_is_not_well(long: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in held(long):
        path.unlink()
    for more in ([], ["--rights"]):
        assert main(["replay", "--state", str(long), *more]) == 1
        assert "no record of this journal can be read" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["{", '{"z":' + "[" * 5_000])
def test_a_spoilt_identity_is_called_so(long: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (long / "journal/identity.json").write_text(text)
    assert stored(long / "journal") is None
    assert main(["replay", "--state", str(long)]) == 2
    assert "identity.json: is spoilt" in capsys.readouterr().err
