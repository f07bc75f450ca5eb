"""Above every rule: nobody is held in.

The fire input is normally closed: an open contact, a cut wire too, is fire. Every lane opens both ways and says leave.
Only a named local reset ends it, and only while the loop is closed again. An authentic evacuate order is obeyed at any age.
"""

from __future__ import annotations

from firmware.core import alarms
from firmware.core.state import LaneSetup, LaneState
from firmware.core.turn import Turn

UNTIL_RESET_MS = 86_400_000
OTHER_WORDS = {"elevator": "evacuate_lift"}


def fire_loop(turn: Turn, closed: bool, lane: str) -> None:
    burning = turn.state.fire_lanes
    if closed:
        turn.state.fire_lanes = [each for each in burning if each != lane]
    elif lane not in burning:
        burning.append(lane)
        turn.alarm("fire", lane)
        evacuate(turn, "fire_loop")


def evacuate(turn: Turn, by: str) -> None:
    """Open everything, both ways, until `reset`. Places in open grants stay taken: those bodies may be inside."""
    turn.state.evacuated_by = turn.state.evacuated_by or by
    for _, own in turn.state.resources():
        own.recount_needed = True
    for lane in turn.state.lanes.values():
        lane.visit, lane.grant, lane.exit_waiting = None, None, False
        turn.signal(lane, "evacuate")
        say_leave(turn, lane)


def say_leave(turn: Turn, lane: LaneState) -> None:
    """Every lane opens both ways; a lift is no way out, and is called for nobody: who is in it comes out by its own doors."""
    said = word(turn.setup(lane.name))
    if said == "evacuate_lift":
        turn.close(lane)
    else:
        turn.free(lane)
    turn.tell(lane, said, "red" if said == "evacuate_lift" else "green", show_ms=UNTIL_RESET_MS)


def word(setup: LaneSetup) -> str:
    """The phrase that this lane's sign and voice have in an evacuation."""
    return OTHER_WORDS.get(setup.direction, "evacuate")


def reset(turn: Turn, by: str) -> str:
    """End the evacuation. Answers why not, or nothing. Entry is held until a recount from now on; exits run.

    One that ended before, by the bank's word, was of a hall whose door stood open here.
    A lane that the responders' key holds open stays open for them.
    """
    if turn.state.fire_lanes:
        return "fire_loop_open"
    turn.state.evacuated_by = ""
    for _, own in turn.state.resources():
        own.recount_needed = True
    for lane in turn.state.lanes.values():
        turn.signal(lane, "reset")
        lane.freed_until_ms = None
        if lane.key_turned:
            turn.tell(lane, "responder", "green")
        else:
            turn.unfree(lane)
            turn.tell(lane, "idle", "off")
    alarms.end(turn, "fire", f"reset by {by}")
    turn.alarm("recount_needed", detail="entry is held until a recount")
    return ""
