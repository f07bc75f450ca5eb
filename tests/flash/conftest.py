"""A small card image of real file systems with its block map, and a door's site file beside everything it names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.flash import blockmap
from deploy.image import card, recipe, tools
from firmware.__main__ import main
from tests import needs
from tests.device.bench import ROOT
from tests.site.conftest import Bench

CARD = recipe.Card(disk="48474154", firmware_mib=4, slot_mib=12, persistent_mib=12, image_mib=48)
PROGRAMS = ("sfdisk", "mke2fs", "dumpe2fs", "mkfs.vfat", "mcopy", "zstd")


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `hallgate image` makes one, only smaller: a FAT, a root, an empty slot, /persistent."""
    needs.stop_unless(needs.missing(*PROGRAMS))
    folder = tmp_path_factory.mktemp("image")
    files = folder / "files"
    files.mkdir()
    for number in range(20):
        (files / f"file-{number}").write_bytes(os.urandom(100_000))
    fat = folder / "firmware.fat"
    fat.write_bytes(b"")
    os.truncate(fat, CARD.firmware_mib << 20)
    tools.run(["mkfs.vfat", "-n", "FIRMWARE", fat])
    root = card.ext4(folder / "root.ext4", files, CARD.slot_mib, "root", 2, 1_790_000_000)
    (folder / "empty").mkdir()
    kept = card.ext4(folder / "persistent.ext4", folder / "empty", CARD.persistent_mib, "persistent", 4, 1_790_000_000)
    out = folder / "card.img"
    card.assemble(out, CARD, [fat, root, None, kept])
    out.with_name("card.img.bmap").write_bytes(blockmap.as_xml(blockmap.made(out)))
    return out


@pytest.fixture
def site_file(tmp_path: Path) -> Path:
    bench = Bench(tmp_path)
    bench.sign((ROOT / "deploy/sites/rulebook.toml").read_text())
    folder = bench.site.parent
    out = folder / "east.toml"
    words = ["--kind", "entry", "--name", "east-entry-1", "--hall", "baoshan", "--hall-files", str(folder)]
    (folder / "ca.pem").write_text("the hall's authority")
    assert main(["site", "new", *words, "--hub", "mqtts://10.0.0.2:8883", "--out", str(out)]) == 0
    return out


def flash(*words: object, **more: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "firmware", "flash", *map(str, words)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, **more
    )  # type: ignore[call-overload, no-any-return]
