"""The hall-wide limit under loss, repetition, reordering, stale copies and crashes: I1-I4, O2-O4, O7 of the protocol.

The same checker must catch versions of the protocol that are wrong on purpose; else it proves nothing.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core import occupancy
from firmware.core.occupancy import Rights, Row

LIMIT = 6


class Broken(AssertionError):
    """The checker found the hall over its limit, or a right from nowhere."""


class Net:
    """Devices that talk by rows only. `disk` is what survives a crash; the first device is the bank."""

    def __init__(self, devices: int, chance: random.Random) -> None:
        self.chance, self.inside = chance, 0
        self.live = [Rights(inc=f"d{number}", bank=number == 0) for number in range(devices)]
        occupancy.set_limit(self.live[0], LIMIT)
        self.disk = copy.deepcopy(self.live)
        self.sent: list[Row] = []
        self.merge: Callable[[Rights, Row], int] = occupancy.merge

    def save(self, who: int) -> None:
        self.disk[who] = copy.deepcopy(self.live[who])

    def publish(self, who: int) -> None:
        self.save(who)
        self.send(who)

    def send(self, who: int) -> None:
        self.sent.append(occupancy.row_of(self.live[who], device=f"{who}", seq=0, want=0, entry=True))

    def hear(self, who: int) -> None:
        """Any row ever sent, to anybody, as often as chance will: loss, repetition, reordering, stale copies at once."""
        if self.sent:
            row = self.chance.choice(self.sent[-12:] if self.chance.random() < 0.7 else self.sent)
            if not occupancy.contradicts(self.live[who], row):
                self.merge(self.live[who], row)

    def give(self, who: int) -> None:
        to = self.chance.randrange(len(self.live))
        if occupancy.give(self.live[who], f"d{to}", self.chance.randint(1, 3)):
            self.publish(who)

    def admit(self, who: int) -> None:
        if occupancy.reserve(self.live[who], 1):
            self.save(who)
            if self.chance.random() < 0.2:
                occupancy.give_back(self.live[who], 1)
            else:
                self.inside += 1

    def leave(self, who: int) -> None:
        if self.inside:
            self.inside -= 1
            occupancy.count_out(self.live[who])

    def crash(self, who: int) -> None:
        self.live[who] = copy.deepcopy(self.disk[who])

    STEPS: tuple[str, ...] = ("publish", "hear", "hear", "hear", "give", "give", "admit", "admit", "leave", "crash")

    def step(self) -> None:
        before = copy.deepcopy(self.disk)
        getattr(self, self.chance.choice(self.STEPS))(self.chance.randrange(len(self.live)))
        self.check(before)

    # ------------------------------------------------------------ the checker

    def check(self, before: list[Rights]) -> None:
        if self.inside > LIMIT:
            raise Broken("I4: over the limit")
        by_inc = {each.inc: each for each in self.live}
        for each, old in zip(self.disk, before, strict=True):
            if any(getattr(each, name) < getattr(old, name) for name in "ACGXMB"):
                raise Broken("O2: a counter fell")
        for each in self.live:
            for inc, seen in each.V.items():
                if inc == each.inc or seen > by_inc[inc].T.get(each.inc, 0):
                    raise Broken("I1: received more than was given")
            flight = sum(other.T.get(each.inc, 0) - each.V.get(other.inc, 0) for other in self.live)
            if each.free + flight < 0:
                raise Broken("I2: a balance below nothing")
        if self.total() != LIMIT:
            raise Broken("I3: rights from nowhere")
        if sum(each.net_inside for each in self.live) < self.inside:
            raise Broken("O4: more inside than reserved")

    def total(self) -> int:
        free = sum(each.free for each in self.live)
        flight = sum(each.given - sum(o.V.get(each.inc, 0) for o in self.live) for each in self.live)
        return free + flight + sum(each.net_inside for each in self.live)


def run(net: Net, steps: int = 150) -> Net:
    for _ in range(steps):
        net.step()
    return net


@settings(max_examples=100, deadline=None)
@given(st.integers(3, 4), st.integers(0, 2**32))
def test_no_network_puts_the_hall_over_its_limit(devices: int, seed: int) -> None:
    net = run(Net(devices, random.Random(seed)))
    leaks = sum(each.net_inside for each in net.live) - net.inside
    assert leaks >= 0


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32))
def test_without_a_crash_nothing_leaks_and_old_rows_change_nothing(seed: int) -> None:
    net = Net(3, random.Random(seed))
    net.STEPS = tuple(step for step in Net.STEPS if step != "crash")
    run(net)
    for who in range(3):
        net.publish(who)
    for row in net.sent[-3:] * 2:
        for each in net.live:
            occupancy.merge(each, row)
    assert sum(each.free for each in net.live) + sum(each.net_inside for each in net.live) == LIMIT
    assert sum(each.net_inside for each in net.live) == net.inside
    quiet = [each.free for each in net.live]
    for row in net.sent:
        for each in net.live:
            occupancy.merge(each, row)
    assert [each.free for each in net.live] == quiet


# ---------------------------------------------------------------- wrong on purpose


class PublishesBeforeJournalling(Net):
    def publish(self, who: int) -> None:
        self.send(who)


class OpensBeforeJournalling(Net):
    def admit(self, who: int) -> None:
        if occupancy.reserve(self.live[who], 1):
            self.inside += 1


class GrantsAreDeltas(Net):
    def hear(self, who: int) -> None:
        if self.sent:
            row = self.chance.choice(self.sent)
            mine = self.live[who]
            if row.inc != mine.inc:
                mine.V[row.inc] = mine.V.get(row.inc, 0) + row.T.get(mine.inc, 0)


class RebuildsFromItsOwnRow(Net):
    def crash(self, who: int) -> None:
        """A lost journal: the last retained row is older than what was spent since."""
        own = [row for row in self.sent if row.inc == f"d{who}"]
        if own:
            row = own[-1]
            kept = Rights(inc=row.inc, bank=who == 0, A=row.A, C=row.C, G=row.G, X=row.X, M=row.M, B=row.B)
            kept.T, kept.V = dict(row.T), dict(row.V)
            self.live[who] = kept


class GivesBackADeadGatesBalance(Net):
    def crash(self, who: int) -> None:
        """The bank mints what the dead gate last said it had; it had spent some since, or comes back."""
        own = [row for row in self.sent if row.inc == f"d{who}"]
        if own and who:
            self.live[0].M += max(0, own[-1].free)


class MintsOnAStaleRow(Net):
    def crash(self, who: int) -> None:
        """A recount that subtracts what the last rows said is inside: the doors went on counting meanwhile."""
        last = {row.inc: row for row in self.sent}
        known = sum(row.A - row.C + row.G - row.X for row in last.values())
        if known > self.inside:
            self.live[0].M += known - self.inside


WRONG = [
    PublishesBeforeJournalling,
    OpensBeforeJournalling,
    GrantsAreDeltas,
    RebuildsFromItsOwnRow,
    GivesBackADeadGatesBalance,
    MintsOnAStaleRow,
]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_protocol_is_caught(wrong: type[Net]) -> None:
    with pytest.raises(Broken):
        for seed in range(60):
            run(wrong(3, random.Random(seed)))


def test_a_retained_row_added_twice_is_caught() -> None:
    def adds(rights: Rights, row: Row) -> int:
        rights.V[row.inc] = rights.V.get(row.inc, 0) + row.T.get(rights.inc, 0)
        return 0

    with pytest.raises(Broken):
        for seed in range(60):
            net = Net(3, random.Random(seed))
            net.merge = adds
            run(net)


@pytest.mark.parametrize("counter", ["A", "C", "G", "X", "M", "B"])
def test_who_shows_more_of_ours_than_we_know_is_a_contradiction(counter: str) -> None:
    rights = Rights(inc="d1", T={"d2": 1})
    base = {"inc": "d1", "dev": "d1", "seq": 0, "A": 0, "C": 0, "G": 0, "X": 0}
    assert not occupancy.contradicts(rights, Row(**base))  # type: ignore[arg-type]
    assert occupancy.contradicts(rights, Row(**{**base, counter: 1}))  # type: ignore[arg-type]
    assert occupancy.contradicts(rights, Row(**{**base, "inc": "d2", "V": {"d1": 2}}))  # type: ignore[arg-type]


@pytest.mark.parametrize("seen", [{"inc": "d3", "V": {"d1": 1}}, {"T": {"d3": 1}}, {"V": {"d3": 1}}])
def test_a_gift_that_is_nowhere_in_the_journal_is_a_contradiction(seen: dict[str, object]) -> None:
    base = {"inc": "d1", "dev": "d1", "seq": 0, "A": 0, "C": 0, "G": 0, "X": 0}
    assert occupancy.contradicts(Rights(inc="d1", T={"d2": 1}), Row(**{**base, **seen}))  # type: ignore[arg-type]


def test_nobody_but_the_bank_makes_rights() -> None:
    rights = Rights(inc="d1")
    assert occupancy.set_limit(rights, 5) == 0 and rights == Rights(inc="d1")
