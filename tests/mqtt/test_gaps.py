"""A hub takes each event once, however the messages come, and asks for exactly what it lacks."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt.gaps import AGAIN_MS, BACKFILL, GRACE_MS, IDS_MAX, RANGES_MAX, RANGES_PER_REQUEST, TRIES_MAX, Gaps


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
    assert [gaps.take(seq, f"e{seq}", 0.0) for seq in (6, 7, 3, 1, 2, 2, 5, 6)] == [True] * 5 + [False, True, False]
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


def test_holes_take_no_more_room_either_and_what_is_given_up_is_counted() -> None:
    """Every second event arrives: at first as they happen, then out of the middle of one long hole."""
    for arrivals in (range(3, 4 * RANGES_MAX, 2), (4 * RANGES_MAX, *range(3, 4 * RANGES_MAX - 1, 2))):
        gaps = Gaps()
        gaps.take(1, "e1", 0.0)
        taken = sum(gaps.take(seq, f"e{seq}", 0.0) for seq in arrivals)
        assert gaps.high is not None and len(gaps._missing) <= RANGES_MAX and len(gaps._ids) <= IDS_MAX
        assert 1 + taken + gaps.missing + gaps.lost == gaps.high
        assert len(gaps.wanted(GRACE_MS)) == RANGES_PER_REQUEST, "and the device is not asked for all at once"


def test_what_the_journal_dropped_is_lost_and_said() -> None:
    gaps = Gaps()
    gaps.take(1, "e1", 0.0)
    gaps.promised(50, 60, 0.0)
    assert (gaps.missing, gaps.lost) == (11, 48)
    gaps.promised(60, 60, 0.0)
    assert (gaps.missing, gaps.lost) == (1, 58), "the oldest that it holds can still come"


def test_a_device_that_counts_from_one_again_is_a_new_journal() -> None:
    gaps = Gaps()
    for seq in (1, 2, 3, 10):
        gaps.take(seq, f"old-{seq}", 0.0)
    assert [gaps.take(seq, f"new-{seq}", 0.0) for seq in (1, 2, 2, 3, 1)] == [True, True, False, True, False]
    assert gaps.wanted(GRACE_MS) == [], "the holes of the old one are nobody's"


def test_a_new_journal_is_known_by_the_latest_events_however_many_there_were() -> None:
    gaps = Gaps()
    for seq in range(1, 2 * IDS_MAX + 1):
        gaps.take(seq, f"old-{seq}", 0.0)
    assert not gaps.take(2 * IDS_MAX, f"old-{2 * IDS_MAX}", 0.0)
    assert gaps.take(2 * IDS_MAX, f"new-{2 * IDS_MAX}", 0.0)


def test_a_device_that_holds_less_than_it_said_has_a_new_journal() -> None:
    gaps = Gaps()
    for seq in (1, 2, 3, 10):
        gaps.take(seq, f"old-{seq}", 0.0)
    gaps.promised(1, 10, 0.0)
    assert gaps.wanted(GRACE_MS) == [(4, 9)]
    gaps.promised(1, 3, GRACE_MS)
    assert gaps.wanted(2 * GRACE_MS) == [(1, 3)] and gaps.take(2, "new-2", 2 * GRACE_MS)


def test_patience_ends_when_nobody_answers_and_not_while_it_is_being_filled() -> None:
    gaps, now = Gaps(), GRACE_MS
    gaps.take(1, "e1", 0.0)
    gaps.take(100, "e100", 0.0)
    for seq in range(2, 2 + 3 * TRIES_MAX):
        assert gaps.wanted(now)
        assert gaps.take(seq, f"e{seq}", now)
        now += AGAIN_MS
    for again in range(TRIES_MAX + 1):
        assert bool(gaps.wanted(now + again * AGAIN_MS)) == (again < TRIES_MAX)
    assert (gaps.missing, gaps.lost) == (0, 98 - 3 * TRIES_MAX)


def test_a_hole_that_nobody_fills_is_asked_for_a_dozen_times_and_then_given_up() -> None:
    gaps = Gaps()
    gaps.take(1, "e1", 0.0)
    gaps.take(9, "e9", 0.0)
    answers = [gaps.wanted(GRACE_MS + again * AGAIN_MS) for again in range(20)]
    assert answers == [[(2, 8)]] * 12 + [[]] * 8 and gaps.lost == 7


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
