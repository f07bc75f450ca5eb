"""What one door hears of another becomes an event only where it is news: every event costs the card."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from firmware.peers.used_passes import NOTE_MS, WHOLE_MS, UsedPasses
from tests.people.test_doors import Named


def beside(door: Named) -> UsedPasses:
    """The door as its wiring sees it."""
    clock = SimpleNamespace(moment=lambda: door.moment, elapsed_ms=lambda: door.now * 1000)
    device: Any = SimpleNamespace(controller=door.controller, clock=clock)
    return UsedPasses(device)


@pytest.fixture
def doors() -> tuple[Named, UsedPasses, Named, UsedPasses]:
    north, south = Named("north"), Named("south")
    return north, beside(north), south, beside(south)


def test_only_what_is_new_becomes_an_event(doors: Any) -> None:
    north, tells, south, hears = doors
    assert hears.hear("north", tells.own(), "").used == ()
    for number in (1, 2):
        north.uses(number)
        assert [each[0] for each in hears.hear("north", tells.own(), "").used] == [f"{number:016x}"]
        assert hears.hear("north", tells.own(), "") is None
    south.wait(NOTE_MS / 1000 + 1)
    assert hears.hear("north", tells.own(), "").used == (), "it is still there"
    south.wait(WHOLE_MS / 1000)
    assert len(hears.hear("north", tells.own(), "").used) == 2, "should one have been lost"


def test_doors_that_hear_each_other_so_refuse_a_second_use(doors: Any) -> None:
    north, tells, south, hears = doors
    for number in (1, 2, 3):
        assert north.uses(number) == "admit"
        south.do(hears.hear("north", tells.own(), ""))
    assert [south.uses(number) for number in (1, 2, 3, 4)] == ["refuse"] * 3 + ["admit"]


def test_a_doubtful_clock_tells_the_last_day_that_was_known(doors: Any) -> None:
    north, tells, _, hears = doors
    north.uses(1)
    north.wall_0, north.trusted = 1000.0, False
    heard = hears.hear("north", tells.own(), "")
    assert (heard.day, len(heard.used)) == ("2022-06-01", 1)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"v":2,"device":"north","day":"2022-06-01"}'])
def test_what_is_no_list_is_refused(doors: Any, content: bytes) -> None:
    with pytest.raises(ValueError):
        doors[3].hear("north", content, "")


def test_nobody_speaks_for_another_door(doors: Any) -> None:
    with pytest.raises(ValueError):
        doors[3].hear("west", doors[1].own(), "")
