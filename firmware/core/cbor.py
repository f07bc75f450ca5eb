"""CBOR from strangers: cbor2 with everything switched off that a pass or a health certificate has no use for.

cbor2 turns some forty tags into Python objects: patterns that are compiled, decimals that overflow, references that
make circles. Here a tagged date stays the text it is (two countries write sample times so), unknown tags stay tags, and
every other tag is an error. Depth, allocation and time are bounded by the length of the input.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import NoReturn

import cbor2

from firmware.core.refusal import Refusal

DEPTH_MAX = 16
_REFUSED_TAGS = (
    *range(1, 6),
    25,
    *range(28, 31),
    *range(35, 38),
    52,
    54,
    100,
    256,
    *range(258, 262),
    1004,
    43000,
    55799,
)


def _refuse(_value: object, _immutable: bool) -> NoReturn:
    raise ValueError


def _as_it_is(value: object, _immutable: bool) -> object:
    return value


_TAGS = {0: _as_it_is, **dict.fromkeys(_REFUSED_TAGS, _refuse)}


def decode(raw: bytes) -> object:
    """Return the one item `raw` holds; maps are any `Mapping`, arrays list or tuple. Refusal for everything else."""
    stream = io.BytesIO(raw)
    try:
        decoder = cbor2.CBORDecoder(stream, semantic_decoders=_TAGS, max_depth=DEPTH_MAX, allow_duplicate_keys=False)
        item: object = decoder.decode()
    except Exception:  # whatever a foreign decoder throws at hostile bytes, the answer is the same
        raise Refusal("malformed") from None
    if stream.tell() != len(raw):
        raise Refusal("malformed")
    return item


def mapping(item: object) -> Mapping[object, object]:
    """Return `item` when it is a map; Refusal when not."""
    if not isinstance(item, (dict, Mapping)):  # nearly always a dict; an abstract class takes long to ask
        raise Refusal("malformed")
    return item


def untag(item: object, tag: int) -> object:
    """Return what the optional tag `tag` wraps, or `item` itself."""
    return item.value if isinstance(item, cbor2.CBORTag) and item.tag == tag else item
