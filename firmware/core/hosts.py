"""The host of a guest: a staff badge shown at the guest's lane, within `collect_seconds` before or after the pass (3.2.2)."""

from __future__ import annotations

from firmware.core.facts import AnyFact, Booking
from firmware.core.lane import READY
from firmware.core.state import LaneState
from firmware.core.turn import Turn
from firmware.rulebook.tables import ClassRules


def shown(turn: Turn, lane: LaneState, fact: AnyFact) -> bool:
    """Remember a badge as a possible host. True when a guest stands here who was asked for one: judge again."""
    book = turn.rulebook
    if book is None or not isinstance(fact, Booking) or fact.key_kind != "staff" or fact.hall != turn.state.hall:
        return False
    lane.host, lane.host_inside = fact, False
    lane.host_until_ms = turn.now + book.collect_seconds * 1000
    visit = lane.visit
    if visit is None or visit.booking is None or lane.grant is not None or lane.state not in READY:
        return False
    rules = book.classes.get(visit.booking.person_class)
    return rules is not None and rules.host == "required" and fact.person_class in rules.host_classes


def at(turn: Turn, lane: LaneState, rules: ClassRules | None) -> Booking | None:
    """The host that a guest of this class has now; None: none was here, or the class asks for none."""
    host = lane.host
    if rules is None or rules.host == "none" or host is None or turn.now > lane.host_until_ms:
        return None
    return host if host.person_class in rules.host_classes else None


def admitted(lane: LaneState, booking: Booking | None, guest: bool) -> None:
    """A host is good for one guest's pass. A badge that was let in by itself may be a host, with a place already."""
    if guest:
        lane.host = None
    elif booking is not None and lane.host is not None and booking.pass_id == lane.host.pass_id:
        lane.host_inside = True
