"""A new rulebook against recorded days: what the journal says came to the doors, judged by other rules.

Facts are recorded, people are not: what they would have done otherwise is assumed, always the same way, and counted.
 - Who is refused now does not pass, and does not leave later. Bodies leave in the order they came in.
 - Who is let in now and was not then passes when the grant ends or the next person scans, and stays as long as others.
 - Who has to wait now and had not to then tries again every minute for an hour; who is early comes when the slot opens.
 - Who is asked for a proof that nobody asked for then has not shown it: the answer is not known, and nobody passes.
 - The air is as it was measured and supplies are used as they were, however many come in.
Peers of the hall do as they did. The device's own records say the rest.
"""

from __future__ import annotations

import statistics
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from firmware.core import events
from firmware.core.facts import AnyFact, Booking, Unproved
from firmware.core.records import Alarm, AnyRecord, Decision, Passage, Round
from firmware.journal_entry import Entry
from firmware.simulation.attempts import Attempt, Body, Wait, asks, instead, reason
from firmware.simulation.twin import Twin

RETRY_S, RETRIES_MAX, FREE_AGAIN_S = 60, 60, 5
COLLECT_S = 30
"""Codes at one lane that come within this time after another was asked for belong to one attempt."""
STAY_S = 1_800
"""Assumed until somebody was seen to leave."""
NO_PLACE_MISSING = ("early", "take_turn")
"""Told to wait, and not for a place."""
INSIDE_MAX = 50_000
STAYS_KEPT = 500


