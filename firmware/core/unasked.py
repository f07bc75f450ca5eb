"""Answers that no rule is asked for: taking turns, a held lane, an exit, an attendant's word."""

from __future__ import annotations

from firmware.core import visits
from firmware.core.records import Clause, Decision
from firmware.core.state import LaneState
from firmware.core.turn import Turn

COLOURS = {"admit": "green", "wait": "yellow", "staff": "yellow", "refuse": "red", "isolate": "yellow"}
"""Isolation looks like any call for staff: health reasons are never shown in public."""


def answer(
    turn: Turn,
    lane: LaneState,
    says: str,
    clause: str,
    because: str,
    *,
    phrase: str = "",
    person: str | None = None,
) -> Decision:
    """On record, on the sign and aloud. `says`: admit, wait, staff; `phrase`: other words than the reason's."""
    phrase = phrase or (because if because in ("take_turn", "held") else "staff")
    said = turn.words(phrase)
    record = Decision(
        **turn.header(lane.name),
        person=person,
        answer=says,  # type: ignore[arg-type]
        clauses=(Clause(clause, says, because),),  # type: ignore[arg-type]
        phrase=phrase,
        sign=said.sign_zh,
        sign_en=said.sign_en,
        trusted=(),
        rulebook=turn.state.rulebook_serial,
    )
    turn.records.append(record)
    if says == "wait":
        visits.may_show_again(lane)
    turn.show(lane, phrase, said, COLOURS[says])
    return record
