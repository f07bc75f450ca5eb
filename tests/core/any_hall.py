"""A hall nobody planned: any lanes, any rulebook, any event of every kind, all from one seed."""

from __future__ import annotations

import datetime as dt
import random
import re
import zoneinfo
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from firmware.core import events, facts, jwk
from firmware.core.moment import Moment
from firmware.core.occupancy import Notice, Row
from firmware.core.state import CarSetup, Counted, LaneSetup
from firmware.errors import Mistake
from firmware.rulebook.book import parse

One = TypeVar("One")
BASE = (Path(__file__).parents[2] / "deploy/sites/rulebook.toml").read_text("utf-8")
NUMBERS = re.compile(r"^(?!v |serial )([a-z_]+ = )(\d+)(?=\s)", re.MULTILINE)
CLASSES = tuple(re.findall(r"^\[class\.([a-z]+)\]", BASE, re.MULTILINE))
OUR_INC, ZONE = "door-1-aa", "upstairs"
RESOURCES = ("hall", "hall", f"zone:{ZONE}")
WORDS = (
    ("walk_in = false", "walk_in = true"),
    ('booking = "required"', 'booking = "optional"'),
    ('proof = ["pcr"]', "proof = []"),
    ('late = "refuse"', 'late = "walk_in"'),
    ("from = 2022-06-01", "from = 2022-05-22"),
    ('clock = "staff"', 'clock = "admit"'),
    ('journal_full = "refuse"', 'journal_full = "admit"'),
    ('sensor_missing = "staff"', 'sensor_missing = "admit"'),
    ("hold = false", "hold = true"),
    ("hold_upstream = []", 'hold_upstream = ["A", "B"]'),
    *(("[class.visitor]", f"[class.visitor]\n{more}") for more in (
        "temperature_max_c = 37.2", 'mask = "attest"', 'mask = "veto"', 'mask = "terminal"', "same_person = true",
        'code = "green"', "re_entries = 3",
    )),
)  # fmt: skip
"""What a rulebook may say instead."""
TABLES = (
    '[opening]\nfirst_person = ["staff"]',
    '[anti_passback]\nclasses = ["staff", "visitor"]\nmode = "timed"\nminutes = 5',
    f"[zone.{ZONE}]\nlimit_persons = 2",
    '[[hold]]\nspan = "10:05-10:10"',
    '[[release]]\ntime = "10:12"',
    "[elevator]\nspacing_mm = 800\ntrip_seconds = 20",
    "[[air.step]]\nco2_ppm = 1200\nlimit_percent = 50",
    '[[supplies.item]]\nname = "gel"\nlane = "A"\nfull_units = 5\nlow_units = 2\nper_use = 1',
    "[alarms]\nheld_open_seconds = 3\nforced_ms = 0",
    "[attendant]\nbadge_seconds = 2\nlong_press_ms = 4000",
)
"""What it may say besides."""
BODY: dict[str, tuple[Any, ...]] = {
    "resource": (None, *RESOURCES, "x"), "reason": ("x" * 200, ""), "n": (0, 1, 50, -1, 10**9, "x", True, 2.5),
    "inside": (0, 5, -1, None, "x"), "inc": ("door-2-bb", OUR_INC, None), "evidence": (0, 5, -3, "x"), "seq": (1, "", None),
    "moves": (0, 9), "on": (True, False, None), "office": (True, False), "cleared": (True, False), "item": ("gel", "x"),
    "point": ("offices", "door-handles", "x"), "open": (True, False, None), "pass_id": ("0" * 15 + "3", None),
    "code": ("green", "red", "x"), "pcr": ("negative", "positive", "x"), "sampled_at": (None, 1654045000, 1e18, "x"),
    "attendant": ("anna", None, 5), "url": ("http://a/b", "x"), "sha256": ("a" * 64, ""), "version": ("9.9", "0.0"),
}  # fmt: skip
"""What the body of an order may hold, wanted or not."""


