"""The backend for the Pi's own loader, on a folder that stands for its partition. No emulator runs that loader itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.updating.slots import Slots
from firmware.updating.tryboot import CONFIG, Loader, main
from tests.device.rauc import Rauc


@pytest.fixture
def fat(tmp_path: Path) -> Path:
    """A card as it comes: A is kept, B was never written."""
    made = tmp_path / "fat"
    (made / "A").mkdir(parents=True)
    (made / "A/vmlinuz").write_bytes(b"kernel of A")
    (made / "config.txt").write_text(CONFIG.format(name="A"))
    return made


@pytest.fixture
def loader(fat: Path, tmp_path: Path) -> Loader:
    @contextlib.contextmanager
    def slot_of(name: str) -> Iterator[Path]:
        root = tmp_path / f"slot-{name}"
        trees = root / "usr/lib/linux-image-6.12/broadcom"
        trees.mkdir(parents=True, exist_ok=True)
        (root / "boot").mkdir(exist_ok=True)
        (trees / "bcm2712-rpi-5-b.dtb").write_bytes(b"tree")
        (trees.parent / "overlays").mkdir(exist_ok=True)
        (trees.parent / "overlays/disable-bt.dtbo").write_bytes(b"overlay")
        for file in ("vmlinuz", "initrd.img"):
            (root / "boot" / file).write_bytes(f"{file} of {name}".encode())
        yield root

    return Loader(fat, slot_of)


def said(loader: Loader, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(list(words), loader) == 0
    return capsys.readouterr().out.strip()


def test_a_trial_is_one_try_until_it_is_kept(fat: Path, loader: Loader, capsys: pytest.CaptureFixture[str]) -> None:
    before = (fat / "config.txt").stat()
    assert said(loader, capsys, "get-primary") == "A" and said(loader, capsys, "get-state", "B") == "bad"
    said(loader, capsys, "set-primary", "B")
    assert said(loader, capsys, "get-primary") == "B" and said(loader, capsys, "get-state", "B") == "good"
    assert "os_prefix=A/" in (fat / "config.txt").read_text(), "a power cut now starts what was kept"
    assert (fat / "B/vmlinuz").read_bytes() == b"vmlinuz of B" and (fat / "B/bcm2712-rpi-5-b.dtb").exists()
    assert (fat / "B/overlays/disable-bt.dtbo").read_bytes() == b"overlay", "config.txt names some"
    assert "-03 " in (fat / "B/cmdline.txt").read_text() and "rauc.slot=B" in (fat / "B/cmdline.txt").read_text()
    said(loader, capsys, "set-state", "B", "good")
    assert "os_prefix=B/" in (fat / "config.txt").read_text() and not (fat / "tryboot.txt").exists()
    after = (fat / "config.txt").stat()
    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size), "written in place"


def test_a_trial_that_failed_is_over(fat: Path, loader: Loader, capsys: pytest.CaptureFixture[str]) -> None:
    said(loader, capsys, "set-primary", "B")
    said(loader, capsys, "set-state", "B", "bad")
    assert said(loader, capsys, "get-primary") == "A" and said(loader, capsys, "get-state", "B") == "bad"
    said(loader, capsys, "set-primary", "B")
    assert said(loader, capsys, "get-state", "B") == "good", "a new system in the slot is a new chance"
    said(loader, capsys, "set-primary", "A")
    assert said(loader, capsys, "get-primary") == "A"


def test_a_kept_system_that_was_ill_is_well_again_when_it_is_said_and_no_trial_ends_with_it(
    fat: Path, loader: Loader, capsys: pytest.CaptureFixture[str]
) -> None:
    said(loader, capsys, "set-state", "A", "bad")
    assert said(loader, capsys, "get-state", "A") == "bad"
    said(loader, capsys, "set-primary", "B")
    said(loader, capsys, "set-state", "A", "good")
    assert said(loader, capsys, "get-state", "A") == "good" and said(loader, capsys, "get-primary") == "B"
    said(loader, capsys, "set-state", "A", "bad")
    assert said(loader, capsys, "get-primary") == "B", "who goes on trial stays so"


def test_a_card_whose_files_name_no_system_says_none(
    fat: Path, loader: Loader, capsys: pytest.CaptureFixture[str]
) -> None:
    for spoilt in (b"", b"os_prefix=C/\n", b"\xff\xfe"):
        (fat / "config.txt").write_bytes(spoilt)
        assert said(loader, capsys, "get-primary") == ""


def test_only_a_trial_restarts_with_the_word(fat: Path, loader: Loader) -> None:
    rauc = Rauc()
    slots = Slots(rauc, spare=fat / "slots.txt")
    slots.restart()
    loader.set_primary("B")
    slots.restart()
    assert rauc.told == ["systemctl reboot", "systemctl reboot --reboot-argument=0 tryboot"]


@pytest.mark.parametrize("words", [[], ["set-primary", "C"], ["get-state"], ["set-state", "A", "fine"]])
def test_other_words_are_refused(loader: Loader, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words, loader) == 1
    assert "tryboot: say get-primary" in capsys.readouterr().err
