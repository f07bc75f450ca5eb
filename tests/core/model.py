"""The hall-wide limit, explored exhaustively: every order of every step of a small hall, breadth-first over its states.

A step runs the very functions the device runs (`core/limit.py`, `core/bank.py`, `core/occupancy.py`); nothing of the
protocol is written again here. The network is the worst there is: any row and any notice ever published may arrive at
anybody at any time, as often as it likes, or never. A crash goes back to what was durable.

    python -m tests.core.model --large

explores the larger halls. `Budget` bounds a hall: how often each kind of step may happen.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace

import msgspec

from firmware.core import bank, controller, limit, occupancy, passage, start
from firmware.core.events import NoticeArrived, RowArrived, Started
from firmware.core.moment import Moment
from firmware.core.occupancy import Notice, Rights, Row
from firmware.core.state import Grant, HallState, LaneSetup, LaneState
from firmware.core.turn import Turn

judgement = controller.entry.judgement
"""By way of the controller: these modules import each other."""
LANES = (LaneSetup(name="A", direction="both", passage_sensor=True),)
ENCODER = msgspec.msgpack.Encoder(order="deterministic")
DECODER = msgspec.msgpack.Decoder(HallState)


class Broken(AssertionError):
    """The hall went over its limit, or a right came from nowhere. Carries the steps that led there."""


@dataclass(frozen=True)
class Budget:
    """How often each kind of step may happen in one history."""

    admit: int = 2
    leave: int = 1
    give: int = 2
    publish: int = 3
    crash: int = 0
    tailgate: int = 0
    hold: int = 0
    recount: int = 0
    fence: int = 0
    limit: int = 0
    miscount: int = 0
    """People who leave by a door nobody counts: what a recount is for."""
    move: int = 0


@dataclass(frozen=True)
class Setting:
    """One small hall. `hints`: False forgets what rows say beyond rights, where no step of the bank reads it."""

    name: str
    persons: int = 2
    devices: int = 2
    budget: Budget = field(default_factory=Budget)
    permits: bool = False
    """Whether a permit and its passage are two steps."""
    hints: bool = False
    shares: bool = False
    """Gifts by `limit.share` as the device does, instead of any gift to anybody."""
    limits: tuple[int, ...] = (1, 3)
    holder: int = 0
    """Who has the rights at the beginning."""
    silent: int = -1
    """A device whose rows reach nobody."""
    knows: tuple[tuple[int, int], ...] = ()
    """Pairs (hearer, speaker) that have heard each other before; empty: everybody everybody."""


@dataclass(frozen=True)
class World:
    live: tuple[bytes, ...]
    disk: tuple[bytes, ...]
    air: frozenset[bytes]
    """Every row and notice ever published."""
    inside: int
    lost: int
    """Places that a crash with an open permit may cost."""
    dead: frozenset[int]
    left: tuple[int, ...]
    """What is left of the budget."""


NAMES = tuple(each.name for each in fields(Budget))


class Model:
    """The product. A wrong version overrides one method."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self._rows: dict[bytes, Row | Notice] = {}

    # ------------------------------------------------------------ the steps of one device, by the product's functions

    def turn(self, state: HallState) -> Turn:
        return Turn(state, Moment(0, 0), dt.UTC, None)

    def hear(self, state: HallState, said: Row | Notice) -> None:
        turn = self.turn(state)
        if isinstance(said, Row):
            self.merge(turn, said)
        else:
            limit.notice_arrived(turn, NoticeArrived(notice=said))

    def merge(self, turn: Turn, row: Row) -> None:
        limit.row_arrived(turn, RowArrived(row=row))

    def reserve(self, state: HallState) -> bool:
        lane, turn = state.lanes["A"], self.turn(state)
        if (
            lane.grant is not None
            or judgement.held_entry(turn, turn.setup("A"))
            or not occupancy.reserve(state.rights, 1)
        ):
            return False
        lane.grant = Grant(decision="", way="in", persons=1, until_ms=0, pulse_ms=1, opened_ms=0)
        turn.header("A")
        return True

    def recount(self, state: HallState, counted: int) -> bool:
        return bank.recount(self.turn(state), counted, "") == ""

    def evidence(self, bank_state: HallState, card: HallState) -> int:
        """The exact one: the journal read from the dead device's card."""
        return max(0, card.rights.free)

    def row(self, state: HallState) -> Row:
        return limit.own_row(state)

    admit_is_durable = exit_is_durable = publish_is_durable = True

    def crashed(self, disk: HallState, world: World, who: int) -> HallState:
        event = Started(boot="b", version="t", device=f"d{who}", hall="h", inc=disk.rights.inc, lanes=LANES,
                        bank=disk.rights.bank)  # fmt: skip
        start.started(self.turn(disk), event)
        return disk

    # ------------------------------------------------------------ the world's steps

    def first(self) -> World:
        setting = self.setting
        states = []
        for who in range(setting.devices):
            rights = Rights(inc=f"d{who}", bank=who == 0)
            lanes = {"A": LaneState(name="A")}
            states.append(HallState(device=f"d{who}", boot="b", rights=rights, lanes=lanes, setups=LANES))
        bank.set_limit(states[0], setting.persons)
        if setting.holder:
            occupancy.give(states[0].rights, f"d{setting.holder}", setting.persons)
            occupancy.merge(states[setting.holder].rights, limit.own_row(states[0]))
        first_rows = [limit.own_row(state) for state in states]
        pairs = setting.knows or tuple((a, b) for a in range(len(states)) for b in range(len(states)) if a != b)
        for hearer, speaker in pairs if setting.hints or setting.shares else ():
            limit.row_arrived(self.turn(states[hearer]), RowArrived(row=first_rows[speaker]))
            if speaker == 0:
                limit.notice_arrived(self.turn(states[hearer]), NoticeArrived(notice=states[0].notice))  # type: ignore[arg-type]
        frozen = tuple(self.freeze(state) for state in states)
        left = tuple(getattr(setting.budget, name) for name in NAMES)
        return World(frozen, frozen, frozenset(), 0, 0, frozenset(), left)

    def freeze(self, state: HallState) -> bytes:
        if not self.setting.hints and not self.setting.shares:
            state.peers, state.entered = {}, {}
        return ENCODER.encode(state)

    def put(self, world: World, who: int, state: HallState, durable: bool, **more: object) -> World:
        """The state of one device after a step of its own; `durable`: its journal has it before anything else goes on."""
        frozen = self.freeze(state)
        live = (*world.live[:who], frozen, *world.live[who + 1 :])
        disk = (*world.disk[:who], frozen, *world.disk[who + 1 :]) if durable else world.disk
        return replace(world, live=live, disk=disk, **more)  # type: ignore[arg-type]

    def spend(self, world: World, name: str) -> tuple[int, ...] | None:
        place = NAMES.index(name)
        left = world.left[place]
        return None if left == 0 else (*world.left[:place], left - 1, *world.left[place + 1 :])

    def after(self, world: World) -> Iterator[tuple[str, World]]:
        for who in range(len(world.live)):
            if who in world.dead:
                continue
            for step in self.STEPS:
                yield from step(self, world, who, DECODER.decode(world.live[who]))

    def _hearing(self, world: World, who: int, state: HallState) -> Iterator[tuple[str, World]]:
        for said in world.air:
            mine = DECODER.decode(world.live[who])
            self.hear(mine, self._rows[said])
            yield f"d{who} hears {said!r}", self.put(world, who, mine, False)

    def _publishing(self, world: World, who: int, state: HallState) -> Iterator[tuple[str, World]]:
        left = self.spend(world, "publish")
        row = self.row(state)
        said = {ENCODER.encode(row): row}
        if state.rights.bank and state.notice is not None and self.setting.hints:
            said[ENCODER.encode(state.notice)] = state.notice  # type: ignore[assignment]
        if left is None or said.keys() <= world.air or who == self.setting.silent:
            return
        self._rows.update(said)
        air = world.air | frozenset(said)
        yield f"d{who} publishes", self.put(world, who, state, self.publish_is_durable, air=air, left=left)

    def _admitting(self, world: World, who: int, state: HallState) -> Iterator[tuple[str, World]]:
        left = self.spend(world, "admit")
        if left is None or not self.reserve(state):
            return
        if self.setting.permits:
            yield f"d{who} permits", self.put(world, who, state, self.admit_is_durable, left=left)
            return
        state.lanes["A"].grant = None
        yield f"d{who} admits", self.put(world, who, state, self.admit_is_durable, left=left, inside=world.inside + 1)

    def _passing(self, world: World, who: int, state: HallState) -> Iterator[tuple[str, World]]:
        lane = state.lanes["A"]
        if lane.grant is None:
            return
        passage.return_unused(self.turn(state), lane, lane.grant)
        yield f"d{who} takes back", self.put(world, who, state, True)
        state = DECODER.decode(world.live[who])
        state.lanes["A"].grant = None
        yield f"d{who} sees a body in", self.put(world, who, state, True, inside=world.inside + 1)

    def _leaving(self, world: World, who: int, state: HallState) -> Iterator[tuple[str, World]]:
        left = self.spend(world, "leave")
        if left is not None and world.inside:
            occupancy.count_out(state.rights)
            self.turn(state).header()
            yield (
                f"d{who} counts out",
                self.put(world, who, state, self.exit_is_durable, left=left, inside=world.inside - 1),
            )
        left = self.spend(world, "miscount")
        if left is not None and world.inside and who == 0:
            yield "one leaves unseen", replace(world, inside=world.inside - 1, left=left, lost=world.lost + 1)

    def _tailgating(self, world: World, who: int, state: HallState) -> Iterator[tuple[str, World]]:
        left = self.spend(world, "tailgate")
        if left is not None:
            occupancy.count_in_unasked(state.rights)
            self.turn(state).header()
            yield f"d{who} tailgated", self.put(world, who, state, True, left=left, inside=world.inside + 1)

    def _giving(self, world: World, who: int, state: HallState) -> Iterator[tuple[str, World]]:
        left = self.spend(world, "give")
        if left is None or state.quarantined:
            return
        if self.setting.shares:
            before = state.rights.given
            limit.share(self.turn(state))
            if state.rights.given > before:
                yield f"d{who} shares", self.put(world, who, state, False, left=left)
            return
        for to in range(len(world.live)):
            mine = DECODER.decode(world.live[who])
            if to != who and f"d{to}" not in limit.fenced(mine) and occupancy.give(mine.rights, f"d{to}", 1):
                yield f"d{who} gives to d{to}", self.put(world, who, mine, False, left=left)

    def _crashing(self, world: World, who: int, state: HallState) -> Iterator[tuple[str, World]]:
        left = self.spend(world, "crash")
        if left is None:
            return
        disk = DECODER.decode(world.disk[who])
        open_permit = disk.lanes["A"].grant is not None
        again = self.crashed(disk, world, who)
        crashed = self.put(world, who, again, True, left=left)
        if open_permit:  # whoever held it may have gone through meanwhile, or not
            yield f"d{who} crashes, a body went in", replace(crashed, inside=crashed.inside + 1)
            yield f"d{who} crashes, nobody went in", replace(crashed, lost=crashed.lost + 1)
        else:
            yield f"d{who} crashes", crashed

    def _ordering(self, world: World, who: int, state: HallState) -> Iterator[tuple[str, World]]:
        """The bank's orders. It answers an order only after its journal has it (P3)."""
        if not state.rights.bank:
            return
        for name, orders in (("limit", self._limits), ("hold", self._holds), ("recount", self._recounts),
                             ("fence", self._fences)):  # fmt: skip
            left = self.spend(world, name)
            for what, change in orders(world) if left is not None else ():
                mine = DECODER.decode(world.live[who])
                dead = change(mine)
                if dead is not None:
                    yield f"bank: {what}", self.put(world, who, mine, True, left=left, dead=world.dead | dead)

    def _limits(self, world: World) -> Iterator[tuple[str, Callable[[HallState], frozenset[int] | None]]]:
        for persons in self.setting.limits:

            def change(state: HallState, persons: int = persons) -> frozenset[int] | None:
                bank.set_limit(state, persons)
                return frozenset()

            yield f"limit {persons}", change

    def _holds(self, world: World) -> Iterator[tuple[str, Callable[[HallState], frozenset[int] | None]]]:
        for on in (True, False):

            def change(state: HallState, on: bool = on) -> frozenset[int] | None:
                told = state.notice is not None and state.notice.hold
                return None if told == on or bank.hold(self.turn(state), on) else frozenset()

            yield f"hold {on}", change

    def _recounts(self, world: World) -> Iterator[tuple[str, Callable[[HallState], frozenset[int] | None]]]:
        yield f"recount {world.inside}", lambda state: frozenset() if self.recount(state, world.inside) else None

    def _fences(self, world: World) -> Iterator[tuple[str, Callable[[HallState], frozenset[int] | None]]]:
        for who in range(1, len(world.live)):

            def change(state: HallState, who: int = who) -> frozenset[int] | None:
                persons = self.evidence(state, DECODER.decode(world.disk[who]))
                return None if bank.fence(self.turn(state), f"d{who}", persons, "") else frozenset({who})

            yield f"fence d{who}", change

    STEPS = (_hearing, _publishing, _admitting, _passing, _leaving, _tailgating, _giving, _crashing, _ordering)

    # ------------------------------------------------------------ what must hold in every state

    def check(self, world: World, before: World) -> None:
        states = {who: DECODER.decode(world.live[who]) for who in range(len(world.live)) if who not in world.dead}
        self._monotone(world, before)
        rights = {state.rights.inc: state.rights for state in states.values()}
        carded = (world.disk[who] if who in world.dead else each for who, each in enumerate(world.live))
        everybody = {own.inc: own for own in (DECODER.decode(each).rights for each in carded)}
        for own in rights.values():
            for inc, seen in own.V.items():
                if inc == own.inc or seen > everybody[inc].T.get(own.inc, 0):
                    raise Broken("I1: received more than was given")
        alive = sum(self._alive(state, everybody) for state in states.values())
        banks = next(state for state in states.values() if state.rights.bank)
        alive += sum(each.persons for each in banks.fences)
        permits = sum(bank.open_permits(state) for state in states.values())
        total, allowed = alive + permits + world.inside, bank.limit_aimed_at(banks)
        if total > allowed:
            raise Broken(f"I3: {alive} rights, {permits} permits and {world.inside} inside are more than {allowed}")
        if not self._spent(world, "recount") and not world.dead and total + world.lost < allowed:
            raise Broken("a right leaked without a crash that may cost one")
        if not self._lowered(world) and world.inside > allowed + self._spent(world, "tailgate"):
            raise Broken("I4: over the limit")

    def _alive(self, state: HallState, everybody: dict[str, Rights]) -> int:
        """What a device has, and what is on its way to it and would be believed."""
        own, gone = state.rights, limit.fenced(state)
        if state.quarantined:
            return own.free
        flying = (max(0, given.T.get(own.inc, 0) - own.V.get(inc, 0)) for inc, given in everybody.items()
                  if inc not in gone)  # fmt: skip
        return own.free + sum(flying)

    def _spent(self, world: World, name: str) -> int:
        return int(getattr(self.setting.budget, name)) - world.left[NAMES.index(name)]

    def _lowered(self, world: World) -> bool:
        return self._spent(world, "limit") > 0 and min(self.setting.limits) < self.setting.persons

    def _monotone(self, world: World, before: World) -> None:
        for now, then in zip(world.disk, before.disk, strict=True):
            if now is then or now == then:
                continue
            new, old = DECODER.decode(now).rights, DECODER.decode(then).rights
            if new.inc == old.inc and (
                any(getattr(new, name) < getattr(old, name) for name in "ACGXMB")
                or any(new.T.get(inc, 0) < n for inc, n in old.T.items())
                or any(new.V.get(inc, 0) < n for inc, n in old.V.items())
            ):
                raise Broken("O2: a durable counter fell")


