"""The day simulation: the limit holds wherever rights are used, and the table of the design comes out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from firmware import __main__ as command_line
from firmware.simulation.day import POLICIES, Day, Plan, Policy, summary

NOON = (3 * 3_600_000.0, 4 * 3_600_000.0)
SMALL = Plan(limit=30, entries=(3, 1), exits=(1, 1), arrivals=(30, 60, 60, 60, 30), dwell=40)


@pytest.mark.parametrize("policy", [policy for policy in POLICIES if policy.startswith("rights")])
def test_rights_never_put_the_hall_over_its_limit(policy: Policy) -> None:
    found = summary(SMALL, policy, range(4), NOON)
    assert found.overshoot == 0 and found.utilisation > 40


def test_a_counter_that_fails_open_is_over_and_one_that_fails_closed_empties_the_hall() -> None:
    opened, closed = (summary(SMALL, policy, range(4), NOON) for policy in ("central-open", "central-closed"))
    assert opened.overshoot > 0
    assert closed.overshoot == 0 and closed.utilisation_outage < closed.utilisation - 3


def test_doors_that_know_only_their_own_go_over_while_the_hall_fills() -> None:
    assert summary(SMALL, "last-known", range(4), (600_000, 5_400_000)).overshoot > 0


def test_with_the_side_link_an_outage_costs_nothing() -> None:
    found = summary(SMALL, "rights-side-link", range(4), NOON)
    central = summary(SMALL, "central-closed", range(4), None)
    assert abs(found.utilisation - found.utilisation_outage) <= 0.5
    assert abs(found.utilisation - central.utilisation) <= 1.0, "rights waste next to nothing"


def test_a_whole_day_of_seven_doors_takes_less_than_ten_thousand_rows() -> None:
    tally = Day(Plan(), "rights-side-link", 1, NOON).run()
    assert tally.overshoot == 0 and tally.came == 2_019 and tally.rows < 10_000


def test_the_same_seed_is_the_same_day() -> None:
    first, again = (Day(SMALL, "rights-mqtt", 7, NOON).run() for _ in range(2))
    assert first == again != Day(SMALL, "rights-mqtt", 8, NOON).run()


# ---------------------------------------------------------------- the command


def test_the_table_comes_in_both_languages_and_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "hall.toml"
    plan.write_text("limit = 10\nentries = [1]\nexits = [1]\narrivals = [20, 20]\n")
    words = ["simulate", "day", "--seeds", "2", "--plan", str(plan), "--outage", "10:00-10:30"]
    assert command_line.main([*words, "--lang", "en"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert len(table) == 1 + len(POLICIES) and table[0].startswith("policy")
    assert command_line.main([*words, "--lang", "zh", "--policy", "rights"]) == 0
    assert "名额制" in capsys.readouterr().out
    assert command_line.main([*words, "--json", "--policy", "rights-mqtt"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["policy"], found["overshoot"], found["arrivals"]) == ("rights-mqtt", 0, 40)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--outage", "noon"], "no time of the day"),
        (["--outage", "25:00-26:00"], "no time of the day"),
        (["--outage", "13:00-12:00"], "must begin after"),
        (["--seeds", "0"], "1 to 1000"),
        (["--limit", "0"], "cannot be simulated"),
        (["--plan", "/nowhere.toml"], "cannot be read"),
    ],
)
def test_what_cannot_be_meant_is_said(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["simulate", "day", "--lang", "en", *words]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("text", ["limit = 'x'", "doors = 7", "limit = ", "\x00"])
def test_a_plan_that_is_none_is_a_mistake(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "hall.toml"
    plan.write_text(text)
    assert command_line.main(["simulate", "day", "--plan", str(plan)]) == 2
    said = capsys.readouterr().err
    assert str(plan) in said and ("is no plan of a hall" in said or "hall.toml:1: is no TOML" in said)


def test_the_last_known_count_goes_far_over_when_the_outage_comes_while_a_hall_fills_fast() -> None:
    """Over 60 places in the design's hall; our default day fills slowly and goes over by about 13."""
    fast = Plan(arrivals=(330.0, 340.0, 330.0, 270.0, 270.0, 220.0, 159.0, 100.0))
    morning, noon = (1_200_000.0, 4_800_000.0), (10_800_000.0, 14_400_000.0)
    assert Day(fast, "last-known", 1, noon).run().overshoot == 0
    assert max(Day(fast, "last-known", seed, morning).run().overshoot for seed in range(1, 6)) > 40
    assert max(Day(Plan(), "last-known", seed, morning).run().overshoot for seed in range(1, 6)) < 40
