"""Two beams: bodies counted on real people's tracks, and what must hold for any edges at all."""

from __future__ import annotations

import csv
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.beam_path import ABREAST, PULSES_MAX, TOO_CLOSE, TOO_LONG
from sensors.counter_beam_pair import STUCK, Decoder, Settings
from sensors.driver import Edge
from sensors.readings import AnyReading, Crossing, Garbled, Occupied, Ready, Saturated, TurnedBack
from tests import needs

BEAM = {"A": "outside", "B": "inside"}
OTHER = {"outside": "inside", "inside": "outside"}
Step = tuple[float, str, int]


def decode(edges: list[Step], wanted: Settings | None = None, settle_ms: float = 60_000) -> list[tuple[float, Any]]:
    """Feed edges at their times, tick exactly when asked."""
    decoder = Decoder(wanted or Settings())
    out: list[tuple[float, Any]] = []

    def ticked_until(t_ms: float) -> None:
        while decoder.wake_at_ms is not None and decoder.wake_at_ms <= t_ms:
            now = decoder.wake_at_ms
            out.extend((now, reading) for reading in decoder.tick(now))
            assert decoder.wake_at_ms is None or decoder.wake_at_ms > now

    for t_ms, side, level in edges:
        ticked_until(t_ms)
        out.extend((t_ms, reading) for reading in decoder.feed(Edge(side, level), t_ms))
    ticked_until((edges[-1][0] if edges else 0.0) + settle_ms)
    return out


def facts(edges: list[Step], wanted: Settings | None = None) -> list[AnyReading]:
    """Everything but the occupancy, transit times left out."""
    found = [reading for _, reading in decode(edges, wanted) if not isinstance(reading, Occupied)]
    return [msgspec.structs.replace(each, transit_ms=0.0) if isinstance(each, Crossing) else each for each in found]


def path(text: str, start: float = 0.0) -> list[Step]:
    """`A0 B90 a400 b480`: capital = broken, at so many ms."""
    return [(start + float(word[1:]), BEAM[word[0].upper()], int(word[0].isupper())) for word in text.split()]


def mirrored(edges: list[Step]) -> list[Step]:
    return [(t_ms, OTHER[side], level) for t_ms, side, level in edges]


def walk(scenario: str, file: str) -> list[Step]:
    with needs.shared(f"data/walks/{scenario}/{file}").open() as lines:
        rows = list(csv.DictReader(lines))
    return [(float(row["t_ms"]), BEAM[row["beam"]], int(row["broken"])) for row in rows]


def truth(scenario: str) -> dict[str, int]:
    totals: dict[str, int] = json.loads(needs.shared(f"data/walks/{scenario}/truth.json").read_text())["totals"]
    return totals


def counted(edges: list[Step], wanted: Settings | None = None) -> dict[str, int]:
    crossings = [reading.direction for _, reading in decode(edges, wanted) if isinstance(reading, Crossing)]
    return {"in": crossings.count("in"), "out": crossings.count("out")}


def score(scenario: str, got: dict[str, int]) -> float:
    wanted = truth(scenario)
    wrong = abs(got["in"] - wanted["in"]) + abs(got["out"] - wanted["out"])
    return 1 - wrong / (wanted["in"] + wanted["out"])


# ---------------------------------------------------------------- real people


@pytest.mark.parametrize(
    ("scenario", "file", "least"),
    [
        ("juelich_entrance_040", "beams_torso.csv", 0.98),
        ("juelich_entrance_040", "beams_hip.csv", 0.97),
        ("juelich_twoway_sparse", "beams_torso.csv", 1.0),
        ("juelich_twoway_sparse", "beams_hip.csv", 1.0),
    ],
)
def test_real_tracks_are_counted(scenario: str, file: str, least: float) -> None:
    edges = walk(scenario, file)
    assert score(scenario, counted(edges)) >= least
    sensed = [r for _, r in decode(edges) if isinstance(r, Crossing) and not r.assumed]
    assert len(sensed) <= sum(truth(scenario)[way] for way in ("in", "out"))