def explore(model: Model, states_max: int = 3_000_000) -> int:
    """Visit every state; returns how many there are. Broken, with the way there, where one must not be."""
    first = model.first()
    came_from: dict[World, tuple[World, str] | None] = {first: None}
    front = [first]
    while front:
        found = []
        for world in front:
            for step, then in model.after(world):
                if then in came_from:
                    continue
                came_from[then] = (world, step)
                try:
                    model.check(then, world)
                except Broken as broken:
                    raise Broken(f"{broken}; after: {'; '.join(_way(came_from, then))}") from None
                found.append(then)
        assert len(came_from) <= states_max, f"more than {states_max} states: a smaller setting, please"
        front = found
    return len(came_from)


def _way(came_from: dict[World, tuple[World, str] | None], world: World) -> list[str]:
    steps: list[str] = []
    while (came := came_from[world]) is not None:
        world, step = came
        steps.append(step[:9] if " hears " in step else step)
    return steps[::-1]


# ---------------------------------------------------------------- the halls

B = Budget
SMALL = (
    Setting("two doors, crashes", budget=B(crash=1, publish=2)),
    Setting("two doors, permits", persons=1, permits=True, budget=B(admit=2, leave=1, give=1, publish=2, crash=1)),
    Setting("three doors", persons=1, devices=3, budget=B(admit=1, leave=1, give=2, publish=2)),
    Setting("tailgaters", budget=B(admit=1, tailgate=1, leave=1, give=1, publish=2, crash=1)),
    Setting("shared as the device does", shares=True, budget=B(admit=2, leave=1, give=2, publish=2)),
    Setting("limit up and down", budget=B(admit=2, leave=1, give=1, publish=2, limit=2)),
    Setting(
        "recount",
        hints=True,
        budget=B(admit=2, leave=1, give=1, publish=4, hold=1, recount=1, miscount=1),
        persons=1,
    ),
    Setting(
        "hold, release, hold, recount",
        hints=True,
        persons=1,
        holder=1,
        budget=B(admit=1, leave=0, give=0, publish=5, hold=3, recount=1),
    ),
    Setting("fence", hints=True, devices=3, persons=1, budget=B(admit=1, leave=0, give=2, publish=3, fence=1)),
)
EXIT = Setting(
    "exit during a recount", hints=True, persons=1, budget=B(admit=1, leave=1, give=0, publish=4, hold=1, recount=1)
)
STRANGER = Setting(
    "a device the bank never heard of",
    hints=True,
    devices=3,
    persons=1,
    holder=1,
    silent=2,
    knows=((0, 1), (1, 0), (2, 1), (1, 2)),
    budget=B(admit=0, leave=0, give=1, publish=4, hold=1, recount=1),
)
LARGE = (
    Setting("two doors, a crash", budget=B(crash=1, publish=3)),
    replace(
        STRANGER,
        name="the same, and people",
        silent=-1,
        budget=B(admit=1, leave=0, give=1, publish=4, hold=1, recount=1),
    ),
    Setting("two doors, many crashes", budget=B(admit=3, leave=2, give=3, publish=4, crash=2)),
    Setting("three doors, two persons", devices=3, budget=B(admit=2, leave=1, give=2, publish=3, crash=1)),
)


if __name__ == "__main__":
    for each in SMALL + (EXIT, STRANGER) + (LARGE if "--large" in sys.argv else ()):
        print(f"{each.name}: {explore(Model(each))} states", flush=True)
