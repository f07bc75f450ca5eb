"""A technician at the emulated Pi with keyboard and USB stick: who has the password of the card gets in, and reads the stick."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from deploy.flash import passwords
from deploy.image import recipe
from tests.brokers import wait_until
from tests.image.emulator import Emulator
from tests.image.hall import READY, Door
from tests.image.test_boot import MINUTE_S

pytestmark = [pytest.mark.long("image"), pytest.mark.timeout(7200)]

WORD = "open sesame 7"
LINE_S = 12
"""How long `login` may take to ask for the next thing; a board in an emulator is slow."""
ON_THE_STICK = "a journal goes here"


def stick(folder: Path) -> Path:
    """As it is bought: one FAT file system, here without a partition table."""
    made = folder / "stick.img"
    with made.open("wb") as file:
        os.truncate(file.fileno(), 64 << 20)
    (folder / "note").write_text(ON_THE_STICK + "\n")
    subprocess.run(["mkfs.vfat", made], check=True, capture_output=True)
    subprocess.run(["mcopy", "-i", made, folder / "note", "::note"], check=True)
    return made


def typed_and_heard(board: Emulator, lines: list[str], heard: str) -> bool:
    """Lines typed at the first screen until the serial console says a word; False when it never does."""
    for line in lines:
        board.type(line + "\n")
        with contextlib.suppress(AssertionError):
            wait_until(lambda: heard in board.console(), LINE_S, 0.5)
            return True
    return False


def test_who_has_the_word_gets_in_and_reads_a_stick(tmp_path: Path, shop: recipe.Shop) -> None:
    word = tmp_path / "word"
    word.write_text(WORD)
    word.chmod(0o600)
    (tmp_path / "persistent").mkdir()
    (tmp_path / "persistent/console").write_bytes(passwords.hashed(word))
    door = Door(tmp_path, shop)
    door.board.plugged = [
        *("-device", "usb-kbd", "-drive", f"if=none,id=stick,format=raw,file={stick(tmp_path)}"),
        *("-device", "usb-storage,drive=stick"),
    ]
    try:
        door.board.start()
        door.board.says(READY)
        wait_until(lambda: "login:" in door.board.console(), 3 * MINUTE_S)
        said = "echo who is in: $(whoami) > /dev/console"
        assert not typed_and_heard(door.board, ["root", "open sesame 8", "", said, ""], "who is in: root")
        assert typed_and_heard(door.board, ["root", WORD, said, "root", WORD, said], "who is in: root")
        assert typed_and_heard(door.board, ["mount /dev/sda /mnt", "cat /mnt/note > /dev/console"], ON_THE_STICK)
    finally:
        door.board.kill()
        door.broker.kill()
