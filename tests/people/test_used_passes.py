"""What one door hears of another becomes an event only where it is news: every event costs the card."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from firmware.core import other_doors
from firmware.peers.used_passes import (
    LATEST,
    NOTE_MS,
    SHORT_BYTES,
    SHORT_USES,
    WHOLE_MS,
    LatestPasses,
    UsedPasses,
    list_rest_ms,
)
from mqtt import passes_list
from tests.people.test_doors import Named


class Beside:
    """The door as its wiring sees it: the whole list, and the latest of it."""

    def __init__(self, door: Named) -> None:
        clock = SimpleNamespace(moment=lambda: door.moment, elapsed_ms=lambda: door.now * 1000)
        site = SimpleNamespace(device=SimpleNamespace(name=door.state.device))
        self.notices = SimpleNamespace(refused=Counter[str]())
        device: Any = SimpleNamespace(controller=door.controller, clock=clock, site=site, notices=self.notices)
        known: dict[str, Any] = {}
        self.whole, self.latest = UsedPasses(device, known), LatestPasses(device, known)
        self.own, self.hear = self.whole.own, self.whole.hear


def beside(door: Named) -> Beside:
    return Beside(door)


@pytest.fixture
def doors() -> tuple[Named, Beside, Named, Beside]:
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


def test_lists_that_somebody_kept_and_says_again_write_no_card_full(doors: Any) -> None:
    """Only a use that was never heard is worth an entry of the journal, whoever brings it."""
    north, tells, _, hears = doors
    kept = [tells.own()]
    for number in (1, 2, 3):
        north.uses(number)
        kept.append(tells.own())
    missed = kept.pop(2)
    heard = [hears.hear("north", each, "") for each in kept]
    assert all(heard)
    assert [hears.hear("north", kept[turn % 3], "") for turn in range(300)] == [None] * 300
    assert hears.notices.refused == {"older": 200}
    north.uses(4)
    assert [each[0] for each in hears.hear("north", tells.own(), "").used] == [f"{4:016x}"]
    hears.whole._known["north"].used.discard(heard[-1].used[-1])
    assert hears.hear("north", missed, "").used == (heard[-1].used[-1],), "an older list may hold what was lost"


def test_another_cards_lists_in_turn_are_heard_only_so_often(doors: Any) -> None:
    """The day before a board was replaced the door's lists had another identity; neither is older than the other."""
    north, tells, _, hears = doors
    mine = tells.own()
    north.state.rights.inc, north.state.quota_day, north.state.quota_used = "north-0", passes_list.heard(mine).day, 3
    theirs = tells.own()
    news = [hears.hear("north", (mine, theirs)[turn % 2], "") for turn in range(1_000)]
    assert 2 <= sum(each is not None for each in news) <= 41


def test_what_a_door_told_itself_is_no_news_to_it(doors: Any) -> None:
    """The broker gives it back with every passage: each would be written to the card and kept in memory, for nothing."""
    north, tells, _, _ = doors
    north.uses(1)
    earlier = tells.own()
    north.uses(2)
    for echo in (tells.own(), earlier):
        assert tells.hear("north", echo, "") is None
        assert tells.latest.hear("north", echo, "") is None


