"""The exhaustive model of the hall-wide limit finds nothing in the product, and catches every version that is wrong.

The wrong versions are those of the design: each put people over the limit, or made rights from nowhere.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from firmware.core import bank, occupancy
from firmware.core.occupancy import Rights, Row
from firmware.core.resource import Recount
from firmware.core.state import HallState
from firmware.core.turn import Turn
from tests.core.model import DECODER, EXIT, SMALL, STRANGER, Broken, Budget, Model, Setting, World, explore


@pytest.mark.parametrize("setting", (*SMALL, EXIT, STRANGER), ids=lambda each: each.name)
def test_no_order_of_steps_breaks_the_limit(setting: Setting, record_property: pytest.RecordProperty) -> None:
    states = explore(Model(setting))
    record_property("states", states)
    print(f"{setting.name}: {states} states")
    assert states > 100, "the hall is too small to prove anything"


# ---------------------------------------------------------------- wrong on purpose


class RelayBeforeFsync(Model):
    admit_is_durable = False


class PublishBeforeFsync(Model):
    publish_is_durable = False


class GrantsAsDeltas(Model):
    """A row tells what was given since the row before; whoever hears it adds that."""

    def row(self, state: HallState) -> Row:
        row = super().row(state)  # the model gives one at a time, so the last gift is always one
        return msgspec.structs.replace(row, T=dict.fromkeys(row.T, 1))

    def merge(self, turn: Turn, row: Row) -> None:
        _add(turn, row)


class ReReadRowAdded(Model):
    """Cumulative counters, but every arrival of the row counts again."""

    def merge(self, turn: Turn, row: Row) -> None:
        _add(turn, row)


def _add(turn: Turn, row: Row) -> None:
    rights = turn.state.rights
    if row.inc != rights.inc and row.T.get(rights.inc):
        rights.V[row.inc] = rights.V.get(row.inc, 0) + row.T[rights.inc]


class JournalFromOwnRow(Model):
    """The journal is gone and the own retained row takes its place; what was spent since is spent again."""

    def crashed(self, disk: HallState, world: World, who: int) -> HallState:
        for said in sorted(world.air):
            row = self._rows[said]
            if isinstance(row, Row) and row.inc == disk.rights.inc:
                disk.rights = Rights(inc=row.inc, bank=row.bank, A=row.A, C=row.C, G=row.G, X=row.X, M=row.M, B=row.B)
                disk.rights.T, disk.rights.V = dict(row.T), dict(row.V)
                break
        return super().crashed(disk, world, who)


class DeadGatesLastBalance(Model):
    """The bank returns what the dead gate last said it had; it spent some since."""

    def evidence(self, bank_state: HallState, card: HallState) -> int:
        peer = bank_state.peers.get(card.rights.inc)
        return max(0, peer.free) if peer else 0


class RecountWithoutFreezing(Model):
    """People are counted while the gates go on, and the last rows are taken for the truth."""

    def recount(self, state: HallState, counted: int) -> bool:
        bank._close(self.turn(state), state, Recount(counted=counted, serial=0))
        return True


class MintsFromStaleRow(Model):
    """Every gate is held, but nobody waits until the rows are younger than the counting: exits went on."""

    def recount(self, state: HallState, counted: int) -> bool:
        done = super().recount(state, counted)
        if done and state.recount is not None:
            bank._close(self.turn(state), state, state.recount)
        return done


class ReflashedWithItsIdentity(Model):
    """An empty journal under the old name: the peers' gifts are received a second time."""

    def crashed(self, disk: HallState, world: World, who: int) -> HallState:
        if who:
            disk.rights = Rights(inc=disk.rights.inc)
        return super().crashed(disk, world, who)


class HeldByAnOlderHold(Model):
    """An answer to a hold that was released since counts for the next one."""

    def recount(self, state: HallState, counted: int) -> bool:
        if state.notice is not None:
            state.notice = msgspec.structs.replace(state.notice, held_since=0)
        return super().recount(state, counted)


CRASH = Setting("a crash", budget=Budget(admit=2, leave=0, give=1, publish=2, crash=1), persons=1)
KEPT = replace(CRASH, name="a gift before a crash", budget=Budget(admit=2, leave=0, give=1, publish=2, crash=1))
BY_NAME = {each.name: each for each in SMALL}
DEAD = Setting(
    "a dead gate", hints=True, holder=1, persons=1, budget=Budget(admit=1, leave=0, give=0, publish=2, fence=1)
)
WRONG: list[tuple[type[Model], Setting]] = [
    (RelayBeforeFsync, CRASH),
    (PublishBeforeFsync, KEPT),
    (GrantsAsDeltas, KEPT),
    (ReReadRowAdded, KEPT),
    (JournalFromOwnRow, replace(CRASH, holder=1)),
    (DeadGatesLastBalance, DEAD),
    (RecountWithoutFreezing, replace(EXIT, holder=1)),
    (MintsFromStaleRow, EXIT),
    (ReflashedWithItsIdentity, KEPT),
    (HeldByAnOlderHold, BY_NAME["hold, release, hold, recount"]),
]


@pytest.mark.parametrize(("wrong", "setting"), WRONG, ids=[wrong.__name__ for wrong, _ in WRONG])
def test_a_wrong_version_is_caught(wrong: type[Model], setting: Setting) -> None:
    if setting not in SMALL:  # those are explored above
        explore(Model(setting))
    with pytest.raises(Broken):
        explore(wrong(setting))


class ExitsNotSynced(Model):
    exit_is_durable = False


def test_exits_that_are_not_synced_leak_and_only_leak() -> None:
    hall = replace(CRASH, budget=Budget(admit=1, leave=1, give=0, publish=1, crash=1))
    with pytest.raises(Broken, match="leaked"):
        explore(ExitsNotSynced(hall))
    assert explore(Model(hall)) > 20


def test_a_state_survives_being_frozen() -> None:
    model = Model(EXIT)
    for frozen in model.first().live:
        assert model.freeze(DECODER.decode(frozen)) == frozen


def test_a_device_nobody_heard_of_can_be_fenced() -> None:
    model = Model(STRANGER)
    state = DECODER.decode(model.first().live[0])
    state.rights.T["d9"] = 1
    assert bank.strangers(state) == {"d9"}
    assert bank.fence(model.turn(state), "d9", 0, "") == "" and not bank.strangers(state)
    assert occupancy.give(state.rights, "d0", 1) == 0
