"""The image that the tests boot: the one in `HALLGATE_IMAGE_WORK`, or in the builder's own folder; built when absent."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.image import recipe, tools
from firmware.verbs import image
from tests import needs
from tests.image.emulator import Emulator, burn
from tests.image.hall import Door


@pytest.fixture(scope="session")
def shop() -> recipe.Shop:
    needs.stop_unless(needs.missing("mosquitto", *tools.EMULATOR_PACKAGES))
    made = recipe.Shop(Path(os.environ.get("HALLGATE_IMAGE_WORK") or image.WORK))
    if not made.part("root.ext4").exists():
        needs.stop_unless(needs.not_root("build the card image"))
        words = ("image", "--install", "--work", made.work, "--out", made.work / "hallgate.img")
        subprocess.run([sys.executable, "-m", "firmware", *map(str, words)], cwd=recipe.SOURCE, check=True)
    return made


@pytest.fixture
def door(tmp_path: Path, shop: recipe.Shop, request: pytest.FixtureRequest) -> Iterator[Door]:
    """With what a test asks for behind its lane in the site file."""
    made = Door(tmp_path, shop, lanes=getattr(request, "param", ""))
    yield made
    made.board.kill()
    made.broker.kill()


@pytest.fixture
def board(tmp_path: Path, shop: recipe.Shop) -> Iterator[Emulator]:
    """A card as it comes from the builder, in no hall."""
    (tmp_path / "empty").mkdir()
    burn(shop, tmp_path / "card.img", tmp_path / "empty")
    made = Emulator(tmp_path, shop, tmp_path / "card.img")
    yield made
    made.kill()
