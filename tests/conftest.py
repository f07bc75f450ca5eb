"""Runs that take minutes or need much from the machine stand behind an option of their own: `./hallgate test --chaos`.

With an option only its tests run; without any, they are left out. The rest of the tests never knows of them.
"""

from __future__ import annotations

import pytest

RUNS = {
    "chaos": "real devices and a real broker, killed hundreds of times",
    "image": "the card image, booted in an emulated Pi",
    "home-assistant": "the real Home Assistant beside a real door (installs it once: 600 MB)",
    "service": "the firmware's unit under a systemd of its own, in a small machine",
    "load": "a thousand devices on one broker",
}


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
