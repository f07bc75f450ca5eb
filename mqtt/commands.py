"""Which orders may be done: the judgement of a signed command, and what has to be remembered to judge the next one.

Two rules. An order is done at most once, whatever is replayed, retained, delayed or repeated. Every refusal is said
aloud (an answer, if an address was given) and put on record (a `CommandArrived` with `refusal`).

`evacuate` is the exception in the other direction: it is obeyed whenever its signature is good, however old, retained
or repeated, and with no trust in the clock, until somebody reset it at the hall; then that one id is dead.

The guard is plain state: it can lie in the controller's state, or be rebuilt by feeding it the journal's events and
records again (`learn`, `answered`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from firmware.core.bucket import Bucket
from firmware.core.events import CommandArrived
from firmware.core.moment import Moment
from firmware.core.records import CommandDone
from firmware.core.resource import HALL
from mqtt import jws
from mqtt.jws import Trust
from mqtt.messages import CommandAnswer, Envelope, Incoming, Reply
from mqtt.topics import ROOT, place

EVACUATE = "evacuate"
NO_LANE = ""
"""Of an order whose lane is no text. No lane is called that; without one an order could mean the whole hall."""
DO_IT, REPEATED = "", "repeated"
IDS_MAX = 256
ISSUERS_MAX = 64
EVACUATIONS_MAX = 64
RESET_IDS_MAX = 1024
CLOCKS_DIFFER_S = 300
REFUSALS_BURST, REFUSALS_PER_S = 60.0, 1.0
WAITING_MAX = 64
NOT_TAKEN = frozenset({
    "too_long", "malformed", "unknown_key", "bad_signature", "unknown_version", "wrong_address", "not_allowed",
    "retained", "expired", "issued_in_future", "clock_uncertain", "counter", "too_many_issuers", "was_reset",
})  # fmt: skip
"""What an order is refused with before it is taken. No order that was taken ever ends with one of these."""
_WORD = re.compile(r"[a-z_]{1,32}\Z")
_ENVELOPE = msgspec.json.Decoder(Envelope)


class CommandGuard(msgspec.Struct, kw_only=True):
    """What this device remembers of orders. Bounded; JSON-serialisable; no clock, no file."""

    counters: dict[str, tuple[int, int]] = {}
    """Per key and issuer: the highest counter, and when (s since 1970) the last order under it expires."""
    answers: dict[str, CommandAnswer | None] = {}
    """Per key and id: the first answer; None while the order is being done."""
    evacuations: dict[str, str] = {}
    """Per key and id: the order as it was signed, so that it can be shown to other doors; empty where nobody knows it."""
    reset_ids: list[str] = []

    def judge(self, order: Envelope, kid: str, moment: Moment, retained: bool) -> str:
        """DO_IT, REPEATED (see `first_answer`), or the word it is refused with."""
        key = f"{kid} {order.id}"
        if order.name == EVACUATE:
            return "was_reset" if key in self.reset_ids else REPEATED if key in self.evacuations else DO_IT
        if retained:
            return "retained"
        if key in self.answers:
            return REPEATED
        return self._refusal_by_time(order, moment) or self._refusal_by_counter(order, kid, moment.wall_ms // 1000)

    def first_answer(self, order: Envelope, kid: str) -> CommandAnswer | None:
        """What a repeated order was answered the first time; None while it is still being done."""
        return self.answers.get(f"{kid} {order.id}")

    def _refusal_by_time(self, order: Envelope, moment: Moment) -> str:
        if not moment.trusted:
            return "clock_uncertain"
        if moment.wall_ms >= order.expires_at * 1000:
            return "expired"
        if order.issued_at * 1000 > moment.wall_ms + CLOCKS_DIFFER_S * 1000:
            return "issued_in_future"
        return DO_IT

    def _refusal_by_counter(self, order: Envelope, kid: str, now_s: int) -> str:
        issuer = f"{kid} {order.issuer}"
        if issuer in self.counters:
            return DO_IT if order.counter > self.counters[issuer][0] else "counter"
        living = sum(1 for _, expires_s in self.counters.values() if expires_s > now_s)
        return "too_many_issuers" if living >= ISSUERS_MAX else DO_IT

    # ------------------------------------------------------------ remembering

    def learn(self, event: CommandArrived, signed: str = "") -> None:
        """Remember an order that was taken. Feeding the same event twice changes nothing."""
        key, issuer = f"{event.kid} {event.id}", f"{event.kid} {event.issuer}"
        counter, expires_s = self.counters.get(issuer, (0, 0))
        self.counters[issuer] = (max(counter, event.counter), max(expires_s, event.expires_s))
        self._forget_an_issuer()
        self.answers.setdefault(key, None)
        _trim(self.answers, IDS_MAX)
        if event.name == EVACUATE:
            self.evacuations.setdefault(key, signed)
            _trim(self.evacuations, EVACUATIONS_MAX)

    def answered(self, kid: str, record: CommandDone) -> None:
        """Remember how an order ended; only the first time counts."""
        key = f"{kid} {record.command}"
        if key in self.answers and self.answers[key] is None:
            self.answers[key] = _answer_of(record)

    def reset_evacuation(self) -> None:
        """Somebody reset the evacuation at the hall: these ids are dead for ever, a new one is obeyed."""
        self.reset_ids = [*self.reset_ids, *self.evacuations][-RESET_IDS_MAX:]
        self.evacuations = {}

    def _forget_an_issuer(self) -> None:
        """The one whose last order expired first: its old orders are refused by their expiry."""
        if len(self.counters) > ISSUERS_MAX:
            del self.counters[min(self.counters, key=lambda issuer: self.counters[issuer][1])]


def _trim(remembered: dict[str, Any], size: int) -> None:
    while len(remembered) > size:
        del remembered[next(iter(remembered))]


class Judged(msgspec.Struct, frozen=True):
    """`event`: to be journalled and given to the controller. `reply`: to be sent at once, without the controller."""

    event: CommandArrived | None = None
    reply: Reply | None = None


class CommandDesk:
    """Takes orders in, hands answers out. Lives in the main loop; `trust` and `bank` are asked anew for every order.

    `bank` says whether this device speaks for the bank; where it does not, what is said to the bank is not its own.
    """

    def __init__(
        self,
        hall: str,
        device: str,
        trust: Callable[[], Trust],
        guard: CommandGuard,
        *,
        bank: Callable[[], bool] = lambda: False,
    ) -> None:
        self._hall, self._device, self._trust, self.guard = hall, device, trust, guard
        self._bank = bank
        self._waiting: dict[str, list[tuple[str, Incoming]]] = {}
        self._on_record = Bucket(REFUSALS_BURST, REFUSALS_PER_S)
        """A burst of forged orders must not wear out the card."""
        self.unrecorded = 0
        """Refusals that were too many to put on record."""

    def mine(self, topic: str) -> bool:
        """True for a topic whose messages belong to `arrived`."""
        return self._name_in(topic) is not None

    def arrived(self, message: Incoming, moment: Moment) -> Judged:
        """Judge one order. Never raises, whatever the bytes are."""
        topic_name = self._name_in(message.topic) or ""
        verified = jws.verify(message.payload, self._trust(), "command")
        if isinstance(verified, str):
            return self._refuse(message, moment, CommandArrived(id="", name=_word(topic_name), issuer=""), verified)
        try:
            order = _ENVELOPE.decode(verified.payload)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            nobody = CommandArrived(id="", name=_word(topic_name), issuer="", kid=verified.kid)
            return self._refuse(message, moment, nobody, "malformed")
        event = _event_of(order, verified.kid)
        if event is None:
            nobody = CommandArrived(id=order.id, name=_word(order.name), issuer=order.issuer, kid=verified.kid)
            return self._refuse(message, moment, nobody, "malformed")
        refusal = self._refusal_by_address(order, message.topic, topic_name, verified.commands)
        return self._refuse(message, moment, event, refusal) if refusal else self._judge(message, moment, order, event)

    def done(self, record: CommandDone) -> list[Reply]:
        """The controller's record of an order: the answer for everybody who asked.

        That a copy of it was not taken (retained, by another key) says nothing of the order itself.
        """
        if record.because in NOT_TAKEN:
            return []
        waiting = self._waiting.pop(record.command, [])
        for kid, _ in waiting:
            self.guard.answered(kid, record)
        replies = [_reply(message, _answer_of(record)) for _, message in waiting]
        return [reply for reply in replies if reply is not None]

    def handed_on(self, signed: bytes, moment: Moment) -> CommandArrived | None:
        """An evacuation that another door of this hall was given, to be obeyed here as well; None: known, or reset here.

        ValueError or msgspec.DecodeError: it is none, or nobody who may order it has signed it.
        """
        verified = jws.verify(signed, self._trust(), "command")
        if isinstance(verified, str):
            raise ValueError(verified)
        order = _ENVELOPE.decode(verified.payload)
        event = _event_of(order, verified.kid)
        ours = (order.v, order.hall, order.name) == (1, self._hall, EVACUATE)
        if event is None or not ours or EVACUATE not in verified.commands:
            raise ValueError("no evacuation of this hall")
        if self.guard.judge(order, verified.kid, moment, retained=True) != DO_IT:
            return None
        self.guard.learn(event, signed.decode())
        return event

    # ------------------------------------------------------------ inside

    def _judge(self, message: Incoming, moment: Moment, order: Envelope, event: CommandArrived) -> Judged:
        verdict = self.guard.judge(order, event.kid, moment, message.retained)
        if verdict not in (DO_IT, REPEATED):
            return self._refuse(message, moment, event, verdict)
        first = self.guard.first_answer(order, event.kid) if verdict == REPEATED else None
        if first is not None:
            return Judged(reply=_reply(message, first))
        self._wait_for_answer(order.id, event.kid, message)
        if verdict == REPEATED:
            return Judged()
        self.guard.learn(event, message.payload.decode())
        return Judged(event=event)

    def _wait_for_answer(self, id: str, kid: str, message: Incoming) -> None:
        waiting = self._waiting.setdefault(id, [])
        if len(waiting) < 4:
            waiting.append((kid, message))
        if len(self._waiting) > WAITING_MAX:
            del self._waiting[next(iter(self._waiting))]

    def _refusal_by_address(self, order: Envelope, topic: str, topic_name: str, allowed: frozenset[str]) -> str | None:
        if order.v != 1:
            return "unknown_version"
        if not topic_name and (order.body.get("resource") or HALL) != topic.split("/")[4]:
            return "wrong_address"  # an order about one limit, said again to the bank of another
        to_us = order.device == self._device or (order.device == "bank" and self._bank())
        if order.hall != self._hall or not to_us or topic_name not in ("", order.name):
            return "wrong_address"
        return None if order.name in allowed else "not_allowed"

    def _refuse(self, message: Incoming, moment: Moment, event: CommandArrived, because: str) -> Judged:
        answer = CommandAnswer(id=event.id, result="refused", because=because)
        reply = _reply(message, answer)
        if not self._on_record.take(moment.elapsed_ms):
            self.unrecorded += 1
            return Judged(reply=reply)
        return Judged(msgspec.structs.replace(event, refusal=because), reply)

    def _name_in(self, topic: str) -> str | None:
        """The command's name in the topic; "" on the topic of a resource's bank, where it is only in the envelope."""
        where = place(topic)
        if where is not None:
            mine = (where.hall, where.device) == (self._hall, self._device)
            return where.last.removeprefix("command/") if mine and where.last.startswith("command/") else None
        words = topic.split("/")
        to_a_bank = len(words) == 6 and "/".join(words[:2]) == ROOT and words[2] == self._hall
        to_a_bank = to_a_bank and words[3] == "rights" and words[5] == "command"
        return "" if to_a_bank and self._bank() else None


def _event_of(order: Envelope, kid: str) -> CommandArrived | None:
    """None when the body holds more than plain values: nothing deeper is ever needed, and nothing deeper is stored.

    Of an evacuation it is not looked at: nothing in it can keep people in.
    """
    body = {} if order.name == EVACUATE else order.body
    if len(body) > 16 or not all(isinstance(value, str | int | float | None) for value in body.values()):
        return None
    if any(isinstance(value, str) and len(value) > 512 for value in (*body, *body.values())):
        return None
    lane = body.get("lane")
    return CommandArrived(
        id=order.id,
        name=_word(order.name),
        issuer=order.issuer,
        lane=lane if lane is None or isinstance(lane, str) else NO_LANE,
        body=body,
        kid=kid,
        counter=order.counter,
        expires_s=int(min(max(order.expires_at, 0), 2**53)),
    )


def _word(name: str) -> str:
    """A name that may be shown and stored: what a stranger wrote into a topic is not."""
    return name if _WORD.match(name) else "unknown"


def _answer_of(record: CommandDone) -> CommandAnswer:
    return CommandAnswer(id=record.command, result=record.result, because=record.because)


def _reply(message: Incoming, answer: CommandAnswer) -> Reply | None:
    if message.response_topic is None:
        return None
    return Reply(message.response_topic, message.correlation, answer.encoded())
