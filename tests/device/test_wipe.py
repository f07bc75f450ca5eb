"""A device is taken out of its door: its rights are gone first, its journal is kept elsewhere, its card holds nothing."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware.__main__ import main
from firmware.journal import Writer
from firmware.verbs import wipe
from tests.device.bench import OFF, ON, ROOT, Bench, bench


def store_of(gate: Bench, folder: Path) -> Path:
    """The bench's door as it lies on a card."""
    store = folder / "persistent"
    (store / "site").mkdir(parents=True)
    for path in gate.folder.iterdir():
        if path.is_file() and not path.is_symlink():
            (store / "site" / path.name).write_bytes(path.read_bytes())
    (store / "site/entry-1.key").write_text("the device's own key")
    (store / "console").write_text("the hash of a password")
    (store / "update").mkdir()
    (store / "update/progress.json").write_text("{}")
    gate.state = store / "hallgate"
    return store


def wiped(store: Path, archive: Path, *words: str, name: str = "entry-1") -> tuple[int, dict[str, Any], str]:
    command = [sys.executable, "-m", "firmware", "wipe", "--store", str(store), "--archive", str(archive)]
    done = subprocess.run([*command, "--confirm", name, *words], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


def test_out_of_the_door_and_a_new_one_in(tmp_path: Path) -> None:
    archive = tmp_path / "entry-1.tar.gz"
    with bench(tmp_path / "gate") as gate:
        store = store_of(gate, tmp_path)
        gate.start()
        gate.scan(gate.booking())
        gate.relay.expect(ON)
        gate.relay.expect(OFF)
        code, _, said = wiped(store, archive)
        assert code == 1 and "another hallgate" in said, "never under a running firmware"
        gate.stop()
        code, _, said = wiped(store, archive)
        assert code == 1 and "hall's bank" in said
        code, _, said = wiped(store, archive, "--with-rights", name="entry-2")
        assert code == 2 and "nothing is wiped" in said and (store / "site/entry-1.key").exists()
        code, told, said = wiped(store, archive, "--with-rights")
        assert code == 0 and "enrol revoke entry-1" in said, said
        assert list(store.iterdir()) == []
        assert archive.stat().st_mode & 0o077 == 0
        with tarfile.open(archive) as tar:
            tar.extractall(tmp_path / "kept", filter="data")
        assert not list((tmp_path / "kept").rglob("*.key"))
        assert main(["replay", "--state", str(tmp_path / "kept")]) == 0
        gate.start()
        gate.stop()
        inc = json.loads((gate.state / "journal/identity.json").read_text())["inc"]
        assert inc.startswith("entry-1-") and inc != told["inc"], "the same name, another incarnation"


def test_a_door_without_rights_goes_without_a_word(tmp_path: Path) -> None:
    with bench(tmp_path / "gate", bank=False) as gate:
        store = store_of(gate, tmp_path)
        gate.start()
        gate.stop()
        (tmp_path / "there").write_text("mine")
        assert wiped(store, tmp_path / "there")[0] == 2
        assert wiped(store, tmp_path / "a.tar.gz")[1]["free_rights"] == 0


def test_wrong_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wipe", "--store", str(tmp_path), "--archive", str(tmp_path / "a")]) == 2
    assert "no device's state" in capsys.readouterr().err


class Cut(BaseException):
    """The power goes."""


def cut_after(count: int) -> Callable[[Path], None]:
    """Wipes `count` files, and not one more."""
    wiped_so_far = itertools.count()
    zero = wipe._zero

    def cut(file: Path) -> None:
        if next(wiped_so_far) == count:
            raise Cut
        zero(file)

    return cut


def test_a_wiping_that_was_cut_off_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a journal tells nobody whose it was; what was noted at its archiving does, and nothing is archived again."""
    with bench(tmp_path / "gate") as gate:
        store = store_of(gate, tmp_path)
        gate.start()
        gate.stop()
        whole = shutil.copytree(store, tmp_path / "whole")
    archive = tmp_path / "entry-1.tar.gz"
    words = ["wipe", "--store", str(store), "--archive", str(archive), "--with-rights", "--confirm"]
    for count in range(sum(path.is_file() for path in whole.rglob("*"))):
        archive.unlink(missing_ok=True)
        shutil.copytree(whole, store, dirs_exist_ok=True)
        with monkeypatch.context() as patch, pytest.raises(Cut):
            patch.setattr(wipe, "_zero", cut_after(count))
            main([*words, "entry-1"])
        kept = archive.read_bytes()
        assert main([*words, "another"]) == 2, "not without its name"
        assert main([*words, "entry-1"]) == 0
        assert list(store.iterdir()) == [] and archive.read_bytes() == kept


def test_a_door_that_never_ran(tmp_path: Path) -> None:
    with bench(tmp_path / "gate") as gate:
        store = store_of(gate, tmp_path)
        code, told, said = wiped(store, tmp_path / "a.tar.gz")
        assert (code, told["inc"], list(store.iterdir())) == (0, "", []), said


def test_a_journal_nobody_can_read(tmp_path: Path) -> None:
    """Of a later version: nobody knows its rights, so somebody has to say that they may go."""
    with bench(tmp_path / "gate") as gate:
        store = store_of(gate, tmp_path)
        gate.start()
        gate.stop()
        journal = Writer(gate.state, "entry-1", lambda: b"?", board="")
        journal.append(b"not of this version", 0, 0)
        journal.sync()
        journal.close()
        code, _, said = wiped(store, tmp_path / "a.tar.gz")
        assert code == 1 and "nobody knows its rights" in said
        code, told, said = wiped(store, tmp_path / "a.tar.gz", "--with-rights")
        assert (code, told["free_rights"], list(store.iterdir())) == (0, None, []), said
