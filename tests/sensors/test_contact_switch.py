"""A contact may bounce and chatter, but a fire is told within 50 ms whatever the loop does."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.contact_switch import CHATTER_LIMIT_MS, DRIVER, Decoder, Settings, Simulator
from sensors.driver import Edge
from sensors.readings import Contact
from tests.sensors.cable import Cable

CLOSED, OPEN = 0, 1


def told(
    edges: list[tuple[float, int]], until_ms: float, tick_every_ms: float, wanted: Settings
) -> list[tuple[float, bool]]:
    """Feed edges (time, level) with ticks at the asked-for times (0) or at a fixed pace; return (time, closed)."""
    decoder = Decoder(wanted)
    out: list[tuple[float, bool]] = []

    def take(results: list, t_ms: float) -> None:  # type: ignore[type-arg]
        out.extend((t_ms, reading.closed) for reading in results)

    now = 0.0
    for t_ms, level in [*edges, (until_ms, -1)]:
        while True:
            due = now + tick_every_ms if tick_every_ms else decoder.wake_at_ms
            if due is None or due > t_ms:
                break
            now = due
            take(decoder.tick(now), now)
        now = t_ms
        take(decoder.feed(Edge("contact", level), t_ms), t_ms)
    return out


def test_a_clean_fire_is_told_after_the_debounce_time() -> None:
    assert told([(0, CLOSED), (100, OPEN)], 500, 0, Settings(debounce_ms=20)) == [(0, True), (120, False)]


def test_a_loop_that_only_chatters_is_told_in_50_ms() -> None:
    chatter = [(100.0 + 5 * i, (OPEN, CLOSED)[i % 2]) for i in range(200)]
    got = told([(0, CLOSED), *chatter], 3_000, 0, Settings())
    assert got[1] == (100 + CHATTER_LIMIT_MS, False)
    assert got[2:] == [(1_095 + 20, True)], "back to normal only after quiet, once"


def test_a_loop_that_stops_chattering_is_told_in_50_ms_and_then_its_return_though_no_edge_comes() -> None:
    edges = [(0, CLOSED), (100, OPEN), (110, CLOSED), (120, OPEN), (130, CLOSED), (140, OPEN), (145, CLOSED)]
    told_at = told([(float(t_ms), level) for t_ms, level in edges], 500, 0, Settings(debounce_ms=20))
    assert told_at == [(0, True), (100 + CHATTER_LIMIT_MS, False), (165, True)]


def test_a_level_that_is_told_twice_delays_nothing() -> None:
    edges: list[tuple[float, int]] = [(0, CLOSED), (100, OPEN), (110, OPEN), (115, OPEN)]
    edges += [(300, CLOSED), (310, CLOSED), (315, CLOSED)]
    assert told(edges, 500, 0, Settings(debounce_ms=20)) == [(0, True), (120, False), (320, True)]


def test_without_debounce_every_change_is_told_at_once() -> None:
    assert told([(0, CLOSED), (5, OPEN), (6, CLOSED)], 50, 0, Settings(debounce_ms=0)) == [
        (0, True),
        (5, False),
        (6, True),
    ]


def test_a_bouncing_switch_is_one_change() -> None:
    line = Cable(DRIVER, simulator=Simulator(Settings(), bounces=4))
    line.show(Contact(True))
    line.run(500)
    line.show(Contact(False))
    line.run(500)
    assert line.readings == [Contact(True), Contact(False)]


edge_lists = st.lists(st.tuples(st.integers(1, 80), st.sampled_from([CLOSED, OPEN])), max_size=25)


@given(gaps=edge_lists, debounce_ms=st.integers(0, 50), pace_ms=st.sampled_from([1.0, 7.0, 33.0]))
@settings(max_examples=150, deadline=None)
def test_the_answer_does_not_depend_on_how_often_it_is_asked(
    gaps: list[tuple[int, int]], debounce_ms: int, pace_ms: float
) -> None:
    edges, now = [(0.0, CLOSED)], 0.0
    for gap_ms, level in gaps:
        now += gap_ms
        edges.append((now, level))
    wanted = Settings(debounce_ms=debounce_ms)
    asked = told(edges, now + 500, 0, wanted)
    paced = told(edges, now + 500, pace_ms, wanted)
    assert [closed for _, closed in asked] == [closed for _, closed in paced]
    assert asked[-1][1] == (edges[-1][1] == CLOSED), "it always ends with the truth"


@given(gaps=edge_lists, debounce_ms=st.integers(0, 50))
@settings(max_examples=150, deadline=None)
def test_an_open_loop_is_never_hidden_for_longer_than_50_ms(gaps: list[tuple[int, int]], debounce_ms: int) -> None:
    edges, now = [(0.0, CLOSED)], 0.0
    for gap_ms, level in gaps:
        now += gap_ms
        edges.append((now, level))
    got = told(edges, now + 500, 0, Settings(debounce_ms=debounce_ms))
    spans = zip(edges, [*edges[1:], (now + 500, -1)], strict=True)
    for opened_ms in (start for (start, level), (end, _) in spans if level == OPEN and end - start > CHATTER_LIMIT_MS):
        state_then = [closed for t_ms, closed in got if t_ms <= opened_ms + CHATTER_LIMIT_MS][-1]
        assert state_then is False
