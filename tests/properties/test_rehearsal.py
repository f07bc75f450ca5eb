"""A rehearsal of the rules that were in force changes nothing, whatever happened; of any others it never fails."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.simulation import rehearsal_report
from firmware.simulation.stories import changes
from tests.core.stage import rulebook
from tests.properties.test_any_order import BOOK, LANES, happenings, play
from tests.properties.test_monotone import REQUIREMENTS
from tests.simulation.recorded import Recorded


class Days(Recorded):
    """A recorded device at the doors of the other property."""

    def __init__(self) -> None:
        self.disk, self.broken = True, set[str]()
        super().__init__(lanes=LANES, **BOOK)


def recorded(happened: list[tuple[str, Any, str]]) -> Days:
    stage = Days()
    for each in happened:
        stage.wait(1)
        play(stage, *each)  # type: ignore[arg-type]
    stage.wait(60)
    return stage


@settings(max_examples=150, deadline=None)
@given(st.lists(happenings, max_size=40))
def test_the_rules_that_were_in_force_change_nothing(happened: list[tuple[str, Any, str]]) -> None:
    stage = recorded(happened)
    done = stage.under(text=rulebook(serial=8, **BOOK))
    found = rehearsal_report.figures(done)
    assert found["changes"] == [] and found["assumed_passages"] == found["passages_that_fell_away"] == 0
    assert found["answers"]["then"] == found["answers"]["now"] and found["passages"]["then"] == found["passages"]["now"]
    then, now = stage.controller.state, done.twin.state
    assert (then.rights.free, then.recount_needed, then.used) == (now.rights.free, now.recount_needed, now.used)


@settings(max_examples=150, deadline=None)
@given(st.lists(happenings, max_size=40), st.lists(st.sampled_from(REQUIREMENTS), max_size=3))
def test_any_rules_are_rehearsed_and_bodies_stay_bodies(
    happened: list[tuple[str, Any, str]], others: list[str]
) -> None:
    stage = recorded(happened)
    done = stage.under(text=changes.changed(rulebook(serial=8, **BOOK), *others))
    found = rehearsal_report.figures(done)
    table = rehearsal_report.table(found, "zh") + rehearsal_report.table(found, "en")
    assert "then" in table and found["passages"]["now"] >= 0
    assert sum(found["answers"]["then"].values()) == sum(found["answers"]["now"].values())
    assert found["passages"]["now"] <= found["passages"]["then"] + found["assumed_passages"]