class Rehearsal:
    """Feed it every entry, in order; then read `attempts`, `waits`, `peaks` and the counts."""

    def __init__(self, inc: str, rulebook: bytes, shift_s: int = 0) -> None:
        self.twin = Twin(inc, rulebook, shift_s, self._heard)
        self.attempts: list[Attempt] = []
        self.waits: dict[str, dict[tuple[str, int], Wait]] = {"recorded": {}, "now": {}}
        """Whose it was and the attempt's number -> how long they waited for a place."""
        self.peaks: dict[str, tuple[int, str]] = {"recorded": (0, ""), "now": (0, "")}
        self.passages = {"recorded": 0, "now": 0}
        self.rounds: dict[str, Counter[str]] = {"recorded": Counter(), "now": Counter()}
        """Rounds by what became of them (3.1.5a): signatures are taken as they were given then."""
        self.alarms: dict[str, Counter[str]] = {"recorded": Counter(), "now": Counter()}
        """How often each began: bad air and shut windows (3.1.5c), supplies that run low (3.1.6), and all others."""
        self.assumed = self.entries = 0
        self._here: dict[str, Attempt] = {}
        self._by_recorded: dict[str, Attempt] = {}
        self._by_now: dict[str, Attempt] = {}
        self._people: dict[str, Attempt] = {}
        """Who came in by the new rules and not, or not yet, by the old ones."""
        self._waiting: dict[str, dict[str, tuple[str, int]]] = {"recorded": {}, "now": {}}
        self._inside: deque[Body] = deque(maxlen=INSIDE_MAX)
        self._stays: deque[int] = deque(maxlen=STAYS_KEPT)
        self._asked: Attempt | None = None
        self._read: Attempt | None = None
        """Whose code the entry at hand is about, where it is about one."""
        self._tally = {"recorded": 0, "now": 0}
        """Bodies that came in less those seen leaving: the difference is what another count would have found."""

    # ------------------------------------------------------------ one recorded entry

    def entry(self, entry: Entry) -> None:
        self.entries += 1
        event, twin = entry.e, self.twin
        if isinstance(event, events.Started):
            twin.begin(event, entry.m)
        elif twin.has_rules:
            twin.go_to(entry.m)
            PLAYED.get(type(event), Rehearsal._as_it_was)(self, event, entry.r)
        self._recorded(entry.r)
        self._read = None

    def restore(self, snapshot: bytes) -> None:
        self.twin.restore(snapshot)
        already = max(0, self.twin.state.rights.net_inside)
        self._inside.extend(Body(None, True, True, True) for _ in range(already))

    def _as_it_was(self, event: Any, records: list[AnyRecord]) -> None:
        if not self.twin.has_rules:
            self.twin.take_rules()
        self.twin.do(self.twin.shifted(event))

    def _not_at_all(self, event: Any, records: list[AnyRecord]) -> None:
        """The twin has its own wake-ups and its own rulebook."""

    # ------------------------------------------------------------ codes

    def _code(self, event: events.CodeRead, records: list[AnyRecord]) -> None:
        answer = next((each for each in reversed(records) if isinstance(each, Decision)), None)
        if answer is None or reason(answer)[1].startswith("exit_by"):
            self._as_it_was(event, records)  # a badge, a code within the same scan, or the way out
            return
        event = self.twin.shifted(event)  # type: ignore[assignment]
        attempt = self._read = self._attempt(event, answer)
        self._others_pass(attempt)
        if attempt.key in self._people:
            attempt.came_before, attempt.bodies = True, self._people[attempt.key].bodies
        elif attempt.now is None or asks(attempt.now):
            self._show(attempt, event.fact)

    def _attempt(self, event: events.CodeRead, answer: Decision) -> Attempt:
        here, now_ms = self._here.get(event.lane), self.twin.moment.elapsed_ms
        asked = here is not None and asks(here.recorded) and now_ms - here.elapsed_ms <= COLLECT_S * 1000
        if (
            here is not None
            and asked
            and not isinstance(event.fact, Unproved)
            and not any(instead(fact, event.fact) for fact in here.facts)
        ):
            here.facts.append(event.fact)
            here.elapsed_ms = now_ms
            return here
        at_s = self.twin.now_s
        attempt = Attempt(event.lane, answer.at, at_s, now_ms, [event.fact])
        if not isinstance(event.fact, Unproved):  # what proves nothing ends nobody's visit
            self._here[event.lane] = attempt
        self.attempts.append(attempt)
        return attempt

    def _show(self, attempt: Attempt, *facts: AnyFact) -> None:
        """Their codes at the scanner of the twin; its answers become the attempt's."""
        self._asked = attempt
        for fact in facts:
            self.twin.do(events.CodeRead(lane=attempt.lane, fact=fact))
        self._asked = None

    # ------------------------------------------------------------ bodies

    def _crossed(self, event: events.Crossed, records: list[AnyRecord]) -> None:
        passage = next((each for each in records if isinstance(each, Passage)), None)
        if event.direction == "out":
            self._went_out(event)
        elif passage is None or passage.decision not in self._by_recorded:
            self.twin.do(event)  # nobody asked then either: every body counts
            self._inside.append(Body(None, True, True, True, self.twin.now_s))
        elif self._granted(self._by_recorded[passage.decision]):
            self.twin.do(event)

    def _granted(self, attempt: Attempt) -> bool:
        lane = self.twin.lane(attempt.lane)
        open_for = lane.grant.decision if lane is not None and lane.grant is not None else None
        return attempt.now is not None and open_for == attempt.now.id

    def _went_out(self, event: events.Crossed) -> None:
        body = self._inside.popleft() if self._inside else None
        if body is not None:
            self._stayed(body)
        if body is None or body.inside:
            self.twin.do(event)
        if body is not None:
            body.inside = False

    def _stayed(self, body: Body) -> None:
        if body.came_s:
            body.stayed_s = self.twin.now_s - body.came_s
            self._stays.append(body.stayed_s)

    def _passage_sensor(self, event: Any, records: list[AnyRecord]) -> None:
        """A blocked passage or somebody who turned back: only where the twin opened, or has to see it clear again."""
        lane = self.twin.lane(event.lane)
        if lane is None or lane.grant is not None or lane.blocked or lane.freed:
            self.twin.do(event)

    def _others_pass(self, attempt: Attempt) -> None:
        """Somebody is at the scanner: whoever was let in before them, and not seen passing then, has gone through."""
        lane = self.twin.lane(attempt.lane)
        other = self._by_now.get(lane.grant.decision) if lane is not None and lane.grant is not None else None
        if other is not None and other is not attempt and (other.tries or not other.admitted_then):
            self._pass(other)

    def _pass(self, attempt: Attempt) -> None:
        """Assumed: the bodies of an open grant that nobody used then."""
        lane = self.twin.lane(attempt.lane)
        if lane is None or lane.grant is None or not self._granted(attempt):
            return
        if any(setup.passage_sensor for setup in self.twin.state.setups if setup.name == lane.name):
            for _ in range(lane.grant.left):
                self.assumed += 1
                self.twin.do(events.Crossed(lane=lane.name, direction="in"))

    # ------------------------------------------------------------ orders

    def _button(self, event: events.ContactChanged, records: list[AnyRecord]) -> None:
        if event.role == "button" and not event.closed:
            self._on_a_word(event.lane)
        self._as_it_was(event, records)

    def _on_a_word(self, lane: str) -> None:
        """Whoever an attendant or the hub lets in now is not the one who was answered here last."""
        here = self._here.get(lane)
        facts = here.facts if here is not None and asks(here.recorded) else []
        at_s, at = self.twin.now_s, self.twin.moment.rfc3339(self.twin.controller.zone)
        self._here[lane] = attempt = Attempt(lane, at, at_s, self.twin.moment.elapsed_ms, facts)
        self.attempts.append(attempt)

    def _order(self, event: events.CommandArrived, records: list[AnyRecord]) -> None:
        counted = event.body.get("inside")
        if event.name == "recount" and isinstance(counted, int) and not event.refusal:
            found = max(0, counted + self._tally["now"] - self._tally["recorded"])  # as many more or fewer to be seen
            event = msgspec.structs.replace(event, body={**event.body, "inside": found})
        elif event.lane is not None:
            self._on_a_word(event.lane)
        self._as_it_was(event, records)

    # ------------------------------------------------------------ what was on record

    def _recorded(self, records: Iterable[AnyRecord]) -> None:
        for record in records:
            if isinstance(record, Decision):
                self._recorded_answer(record)
            elif isinstance(record, Passage):
                self._recorded_passage(record)
            else:
                self._count_reminder("recorded", record)

    def _recorded_answer(self, answer: Decision) -> None:
        attempt = self._read or self._here.get(answer.lane or "")
        if attempt is None or reason(answer)[1].startswith("exit_by"):
            return
        attempt.recorded = answer
        if not asks(answer) and attempt.first_recorded is None:
            attempt.first_recorded = answer
        self._by_recorded[answer.id] = attempt
        self._count_wait("recorded", attempt, answer)
        if answer.answer == "admit":
            self._people.pop(attempt.key, None)
        if attempt.now is not None:
            self._what_now(attempt)

    def _recorded_passage(self, passage: Passage) -> None:
        self._count("recorded", passage)
        if passage.direction != "in" or passage.within:
            return
        self.passages["recorded"] += 1
        attempt = self._by_recorded.get(passage.decision or "")
        if attempt is not None:
            body = self._body(attempt, "recorded")
            body.came_s = body.came_s or self.twin.now_s
            self._inside.append(body)

    @staticmethod
    def _body(attempt: Attempt, world: str) -> Body:
        """One body of theirs that has not come in yet in this world."""
        body = next((each for each in attempt.bodies if not getattr(each, world)), None)
        if body is None:
            body = Body(attempt)
            attempt.bodies.append(body)
        setattr(body, world, True)
        return body

    # ------------------------------------------------------------ what the twin says

    def _heard(self, records: list[AnyRecord]) -> None:
        for record in records:
            if isinstance(record, Decision):
                self._answered(record)
            elif isinstance(record, Passage):
                self._passed(record)
            else:
                self._count_reminder("now", record)

    def _answered(self, answer: Decision) -> None:
        attempt = self._asked or self._here.get(answer.lane or "")
        if attempt is None or reason(answer)[1].startswith("exit_by"):
            return
        attempt.now = answer
        self._by_now[answer.id] = attempt
        self._count_wait("now", attempt, answer)
        if not asks(answer) and attempt.first_now is None:
            attempt.first_now = answer
        if attempt.tries or (attempt.recorded is not None and not asks(attempt.recorded)):
            self._what_now(attempt)

    def _passed(self, passage: Passage) -> None:
        self._count("now", passage)
        attempt = self._by_now.get(passage.decision or "")
        if passage.direction != "in" or passage.within:
            return
        self.passages["now"] += 1
        if attempt is not None:
            body = self._body(attempt, "now")
            body.inside, body.came_s = True, body.came_s or self.twin.now_s
            if body.stayed_s is not None or not attempt.admitted_then:
                self.twin.after(body.stayed_s or self._typical_stay_s, lambda: self._leaves(body))

    @property
    def _typical_stay_s(self) -> float:
        return statistics.median(self._stays) if self._stays else STAY_S

    def _leaves(self, body: Body) -> None:
        """Assumed: somebody goes who was not inside then."""
        exits = [setup.name for setup in self.twin.state.setups if setup.direction == "out" and setup.passage_sensor]
        if not body.inside or (body.recorded and body.stayed_s is None):
            return  # gone, or in the hall by the old rules too: then they leave as recorded
        body.inside = False
        if body.attempt is not None:
            self._people.pop(body.attempt.key, None)
        if exits:
            self.twin.do(events.Crossed(lane=exits[0], direction="out"))

    # ------------------------------------------------------------ what they do then

    def _what_now(self, attempt: Attempt) -> None:
        """Then and now are known: somebody who acts otherwise than recorded is set on their way."""
        then, now = attempt.recorded, attempt.now
        assert then is not None and now is not None
        if now.answer == "admit" and (then.answer != "admit" or attempt.tries):
            self._comes_in(attempt)
        elif now.answer == "wait" and then.answer == "admit" and not asks(now):
            self._tries_again(attempt)

    def _comes_in(self, attempt: Attempt) -> None:
        lane = self.twin.lane(attempt.lane)
        if not attempt.admitted_then and not asks(attempt.recorded):
            self._people[attempt.key] = attempt
        if lane is not None and lane.grant is not None and self._granted(attempt):
            ends_s = (lane.grant.until_ms - self.twin.moment.elapsed_ms) / 1000 - 0.2
            self.twin.after(max(0.0, min(ends_s, 600.0)), lambda: self._pass(attempt))

    def _tries_again(self, attempt: Attempt) -> None:
        attempt.tries += 1
        if attempt.tries > RETRIES_MAX:
            return
        early = attempt.now is not None and reason(attempt.now)[1] == "early"
        self.twin.after(self._opens_in_s(attempt) if early else RETRY_S, lambda: self._show_again(attempt))

    def _show_again(self, attempt: Attempt) -> None:
        """When nobody else is at the scanner."""
        lane = self.twin.lane(attempt.lane)
        if attempt.now is not None and attempt.now.answer == "admit":
            return  # a place came while they still stood there
        if lane is not None and (lane.grant is not None or lane.visit is not None):
            self.twin.after(FREE_AGAIN_S, lambda: self._show_again(attempt))
        elif lane is not None:
            self._show(attempt, *attempt.facts)

    def _opens_in_s(self, attempt: Attempt) -> float:
        bookings = [fact for fact in attempt.facts if isinstance(fact, Booking)]
        starts = bookings[0].slot_start_s or bookings[0].not_before_s if bookings else self.twin.now_s
        return max(1.0, starts - self.twin.book.slot.early_minutes * 60 - self.twin.now_s)

    # ------------------------------------------------------------ figures

    def _count_wait(self, world: str, attempt: Attempt, answer: Decision) -> None:
        if asks(answer):
            return
        waiting, waits, key = self._waiting[world], self.waits[world], attempt.key
        if answer.answer == "wait" and reason(answer)[1] not in NO_PLACE_MISSING:
            if key not in waiting:
                waiting[key] = (key, len(waits))
                waits[waiting[key]] = Wait(self.twin.now_s)
        elif key in waiting:
            name = waiting.pop(key)
            waits[name].until_s = self.twin.now_s if answer.answer == "admit" else None

    def _count(self, world: str, passage: Passage) -> None:
        if passage.within:
            return
        if passage.direction == "in":
            self._tally[world] += 1
        elif not passage.assumed:
            self._tally[world] -= 1
        if passage.inside is not None and passage.inside > self.peaks[world][0]:
            self.peaks[world] = (passage.inside, passage.at)

    def _count_reminder(self, world: str, record: AnyRecord) -> None:
        if isinstance(record, Round) and record.escalated <= 1:  # an alarm that is given again is the same round
            self.rounds[world][record.state] += 1
        elif isinstance(record, Alarm) and record.active:
            self.alarms[world][record.alarm] += 1


Player = Callable[[Rehearsal, Any, list[AnyRecord]], None]
PLAYED: dict[type, Player] = {
    events.CodeRead: Rehearsal._code,
    events.Crossed: Rehearsal._crossed,
    events.PassageBlocked: Rehearsal._passage_sensor,
    events.TurnedAway: Rehearsal._passage_sensor,
    events.CommandArrived: Rehearsal._order,
    events.ContactChanged: Rehearsal._button,
    events.Woken: Rehearsal._not_at_all,
    events.RulebookLoaded: Rehearsal._not_at_all,
    events.RulebookRefused: Rehearsal._not_at_all,
}
"""Every other event comes as it was."""
