"""Fire brigade, police, medical: a badge opens the lane both ways for a while, like their key, without any rule.

Nothing is asked and everybody is counted. Only a badge that the staff's key has signed can do it; where the clock is
doubtful its dates are not held against it.
"""

from __future__ import annotations

from firmware.core import passage
from firmware.core.facts import AnyFact, Booking
from firmware.core.state import LaneState
from firmware.core.turn import Turn
from firmware.rulebook.visits import Responders

BUILT_IN = Responders()
"""A door without a rulebook must open for them, too."""


def opens(turn: Turn, lane: LaneState, fact: AnyFact) -> bool:
    """Open the lane when this is a responder's badge; shown again it stays open longer. True when it was one."""
    rules = turn.rulebook.responders if turn.rulebook else BUILT_IN
    if not isinstance(fact, Booking) or not _genuine(turn, fact, rules):
        return False
    lane.visit = None
    turn.alarm("responder", lane.name, detail=f"badge {fact.pass_id}")
    turn.tell(lane, "responder", "green")
    if not lane.key_turned:  # that holds it for longer
        lane.freed_until_ms = turn.now + rules.open_seconds * 1000
    if not lane.freed or lane.closing:
        turn.free(lane)
    return True


def _genuine(turn: Turn, badge: Booking, rules: Responders) -> bool:
    if badge.key_kind != "staff" or badge.person_class not in rules.classes or badge.revoked:
        return False
    if badge.hall != turn.state.hall:
        return False
    return not turn.moment.trusted or badge.not_before_s <= turn.wall_s < badge.expires_s


def tend(turn: Turn, lane: LaneState) -> None:
    """The time is over: let go. A key that was turned meanwhile holds the lane itself, and a fire's reset ends the time."""
    until = lane.freed_until_ms
    if until is not None and turn.now >= until:
        let_go(turn, lane)
    elif until is None and not lane.key_turned and ("responder", lane.name) in turn.state.alarms:
        turn.alarm("responder", lane.name, active=False)


def let_go(turn: Turn, lane: LaneState) -> None:
    """They are done. The lane stood open: where nothing saw who passed, the count is in doubt and entry waits for a recount.

    In an evacuation it goes on standing open, and a recount comes after it anyway; so does an exit that cannot hear.
    """
    lane.freed_until_ms = None
    turn.alarm("responder", lane.name, active=False)
    if not lane.freed or lane.state == "evacuated":
        return
    if not lane.deaf:
        turn.unfree(lane)
    if not passage.sees(turn, lane):
        for _, own in turn.state.resources():
            own.recount_needed = True
        turn.alarm("recount_needed", detail=f"{lane.name} stood open and nothing counts there")


def due(lane: LaneState) -> list[int]:
    return [] if lane.freed_until_ms is None else [lane.freed_until_ms]
