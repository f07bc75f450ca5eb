"""One entry of the journal: what came in, when, and what was put on record because of it. JSON, so that a person can read it.

An entry is written whole, with its checksum, or it is not there: an input and its answer are never apart.
"""

from __future__ import annotations

import msgspec

from firmware.core.events import AnyEvent
from firmware.core.moment import Moment
from firmware.core.records import AnyRecord


class Entry(msgspec.Struct, frozen=True):
    m: Moment
    e: AnyEvent
    r: list[AnyRecord]


class Published(msgspec.Struct):
    """The same entry as the outbox sees it: each record's exact bytes, undecoded."""

    r: list[msgspec.Raw]


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Entry).decode
published = msgspec.json.Decoder(Published).decode
