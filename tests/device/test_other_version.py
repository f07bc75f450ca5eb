"""An update was taken back: the old version meets a journal that holds what only the newer one can read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from firmware.journal import Reader, Writer
from tests.device.bench import OFF, ON, Bench, bench

UNKNOWN = json.dumps({"m": {"elapsed_ms": 1, "wall_ms": 1, "trusted": True}, "e": {"event": "of_the_future"}, "r": []})


def left_by(door: Bench, version: str) -> str:
    """A day of this version, then one entry of another; answers the incarnation."""
    door.start()
    door.scan(door.booking())
    door.relay.expect(ON)
    door.relay.expect(OFF)
    assert door.stop() == 0
    writer = Writer(door.state, "entry-1", bytes, version=version)
    writer.append(UNKNOWN.encode(), 100, 0)
    writer.close()
    return writer.identity.inc


def test_a_newer_journal_is_kept_aside_and_the_door_works(tmp_path: Path) -> None:
    with bench(tmp_path, limit=5) as door:
        inc = left_by(door, "99.0")
        door.start()
        assert f"written by a newer version and lies in journal-{inc}: this device begins anew" in door.errors
        assert Reader(door.state).identity.inc != inc, "another incarnation, with no rights of the one before"
        door.scan(door.booking())
        door.relay.expect(ON)
        assert door.stop() == 0
        assert any(record.count for record in Reader(door.state / f"journal-{inc}").records()), "all of it is kept"
        assert door.replay().returncode == 0


def test_a_version_that_cannot_read_what_came_before_it_does_not_begin_anew(tmp_path: Path) -> None:
    """It must fail its trial: the version before reads this journal."""
    with bench(tmp_path, limit=5) as door:
        inc = left_by(door, "0.0.1")
        with pytest.raises(AssertionError, match="cannot read its journal"):
            door.start()
        assert "Traceback" not in door.errors and Reader(door.state).identity.inc == inc
