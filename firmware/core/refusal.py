"""Why a code proves nothing, while it is being taken apart. Ends in an `Unproved` fact and never leaves `passes`."""

from __future__ import annotations

from typing import Literal

Because = Literal[
    "not_read", "unknown_format", "malformed", "unknown_issuer", "wrong_key_kind", "bad_signature", "too_long"
]


class Refusal(Exception):
    """Carries one word and nothing of what was read: a refusal may be logged, a name may not."""

    def __init__(self, because: Because) -> None:
        self.because: Because = because
        super().__init__(because)
