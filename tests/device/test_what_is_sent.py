"""Everything a real device puts on the wire is what the reference says: each message held against its schema."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from firmware.reference import schemas
from firmware.reference.channels import CHANNELS
from mqtt.messages import Incoming
from tests import needs
from tests.brokers import Broker, wait_until
from tests.device.bench import OFF, ON, bench
from tests.mqtt.helpers import Ear

CHECKED = {each.name: each for each in CHANNELS if each.wrapping in ("json", "sealed")}


def channel_of(topic: str) -> str:
    """The name of the one channel whose address fits this topic."""
    fitting = [
        each.name
        for each in CHANNELS
        if each.name != "answer" and re.fullmatch(re.sub(r"\\{\w+\\}", "[a-z0-9-]+", re.escape(each.address)), topic)
    ]
    assert len(fitting) == 1, f"{topic}: {fitting}"
    return fitting[0]


def complaints(message: Incoming) -> list[str]:
    name = channel_of(message.topic)
    if name not in CHECKED:
        return []
    schema = schemas.of(CHECKED[name].payload)
    found = [
        each.message[:300] for each in jsonschema.Draft202012Validator(schema).iter_errors(json.loads(message.payload))
    ]
    assert message.content_schema or message.retained, f"{message.topic} says no schema"
    return [f"{message.topic}: {each}" for each in found]


@needs.broker
def test_every_message_fits_its_schema(tmp_path: Path) -> None:
    broker = Broker(tmp_path).start()
    ear = Ear(broker.url, "hallgate/#", "homeassistant/#")
    try:
        with bench(tmp_path / "door", hub=broker.url, pulse=100) as gate:
            gate.start()
            gate.scan(gate.booking())
            gate.relay.expect(ON)
            gate.relay.expect(OFF)
            gate.scan(b"HP1:nonsense")
            gate.scan(b"\xff\xfe\x80 not a code at all")
            wait_until(lambda: len([one for one in ear.on("/event") if b'"kind":"decision"' in one.payload]) >= 3)
            gate.relay.unplug()
            wait_until(lambda: any(b'"kind":"health"' in one.payload for one in ear.on("/event")))
            gate.relay.plug()
            assert gate.stop() == 0
            gate.start()
            wait_until(lambda: sum(b'"kind":"start"' in one.payload for one in ear.on("/event")) >= 2)
            assert gate.stop() == 0
        heard = list(ear.heard_all)
        assert not [each for message in heard for each in complaints(message)]
        assert {"availability", "status", "event", "row", "notice"} <= {channel_of(one.topic) for one in heard}
    finally:
        ear.close()
        broker.stop()


@pytest.mark.parametrize(
    ("last", "spoilt"),
    [("event", {"kind": "decision"}), ("event", {"kind": "surprise"}), ("status", {"v": 1, "device": 7})],
)
def test_what_does_not_fit_is_seen(last: str, spoilt: dict[str, Any]) -> None:
    message = Incoming(f"hallgate/v1/baoshan/device/entry-1/{last}", json.dumps(spoilt).encode(), content_schema="x")
    assert complaints(message)
