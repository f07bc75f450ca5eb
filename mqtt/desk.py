"""What the live page may ask of the hub: sign in, sign out, orders. Decides about each request; the server only carries.

A request counts when all of it fits: our own origin, JSON, small, a living session's cookie (which no script can read and
no foreign site makes a browser send), and that session's proof in a header (which no foreign site can set).
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec

from firmware.core.bucket import Bucket
from mqtt.operators import Operators, Session
from mqtt.orders import OF_THE_BANK, Order, Orders, refusals
from mqtt.topics import NAME

BODY_MAX = 4_096
COOKIE = "hallgate"
PROOF = "X-Hallgate-Proof"
LIMIT_MAX = 100_000


class SignIn(msgspec.Struct):
    name: str
    password: str


class Asked(msgspec.Struct):
    """An order as the page says it."""

    name: str
    hall: str
    device: str = ""
    lane: str = ""
    incident: str = ""
    point: str = ""
    item: str = ""
    resource: str = "hall"
    reason: str = ""
    n: int | None = None
    office: bool = False


class Answer(msgspec.Struct):
    status: HTTPStatus
    body: dict[str, Any] = {}
    cookie: str | None = None


_SIGN_IN, _ASKED = msgspec.json.Decoder(SignIn), msgspec.json.Decoder(Asked)


class Desk:
    """`devices`: the devices of a hall, for an evacuation of all of it. `secure`: the page is reached by https."""

    def __init__(
        self, operators: Operators, orders: Orders, devices: Callable[[str], list[str]], *, secure: bool = False
    ) -> None:
        self._operators, self._orders, self._devices, self._secure = operators, orders, devices, secure
        self._tries, self._pace = Bucket(5, 5 / 60), Bucket(20, 1.0)
        self._lock = threading.Lock()

    def who(self, token: str, now_ms: float) -> dict[str, Any]:
        """What a page has to know when it opens: is somebody signed in, and what may they do."""
        session = self._operators.session(token, now_ms) if token else None
        return {"possible": True, **(_shown(session) if session else {})}

    def post(self, path: str, proof: str, token: str, body: bytes, now_ms: float) -> Answer:
        try:
            if path == "/sign-in":
                return self._sign_in(_SIGN_IN.decode(body), now_ms)
            session = self._operators.session(token, now_ms) if token else None
            if session is None:
                return Answer(HTTPStatus.UNAUTHORIZED, {"because": "signed_out"})
            if not hmac.compare_digest(proof.encode("utf-8", "replace"), session.proof.encode()):
                return Answer(HTTPStatus.FORBIDDEN, {"because": "no_proof"})
            if path == "/sign-out":
                self._operators.sign_out(token)
                return Answer(HTTPStatus.OK, {"possible": True}, self._cookie("", 0))
            return self._order(_ASKED.decode(body), session, now_ms)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return Answer(HTTPStatus.BAD_REQUEST, {"because": "not_understood"})

    def _sign_in(self, asked: SignIn, now_ms: float) -> Answer:
        if not self._has(self._tries, now_ms):
            return Answer(HTTPStatus.TOO_MANY_REQUESTS, {"because": "too_many_tries"})
        session = self._operators.sign_in(asked.name, asked.password[:256], now_ms)
        if session is None:
            return Answer(HTTPStatus.FORBIDDEN, {"because": "wrong_name_or_password"})
        return Answer(HTTPStatus.OK, {"possible": True, **_shown(session)}, self._cookie(session.token, 8 * 3600))

    def _has(self, bucket: Bucket, now_ms: float) -> bool:
        """One at a time: two threads would both take its last one."""
        with self._lock:
            return bucket.take(now_ms)

    def _cookie(self, token: str, lasts_s: int) -> str:
        secure = "; Secure" if self._secure else ""
        return f"{COOKIE}={token}; Path=/; Max-Age={lasts_s}; HttpOnly; SameSite=Strict{secure}"

    def _order(self, asked: Asked, session: Session, now_ms: float) -> Answer:
        if asked.name not in session.operator.may:
            return Answer(HTTPStatus.FORBIDDEN, {"because": "not_allowed"})
        # Nobody waits for a page's pace when people have to get out.
        if asked.name != "evacuate" and not self._has(self._pace, now_ms):
            return Answer(HTTPStatus.TOO_MANY_REQUESTS, {"because": "too_many_orders"})
        orders = self._orders_of(asked)
        if not orders:
            return Answer(HTTPStatus.BAD_REQUEST, {"because": "not_understood"})
        answers = self._orders.give(orders, f"page-{session.operator.name}")
        refused = refusals(answers, lasting=asked.name == "evacuate")
        return Answer(HTTPStatus.OK, {"done": len(answers) - len(refused), "of": len(answers), "refused": refused})

    def _orders_of(self, asked: Asked) -> list[Order]:
        """The order, one for each device it concerns; empty when it makes no sense."""
        if not all(NAME.match(name) for name in (asked.hall, asked.resource, asked.device or "-")):
            return []
        body = _body(asked)
        if body is None:
            return []
        if asked.name == "evacuate" and not asked.device:
            return [Order(asked.hall, asked.name, device) for device in self._devices(asked.hall)]
        if asked.device:
            return [Order(asked.hall, asked.name, asked.device, body=body)]
        return [Order(asked.hall, asked.name, "", asked.resource, body)] if asked.name in OF_THE_BANK else []


def _body(asked: Asked) -> dict[str, Any] | None:
    """What the order needs, and nothing that the page added; None when something is missing."""
    lane = {"lane": asked.lane[:64]} if asked.lane else {}
    match asked.name:
        case "limit":
            return {"n": asked.n} if asked.n is not None and 0 <= asked.n <= LIMIT_MAX else None
        case "acknowledge":
            office = {"office": True} if asked.office else {}
            return {"incident": asked.incident[:128], **office} if asked.incident and asked.device else None
        case "sign_off" if asked.point:
            return {"point": asked.point} if NAME.match(asked.point) and asked.device else None
        case "sign_off":
            return {"incident": asked.incident[:128]} if asked.incident and asked.device else None
        case "refill":
            return {"item": asked.item} if NAME.match(asked.item) and asked.device else None
        case "hold" | "release" if asked.device and asked.lane:
            return {**lane, "reason": asked.reason[:100] or "order"} if asked.name == "hold" else lane
        case "hold" | "release":
            return None if asked.device else {}
        case "open_once":
            return lane if asked.lane and asked.device else None
        case "evacuate":
            return {}
    return None


def _shown(session: Session) -> dict[str, Any]:
    return {"name": session.operator.name, "may": list(session.operator.may), "proof": session.proof}
