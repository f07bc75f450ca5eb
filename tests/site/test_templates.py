"""The site files and the rulebook that a technician starts from are right as they stand."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from firmware.__main__ import main
from firmware.rulebook import book
from firmware.rulebook.contradictions import complaints
from tests.site.conftest import Bench

SITES = Path(__file__).parents[2] / "deploy" / "sites"


@pytest.mark.parametrize("name", ["entry", "exit", "staff"])
def test_a_template_passes_check_without_a_warning(
    bench: Bench, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a day of the plan, which its rulebook's dates are."""
    monkeypatch.setenv("HALLGATE_CLOCK", "rate=1,wall=2022-06-10T09:00:00+08:00")
    bench.write(text=(SITES / f"{name}.toml").read_text())
    bench.sign((SITES / "rulebook.toml").read_text())
    assert main(["check", "--site", str(bench.site)]) == 0
    said = capsys.readouterr()
    assert f"-{name}-1 in baoshan" in said.out and said.err == ""


def test_the_rulebook_is_the_plans() -> None:
    plan = book.parse((SITES / "rulebook.toml").read_bytes())
    days = [dt.date(2022, 5, 31), dt.date(2022, 6, 1), dt.date(2022, 6, 9), dt.date(2022, 6, 10)]
    assert complaints(plan) == []
    assert [plan.quota_on(day) for day in days] == [0, 900, 900, 1500]
    assert [plan.rules_for("visitor", day) is not None for day in days] == [False, True, True, True]
    assert (plan.classes["visitor"].pcr_validity_hours, plan.classes["staff"].antigen_days) == (72, 2)
