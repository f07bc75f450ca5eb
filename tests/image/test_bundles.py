"""Bundles by the real RAUC, without a card: who signed, for whom, which version, and one flipped bit."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from deploy.image import bundle, card, keys, recipe, tools
from deploy.image.root import LIBRARY
from firmware.clock import Clock
from firmware.errors import Failure, Mistake
from firmware.updating.slots import Slots, run
from firmware.verbs.update import FOR_HALL, Updating
from tests import needs

pytestmark = [pytest.mark.long("image"), needs.unless(needs.missing(*tools.BUNDLE_PACKAGES, "openssl", "mke2fs"))]


@pytest.fixture
def shop(tmp_path: Path) -> recipe.Shop:
    """A small root with nothing in it but our version."""
    made = recipe.Shop(tmp_path / "work")
    made.make()
    (made.root / LIBRARY / "hallgate-0.2.0.dist-info").mkdir(parents=True)
    (made.root / "weight").write_bytes(random.Random(1).randbytes(65_536))  # RAUC takes no bundle of almost nothing
    card.ext4(made.part("root.ext4"), made.root, 16, "root", 2, 1_790_000_000)
    return made


def device(shop: recipe.Shop, folder: Path, *, compatible: str = "hallgate-pi64", version: str = "0.1.0") -> Updating:
    """One whose keyring is the shop's own signer."""
    signer = keys.development(shop.keys)
    conf = folder / "system.conf"
    text = (recipe.HERE / "overlay/etc/rauc/system.conf").read_text()
    text = text.replace("/etc/rauc/keyring.pem", str(signer.certificate)).replace("hallgate-pi64", compatible)
    conf.write_text(text.replace("/persistent/rauc.status", str(folder / "rauc.status")))

    def rauc(words: list[str]) -> subprocess.CompletedProcess[str]:
        return run([words[0], f"--conf={conf}", *words[1:]])

    return Updating(folder / "ask", Clock(), Slots(rauc, conf), folder / "progress", version)


def test_a_good_bundle_is_judged_by_what_it_says(shop: recipe.Shop, tmp_path: Path) -> None:
    made = bundle.make(tmp_path / "it.raucb", shop, keys.development(shop.keys))
    assert made["version"] == "0.2.0"
    assert device(shop, tmp_path).judge(tmp_path / "it.raucb") == "0.2.0"
    with pytest.raises(Mistake, match="older than 0.3.0"):
        device(shop, tmp_path, version="0.3.0").judge(tmp_path / "it.raucb")
    with pytest.raises(Mistake, match="is for hallgate-pi64, this device is another"):
        device(shop, tmp_path, compatible="another").judge(tmp_path / "it.raucb")


def test_a_strangers_bundle_and_a_flipped_bit_are_refused(shop: recipe.Shop, tmp_path: Path) -> None:
    stranger = keys.make(keys.Signer(tmp_path / "key.pem", tmp_path / "cert.pem"), "stranger")
    bundle.make(tmp_path / "theirs.raucb", shop, stranger)
    bundle.make(tmp_path / "ours.raucb", shop, keys.development(shop.keys))
    content = bytearray((tmp_path / "ours.raucb").read_bytes())
    content[-1200] ^= 1  # in the signature, which is at the end; what is before it is bound by its hashes
    (tmp_path / "bent.raucb").write_bytes(content)
    for name in ("theirs.raucb", "bent.raucb"):
        with pytest.raises(Mistake, match="not signed by anybody this device trusts, or is damaged"):
            device(shop, tmp_path).judge(tmp_path / name)


def test_a_bundle_for_one_hall_says_so(shop: recipe.Shop, tmp_path: Path) -> None:
    bundle.make(tmp_path / "it.raucb", shop, keys.development(shop.keys), "pudong")
    updating = device(shop, tmp_path)
    assert updating._slots.told_by(tmp_path / "it.raucb")["description"] == f"{FOR_HALL}pudong"
    with pytest.raises(Failure, match="does not answer"):  # whose hall it is only the firmware knows
        updating.judge(tmp_path / "it.raucb")


def test_a_root_without_our_software_is_no_update(shop: recipe.Shop, tmp_path: Path) -> None:
    (shop.root / LIBRARY / "hallgate-0.2.0.dist-info").rmdir()
    card.ext4(shop.part("root.ext4"), shop.root, 16, "root", 2, 1_790_000_000)
    with pytest.raises(Failure, match="holds no software of ours"):
        bundle.make(tmp_path / "it.raucb", shop, keys.development(shop.keys))
