"""Fetching a bundle over a line that breaks: it goes on where it ended, also after a power cut, and is checked whole.

Whoever serves it is not believed: only the digest the order names, and then the bundle's own signature.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import ssl
import threading
import urllib.error
import urllib.request
from pathlib import Path

from firmware.clock import Clock
from firmware.errors import Failure

BYTES_MAX = 400 * 1024 * 1024
"""A bundle has at most 150 MB; nobody's mistake may fill the card."""
SPARE_BYTES = 16 * 1024 * 1024
"""What must stay free for the journal."""
CHUNK = 1 << 20
SILENT_S = 60.0
PAUSE_S, PAUSE_MAX_S = 5.0, 600.0
_NOBODY_IS_BELIEVED = ssl.create_default_context()
"""The card has no list of the world's authorities, and needs none: the signed order names the digest."""
_NOBODY_IS_BELIEVED.check_hostname = False
_NOBODY_IS_BELIEVED.verify_mode = ssl.CERT_NONE


class Fetching:
    """`within_s`: how long it is tried. Raises Failure with the last reason, or at once when trying is of no use."""

    def __init__(self, clock: Clock, within_s: float) -> None:
        self._clock, self._until_ms = clock, clock.elapsed_ms() + within_s * 1000

    def fetch(self, url: str, sha256: str, goal: Path) -> Path:
        """`goal` holds the bundle when this returns; what it held before is used as far as it goes."""
        pause_s, fresh = PAUSE_S, 0
        while digest(goal) != sha256:
            why = "what is there is not the bundle that was ordered: its digest is another"
            try:
                self._more(url, goal)
                if digest(goal) == sha256:
                    break
                goal.unlink()  # whole, and wrong: begun anew once, lest it was a wrong beginning
                fresh += 1
            except (OSError, http.client.HTTPException) as error:
                why = f"{url} cannot be fetched: {getattr(error, 'reason', '') or error}"
            if fresh > 1 or self._clock.elapsed_ms() + pause_s * 1000 > self._until_ms:
                raise Failure(why)
            threading.Event().wait(pause_s / self._clock.rate)
            pause_s = min(2 * pause_s, PAUSE_MAX_S)
        return goal

    def _more(self, url: str, goal: Path) -> None:
        have = goal.stat().st_size if goal.exists() else 0
        request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
        try:
            answer = urllib.request.urlopen(request, timeout=SILENT_S, context=_NOBODY_IS_BELIEVED)
        except urllib.error.HTTPError as error:
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # all of it is there already; its digest decides
            raise
        with answer, goal.open("ab" if answer.status == http.HTTPStatus.PARTIAL_CONTENT else "wb") as out:
            while chunk := answer.read(CHUNK):
                _must_fit(goal, out.tell() + len(chunk))
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
            if answer.length:  # the line was cut: urllib reads on to its end without a word
                raise http.client.IncompleteRead(b"", answer.length)


def digest(path: Path) -> str:
    """Hex SHA-256; empty when there is no such file."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _must_fit(goal: Path, size: int) -> None:
    if size > BYTES_MAX:
        raise Failure(f"the bundle has more than {BYTES_MAX >> 20} MiB")
    if shutil.disk_usage(goal.parent).free < SPARE_BYTES:
        raise Failure("there is no room for the bundle")
