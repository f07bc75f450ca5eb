"""Who may give orders through the live page: names, scrypt hashes of their passwords, sessions. The time is handed in.

The file is TOML, readable by its owner only; `hallgate hub --operators FILE --add-operator NAME` writes it:

    [[operator]]
    name = "wang"
    scrypt = "<salt>$<hash>"       # hex; N=2^14, r=8, p=1
    may = ["acknowledge", "hold", "release"]
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from firmware import files
from firmware.durable import replace_file
from firmware.errors import Failure, Mistake

MAY = ("acknowledge", "sign_off", "hold", "release", "open_once", "evacuate", "limit", "refill")
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}\Z")
PASSWORD_MIN, PASSWORD_MAX = 10, 256
IDLE_MS, LASTS_MS = 30 * 60_000.0, 8 * 3_600_000.0
SESSIONS_MAX = 32
OPERATORS_MAX = 100


class Operator(msgspec.Struct, frozen=True):
    name: str
    scrypt: str
    may: tuple[str, ...] = MAY


class Session(msgspec.Struct):
    """`token` lives in a cookie scripts cannot read; `proof` is what the page sends with each order (no other site can)."""

    token: str
    proof: str
    operator: Operator
    since_ms: float
    used_ms: float


class Operators:
    """Asked by many threads at once: the page has one for each browser."""

    def __init__(self, known: Iterable[Operator]) -> None:
        self._known = {one.name: one for one in known}
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()
        self._nobody = hashed("nobody has this password")

    def sign_in(self, name: str, password: str, now_ms: float) -> Session | None:
        """A stranger costs as much time as a wrong password: names cannot be found out."""
        operator = self._known.get(name)
        fits = _fits(password, operator.scrypt if operator else self._nobody)
        if operator is None or not fits:
            return None
        session = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32), operator, now_ms, now_ms)
        with self._lock:
            self._forget(now_ms)
            self._sessions[session.token] = session
            while len(self._sessions) > SESSIONS_MAX:
                del self._sessions[next(iter(self._sessions))]
        return session

    def session(self, token: str, now_ms: float) -> Session | None:
        with self._lock:
            self._forget(now_ms)
            session = self._sessions.get(token)
            if session is not None:
                session.used_ms = now_ms
            return session

    def sign_out(self, token: str) -> None:
        with self._lock:
            self._sessions.pop(token, None)

    def _forget(self, now_ms: float) -> None:
        over = [
            token
            for token, one in self._sessions.items()
            if now_ms - one.used_ms > IDLE_MS or now_ms - one.since_ms > LASTS_MS
        ]
        for token in over:
            del self._sessions[token]


def read(path: Path) -> list[Operator]:
    """The operators of a file. Mistake when it is wrong, or others can read it."""
    try:
        with files.opened(path) as file:
            text = file.read(files.FILE_BYTES_MAX)
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise Mistake("is not there; make it with --add-operator NAME", file=str(path)) from None
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from None
    if mode & 0o077:
        raise Mistake("others can read it; type: chmod 600 on it", file=str(path))
    try:
        table: dict[str, Any] = tomllib.loads(text.decode())
        known = msgspec.convert(table.get("operator", []), list[Operator])
    except (ValueError, RecursionError) as wrong:
        raise Mistake(f"is no list of operators ({wrong})", file=str(path)) from None
    for one in known:
        _check(one, path)
    return known


def add(path: Path, name: str, password: str, may: tuple[str, ...] = MAY) -> None:
    """Add an operator, or give one a new password. Mistake for a bad name or a short password."""
    if not NAME.match(name):
        raise Mistake(f"{name!r} is no name: use 1 to 32 of a-z, 0-9 and -", key="--add-operator")
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise Mistake(f"the password needs {PASSWORD_MIN} to {PASSWORD_MAX} characters", key="--add-operator")
    others = [one for one in (read(path) if path.exists() else []) if one.name != name]
    if len(others) >= OPERATORS_MAX:
        raise Mistake(f"has {OPERATORS_MAX} operators already: take out who is gone", file=str(path))
    text = "".join(_row(one) for one in (*others, Operator(name, hashed(password), may)))
    try:
        replace_file(path, text.encode(), mode=0o600)
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from None


def hashed(password: str) -> str:
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_scrypt(password, salt).hex()}"


def _check(one: Operator, path: Path) -> None:
    if not NAME.match(one.name) or not re.fullmatch(r"[0-9a-f]{32}\$[0-9a-f]{64}", one.scrypt):
        raise Mistake(
            f"operator {one.name!r} has no good name or hash; add it anew with --add-operator", file=str(path)
        )
    unknown = [word for word in one.may if word not in MAY]
    if unknown:
        raise Mistake(f"{unknown[0]!r} is no order of the page; one or more of: {', '.join(MAY)}", file=str(path))


def _row(one: Operator) -> str:
    may = ", ".join(f'"{word}"' for word in one.may)
    return f'[[operator]]\nname = "{one.name}"\nscrypt = "{one.scrypt}"\nmay = [{may}]\n\n'


def _fits(password: str, kept: str) -> bool:
    salt, _, digest = kept.partition("$")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)), bytes.fromhex(digest))


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, n=2**14, r=8, p=1, dklen=32)
