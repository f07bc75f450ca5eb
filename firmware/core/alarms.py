"""Which alarms stand now. An alarm that lasts is told when it begins and when it ends, at the same lane; the rest happened once.

What each means for people is in `mqtt/alarms.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firmware.core.turn import Turn

ONCE = frozenset({
    "tailgate", "wrong_way", "passback", "double_use", "held_person", "symptoms", "button_without_badge", "saturated",
    "power_loss", "recount_given_up", "fenced", "undercount",
})  # fmt: skip
"""They happened, and nothing will ever say that they are over."""

Standing = tuple[str, str]
"""An alarm and its lane; an empty lane: of the device or the hall."""


def follow(standing: list[Standing], alarm: str, lane: str | None, active: bool) -> None:
    """Keep the list as an alarm is told."""
    one = (alarm, lane or "")
    if alarm in ONCE or active == (one in standing):
        return
    if active:
        standing.append(one)
    else:
        standing.remove(one)


def end(turn: Turn, alarm: str, detail: str) -> None:
    """Tell its end at every lane where it stands."""
    for what, lane in [*turn.state.alarms]:
        if what == alarm:
            turn.alarm(what, lane or None, active=False, detail=detail)


def restarted(turn: Turn) -> None:
    """What was told of a lane is looked at anew from here on, and told again where it holds. A fire stands until its reset.

    So is what a process tells of itself only when it changes: its disk, and its clock, which it judges before it starts.
    """
    over = {"standstill", "journal", *(["clock"] if turn.moment.trusted else [])}
    for what, lane in [*turn.state.alarms]:
        if what in over or (lane and not (what == "fire" and turn.state.evacuated_by)):
            turn.alarm(what, lane or None, active=False, detail="the firmware was started again")
