"""Runs that take minutes or need much from the machine stand behind an option of their own: `./hallgate test --chaos`.

With an option only its tests run; without any, they are left out. The rest of the tests never knows of them.
Beside that: a broker of a test's own, and an ear on all of its hall.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.brokers import Broker, wait_until
from tests.mqtt.helpers import Ear

RUNS = {
    "chaos": "real devices and a real broker, killed hundreds of times",
    "image": "the card image, booted in an emulated Pi",
    "home-assistant": "the real Home Assistant beside a real door (installs it once: 600 MB)",
    "service": "the firmware's unit under a systemd of its own, in a small machine",
    "load": "a thousand devices on one broker",
}


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in its background deaf to it, and whatever that starts; `listen` is ended by it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("hallgate", "long runs")
    for name, what in RUNS.items():
        group.addoption(f"--{name}", action="append_const", const=name, dest="long_runs", help=f"only this: {what}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = set(config.getoption("long_runs") or ())
    chosen, left_out = [], []
    for item in items:
        (chosen if _run_of(item) in (wanted or {None}) else left_out).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = chosen


def _run_of(item: pytest.Item) -> str | None:
    mark = item.get_closest_marker("long")
    if mark is None:
        return None
    if mark.args[0] not in RUNS:
        raise pytest.UsageError(f"{item.nodeid}: no long run is called {mark.args[0]!r}: {', '.join(sorted(RUNS))}")
    return str(mark.args[0])


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    needs.stop_unless(needs.missing("mosquitto"))
    folder = tmp_path / "broker"
    folder.mkdir()
    made = Broker(folder).start()
    yield made
    made.stop()


@pytest.fixture
def ear(broker: Broker) -> Iterator[Ear]:
    made = Ear(broker.url, "hallgate/v1/baoshan/#")
    wait_until(lambda: made.connection.connected)
    yield made
    made.close()