def test_the_crowd_is_said_to_be_saturated_and_the_sparse_walk_is_not() -> None:
    crowd = [r for r in facts(walk("juelich_entrance_040", "beams_torso.csv")) if isinstance(r, Saturated)]
    sparse = [r for r in facts(walk("juelich_twoway_sparse", "beams_torso.csv")) if isinstance(r, Saturated)]
    assert len(crowd) >= 3 and not sparse


def test_exits_of_the_same_crowd_are_never_too_many() -> None:
    """An exit too many would mint a right: mirrored, the doubtful second bodies are not counted."""
    got = counted(mirrored(walk("juelich_entrance_040", "beams_hip.csv")))
    assert 68 <= got["out"] <= 75 and got["in"] == 0


@pytest.mark.parametrize("key", ["spacing_mm", "body_mm", "two_bodies", "crowd_ms", "debounce_ms", "transit_ms_min"])
@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_no_setting_sits_on_an_edge(key: str, factor: float) -> None:
    """Thirty per cent off in any one setting must not undo the counting (at most one person in ten)."""
    wanted = msgspec.structs.replace(Settings(), **{key: getattr(Settings(), key) * factor})
    for scenario in ("juelich_entrance_040", "juelich_twoway_sparse"):
        assert score(scenario, counted(walk(scenario, "beams_torso.csv"), wanted)) >= 0.9


@pytest.mark.parametrize("scale", [0.8, 1.25])
def test_faster_and_slower_people_are_counted_too(scale: float) -> None:
    edges = [(t_ms * scale, side, level) for t_ms, side, level in walk("juelich_entrance_040", "beams_torso.csv")]
    assert score("juelich_entrance_040", counted(edges)) >= 0.97


# ---------------------------------------------------------------- one body


IN = "A0 B90 a400 b480"


def test_in_and_out() -> None:
    assert facts(path(IN)) == [Crossing("in")]
    assert facts(mirrored(path(IN))) == [Crossing("out")]


def test_transit_is_from_the_first_beam_broken_to_the_last_one_clear() -> None:
    (crossing,) = [r for _, r in decode(path(IN)) if isinstance(r, Crossing)]
    assert crossing.transit_ms == 480


def test_inverted_receivers() -> None:
    edges = [(t_ms, side, 1 - level) for t_ms, side, level in path(IN)]
    assert facts(edges, Settings(invert=True)) == [Crossing("in")]


def test_standing_in_the_beams_and_going_on_counts_once() -> None:
    assert facts(path("A0 B90 a4000 b4080")) == [Crossing("in"), Saturated(TOO_CLOSE)]
    assert facts(path("A0 B200 a1400 b1600"))[0] == Crossing("in")


def test_standing_for_very_long_counts_once_and_is_assumed() -> None:
    found = facts(path("A0 B90 a20000 b20080"), Settings(obstruction_ms=60_000))
    assert found == [Crossing("in", assumed=True), Saturated(TOO_LONG)]


def test_turning_back_counts_nothing() -> None:
    assert facts(path("A0 B90 b400 a480")) == [TurnedBack("outside")]
    assert facts(path("B0 b480")) == [TurnedBack("inside")]


def test_half_a_step_back_and_on_counts_once_and_is_no_turn_back() -> None:
    assert facts(path("A0 B90 b300 B700 a1100 b1180"))[0] == Crossing("in")
    assert facts(path("A0 a200 A500 B590 a900 b980")) == [Crossing("in")]


def test_a_body_that_backs_out_after_clearing_the_first_beam_is_not_counted() -> None:
    assert facts(path("A0 B90 a400 A450 b790 a880")) == [TurnedBack("outside")]


def test_hands_are_no_bodies() -> None:
    assert facts(path("A0 a60")) == []
    assert facts(path("A0 B40 a55 b95")) == []
    assert facts(path("A0 a60 A200 B290 a600 b680")) == [Crossing("in")]


