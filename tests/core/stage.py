"""A stage for the controller: one device, one lane, a rulebook, and a clock that moves only when told to."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import Any

from firmware.core import events
from firmware.core.actions import AnyAction, GateClose, GateFree, GateOpen, SignShow
from firmware.core.controller import Controller
from firmware.core.facts import AnyFact, Booking, HealthTest
from firmware.core.moment import Moment
from firmware.core.occupancy import Rights
from firmware.core.records import Alarm, AnyRecord, Decision, Passage
from firmware.core.state import HallState, LaneSetup, LaneState

BASE = """
v = 1
hall = "baoshan"
serial = {serial}
valid_from = 2022-05-22
valid_until = 2022-12-31
time_zone = "Asia/Shanghai"
limit_persons = {limit}
base_visits_per_day = 10
walk_in = {walk_in}
[[phase]]
name = "preparation"
from = 2022-05-22
share_percent = 0
classes = ["staff"]
[[phase]]
name = "limited"
from = 2022-06-01
share_percent = 60
classes = ["visitor", "staff"]
[hours]
monday = ["09:00-17:00"]
tuesday = ["09:00-17:00"]
wednesday = ["09:00-17:00"]
thursday = ["09:00-17:00"]
friday = ["09:00-17:00"]
[slot]
early_minutes = 10
late_minutes = 15
[class.visitor]
booking = "{booking}"
proof = [{proof}]
{visitor}
[class.staff]
booking = "required"
proof = []
[gate]
grant_seconds = 10
pulse_ms = 700
[spacing]
release_interval_ms = {interval}
[flow]
density_persons_max = {dense}
{more}
"""
DEFAULTS: dict[str, Any] = {
    "serial": 7, "limit": 5, "walk_in": "false", "booking": "required", "proof": "", "visitor": "",
    "interval": 0, "dense": 0, "more": "",
}  # fmt: skip
ZONE = zoneinfo.ZoneInfo("Asia/Shanghai")
MORNING = dt.datetime(2022, 6, 1, 10, 0, tzinfo=ZONE)


def rulebook(**changes: Any) -> bytes:
    return BASE.format(**{**DEFAULTS, **changes}).encode()


class Stage:
    """Plays events at a device. `at` is seconds since the stage was set up, at ten in the morning of a Wednesday."""

    def __init__(
        self,
        *,
        direction: str = "in",
        sensor: bool = True,
        bank: bool = True,
        wall: dt.datetime = MORNING,
        trusted: bool = True,
        thermometer: bool = False,
        ranged: bool = False,
        lanes: tuple[LaneSetup, ...] = (),
        **book: Any,
    ) -> None:
        self.wall_0, self.trusted, self.now = wall.timestamp(), trusted, 0.0
        self.controller = Controller(HallState(rights=Rights(inc="door-1")), zoneinfo.ZoneInfo)
        setup = LaneSetup(
            name="A", direction=direction, classes=("visitor",), passage_sensor=sensor, thermometer=thermometer,
            range_sensor=ranged, button=True,
        )  # type: ignore[arg-type]  # fmt: skip
        self.lanes = lanes or (setup,)
        self.bank = bank
        self.actions: list[AnyAction] = []
        self.records: list[AnyRecord] = []
        self.wake: int | None = None
        self.journal: list[tuple[Any, Moment]] = []
        self.start()
        self.do(events.RulebookLoaded(text=rulebook(**book), kid="k"))
        self.forget()

    def start(self, boot: str = "boot-1") -> None:
        self.do(
            events.Started(
                boot=boot, version="t", device="door", hall="baoshan", inc="door-1", bank=self.bank, lanes=self.lanes
            )
        )

    # ------------------------------------------------------------ time

    @property
    def moment(self) -> Moment:
        return Moment(round(self.now * 1000), round((self.wall_0 + self.now) * 1000), self.trusted)

    def wait(self, seconds: float) -> Stage:
        """Let time pass, waking the controller exactly when it asked to be woken."""
        end = self.now + seconds
        while self.wake is not None and self.wake / 1000 <= end:
            self.now = max(self.now, self.wake / 1000)
            before = self.wake
            self._handle(events.Woken())
            assert self.wake is None or self.wake > max(before, round(self.now * 1000)), "the controller spins"
        self.now = max(self.now, end)
        return self

    # ------------------------------------------------------------ events

    def do(self, event: Any, after: float = 0.0) -> Stage:
        self.wait(after)
        self._handle(event)
        return self

    def _handle(self, event: Any) -> None:
        outcome = self.controller.handle(event, self.moment)
        self.journal.append((event, self.moment))
        self.actions += outcome.actions
        self.records += outcome.records
        self.wake = outcome.wake_at_ms

    def scan(self, fact: AnyFact, lane: str = "A") -> str:
        """Show a code; the answer of the decision it led to, or `nothing`."""
        before = len(self.records)
        self.do(events.CodeRead(lane=lane, fact=fact))
        answers = [record.answer for record in self.records[before:] if isinstance(record, Decision)]
        return answers[-1] if answers else "nothing"

    def cross(self, direction: str = "in", lane: str = "A") -> Stage:
        self.do(events.PassageBlocked(lane=lane, blocked=True))
        self.wait(0.3)
        self.do(events.Crossed(lane=lane, direction=direction))  # type: ignore[arg-type]
        return self.do(events.PassageBlocked(lane=lane, blocked=False))

    def contact(self, role: str, closed: bool, lane: str = "A") -> Stage:
        return self.do(events.ContactChanged(lane=lane, role=role, closed=closed))  # type: ignore[arg-type]

    def press(self, seconds: float = 0.3, lane: str = "A") -> Stage:
        self.contact("button", True, lane)
        self.wait(seconds)
        return self.contact("button", False, lane)

    # ------------------------------------------------------------ what came of it

    def forget(self) -> None:
        self.actions.clear()
        self.records.clear()

    @property
    def lane(self) -> LaneState:
        return self.controller.state.lanes["A"]

    @property
    def free(self) -> int:
        return self.controller.state.rights.free

    @property
    def decision(self) -> Decision:
        return [record for record in self.records if isinstance(record, Decision)][-1]

    @property
    def because(self) -> str:
        worst = [clause.because for clause in self.decision.clauses if clause.verdict == self.decision.answer]
        return worst[0]

    @property
    def gate(self) -> list[str]:
        kinds = {GateOpen: "open", GateClose: "close", GateFree: "free"}
        return [kinds[type(action)] for action in self.actions if type(action) in kinds]

    @property
    def signs(self) -> list[str]:
        return [action.zh for action in self.actions if isinstance(action, SignShow)]

    @property
    def alarms(self) -> list[str]:
        return [record.alarm for record in self.records if isinstance(record, Alarm) and record.active]

    @property
    def passages(self) -> list[Passage]:
        return [record for record in self.records if isinstance(record, Passage)]

    # ------------------------------------------------------------ proofs

    def booking(self, number: int = 1, *, slot: tuple[float, float] = (-1, 1), **changes: Any) -> Booking:
        """A booking with its slot in hours around now."""
        now = int(self.wall_0 + self.now)
        fields: dict[str, Any] = {
            "sha256": f"code-{number}", "person": f"person-{number}", "pass_id": f"{number:016x}", "issuer": "hall",
            "key_kind": "booking", "hall": "baoshan", "person_class": "visitor", "not_before_s": now - 86_400,
            "expires_s": now + 86_400, "slot_start_s": now + int(slot[0] * 3600), "slot_end_s": now + int(slot[1] * 3600),
        }  # fmt: skip
        return Booking(**{**fields, **changes})

    def badge(self, number: int = 900, **changes: Any) -> Booking:
        return self.booking(number, key_kind="staff", person_class="staff", **changes)

    def test(self, number: int = 1, *, hours_old: float = 10, **changes: Any) -> HealthTest:
        now = int(self.wall_0 + self.now)
        fields: dict[str, Any] = {
            "sha256": f"test-{number}", "person": f"person-{number}", "kind": "naat", "result": "negative",
            "issuer": "XX", "sampled_s": now - int(hours_old * 3600), "issued_s": now - int(hours_old * 3600),
            "expires_s": now + 864_000, "certificate": f"cert-{number}",
        }  # fmt: skip
        return HealthTest(**{**fields, **changes})
