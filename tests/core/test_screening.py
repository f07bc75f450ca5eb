"""Masks, and when a thermometer may be believed (3.1.2c)."""

from __future__ import annotations

import pytest

from firmware.core import events
from firmware.core.records import CommandDone
from tests.core.evidence import HOLDER, OTHER, asked, attendant, card, door, terminal
from tests.core.stage import Stage

# -------------------------------------------------------------- masks


def test_a_veto_within_its_seconds_stops_the_gate_and_silence_opens_it() -> None:
    stage = door('mask = "veto"')
    assert asked(stage, stage.booking(1)) == ("wait", "mask_veto")
    stage.wait(1)
    terminal(stage)
    assert stage.gate == [], "what else is heard of them does not shorten it"
    stage.wait(2)
    assert stage.gate == ["open"]
    stopped = door('mask = "veto"')
    stopped.scan(stopped.booking(1))
    stopped.press(0.1)
    assert stopped.decision.answer == "refuse" and stopped.gate == []
    stopped.wait(5)
    assert stopped.gate == []


def test_a_terminal_sees_the_mask_and_the_rulebook_knows_who_needs_none() -> None:
    stage = door('mask = "terminal"')
    terminal(stage, mask=True)
    assert stage.scan(stage.booking(1)) == "admit"
    bare = door('mask = "terminal"')
    terminal(bare, mask=False)
    assert asked(bare, bare.booking(1)) == ("wait", "mask_asked")
    nobody_looked = door('mask = "terminal"')
    assert asked(nobody_looked, nobody_looked.booking(1)) == ("wait", "mask_asked")
    another = door('mask = "terminal"')
    terminal(another, mask=True, holder=OTHER)
    assert asked(another, another.booking(1, holder=HOLDER)) == ("wait", "mask_asked"), "it saw somebody else"
    attested = door('mask = "attest"')
    terminal(attested, mask=True)
    assert asked(attested, attested.booking(1)) == ("wait", "mask_asked"), "the rulebook wants a person's word"
    exempt = door('mask = "terminal"', '[mask]\nexempt_classes = ["visitor"]')
    assert exempt.scan(exempt.booking(1)) == "admit"


@pytest.mark.parametrize(("age_years", "expected"), [(5, "admit"), (6, "wait"), (40, "wait"), (None, "wait")])
def test_only_small_children_need_no_mask(age_years: int | None, expected: str) -> None:
    stage = door('mask = "attest"', "[mask]\nexempt_under_years = 6")
    assert asked(stage, stage.booking(1, holder=HOLDER), card(HOLDER, age_years=age_years))[0] == expected


def test_a_mask_is_attested_by_name() -> None:
    stage = door('mask = "attest"')
    stage.scan(stage.booking(1))
    stage.press()
    assert stage.gate == [] and "button_without_badge" in stage.alarms
    attendant(stage)
    assert stage.gate == ["open"]
    done = [record for record in stage.records if isinstance(record, CommandDone)]
    assert (done[-1].name, done[-1].issuer) == ("attest_mask", stage.badge(901).pass_id)


# -------------------------------------------------------------- the thermometer is evidence

WINDOW = "[thermometer]\nambient_min_c = 16\nambient_max_c = 35\nseries = 3\nspread_c = 0.3\nplausible_min_c = 34"


def measured(stage: Stage, *values: float, ambient: float = 22.0) -> None:
    for value in values:
        stage.do(events.TemperatureRead(lane="A", object_c=value, ambient_c=ambient), 0.3)


def test_only_a_stable_series_inside_the_window_is_judged() -> None:
    stage = door("temperature_max_c = 37.3", WINDOW, thermometer=True)
    stage.scan(stage.booking(1))
    measured(stage, 36.5, 30.0, 36.6)
    assert stage.gate == [], "a cup or a hand is no forehead"
    measured(stage, 36.5, 36.6, 36.5)
    assert stage.gate == ["open"]


