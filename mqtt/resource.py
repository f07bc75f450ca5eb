"""One resource of the rights protocol (the hall, a zone, the elevators) as its rows tell it. Pure: rows in, numbers out.

The sums are those of the protocol (`firmware/core/occupancy.py`): inside is the net of all rows, and whoever holds a
right may still let one body in. So the limit that is really in force is what is inside, plus every free right, plus
every right on its way: it stays above an ordered, lower limit for as long as a door has not handed its rights back.

A hub has no hall key: who may write a row is the broker's access list, the doors themselves check the seal.
"""

from __future__ import annotations

from typing import Any

import msgspec

from firmware.core.occupancy import Notice, Row

ROWS_MAX = 512
SILENT_MS = 15_000.0
"""Three heartbeats without a row: this door is cut off."""
EXITS_PER_S = 0.5
"""Bodies that a lane lets out at most, for what may have left unseen through a door that is cut off (ISO-like 30/min)."""

_ROW = msgspec.json.Decoder(Row)
_NOTICE = msgspec.json.Decoder(Notice)


class Heard(msgspec.Struct):
    """A row and when it came, in the hub's own milliseconds."""

    row: Row
    at_ms: float


class ResourceView:
    """The newest row of every incarnation, and the bank's last word."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.notice: Notice | None = None
        self._rows: dict[str, Heard] = {}

    def row(self, inc: str, payload: bytes, now_ms: float) -> bool:
        """Take a row in; False when it is old or not under its own name. DecodeError when it is none."""
        row = _ROW.decode(payload)
        known = self._rows.get(inc)
        if row.inc != inc or (known is None and len(self._rows) >= ROWS_MAX):
            return False
        if known is not None and _age(row) < _age(known.row):
            return False
        self._rows[inc] = Heard(row, now_ms)
        return True

    def word(self, payload: bytes) -> bool:
        """Take the bank's notice in; False for one that is not newer."""
        notice = _NOTICE.decode(payload)
        if self.notice is not None and notice.serial <= self.notice.serial:
            return False
        self.notice = notice
        return True

    def inside(self) -> int | None:
        """People inside by all rows; None while there is none, or one is missing."""
        if not self._rows or self._unheard():
            return None
        return sum(heard.row.A - heard.row.C + heard.row.G - heard.row.X + heard.row.K for heard in self._rows.values())

    def _unheard(self) -> set[str]:
        """Who gave or got rights and has no row here: of a door that was replaced, lost with the broker's memory.

        All the people who ever went through it would be missing in the sum, for ever.
        """
        named = (name for heard in self._rows.values() for name in (*heard.row.T, *heard.row.V))
        return {name for name in named if name not in self._rows}

    def picture(
        self, offline: set[str], open_permits: int, exit_lanes: dict[str, int], now_ms: float
    ) -> dict[str, Any]:
        """`offline`: devices the broker has lost. `open_permits`: granted, not passed yet; counted, maybe not inside.

        `exit_lanes`: lanes of each device through which people leave.
        """
        fenced = set(self.notice.fenced) if self.notice else set()
        coming = self._in_flight()
        doors = [self._door(heard, coming, fenced, offline, now_ms) for heard in self._rows.values()]
        living = [door for door in doors if not door["fenced"]]
        free, flight = sum(max(0, door["free"]) for door in living), sum(door["flight"] for door in living)
        best = self.inside()
        target = self.notice.limit if self.notice else None
        cut = [door for door in living if door["cut_off"]]
        unseen_in = sum(max(0, door["free"]) + door["flight"] for door in cut)
        unseen_out = sum(_out_unseen(door, exit_lanes) for door in cut)
        return {
            "name": self.name,
            "low": None if best is None else max(0, best - open_permits - unseen_out),
            "best": best,
            "high": None if best is None else best + unseen_in,
            "target": target,
            "in_force": None if best is None or target is None else max(target, best + free + flight),
            "free": free,
            "flight": flight,
            "debt": sum(max(0, -door["free"]) for door in living),
            "held": bool(self.notice and self.notice.hold),
            "doors": sorted(doors, key=lambda door: (door["device"], door["inc"])),
        }

    def _in_flight(self) -> dict[str, int]:
        """Rights on their way to each incarnation: given by one, not yet seen by the other."""
        coming: dict[str, int] = {}
        for giver, heard in self._rows.items():
            for to, given in heard.row.T.items():
                seen = self._rows[to].row.V.get(giver, 0) if to in self._rows else 0
                coming[to] = coming.get(to, 0) + max(0, given - seen)
        return coming

    def _door(
        self, heard: Heard, coming: dict[str, int], fenced: set[str], offline: set[str], now_ms: float
    ) -> dict[str, Any]:
        row = heard.row
        silent_s = max(0.0, now_ms - heard.at_ms) / 1000
        return {
            "inc": row.inc,
            "device": row.dev,
            "bank": row.bank,
            "free": row.free,
            "want": row.want,
            "entry": row.entry,
            "net": row.A - row.C + row.G - row.X,
            "flight": coming.get(row.inc, 0),
            "state": row.state,
            "held": row.held,
            "fenced": row.inc in fenced,
            "cut_off": row.dev in offline or silent_s * 1000 > SILENT_MS,
            "silent_s": int(silent_s),
        }


def _age(row: Row) -> tuple[int, int]:
    """Counters only rise: a row with a smaller sum is older, whatever came first."""
    return (row.A + row.C + row.G + row.X + row.M + row.B + sum(row.T.values()) + sum(row.V.values()), row.seq)


def _out_unseen(door: dict[str, Any], exit_lanes: dict[str, int]) -> int:
    return int(exit_lanes.get(door["device"], 0) * EXITS_PER_S * door["silent_s"])
