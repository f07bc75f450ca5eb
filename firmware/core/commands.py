"""Orders of the hub, already verified and judged fresh by `mqtt/commands.py`. Each leaves a `command` record.

What an order may do is the table at the end; an order that is not in it is refused aloud.
"""

from __future__ import annotations

from collections.abc import Callable

from firmware.core import (
    attendant,
    attest,
    bank,
    closing,
    emergency,
    incident,
    limit,
    rounds,
    rulebooks,
    sentinel,
    supplies,
    updating,
)
from firmware.core.events import CommandArrived
from firmware.core.quiet import disturbed
from firmware.core.resource import HALL
from firmware.core.turn import Turn


def arrived(turn: Turn, event: CommandArrived) -> None:
    because = event.refusal or _carry_out(turn, event)
    turn.command_done(event.lane, event.id, event.name, event.issuer, because)


def _carry_out(turn: Turn, event: CommandArrived) -> str:
    order = ORDERS.get(event.name)
    if order is None:
        return "unknown_command"
    of_one_lane = event.name in OF_ONE_LANE or (event.name in OF_LANES_OR_THE_HALL and event.lane is not None)
    if of_one_lane and event.lane not in turn.state.lanes:
        return "no_such_lane"
    return order(turn, event)


def _resource(event: CommandArrived) -> str:
    """Which limit the order is about; without a word the hall's."""
    return str(event.body.get("resource") or HALL)


def _open_once(turn: Turn, event: CommandArrived) -> str:
    return attendant.open_once(turn, turn.state.lanes[event.lane or ""])


def _hold(turn: Turn, event: CommandArrived) -> str:
    if event.lane is None:
        return bank.hold(turn, True, _resource(event))
    because = str(event.body.get("reason") or "order")
    return attendant.hold(turn, turn.state.lanes[event.lane], because[:100], event.issuer)


def _release(turn: Turn, event: CommandArrived) -> str:
    if event.lane is None:
        return bank.hold(turn, False, _resource(event))
    return attendant.release(turn, turn.state.lanes[event.lane], event.issuer)


def _evacuate(turn: Turn, event: CommandArrived) -> str:
    emergency.evacuate(turn, event.issuer)
    return ""


def _limit(turn: Turn, event: CommandArrived) -> str:
    persons = event.body.get("n", event.body.get("limit_persons"))
    own = turn.state.resource(_resource(event))
    if own is None or not bank.acts(own):
        return "not_the_bank"
    if not isinstance(persons, int) or isinstance(persons, bool) or not 0 <= persons <= 100_000:
        return "limit_out_of_range"
    own.limit_ordered = persons
    bank.set_limit(own, persons)
    return ""


def _recount(turn: Turn, event: CommandArrived) -> str:
    counted = event.body.get("inside")
    if not isinstance(counted, int) or isinstance(counted, bool) or not 0 <= counted <= 100_000:
        return "inside_out_of_range"
    return bank.recount(turn, counted, event.id, _resource(event))


def _fence(turn: Turn, event: CommandArrived) -> str:
    """`evidence`: rights to give back (its journal read from the card, or what the design's estimate allows); 0: none.

    `seq` and `moves` come with what was read from a card, and say how far that goes.
    """
    inc, persons = event.body.get("inc"), event.body.get("evidence", 0)
    if not isinstance(inc, str):
        return "no_such_device"
    if not isinstance(persons, int) or isinstance(persons, bool) or not 0 <= persons <= 100_000:
        return "evidence_out_of_range"
    seq, moves = event.body.get("seq"), event.body.get("moves", 0)
    if not all(isinstance(each, int) and not isinstance(each, bool) for each in (0 if seq is None else seq, moves)):
        return "evidence_out_of_range"
    card = None if seq is None else (seq, moves)
    return bank.fence(turn, inc, persons, event.id, _resource(event), card)  # type: ignore[arg-type]


def _drain(turn: Turn, event: CommandArrived) -> str:
    on = event.body.get("on")
    if on is not None and not isinstance(on, bool):
        return "on_must_be_true_or_false"
    return limit.drain(turn, on is not False)


