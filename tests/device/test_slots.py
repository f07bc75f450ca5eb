"""What the two systems of a card are asked and told through other programs: RAUC, systemd, and a file for the boot loader."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.errors import Failure, Mistake
from firmware.updating.slots import Slots, run, spare
from tests.device.rauc import Rauc, boots, slots, updater_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    with updater_folder() as made:
        yield made


def answering(code: int, out: str = "", err: str = "") -> Slots:
    return Slots(lambda words: subprocess.CompletedProcess(words, code, out, err))


def test_the_system_that_is_kept_starts_also_when_the_loader_forgets(folder: Path) -> None:
    """In place and of one length: on that file system it stays where it is, whatever is cut."""
    file = folder / "slots.txt"
    before = file.stat()
    for booted in ("B", "B", "A"):
        boots(folder, booted)
        slots(folder, Rauc()).keep()
        assert file.read_bytes() == spare(booted)
    assert (file.stat().st_ino, file.stat().st_size) == (before.st_ino, before.st_size)
    assert spare("A") != spare("B") and len(spare("A")) == len(spare("B"))


def test_a_file_for_the_loader_that_cannot_be_written_is_told(folder: Path) -> None:
    (folder / "slots.txt").unlink()
    slots(folder, Rauc()).keep()  # a loader that has none
    (folder / "slots.txt").mkdir()
    with pytest.raises(Failure, match=r"slots\.txt cannot be written"):
        slots(folder, Rauc()).keep()


@pytest.mark.parametrize("out", ["", "[]", "{}", '{"compatible":"x"}', "null"])
def test_a_bundle_that_names_no_model_or_version_is_refused(out: str, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="has no model or version"):
        answering(0, out).told_by(tmp_path / "it.raucb")


@pytest.mark.parametrize(("code", "out", "failed"), [(0, "7\n", 7), (0, "", 0), (0, "[no]", 0), (1, "7\n", 0)])
def test_failed_starts_are_what_systemd_counts_and_none_where_it_does_not_say(code: int, out: str, failed: int) -> None:
    assert answering(code, out).failed_starts() == failed


@pytest.mark.parametrize(
    ("code", "out", "refuses"), [(0, "2\n", True), (0, "1\n", False), (0, "", False), (1, "2\n", False)]
)
def test_a_firmware_that_refuses_its_site_is_told_from_one_that_fails(code: int, out: str, refuses: bool) -> None:
    assert answering(code, out).refuses_its_site() is refuses


def test_a_program_that_says_nothing_and_one_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"rauc ended with 3: it said nothing"):
        answering(3).install(tmp_path / "it.raucb")
    with pytest.raises(Failure, match=r"rauc ended with 3: cause; last"):
        answering(3, err="cause\n" + "last\n").give_up()
    with pytest.raises(Failure, match=r"no-such-rauc is not installed"):
        run(["no-such-rauc"])
    done = run(["sh", "-c", r"printf 'a\377'; exit 4"])
    assert (done.returncode, done.stdout) == (4, "a\ufffd")


def test_a_device_without_slots_says_what_it_is_not(tmp_path: Path) -> None:
    nowhere = Slots(Rauc(), tmp_path / "none", tmp_path / "none", tmp_path / "none")
    with pytest.raises(Failure, match="this is no device made by hallgate image"):
        nowhere.model()
    assert nowhere.booted() == ""
    (tmp_path / "none").write_text("[system]\n")
    assert (nowhere.model(), nowhere.booted()) == ("", "")
