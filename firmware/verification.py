"""What this device believes: its trust list and the hall's key. A code's text goes in here and does not come out."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from firmware.clock import Clock
from firmware.core import passes
from firmware.core.facts import AnyFact
from firmware.core.trust import TrustList
from firmware.errors import Mistake

DAY_MS = 86_400_000


def load_hall_key(file: Path | None) -> bytes | None:
    """The hall's 32 secret bytes; None where the site names no such file."""
    if file is None:
        return None
    try:
        text = file.read_text("ascii").strip()
        key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (OSError, UnicodeDecodeError, binascii.Error) as wrong:
        raise Mistake(f"must hold 32 bytes as base64url ({wrong})", file=str(file)) from None
    if len(key) != 32:
        raise Mistake(f"holds {len(key)} bytes instead of 32", file=str(file))
    return key


class Verifier:
    """Judges code texts. The pseudonym of a person changes with the hall's calendar day."""

    def __init__(self, clock: Clock, trust: TrustList, hall_key: bytes | None) -> None:
        self.clock, self.trust, self.hall_key = clock, trust, hall_key
        self.utc_offset_ms = 0

    def __call__(self, text: bytes, t_ms: float) -> AnyFact:
        day = (self.clock.wall_ms() + self.utc_offset_ms) // DAY_MS
        return passes.verify(text, self.trust, self.hall_key, str(day))
