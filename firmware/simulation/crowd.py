"""Who comes: people with codes, habits and patience, all drawn from one seed.

The same seed gives the same people in the same order with the same habits; only the signatures on their codes differ,
because every demo has fresh keys. Most are in order; some are what a door must be ready for.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

Habit = Literal[
    "in_order",
    "old_test",
    "no_test",
    "no_booking",
    "early",
    "used_pass",
    "garbled_code",
    "turns_back",
    "tailgates",
    "wrong_way",
    "crowds",
]

HABITS: dict[Habit, int] = {
    "in_order": 65,
    "old_test": 5,
    "no_test": 3,
    "no_booking": 3,
    "early": 3,
    "used_pass": 4,
    "garbled_code": 4,
    "turns_back": 4,
    "tailgates": 3,
    "wrong_way": 1,
    "crowds": 5,
}
"""How many of a hundred people do what."""

STRAIGHT: dict[Habit, int] = {"in_order": 1}
"""A crowd in which everybody is in order."""

HOUR_S = 3_600


class Office(Protocol):
    """Who signs the codes (`firmware.simulation.issuer.Issuer` does)."""

    def booking(self, not_before_s: int, expires_s: int, *, slot: tuple[int, int] | None = None) -> str: ...

    def test_certificate(self, sampled_s: int, *, person: int = 0) -> str: ...


@dataclass(frozen=True, slots=True)
class Visitor:
    """One person. Times in ms: `arrives` after the one before, `walks` to the gate, `dwells` inside."""

    number: int
    habit: Habit
    codes: tuple[bytes, ...]
    """What they hold in front of the scanner, in this order."""
    arrives_ms: float
    walks_ms: float
    reacts_ms: float
    transit_ms: float
    dwells_ms: float
    temperature_c: float

    @property
    def may_enter(self) -> bool:
        """By the rules, if there is room."""
        return self.habit in ("in_order", "turns_back", "crowds")


class Crowd:
    """An endless row of visitors. `interval_ms` and `dwell_ms` are means; `test_hours` how old a good test may be."""

    def __init__(
        self,
        seed: int,
        office: Office,
        *,
        interval_ms: float = 5_000,
        dwell_ms: float = 90_000,
        habits: dict[Habit, int] | None = None,
        test_hours: int = 72,
    ) -> None:
        self._random = random.Random(seed)
        self._office = office
        self._interval_ms, self._dwell_ms = interval_ms, dwell_ms
        self._habits = HABITS if habits is None else habits
        self._test_hours = test_hours
        self._used: list[tuple[bytes, ...]] = []
        """Codes of people who came before."""

    def visitors(self, now_s: int) -> Iterator[Visitor]:
        """People with slots around wall time `now_s` (seconds since 1970)."""
        number = 0
        while True:
            number += 1
            habit = self._random.choices(list(self._habits), list(self._habits.values()))[0]
            if habit == "used_pass" and len(self._used) < 3:
                habit = "in_order"  # nobody has used one yet
            yield self._visitor(number, habit, now_s)

    def _visitor(self, number: int, habit: Habit, now_s: int) -> Visitor:
        draw = self._random
        codes = self._codes(number, habit, now_s)
        if habit == "in_order":
            self._used = [*self._used[-9:], codes]
        return Visitor(
            number=number,
            habit=habit,
            codes=codes,
            arrives_ms=draw.expovariate(1 / self._interval_ms),
            walks_ms=draw.uniform(800, 2_000),
            reacts_ms=draw.uniform(300, 900),
            transit_ms=draw.uniform(500, 900),
            dwells_ms=draw.uniform(0.4, 1.6) * self._dwell_ms,
            temperature_c=round(draw.gauss(36.4, 0.2), 1),
        )

    def _codes(self, number: int, habit: Habit, now_s: int) -> tuple[bytes, ...]:
        """Always the same number of draws, so that habits do not disturb each other's people."""
        noise = self._random.randbytes(40)
        test_age_s = self._random.uniform(0.05, 0.9) * self._test_hours * HOUR_S
        used = self._random.choice(self._used[:-2]) if len(self._used) > 2 else ()
        if habit == "wrong_way" or habit == "tailgates":
            return ()
        if habit == "used_pass":
            return used
        if habit == "old_test":
            test_age_s += (self._test_hours + 1) * HOUR_S
        start_s = now_s + (6 * HOUR_S if habit == "early" else -HOUR_S)
        booking = self._office.booking(now_s - HOUR_S, start_s + 12 * HOUR_S, slot=(start_s, start_s + 8 * HOUR_S))
        test = self._office.test_certificate(int(now_s - test_age_s), person=number)
        pair = (booking.encode(), test.encode())
        return {
            "no_test": pair[:1],
            "no_booking": pair[1:],
            "garbled_code": (pair[0][: len(pair[0]) // 2] + noise.replace(b"\r", b"").replace(b"\n", b""),),
        }.get(habit, pair)