def test_who_turned_back_is_told_though_somebody_comes_from_the_other_side() -> None:
    found = facts(
        path("A0 B90 b400 a480") + path("B0 A90 b400 a480", start=500.0) + path("B0 A90 b400 a480", start=2_000.0)
    )
    assert found == [TurnedBack("outside"), Crossing("out"), Crossing("out")]


def test_a_hand_behind_its_body_is_nobody() -> None:
    assert facts(path(IN) + path("A0 B60 a80 b140", start=600.0)) == [Crossing("in")]
    assert facts(path(IN) + path("A0 B60 a80 b140", start=1_500.0)) == [Crossing("in"), Crossing("in")]


def test_a_beam_that_flickers_for_hours_takes_no_more_memory() -> None:
    decoder = Decoder(Settings())
    decoder.feed(Edge("inside", 1), 0.0)
    for number in range(2_000):
        decoder.feed(Edge("outside", number % 2), 100.0 + 50 * number)
    assert decoder._bodies._passage is not None
    assert 0 < len(decoder._bodies._passage.far) <= PULSES_MAX + 1


def test_chatter_on_every_edge() -> None:
    edges: list[Step] = []
    for t_ms, side, level in path(IN):
        edges += [(t_ms, side, level), (t_ms + 3, side, 1 - level), (t_ms + 8, side, level)]
    assert facts(edges) == [Crossing("in")]
    assert [r for _, r in decode(edges) if isinstance(r, Occupied)] == [Occupied(True), Occupied(False)]


# ---------------------------------------------------------------- two bodies


OVERLAP = "A0 B91 a421 A467 b541 B618 a887 b969"
CONTACT = "A0 B157 a1274 b1458"


def test_a_follower_is_counted_while_the_first_is_still_in_the_beams() -> None:
    found = decode(path(OVERLAP))
    when = [t_ms for t_ms, reading in found if isinstance(reading, Crossing)]
    assert when == [551, 979], "the first is told before the second has left"


def test_chest_to_back_in_a_queue_is_two_and_alone_is_one() -> None:
    queue = path(IN) + path(CONTACT, 600)
    assert facts(queue) == [Crossing("in"), Crossing("in"), Saturated(TOO_CLOSE), Crossing("in", assumed=True)]
    assert facts(path(CONTACT)) == [Crossing("in"), Saturated(TOO_CLOSE)]


def test_the_queue_may_also_show_itself_behind_them() -> None:
    found = facts(path(CONTACT) + path(IN, 1_700))
    assert found == [Crossing("in"), Saturated(TOO_CLOSE), Crossing("in", assumed=True), Crossing("in")]


def test_a_doubtful_exit_is_not_counted_unless_the_site_says_so() -> None:
    queue = mirrored(path(IN) + path(CONTACT, 600))
    assert facts(queue) == [Crossing("out"), Crossing("out"), Saturated(TOO_CLOSE)]
    assert facts(queue, Settings(count_doubtful="both"))[-1] == Crossing("out", assumed=True)
    assert Crossing("in", assumed=True) not in facts(mirrored(queue), Settings(count_doubtful="none"))


def test_abreast_is_said() -> None:
    assert facts(path("A0 B5 a300 b310")) == [Crossing("in", assumed=True), Saturated(ABREAST)]


# ---------------------------------------------------------------- a bad day


def test_the_gate_hears_at_once_that_somebody_is_there() -> None:
    occupied = [(t_ms, r) for t_ms, r in decode(path(IN)) if isinstance(r, Occupied)]
    assert occupied == [(0, Occupied(True)), (490, Occupied(False))]


def test_an_obstruction_is_told_once_and_its_end_too() -> None:
    found = [each for each in decode(path("A0 B90 a30000 b30080")) if isinstance(each[1], Garbled | Ready)]
    said = Garbled(0, "both beams have been broken for too long: something stands in the door")
    assert found[0] == (90.0 + Settings().obstruction_ms, said)
    assert [type(reading) for _, reading in found] == [Garbled, Ready]


