"""Runs of `tests/device/chaos.py`: a short one every time, the long one behind `--chaos`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import needs
from tests.device.chaos import Chaos, Result

pytestmark = needs.broker


def held(result: Result) -> None:
    print(result)
    assert not result.faults(), result


@pytest.mark.timeout(300)
def test_devices_and_broker_that_are_killed_never_put_the_hall_over_its_limit(tmp_path: Path) -> None:
    held(Chaos(tmp_path, limit=20, kills=12, admissions=80, entries=2, exits=1, seed=20_221_124).run())


@pytest.mark.long("chaos")
@pytest.mark.timeout(900)
def test_five_hundred_kills_and_five_thousand_admissions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = Chaos(tmp_path, limit=60, kills=500, admissions=5_000, entries=3).run()
    with capsys.disabled():
        held(result)
    assert result.kills >= 500 and result.admissions >= 5_000
