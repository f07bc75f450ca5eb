"""A local rule, no clause of the plan, off by default: temperature. Elevated leads to the staff desk, never isolation.

The thermometer takes no medical decision, and outside its window or without a stable series it refuses to judge at all.
An elevated value is evidence that asks for a clinical reading by a person; that reading alone decides.
"""

from __future__ import annotations

from firmware.core.series import Measured, measure
from firmware.rules.registered import theirs
from firmware.rules.verdict import Case, Verdict, attested

CLAUSE = "local.temperature"


def judge(case: Case) -> Verdict | None:
    limit = case.rules.temperature_max_c if case.rules else None
    if limit is None or case.rules is None:
        return None
    word, visit = attested(case, "clinical"), case.lane.visit
    if word is not None:
        return _elevated(case, "clinical_elevated") if word.no else _clinical()
    if visit is not None and visit.asked == "clinical":  # a person's reading ends it, no second look at a cold wall
        return _elevated(case, "elevated")
    measured = case.measured
    if measured is None:
        return case.doubt(CLAUSE, "sensor_missing", "thermometer_missing")
    if measured.value_c is None:
        return _ask(case, measured)
    return _elevated(case, "elevated") if measured.value_c > limit else None


def measured_of(case: Case) -> Measured | None:
    """By the lane's thermometer; else by the sentinel, where the rulebook lets it. None: nothing measures here."""
    rules = case.rulebook.thermometer
    if case.setup.thermometer and "thermometer" not in case.lane.broken:
        return measure(case.lane.temperatures, rules, case.moment.elapsed_ms)
    said = case.sentinel
    if not rules.terminal:
        return None
    if said is not None and said.temperature_c is not None and theirs(case, said):
        fresh = case.moment.elapsed_ms - said.at_ms <= case.rulebook.sentinel.verdict_seconds * 1000
        return Measured(said.temperature_c if fresh else None, said.at_ms, "" if fresh else "asked")
    return Measured(None, because="asked") if case.setup.terminal and "terminal" not in case.lane.broken else None


def _elevated(case: Case, because: str) -> Verdict:
    assert case.rules is not None
    leads_to = case.rules.on_fail.temperature
    waits = because == "elevated" and leads_to == "staff" and not case.final
    return Verdict(CLAUSE, leads_to, because, phrase="staff", asks_for="clinical" if waits else "")


def _clinical() -> Verdict:
    return Verdict(CLAUSE, "admit", "clinical_in_order", phrase="admit")


def _ask(case: Case, measured: Measured) -> Verdict | None:
    if case.final or not measured.curable:
        return case.doubt(CLAUSE, "sensor_missing", "no_reading" if measured.because == "asked" else measured.because)
    because = f"temperature_{measured.because}"
    return Verdict(CLAUSE, "wait", because, phrase="take_temperature", asks_for="temperature")
