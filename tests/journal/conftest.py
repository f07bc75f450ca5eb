"""A refuge of its own for each test: nothing is left in this machine's memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.journal import refuge


@pytest.fixture(autouse=True, scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("memory")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refuge, "FOLDERS", [folder])
        yield folder