def test_a_beam_that_sticks_is_told_in_its_time_though_the_other_one_was_broken_just_before() -> None:
    found = [t_ms for t_ms, reading in decode(path("A0 B25000 b26000")) if isinstance(reading, Garbled)]
    assert found == [Settings().state_ms_max]
    both = [t_ms for t_ms, reading in decode(path("A0 B25000 b45000 a45080")) if isinstance(reading, Garbled)]
    assert both == [Settings().state_ms_max], "and once"


def test_a_beam_that_sticks_again_is_told_again() -> None:
    found = decode(path("A0 a40000 A50000 a90000"))
    told = [(t_ms, type(reading)) for t_ms, reading in found if isinstance(reading, Garbled | Ready)]
    state_ms = Settings().state_ms_max
    assert [kind for _, kind in told] == [Garbled, Ready, Garbled, Ready]
    assert [t_ms for t_ms, kind in told if kind is Garbled] == [state_ms, 50_000 + state_ms]


def test_a_stuck_beam_is_told_and_bodies_beside_it_are_not_guessed() -> None:
    found = facts([(0.0, "outside", 1), *path("B40000 b40400"), (50_000.0, "outside", 0)])
    assert found[0] == Garbled(0, "the outside beam has been broken for too long: stuck or out of line")
    assert found[1:] == [Saturated(STUCK), Ready(), TurnedBack("outside")]


def test_what_is_no_edge_of_ours_is_ignored() -> None:
    decoder = Decoder(Settings())
    assert decoder.feed(b"\x01", 0) == decoder.feed(Edge("door", 1), 0) == decoder.feed(Edge("inside", 7), 0) == []


# ---------------------------------------------------------------- any edges at all


wild = st.lists(
    st.tuples(st.floats(0, 400), st.sampled_from(["outside", "inside"]), st.integers(0, 1)), max_size=80
).map(
    lambda steps: [
        (sum(wait for wait, _, _ in steps[: i + 1]), side, level) for i, (_, side, level) in enumerate(steps)
    ]
)
even = Settings(count_doubtful="both")


def swapped(reading: AnyReading) -> AnyReading:
    match reading:
        case Crossing():
            return msgspec.structs.replace(reading, direction="out" if reading.direction == "in" else "in")
        case TurnedBack():
            return TurnedBack("inside" if reading.side == "outside" else "outside")
        case Garbled():
            return Garbled(0)
    return reading


@given(edges=wild)
@settings(max_examples=150, deadline=None)
def test_mirrored_edges_give_mirrored_facts(edges: list[Step]) -> None:
    ties = {t_ms for t_ms, _, _ in edges}
    if len(ties) == len(edges):  # two beams at the very same time have no order to mirror
        plain = [Garbled(0) if isinstance(each, Garbled) else each for each in facts(edges, even)]
        assert [swapped(each) for each in facts(mirrored(edges), even)] == plain


@given(edges=wild)
@settings(max_examples=150, deadline=None)
def test_no_more_bodies_than_breaks_of_either_beam(edges: list[Step]) -> None:
    crossings = [each for each in facts(edges) if isinstance(each, Crossing)]
    own = [each for each in crossings if not each.assumed]
    breaks = [sum(1 for _, side, level in edges if side == each and level) for each in OTHER]
    assert len(own) <= min(breaks) and len(crossings) <= 2 * min(breaks)
    assert len(own) * Settings().transit_ms_min <= (edges[-1][0] + 1 if edges else 0) * 2


