"""`passes/<device>` to and from the core's words: used passes, held persons, what was counted. Value in, value out.

Whoever carries it has checked whose word it is; here only its shape is judged, and any bytes get an answer.
"""

from __future__ import annotations

import datetime as dt
import re

import msgspec

from firmware.core.events import PeerUsed
from firmware.core.held import HELD
from firmware.core.other_doors import TELLS, Day
from firmware.core.state import Counted
from mqtt.messages import PassesList

BYTES_MAX = 1_000_000
COUNT_MAX = 2**40
INC_MAX = 200
_DEVICE = re.compile(r"[a-z0-9-]{1,64}\Z")


def told(day: Day) -> PassesList:
    """This door's own, ready to be sealed and sent."""
    return PassesList(
        v=1,
        device=day.device,
        day=day.day,
        used=tuple(pass_id for pass_id, _, _ in day.used),
        times=tuple(times for _, times, _ in day.used),
        at=tuple(at_s for _, _, at_s in day.used),
        held=day.held,
        seq=day.seq,
        walk_ins=day.counted.persons,
        cases=day.counted.cases,
        slot=day.counted.slot,
        slot_walk_ins=day.counted.slot_persons,
        inc=day.inc,
    )


def heard(payload: bytes) -> PeerUsed | None:
    """Another door's; None where it is none. A list of ids alone means: once each, at a time nobody told."""
    if len(payload) > BYTES_MAX:
        return None
    try:
        said = msgspec.json.decode(payload, type=PassesList)
        day = str(dt.date.fromisoformat(said.day))
    except (msgspec.DecodeError, ValueError, RecursionError, UnicodeError):
        return None
    numbers = (*said.times, *said.at, said.seq, said.walk_ins, said.cases, said.slot_walk_ins)
    if said.v != 1 or not _DEVICE.match(said.device) or len(said.inc) > INC_MAX:
        return None
    if any(not 0 <= number <= COUNT_MAX for number in numbers):
        return None
    noon = int(dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC).timestamp()) + 43_200
    return PeerUsed(
        device=said.device,
        seq=said.seq,
        day=day,
        used=tuple(
            (pass_id, _at(said.times, place, 1), _at(said.at, place, noon))
            for place, pass_id in enumerate(said.used[:TELLS])
        ),
        held=said.held[:HELD],
        counted=Counted(day, said.walk_ins, said.cases, max(-1, said.slot), said.slot_walk_ins),
        inc=said.inc,
    )


def _at(numbers: tuple[int, ...], place: int, else_: int) -> int:
    return numbers[place] if place < len(numbers) else else_
