"""What a decision trusted, with the age and the quality of each reading: evidence, never a diagnosis.

`good` was measured or said inside what the rulebook asks; `assumed` comes from a device that checks itself; `doubtful`
was there and was not judged by: an old verdict, a thermometer outside its window, an untrusted clock.
"""

from __future__ import annotations

from collections.abc import Iterator

from firmware.core.records import Evidence
from firmware.rules import registered, temperature
from firmware.rules.verdict import Case


def trusted(case: Case) -> tuple[Evidence, ...]:
    """The clock always; the rest where there is any."""
    return (Evidence("clock", 0, "good" if case.moment.trusted else "doubtful"), *_readings(case))


def _readings(case: Case) -> Iterator[Evidence]:
    now = case.moment.elapsed_ms
    if case.unproved is None:
        yield from _temperature(case, now)
        if case.sentinel is not None:
            counted = registered.sentinel(case) is not None
            yield Evidence("sentinel", max(0, now - case.sentinel.at_ms), "good" if counted else "doubtful")
        granted = registered.venue_code(case)
        if granted is not None:
            yield Evidence("venue_code", max(0, now - granted.at_ms))
        for word in case.lane.visit.attested if case.lane.visit else ():
            yield Evidence(f"attested_{word.what}", max(0, now - word.at_ms))


def _temperature(case: Case, now_ms: int) -> Iterator[Evidence]:
    if case.temperature is None and (case.sentinel is None or case.sentinel.temperature_c is None):
        return
    measured = temperature.measured_of(case)
    if measured is None or not measured.at_ms:
        if case.temperature is not None:
            yield Evidence("temperature", max(0, now_ms - case.temperature.at_ms), "doubtful")
    elif measured.value_c is None:
        yield Evidence("temperature", max(0, now_ms - measured.at_ms), "doubtful")
    else:
        own = case.setup.thermometer and "thermometer" not in case.lane.broken
        yield Evidence("temperature", max(0, now_ms - measured.at_ms), "good" if own else "assumed")
