"""One errand at a real broker: who is there, what is said and heard, and an end. With no broker: told, and soon."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from firmware.clock import Clock
from firmware.errors import Failure
from mqtt import errand
from mqtt.address import Address
from mqtt.connection import Outgoing
from mqtt.errand import Errand
from mqtt.messages import Incoming
from tests.brokers import Broker, free_port, wait_until
from tests.mqtt.helpers import Ear

ROOT = "hallgate/v1/baoshan"


def made(url: str, **more: Any) -> Errand:
    return Errand(Address.parse(url), Clock(), "baoshan", "command-1", **more)


def test_whoever_the_broker_knows_is_there_or_not_from_the_first_moment_on(broker: Broker, ear: Ear) -> None:
    for name, said in (("a", b"online"), ("b", b"offline"), ("c", b"online")):
        ear.say(f"{ROOT}/device/{name}/availability", said, retain=True)
    ear.say("hallgate/v1/pudong/device/d/availability", b"online", retain=True)
    ear.say(f"{ROOT}/device/e/status", b"online", retain=True)
    wait_until(lambda: len(ear.heard_all) == 4)
    with made(broker.url) as one:
        assert one.present == {"a": True, "b": False, "c": True}
        ear.say(f"{ROOT}/device/a/availability", b"offline", retain=True)
        assert one.wait(lambda: not one.present["a"], 30)


def test_what_is_said_is_delivered_and_what_comes_is_heard(broker: Broker, ear: Ear) -> None:
    heard, told = list[Incoming](), list[tuple[Any, int]]()
    more: dict[str, Any] = {"hear": heard.append, "delivered": lambda token, reason: told.append((token, reason))}
    with made(broker.url, also=["answers/x"], **more) as one:
        one.publish([Outgoing(topic=f"{ROOT}/x", payload=b"1", token="t"), Outgoing(topic="nobody", payload=b"2")])
        wait_until(lambda: bool(told))
        one.publish([Outgoing(topic="nobody", payload=b"3", token="n")])
        wait_until(lambda: len(told) == 2)
        assert told == [("t", 0), ("n", 0x10)], "whose token is none does not want to know"
        ear.say("answers/x", b"yes")
        assert one.wait(lambda: [message.payload for message in heard] == [b"yes"], 30)
        assert not one.wait(lambda: False, 0.01)
    assert ear.on("/x")[0].payload == b"1"
    assert "mqtt command-1" not in [thread.name for thread in threading.enumerate()], "whoever has gone is gone"


def test_without_a_broker_it_is_told_why_and_nothing_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errand, "CONNECT_S", 0.3)
    with (
        pytest.raises(Failure, match=r"no answer from the broker: Connection refused"),
        made(f"mqtt://127.0.0.1:{free_port()}"),
    ):
        pass
    assert "mqtt command-1" not in [thread.name for thread in threading.enumerate()]
