"""One turn of the controller: what a handler may read, and the two things it may do — give an order, put on record.

Nothing is done while a turn runs: orders and records are collected, journalled together with the event, and only then
carried out. That is the whole of "on disk before the gate moves".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec

from firmware.core import alarms
from firmware.core.actions import AnyAction, GateClose, GateFree, GateOpen, LampShow, SignShow, VoiceSay, Way
from firmware.core.lane import Signal, after
from firmware.core.moment import Moment
from firmware.core.records import Alarm, AnyRecord, CommandDone
from firmware.core.state import HallState, LaneSetup, LaneState
from firmware.rulebook.book import Rulebook, parse
from firmware.rulebook.tables import Alarms, Attendant
from firmware.rulebook.words import Phrases, pages, words
from firmware.rulebook.words_plan import Words

SIGN_MS = 5_000
"""How long an answer stays on the sign; also how long a lane rests in passed, timed_out and refused."""
PROLONG_MS = 700
VOLUME_PERCENT = VoiceSay(lane="", phrase="", zh="").volume_percent
ALARMS, ATTENDANT = Alarms(), Attendant()
"""What holds where there is no rulebook: the numbers its tables begin with."""
LEAVE = ("evacuate", "evacuate_lift")
"""Sentences that no rulebook makes quieter."""
NOTHING: Mapping[str, Any] = {}


def parsed(text: bytes) -> tuple[Rulebook, dt.tzinfo]:
    """Without time zones at hand: they are files, and handed in by who has them."""
    return parse(text), dt.UTC


class Outcome(msgspec.Struct):
    """What came out of one event."""

    actions: list[AnyAction]
    records: list[AnyRecord]
    due: Callable[[], int | None]

    @property
    def wake_at_ms(self) -> int | None:
        """Elapsed time, None: nothing is due. To be asked before the next event, and not before the gate has moved."""
        return self.due()


class Turn(msgspec.Struct):
    state: HallState
    moment: Moment
    zone: dt.tzinfo
    rulebook: Rulebook | None
    read: Callable[[bytes], tuple[Rulebook, dt.tzinfo]] = parsed
    """A rulebook's text, understood, and its time zone. Mistake when it cannot be."""
    actions: list[AnyAction] = []
    records: list[AnyRecord] = []
    verdicts: list[Any] = []
    """What every rule said in this turn, for the record."""
    now: int = 0
    """Elapsed milliseconds, as `moment` has them."""
    _local: dt.datetime | None = None
    _day: str = ""

    def __post_init__(self) -> None:
        self.now = self.moment.elapsed_ms

    @property
    def wall_s(self) -> int:
        return self.moment.wall_ms // 1000

    @property
    def known_s(self) -> int:
        """The wall second to put in a memory: a doubtful clock's is the last that was known, where there is one."""
        if self.moment.trusted or not self.state.latest_wall_ms:
            return self.wall_s
        return self.state.latest_wall_ms // 1000

    @property
    def local(self) -> dt.datetime:
        """The moment at the hall, worked out once: a zone is slow, and four places ask. `zone` may change on the way."""
        if self._local is None or self._local.tzinfo is not self.zone:
            self._local, self._day = self.moment.local(self.zone), ""
        return self._local

    @property
    def day(self) -> str:
        """The hall's calendar day, YYYY-MM-DD, worked out once as `local` is."""
        local = self.local
        if not self._day:
            self._day = str(local.date())
        return self._day

    @property
    def alarm_limits(self) -> Alarms:
        return self.rulebook.alarms if self.rulebook else ALARMS

    @property
    def attendant(self) -> Attendant:
        return self.rulebook.attendant if self.rulebook else ATTENDANT

    def at(self, local: dt.datetime) -> int:
        """That local time as elapsed milliseconds. Not by subtracting: on two days of the year an hour is missing or twice."""
        return self.now + round(local.timestamp() * 1000) - self.moment.wall_ms

    def setup(self, lane: str) -> LaneSetup:
        for setup in self.state.setups:
            if setup.name == lane:
                return setup
        raise KeyError(lane)

    # -------------------------------------------------------------- on record

    def header(self, lane: str | None = None) -> dict[str, Any]:
        """The fields every record has, with the next gap-free sequence number."""
        self.state.seq += 1
        return {
            "id": f"{self.state.rights.inc}-{self.state.seq}",
            "seq": self.state.seq,
            "boot": self.state.boot,
            "at": self.local.isoformat(timespec="milliseconds"),
            "at_trusted": self.moment.trusted,
            "lane": lane,
            "responsible": self.rulebook.responsible.of(lane) if self.rulebook else None,
        }

    def alarm(self, alarm: str, lane: str | None = None, *, active: bool = True, detail: str = "") -> None:
        alarms.follow(self.state.alarms, alarm, lane, active)
        self.records.append(Alarm(**self.header(lane), alarm=alarm, active=active, detail=detail))

    def command_done(self, lane: str | None, command: str, name: str, issuer: str, because: str) -> None:
        """A local act and a hub's command leave the same record. `because` is empty when it was done."""
        self.records.append(
            CommandDone(
                **self.header(lane),
                command=command,
                name=name,
                issuer=issuer,
                result="refused" if because else "done",
                because=because,
            )
        )

    # -------------------------------------------------------------- orders

    def open(self, lane: LaneState, way: Way, pulse_ms: int) -> None:
        lane.open_until_ms = lane.wanted_open_until_ms = self.now + pulse_ms
        if not lane.freed:
            self.actions.append(GateOpen(lane=lane.name, way=way, pulse_ms=pulse_ms))

    def prolong(self, lane: LaneState) -> None:
        """A body is in the passage: keep the gate open, without wanting it open for longer than that."""
        pulse_ms = max(lane.grant.pulse_ms, PROLONG_MS) if lane.grant else PROLONG_MS
        lane.open_until_ms = self.now + pulse_ms
        way: Way = lane.grant.way if lane.grant else "both"
        if not lane.freed:
            self.actions.append(GateOpen(lane=lane.name, way=way, pulse_ms=pulse_ms, prolongs=True))

    def close(self, lane: LaneState) -> None:
        """Let go now. A lane that stands open by `free` is never closed by what a grant or a pulse asks for."""
        lane.open_until_ms = lane.wanted_open_until_ms = self.now
        if not lane.freed:
            self.actions.append(GateClose(lane=lane.name))

    def free(self, lane: LaneState) -> None:
        lane.freed, lane.closing = True, False
        self.actions.append(GateFree(lane=lane.name))

    def unfree(self, lane: LaneState) -> None:
        """End what `free` began: at once, or as soon as nobody is in the passage (`passage.tend` sees to it)."""
        lane.closing = lane.blocked
        if not lane.blocked:
            lane.freed = False
            self.close(lane)

    def tell(self, lane: LaneState, reason: str, colour: str, *, show_ms: int = SIGN_MS, **values: Any) -> None:
        """Sign, voice and lamp of one lane say one thing."""
        self.show(lane, reason, self.words(reason, **values), colour, show_ms=show_ms, contact=values)

    def show(
        self, lane: LaneState, reason: str, said: Words, colour: str, *, show_ms: int = SIGN_MS,
        contact: Mapping[str, Any] = NOTHING,
    ) -> None:  # fmt: skip
        """`tell` with the words at hand. `contact` may hold an online path and a phone for who is sent away."""
        sign = SignShow(lane=lane.name, zh=said.sign_zh, en=said.sign_en, show_ms=show_ms)
        if "phone" in contact or "online" in contact:  # 3.2.1, 3.2.5
            more = self.words("contact", **contact)
            if "phone" in contact:
                sign = msgspec.structs.replace(sign, then_zh=more.sign_zh, then_en=more.sign_en)
            said = Words(said.sign_zh, said.sign_en, said.voice_zh + more.voice_zh, f"{said.voice_en} {more.voice_en}")
        self.actions.append(sign)
        self.say(lane, reason, said)
        self.actions.append(LampShow(lane=lane.name, colour=colour, show_ms=min(show_ms, 60_000)))  # type: ignore[arg-type]

    def say(self, lane: LaneState, reason: str, said: Words) -> None:
        """Aloud."""
        volume = self.volume_percent(reason)
        self.actions.append(
            VoiceSay(lane=lane.name, phrase=reason, zh=said.voice_zh, en=said.voice_en, volume_percent=volume)
        )

    def volume_percent(self, reason: str) -> int:
        """No louder than the rulebook says (3.1.3b); an evacuation is never made quieter by it."""
        cap = self.rulebook.spacing.volume_percent if self.rulebook and reason not in LEAVE else VOLUME_PERCENT
        return min(cap, VOLUME_PERCENT)

    def words(self, reason: str, **values: Any) -> Words:
        """The words of the rulebook in force; the built-in ones where there is none."""
        return words(reason, cast("Phrases", self.rulebook.phrases) if self.rulebook else None, **values)

    def pages(self, reason: str, **values: Any) -> list[tuple[str, str]]:
        """(Chinese, English) for the idle sign."""
        return pages(reason, cast("Phrases", self.rulebook.phrases) if self.rulebook else None, **values)

    # -------------------------------------------------------------- the state table

    def signal(self, lane: LaneState, signal: Signal) -> None:
        state = after(lane.state, signal)
        if state != lane.state:
            lane.state, lane.since_ms = state, self.now
