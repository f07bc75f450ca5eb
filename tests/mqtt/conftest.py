from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers import Broker
from tests.mqtt.helpers import Device


@pytest.fixture
def device(broker: Broker, tmp_path: Path) -> Iterator[Device]:
    made = Device(broker.url, tmp_path)
    yield made
    assert made.link.stop(10.0)
