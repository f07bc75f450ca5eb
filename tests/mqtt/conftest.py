from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.brokers import Broker, wait_until
from tests.mqtt.helpers import Device, Ear
from tests.mqtt.pages import HALL, browser, lanes, opened, operator_files, served, signed_in, tell_hall


@pytest.fixture
def device(broker: Broker, tmp_path: Path) -> Iterator[Device]:
    made = Device(broker.url, tmp_path)
    yield made
    assert made.link.stop(10.0)


@pytest.fixture
def window() -> Iterator[Any]:
    with browser() as made:
        yield made


@pytest.fixture
def hub_url(broker: Broker) -> Iterator[str]:
    with served(broker.url) as url:
        yield url


@pytest.fixture
def orders_ear(broker: Broker) -> Iterator[Ear]:
    """Hears what the page orders, and tells it of a hall."""
    made = Ear(broker.url, f"{HALL}/device/+/command/+", f"{HALL}/rights/hall/command")
    wait_until(lambda: made.connection.connected)
    yield made
    made.close()


@pytest.fixture
def desk(broker: Broker, window: Any, orders_ear: Ear, tmp_path: Path) -> Iterator[Any]:
    """The tab of somebody who has signed in, before a hall with four doors."""
    words = operator_files(tmp_path)
    tell_hall(orders_ear, lanes())
    with served(broker.url, *words) as url:
        tab = opened(window, url, language="en")
        signed_in(tab)
        yield tab
