"""Orders of the live page and of `hallgate command`: built, signed with a command key, sent, their answers waited for.

The key never leaves this process and no browser sees it: a signed-in operator asks, the hub signs in the operator's name
(issuer `page-<name>`), and every device judges the order as it judges all others (`mqtt/commands.py`).
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from firmware.clock import Clock
from firmware.core import jwk
from firmware.core.resource import HALL
from firmware.errors import Mistake
from firmware.files import read_secret
from mqtt.connection import Outgoing
from mqtt.messages import CommandAnswer, Incoming, Scalar
from mqtt.signing import envelope, sign_command
from mqtt.topics import Topics, answers_to

VALID_S = 10.0
EVACUATE_S = 3_600
ANSWER_S = VALID_S + 1.0
"""Who is told that nobody answered may give the order again: the first one must be dead by then, or both are carried out."""
ANSWER_EVACUATE_S = 6.0
"""An evacuation is obeyed at any age, and does no harm a second time."""
UNDELIVERED = {0x10: "nobody_listens", 0x87: "not_authorized"}
OF_THE_BANK = ("limit", "hold", "release")
"""Without a lane these are the whole resource's: they go to its bank."""
_ANSWER = msgspec.json.Decoder(CommandAnswer)


def read_key(path: Path) -> Ed25519PrivateKey:
    """The PEM of `hallgate key new --kind command`. Mistake when it is another file, or others can read it."""
    content = read_secret(path)
    try:
        key = load_pem_private_key(content, None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise Mistake("is no command key; make one with hallgate key new --kind command", file=str(path))
    return key


class Order(msgspec.Struct, frozen=True):
    """`device` empty: the bank's, or with `evacuate` everybody's."""

    hall: str
    name: str
    device: str = ""
    resource: str = HALL
    body: dict[str, Scalar] = {}


class RisingCounter:
    """Milliseconds of the wall clock: rises over restarts without a file, and always by one at least."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._last, self._lock = clock, 0, threading.Lock()

    def __call__(self, issuer: str) -> int:
        with self._lock:
            self._last = max(self._last + 1, self._clock.moment().wall_ms)
            return self._last


class Orders:
    """`publish` hands a message to a connection; its token is the order's id.

    `counter` answers the next number of an issuer. Answers come through `answered`, in the connection's thread.
    """

    def __init__(
        self,
        key: Ed25519PrivateKey,
        client_id: str,
        clock: Clock,
        publish: Callable[[list[Outgoing]], None],
        counter: Callable[[str], int] | None = None,
    ) -> None:
        self._key, self._kid = key, str(jwk.write(key.public_key(), ["command"], ())["kid"])
        self._client_id, self._clock, self._publish = client_id, clock, publish
        self._counter = counter or RisingCounter(clock)
        self._news = threading.Condition()
        self._answers: dict[str, CommandAnswer | None] = {}

    def give(self, orders: list[Order], issuer: str, wait_s: float | None = None) -> dict[str, CommandAnswer | None]:
        """Send them all and wait for the answers: by device; None where none came in time."""
        if wait_s is None:
            wait_s = max((ANSWER_EVACUATE_S if each.name == "evacuate" else ANSWER_S for each in orders), default=0.0)
        sent = {order.device or "bank": self._signed(order, issuer) for order in orders}
        with self._news:
            self._answers |= dict.fromkeys(id for id, _ in sent.values())
            self._publish([message for _, message in sent.values()])
            self._news.wait_for(lambda: all(self._answers[id] for id, _ in sent.values()), wait_s)
            return {device: self._answers.pop(id) for device, (id, _) in sent.items()}

    def delivered(self, id: str, reason: int) -> None:
        """The broker's own word on an order, MQTT 5's reason code: where nobody gets it, no answer will come."""
        if reason:
            because = UNDELIVERED.get(reason, "broker_refused")
            self._answer(CommandAnswer(id=id, result="failed", because=because))

    def answered(self, message: Incoming) -> None:
        """An answer on our topic. Never raises; what nobody waits for is dropped."""
        try:
            answer = _ANSWER.decode(message.payload)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return
        self._answer(answer)

    def _answer(self, answer: CommandAnswer) -> None:
        with self._news:
            if answer.id in self._answers:
                self._answers[answer.id] = answer
                self._news.notify_all()

    def _signed(self, order: Order, issuer: str) -> tuple[str, Outgoing]:
        id = secrets.token_urlsafe(16)
        payload = envelope(
            order.name,
            order.hall,
            order.device or "bank",
            order.body if order.resource == HALL else {**order.body, "resource": order.resource},
            id=id,
            issuer=issuer,
            counter=self._counter(issuer),
            now_s=self._clock.moment().wall_ms / 1000,
            valid_s=VALID_S,
        )
        message = Outgoing(
            topic=_topic(order),
            payload=sign_command(payload, self._key, self._kid),
            schema="hallgate/v1/command",
            response_topic=answers_to(order.hall, self._client_id),
            correlation=id.encode(),
            # An evacuation is obeyed at any age: the broker keeps it for a device that is away for a moment.
            expiry_s=EVACUATE_S if order.name == "evacuate" else int(VALID_S),
            token=id,
        )
        return id, message


def _topic(order: Order) -> str:
    if order.device:
        return Topics(order.hall, order.device).command(order.name)
    return Topics(order.hall, "bank").rights(order.resource, "command")


def refusals(answers: Mapping[str, CommandAnswer | None], *, lasting: bool = False) -> dict[str, str]:
    """Who did not do it, and the word why. `lasting`: whoever was away does it as soon as it is back."""
    silent = "no_answer_yet" if lasting else "no_answer"
    words = {device: silent if one is None else one.because or one.result for device, one in answers.items()}
    return {device: words[device] for device, one in answers.items() if one is None or one.result != "done"}