def test_outside_its_surroundings_it_refuses_to_judge_and_the_staff_does() -> None:
    stage = door("temperature_max_c = 37.3", WINDOW, thermometer=True)
    stage.scan(stage.booking(1))
    measured(stage, 36.5, 36.5, 36.5, ambient=5.0)
    assert (stage.decision.answer, stage.because) == ("staff", "ambient_outside") and stage.gate == []
    assert [one.quality for one in stage.decision.trusted if one.reading == "temperature"] == ["doubtful"]


def test_an_elevated_reading_asks_for_a_clinical_one_and_isolates_nobody() -> None:
    stage = door("temperature_max_c = 37.3", thermometer=True)
    stage.scan(stage.booking(1))
    measured(stage, 38.4)
    assert stage.decision.answer == "staff" and stage.lane.state != "held"
    measured(stage, 36.5)
    assert stage.gate == [], "only a person's reading ends it, no second look at a cold wall"
    attendant(stage)
    assert stage.gate == ["open"]
    other = door("temperature_max_c = 37.3", thermometer=True)
    other.scan(other.booking(1))
    measured(other, 38.4)
    attendant(other, 2.5)
    assert other.gate == [] and (other.decision.answer, other.because) == ("staff", "clinical_elevated")
    assert other.lane.visit is None, "and they are not asked for another one"


# -------------------------------------------------------------- temperature by the terminal

FEVER_AT = "temperature_max_c = 37.3"
BY_TERMINAL = "[thermometer]\nterminal = true"


@pytest.mark.parametrize(
    ("celsius", "answer", "because"), [(36.6, "admit", ""), (37.3, "admit", ""), (37.4, "staff", "elevated")]
)
def test_a_terminals_temperature_counts_where_the_rulebook_lets_it(celsius: float, answer: str, because: str) -> None:
    stage = door(FEVER_AT, BY_TERMINAL).wait(60)
    terminal(stage, temperature_c=celsius)
    assert stage.scan(stage.booking(1)) == answer
    assert not because or stage.because == because


def test_a_terminals_temperature_counts_for_nothing_where_the_rulebook_does_not_let_it() -> None:
    stage = door(FEVER_AT, "[thermometer]\nterminal = false")
    terminal(stage, temperature_c=36.6)
    assert stage.scan(stage.booking(1)) != "admit" and stage.because == "thermometer_missing"


def test_who_was_not_measured_yet_is_asked_to_go_to_the_terminal() -> None:
    stage = door(FEVER_AT, BY_TERMINAL)
    assert asked(stage, stage.booking(1)) == ("wait", "temperature_asked")
    terminal(stage)
    assert stage.because == "temperature_asked", "a verdict without a reading is none of a temperature"
    terminal(stage, temperature_c=36.6)
    assert stage.decision.answer == "admit"


def test_a_terminal_that_is_broken_sends_nobody_to_it() -> None:
    stage = door(FEVER_AT, BY_TERMINAL)
    stage.do(events.DeviceHealth(lane="A", device="terminal", state="silent"))
    assert asked(stage, stage.booking(1)) == ("staff", "thermometer_missing")


def test_a_terminals_temperature_on_another_persons_card_is_not_theirs() -> None:
    stage = door(FEVER_AT, BY_TERMINAL)
    terminal(stage, temperature_c=36.6, holder=OTHER)
    assert asked(stage, stage.booking(1, holder=HOLDER)) == ("wait", "temperature_asked")


@pytest.mark.parametrize(("waits_s", "expected"), [(5, ("admit", "in_order")), (6, ("wait", "temperature_asked"))])
def test_a_terminals_temperature_grows_old_while_somebody_is_waited_for(
    waits_s: int, expected: tuple[str, str]
) -> None:
    stage = door(
        FEVER_AT + '\nmask = "attest"', f"{BY_TERMINAL}\n[sentinel]\nverdict_seconds = 5\n[mask]\nattest_seconds = 60"
    )
    terminal(stage, temperature_c=36.6)
    assert asked(stage, stage.booking(1)) == ("wait", "mask_asked")
    stage.wait(waits_s - 0.2)
    attendant(stage)
    assert (stage.decision.answer, stage.because) == expected
