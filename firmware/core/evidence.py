"""What a decision trusted, with the age and the quality of each reading: evidence, never a diagnosis.

`good` was measured or said inside what the rulebook asks; `assumed` comes from a device that checks itself; `doubtful`
was there and was not judged by: an old verdict, a thermometer outside its window, an untrusted clock.
"""

from __future__ import annotations

from typing import Literal

from firmware.core.records import Evidence
from firmware.rules import registered
from firmware.rules.verdict import Case


def trusted(case: Case) -> tuple[Evidence, ...]:
    """The clock always; the rest where there is any."""
    clock = CLOCK_GOOD if case.moment.trusted else CLOCK_DOUBTFUL
    return (clock, *_readings(case)) if case.unproved is None else (clock,)


CLOCK_GOOD, CLOCK_DOUBTFUL = Evidence("clock", 0, "good"), Evidence("clock", 0, "doubtful")


def _readings(case: Case) -> list[Evidence]:
    now, lane, found = case.moment.elapsed_ms, case.lane, _temperature(case)
    if case.sentinel is not None:
        counted = registered.sentinel(case) is not None
        found.append(Evidence("sentinel", max(0, now - case.sentinel.at_ms), "good" if counted else "doubtful"))
    granted = registered.venue_code(case) if lane.venue else None
    if granted is not None:
        found.append(Evidence("venue_code", max(0, now - granted.at_ms)))
    for word in lane.visit.attested if lane.visit is not None else ():
        found.append(Evidence(f"attested_{word.what}", max(0, now - word.at_ms)))
    return found


def _temperature(case: Case) -> list[Evidence]:
    """A reading that was there is named even where it could not be judged by."""
    measured, own = case.measured, case.lane.temperature
    if own is None and (case.sentinel is None or case.sentinel.temperature_c is None):
        return []
    judged = measured is not None and measured.at_ms > 0
    at_ms = measured.at_ms if measured is not None and judged else own.at_ms if own is not None else None
    if at_ms is None:
        return []
    return [Evidence("temperature", max(0, case.moment.elapsed_ms - at_ms), _quality(case))]


def _quality(case: Case) -> Literal["good", "assumed", "doubtful"]:
    if case.measured is None or not case.measured.at_ms or case.measured.value_c is None:
        return "doubtful"
    return "good" if case.setup.thermometer and "thermometer" not in case.lane.broken else "assumed"
