"""What the hub pushes to every device of its hall: rulebook, roster, revocations and trust, each signed by its own kind.

A document is believed by its signature alone, whoever delivered it and however often. What was taken lies on the card
as it came, signature and all, and is verified again at every start: a door that was told once knows it offline. Serials
only rise, so an old document that somebody kept brings nothing back.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from firmware.core import revocations, roster, trust_list
from firmware.core.events import AnyEvent, DocumentSeen, RulebookLoaded, RulebookRefused
from firmware.core.trust_list import TrustList
from firmware.durable import PRIVATE, make_folder, replace_file
from firmware.errors import Failure, HallgateError
from firmware.rulebook.book import Rulebook
from firmware.trust.rulebook_file import opened
from firmware.trust.verification import Verifier
from mqtt import jws
from mqtt.topics import HallWide

BYTES_MAX = 3_900_000
"""Under the largest packet the link accepts; 20,000 lines of a roster are about 3 MB."""
KINDS: dict[HallWide, str] = {
    "rulebook": "rulebook",
    "roster": "roster",
    "trust": "rulebook",
    "revocations": "revocation",
}
KEPT: tuple[tuple[HallWide, str], ...] = (
    ("trust", "trust.jws"),
    ("revocations", "revocations.jws"),
    ("roster", "roster-*.jws"),
)
"""Read at a start in this order: a roster's key may have come with the pushed trust. The rulebook is in the journal."""
Parsed = TypeVar("Parsed")


class Documents:
    """Belongs to the loop's thread. `unfit` says why this site cannot keep a rulebook's rules; empty: it can."""

    def __init__(self, folder: Path, verifier: Verifier, unfit: Callable[[Rulebook], str]) -> None:
        self._folder, self._verifier, self._unfit = folder, verifier, unfit
        self._seen: dict[HallWide, bytes] = {}
        self._trust_serial = -1
        self._roster_day = ""
        for what, pattern in KEPT:
            for file in sorted(folder.glob(pattern)):
                with contextlib.suppress(OSError):
                    self._take(what, file.read_bytes())

    def arrived(self, what: HallWide, token: bytes) -> AnyEvent | None:
        """Judge a document and use it when it is good. None where it is the one that was judged last."""
        if not token or self._known(what, token):
            return None
        if what == "rulebook":
            return self._rulebook(token)
        told, taken = self._take(what, token)
        if taken:
            told += self._keep(what, token)
        return DocumentSeen(what=what, taken=taken, because=told)

    def _known(self, what: HallWide, token: bytes) -> bool:
        """A retained document comes again with every connection."""
        digest = hashlib.sha256(token).digest()
        before, self._seen[what] = self._seen.get(what), digest
        return before == digest

    def _file(self, what: HallWide) -> Path:
        return self._folder / (f"roster-{self._roster_day}.jws" if what == "roster" else f"{what}.jws")

    def _keep(self, what: HallWide, token: bytes) -> str:
        """On the card before anybody is told that it was taken; a full card is said, and the document holds till then."""
        try:
            make_folder(self._folder, PRIVATE)
            replace_file(self._file(what), token)
            self._clear_old_rosters()
        except (Failure, OSError) as full:
            return f"; not kept for the next start: {full}"
        return ""

    def _clear_old_rosters(self) -> None:
        wanted = {f"roster-{each.day}.jws" for each in self._verifier.rosters}
        for file in self._folder.glob("roster-*.jws"):
            if file.name not in wanted:
                file.unlink(missing_ok=True)

    # ------------------------------------------------------------ judging

    def _rulebook(self, token: bytes) -> AnyEvent:
        verified = jws.verify(token, self._verifier.trust_of_file, "rulebook", BYTES_MAX)
        if isinstance(verified, str):
            return RulebookRefused(because=f"from the hub: {verified}")
        try:
            book = opened(verified.payload, verified.kid).book
        except HallgateError as wrong:
            return RulebookRefused(because=f"from the hub: {wrong}")
        because = self._unfit(book)
        if because:
            return RulebookRefused(because=f"from the hub: {because}", serial=book.serial)
        return RulebookLoaded(text=verified.payload, kid=verified.kid, came_by="hub")

    def _take(self, what: HallWide, token: bytes) -> tuple[str, bool]:
        """(what was taken or why not, whether it was)."""
        trusted = self._verifier.trust_of_file if what == "trust" else self._verifier.trust
        verified = jws.verify(token, trusted, KINDS[what], BYTES_MAX)
        if isinstance(verified, str):
            return verified, False
        try:
            return self.TAKERS[what](self, verified.payload), True
        except _Refused as refused:
            return str(refused), False

    def _roster(self, payload: bytes) -> str:
        new = _or_refuse(roster.parse(payload))
        held = next((each for each in self._verifier.rosters if each.day == new.day), None)
        if held is not None and new.serial < held.serial:
            raise _Refused(f"serial {new.serial} of {new.day} is below {held.serial}")
        if not self._verifier.take(new):
            raise _Refused(f"{new.day} is over")
        self._roster_day = str(new.day)
        return _sentence(f"{new.day}: {new.lines} lines", new.refused, new.complaints)

    def _revocations(self, payload: bytes) -> str:
        new = _or_refuse(revocations.parse(payload))
        if new.serial < self._verifier.revocations.serial:
            raise _Refused(f"serial {new.serial} is below {self._verifier.revocations.serial}")
        self._verifier.revocations = new
        told = f"serial {new.serial}: {len(new.passes)} passes, {len(new.holders)} holders"
        return _sentence(told, len(new.complaints), new.complaints)

    def _trust(self, payload: bytes) -> str:
        serial = _serial_of(payload)
        if serial < self._trust_serial:
            raise _Refused(f"serial {serial} is below {self._trust_serial}")
        listed: TrustList = trust_list.parse(payload)
        if not listed.keys:
            raise _Refused(listed.complaints[0] if listed.complaints else "holds no key")
        self._trust_serial, pushed = serial, listed.pushable()
        self._verifier.trust = self._verifier.trust_of_file.with_pushed(pushed)
        return _sentence(f"{len(pushed.keys)} keys", len(pushed.complaints), pushed.complaints)

    TAKERS: dict[HallWide, Callable[[Documents, bytes], str]] = {
        "roster": _roster,
        "revocations": _revocations,
        "trust": _trust,
    }


class _Refused(Exception):
    pass


def _or_refuse(parsed: Parsed | str) -> Parsed:
    if isinstance(parsed, str):
        raise _Refused(parsed)
    return parsed


class _Numbered(msgspec.Struct):
    serial: int = 0


def _serial_of(payload: bytes) -> int:
    """A pushed trust list may carry a serial beside its keys: then an older one never comes back."""
    try:
        return msgspec.json.decode(payload, type=_Numbered).serial
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return 0


def _sentence(told: str, refused: int, complaints: tuple[str, ...]) -> str:
    return f"{told}; {refused} refused: {'; '.join(complaints)}"[:2_000] if refused else told
