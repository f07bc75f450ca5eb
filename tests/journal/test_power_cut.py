"""A real power cut: ext4 on a loop device, shut down without a flush, mounted again."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware import durable
from firmware.journal import JournalUnwritable, Reader, Writer
from tests import needs
from tests.journal.opening import crash, entries, open_writer, payload
from tests.loop_disk import LoopDisk, loop_disk, why_not

pytestmark = needs.unless(why_not())
CUTS = 25


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[LoopDisk]:
    with loop_disk(tmp_path, megabytes=32) as mounted:
        yield mounted


@pytest.mark.parametrize("direct", [True, False])
def test_everything_acknowledged_survives(disk: LoopDisk, direct: bool) -> None:
    draw = random.Random(7)
    state, promised, boots = disk.folder / "state", 0, set()
    for _ in range(CUTS):
        writer = open_writer(state, segment=16_384, budget=1024 * 16_384, direct=direct)
        boots.add(writer.identity.boot)
        assert writer.durable_seq >= promised
        promised = _appended(writer, draw)
        crash_with_the_power(writer, disk)
        found = [(record.first_seq, record.payload) for record in entries(Reader(state))]
        assert found == [(seq, payload(seq, 20 + seq * 131 % 900)) for seq in range(1, len(found) + 1)]
        assert len(found) >= promised
    assert boots == set(range(1, CUTS + 1))


def _appended(writer: Writer, draw: random.Random) -> int:
    """Some groups on disk, one taken in only, and perhaps a half-prepared segment. The last seq promised."""
    seq = writer.durable_seq
    for _ in range(draw.randrange(1, 12)):
        for _ in range(draw.randrange(1, 4)):
            seq += 1
            writer.append(payload(seq, 20 + seq * 131 % 900), seq, 1)
        writer.sync()
    for _ in range(draw.randrange(3)):
        writer.prepare_step()
    promised = seq
    writer.append(payload(seq + 1, 20 + (seq + 1) * 131 % 900), seq + 1, 1)
    return promised


def crash_with_the_power(writer: Writer, disk: LoopDisk) -> None:
    if writer._file is not None:
        writer._file.write(b"".join([writer._group(writer._seal(writer._segment), writer._end)]), writer._tail)
    crash(writer)
    disk.cut_power()


def test_a_replaced_file_is_the_new_one(disk: LoopDisk) -> None:
    for number in range(10):
        durable.replace_file(disk.folder / "cursor", str(number).encode())
        disk.cut_power()
        assert (disk.folder / "cursor").read_bytes() == str(number).encode()


def test_the_power_cut_is_a_real_one(disk: LoopDisk) -> None:
    """The control: what was written without a flush is gone. Else this whole file proves nothing."""
    (disk.folder / "unflushed").write_bytes(b"lost")
    disk.cut_power()
    assert not (disk.folder / "unflushed").exists()


def test_a_disk_that_is_gone_is_said_and_not_raised_at_append(disk: LoopDisk) -> None:
    writer = open_writer(disk.folder / "state")
    writer.append(payload(1), 1, 1)
    writer.sync()
    disk.shut_down()
    writer.append(payload(2), 2, 1)
    with pytest.raises(JournalUnwritable):
        writer.sync()
    writer.append(payload(3), 3, 1)
    assert (writer.durable_seq, writer.waiting, writer.retry(), writer.retry()) == (1, 2, False, False)
    with contextlib.suppress(JournalUnwritable):
        writer.close()
