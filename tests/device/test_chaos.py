"""A short run of `tests/device/chaos.py`; the long one is a command (see there)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import needs
from tests.device.chaos import Chaos


@needs.broker
@pytest.mark.timeout(300)
def test_devices_and_broker_that_are_killed_never_put_the_hall_over_its_limit(tmp_path: Path) -> None:
    result = Chaos(tmp_path, limit=24, kills=8, gates=3, seed=20_221_124).run()
    assert (result.over, result.unaccounted) == (0, 0), result
    assert result.admissions > 0 and 0 <= result.used_by_crashes <= result.kills, result
