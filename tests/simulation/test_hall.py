"""People against the simplest device: what they do at the gate, and what the hall counts itself."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.clock import Clock
from firmware.simulation.crowd import STRAIGHT, Crowd, Habit, Visitor
from firmware.simulation.hall import CLOSE_M, QUEUE_MAX, STEP_M, Hall, Tally
from firmware.simulation.rig import Rig
from tests.simulation.obedient import LaneSpec, Obedient, spec

NOW_S = 1_654_822_500


class Paper:
    """An office that only writes down what it was asked for."""

    def booking(self, not_before_s: int, expires_s: int, *, slot: tuple[int, int] | None = None) -> str:
        return f"HP1:{not_before_s}:{expires_s}:{slot}"

    def test_certificate(self, sampled_s: int, *, person: int = 0) -> str:
        return f"HC1:{sampled_s}:{person}"


def people(seed: int, count: int) -> list[Visitor]:
    return list(itertools.islice(Crowd(seed, Paper()).visitors(NOW_S), count))


def test_one_seed_is_one_crowd() -> None:
    assert people(7, 200) == people(7, 200)
    assert people(7, 200) != people(8, 200)


def test_a_crowd_has_all_habits_and_most_are_in_order() -> None:
    habits = Counter(visitor.habit for visitor in people(1, 2_000))
    assert habits["in_order"] > 1_200
    assert set(habits) == set(Crowd(1, Paper())._habits)


@pytest.mark.parametrize(
    ("habit", "texts"), [("no_test", ["HP1"]), ("no_booking", ["HC1"]), ("in_order", ["HP1", "HC1"])]
)
def test_what_they_carry(habit: Habit, texts: list[str]) -> None:
    visitor = next(Crowd(3, Paper(), habits={habit: 1}).visitors(NOW_S))
    assert [code[:3].decode() for code in visitor.codes] == texts


def test_tests_are_as_old_as_the_habit_says() -> None:
    def age_h(habit: Habit) -> float:
        code = next(Crowd(3, Paper(), habits={habit: 1}).visitors(NOW_S)).codes[1]
        return (NOW_S - int(code.split(b":")[1])) / 3_600

    assert 0 < age_h("in_order") < 72 < age_h("old_test")


def test_a_used_pass_was_used_by_somebody_before() -> None:
    seen: set[tuple[bytes, ...]] = set()
    reused = 0
    for visitor in people(5, 400):
        if visitor.habit == "used_pass":
            reused += 1
            assert visitor.codes in seen
        seen.add(visitor.codes)
    assert reused > 5


def test_the_tally_leaves_the_uninvited_out_of_the_limit() -> None:
    tally = Tally(limit=2)
    first, second, third, fourth = people(1, 4)
    tally.enter(first, invited=True)
    tally.enter(second, invited=True)
    tally.enter(third, invited=False)
    assert (tally.over_limit, tally.inside_peak) == (0, 3)
    tally.enter(fourth, invited=True)
    assert tally.over_limit == 1
    tally.leave(third)
    assert (tally.inside, tally.left, tally.over_limit) == (3, 1, 1)


def test_who_finds_a_long_queue_goes_away(tmp_path: Path) -> None:
    rig = Rig(Clock())
    devices = {
        "scanner": spec("scanner_text_line", tmp_path / "scan"),
        "gate": spec("gate_relay_lcus", tmp_path / "gate"),
    }
    rig.connect(
        "device", [LaneSpec("A", devices), LaneSpec("B", {"gate": spec("gate_relay_lcus", tmp_path / "out")})], tmp_path
    )
    hall = Hall(rig, iter(()), entries=["A"], exits=["B"], limit=5)
    for visitor in people(1, QUEUE_MAX + 3):
        hall._queue_up(visitor)
    assert (len(hall.entries[0].people), hall.tally.walked_by) == (QUEUE_MAX, 3)
    rig.close()


def test_one_who_crowds_steps_back_after_a_while(tmp_path: Path) -> None:
    rig = Rig(Clock(rate=20))
    devices = {
        "scanner": spec("scanner_text_line", tmp_path / "scan"),
        "gate": spec("gate_relay_lcus", tmp_path / "gate"),
    }
    rig.connect("device", [LaneSpec("A", devices)], tmp_path)
    queue = Hall(rig, iter(()), entries=["A"], exits=[], limit=5).entries[0]
    queue.people.extend(next(Crowd(1, Paper(), habits={"crowds": 1}).visitors(NOW_S)) for _ in range(5))

    def step_m() -> float:
        places = queue.places()
        assert [person.id for person in places] == [1, 2, 3]
        return places[1].y_m - places[0].y_m

    assert step_m() == pytest.approx(CLOSE_M)
    time.sleep(0.4)
    assert step_m() == pytest.approx(STEP_M)
    rig.close()


class World:
    """One entry, one exit, an obedient device, and a clock thirty times as fast."""

    def __init__(self, folder: Path, habits: dict[Habit, int], room: int = 1_000) -> None:
        self.clock = Clock(rate=30)
        self.rig = Rig(self.clock)
        entry = {
            "scanner": spec("scanner_text_line", folder / "scan"),
            "gate": spec("gate_relay_lcus", folder / "gate"),
        }
        leave = {
            "button": spec("contact_switch", pins={"contact": 6}, normally="open"),
            "gate": spec("gate_relay_pin", pins={"relay": 23}),
        }
        plan = [LaneSpec("A", entry), LaneSpec("B", leave)]
        self.device = Obedient(self.rig, plan, folder, self.clock, room)
        crowd = Crowd(11, Paper(), interval_ms=3_000, dwell_ms=5_000, habits=habits)
        self.hall = Hall(self.rig, crowd.visitors(NOW_S), entries=["A"], exits=["B"], limit=100)
        self.hall.start()

    def run(self, seconds: float, enough: object = None) -> Tally:
        end_ms = self.clock.elapsed_ms() + seconds * 1_000
        give_up = time.monotonic() + 30
        while not (enough() if callable(enough) else self.clock.elapsed_ms() > end_ms):
            assert time.monotonic() < give_up
            self.rig.agenda.at(self.clock.elapsed_ms() + 30, lambda: None)
            self.rig.turn()
            self.device.turn()
        return self.hall.tally


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(tmp_path, *request.param)
    yield world
    world.device.close()
    world.rig.close()


@pytest.mark.parametrize("world", [(STRAIGHT,)], indirect=True)
def test_people_come_in_and_go_out(world: World) -> None:
    tally = world.run(0, lambda: world.hall.tally.left >= 4)
    assert tally.entered - tally.left == tally.inside
    assert tally.passages == tally.entered + tally.left
    assert tally.gave_up == tally.sent_away == 0


@pytest.mark.parametrize("world", [({"no_test": 1}, 0)], indirect=True)
def test_who_is_refused_asks_twice_and_goes(world: World) -> None:
    tally = world.run(0, lambda: world.hall.tally.sent_away >= 2)
    assert tally.entered == 0
    assert len(world.device.scans) >= 4


@pytest.mark.parametrize("world", [({"in_order": 1, "tailgates": 1, "turns_back": 1, "wrong_way": 1},)], indirect=True)
def test_tailgaters_follow_and_others_turn_back(world: World) -> None:
    def enough() -> bool:
        tally = world.hall.tally
        return bool(tally.tailgated and tally.turned_back and tally.wrong_way)

    tally = world.run(0, enough)
    assert tally.entered >= tally.tailgated + tally.wrong_way
    assert tally.over_limit == 0
