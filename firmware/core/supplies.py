"""3.1.6: what dispensers and issue taps give out: counted, on record for the hub's ledger, and an alarm before it is gone.

    used      so many since the last record, `[supplies] report_minutes` after the first of them
    issued    a use within `badge_seconds` of an attendant's badge at the lane: at once, with whose it was
    low       `low_units` or fewer are left: an alarm that names everything that is low; `empty`: nothing is
    refilled  by the order `refill`

`used` in these records only grows: the ledger is what two of them differ by. A dispenser that gives more than there
should be is believed, and shows as empty: somebody filled it and said nothing.
"""

from __future__ import annotations

from typing import Literal

from firmware.core.records import Supply
from firmware.core.state import HallState, LaneState
from firmware.core.supply_state import SupplyState
from firmware.core.turn import Turn
from firmware.rulebook.supply_tables import SupplyItem

State = Literal["used", "issued", "low", "empty", "refilled"]


def items(turn: Turn) -> list[SupplyItem]:
    """Those whose ledger this device keeps."""
    known = turn.rulebook.supplies.item if turn.rulebook is not None else ()
    return [item for item in known if item.lane in turn.state.lanes]


def kept(state: HallState, item: SupplyItem) -> SupplyState:
    """As it is now: full, where nothing was ever counted."""
    return state.supplies.get(item.name) or SupplyState(left=item.full_units)


def taken(turn: Turn, lane: LaneState) -> None:
    """The lane's dispenser was used once."""
    item = next((each for each in items(turn) if each.lane == lane.name), None)
    if item is None or turn.rulebook is None:
        return
    one = turn.state.supplies.setdefault(item.name, kept(turn.state, item))
    had, one.left = one.left, max(0, one.left - item.per_use)
    one.used += item.per_use
    if lane.badge is not None and turn.now <= lane.badge_until_ms:
        _record(turn, item, one, "issued", by=lane.badge)
    elif one.report_ms is None:
        one.report_ms = turn.now + turn.rulebook.supplies.report_minutes * 60_000
    if had and not one.left:
        _record(turn, item, one, "empty")
    _look(turn)


def refill(turn: Turn, name: str, units: int | None, who: str) -> str:
    """`units` were put in; None: it is full. Answers why not, or nothing."""
    item = next((each for each in items(turn) if each.name == name), None)
    if item is None:
        return "no_such_item"
    one = turn.state.supplies.setdefault(item.name, kept(turn.state, item))
    one.left = item.full_units if units is None else one.left + units
    _record(turn, item, one, "refilled", by=who)
    _look(turn)
    return ""


def tend(turn: Turn) -> None:
    """Put on record what is due."""
    for item in items(turn) if turn.state.supplies else ():
        one = turn.state.supplies.get(item.name)
        if one is not None and one.report_ms is not None and turn.now >= one.report_ms:
            _record(turn, item, one, "used")


def due(turn: Turn) -> list[int]:
    return [one.report_ms for one in turn.state.supplies.values() if one.report_ms is not None and _mine(turn, one)]


def _mine(turn: Turn, one: SupplyState) -> bool:
    """An item that the rulebook or the site no longer has is never due."""
    return any(turn.state.supplies.get(item.name) is one for item in items(turn))


def restarted(turn: Turn) -> None:
    """Elapsed time may have begun anew: what was due is due now."""
    for one in turn.state.supplies.values():
        one.report_ms = turn.now if one.told != one.used else None


def _look(turn: Turn) -> None:
    """One alarm for all that is low: two of one name would end each other at the hub."""
    before = [one.low for one in turn.state.supplies.values()]
    known = [(item, one) for item in items(turn) if (one := turn.state.supplies.get(item.name)) is not None]
    for item, one in known:
        was, one.low = one.low, one.left <= item.low_units
        if one.low and not was and one.left:
            _record(turn, item, one, "low")
    if before != [one.low for one in turn.state.supplies.values()]:
        low = [f"{item.name} {one.left}" for item, one in known if one.low]
        turn.alarm("supply_low", active=bool(low), detail=", ".join(low))


def _record(turn: Turn, item: SupplyItem, one: SupplyState, state: State, by: str = "") -> None:
    one.told, one.report_ms = one.used, None
    turn.records.append(
        Supply(**turn.header(item.lane), item=item.name, state=state, used=one.used, left=one.left, by=by)
    )