class AnyHall:
    """`setups`, `moment` and `event` are what the next one is like; `pass_time` moves both clocks, not always alike."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.serial = self.boot = 1
        self.orders = 0
        self.elapsed_ms = 0
        morning = dt.datetime(2022, 6, 1, self.one(8, 10, 10, 10, 16, 23), tzinfo=zoneinfo.ZoneInfo("Asia/Shanghai"))
        self.wall_ms = int(morning.timestamp() * 1000)
        self.trusted, self.bank = self.maybe(0.9), self.maybe(0.7)
        self.incidents: Sequence[str] = ()
        self._rows: dict[tuple[str, str], dict[str, Any]] = {}
        self._build()

    # ------------------------------------------------------------ chance

    def one(self, *of: One) -> One:
        return self.chance.choice(of)

    def maybe(self, share: float = 0.5) -> bool:
        return self.chance.random() < share

    def some(self, of: Sequence[One], most: int) -> tuple[One, ...]:
        return tuple(self.chance.sample(of, self.chance.randint(0, most)))

    # ------------------------------------------------------------ time and place

    @property
    def moment(self) -> Moment:
        return Moment(self.elapsed_ms, self.wall_ms, self.trusted)

    def pass_time(self) -> int:
        """Answers the elapsed milliseconds; the caller moves there, waking whom it has to."""
        if self.maybe(0.01):
            self.wall_ms += self.one(-86_400, -3_600, -5, 5, 8 * 3_600, 86_400) * 1_000
        self.trusted ^= self.maybe(0.01)
        return self.one(0, 0, 10, 200, 700, 1_500, 3_500, 11_000, 25_000, 61_000, 400_000)

    def _build(self) -> None:
        self.setups = tuple(map(self._lane, self.chance.sample("ABCX", self.chance.randint(1, 4))))
        self.lanes = tuple(setup.name for setup in self.setups)

    def _lane(self, name: str) -> LaneSetup:
        flags = (
            "escape_way", "passage_sensor", "beams", "gate_confirms", "fails_open", "thermometer", "range_sensor", "button",
            "behind_sensor", "route_light", "buzzer", "wide", "terminal", "air",
        )  # fmt: skip
        direction: Any = self.one("in", "in", "out", "both", "elevator")
        car = CarSetup(width_mm=1_600, depth_mm=1_400, rated_persons=self.one(1, 10))
        return LaneSetup(
            name=name,
            direction=direction,
            classes=("visitor", *self.some(CLASSES, 5)),
            askers=self.some(("scanner", "identity", "button", "range"), 2),
            zone=self.one("", "", ZONE, "permits"),
            comes_from=self.one("", "", "hall", ZONE),
            interlock=self.one("", "x"),
            hatch=self.maybe(0.1),
            car=car if direction == "elevator" and self.maybe() else None,
            **{flag: self.maybe() for flag in flags},
        )

    def rulebook(self) -> bytes:
        """The plan's own with some numbers, words and tables changed, and still one that a device takes."""
        text = BASE.replace("serial = 1 ", f"serial = {self.serial} ", 1)
        for change in (self._other_numbers, self._other_words, self._more_tables):
            changed = change(text)
            try:
                parse(changed.encode())
            except Mistake:
                continue
            text = changed
        return text.encode()

    def _other_numbers(self, text: str) -> str:
        def other(found: re.Match[str]) -> str:
            number = int(found[2])
            return found[1] + str(
                self.one(0, 1, 2, 5, 60, 100, 1_000, number * 2, number // 2) if self.maybe(0.05) else number
            )

        return NUMBERS.sub(other, text).replace("limit_persons = 200", f"limit_persons = {self.one(1, 2, 5, 200)}")

    def _other_words(self, text: str) -> str:
        for plain, other in WORDS:
            text = text.replace(plain, other, 1) if self.maybe(0.25) else text
        return text

    def _more_tables(self, text: str) -> str:
        return "\n".join([text, *(table + "\n" for table in TABLES if self.maybe(0.3))])

    # ------------------------------------------------------------ proofs

    @property
    def wall_s(self) -> int:
        return self.wall_ms // 1000

    def _booking(self) -> facts.Booking:
        number, staff = self.chance.randint(1, 9), self.maybe(0.3)
        slot = self.one(None, (-1_800, 1_800), (-3_600, -1_200), (1_200, 3_600))
        return facts.Booking(
            sha256=f"c{number}", person=self._person(), pass_id=f"{number:016x}", issuer="hall",
            key_kind="staff" if staff else "booking", hall=self.one(*["baoshan"] * 9, "elsewhere"),
            person_class=self.one("staff", "attendant", "responder", "cleaner") if staff else self.one(*CLASSES),
            not_before_s=self.wall_s + self.one(-86_400, 600), expires_s=self.wall_s + self.one(86_400, 10, -5),
            slot_start_s=slot and self.wall_s + slot[0], slot_end_s=slot and self.wall_s + slot[1],
            party=self.one(1, 1, 1, 2, 20), holder=self.one(None, "h1", "h2"), subject=self.one(None, "s1", "s2"),
            service=self.one(None, "permits"), cases=self.one(1, 1, 30), zone=self.one(None, "permits", ZONE),
            helper=self.maybe(0.2), source=self.one("pass", "roster"), revoked=self.maybe(0.05),
            tests=self.one((), (self._test(), self._test())), zones=self.one((), ("permits",)),
            bands=self.one((), ("09:00-11:00",)),
        )  # fmt: skip

    def _test(self) -> facts.HealthTest:
        number, taken = self.chance.randint(1, 9), self.wall_s - self.one(3_600, 36_000, 90_000, 300_000, -100, -5_000)
        return facts.HealthTest(
            sha256=f"t{number}", person=self._person(), kind=self.one("naat", "naat", "antigen"), issuer="XX",
            result=self.one(*["negative"] * 8, "positive"), sampled_s=taken, issued_s=taken,
            reported_s=self.one(None, taken + 10), expires_s=self.wall_s + self.one(864_000, -1),
            subject=self.one(None, "s1", "s2"), certificate=f"certificate-{number}",
        )  # fmt: skip

    def _card(self) -> facts.Card:
        return facts.Card(
            sha256=f"k{self.one(1, 2)}", person=self._person(), holder=self.one(None, "h1"), subject=self.one(None, "s1"),
            age_years=self.one(None, 10, 30, 70), resident=self.maybe(), booking=self.one(None, self._booking()),
        )  # fmt: skip

    def _fact(self) -> facts.AnyFact:
        makers: tuple[Callable[[], facts.AnyFact], ...] = (
            *(self._booking,) * 4,
            *(self._test,) * 3,
            self._card,
            lambda: facts.OtherHealth(
                sha256="o1", person=self._person(), kind="recovery", issuer="X", issued_s=0, expires_s=2**31
            ),
            lambda: facts.Unproved(sha256=f"u{self.one(1, 2)}", because="malformed", looks_like=self.one("", "health")),
        )
        return self.one(*makers)()

    def _person(self) -> str:
        return f"p{self.chance.randint(1, 6)}"

    # ------------------------------------------------------------ events

    def event(self) -> events.AnyEvent:
        """What happens next; what people do is more frequent than the rest."""
        usual, lane = (self._code, self._crossed, self._contact, self._blocked), self.one(*self.lanes)
        return self.one(*usual, *usual, *self._unusual())(lane)

    def _unusual(self) -> tuple[Callable[[str], events.AnyEvent], ...]:
        return (
            self._turned, self._reading, self._terminal, self._spacing, self._health, self._order, self._state, self._row,
            self._peer, self._again,
        )  # fmt: skip

    def started(self) -> events.Started:
        return events.Started(
            boot=f"boot-{self.boot}", version="0.1.0", device="door-1", hall="baoshan", inc=OUR_INC, bank=self.bank,
            lanes=self.setups, takes_updates=True, zones=tuple({s.zone for s in self.setups if s.zone}),
        )  # fmt: skip

    def _code(self, lane: str) -> events.CodeRead:
        return events.CodeRead(lane=lane, fact=self._fact(), read_by=self.one("", "zbar"))

    def _crossed(self, lane: str) -> events.Crossed:
        return events.Crossed(lane=lane, direction=self.one("in", "in", "out"), by=self.one("counter", "gate"))

    def _turned(self, lane: str) -> events.TurnedAway:
        return events.TurnedAway(lane=lane, side=self.one("outside", "inside"), by=self.one("counter", "gate"))

    def _blocked(self, lane: str) -> events.PassageBlocked:
        return events.PassageBlocked(lane=lane, blocked=self.maybe())

    def _contact(self, lane: str) -> events.ContactChanged:
        roles = get_args(events.ContactRole)
        return events.ContactChanged(lane=lane, role=self.one(*["button"] * 8, *roles), closed=self.maybe(0.6))

    def _reading(self, lane: str) -> events.AnyEvent:
        if self.maybe():
            return events.AirRead(lane=lane, co2_ppm=self.one(400, 1_100, 2_000, 40_000))
        return events.TemperatureRead(
            lane=lane,
            object_c=self.one(20.0, 36.5, 37.5),
            ambient_c=self.one(None, 22.0),
            distance_mm=self.one(None, 300),
        )

    def _terminal(self, lane: str) -> events.TerminalSaid:
        return events.TerminalSaid(
            lane=lane, code=self.one("green", "yellow", "red", "unknown"), pcr=self.one("negative", "positive", "unknown"),
            sampled_age_minutes=self.one(None, 60, 6_000), temperature_c=self.one(None, 36.6, 38.0),
            mask=self.one(None, True, False), token=self.one("", "x"), holder=self.one(None, "h1"),
        )  # fmt: skip

    def _spacing(self, lane: str) -> events.SpacingSeen:
        persons, zone = self.one(0, 1, 2, 5), self.one("queue", "hall")
        gap_mm = self.one(None, 500, 2_500)
        return events.SpacingSeen(lane=lane, persons=persons, gap_mm=gap_mm, zone=zone)  # type: ignore[arg-type]

    def _health(self, lane: str) -> events.DeviceHealth:
        device = self.one("scanner", "gate", "counter", "range", "behind", "thermometer", "terminal", "air", "button")
        return events.DeviceHealth(
            lane=lane, device=device, state=self.one("ok", "ok", "silent", "garbled", "unplugged")
        )

    def _order(self, lane: str) -> events.CommandArrived:
        self.orders += 1
        body = {key: self.one(*said) for key, said in BODY.items() if self.maybe()}
        if self.incidents and self.maybe():
            body["incident"] = self.one(*self.incidents)
        return events.CommandArrived(
            id=f"order-{self.orders}", name=self.one(*jwk.COMMANDS, "nonsense"), issuer=self.one("hub", "anna"),
            lane=self.one(None, lane, "Z"), body=body, refusal=self.one(None, None, None, "expired"), kid="k",
            counter=self.orders, expires_s=self.wall_s + 60,
        )  # fmt: skip

    def _state(self, lane: str) -> events.AnyEvent:
        what: Any = self.one("undervoltage", "overheated", "standstill")
        return self.one(
            events.JournalState(writable=self.maybe(), withheld=self.one((), (lane,))),
            events.ClockChecked(),
            events.BoardTold(what=what, active=self.maybe()),
            events.CounterSaturated(lane=lane, because="abreast"),
            events.DocumentSeen(what="roster", taken=self.maybe(), because="two lines"),
            events.RulebookRefused(because="bad signature", serial=3),
            events.Woken(),
        )

    def _row(self, lane: str) -> events.RowArrived:
        """Of another door, or of one that is called like this; its counters mostly rise."""
        key = self.one("door-2-bb", "door-3-cc", "door-2-dd", OUR_INC), self.one(*RESOURCES)
        said = self._rows.setdefault(key, {"seq": 0, "A": 0, "C": 0, "G": 0, "X": 0, "T": {}})
        said["seq"] += self.one(1, 1, 0, -1, 5)
        for counter in "ACGX":
            said[counter] += self.one(0, 0, 1, 3)
        said["T"] = {OUR_INC: said["T"].get(OUR_INC, 0) + self.one(0, 0, 1)}
        row = Row(
            inc=key[0], dev=key[0][:6], free=self.one(0, 5, -2), want=self.one(0, 5), asks=self.one(0, 1), bank=self.maybe(0.1),
            entry=self.maybe(0.7), notice=self.one(0, 1, 3), held=self.maybe(0.2), boot=self.one(0, 1, 2), run=self.one("", "a"),
            **said,
        )  # fmt: skip
        return events.RowArrived(row=row, copy=self.maybe(0.2), twin=self.maybe(0.02), resource=key[1])

    def _peer(self, lane: str) -> events.AnyEvent:
        notice = Notice(
            serial=self.one(*range(9)), limit=self.one(1, 5, 50), hold=self.maybe(0.3), fenced=self.one((), ("door-3-cc",)),
            counted=self.one(*range(5)), held_since=self.one(*range(5)),
        )  # fmt: skip
        used = tuple((f"{number:016x}", 1, self.wall_s) for number in self.some(range(1, 10), 3))
        return self.one(
            events.NoticeArrived(notice=notice, resource=self.one(*RESOURCES)),
            events.PeerUsed(
                device=self.one("door-2", "door-3"), seq=self.chance.randint(1, 50), day=self.one("2022-06-01", "2022-06-02"),
                used=used, held=self.one((), ("p1",)), counted=Counted("2022-06-01", 2, 1, 600, 1), inc="door-2-bb",
            ),
        )  # fmt: skip

    def _again(self, lane: str) -> events.AnyEvent:
        """Another rulebook, another start: by a newer boot, with another site file."""
        if self.maybe():
            self.serial += self.one(0, 1)
            return events.RulebookLoaded(text=self.rulebook(), kid="k", came_by=self.one("file", "hub", "fallback"))
        if self.maybe(0.4):
            self.boot += 1
            self.elapsed_ms = 0
        if self.maybe(0.3):
            self._build()
        return self.started()