@given(edges=wild, extra=st.lists(st.floats(0, 20_000), max_size=20))
@settings(max_examples=100, deadline=None)
def test_the_answer_does_not_depend_on_how_often_it_is_asked(edges: list[Step], extra: list[float]) -> None:
    seldom, often = Decoder(Settings()), Decoder(Settings())
    first: list[Any] = []
    second: list[Any] = []
    for t_ms, side, level in edges:
        for moment in sorted(each for each in extra if each <= t_ms):
            second += often.tick(moment)
        second += often.feed(Edge(side, level), t_ms)
        first += seldom.feed(Edge(side, level), t_ms)
    first, second = first + seldom.tick(10**7), second + often.tick(10**7)
    kinds = (Crossing, TurnedBack, Saturated)
    assert [r for r in first if isinstance(r, kinds)] == [r for r in second if isinstance(r, kinds)]


@given(edges=wild)
@settings(max_examples=100, deadline=None)
def test_blocked_alternates_and_ends_as_the_beams_do(edges: list[Step]) -> None:
    told = [r.blocked for _, r in decode(edges) if isinstance(r, Occupied)]
    last = {side: level for _, side, level in edges}
    assert told == [i % 2 == 0 for i in range(len(told))]
    assert bool(told and told[-1]) == any(last.values())


@pytest.mark.parametrize("step_ms", [40, 50, 80, 150, 400])
def test_a_plain_four_step_path_with_nobody_near_is_somebody(step_ms: int) -> None:
    """Even where the shadow is slim for a torso: an entry that is not counted is the worse mistake."""
    decoder = Decoder(Settings())
    said: list[object] = []
    t_ms = 1_000.0
    for _ in range(3):
        for pin, level in (("outside", 1), ("inside", 1), ("outside", 0), ("inside", 0)):
            t_ms += step_ms
            said += decoder.feed(Edge(pin, level), t_ms)
        t_ms += 2_000
        said += decoder.tick(t_ms)
    assert [type(reading).__name__ for reading in said].count("Crossing") == 3


@pytest.mark.parametrize("step_ms", [40, 80, 150, 400])
def test_a_plain_four_step_path_is_one_sensed_body_either_way(step_ms: int) -> None:
    steps = path(f"A0 B{step_ms} a{2 * step_ms} b{3 * step_ms}")
    assert facts(steps) == [Crossing("in")]
    assert facts(mirrored(steps)) == [Crossing("out")]


def test_a_slim_thing_alone_counts_going_in_and_is_only_assumed_going_out() -> None:
    slim = path("A0 B80 a100 b180")
    assert facts(slim) == [Crossing("in")]
    assert facts(mirrored(slim)) == [Crossing("out", assumed=True)]
    assert facts(mirrored(slim), even) == [Crossing("out")]
    assert facts(slim + path(IN, 300)) == [Crossing("in")], "it was the hand of the body behind it"
    later_hand = path("A0 B42 a55 b87", 5_000)
    assert facts(slim + path(IN, 300) + later_hand) == [Crossing("in")], "and is nobody's when the next one is seen"


@pytest.mark.parametrize("waits_ms", [300, 1_000, 5_000])
def test_who_waits_for_the_gate_in_one_of_the_beams_is_a_body_either_way(waits_ms: int) -> None:
    """A chest of 330 mm at 1.2 m/s, in front of a gate that opens only then, or that somebody stops behind."""
    before = path(f"A0 B{waits_ms + 67} a{waits_ms + 275} b{waits_ms + 342}")
    behind = path(f"A0 B67 a275 b{waits_ms + 342}")
    for steps in (before, behind):
        assert facts(steps) == [Crossing("in")]
        assert facts(mirrored(steps)) == [Crossing("out")]


def test_in_a_queue_a_hand_ahead_of_the_chest_makes_nobody_two() -> None:
    """The hand makes the front lag 30 ms; only the rear lag tells the body's speed."""
    assert facts(path(IN) + path("A0 B30 a500 b600", 700)) == [Crossing("in"), Crossing("in")]


def test_a_turn_back_is_not_told_while_the_beam_is_just_being_broken_again() -> None:
    """It would be due at 880 ms; at 876 ms the beam begins to break, and settles only after that."""
    assert facts(path("A0 B90 b400 a480 A876 B960 a1276 b1360")) == [Crossing("in")]