def test_what_was_said_last_is_known_by_its_bytes(doors: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day's list has thousands of passes and comes back with every passage."""
    north, tells, _, _ = doors
    north.uses(1)
    echo, understood = tells.own(), list[bytes]()
    monkeypatch.setattr(passes_list, "heard", understood.append)
    assert tells.hear("north", echo, "") is None and understood == []


def test_who_is_refused_is_no_news_to_other_doors(doors: Any) -> None:
    """Each would be a message to every door of the hall, for an event that used nothing."""
    north, tells, *_ = doors
    north.uses(1)
    said, seq = tells.own(), north.state.seq
    assert north.scan(north.guest(2, hall="elsewhere")) == "refuse" and north.state.seq > seq
    assert tells.own() == said
    north.uses(3)
    assert tells.own() != said


def test_who_is_held_and_what_was_counted_are_news_without_a_use(doors: Any) -> None:
    north, tells, _, hears = doors
    hears.hear("north", tells.own(), "")
    north.state.held_persons["person-1"] = int(north.wall_0)
    heard = hears.hear("north", tells.own(), "")
    assert heard.used == () and heard.held == ("person-1",)
    assert hears.hear("north", tells.own(), "") is None
    north.state.quota_day, north.state.quota_used = heard.day, 3
    assert hears.hear("north", tells.own(), "").counted.persons == 3
    assert hears.hear("north", tells.own(), "") is None


def test_on_another_day_everything_is_news(doors: Any) -> None:
    north, tells, south, hears = doors
    north.uses(1)
    first = hears.hear("north", tells.own(), "")
    for door in (north, south):
        door.wait(86_400)
    known = hears.whole._known["north"]
    known.whole_ms = known.noted_ms = south.now * 1000  # as if it had been told all the while
    north.uses(2)
    second = hears.hear("north", tells.own(), "")
    assert second.day > first.day and [each[0] for each in second.used] == [f"{2:016x}"]
    assert hears.whole._known["north"].day == second.day


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


# ------------------------------------------------------------ a long day


@pytest.fixture
def busy(doors: Any) -> Any:
    """North has had a long day, and south has heard of it."""
    north, tells, south, hears = doors
    for number in range(1, SHORT_USES + 2):
        north.uses(number)
    south.do(hears.hear("north", tells.own(), ""))
    return north, tells, south, hears


def test_a_short_list_goes_alone_and_at_once(doors: Any) -> None:
    north, tells, _, _ = doors
    for number in range(1, SHORT_USES + 1):
        north.uses(number)
        assert tells.latest.own() is None and list_rest_ms(tells.own()) == 0
    north.uses(SHORT_USES + 1)
    assert tells.latest.own() is not None


def test_a_long_one_rests_as_long_as_its_bytes_take() -> None:
    assert [list_rest_ms(bytes(size)) for size in (SHORT_BYTES + 1, 48_000)] == [250.1, 4_800]
    assert list_rest_ms(bytes(other_doors.TELLS * 33)) < 20_000, "the longest"


def test_the_latest_uses_are_told_without_the_day_before_them(busy: Any) -> None:
    north, tells, south, hears = busy
    for number in (101, 102):
        north.uses(number)
    told = hears.latest.hear("north", tells.latest.own(), "")
    assert [each[0] for each in told.used] == [f"{number:016x}" for number in (102, 101)]
    assert hears.latest.hear("north", tells.latest.own(), "") is None
    south.do(told)
    assert [south.uses(number) for number in (101, 102, 103)] == ["refuse", "refuse", "admit"]


def test_list_and_latest_are_one_knowledge(busy: Any) -> None:
    north, tells, _, hears = busy
    north.uses(101)
    assert len(hears.latest.hear("north", tells.latest.own(), "").used) == 1
    assert hears.hear("north", tells.own(), "") is None
    north.uses(102)
    assert len(hears.hear("north", tells.own(), "").used) == 1
    assert hears.latest.hear("north", tells.latest.own(), "") is None


def test_a_door_that_heard_only_the_latest_takes_the_whole_list_as_news(busy: Any) -> None:
    north, tells, _, hears = busy
    hears.whole._known.clear()
    assert len(hears.latest.hear("north", tells.latest.own(), "").used) == LATEST
    assert len(hears.hear("north", tells.own(), "").used) == SHORT_USES + 1


def test_what_the_latest_missed_comes_with_the_list(busy: Any) -> None:
    north, tells, south, hears = busy
    for number in range(101, 102 + LATEST):
        north.uses(number)
    south.do(hears.latest.hear("north", tells.latest.own(), ""))
    south.do(hears.hear("north", tells.own(), ""))
    assert [south.uses(number) for number in (101, 101 + LATEST)] == ["refuse", "refuse"]


def test_a_door_may_not_grow_another_without_bound(busy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    north, tells, _, hears = busy
    monkeypatch.setattr("firmware.peers.used_passes.KNOWN_MAX", 50)
    for number in range(101, 150):
        north.uses(number)
        hears.latest.hear("north", tells.latest.own(), "")
        assert len(hears.whole._known["north"].used) <= 50 + LATEST
