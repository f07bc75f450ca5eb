"""Passes, badges and people that are no longer good: a signed list whose serial only rises (3.1.4c).

Once received it holds offline, for ever, until a list with a higher serial says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from firmware.core.facts import Booking

ENTRIES_MAX = 100_000
Hex = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z", description="16 hex digits")]


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    v: Literal[1]
    serial: Annotated[int, Meta(ge=0, le=2**53)]
    passes: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    holders: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        """Where one key signs several kinds, a roster must not pass for a list that withdraws nothing."""
        if self.passes is self.holders is msgspec.UNSET:
            raise ValueError("neither `passes` nor `holders`")


@dataclass(frozen=True)
class Revocations:
    serial: int = -1
    passes: frozenset[str] = frozenset()
    holders: frozenset[str] = frozenset()
    complaints: tuple[str, ...] = ()

    def names(self, fact: Booking) -> bool:
        return fact.pass_id in self.passes or (fact.holder or "") in self.holders


def parse(text: bytes) -> Revocations | str:
    """The list in a verified payload; a sentence when it is none. A bad entry is named and left out. Never raises."""
    try:
        document = msgspec.json.decode(text, type=_Document)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as wrong:
        return f"this is no list of revocations: {wrong}"
    passes, holders = document.passes or [], document.holders or []
    if len(passes) + len(holders) > ENTRIES_MAX:
        return f"more than {ENTRIES_MAX} entries"
    complaints: list[str] = []
    return Revocations(
        serial=document.serial,
        passes=_read("passes", passes, complaints),
        holders=_read("holders", holders, complaints),
        complaints=tuple(complaints[:20]),
    )


def _read(table: str, raw: list[msgspec.Raw], complaints: list[str]) -> frozenset[str]:
    decoder, entries = msgspec.json.Decoder(Hex), set[str]()
    for place, text in enumerate(raw, 1):
        try:
            entries.add(decoder.decode(text))
        except (msgspec.DecodeError, RecursionError, UnicodeError) as wrong:
            complaints.append(f"{table} entry {place}: {wrong}")
    return frozenset(entries)
