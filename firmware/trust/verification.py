"""What this device believes: its trust list, the hall's key, the roster of the day and what was revoked.

A code's text goes in here and does not come out. What roster and revocations know of a pass becomes part of its fact,
so that the journal can be replayed without either of them.
"""

from __future__ import annotations

import datetime as dt
import os
from typing import TypeVar

import msgspec

from firmware.clock import Clock
from firmware.core import passes, pseudonym, roster
from firmware.core.facts import AnyFact, Booking, Card, HealthTest, OtherHealth, Unproved
from firmware.core.revocations import Revocations
from firmware.core.roster import BookingLine, Roster, StaffLine
from firmware.core.trust_list import TrustList
from sensors import resident_number
from sensors.readings import IdentityCard, TerminalVerdict

DAY_MS, QUARTER_MS = 86_400_000, 900_000
Signed = TypeVar("Signed", bound=Booking | HealthTest | OtherHealth)
ROSTERS = 2
"""Today's, and tomorrow's when it comes in the evening."""


class Verifier:
    """Judges code texts and cards. The pseudonym of a person changes with the hall's calendar day."""

    def __init__(self, clock: Clock, trust: TrustList, hall_key: bytes | None, hall: str = "") -> None:
        self.clock, self.trust, self.hall_key, self.hall = clock, trust, hall_key, hall
        self.trust_of_file = trust
        self.key_of_this_run = os.urandom(32)
        """Hides document numbers where the site has no hall key: then nothing matches a card beyond this run."""
        self.zone: dt.tzinfo = dt.UTC
        self._offset: tuple[int, dt.tzinfo, int] = (-1, dt.UTC, 0)
        """(quarter of an hour, zone, what the hall's clocks were ahead of UTC in it, milliseconds)."""
        self.revocations = Revocations()
        self.rosters: tuple[Roster, ...] = ()
        """By day, the oldest first."""

    def __call__(self, text: bytes, t_ms: float) -> AnyFact:
        fact = passes.verify(text, self.trust, self.hall_key, str(self._day_number()))
        if isinstance(fact, Unproved):
            return self._of_number(text.strip(), self._hidden(fact))
        return self._for_today(self._known(fact) if isinstance(fact, Booking) else fact)

    def identity(self, reading: IdentityCard) -> Card:
        """What is left of an identity card: keyed hashes, and an age in years when the day is certain."""
        number, day = reading.number.reveal(), str(self._day_number())
        secret = self.hall_key or self.key_of_this_run
        holder = pseudonym.of_holder(self.hall_key, number)
        fact = Card(
            sha256=pseudonym.of_card(secret, day, number),
            person=pseudonym.of_the_day(secret, day, holder or number),
            holder=holder,
            age_years=self._age(reading.born.reveal()),
            resident=reading.resident,
        )
        return self.card(fact)

    def shown(self, verdict: TerminalVerdict) -> tuple[str, str | None]:
        """(keyed hash of what a terminal was shown, holder where that was a sound identity number)."""
        text = verdict.shown.reveal() if verdict.shown else ""
        if not text:
            return "", None
        number = text.upper() if verdict.shown_by == "id" and not resident_number.flaw(text.upper()) else ""
        holder = self._of_today(pseudonym.of_holder(self.hall_key, number)) if number else None
        return pseudonym.of_card(self.hall_key or self.key_of_this_run, str(self._day_number()), text), holder

    def card(self, card: Card) -> Card:
        """The card with the line of today's roster that it stands for."""
        today = self._today()
        line = today.by_holder.get(card.holder or "") if today else None
        booking = self._for_today(self._booked(line, today)) if line and today else None
        return msgspec.structs.replace(card, holder=self._of_today(card.holder), booking=booking)

    def take(self, new: Roster) -> bool:
        """Use this roster on its day. The two latest days are kept: False when the new one is older than those."""
        others = [each for each in self.rosters if each.day != new.day]
        kept = sorted([*others, new], key=lambda each: each.day)[-ROSTERS:]
        if new in kept:
            self.rosters = tuple(kept)
        return new in kept

    def _hidden(self, fact: Unproved) -> Unproved:
        """With a keyed hash of what was read: it may be a person's number, and there are few enough to try them all."""
        secret = self.hall_key or self.key_of_this_run
        return msgspec.structs.replace(fact, sha256=pseudonym.of_card(secret, str(self._day_number()), fact.sha256))

    def _for_today(self, fact: Signed) -> Signed:
        lasting = {"holder": getattr(fact, "holder", None), "subject": getattr(fact, "subject", None)}
        today = {name: self._of_today(value) for name, value in lasting.items() if value}
        return msgspec.structs.replace(fact, **today) if today else fact

    def _of_today(self, holder: str | None) -> str | None:
        """A holder or subject as it leaves this room: enough to match pass, card, certificate and terminal today only.

        Roster and revocations were asked before, by the lasting hash, which therefore is in no journal.
        """
        return pseudonym.holder_of_the_day(self.hall_key, str(self._day_number()), holder) if holder else None

    # ------------------------------------------------------------ the roster

    def _day_number(self) -> int:
        wall_ms = self.clock.wall_ms()
        return (wall_ms + self._utc_offset_ms(wall_ms)) // DAY_MS

    def _utc_offset_ms(self, wall_ms: int) -> int:
        """Asked of the zone once in a quarter of an hour: summer time begins, and a clock is set, without a new rulebook."""
        quarter, zone, offset_ms = self._offset
        if (quarter, zone) != (wall_ms // QUARTER_MS, self.zone):
            ahead = dt.datetime.fromtimestamp(wall_ms / 1000, self.zone).utcoffset() or dt.timedelta()
            offset_ms = int(ahead.total_seconds() * 1000)
            self._offset = (wall_ms // QUARTER_MS, self.zone, offset_ms)
        return offset_ms

    def _age(self, born: str) -> int | None:
        birth = resident_number.birth_date(born) if self.clock.trusted else None
        today = dt.date(1970, 1, 1) + dt.timedelta(days=self._day_number())
        return resident_number.age_years(birth, today) if birth else None

    def _today(self) -> Roster | None:
        """The roster of the local day. With a doubtful clock the latest one: the rules know the doubt and decide."""
        if not self.clock.trusted:
            return self.rosters[-1] if self.rosters else None
        return next((each for each in self.rosters if _number_of(each.day) == self._day_number()), None)

    def _of_number(self, text: bytes, unknown: Unproved) -> AnyFact:
        """A short number, typed or read: it stands for a line of today's roster or for nothing."""
        today = self._today() if unknown.because == "unknown_format" else None
        if today is None or not text.isdigit() or not roster.NUMBER_DIGITS[0] <= len(text) <= roster.NUMBER_DIGITS[1]:
            return unknown
        line = today.by_number.get(text.decode("ascii"))
        return (
            self._for_today(self._booked(line, today))
            if line
            else msgspec.structs.replace(unknown, because="not_in_roster")
        )

    def _booked(self, line: BookingLine, today: Roster) -> Booking:
        midnight = dt.datetime.combine(today.day, dt.time(), self.zone)
        start_s = int(midnight.timestamp())
        day = str(self._day_number())
        return self._known(roster.booked(line, today, self.hall, start_s, self.hall_key, day))

    def _known(self, fact: Booking) -> Booking:
        """With what the hub told of this pass: withdrawn or not, and a staff member's tests and posts."""
        revoked = self.revocations.names(fact)
        line = self._duty(fact) if fact.key_kind == "staff" else None
        if line is not None:
            fact = msgspec.structs.replace(fact, tests=roster.tests_of(line), zones=line.zones, bands=line.bands)
        return msgspec.structs.replace(fact, revoked=True) if revoked else fact

    def _duty(self, badge: Booking) -> StaffLine | None:
        """Today's line of a member of the staff, else the newest there is.

        Tomorrow's roster comes in the evening, and tonight's posts and hours are still today's.
        """
        today = self._today()
        newest_first = ([today] if today else []) + list(reversed(self.rosters))
        return next((line for each in newest_first if (line := each.staff(badge)) is not None), None)


def _number_of(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days
