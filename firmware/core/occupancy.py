"""The hall-wide limit: rights that move between devices. One right is one place; whoever holds one may let one body in.

All counters only rise, so loss, repetition, reordering and stale copies of a row cannot make a right. The names are the
protocol's: A admissions reserved, C reservations cancelled, G bodies counted in without a grant, X bodies counted out,
T rights given to a peer, V rights seen as received from a peer, M minted and B burned by the bank, which is the only one
that may. `free` may be negative: a debt, after tailgaters or a lowered limit.

The functions below are the only ones that change the counters; each is one line of the protocol.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Rights(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The own state of one incarnation. Journalled whole before any effect that depends on it leaves the device."""

    inc: str
    bank: bool = False
    A: int = 0
    C: int = 0
    G: int = 0
    X: int = 0
    M: int = 0
    B: int = 0
    T: dict[str, int] = {}
    V: dict[str, int] = {}

    @property
    def free(self) -> int:
        """R_i of the protocol: what this device may still let in without asking anybody."""
        bank = self.M - self.B
        return bank + self.X + self.C - self.A - self.G + sum(self.V.values()) - sum(self.T.values())

    @property
    def net_inside(self) -> int:
        """Bodies that came in here minus those who left here; over all devices this sums to the people inside."""
        return self.A - self.C + self.G - self.X

    @property
    def received(self) -> int:
        return sum(self.V.values())

    @property
    def given(self) -> int:
        return sum(self.T.values())


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What the others may know of one incarnation: its cumulative counters, and hints that carry no right."""

    v: int = 1
    inc: str
    dev: str
    seq: int
    A: int
    C: int
    G: int
    X: int
    T: dict[str, int] = {}
    V: dict[str, int] = {}
    M: int = 0
    B: int = 0
    bank: bool = False
    free: int = 0
    want: int = 0
    """Places this device could use: for people who were told to wait in the last minutes, and a small reserve."""
    asks: int = 0
    """Bodies that stand at its gates just now and lack a place."""
    entry: bool = True
    """False: an exit-only device, which hands over everything it gains."""
    state: str = "joined"
    K: int = 0
    """Who is or was the bank: what its recounts found beyond the counters."""
    F: int = 0
    """Who is or was the bank: rights it returned for fenced devices, and what recounts found missing of rights."""
    notice: int = 0
    """Serial of the bank's last notice this device has on disk: every counter in the row is younger than that."""
    held: bool = False
    """Entry is held by the bank's notice and no permit is open: nobody comes in here until the release."""
    boot: int = 0
    """Openings of this device's journal; 0: not told."""
    run: str = ""
    """Drawn at that opening. Two devices with one identity (a cloned card) count alike, but never draw alike."""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What only the bank may say, to everybody at once. A higher serial replaces a lower one, whoever brought it."""

    v: int = 1
    serial: int
    limit: int
    """The limit the bank works towards; the one really in force may still be higher (rights not yet handed back)."""
    hold: bool = False
    fenced: tuple[str, ...] = ()
    """Incarnations whose rows count no more."""
    counted: int = 0
    """Serial of the last notice that closed a recount: who was held by a power loss before it may open again."""
    held_since: int = 0
    """Serial of the notice that began the hold in force: an answer to an older hold, released since, proves nothing."""


def reserve(rights: Rights, persons: int) -> bool:
    """Take `persons` places at once or none. True when taken."""
    if rights.free < persons:
        return False
    rights.A += persons
    return True


def give_back(rights: Rights, persons: int) -> None:
    """A reservation nobody used. The relay is closed first (P4)."""
    rights.C += persons


def count_in_unasked(rights: Rights) -> None:
    """A body came in without a grant: never prevented, always counted; may put the device into debt."""
    rights.G += 1


def count_out(rights: Rights) -> None:
    """A body was SEEN leaving. An assumed exit must not come here: it would mint a right."""
    rights.X += 1


def set_limit(rights: Rights, limit_persons: int, corrections: int = 0, others: int = 0) -> int:
    """The bank mints or burns the difference to the limit in force. Returns the change (0: nothing, or not the bank).

    `corrections` is K - F, what recounts and fences changed: M - B = N - K + F over all who ever were the bank, else a
    new limit would undo a recount. `others` is M - B of those who were the bank before.
    """
    return mint(rights, limit_persons - corrections - others - (rights.M - rights.B)) if rights.bank else 0


def mint(rights: Rights, persons: int) -> int:
    """Make so many rights, or burn them when negative. Only the bank's own functions call this."""
    if persons > 0:
        rights.M += persons
    else:
        rights.B -= persons
    return persons


def merge(rights: Rights, row: Row) -> int:
    """Take note of a peer's row; returns the rights that arrived (0 for an old, repeated or own row)."""
    given = row.T.get(rights.inc, 0)
    arrived = given - rights.V.get(row.inc, 0)
    if row.inc == rights.inc or arrived <= 0:
        return 0
    rights.V[row.inc] = given
    return arrived


def give(rights: Rights, to: str, persons: int) -> int:
    """Hand rights to a peer: never more than are free, never a debt. Returns how many went."""
    persons = min(persons, rights.free)
    if persons <= 0 or to == rights.inc:
        return 0
    rights.T[to] = rights.T.get(to, 0) + persons
    return persons


def age(row: Row) -> tuple[int, int]:
    """Of two rows of one incarnation the larger is the newer. A gift or its receipt leaves no record: not `seq` alone."""
    return row.seq, sum(row.T.values()) + sum(row.V.values()) + row.notice


def contradicts(rights: Rights, row: Row) -> bool:
    """Somebody saw more of mine than my journal knows: a restored card, or a twin (O14, O17). The device must stop."""
    if row.inc == rights.inc:
        own = any(getattr(row, name) > getattr(rights, name) for name in ("A", "C", "G", "X", "M", "B"))
        tables = ((row.T, rights.T), (row.V, rights.V))
        return own or any(count > mine.get(peer, 0) for seen, mine in tables for peer, count in seen.items())
    return row.V.get(rights.inc, 0) > rights.T.get(row.inc, 0)


def row_of(rights: Rights, *, device: str, seq: int, want: int, entry: bool, **more: Any) -> Row:
    return Row(
        inc=rights.inc,
        dev=device,
        seq=seq,
        A=rights.A,
        C=rights.C,
        G=rights.G,
        X=rights.X,
        T=dict(rights.T),
        V=dict(rights.V),
        M=rights.M,
        B=rights.B,
        bank=rights.bank,
        free=rights.free,
        want=want,
        entry=entry,
        **more,
    )
