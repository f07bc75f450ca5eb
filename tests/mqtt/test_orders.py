"""Orders as the page and `hallgate command` give them: addressed, dated, numbered, and every answer waited for. No broker."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from firmware.core.moment import Moment
from firmware.errors import Mistake
from mqtt import jws
from mqtt.connection import Outgoing
from mqtt.messages import CommandAnswer, Envelope, Incoming
from mqtt.orders import Order, Orders, RisingCounter, read_key, refusals

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
NOW_MS = 1_654_822_800_000


class At:
    """A wall clock that stands where it is put."""

    wall_ms = NOW_MS

    def moment(self) -> Moment:
        return Moment(0, self.wall_ms)


class Broker:
    """Takes what is published, and lets `then` say what comes of it."""

    def __init__(self) -> None:
        self.taken: list[Outgoing] = []
        self.then: Callable[[Outgoing], object] = lambda message: None
        self.orders = Orders(KEY, "page-1", At(), self.publish)  # type: ignore[arg-type]

    def publish(self, messages: list[Outgoing]) -> None:
        self.taken += messages
        for message in messages:
            self.then(message)

    def answers(self, message: Outgoing, result: str = "done", because: str = "") -> None:
        answer = CommandAnswer(id=message.token, result=result, because=because)  # type: ignore[arg-type]
        self.orders.answered(Incoming("answers", answer.encoded()))


@pytest.fixture
def broker() -> Broker:
    return Broker()


def said(message: Outgoing) -> Envelope:
    return msgspec.json.decode(jws.unpack(message.payload.split(b".")[1]), type=Envelope)


@pytest.mark.parametrize(
    ("order", "topic", "device", "body", "expiry_s"),
    [
        (Order("h", "hold", "a", body={"lane": "A"}), "device/a/command/hold", "a", {"lane": "A"}, 10),
        (Order("h", "hold"), "rights/hall/command", "bank", {}, 10),
        (
            Order("h", "limit", resource="b1", body={"n": 5}),
            "rights/b1/command",
            "bank",
            {"n": 5, "resource": "b1"},
            10,
        ),
        (Order("h", "evacuate", "a"), "device/a/command/evacuate", "a", {}, 3_600),
    ],
)
def test_an_order_goes_to_its_door_or_to_the_bank_of_its_limit_and_is_good_for_ten_seconds(
    broker: Broker, order: Order, topic: str, device: str, body: dict[str, Any], expiry_s: int
) -> None:
    """The broker keeps an evacuation for an hour, for a door that is away: it is obeyed at any age."""
    broker.then = broker.answers
    (answer,) = broker.orders.give([order], "page-wang").values()
    (message,) = broker.taken
    assert answer is not None and (answer.id, answer.result) == (message.token, "done")
    assert (message.topic, message.expiry_s) == (f"hallgate/v1/h/{topic}", expiry_s)
    assert (message.response_topic, message.correlation) == ("hallgate/v1/h/hub/answers/page-1", message.token.encode())
    meant = said(message)
    assert (meant.hall, meant.device, meant.name, meant.body) == ("h", device, order.name, body)
    assert (meant.issuer, meant.issued_at, meant.expires_at) == ("page-wang", NOW_MS // 1000, NOW_MS // 1000 + 10)


def test_every_answer_is_waited_for(broker: Broker) -> None:
    late = threading.Timer(0.05, lambda: broker.answers(broker.taken[1], "refused", "no_such_lane"))

    def then(message: Outgoing) -> None:
        late.start() if len(broker.taken) == 2 and message is broker.taken[1] else broker.answers(message)

    broker.then = then
    answers = broker.orders.give([Order("h", "hold", "a"), Order("h", "hold", "b")], "page-wang", wait_s=30)
    assert {device: one and one.result for device, one in answers.items()} == {"a": "done", "b": "refused"}
    assert refusals(answers) == {"b": "no_such_lane"}


@pytest.mark.parametrize(
    ("reason", "because"), [(0x10, "nobody_listens"), (0x87, "not_authorized"), (0x97, "broker_refused")]
)
def test_an_order_that_nobody_gets_is_not_waited_for(broker: Broker, reason: int, because: str) -> None:
    broker.then = lambda message: broker.orders.delivered(message.token, reason)
    assert refusals(broker.orders.give([Order("h", "hold", "a")], "page-wang", wait_s=30)) == {"a": because}


def test_that_the_broker_took_it_is_no_answer_and_neither_is_anything_else(broker: Broker) -> None:
    def then(message: Outgoing) -> None:
        broker.orders.delivered(message.token, 0)
        for noise in (b"", b"{", b"\xff", b"[" * 5_000, CommandAnswer(id="of another", result="done").encoded()):
            broker.orders.answered(Incoming("answers", noise))

    broker.then = then
    answers = broker.orders.give([Order("h", "hold", "a")], "page-wang", wait_s=0.01)
    assert (answers, refusals(answers)) == ({"a": None}, {"a": "no_answer"})
    assert not broker.orders._answers, "what nobody waits for takes no room"
    broker.then = broker.answers
    broker.answers(broker.taken[0])
    assert refusals(broker.orders.give([Order("h", "hold", "a")], "page-wang")) == {}


def test_counters_follow_the_clock_and_rise_also_when_it_is_set_back() -> None:
    clock = At()
    counter = RisingCounter(clock)  # type: ignore[arg-type]
    numbers = [counter("x"), counter("y")]
    clock.wall_ms -= 60_000
    numbers.append(counter("x"))
    clock.wall_ms = NOW_MS + 5_000
    numbers.append(counter("x"))
    assert numbers == [NOW_MS, NOW_MS + 1, NOW_MS + 2, NOW_MS + 5_000]


def test_only_a_command_key_signs(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    wrong = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for content in (b"", b"no key", wrong):
        file.write_bytes(content)
        file.chmod(0o600)
        with pytest.raises(Mistake, match="is no command key"):
            read_key(file)
    file.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert read_key(file).public_key() == KEY.public_key()
