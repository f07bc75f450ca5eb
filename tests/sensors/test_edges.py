"""Chatter out, order kept, whatever the inputs do."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.edges import BURSTS_MAX, SettledEdge, Settler

DEBOUNCE_MS = 10.0
Step = tuple[float, str, bool]


def settled(*steps: Step, until_ms: float = 10_000.0) -> list[SettledEdge]:
    """Each edge at its time, `due` exactly when it was asked for."""
    settler, out = Settler(("a", "b"), DEBOUNCE_MS), []
    for t_ms, name, active in (*steps, (until_ms, "", False)):
        while settler.wake_at_ms is not None and settler.wake_at_ms <= t_ms:
            out += settler.due(settler.wake_at_ms)
        out += settler.feed(name, active, t_ms)
    return out


def test_an_edge_is_told_at_its_beginning_once_it_held_still() -> None:
    settler = Settler(("a",), DEBOUNCE_MS)
    assert settler.feed("a", True, 100) == [] and settler.wake_at_ms == 110
    assert settler.due(109.9) == []
    assert settler.due(110) == [SettledEdge(100, "a", True)]


def test_a_glitch_that_goes_back_is_nothing() -> None:
    assert settled((100, "a", True), (108, "a", False)) == []


def test_flicker_is_one_edge() -> None:
    assert settled((100, "a", True), (103, "a", False), (108, "a", True)) == [SettledEdge(100, "a", True)]


def test_a_change_that_lasts_longer_than_the_debounce_is_real() -> None:
    assert settled((100, "a", True), (111, "a", False)) == [SettledEdge(100, "a", True), SettledEdge(111, "a", False)]


def test_the_order_of_two_inputs_is_that_of_their_beginnings() -> None:
    """`b` holds still first, but `a` began first."""
    edges = settled((100, "a", True), (102, "b", True), (104, "a", False), (108, "a", True))
    assert edges == [SettledEdge(100, "a", True), SettledEdge(102, "b", True)]


def test_an_input_that_never_holds_still_does_not_hold_up_the_other() -> None:
    settler, told_ms = Settler(("a", "b"), DEBOUNCE_MS), 0.0
    steps = [(100.0 + i * 3, "a", i % 2 == 0) for i in range(200)] + [(101.0, "b", True)]
    for t_ms, name, active in sorted(steps):
        if any(edge.input == "b" for edge in settler.feed(name, active, t_ms)):
            told_ms = t_ms
    assert 0 < told_ms <= 100 + (BURSTS_MAX + 1) * DEBOUNCE_MS


@given(st.lists(st.tuples(st.floats(0, 40), st.sampled_from("ab"), st.booleans()), max_size=80))
@settings(max_examples=150)
def test_every_input_alternates_in_time_and_ends_as_it_is(steps: list[tuple[float, str, bool]]) -> None:
    now, edges = 0.0, []
    for wait_ms, name, active in steps:
        now += wait_ms
        edges.append((now, name, active))
    out = settled(*edges, until_ms=now + 1_000)
    for name in "ab":
        own = [edge for edge in out if edge.input == name]
        assert [edge.active for edge in own] == [i % 2 == 0 for i in range(len(own))]
        last = [active for _, each, active in edges if each == name][-1:] or [False]
        assert bool(len(own) % 2) == last[0]
    times = [edge.t_ms for edge in out]
    assert times == sorted(times)