def _acknowledge(turn: Turn, event: CommandArrived) -> str:
    """`office`: the sub-district office was told, which comes after the duty leader."""
    which = event.body.get("incident")
    office = event.body.get("office") is True
    return incident.acknowledge(turn, which if isinstance(which, str) else "", event.issuer, office=office)


def _sign_off(turn: Turn, event: CommandArrived) -> str:
    """Of a round by its `point`; of an isolation by its lane or its `incident`: `cleared` lets the person try again."""
    point = event.body.get("point")
    if point is not None:
        return rounds.sign_off(turn, str(point), event.issuer)
    which = event.body.get("incident")
    known = turn.state.incidents.get(which) if isinstance(which, str) else None
    one = known if which is not None else incident.of_lane(turn.state, event.lane or "")
    return incident.sign_off(turn, one, event.issuer, cleared=event.body.get("cleared") is True)


def _refill(turn: Turn, event: CommandArrived) -> str:
    """`item` is full again, or has `n` units more."""
    units = event.body.get("n")
    if units is not None and (not isinstance(units, int) or isinstance(units, bool) or not 0 <= units <= 1_000_000):
        return "units_out_of_range"
    return supplies.refill(turn, str(event.body.get("item")), units, event.issuer)


def _walk_in(turn: Turn, event: CommandArrived) -> str:
    """For today, until the next rulebook or midnight (2.3)."""
    opened = event.body.get("open")
    if not isinstance(opened, bool):
        return "open_must_be_true_or_false"
    return _for_today(turn) or _set(turn, "walk_in_ordered", opened)


def _quota(turn: Turn, event: CommandArrived) -> str:
    """People without a booked slot, the whole day, the whole hall: `n`. Back down, or up, within the day (2.3)."""
    persons = event.body.get("n")
    if not isinstance(persons, int) or isinstance(persons, bool) or not 0 <= persons <= 1_000_000:
        return "quota_out_of_range"
    return _for_today(turn) or _set(turn, "quota_ordered", persons)


def _for_today(turn: Turn) -> str:
    """An order for the day needs a day: a doubtful clock has none."""
    if not turn.moment.trusted:
        return "clock_doubtful"
    day = str(turn.moment.local(turn.zone).date())
    if turn.state.orders_day != day:
        turn.state.orders_day, turn.state.walk_in_ordered, turn.state.quota_ordered = day, None, None
    return ""


def _set(turn: Turn, name: str, value: bool | int) -> str:
    setattr(turn.state, name, value)
    return ""


def _sweep(turn: Turn, event: CommandArrived) -> str:
    return closing.sweep(turn, event.issuer)


def _rulebook_fallback(turn: Turn, event: CommandArrived) -> str:
    return rulebooks.fall_back(turn)


def _identify(turn: Turn, event: CommandArrived) -> str:
    for lane in turn.state.lanes.values():
        if lane.state == "evacuated":
            continue  # its sign says leave, and goes on saying it
        turn.tell(lane, "identify", "yellow", show_ms=10_000, door=turn.state.device, gate=lane.name)
    return ""


def _restart(turn: Turn, event: CommandArrived) -> str:
    """Only a quiet device: a grant that is open would count as used. The loop does it once this answer is on disk."""
    return "somebody_is_at_a_lane" if disturbed(turn.state) else ""


ORDERS: dict[str, Callable[[Turn, CommandArrived], str]] = {
    "open_once": _open_once,
    "confirm_identity": attest.confirm_identity,
    "venue_code": sentinel.venue_code,
    "hold": _hold,
    "release": _release,
    "evacuate": _evacuate,
    "limit": _limit,
    "recount": _recount,
    "fence": _fence,
    "drain": _drain,
    "identify": _identify,
    "acknowledge": _acknowledge,
    "sign_off": _sign_off,
    "refill": _refill,
    "walk_in": _walk_in,
    "quota": _quota,
    "sweep": _sweep,
    "rulebook_fallback": _rulebook_fallback,
    "restart": _restart,
    "update": updating.ordered,
}
OF_ONE_LANE = ("open_once", "confirm_identity", "venue_code")
OF_LANES_OR_THE_HALL = ("hold", "release")
"""Without a lane the bank does it for the whole hall."""
