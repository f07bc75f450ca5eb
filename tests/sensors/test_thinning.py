"""Only what changes a decision comes through, soon, and not often."""

from __future__ import annotations

import itertools
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.readings import AnyReading, Contact, Gap, Position, Positions
from sensors.thinning import SpacingDigest, links_mm


def queue(*places_m: float) -> Positions:
    return Positions(tuple(Position(i, 0.0, y) for i, y in enumerate(places_m, start=1)))


def told(digest: SpacingDigest, steps: list[tuple[float, AnyReading]]) -> list[tuple[float, int, int | None]]:
    out = []
    for t_ms, reading in steps:
        found = digest.feed(reading, t_ms)
        if found:
            out.append((t_ms, *found))
    return out


def test_ten_frames_a_second_of_the_same_are_told_once() -> None:
    steps: list[tuple[float, AnyReading]] = [(i * 100.0, queue(1, 3.5)) for i in range(50)]
    assert told(SpacingDigest(2_000), steps) == [(300, 2, 2500)]


def test_too_close_is_told_and_the_limit_does_not_flicker() -> None:
    gaps = [2.5] * 10 + [1.95, 2.05] * 30 + [2.5] * 10
    steps: list[tuple[float, AnyReading]] = [(i * 100.0, queue(0, gap)) for i, gap in enumerate(gaps)]
    assert [gap for _, _, gap in told(SpacingDigest(2_000), steps)] == [2500, 1950, 2500]


def test_what_flickers_for_ever_is_told_all_the_same() -> None:
    steps: list[tuple[float, AnyReading]] = [(i * 100.0, queue(*([0, 1, 5][: 2 + i % 2]))) for i in range(40)]
    found = told(SpacingDigest(2_000, settle_ms=300), steps)
    assert found and found[0][0] <= 1_300 and found[0][2] == 1000
    assert all(later[0] - sooner[0] >= 500 for sooner, later in zip(found, found[1:], strict=False))


def test_tick_tells_what_has_settled_when_nothing_more_comes() -> None:
    digest = SpacingDigest(2_000, settle_ms=300)
    assert digest.feed(queue(1, 2), 1_000) is None and digest.wake_at_ms == 1_300
    assert digest.tick(1_299) is None
    assert digest.tick(1_300) == (2, 1000) and digest.wake_at_ms is None


def test_only_people_in_the_area_count() -> None:
    digest = SpacingDigest(2_000, settle_ms=0, area=(-1, 0, 1, 3))
    assert digest.feed(queue(1, 3.5), 0) == (1, None)


def test_a_sensor_that_only_says_gaps() -> None:
    digest = SpacingDigest(2_000, settle_ms=0)
    assert digest.feed(Gap(1500), 0) == (2, 1500)
    assert digest.feed(Contact(True), 10) is None


@given(st.lists(st.tuples(st.floats(0, 300), st.lists(st.floats(0, 8), max_size=3)), max_size=60))
@settings(max_examples=150)
def test_never_more_than_two_a_second(steps: list[tuple[float, list[float]]]) -> None:
    digest, now, times = SpacingDigest(2_000), 0.0, []
    for wait_ms, places in steps:
        now += wait_ms
        while digest.wake_at_ms is not None and digest.wake_at_ms < now:
            at = digest.wake_at_ms
            assert digest.tick(at)
            times.append(at)
        if digest.feed(queue(*places), now):
            times.append(now)
    assert all(later - sooner >= 500 - 1e-6 for sooner, later in zip(times, times[1:], strict=False))


def test_the_links_are_the_shortest_that_join_everybody() -> None:
    digest = SpacingDigest(2_000, settle_ms=0)
    assert digest.feed(queue(0, 0.4, 0.9, 4.0), 0) == (4, 400)
    assert digest.links_mm == (400, 500, 3_100)
    assert digest.feed(queue(0, 0.4, 0.9, 2.0), 1_000) == (4, 400), "one more is too close: news"
    assert digest.links_mm == (400, 500, 1_100)
    assert digest.feed(queue(0, 0.4, 0.9, 2.95), 2_000) is None, "on the limit nothing flickers"
    assert digest.feed(queue(0, 0.4, 0.9, 3.2), 3_000) == (4, 400)
    assert digest.feed(queue(5), 4_000) == (1, None) and digest.links_mm == ()


@settings(max_examples=100)
@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), max_size=40))
def test_links_of_any_crowd(places: list[tuple[float, float]]) -> None:
    persons = [Position(i, x, y) for i, (x, y) in enumerate(places)]
    links = links_mm(persons)
    assert len(links) == max(0, len(persons) - 1) and list(links) == sorted(links)
    gaps = [round(math.hypot(a.x_m - b.x_m, a.y_m - b.y_m) * 1000) for a, b in itertools.combinations(persons, 2)]
    assert not gaps or links[0] == min(gaps)
