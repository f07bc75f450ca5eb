"""An order to install another version of this software: what it must say, and that it leads forward.

Nothing is fetched or installed here, and no person at the gate waits for it: another process does it
(`firmware/updating/updates.py` says how the two speak), and asks for a quiet moment first.
"""

from __future__ import annotations

import re

from firmware.core.events import CommandArrived
from firmware.core.state import UpdateOrder
from firmware.core.turn import Turn
from firmware.core.versions import VERSION, numbers

ADDRESS = re.compile(r"https?://[!-~]{1,400}\Z")
SHA256 = re.compile(r"[0-9a-f]{64}\Z")
KEYS = (("url", ADDRESS, "url_wrong"), ("sha256", SHA256, "sha256_wrong"), ("version", VERSION, "version_wrong"))
"""Key of the body, what it must look like, and the word of the refusal."""


def ordered(turn: Turn, event: CommandArrived) -> str:
    """Body: `url` of the bundle, its `sha256`, its `version`. The last order counts."""
    state = turn.state
    said = {key: value for key in UpdateOrder.__struct_fields__ if isinstance(value := event.body.get(key), str)}
    if not state.takes_updates:
        return "no_updates_here"
    for key, pattern, word in KEYS:
        if not pattern.match(said.get(key, "")):
            return word
    if numbers(said["version"]) <= numbers(state.version):
        return "version_not_newer"
    state.update_ordered = UpdateOrder(**{**said, "id": event.id})
    return ""
