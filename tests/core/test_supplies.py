"""3.1.6: every use of a dispenser is on the ledger once, and somebody hears of it before it is empty."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.core import events
from firmware.core.controller import Controller
from firmware.core.records import Alarm, CommandDone, Supply
from firmware.core.state import LaneSetup
from firmware.errors import HallgateError
from firmware.rulebook.book import parse
from tests.core.stage import ZONE, Stage, rulebook

LANES = (
    LaneSetup(name="A", direction="in", passage_sensor=True, button=True),
    LaneSetup(name="B", direction="in", passage_sensor=True, button=True),
)
RULES = """[supplies]
report_minutes = 10
[[supplies.item]]
name = "gel"
lane = "A"
full_units = 10
low_units = 3
[[supplies.item]]
name = "masks"
lane = "B"
per_use = 2
full_units = 6
low_units = 2
[[supplies.item]]
name = "tests"
lane = "another-door"
full_units = 6
"""


def hall(more: str = RULES, **stage: Any) -> Stage:
    return Stage(**{"lanes": LANES, "more": more, **stage})


def use(stage: Stage, times: int = 1, lane: str = "A") -> Stage:
    for _ in range(times):
        stage.contact("dispenser", True, lane).wait(0.3)
        stage.contact("dispenser", False, lane).wait(0.3)
    return stage


def ledger(stage: Stage, item: str = "gel") -> list[tuple[str, int, int]]:
    return [(one.state, one.used, one.left) for one in stage.records if isinstance(one, Supply) and one.item == item]


def low(stage: Stage) -> list[tuple[bool, str]]:
    return [(one.active, one.detail) for one in stage.records if isinstance(one, Alarm) and one.alarm == "supply_low"]


def refill(stage: Stage, item: str, n: int | None = None) -> str:
    body: dict[str, Any] = {"item": item} if n is None else {"item": item, "n": n}
    stage.do(events.CommandArrived(id=f"o{stage.now}", name="refill", issuer="stores", body=body))
    return [one.because for one in stage.records if isinstance(one, CommandDone)][-1]


def test_uses_come_together_and_what_a_badge_took_at_once() -> None:
    stage = use(hall(), 3)
    assert ledger(stage) == []
    assert ledger(stage.wait(600)) == [("used", 3, 7)]
    stage.wait(3_600)
    assert ledger(stage) == [("used", 3, 7)], "nothing was used, nothing is told"
    stage.scan(stage.badge(900))
    use(stage)
    assert ledger(stage)[1:] == [("issued", 4, 6)]
    found = [one for one in stage.records if isinstance(one, Supply)][-1]
    assert found.by == stage.lane.badge and found.lane == "A"


def test_what_is_taken_when_the_badge_is_forgotten_again_is_anybodys() -> None:
    stage = hall()
    stage.scan(stage.badge(900))
    assert ledger(use(stage.wait(60))) == []
    assert ledger(stage.wait(600)) == [("used", 1, 9)]


@pytest.mark.parametrize(("seconds", "state"), [(10.0, ["issued"]), (10.001, [])])
def test_a_badge_is_good_up_to_its_last_moment(seconds: float, state: list[str]) -> None:
    stage = hall()
    stage.scan(stage.badge(900))
    stage.wait(seconds).contact("dispenser", True)
    assert [row[0] for row in ledger(stage)] == state


def test_low_and_empty_are_told_once_until_it_is_filled() -> None:
    stage = use(hall(), 12)
    assert [row for row in ledger(stage) if row[0] != "used"] == [("low", 7, 3), ("empty", 10, 0)]
    assert low(stage) == [(True, "gel 3")]
    assert refill(stage, "gel", 2) == "" and low(stage) == [(True, "gel 3")], "two are still too few"
    assert refill(stage, "gel") == "" and low(stage) == [(True, "gel 3"), (False, "")]
    assert ledger(stage)[-1] == ("refilled", 12, 10)


def test_what_is_gone_at_once_was_never_low() -> None:
    stage = use(hall(RULES.replace("low_units = 3", "low_units = 0")), 10)
    assert ledger(stage) == [("empty", 10, 0)] and low(stage) == [(True, "gel 0")]


def test_an_item_that_the_rulebook_drops_wakes_nobody_for_its_report() -> None:
    stage = use(hall(), 1, "B").wait(601)
    use(stage)
    without_gel = RULES.replace('lane = "A"', 'lane = "another-lane"')
    stage.do(events.RulebookLoaded(text=rulebook(serial=8, more=without_gel), kid="k"))
    assert stage.wake is None or stage.wake / 1000 > stage.now + 86_400, "only a day far away is waited for"


def test_one_alarm_names_everything_that_is_low() -> None:
    stage = use(use(hall(), 7), 2, "B")
    assert low(stage) == [(True, "gel 3"), (True, "gel 3, masks 2")]
    refill(stage, "gel")
    assert low(stage)[-1] == (True, "masks 2")
    refill(stage, "masks")
    assert low(stage)[-1] == (False, "")


@pytest.mark.parametrize(
    ("item", "n", "because"),
    [
        ("soap", None, "no_such_item"),
        ("tests", None, "no_such_item"),
        ("gel", -1, "units_out_of_range"),
        ("gel", True, "units_out_of_range"),
        ("gel", 1_000_001, "units_out_of_range"),
        ("gel", 0, ""),
        ("gel", 1_000_000, ""),
    ],
)
def test_an_order_that_cannot_be(item: str, n: int | None, because: str) -> None:
    assert refill(hall(), item, n) == because


def test_a_dispenser_that_nobody_counts_is_nothing() -> None:
    stage = use(hall(""), 3).wait(3_600)
    assert not stage.records and not stage.controller.state.supplies


def test_a_restart_tells_what_was_still_to_be_told_and_a_rulebook_without_the_item_forgets_nothing() -> None:
    stage = use(hall(), 2)
    stage.start("boot-2")
    assert ledger(stage.wait(1)) == [("used", 2, 8)]
    use(stage)
    stage.do(events.RulebookLoaded(text=rulebook(serial=8), kid="k"))
    stage.wait(3_600)
    stage.do(events.RulebookLoaded(text=rulebook(serial=9, more=RULES), kid="k"))
    assert ledger(stage.wait(1))[-1] == ("used", 3, 7)


def test_a_restored_controller_goes_on_counting() -> None:
    stage = use(hall(), 2)
    stage.controller = Controller.restore(stage.controller.snapshot(), lambda _: ZONE)
    assert ledger(use(stage).wait(601)) == [("used", 3, 7)]


@given(st.lists(st.one_of(st.integers(1, 900), st.sampled_from(["use", "badge", "refill", "two more"])), max_size=30))
def test_the_ledger_holds_every_use_once(moves: list[int | str]) -> None:
    stage, uses, left = hall(), 0, 10
    for move in moves:
        if isinstance(move, int):
            stage.wait(move)
        elif move == "use":
            use(stage)
            uses, left = uses + 1, max(0, left - 1)
        elif move == "badge":
            stage.scan(stage.badge(900))
        else:
            refill(stage, "gel", None if move == "refill" else 2)
            left = 10 if move == "refill" else left + 2
    stage.wait(601)
    rows = ledger(stage)
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)
    assert (rows[-1][1:] if rows else (0, 10)) == (uses, left)
    told = [active for active, _ in low(stage)]
    assert (bool(told) and told[-1]) == (left <= 3)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (('name = "masks"', 'name = "gel"'), "name"),
        (('lane = "B"', 'lane = "A"'), "lane"),
        (("low_units = 3", "low_units = 10"), "low_units"),
        (("per_use = 2", "per_use = 0"), "per_use"),
        (("report_minutes = 10", "report_minutes = 0"), "report_minutes"),
    ],
)
def test_what_nobody_can_have_meant(change: tuple[str, str], key: str) -> None:
    with pytest.raises(HallgateError, match=key):
        parse(rulebook(more=RULES.replace(*change)))
