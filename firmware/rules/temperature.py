"""A local rule, no clause of the plan, off by default: temperature. Elevated leads to the staff desk, never isolation.

The thermometer takes no medical decision: an elevated value asks for a clinical reading by a person.
"""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict

CLAUSE = "local.temperature"
FRESH_MS = 10_000
"""An older reading is somebody else's."""


def judge(case: Case) -> Verdict | None:
    limit = case.rules.temperature_max_c if case.rules else None
    if limit is None or case.rules is None:
        return None
    if not case.setup.thermometer or "thermometer" in case.lane.broken:
        return case.doubt(CLAUSE, "sensor_missing", "thermometer_missing")
    reading = case.temperature
    if reading is None or case.moment.elapsed_ms - reading.at_ms > FRESH_MS:
        return _ask(case)
    return (
        Verdict(CLAUSE, case.rules.on_fail.temperature, "elevated", phrase="staff") if reading.value > limit else None
    )


def _ask(case: Case) -> Verdict | None:
    if case.final:
        return case.doubt(CLAUSE, "sensor_missing", "no_reading")
    return Verdict(CLAUSE, "wait", "temperature_asked", phrase="take_temperature", asks_for="temperature")
