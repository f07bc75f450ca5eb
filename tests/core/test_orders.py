"""Orders of the hub as the controller gets them: signed by the office, and still anything at all."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.core import events, jwk
from firmware.core.records import CommandDone
from tests.core.stage import Stage


@pytest.mark.parametrize("lane", [None, "A", "Z"])
@pytest.mark.parametrize("name", [*jwk.COMMANDS, "of_the_future"])
def test_an_order_that_leaves_out_or_misspells_anything_is_answered(name: str, lane: str | None) -> None:
    """One without its lane ended the firmware, and every replay of the journal it stood in."""
    keys = (
        "n",
        "inside",
        "inc",
        "evidence",
        "seq",
        "moves",
        "on",
        "incident",
        "point",
        "item",
        "pass_id",
        "sampled_at",
    )
    bodies: list[dict[str, Any]] = [
        {},
        *(dict.fromkeys(keys, wrong) for wrong in ("", "x", -1, 2**53, 0.5, True, None)),
    ]
    for number, body in enumerate(bodies):
        stage = Stage()
        order = events.CommandArrived(id=str(number), name=name, issuer="hub", lane=lane, body=body)
        stage.do(order)
        [done] = [record for record in stage.records if isinstance(record, CommandDone)]
        assert (done.name, done.result) in ((name, "done"), (name, "refused"))
        if name in ("open_once", "confirm_identity", "venue_code") and lane != "A":
            assert done.because == "no_such_lane"
