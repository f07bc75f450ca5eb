"""The state folder is deleted or moved away under a running device: it says so once, begins anew and forgets nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from firmware.errors import Failure
from firmware.hub.side import Events
from firmware.journal import SNAPSHOT, JournalUnwritable, Reader, Writer
from firmware.journal.segments import path_of
from tests.journal.opening import crash, fill, open_writer, payload, seqs


def test_nothing_is_believed_recorded_in_a_file_that_is_deleted(tmp_path: Path) -> None:
    """Not for a moment: the gate would move on the word of it."""
    made = open_writer(tmp_path)
    fill(made, 3)
    shutil.rmtree(tmp_path / "journal")
    made.append(payload(4), 4, 1)
    with pytest.raises(JournalUnwritable, match="deleted or moved away"):
        made.sync()
    made.close()


def refused_once(writer: Writer, seq: int) -> None:
    writer.append(payload(seq), seq, 1)
    writer.prepare_step()
    with pytest.raises(JournalUnwritable, match="deleted or moved away"):
        writer.sync()
    assert writer.retry() and not writer.because


@pytest.fixture(params=["deleted", "moved", "only the journal"])
def writer(request: pytest.FixtureRequest, tmp_path: Path) -> Writer:
    """Three events are on disk, the next segment is prepared, and then all of it is gone."""
    state = tmp_path / "state"
    made = open_writer(state)
    fill(made, 3)
    while made.prepare_step():
        pass
    if request.param == "moved":
        state.rename(tmp_path / "elsewhere")
    else:
        shutil.rmtree(state if request.param == "deleted" else state / "journal")
    return made


def test_what_comes_next_is_kept_and_the_device_is_the_same(writer: Writer, tmp_path: Path) -> None:
    inc = writer.identity.inc
    refused_once(writer, 4)
    fill(writer, 3, 5)
    crash(writer)
    assert seqs(tmp_path / "state") == [4, 5, 6, 7]
    again = open_writer(tmp_path / "state")
    assert (again.identity.inc, again.identity.fresh, again.durable_seq) == (inc, False, 7)
    again.close()


def test_the_next_start_begins_with_what_it_knew(writer: Writer, tmp_path: Path) -> None:
    refused_once(writer, 4)
    first, second = list(Reader(tmp_path / "state").records())
    assert first.first_seq == 4
    assert (second.kind, second.payload) == (SNAPSHOT, b"the state")


def test_nobody_else_writes_there(writer: Writer, tmp_path: Path) -> None:
    refused_once(writer, 4)
    with pytest.raises(Failure, match="another hallgate"):
        open_writer(tmp_path / "state")


def test_who_reads_along_goes_on_with_what_is_left(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "state")
    fill(writer, 3)
    events = Events(writer, Reader(tmp_path / "state"))
    before = events.first_seq
    shutil.rmtree(tmp_path / "state")
    refused_once(writer, 4)
    assert (before, events.first_seq) == (1, 4)


def test_a_prepared_segment_that_is_gone_is_made_anew_and_nobody_waits_for_it(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    fill(writer, 3)
    while writer.prepare_step():
        pass
    path_of(tmp_path / "journal", 2).unlink()
    fill(writer, 40, 4)
    writer.close()
    assert seqs(tmp_path) == list(range(1, 44))
    assert Reader(tmp_path).damaged == 0
