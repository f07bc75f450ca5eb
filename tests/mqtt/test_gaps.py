"""A hub takes each event once, however the messages come, and asks for exactly what it lacks."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt.gaps import AGAIN_MS, BACKFILL, GRACE_MS, RANGES_MAX, TRIES_MAX, Gaps


def test_a_hole_is_asked_for_after_a_moment_and_again_later() -> None:
    gaps = Gaps()
    assert [gaps.take(seq, f"e{seq}", 0.0) for seq in (5, 6, 9, 9, 6)] == [True, True, True, False, False]
    assert gaps.wanted(GRACE_MS - 1) == []
    assert gaps.wanted(GRACE_MS) == [(7, 8)]
    assert gaps.wanted(GRACE_MS + 1) == []
    assert gaps.take(7, "e7", GRACE_MS)
    assert gaps.wanted(GRACE_MS + AGAIN_MS) == [(8, 8)]
    assert gaps.take(8, "e8", GRACE_MS)
    assert (gaps.missing, gaps.lost) == (0, 0)


def test_a_hub_that_knows_nothing_asks_for_the_last_few() -> None:
    gaps = Gaps()
    gaps.promised(1, 1000, 0.0)
    assert gaps.wanted(GRACE_MS) == [(1001 - BACKFILL, 1000)]


def test_what_nobody_had_received_is_news_also_from_before_the_first_event_heard() -> None:
    """A device at work, and a hub that comes just then: 6 found it, 1 to 5 had found nobody and are said again."""
    gaps = Gaps()
    assert [gaps.take(seq, f"e{seq}", 0.0) for seq in (6, 7, 1, 2, 2, 5, 6)] == [True] * 4 + [False, True, False]
    assert (gaps.missing, gaps.lost, gaps.wanted(GRACE_MS)) == (0, 0, []), "and it is not asked for"
    gaps = Gaps()
    gaps.promised(1, 1000, 0.0)
    assert gaps.take(1, "e1", 0.0) and gaps.take(500, "e500", 0.0) and not gaps.take(500, "e500", 0.0)
    assert gaps.missing == BACKFILL


def test_what_came_before_takes_no_more_room_than_holes() -> None:
    gaps = Gaps()
    gaps.take(100_000, "e", 0.0)
    for seq in range(2, 4 * RANGES_MAX, 2):
        gaps.take(seq, f"e{seq}", 0.0)
        assert not gaps.take(seq, f"e{seq}", 0.0)
    assert len(gaps._before) <= RANGES_MAX
    assert gaps.take(99_999, "e99999", 0.0), "the older part is given up, not the newer"


def test_what_the_journal_dropped_is_lost_and_said() -> None:
    gaps = Gaps()
    gaps.take(1, "e1", 0.0)
    gaps.promised(50, 60, 0.0)
    assert (gaps.missing, gaps.lost) == (11, 48)


def test_a_device_that_counts_from_one_again_is_a_new_journal() -> None:
    gaps = Gaps()
    for seq in range(1, 20):
        gaps.take(seq, f"old-{seq}", 0.0)
    assert gaps.take(1, "new-1", 0.0)
    assert gaps.take(2, "new-2", 0.0)
    assert not gaps.take(2, "new-2", 0.0)


def test_patience_ends_when_nobody_answers_and_not_while_it_is_being_filled() -> None:
    gaps, now = Gaps(), GRACE_MS
    gaps.take(1, "e1", 0.0)
    gaps.take(100, "e100", 0.0)
    for seq in range(2, 2 + 3 * TRIES_MAX):
        assert gaps.wanted(now)
        assert gaps.take(seq, f"e{seq}", now)
        now += AGAIN_MS
    for _ in range(TRIES_MAX + 1):
        gaps.wanted(now)
        now += AGAIN_MS
    assert (gaps.missing, gaps.lost) == (0, 98 - 3 * TRIES_MAX)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_order_of_arrival_takes_each_event_exactly_once(data: st.DataObject) -> None:
    gaps, now, began = Gaps(), 0.0, data.draw(st.integers(1, 30))
    taken = [began]
    gaps.take(began, f"e{began}", now)
    gaps.promised(1, 30, now)
    asked: set[int] = set()
    for seq in data.draw(st.lists(st.integers(1, 30), max_size=60)):
        now += 700
        asked |= {wanted for first, last in gaps.wanted(now) for wanted in range(first, last + 1)}
        if gaps.take(seq, f"e{seq}", now):
            taken.append(seq)
    assert len(taken) == len(set(taken))
    assert gaps.missing == len(set(range(began, 31)) - set(taken))
    for _ in range(3):
        now += AGAIN_MS
        asked |= {wanted for first, last in gaps.wanted(now) for wanted in range(first, last + 1)}
    assert asked >= set(range(began, 31)) - set(taken)
